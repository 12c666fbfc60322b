"""Rebuilding a vault's databases: each is set aside untouched and made again, with a report of what came from where.

Order of sources. For ``cases.db``: the damaged file itself, where its own authentication codes allow it to be put right
exactly; else the newest backup that is whole; else an empty database with the laptop's identity from the lifeboat. On
top of either comes the lifeboat, and with the next sync the central store. For ``documents.db`` the same, and besides
every piece of the damaged file that its hash still proves.

The new files stand ready beside the old ones before anything is moved, so that a full disk or a crash at any moment
leaves the old state, the new one, or one that the next unlocking takes up.
"""

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError

from app.errors import EnvironmentFault, UserError
from app.logs import get_logger
from app.services.backup.restore import finish_restoring, refuse_if_open
from app.services.damage import clear_damage
from app.services.documents.store import DocumentStore
from app.services.durable import sync_folder
from app.services.rescue import bases, copies, documents, set_aside, topping
from app.services.rescue.bases import Base
from app.services.rescue.copies import READY, WORKING, Judged
from app.services.rescue.report import FileOutcome, RebuildReport, Source, remember
from app.services.vault import Unlocked
from app.services.vault.database import DriverError, open_engine
from app.services.vault.lifeboat_reading import LifeboatContents, read_lifeboat

Say = Callable[[str], None]
CASES, DOCUMENTS, LIFEBOAT = "cases.db", "documents.db", "lifeboat.log"
SALVAGE = "documents.db.salvage"
_KEPT = "Nothing was changed. Your records are kept."


@dataclass(slots=True)
class _Rebuild:
    """A rebuild on its way."""

    unlocked: Unlocked
    say: Say
    second: Path | None = None
    place: Path | None = None
    sources: list[Source] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    salvage_from: Path | None = None

    @property
    def folder(self) -> Path:
        return self.unlocked.folder

    def key(self, name: str) -> bytes:
        keys = self.unlocked.keys
        return keys.cases if name == CASES else keys.documents


def rebuild(unlocked: Unlocked, *, second: Path | None = None, progress: Say | None = None) -> RebuildReport:
    """Read both databases to their last page, and rebuild what is damaged. No connection may be open on them.

    What is there already and whole stays as it is. Doing it again, after a crash say, goes on where it stopped.

    Args:
        unlocked: the keys.
        second: the folder of second copies of backups, when there is one.
        progress: told in words what is being done.

    Returns:
        What was the matter and what came from where; it is kept in the vault too.

    Raises:
        EnvironmentFault: another Rollcall has the vault open, or the disk is full or in the way; nothing was moved.
    """
    work = _Rebuild(unlocked, progress or (lambda _words: None), second)
    try:
        refuse_if_open(work.folder)
        finish_restoring(work.folder)
        _take_up(work)
        judged = {name: _judge(work, name) for name in (CASES, DOCUMENTS)}
        damaged = [name for name, found in judged.items() if not found.sound]
        bases.room_for(work.folder, damaged)
        contents = _lifeboat(work)
        ready = {name: _base(work, name, judged[name], contents) for name in damaged}
        report = _complete(work, judged, ready, contents)
        for name, base in ready.items():
            _swap(work, name, judged[name].wrong, base)
        _leave_report(work, report)
    except OSError as error:
        raise EnvironmentFault(
            f"The disk is full or did not let the vault be rebuilt. Make room, then unlock again. {_KEPT}"
        ) from error
    except (DriverError, DatabaseError) as error:
        raise EnvironmentFault(
            f"The disk did not let the rebuilt vault be written. Make room, then unlock again. {_KEPT}"
        ) from error
    clear_damage(work.folder)
    get_logger().info("vault rebuilt" if damaged else "vault read through", count=len(damaged))
    return report


def _take_up(work: _Rebuild) -> None:
    """Put a file in its place that stood ready when an earlier rebuild was interrupted; drop what was half done."""
    for name in (CASES, DOCUMENTS):
        ready = work.folder / (name + READY)
        if ready.exists() and not (work.folder / name).exists():
            ready.replace(work.folder / name)
        copies.remove(ready)
        copies.remove(work.folder / (name + WORKING))
    copies.remove(work.folder / SALVAGE)
    sync_folder(work.folder)


def _judge(work: _Rebuild, name: str) -> Judged:
    words = f"Reading {name}"
    work.say(words)
    step = copies.words_of(work.say, words)
    return copies.judge(work.folder / name, work.key(name), copies.TABLES[name], step=step)


def _lifeboat(work: _Rebuild) -> LifeboatContents | None:
    work.say("Reading the lifeboat")
    try:
        return read_lifeboat(work.folder / LIFEBOAT, work.unlocked.keys.lifeboat)
    except UserError:
        return None


