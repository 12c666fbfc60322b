"""Putting a backup back: verified while it is copied beside the vault, then swapped in; nothing that was there is lost.

The swap can be interrupted at any point: what is left to do stands in ``.restoring`` and :func:`finish_restoring` does
it at the next opening.
"""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import EnvironmentFault
from app.services.backup import files
from app.services.backup.files import Cancelled
from app.services.backup.listing import list_backups, list_in
from app.services.backup.manifest import KEY_FILES, LIFEBOAT, FileEntry, Manifest, read_manifest
from app.services.backup.second import second_place
from app.services.backup.words import KEPT, BackupDamaged, fault, shown_size
from app.services.durable import sync_folder, write_durably
from app.timesource import SystemTime, TimeSource

if TYPE_CHECKING:
    from app.services.vault.keys import DataKeys

READY = ".restoring"
PARTIAL = ".restoring.partial"
SET_ASIDE = "set-aside"
_STAMP = "stamp"
_BESIDE = ("", "-wal", "-shm")
_SHARED_FIRST, _SHARED_COUNT = 0x40000002, 510
"""The bytes that SQLite locks in a database file while a connection is open."""


@dataclass(frozen=True, slots=True)
class PutBack:
    """What restoring did.

    Attributes:
        backup: the name of the backup.
        files: what was put back.
        set_aside: the folder of what was there before; None when nothing was.
    """

    backup: str
    files: tuple[str, ...]
    set_aside: Path | None


def copy_back(
    backup: Path,
    folder: Path,
    *,
    with_key_files: bool | None = None,
    time: TimeSource | None = None,
    progress: Callable[[int, int], object] | None = None,
    cancelled: Cancelled | None = None,
) -> PutBack:
    """Put a backup's databases into a vault's folder. No connection may be open on them.

    Each file is compared with the manifest while it is copied; only when all are whole is anything moved. What was
    there is set aside, never deleted. The lifeboat that is there stays, since it holds what is newer than the backup;
    only a folder without one gets the backup's.

    Args:
        backup: the backup's folder; its manifest has been authenticated.
        folder: the vault's; made when it is not there.
        with_key_files: whether ``vault.json`` is put back too; by default only where there is none.
        time: the clock, for the name of what is set aside.
        progress: told how many bytes of how many are copied.
        cancelled: asked all the time until the swap.

    Raises:
        BackupDamaged: a file is not what it was; nothing was changed.
        EnvironmentFault: the vault is open, or the disk is in the way; nothing was changed.
        Stopped: it was cancelled; nothing was changed.
    """
    written = read_manifest(backup)
    stamp = f"{(time or SystemTime()).now().astimezone(UTC):%Y-%m-%dT%H-%M-%SZ}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        refuse_if_open(folder)
        finish_restoring(folder)
        _stage(backup, folder, written, with_key_files, stamp, progress, cancelled)
        names = tuple(sorted(path.name for path in (folder / READY).iterdir() if path.name != _STAMP))
        aside = finish_restoring(folder)
    except OSError as error:
        raise _in_words(error) from error
    return PutBack(backup.name, names, aside)


def finish_restoring(folder: Path) -> Path | None:
    """Do what is left of an interrupted swap; does nothing when there was none.

    Returns:
        Where the files that were there before are now, or None when there were none.
    """
    ready = folder / READY
    if not os.path.isdir(ready):  # noqa: PTH112  (asked at every opening)
        return None
    try:
        stamp = (ready / _STAMP).read_text()[:40]
    except FileNotFoundError:  # only the empty folder is left
        shutil.rmtree(ready)
        return None
    aside = folder / SET_ASIDE / stamp
    for path in sorted(ready.iterdir()):
        if path.name == _STAMP:
            continue
        for ending in _BESIDE:
            present = folder / f"{path.name}{ending}"
            if present.exists():
                aside.mkdir(parents=True, exist_ok=True, mode=0o700)
                present.rename(_free(aside / present.name))
        path.rename(folder / path.name)
    if aside.is_dir():
        sync_folder(aside)
    sync_folder(folder)
    shutil.rmtree(ready)
    return aside if aside.is_dir() else None


