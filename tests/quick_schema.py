"""A new vault's tables from a recording instead of from seven migrations: a test makes several vaults.

The first vault of a run is migrated as everybody's is, and what the migrations left is written down; each later empty
database is given the same statements. ``test_quick_schema.py`` keeps the two equal.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine

from app.services.vault import migrate

migrated = migrate.bring_up_to_date
"""The migrations themselves."""


@dataclass(slots=True)
class Recording:
    """What the migrations of an empty vault leave: statements in their order, and the rows of each filled table."""

    statements: list[str] = field(default_factory=list)
    rows: list[tuple[str, list[tuple[Any, ...]]]] = field(default_factory=list)


def bring_up_to_date(
    engine: Engine, store: str, *, new: bool = True, before: Callable[[], object] | None = None
) -> None:
    """As `app.services.vault.migrate.bring_up_to_date`, quicker for an empty vault after the first."""
    if engine.dialect.name != "sqlite" or not new or migrate.stored_revision(engine) is not None:
        migrated(engine, store, new=new, before=before)
    elif store in _recorded:
        _on_driver(engine, lambda bare: _replay(bare, _recorded[store]))
    else:
        migrated(engine, store, new=new, before=before)
        _on_driver(engine, lambda bare: _recorded.__setitem__(store, _record(bare)))


_recorded: dict[str, Recording] = {}


def _on_driver(engine: Engine, work: Callable[[Any], object]) -> None:
    pooled = engine.raw_connection()
    try:
        work(pooled.dbapi_connection)
    finally:
        pooled.close()


def _record(bare: Any) -> Recording:
    made = bare.execute(
        "SELECT m.name, m.sql FROM sqlite_master m"
        " LEFT JOIN pragma_table_list l ON l.name = m.name AND m.type = 'table'"
        " WHERE m.sql IS NOT NULL AND m.name NOT LIKE 'sqlite~_%' ESCAPE '~' AND coalesce(l.type, '') <> 'shadow'"
        " ORDER BY m.rowid"
    ).fetchall()
    plain = bare.execute(
        "SELECT name FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
    ).fetchall()
    recording = Recording([sql for _, sql in made])
    for (name,) in plain:
        if rows := bare.execute(f'SELECT * FROM "{name}"').fetchall():
            recording.rows.append((name, rows))
    return recording


def _replay(bare: Any, recording: Recording) -> None:
    bare.execute("BEGIN IMMEDIATE")
    for statement in recording.statements:
        bare.execute(statement)
    for name, rows in recording.rows:
        places = ", ".join("?" * len(rows[0]))
        bare.executemany(f'INSERT INTO "{name}" VALUES ({places})', rows)
    bare.execute("COMMIT")
