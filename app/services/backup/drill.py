"""The restore drill: the newest backup is opened and read to its last page, without touching it, and compared."""

import time as clock
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from app.errors import EnvironmentFault, UserError
from app.logs import get_logger
from app.services.backup import facts, files, pin
from app.services.backup.files import Cancelled
from app.services.backup.listing import Backup, backups_folder, list_backups, verify_backup
from app.services.backup.manifest import KEY_FILES, Manifest
from app.services.backup.words import BackupDamaged
from app.services.journal import AUDIT_BACKED_UP
from app.timesource import TimeSource

if TYPE_CHECKING:
    from app.services.vault.keys import DataKeys

MOST_IN_MEMORY = 256 * 1024 * 1024
"""A ``cases.db`` up to this size is restored whole into memory; a larger one is read page by page where it lies."""
_STEPS = 20_000
"""SQLite's own steps between two questions whether the drill was cancelled."""
Progress = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class Opening:
    """How a copy is opened: given by whoever knows the vault.

    Attributes:
        database: returns a driver's connection on a file that nobody changes, read only, leaving nothing beside it.
        is_ours: whether a ``vault.json`` is one that the present keys sealed.
    """

    database: Callable[[Path, bytes], Any]
    is_ours: Callable[[Path], bool]


@dataclass(frozen=True, slots=True)
class DrillReport:
    """What a drill found.

    Attributes:
        name: of the backup.
        made_at: when that backup was made, UTC.
        at: when the drill ended, UTC.
        seconds: how long it took.
        ok: whether everything was in order.
        words: what was wrong, or that all is in order.
        records: how many records of the most important tables were read.
    """

    name: str
    made_at: datetime
    at: datetime
    seconds: float
    ok: bool
    words: str
    records: int = 0


