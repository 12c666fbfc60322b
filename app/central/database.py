"""The central store's engine, and bringing its schema to this version."""

from pathlib import Path

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from app.errors import EnvironmentFault, UserError

NEWEST = "c0007"
"""The newest revision in app/central/migrations/versions; a test keeps it true."""
_VERSION_TABLE = "alembic_version_central"


def open_engine(dsn: str) -> Engine:
    """Return an engine on a PostgreSQL database.

    Args:
        dsn: a libpq URL, ``postgresql://...``.

    Raises:
        UserError: the DSN is not PostgreSQL's.
        EnvironmentFault: the database does not answer.
    """
    scheme, _, rest = dsn.partition("://")
    if scheme not in ("postgresql", "postgres", "postgresql+psycopg") or not rest:
        raise UserError("The DSN must start with postgresql://. Nothing was changed.")
    engine = create_engine(
        f"postgresql+psycopg://{rest}",
        pool_size=10,
        max_overflow=10,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": 10, "options": "-c timezone=UTC -c statement_timeout=120000"},
    )
    try:
        with engine.connect():
            pass
    except OperationalError as error:
        engine.dispose()
        raise EnvironmentFault(
            "The database does not answer. Check that PostgreSQL runs and the DSN is right."
        ) from error
    return engine


def bring_up_to_date(engine: Engine) -> None:
    """Create or migrate both parts of the schema: the synced tables and the central store's own.

    Raises:
        UserError: the store was written by a newer Rollcall.
    """
    from app.services.vault.migrate import bring_up_to_date as bring_synced_tables_up_to_date

    bring_synced_tables_up_to_date(engine, "central")
    if _stored_revision(engine) == NEWEST:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).resolve().parent / "migrations"))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if (current := _stored_revision(engine)) is not None and current not in known:
        raise UserError("This central store was written by a newer Rollcall. Update it. Nothing was changed.")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        config.attributes["version_table"] = _VERSION_TABLE
        command.upgrade(config, "head")
        connection.commit()


def _stored_revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if connection.execute(text("SELECT to_regclass(:name)"), {"name": _VERSION_TABLE}).scalar() is None:
            return None
        found = connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()
        return str(found) if found else None
