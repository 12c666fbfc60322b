"""Bringing a store's tables to this version: one Alembic chain serves vault and central store."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, inspect, text

from app.errors import UserError
from app.services.vault.database import DriverError, VaultDamaged

NEWEST = "0007"
"""The newest revision in app/models/migrations/versions; a test keeps it true."""


def stored_revision(engine: Engine) -> str | None:
    """Return the revision a store is at, or None for an empty one."""
    if engine.dialect.name != "sqlite":
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    pooled = engine.raw_connection()
    try:
        return revision_in(pooled.dbapi_connection)
    finally:
        pooled.close()


def revision_in(bare: Any) -> str | None:
    """Return the revision a vault's database is at, by one small question to the driver: it is asked at every unlock.

    Args:
        bare: the driver's connection.
    """
    try:
        row = bare.execute("SELECT version_num FROM alembic_version").fetchone()
    except (DriverError, sqlite3.DatabaseError) as error:
        if "no such table" in str(error):
            return None
        raise
    return str(row[0]) if row else None


def bring_up_to_date(
    engine: Engine, store: str, *, new: bool = True, before: Callable[[], object] | None = None
) -> None:
    """Migrate a store to the newest revision; does nothing (and imports nothing) when it is already there.

    Args:
        engine: an engine on the store.
        store: ``vault`` or ``central``; decides which tables beside the synced ones exist.
        new: whether it may be empty: a vault's database that has lost its tables is damaged, not new.
        before: called before a store that holds records is changed: to back it up.

    Raises:
        VaultDamaged: it is empty and may not be.
        UserError: the store was written by a newer Rollcall.
    """
    current = stored_revision(engine)
    if current == NEWEST:
        return
    if current is None and not new:
        raise VaultDamaged("cases.db", "cases.db has lost its contents. It is kept untouched.")
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).resolve().parents[2] / "models" / "migrations"))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise UserError("This vault was written by a newer Rollcall. Update Rollcall to open it. Nothing was changed.")
    if current is not None and before is not None:
        before()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        config.attributes["store"] = store
        command.upgrade(config, "head")
        connection.commit()
