"""The one place that opens SQLCipher: engines with the pragmas every vault database runs under."""

import shutil
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import sqlcipher3
from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.pool import QueuePool

from app.errors import EnvironmentFault, UserError
from app.services.damage import mark_damage, marked_damage
from app.services.locking import WRITING
from app.services.rows import driver

PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a commit survives a power cut
    "PRAGMA secure_delete = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 15000",
    "PRAGMA cache_size = -131072",  # 128 MiB: SQLCipher's default decrypts the same pages over and over
)
_CORRUPT, _NOT_A_DATABASE, _READ_ONLY, _INPUT_OUTPUT, _CANNOT_OPEN = 11, 26, 8, 10, 14  # SQLite's primary codes
DriverError = sqlcipher3.dbapi2.DatabaseError
"""What the driver raises, for those who must not know the driver."""
_HOW = "Unlock Rollcall again to have it rebuilt, or use rollcall vault rescue. What was saved is kept."
_LEAST_ROOM = 200_000
_LIVE = ("cases.db", "documents.db")


class VaultDamaged(UserError):
    """A database of the vault is missing, does not open with its key or cannot be read; it can be rebuilt.

    Attributes:
        name: of the file.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{message} {_HOW}")
        self.name = name


def is_damage(error: BaseException) -> bool:
    """Return whether a driver's error is about a file's damaged content, not about the disk or a lock."""
    return _code(error) in (_CORRUPT, _NOT_A_DATABASE)


def damage_in(error: BaseException, folder: Path, name: str = "cases.db") -> VaultDamaged | None:
    """Return what to raise instead of an error that a damaged page caused while people work, marking the vault.

    SQLCipher lets nothing more be written through a connection that has met one.

    Args:
        error: of the driver, or SQLAlchemy's around it.
        folder: of the vault.
        name: of the database.
    """
    original = getattr(error, "orig", None) or error
    if is_damage(original):
        mark_damage(folder, name)
    elif not (_code(original) == _READ_ONLY and marked_damage(folder)):
        return None
    return VaultDamaged(name, f"A part of {name} could not be read. Lock Rollcall.")


def fault_in(error: BaseException, folder: Path, name: str) -> VaultDamaged | EnvironmentFault | None:
    """Return what to raise instead of a driver's error about the file or the disk; None for any other.

    A full disk is told by whoever saves (see ``app.services.room``).
    """
    damaged = damage_in(error, folder, name)
    if damaged is not None:
        return damaged
    code = _code(getattr(error, "orig", None) or error)
    if code == _READ_ONLY:
        return EnvironmentFault(
            "The vault's folder cannot be written to, so this was not saved. What you typed is kept. Tell IT."
        )
    if code in (_INPUT_OUTPUT, _CANNOT_OPEN):
        return EnvironmentFault(
            "The laptop's disk reported an error, so this was not done. What was saved before and what you typed is "
            "kept. Try again. If it happens again, tell IT."
        )
    return None


def _code(error: BaseException) -> int:
    if not isinstance(error, sqlcipher3.dbapi2.DatabaseError):
        return 0
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


class _Connection(sqlcipher3.dbapi2.Connection):  # type: ignore[misc]  # the driver has no types
    """A driver's connection whose own ``execute`` (what saves use, see ``rows.py``) tells damage in words."""

    path: Path | None = None

    def execute(self, *arguments: Any) -> Any:
        try:
            return super().execute(*arguments)
        except DriverError as error:
            fault = fault_in(error, self.path.parent, self.path.name) if self.path is not None else None
            if fault is not None:
                raise fault from error
            raise


@cache
def _be_quiet() -> None:
    """Let SQLCipher write nothing on standard error, in this process: a damaged page is reported in words."""
    with closing(sqlcipher3.dbapi2.connect(":memory:")) as connection:
        connection.execute("PRAGMA cipher_log_level = NONE")


def connect(path: Path, key: bytes, *, pragmas: tuple[str, ...] = PRAGMAS) -> Any:
    """Return a driver's connection under a raw 256-bit key, in autocommit.

    Raises:
        VaultDamaged: the key does not open the file, or the file cannot be read.
        EnvironmentFault: another process or the disk is in the way.
    """
    connection = sqlcipher3.dbapi2.connect(
        str(path), isolation_level=None, check_same_thread=False, timeout=15, factory=_Connection
    )
    try:
        _be_quiet()
        connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        connection.execute("PRAGMA user_version").fetchone()  # reads the first page, so that a wrong key is told
        for pragma in pragmas:
            connection.execute(pragma)
        if path.name in _LIVE:
            connection.path = path  # from here on damage is met by people at work
    except sqlcipher3.dbapi2.DatabaseError as error:
        connection.close()
        raise _in_words(path, error) from error
    return connection


