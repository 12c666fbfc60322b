"""Working on copies: a damaged database is copied, put right as far as its own codes allow, and judged."""

import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import EnvironmentFault, RollcallError
from app.services.rescue.mend import mend
from app.services.rescue.set_aside import TAILS
from app.services.vault import pages
from app.services.vault.database import DriverError, VaultDamaged, connect, open_copy

WORKING = ".rebuilding"
READY = ".rebuilt"
TABLES = {"cases.db": "alembic_version", "documents.db": ""}
"""A table that every database of the kind has; ``documents.db`` has none before the first document."""
QUIET = ("PRAGMA synchronous = FULL", "PRAGMA temp_store = MEMORY")
_FINDINGS = 20


@dataclass(frozen=True, slots=True)
class Judged:
    """What is the matter with a database file.

    Attributes:
        wrong: in words without a full stop; empty when it is sound.
        pages: numbers of pages that are not what was written.
    """

    wrong: str
    pages: tuple[int, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing is the matter."""
        return not self.wrong


def judge(path: Path, key: bytes, table: str, *, step: pages.Step | None = None) -> Judged:
    """Say what is the matter with a database that nobody in this process has open.

    A file with a damaged page is not opened, so that it stays as it is.

    Args:
        path: the file; its log belongs to it.
        key: raw.
        table: one that it must have; an empty text for none.
        step: told of bytes.

    Raises:
        EnvironmentFault: another process or the disk is in the way.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return Judged("the file was missing")
    if size < pages.PAGE:
        return Judged("the file was cut short")
    try:
        with path.open("rb") as stream:
            found = set(pages.damaged_pages(pages.reader(stream.fileno()), size, key, step=step))
        damaged = tuple(sorted(found - pages.in_log(path.with_name(f"{path.name}-wal"))))
    except OSError as error:
        raise EnvironmentFault(f"The disk did not let {path.name} be read. Nothing was changed.") from error
    if damaged:
        return Judged(_pages_words(damaged, -(-size // pages.PAGE)), damaged)
    return Judged(_opened(path, key, table))


def mended_copy(source: Path, target: Path, key: bytes, table: str) -> Judged:
    """Copy a damaged database and put right what its own codes prove; the log is carried over.

    Returns:
        What is still the matter with the copy.

    Raises:
        OSError: the disk is full or in the way.
        EnvironmentFault: the same, told by SQLite.
    """
    remove(target)
    shutil.copyfile(source, target)
    log = source.with_name(f"{source.name}-wal")
    if log.exists():
        shutil.copyfile(log, target.with_name(f"{target.name}-wal"))
    found = judge(target, key, table)
    if found.pages:
        mend(target, key, found.pages)
        # What the log holds anew need not be right in the file.
        with suppress(RollcallError, DriverError):
            close_log(target, key)
        found = judge(target, key, table)
    return found


def close_log(path: Path, key: bytes) -> None:
    """Carry a database's log over into its file, so that the file stands alone."""
    with closing(connect(path, key, pragmas=QUIET)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        connection.execute("PRAGMA journal_mode = DELETE").fetchone()


def remove(path: Path) -> None:
    """Remove a copy of our own, with its log."""
    for tail in TAILS:
        path.with_name(f"{path.name}{tail}").unlink(missing_ok=True)


def quietly(connection: Any, statement: str, parameters: tuple[Any, ...] = ()) -> list[Any]:
    """Return the rows of a question to a damaged database, or none where it cannot be answered."""
    try:
        return list(connection.execute(statement, parameters))
    except DriverError:
        return []


def words_of(progress: Callable[[str], None] | None, words: str) -> pages.Step | None:
    """Return what tells a person how much of a file is read."""
    if progress is None:
        return None
    say = progress
    return lambda done, total: say(f"{words}: {100 * done // max(total, 1)} %")


def _opened(path: Path, key: bytes, table: str) -> str:
    """Return what is the matter with a file whose pages are all authentic."""
    log = path.with_name(f"{path.name}-wal")
    logged = log.exists() and log.stat().st_size > 0
    try:
        # Without a log nothing has to be written to look at a file: a full or read-only disk lets that be done.
        opened = connect(path, key, pragmas=QUIET) if logged else open_copy(path, key)
        with closing(opened) as connection:
            findings = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({_FINDINGS})")]
            if findings != ["ok"]:
                return "its structure was damaged"
            found = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", (table,)).fetchone()
            if table and not found[0]:
                return "its tables were missing"
    except VaultDamaged:
        return "it was cut short or damaged and did not open"
    except DriverError:
        return "its structure was damaged"
    return ""


def _pages_words(damaged: tuple[int, ...], total: int) -> str:
    if len(damaged) == total:
        return "no page could be read with this vault's key"
    return f"{len(damaged):,} of {total:,} pages {'was' if len(damaged) == 1 else 'were'} damaged"