def refresh_vault_files(folder: Path, keys: "DataKeys", second_folder: Path | None = None) -> int:
    """Give every backup under the present keys the present ``vault.json``.

    Called when the passphrase or a recovery key has changed: the old ones need not be remembered to open an old backup,
    and no longer open one.

    Args:
        folder: of the vault.
        keys: the data keys; backups under others are left alone.
        second_folder: of second copies, when it can be reached.

    Returns:
        How many backups were given it.
    """
    found = list_backups(folder, keys)
    if second_folder is not None and found:
        found += list_in(second_place(second_folder, found[0].manifest.vault), keys)
    contents = {name: (folder / name).read_bytes() for name in KEY_FILES if (folder / name).exists()}
    count = 0
    for info in found:
        with suppress(OSError):  # one on a share that went away keeps its old one until the next time
            for name, content in contents.items():
                if not (info.folder / name).exists() or (info.folder / name).read_bytes() != content:
                    write_durably(info.folder / name, content)
            count += 1
    return count


def refuse_if_open(folder: Path) -> None:
    """Refuse while any process has the vault's database open. This process must have no connection on it.

    Raises:
        EnvironmentFault: one has.
    """
    path = folder / "cases.db"
    if os.name == "nt" or not path.exists():  # on Windows an open file cannot be moved in the first place
        return
    import fcntl

    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_COUNT, _SHARED_FIRST)
    except OSError as error:
        raise EnvironmentFault(
            "Rollcall is open on this vault. Lock or close it, then try again. Nothing was changed."
        ) from error
    finally:
        os.close(descriptor)


def _stage(
    backup: Path,
    folder: Path,
    written: Manifest,
    with_key_files: bool | None,
    stamp: str,
    progress: Callable[[int, int], object] | None,
    cancelled: Cancelled | None,
) -> None:
    partial, done = folder / PARTIAL, 0
    shutil.rmtree(partial, ignore_errors=True)
    free = shutil.disk_usage(folder).free
    if free < written.size:
        raise EnvironmentFault(
            f"Restoring needs {shown_size(written.size)} and there is {shown_size(free)} left. "
            "Make room and try again. Nothing was changed."
        )

    def step(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, written.size)

    partial.mkdir(mode=0o700)
    try:
        for entry in written.files:
            if entry.name == LIFEBOAT and (folder / LIFEBOAT).exists():
                continue
            _copy_whole(backup, entry, partial / entry.name, step, cancelled)
        if with_key_files or (with_key_files is None and not any((folder / name).exists() for name in KEY_FILES)):
            for name in KEY_FILES:
                if (backup / name).is_file():
                    write_durably(partial / name, (backup / name).read_bytes())
        write_durably(partial / _STAMP, stamp.encode())
        sync_folder(partial)
        partial.rename(folder / READY)
        sync_folder(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _copy_whole(backup: Path, entry: FileEntry, target: Path, step: files.Step, cancelled: Cancelled | None) -> None:
    try:
        with files.closed_file(backup / entry.name) as descriptor:
            copied = files.copy(descriptor, target, step=step, cancelled=cancelled)
    except FileNotFoundError as error:
        raise BackupDamaged(f"{entry.name} is missing from {backup.name}. Nothing was changed.") from error
    if (copied.size, copied.sha256) != (entry.size, entry.sha256):
        raise BackupDamaged(f"{entry.name} of {backup.name} is damaged. Nothing was changed.")


def _free(path: Path) -> Path:
    number, found = 1, path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}.{number}")
    return found


def _in_words(error: OSError) -> EnvironmentFault:
    words = fault(error, "The vault's folder").message.replace(KEPT, "The backup is kept.")
    return EnvironmentFault(words.replace("so no backup was made", "so nothing was restored"))