def _in_words(path: Path, error: Exception) -> Exception:
    if is_damage(error):
        if path.name in _LIVE:
            mark_damage(path.parent, path.name)
        return VaultDamaged(path.name, f"{path.name} is damaged or has another key. It is kept untouched.")
    words = str(error)
    if "locked" in words or "busy" in words:
        return EnvironmentFault("Another Rollcall is using this vault. Close it and try again.")
    if "readonly" in words or "read-only" in words or "read only" in words:
        return EnvironmentFault("The vault's folder cannot be written to. Ask your administrator. Nothing was changed.")
    if "full" in words or _no_room(path.parent):
        return EnvironmentFault("The disk is full. Make room and try again. Your records are kept.")
    return EnvironmentFault(f"The disk did not let {path.name} be opened. Try again. Nothing was changed.")


def _no_room(folder: Path) -> bool:
    """Return whether the disk has too little left for what SQLite writes beside a database to open it."""
    try:
        return shutil.disk_usage(folder).free < _LEAST_ROOM
    except OSError:
        return False


def open_engine(path: Path, key: bytes, *, create: bool = False) -> Engine:
    """Return an engine on an encrypted database under a raw 256-bit key, after a first connection.

    Args, raises: as :func:`engine_on`, at once rather than at the first query.
    """
    engine = engine_on(path, key, create=create)
    engine.raw_connection().close()
    return engine


def engine_on(path: Path, key: bytes, *, create: bool = False) -> Engine:
    """Return an engine on an encrypted database under a raw 256-bit key; nothing is opened yet.

    Args:
        path: the database file.
        key: 32 bytes; a raw key costs no key derivation.
        create: whether the file may be new.

    Raises:
        VaultDamaged: the file is not there; with the first connection, the key does not open it.
        EnvironmentFault: another process or the disk is in the way.
    """
    if not create and not path.exists():
        raise VaultDamaged(path.name, f"{path.name} is missing from the vault folder. Nothing was changed.")
    if create:
        path.touch(mode=0o600)  # before SQLite makes it for everybody to read; its log follows the file's mode
    dialect = _dialect()
    pool = _VaultPool(lambda: connect(path, key), pool_size=3, max_overflow=5, dialect=dialect)
    pool.live = path if path.name in _LIVE else None
    return _VaultEngine(pool, dialect, _ADDRESS, hide_parameters=True)


_ADDRESS = make_url("sqlite://")


class _VaultDialect(SQLiteDialect_pysqlite):
    supports_statement_cache = True


class _VaultEngine(Engine):
    pass


class _VaultPool(QueuePool):
    live: Path | None = None
    """The file, where people work in it."""


# Once for every vault: hanging them on each engine took longer than a question to the database.
@event.listens_for(_VaultEngine, "begin")
def _begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get(WRITING, False)
    driver(connection).execute("BEGIN IMMEDIATE" if writing else "BEGIN")


@event.listens_for(_VaultDialect, "handle_error")
def _tell_damage(context: ExceptionContext) -> None:
    live = context.engine.pool.live if context.engine and isinstance(context.engine.pool, _VaultPool) else None
    fault = fault_in(context.original_exception, live.parent, live.name) if live is not None else None
    if fault is not None:
        raise fault from context.original_exception


@cache
def _dialect() -> _VaultDialect:
    """Return the dialect of every vault, which has asked the driver all it wants to know.

    Asking that anew at every unlock took a third as long as opening the file.
    """
    dialect = _VaultDialect(dbapi=sqlcipher3.dbapi2)
    pool = QueuePool(lambda: sqlcipher3.dbapi2.connect(":memory:"), dialect=dialect)
    with Engine(pool, dialect, _ADDRESS).connect() as connection:
        dialect.initialize(connection)
    pool.dispose()
    return dialect


def open_copy(path: Path, key: bytes) -> Any:
    """Return a driver's connection on a copy that nobody writes to, read only; nothing is left beside the file.

    Raises:
        VaultDamaged: the key does not open the file, or the file cannot be read.
        EnvironmentFault: the disk is in the way.
    """
    address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    connection = sqlcipher3.dbapi2.connect(address, isolation_level=None, check_same_thread=False, uri=True)
    try:
        _be_quiet()
        connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlcipher3.dbapi2.DatabaseError as error:
        connection.close()
        raise _in_words(path, error) from error
    return connection
