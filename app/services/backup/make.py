"""Making a backup: both databases copied as they are, encrypted, at one state, while everybody goes on working."""

import os
import shutil
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app import __version__
from app.errors import EnvironmentFault
from app.logs import get_logger
from app.services.backup import files, manifest, pin, rotate, second
from app.services.backup.files import Cancelled, Copied
from app.services.backup.listing import Backup, backups_folder, info_of, list_backups, vault_id
from app.services.backup.manifest import DATABASES, KEY_FILES, LIFEBOAT, FileEntry, Manifest, Reason
from app.services.backup.words import KEPT, fault, room_needed
from app.services.durable import sync_folder, write_durably
from app.timesource import Stopwatch, TimeSource

if TYPE_CHECKING:
    from app.services.vault.keys import DataKeys

PARTIAL = ".partial"
MARGIN_BYTES = 64 * 1024 * 1024
"""What a daily backup leaves free on a small disk; on any disk it leaves a twentieth, at most this."""
_WAL_HEADER, _FRAME_HEADER = 32, 24
Progress = Callable[[int, int], object]
"""Told how many bytes of how many are done."""


@dataclass(slots=True)
class _Job:
    """One backup on its way."""

    folder: Path
    keys: "DataKeys"
    engine: Engine
    target: Path
    previous: Backup | None
    progress: Progress | None
    cancelled: Cancelled | None
    total: int = 0
    done: int = 0

    def step(self, count: int) -> None:
        self.done += count
        if self.progress is not None:
            self.progress(min(self.done, self.total), self.total)


def back_up(
    folder: Path,
    keys: "DataKeys",
    engine: Engine,
    *,
    time: TimeSource,
    reason: Reason,
    second_folder: Path | None = None,
    kept: rotate.Kept = rotate.USUAL,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Backup:
    """Make a backup beside the vault, then rotate, then copy it to the second folder.

    Args:
        folder: of the vault.
        keys: the data keys.
        engine: on ``cases.db``; everybody may go on using it.
        time: the clock.
        reason: why; one made before a migration or rotation is kept for a week whatever else there is.
        second_folder: a folder or share for a second copy; one that is not reached only makes ``second`` say so.
        kept: how many are kept.
        progress: told of bytes.
        cancelled: asked all the time.

    Returns:
        The backup.

    Raises:
        EnvironmentFault: no room, no right to write, a disk's error, or a vault that was busy. Nothing is left of it,
            nothing else was changed and no earlier backup was removed.
    """
    place = backups_folder(folder)
    turn = files.Turn(place)
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not turn.take():
            raise EnvironmentFault(f"A backup is being made or tried already. Wait until it is done. {KEPT}")
        try:
            with Stopwatch() as watch:
                info = _make(folder, keys, engine, time, reason, progress, cancelled)
            get_logger().info("backup made", kind=reason.value, size=info.size, seconds=round(watch.seconds, 2))
            rotate.rotate(place, keys, engine, made=info.name, now=time.now(), kept=kept)
            if second_folder is not None:
                info = second.copy_there(info, keys, engine, second_folder, now=time.now(), kept=kept)
        finally:
            turn.give_back()
    except OSError as error:
        raise fault(error) from error
    except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error) as error:
        raise EnvironmentFault(
            f"A database of the vault could not be read, so no backup was made. Lock and unlock Rollcall. {KEPT}"
        ) from error
    return info


def _make(
    folder: Path,
    keys: "DataKeys",
    engine: Engine,
    time: TimeSource,
    reason: Reason,
    progress: Progress | None,
    cancelled: Cancelled | None,
) -> Backup:
    place = backups_folder(folder)
    remove_leftovers(place)
    known = list_backups(folder, keys)
    made_at = _free_moment(place, time.now().astimezone(UTC).replace(microsecond=0))
    name = _name_at(made_at)
    target = place / f"{name}{PARTIAL}"
    job = _Job(folder, keys, engine, target, next(iter(known), None), progress, cancelled)
    job.total = _check_room(folder, reason)
    target.mkdir(mode=0o700)
    try:
        written = _fill(job, reason, made_at)
        write_durably(target / manifest.NAME, written.encoded())  # the folder's other entries with it
        files.stop_if(cancelled)
        target.rename(place / name)
        sync_folder(place)
    except BaseException:
        with suppress(OSError):
            shutil.rmtree(target, ignore_errors=True)
        raise
    return info_of(place / name, written, authentic=True)