def _base(work: _Rebuild, name: str, found: Judged, contents: LifeboatContents | None) -> Base:
    """Return what a damaged database is rebuilt on, ready beside it."""
    key = work.key(name)
    base, partial = bases.mended(work.unlocked, name, key, found, work.say)
    if base is None and name == DOCUMENTS and partial is not None:
        work.salvage_from = partial.replace(work.folder / SALVAGE)
        _with_log(partial, work.salvage_from)
    if base is None:
        base = bases.from_backup(work.unlocked, name, key, work.second, work.say)
        if base is not None and name == CASES:
            bases.migrate(base.path, key)
    if base is None and name == CASES:
        base = bases.new_cases(work.unlocked, key, contents.identity if contents else None)
    if base is None:
        base = bases.new_documents(work.unlocked, key)
    return base


def _with_log(partial: Path, target: Path) -> None:
    log = partial.with_name(f"{partial.name}-wal")
    if log.exists():
        log.replace(target.with_name(f"{target.name}-wal"))


def _complete(
    work: _Rebuild, judged: dict[str, Judged], ready: dict[str, Base], contents: LifeboatContents | None
) -> RebuildReport:
    """Put everything else on top of the bases while they stand beside the old files, and write the report into them."""
    outcomes = [FileOutcome(name, found.wrong, _kept_as(work, name, found)) for name, found in judged.items()]
    report = RebuildReport(work.unlocked.time.now().astimezone(UTC).isoformat(), outcomes)
    if not ready:
        return report
    work.place = set_aside.new_folder(work.folder, work.unlocked.time.now())
    with suppress(FileNotFoundError):
        shutil.copyfile(work.folder / LIFEBOAT, work.place / LIFEBOAT)
    path = ready[CASES].path if CASES in ready else work.folder / CASES
    cases = open_engine(path, work.unlocked.keys.cases)
    try:
        awaiting = enrol_again = False
        if CASES in ready:
            done = topping.put_on_top(cases, ready[CASES].source, contents, work.unlocked.time, work.say)
            work.sources += done.sources
            work.losses += done.losses
            awaiting, enrol_again = done.awaiting, done.enrol_again
        documents_awaited = _documents(work, cases, ready.get(DOCUMENTS))
        report = msgspec.structs.replace(
            report,
            set_aside=work.place.name,
            sources=work.sources,
            losses=work.losses,
            lost_documents=work.lost,
            awaiting=_awaiting(records=awaiting, document_count=documents_awaited),
            enrol_again=enrol_again,
        )
        topping.note_rebuild(cases, report, work.unlocked.time)
        remember(cases, report)
        cases.dispose()
        for name, base in ready.items():
            copies.close_log(base.path, work.key(name))
    except BaseException:
        shutil.rmtree(work.place)  # nothing was moved into it yet
        raise
    finally:
        cases.dispose()
    return report


def _kept_as(work: _Rebuild, name: str, found: Judged) -> str:
    return name if found.wrong and (work.folder / name).exists() else ""


def _documents(work: _Rebuild, cases: Engine, base: Base | None) -> int:
    """Fill the new store, note what no source has, and return how many documents the central store will bring."""
    path = base.path if base is not None else work.folder / DOCUMENTS
    store = DocumentStore(open_engine(path, work.unlocked.keys.documents))
    try:
        store.create_schema()
        if base is not None:
            known = documents.hashes_of(cases)
            work.sources.append(msgspec.structs.replace(base.source, documents=len(store.complete_among(known))))
            if work.salvage_from is not None:
                work.say("Looking for pages in the damaged file")
                taken = documents.salvage(work.salvage_from, work.unlocked.keys.documents, store, known)
                if taken:
                    work.sources.append(Source("salvage", DOCUMENTS, documents=taken))
        found = documents.missing(cases, store)
    finally:
        store.close()
        if work.salvage_from is not None:
            copies.remove(work.salvage_from)
    if base is not None:
        work.lost = list(found.nowhere)
    return len(found.at_central)


def _swap(work: _Rebuild, name: str, wrong: str, base: Base) -> None:
    """Set the damaged file aside and put the ready one in its place: from here on only names change."""
    work.say(f"Setting {name} aside")
    if work.place is not None:
        set_aside.move(work.folder, name, work.place, wrong)
    base.path.replace(work.folder / name)
    sync_folder(work.folder)


def _leave_report(work: _Rebuild, report: RebuildReport) -> None:
    if work.place is not None:
        with suppress(OSError):  # the report is in the vault as well
            set_aside.write_report(work.place, report.lines())


def _awaiting(*, records: bool, document_count: int) -> str:
    """Return what the central store will bring, as a sentence."""
    pages = "1 document" if document_count == 1 else f"{document_count:,} documents"
    if not records:
        verb = "comes" if document_count == 1 else "come"
        return f"{pages} {verb} from the central store with the next sync." if document_count else ""
    rest = f", and {pages}, come" if document_count else " comes"
    return f"What was sent to the central store since then{rest} with the next sync."
