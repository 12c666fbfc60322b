"""A recorded vault is the migrated vault."""

from collections.abc import Callable
from typing import Any

from app.services.vault import Vault, migrate
from tests import quick_schema


def contents(vault: Vault) -> list[tuple[Any, ...]]:
    with vault.engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
        ).fetchall()
        tables = [row[1] for row in found if row[0] == "table" and not row[1].startswith("case_search_")]
        counts = [
            (name, connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar()) for name in sorted(tables)
        ]
        revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").fetchall()
    return [*map(tuple, found), *counts, *map(tuple, revision)]


def test_it_has_every_table_index_trigger_and_row(make_vault: Callable[..., Vault], monkeypatch: Any) -> None:
    make_vault("first")
    quick = contents(make_vault("recorded"))
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "bring_up_to_date", quick_schema.migrated)
        migrated = contents(make_vault("migrated"))
    assert len(quick) > 100
    assert quick == migrated