def _fill(job: _Job, reason: Reason, made_at: datetime) -> Manifest:
    with pin.pinned(job.engine, job.folder, job.keys) as state:
        entries = [_database(job, name, state.frames[name]) for name in DATABASES]
        facts = state.facts()
    with suppress(FileNotFoundError), files.closed_file(job.folder / LIFEBOAT) as descriptor:
        entries.append(_entry(LIFEBOAT, files.copy(descriptor, job.target / LIFEBOAT, step=job.step)))
    for name in KEY_FILES:
        with suppress(FileNotFoundError):
            write_durably(job.target / name, (job.folder / name).read_bytes())
    return Manifest(
        format=manifest.FORMAT,
        vault=vault_id(job.folder),
        made_at=made_at.isoformat(),
        reason=reason,
        app=__version__,
        files=entries,
        schema=facts.schema,
        sequence=facts.sequence,
        audit_entries=facts.audit_entries,
        audit_head=facts.audit_head,
        counts=facts.counts,
    ).authenticated(job.keys)


def _database(job: _Job, name: str, frames: int) -> FileEntry:
    target = job.target / name
    with files.live_file(job.folder / name) as descriptor:
        if frames == 0 and name == "documents.db":
            same = _same_as_before(job, name, descriptor)
            if same is not None:
                return _entry(name, same)
        copied = files.copy(descriptor, target, step=job.step, cancelled=job.cancelled)
    if frames:
        copied = _fold(job, name, frames)
    return _entry(name, copied)


def _same_as_before(job: _Job, name: str, descriptor: int) -> Copied | None:
    """Give the earlier backup's file a second name when it holds the very same bytes; both are read to know it."""
    earlier = job.previous.folder / name if job.previous is not None else None
    known = job.previous.manifest.entry(name) if job.previous is not None else None
    if earlier is None or known is None or os.fstat(descriptor).st_size != known.size:
        return None
    try:
        with files.closed_file(earlier) as there, ThreadPoolExecutor(1, "backup-hash") as beside:
            before = beside.submit(files.hash_of, there, cancelled=job.cancelled)
            now = files.hash_of(descriptor, cancelled=job.cancelled)
            if now.sha256 != known.sha256 or before.result() != now:
                return None
        (job.target / name).hardlink_to(earlier)
    except OSError:  # another disk, a file system without links, or a file that went away
        return None
    job.step(now.size)
    return now


def _fold(job: _Job, name: str, frames: int) -> Copied:
    """Carry the part of the log that belongs to the state over into the copy: a backup is one file a database."""
    target, log = job.target / name, job.folder / f"{name}-wal"
    with files.closed_file(log) as descriptor:  # SQLite has no locks on the log itself
        page = int(struct.unpack(">8xI", os.read(descriptor, 12))[0])
        limit = _WAL_HEADER + frames * (_FRAME_HEADER + page)
        files.copy(descriptor, job.target / f"{name}-wal", limit=limit, cancelled=job.cancelled)
    key = job.keys.cases if name == "cases.db" else job.keys.documents
    pin.fold(job.engine, target, key)
    with files.closed_file(target) as descriptor:
        return files.hash_of(descriptor, cancelled=job.cancelled)


def _entry(name: str, copied: Copied) -> FileEntry:
    return FileEntry(name, copied.size, copied.sha256)


def _check_room(folder: Path, reason: Reason) -> int:
    """Return how many bytes will be copied.

    Raises:
        NoRoom: there is less room than that; for a daily one, less than leaves people room to work.
    """
    needed = sum(path.stat().st_size for name in (*DATABASES, LIFEBOAT) if (path := folder / name).exists())
    disk = shutil.disk_usage(backups_folder(folder))
    spared = min(MARGIN_BYTES, disk.total // 20) if reason is Reason.DAILY else 0
    if disk.free < needed + spared:
        raise room_needed(backups_folder(folder), needed + spared, disk.free)
    return needed


def _free_moment(place: Path, moment: datetime) -> datetime:
    """Return the moment, or the first second after it that names no backup yet."""
    while (place / _name_at(moment)).exists():
        moment += timedelta(seconds=1)
    return moment


def _name_at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H-%M-%SZ}"


def remove_leftovers(place: Path) -> None:
    """Remove what an interrupted backup or removal left behind. Only whoever has the turn may."""
    for path in place.iterdir():
        if (
            path.is_dir()
            and not path.is_symlink()
            and (path.name.endswith(PARTIAL) or path.name.startswith(".removing-"))
        ):
            shutil.rmtree(path, ignore_errors=True)
