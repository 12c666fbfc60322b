"""The central store's connections to PostgreSQL, and bringing its schema to this version while it serves.

**Connections.** Any PostgreSQL 15 or later by DSN, several hosts too (``postgresql://a:5432,b:5432/rollcall?
target_session_attrs=read-write``): when a primary is lost, new connections find the one that was promoted. A connection
is tried before it is used; one to a server that went away or became read-only is thrown away with all the others.
``synchronous_commit`` is never lowered: where a role or a server has it off, it is switched on, so that an acknowledged
change set is on disk (and on the synchronous standby where there is one) before its receipt leaves.

**Migrations are online.** Processes of the version before go on serving while a migration runs and after it, until
they are replaced. So every migration follows these rules, and a test reads them all:

* *Expand*: add tables, add columns that are nullable or have a constant default, add indexes on new tables. What the
  version before does not know of must not stop its writes: no new NOT NULL without a default, no new foreign key or
  check on a table that it writes to, unless it is added NOT VALID.
* *Contract* a version later: only what no version in use reads or writes is dropped or renamed. A migration that does
  so says ``contracts = "0001"`` (the last version of the program that still used it).
* Rows are rewritten in pieces by the program, not by a migration. An index on a large table is built CONCURRENTLY by
  the program afterwards.
* A lock is waited for no longer than :data:`LOCK_SECONDS`: who waits for an exclusive lock stops everybody who comes
  after. A migration that does not get it undoes itself whole and tries again, :data:`TRIES` times.
* One process migrates at a time (an advisory lock); a second one waits and then finds nothing left to do.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL, Engine, NullPool, create_engine, event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.errors import EnvironmentFault, UserError

NEWEST = "c0008"
"""The newest revision in app/central/migrations/versions; a test keeps it true."""
POOL = 10
LOCK_SECONDS = 4
TRIES = 8
CONNECT_SECONDS = 10
STATEMENT_SECONDS = 120
_VERSION_TABLE = "alembic_version_central"
_MIGRATION_LOCK = 0x526F6C6C
_AWAY_CLASSES = ("08", "53", "57", "58")
"""SQLSTATE classes: connection, out of resources, stopped by an operator (also starting up), the system under it."""
_READ_ONLY = "25006"
_TRY_AGAIN = frozenset({"40001", "40P01", "55P03", _READ_ONLY})
"""Serialisation failure, deadlock, lock not available, and a server that was primary a moment ago."""
_KEEPALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""A server whose machine is gone, rather than stopped, is noticed within half a minute."""


def open_engine(dsn: str, *, pool: int = POOL) -> Engine:
    """Return an engine on a PostgreSQL database.

    Args:
        dsn: a libpq URL, ``postgresql://...``; several hosts may be named.
        pool: the most connections that are kept, and as many again may be opened for a moment.

    Raises:
        UserError: the DSN is not PostgreSQL's.
        EnvironmentFault: the database does not answer.
    """
    engine = create_engine(
        database_url(dsn),
        pool_size=pool,
        max_overflow=pool,
        pool_timeout=15,
        pool_pre_ping=True,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args=_connect_args(f"-c timezone=UTC -c statement_timeout={STATEMENT_SECONDS * 1000}"),
    )
    event.listen(engine, "connect", _keep_commits_synchronous)
    event.listen(engine, "handle_error", _notice_lost_primary)
    try:
        with engine.connect():
            pass
    except OperationalError as error:
        engine.dispose()
        raise EnvironmentFault(
            "The database does not answer. Check that PostgreSQL runs and the DSN is right."
        ) from error
    return engine


def database_url(dsn: str) -> URL:
    """Return a DSN as SQLAlchemy takes it.

    Raises:
        UserError: it is not PostgreSQL's.
    """
    from sqlalchemy.engine import make_url

    scheme, _, rest = dsn.partition("://")
    if scheme not in ("postgresql", "postgres", "postgresql+psycopg") or not rest:
        raise UserError("The DSN must start with postgresql://. Nothing was changed.")
    if "," not in rest.partition("/")[0]:
        return make_url(f"postgresql+psycopg://{rest}")
    try:
        parts: dict[str, Any] = dict(conninfo_to_dict(f"postgresql://{rest}"))
    except Exception as error:
        raise UserError("The DSN cannot be read. Nothing was changed.") from error
    hosts = str(parts.pop("host", "")).split(",")
    ports = str(parts.pop("port", "")).split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    where = tuple(f"{host}:{port or 5432}" for host, port in zip(hosts, ports, strict=True))
    user, password, name = (parts.pop(key, None) for key in ("user", "password", "dbname"))
    query = {"host": where, **{key: str(value) for key, value in parts.items()}}
    return URL.create("postgresql+psycopg", user, password, database=name, query=query)


