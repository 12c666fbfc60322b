"""Backing the store up and putting it back, with PostgreSQL's own programs.

Everything a store knows is in its database: records, log, bytes of documents, who is let in, and its signing key. So
one ``pg_dump`` is a whole backup, and it must be kept as safely as the store. A base backup with its log
(``pg_basebackup``) is one too, and can be put back to any moment; after that ``rollcall-central restored`` is run, or
the store notices by itself when it starts on another timeline.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.central.database import bring_up_to_date, open_engine
from app.central.epochs import EpochBook
from app.errors import EnvironmentFault, UserError

_SECRET: Final = "password"
_HOURS: Final = 12


def dump(dsn: str, out: Path) -> None:
    """Write a backup of the whole database while it serves.

    Args:
        dsn: of the database.
        out: a new file; it is complete or not there.

    Raises:
        UserError: the file exists already.
        EnvironmentFault: pg_dump is not installed, or did not succeed.
    """
    if out.exists():
        raise UserError(f"{out.name} exists already. Choose another name. Nothing was backed up.")
    partly = out.with_name(out.name + ".part")
    try:
        # Its owner's alone from the first byte.
        os.close(os.open(partly, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        _run("pg_dump", dsn, "--format=custom", "--no-owner", "--no-privileges", f"--file={partly}")
        with partly.open("rb") as stream:
            os.fsync(stream.fileno())
        partly.replace(out)
    finally:
        partly.unlink(missing_ok=True)


def load(dsn: str, file: Path) -> int:
    """Put a backup back into an empty database, whole or not at all, and begin a new life of the store.

    Returns:
        The newest revision it has.

    Raises:
        UserError: there is no such file, or the database is not empty; nothing was changed.
        EnvironmentFault: pg_restore is not installed, or did not succeed; nothing was changed.
    """
    if not file.is_file():
        raise UserError(f"There is no file {file.name}. Nothing was changed.")
    engine = open_engine(dsn, pool=2)
    try:
        with engine.connect() as connection:
            tables = connection.exec_driver_sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").scalar()
        if tables:
            raise UserError("This database is not empty. Restore into a new one. Nothing was changed.")
        engine.dispose()
        _run("pg_restore", dsn, "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", str(file))
        bring_up_to_date(engine)
        return EpochBook(engine).begin()
    finally:
        engine.dispose()


def mark_restored(dsn: str) -> int:
    """Begin a new life of a store that was restored by other means; return its newest revision."""
    engine = open_engine(dsn, pool=2)
    try:
        bring_up_to_date(engine)
        return EpochBook(engine).begin()
    finally:
        engine.dispose()


def program(name: str, server: int) -> str:
    """Return the path of one of PostgreSQL's programs that is not older than a server.

    Looked for in ``ROLLCALL_PG_BIN``, then where the machine has programs, then beside the embedded PostgreSQL.

    Args:
        name: such as ``pg_dump``.
        server: the server's version, such as 16.

    Raises:
        EnvironmentFault: none is installed that is new enough.
    """
    from app.central.embedded import program_folder

    chosen = os.environ.get("ROLLCALL_PG_BIN")
    for place in (chosen and f"{chosen}/{name}", shutil.which(name), str(program_folder() / name)):
        if place and Path(place).is_file() and _version(place) >= server:
            return place
    raise EnvironmentFault(
        f"{name} of PostgreSQL {server} or later is not installed. Install PostgreSQL's client programs, or name their "
        "folder in ROLLCALL_PG_BIN. Nothing was done."
    )


def _version(place: str) -> int:
    said = subprocess.run([place, "--version"], capture_output=True, text=True, timeout=60, check=False).stdout
    found = re.search(r"\) (\d+)", said)
    return int(found.group(1)) if found else 0


def _server_version(dsn: str) -> int:
    engine = open_engine(dsn, pool=1)
    try:
        with engine.connect() as connection:
            return int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) // 10_000
    finally:
        engine.dispose()


def _run(name: str, dsn: str, *arguments: str) -> None:
    # A command line is for all to see; the environment is its owner's.
    settings: dict[str, Any] = dict(conninfo_to_dict(dsn.replace("postgresql+psycopg://", "postgresql://")))
    password = settings.pop(_SECRET, None)
    environment = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
    command = [program(name, _server_version(dsn)), f"--dbname={make_conninfo(**settings)}", *arguments]
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=_HOURS * 3600, check=False
    )
    if done.returncode != 0:
        # What it said may quote rows; the operator finds it in PostgreSQL's own log.
        raise EnvironmentFault(f"{name} did not succeed (status {done.returncode}). Look in PostgreSQL's log.")