def drill(
    folder: Path,
    keys: "DataKeys",
    engine: Engine,
    opening: Opening,
    *,
    time: TimeSource,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> DrillReport:
    """Restore the newest backup into scratch memory and compare it with what its manifest promises.

    Every file is hashed, every page's authentication code and structure is checked, ``cases.db`` is rebuilt in memory
    row by row, and its counts, newest change set and audit head are compared. The result is remembered in the vault.

    Args:
        folder: of the vault.
        keys: the data keys.
        engine: on ``cases.db``, for remembering.
        opening: how copies are opened.
        time: the clock.
        progress: told how many bytes of how many are hashed.
        cancelled: asked all the time.

    Raises:
        UserError: there is no backup yet.
        Stopped: it was cancelled; nothing is remembered.
    """
    place = backups_folder(folder)
    newest = next(iter(list_backups(folder, keys)), None)
    if newest is None:
        raise UserError("There is no backup to try yet. Make one first.")
    turn = files.Turn(place)
    if not turn.take():
        raise EnvironmentFault("A backup is being made or tried already. Wait until it is done.")
    started = clock.perf_counter()
    try:
        words = _faults(newest, keys, opening, engine.dialect.loaded_dbapi.Error, progress, cancelled)
    finally:
        turn.give_back()
    report = DrillReport(
        name=newest.name,
        made_at=newest.made_at,
        at=time.now(),
        seconds=round(clock.perf_counter() - started, 1),
        ok=not words,
        words=words or "Every byte, page and count is as it was.",
        records=sum(newest.manifest.counts.values()),
    )
    remember(engine, report, newest.manifest.audit_entries)
    get_logger().info("drill", state="ok" if report.ok else "failed", seconds=report.seconds, size=newest.size)
    return report


def remember(engine: Engine, report: DrillReport, audit_entries: int) -> None:
    """Write a drill's result into the vault.

    Args:
        engine: on ``cases.db``.
        report: what it found.
        audit_entries: how many entries of the audit chain the backup holds.
    """
    stored = {**asdict(report), "made_at": report.made_at.isoformat(), "at": report.at.isoformat()}
    facts.put(engine, facts.DRILL, stored)
    if report.ok:
        facts.put(engine, facts.PROVEN, stored)
        # What a proven backup holds of the audit chain the lifeboat need not: it stays until another is proven.
        facts.put_text(engine, AUDIT_BACKED_UP, str(audit_entries))


def last_drill(engine: Engine) -> DrillReport | None:
    """Return the last drill's result."""
    return _stored(engine, facts.DRILL)


def last_proven(engine: Engine) -> DrillReport | None:
    """Return the last drill that found everything in order."""
    return _stored(engine, facts.PROVEN)


def _stored(engine: Engine, name: str) -> DrillReport | None:
    found = facts.get(engine, name)
    at, made_at = facts.instant(found.get("at")), facts.instant(found.get("made_at"))
    if at is None or made_at is None:
        return None
    with suppress(TypeError):
        return DrillReport(**{**found, "at": at, "made_at": made_at})
    return None


def _faults(
    newest: Backup,
    keys: "DataKeys",
    opening: Opening,
    errors: type[Exception],
    progress: Progress | None,
    cancelled: Cancelled | None,
) -> str:
    """Return what is wrong with a backup, in words; an empty text when nothing is."""
    try:
        verify_backup(newest.folder, keys, progress=progress, cancelled=cancelled)
    except BackupDamaged as damaged:
        return damaged.message
    if not any(opening.is_ours(newest.folder / name) for name in KEY_FILES):
        return f"vault.json of {newest.name} is damaged or of other keys."
    for name, key, read in (("cases.db", keys.cases, _cases), ("documents.db", keys.documents, _documents)):
        files.stop_if(cancelled)
        try:
            with closing(opening.database(newest.folder / name, key)) as connection:
                _let_stop(connection, cancelled)
                if _first(connection, "PRAGMA cipher_integrity_check"):
                    return f"A page of {name} of {newest.name} is damaged."
                wrong = read(connection, newest)
        except (UserError, errors) as error:
            files.stop_if(cancelled)  # an interrupted statement is an error too
            get_logger().warning("drill could not read", exc=error)
            return f"{name} of {newest.name} does not open."
        if wrong:
            return wrong
    return ""


def _cases(connection: Any, newest: Backup) -> str:
    schema = "main"
    entry = newest.manifest.entry("cases.db")
    if entry is not None and entry.size <= MOST_IN_MEMORY:
        connection.execute("ATTACH DATABASE ':memory:' AS restored KEY ''")
        connection.execute("SELECT sqlcipher_export('restored')").fetchall()
        schema = "restored"
    if _first(connection, f"PRAGMA {schema}.integrity_check(1)") != "ok":
        return f"cases.db of {newest.name} is not in order."
    return _compared(newest.manifest, pin.read_facts(connection, {"cases.db": schema}), newest.name)


def _documents(connection: Any, newest: Backup) -> str:
    if _first(connection, "PRAGMA quick_check(1)") != "ok":
        return f"documents.db of {newest.name} is not in order."
    return _compared(newest.manifest, pin.read_facts(connection, {"documents.db": "main"}), newest.name)


def _let_stop(connection: Any, cancelled: Cancelled | None) -> None:
    if cancelled is not None:
        connection.set_progress_handler(lambda: 1 if cancelled() else 0, _STEPS)


def _first(connection: Any, statement: str) -> str:
    row = connection.execute(statement).fetchone()
    return str(row[0]) if row else ""


def _compared(promised: Manifest, found: pin.Facts, name: str) -> str:
    for what, count in found.counts.items():
        if promised.counts.get(what) != count:
            return f"{name} holds {count} {what.replace('_', ' ')} where there were {promised.counts.get(what, 0)}."
    if "children" not in found.counts:
        return ""
    same = (found.schema, found.sequence, found.audit_entries, found.audit_head)
    if same != (promised.schema, promised.sequence, promised.audit_entries, promised.audit_head):
        return f"The records of {name} do not end where they did when it was made."
    return ""