def is_away(error: BaseException) -> bool:
    """Return whether an error means that the database is away or busy, so that the same request may succeed later."""
    if isinstance(error, PoolTimeoutError | OperationalError | InterfaceError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or state.startswith(_AWAY_CLASSES) or state in _TRY_AGAIN


def _connect_args(options: str) -> dict[str, Any]:
    return {"connect_timeout": CONNECT_SECONDS, "options": options, "application_name": "rollcall", **_KEEPALIVE}


def _keep_commits_synchronous(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false) "
            "WHERE current_setting('synchronous_commit') IN ('off', 'local')"
        )
    connection.commit()


def _notice_lost_primary(context: ExceptionContext) -> None:
    """Throw every connection away when one turns out to lead to a server that only reads, or that is stopping."""
    state = getattr(context.original_exception, "sqlstate", None) or ""
    if state == _READ_ONLY or state.startswith("57P"):
        context.is_disconnect = True


# -- migrations ------------------------------------------------------------------------------------------------------


def bring_up_to_date(engine: Engine) -> None:
    """Create or migrate both parts of the schema, the synced tables and the central store's own, while others serve.

    Raises:
        UserError: the store was written by a newer Rollcall.
        EnvironmentFault: a table was in use for too long each time; nothing was changed.
    """
    if not pending(engine):
        return
    for attempt in range(TRIES):
        try:
            with _migrating(engine) as own:
                _migrate(own)
            return
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in ("55P03", "40P01"):
                raise
        # Others had the table: let them finish, then try again from the start.
        time.sleep(random.uniform(0.2, 0.6) * (attempt + 1))
    raise EnvironmentFault(
        "A table is in use for too long to migrate it. Nothing was changed. Try again at a quieter time."
    )


def pending(engine: Engine) -> list[str]:
    """Return the revisions that a migration would apply, in order; empty when the schema is up to date.

    Raises:
        UserError: the store was written by a newer Rollcall.
    """
    from app.services.vault import migrate

    if migrate.stored_revision(engine) == migrate.NEWEST and _stored_revision(engine) == NEWEST:
        return []
    own = _own_scripts()
    synced = _synced_scripts()
    return [*_after(synced, migrate.stored_revision(engine)), *_after(own, _stored_revision(engine))]


def schema(engine: Engine) -> tuple[str | None, str | None]:
    """Return the revisions the database is at: the synced tables', and the central store's own."""
    from app.services.vault.migrate import stored_revision

    return stored_revision(engine), _stored_revision(engine)


@contextmanager
def _migrating(engine: Engine) -> Iterator[Engine]:
    """Yield an engine whose sessions wait for no lock for long, while no other process migrates."""
    options = f"-c timezone=UTC -c lock_timeout={int(LOCK_SECONDS * 1000)} -c statement_timeout=0"
    own = create_engine(engine.url, poolclass=NullPool, hide_parameters=True, connect_args=_connect_args(options))
    try:
        with own.connect() as holder:
            # Taken without the limit: who migrates now may take its time, and then nothing is left to do.
            holder.execute(text("SET lock_timeout = 0"))
            holder.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
            holder.commit()
            yield own
    finally:
        own.dispose()


def _migrate(engine: Engine) -> None:
    from alembic import command

    from app.services.vault.migrate import bring_up_to_date as bring_synced_tables_up_to_date

    bring_synced_tables_up_to_date(engine, "central")
    if _stored_revision(engine) == NEWEST:
        return
    config = _config(_own_scripts())
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        config.attributes["version_table"] = _VERSION_TABLE
        command.upgrade(config, "head")
        connection.commit()


def _config(folder: Path) -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    return config


def _own_scripts() -> Path:
    return Path(__file__).resolve().parent / "migrations"


def _synced_scripts() -> Path:
    from app.services.vault import migrate

    return Path(migrate.__file__).resolve().parents[2] / "models" / "migrations"


def _after(folder: Path, current: str | None) -> list[str]:
    from alembic.script import ScriptDirectory

    chain = [script.revision for script in ScriptDirectory.from_config(_config(folder)).walk_revisions()][::-1]
    if current is None:
        return chain
    if current not in chain:
        raise UserError("This central store was written by a newer Rollcall. Update it. Nothing was changed.")
    return chain[chain.index(current) + 1 :]


def _stored_revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if connection.execute(text("SELECT to_regclass(:name)"), {"name": _VERSION_TABLE}).scalar() is None:
            return None
        found = connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()
        return str(found) if found else None
