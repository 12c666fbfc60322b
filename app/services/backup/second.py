"""A second copy of each backup, in a folder on another disk or a share. It may be out of reach for days."""

import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from app.errors import EnvironmentFault, UserError
from app.services.backup import facts, files, rotate
from app.services.backup.files import Cancelled
from app.services.backup.listing import Backup, list_backups, list_in, verify_backup
from app.services.backup.manifest import KEY_FILES, NAME, FileEntry
from app.services.backup.words import Stopped, fault
from app.services.durable import sync_folder, write_durably

if TYPE_CHECKING:
    from app.services.vault.keys import DataKeys

WHERE = "The second folder"


def second_place(second_folder: Path, vault: str) -> Path:
    """Return where a vault's second copies are: a share may serve many laptops."""
    return second_folder / f"rollcall-{vault}"


def copy_there(
    info: Backup,
    keys: "DataKeys",
    engine: Engine,
    second_folder: Path,
    *,
    now: datetime,
    kept: rotate.Kept = rotate.USUAL,
    cancelled: Cancelled | None = None,
) -> Backup:
    """Copy a backup to the second folder, read it back, and rotate there.

    What is in the way is said in ``second`` and remembered; it never makes the backup itself fail.

    Returns:
        The backup, with what became of its second copy in words.
    """
    ok, words = True, "Copied to the second folder."
    try:
        place = second_place(second_folder, info.manifest.vault)
        _copy(info, keys, second_folder, place, cancelled)
        rotate.rotate(place, keys, engine, made=info.name, now=now, kept=kept)
    except Stopped:
        raise
    except (EnvironmentFault, UserError) as error:
        ok, words = False, error.message
    except OSError as error:
        ok, words = False, fault(error, WHERE).message
    if not ok:
        words = f"Not copied to the second folder yet. {words} Rollcall will try again."
    facts.put(engine, facts.SECOND, {"name": info.name, "at": now.isoformat(), "ok": ok, "words": words})
    return info.with_second(words)


def catch_up(
    folder: Path,
    keys: "DataKeys",
    engine: Engine,
    second_folder: Path,
    *,
    now: datetime,
    kept: rotate.Kept = rotate.USUAL,
    cancelled: Cancelled | None = None,
) -> Backup | None:
    """Copy the newest backup to the second folder when it is not there yet.

    Returns:
        The backup with what became of it; None when there was nothing to do.
    """
    newest = next(iter(list_backups(folder, keys)), None)
    if newest is None or is_there(newest, second_folder):
        return None
    return copy_there(newest, keys, engine, second_folder, now=now, kept=kept, cancelled=cancelled)


def is_there(info: Backup, second_folder: Path) -> bool:
    """Return whether a backup has its second copy; a whole one has its manifest."""
    return (second_place(second_folder, info.manifest.vault) / info.name / NAME).is_file()


def _copy(info: Backup, keys: "DataKeys", second_folder: Path, place: Path, cancelled: Cancelled | None) -> None:
    if not second_folder.is_dir():
        # Not made here: an unmounted share's empty place on this disk is no second disk.
        raise EnvironmentFault(f"{WHERE} was not reached.")
    place.mkdir(mode=0o700, exist_ok=True)
    for path in place.iterdir():
        if path.name.endswith(".partial") or path.name.startswith(".removing-"):
            shutil.rmtree(path, ignore_errors=True)
    target = place / info.name
    if is_there(info, second_folder):
        return
    partial = place / f"{info.name}.partial"
    earlier = next(iter(list_in(place, keys)), None)
    partial.mkdir(mode=0o700)
    try:
        for entry in info.manifest.files:
            if not _linked(entry, partial, earlier, cancelled):
                with files.closed_file(info.folder / entry.name) as descriptor:
                    files.copy(descriptor, partial / entry.name, cancelled=cancelled)
        for name in (*KEY_FILES, NAME):
            with suppress(FileNotFoundError):
                write_durably(partial / name, (info.folder / name).read_bytes())
        # Shares have lied about what they kept: it is read back before it counts.
        verify_backup(partial, keys, cancelled=cancelled)
        partial.rename(target)
        with suppress(OSError):  # not every share can sync a folder
            sync_folder(place)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _linked(entry: FileEntry, partial: Path, earlier: Backup | None, cancelled: Cancelled | None) -> bool:
    """Give the earlier copy's file a second name where it is the same; it is read back like any other."""
    if earlier is None or earlier.manifest.entry(entry.name) != entry:
        return False
    try:
        with files.closed_file(earlier.folder / entry.name) as there:
            if files.hash_of(there, cancelled=cancelled).sha256 != entry.sha256:
                return False
        (partial / entry.name).hardlink_to(earlier.folder / entry.name)
    except OSError:
        return False
    return True
