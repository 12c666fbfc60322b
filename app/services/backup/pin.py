"""Holding both databases of a vault at one state while their files are copied and everybody goes on working.

How SQLite's write-ahead log allows it. A reader that began when the whole log had been carried over into the database
file reads that file alone, and until it ends nothing more is carried over: the file is still. A reader that began
earlier keeps a mark; the log is not begun anew, and nothing after the mark is carried over, until it ends.

So a reader is begun while nobody can write, and then the log's length and how much of it has been carried over are
asked. If all of it, the database file alone holds that state and stays still. If not (somebody reads an older state),
it is tried again; when that lasts, the file and exactly that many frames of the log hold the state together.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from app.errors import EnvironmentFault
from app.services.backup.words import KEPT

if TYPE_CHECKING:
    from pathlib import Path

    from app.services.vault.keys import DataKeys

SCHEMAS = {"cases.db": "main", "documents.db": "documents"}
COUNTED = {
    "cases.db": {
        "children": "child",
        "cases": "case",
        "events": "case_event",
        "documents": "document",
        "change_sets": "change_set",
    },
    "documents.db": {"contents": "content", "chunks": "chunk"},
}
_BUSY_MS = 200
"""How long the write locks are waited for at a time: short, so that nobody who holds one of the two and wants the other
waits for us."""
_PATIENCE_S = 20.0
_TRIES = 20
_PAUSE_S = 0.05
_ASKED, _ASK_S = 10, 0.005


@dataclass(frozen=True, slots=True)
class Facts:
    """What a state of the databases holds; goes into the manifest."""

    schema: str
    sequence: int
    audit_entries: int
    audit_head: str
    counts: dict[str, int] = field(default_factory=dict)


class Pinned:
    """Both databases at one state.

    Attributes:
        frames: for each database file how many frames of its log belong to the state beside the file; usually none.
    """

    def __init__(self, reader: Any, frames: dict[str, int]) -> None:
        self._reader = reader
        self.frames = frames

    def facts(self) -> Facts:
        """Read what the state holds."""
        return read_facts(self._reader)


@contextmanager
def pinned(engine: Engine, folder: "Path", keys: "DataKeys", *, tries: int = _TRIES) -> Iterator[Pinned]:
    """Hold the databases still.

    Args:
        engine: on ``cases.db``.
        folder: of the vault.
        keys: for ``documents.db``.
        tries: how often to ask for a state that the database files hold alone.

    Raises:
        EnvironmentFault: a database is missing, or somebody was writing all the time.
    """
    for name in SCHEMAS:
        if not (folder / name).is_file():  # attaching would make an empty one
            raise EnvironmentFault(f"{name} is missing from the vault's folder, so no backup was made. {KEPT}")
    with ExitStack() as stack:
        writer, reader, checkpointer = (stack.enter_context(_connection(engine, folder, keys)) for _ in range(3))
        locked = engine.dialect.loaded_dbapi.OperationalError
        for left in reversed(range(tries)):
            for schema in SCHEMAS.values():  # most of the log, before anybody has to wait
                checkpointer.execute(f"PRAGMA {schema}.wal_checkpoint(PASSIVE)").fetchone()
            _begin_writing(writer, locked)
            try:
                frames = _begin_reading(reader, checkpointer)
            finally:
                writer.execute("ROLLBACK")
            # In the second half of the tries a state that is partly in the log will do: it is copied with its log.
            if frames is not None and (left <= tries // 2 or not any(frames.values())):
                break
            reader.execute("ROLLBACK")
            time.sleep(_PAUSE_S)
        else:
            raise EnvironmentFault(f"The vault was busy, so no backup was made. It is tried again later. {KEPT}")
        try:
            yield Pinned(reader, frames)
        finally:
            reader.execute("ROLLBACK")


def _begin_writing(writer: Any, locked: type[Exception]) -> None:
    ends = time.monotonic() + _PATIENCE_S
    while True:
        try:
            writer.execute("BEGIN IMMEDIATE")  # of both: they are attached
        except locked:
            if time.monotonic() > ends:
                raise EnvironmentFault(
                    f"Something is being saved all the time, so no backup was made. It is tried again later. {KEPT}"
                ) from None
            time.sleep(_PAUSE_S)
        else:
            return


def _begin_reading(reader: Any, checkpointer: Any) -> dict[str, int] | None:
    """Begin the reader and return how many frames belong to its state beside each file; None when it is not known."""
    reader.execute("BEGIN")
    for schema in SCHEMAS.values():
        reader.execute(f"SELECT count(*) FROM {schema}.sqlite_master").fetchone()
    frames = {}
    for name, schema in SCHEMAS.items():
        for _ in range(_ASKED):
            _busy, in_log, carried_over = checkpointer.execute(f"PRAGMA {schema}.wal_checkpoint(PASSIVE)").fetchone()
            if in_log >= 0 and carried_over >= 0:
                break
            time.sleep(_ASK_S)  # another checkpoint is under way
        else:
            return None
        frames[name] = in_log if carried_over < in_log else 0
    return frames


def _own(engine: Engine) -> tuple[Any, Any]:
    """Return a connection that is closed afterwards, not handed to somebody who knows of no second database."""
    fairy = engine.raw_connection()
    connection: Any = fairy.dbapi_connection
    fairy.detach()
    return fairy, connection


@contextmanager
def _connection(engine: Engine, folder: "Path", keys: "DataKeys") -> Iterator[Any]:
    fairy, connection = _own(engine)
    try:
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        connection.execute("ATTACH DATABASE ? AS documents KEY ?", (str(folder / "documents.db"), raw(keys.documents)))
        yield connection
    finally:
        with suppress(Exception):
            connection.rollback()
        fairy.close()


def fold(engine: Engine, copy: "Path", key: bytes) -> None:
    """Carry a copied log over into its copied database and remove the log."""
    fairy, connection = _own(engine)
    try:
        connection.execute("ATTACH DATABASE ? AS folded KEY ?", (str(copy), raw(key)))
        connection.execute("SELECT count(*) FROM folded.sqlite_master").fetchone()
        connection.execute("PRAGMA folded.wal_checkpoint(TRUNCATE)").fetchone()
        connection.execute("DETACH DATABASE folded")
    finally:
        fairy.close()


def raw(key: bytes) -> str:
    """Return a raw key as SQLCipher takes it."""
    return f"x'{key.hex()}'"


def read_facts(connection: Any, schemas: dict[str, str] = SCHEMAS) -> Facts:
    """Return what the databases of a connection hold.

    Args:
        connection: a driver's.
        schemas: under which name it has each database; one that it has not is not asked.
    """
    counts: dict[str, int] = {}
    facts = Facts("", 0, 0, "", counts)
    for name, schema in schemas.items():
        listed = connection.execute(f"SELECT name FROM {schema}.sqlite_master WHERE type = 'table'")
        tables = {table for (table,) in listed}
        for what, table in COUNTED[name].items():
            if table in tables:
                counts[what] = int(_one(connection, f'SELECT count(*) FROM {schema}."{table}"'))
        if name == "cases.db":
            facts = _ends(connection, schema, tables, counts)
    return facts


def _ends(connection: Any, schema: str, tables: set[str], counts: dict[str, int]) -> Facts:
    last = None
    if "audit_entry" in tables:
        statement = f"SELECT sequence, hash FROM {schema}.audit_entry ORDER BY sequence DESC LIMIT 1"
        last = connection.execute(statement).fetchone()
    sequence = 0
    if {"change_set", "device_key"} <= tables:
        own = f"SELECT device_id FROM {schema}.device_key"
        sequence = int(
            _one(connection, f"SELECT max(sequence) FROM {schema}.change_set WHERE device_id IN ({own})") or 0
        )
    revision = (
        _one(connection, f"SELECT version_num FROM {schema}.alembic_version") if "alembic_version" in tables else ""
    )
    return Facts(
        schema=str(revision or ""),
        sequence=sequence,
        audit_entries=int(last[0]) if last else 0,
        audit_head=bytes(last[1]).hex() if last else "",
        counts=counts,
    )


def _one(connection: Any, statement: str) -> Any:
    row = connection.execute(statement).fetchone()
    return row[0] if row else None
