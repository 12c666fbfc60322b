"""The one place that opens SQLCipher: engines with the pragmas every vault database runs under."""

from pathlib import Path
from typing import Any

import sqlcipher3
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from app.errors import EnvironmentFault, UserError
from app.services.locking import WRITING
from app.services.rows import driver

PRAGMAS = (
    "PRAGMA cipher_log_level = NONE",  # a damaged page is reported in words, not by lines on standard error
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a commit survives a power cut
    "PRAGMA secure_delete = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 15000",
    "PRAGMA cache_size = -131072",  # 128 MiB: SQLCipher's default decrypts the same pages over and over
)


def open_engine(path: Path, key: bytes, *, create: bool = False) -> Engine:
    """Return an engine on an encrypted database under a raw 256-bit key.

    Args:
        path: the database file.
        key: 32 bytes; a raw key costs no key derivation.
        create: whether the file may be new.

    Raises:
        UserError: the file is not there, or the key does not open it.
    """
    if not create and not path.exists():
        raise UserError(f"{path.name} is missing from the vault folder. Restore it from a backup. Nothing was changed.")

    def connect() -> Any:
        connection = sqlcipher3.dbapi2.connect(str(path), isolation_level=None, check_same_thread=False, timeout=15)
        try:
            connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            for pragma in PRAGMAS:
                connection.execute(pragma)
        except sqlcipher3.dbapi2.DatabaseError as error:
            connection.close()
            if "locked" in str(error) or "busy" in str(error):
                raise EnvironmentFault("Another Rollcall is using this vault. Close it and try again.") from error
            raise UserError(
                f"{path.name} did not open with this vault's key. It is kept untouched. Restore it from a backup."
            ) from error
        return connection

    engine = create_engine(
        "sqlite://",
        module=sqlcipher3.dbapi2,
        creator=connect,
        poolclass=QueuePool,
        pool_size=3,
        max_overflow=5,
        hide_parameters=True,
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get(WRITING, False)
        driver(connection).execute("BEGIN IMMEDIATE" if writing else "BEGIN")

    # Fail now, with words, rather than at the first query.
    with engine.connect():
        pass
    return engine
