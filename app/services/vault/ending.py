"""The end of a vault whose laptop may not be used any more: its keys are destroyed, then its files.

It begins with a mark in the folder, written once everything of the vault has a receipt of the central store, and can be
cut off at any point: whoever finds the mark goes on. The wraps and the keyring's secret go first, so that from then on
nothing opens what is left; overwriting the databases after that is as much as the disk lets.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from app.logs import get_logger
from app.services.durable import sync_folder, write_durably
from app.services.vault.device_secret import Keyring, forget_secret, system_keyring
from app.services.vault.vault_file import COPY, NAME

MARK = "ended.json"
_LARGEST_MARK = 4096
_HEAD_BYTES = 1 << 20
"""Of a database this much is overwritten: with its key destroyed the rest is noise, and gigabytes take minutes."""
_WRAP_NAMES = (NAME, COPY)
_OURS = ("vault.json", "vault-copy.json", "lifeboat", "attempts.json", "reserve", "cases.db", "documents.db", "damage")
"""How the names of a vault's files begin, in the order in which they go; anything else in the folder is not ours."""
_FOLDERS = ("backups", "set-aside", ".restoring")

Short = Annotated[str, msgspec.Meta(max_length=200)]


class Ended(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said about a vault that was ended. Nothing about anybody.

    Attributes:
        vault: its random id.
        label: the laptop's name.
        at: ISO instant.
        handed_in: change sets that the team has, with receipts.
        lost: the laptop was reported lost.
        done: nothing of the vault is left that could be removed.
    """

    kind: Literal["rollcall ended vault"]
    vault: Short
    label: Short
    at: Short
    handed_in: int
    lost: bool = False
    done: bool = False

    @property
    def ended_at(self) -> datetime:
        """When it was ended."""
        return datetime.fromisoformat(self.at)


@dataclass(frozen=True, slots=True)
class Removal:
    """What was removed now and what the disk did not let go."""

    removed: int
    left: tuple[str, ...]


def ended(folder: Path) -> Ended | None:
    """Return the mark of a folder's vault, or None where it was not ended."""
    try:
        with (folder / MARK).open("rb") as stream:
            content = stream.read(_LARGEST_MARK + 1)
        mark = msgspec.json.decode(content if len(content) <= _LARGEST_MARK else b"", type=Ended)
        datetime.fromisoformat(mark.at)
    except (OSError, msgspec.MsgspecError, ValueError):
        return None
    return mark


def begin(folder: Path, vault_id: str, label: str, *, at: datetime, handed_in: int, lost: bool = False) -> Ended:
    """Write the mark: from now on this vault is ended, whatever happens next.

    Raises:
        OSError: it could not be written; nothing is ended.
    """
    mark = Ended("rollcall ended vault", vault_id[:200], label[:200], at.isoformat(), handed_in, lost)
    write_durably(folder / MARK, msgspec.json.encode(mark))
    return mark


def finish(folder: Path, *, keyring: Keyring | None = None, also: Sequence[Path] = ()) -> Removal:
    """Destroy the keys and remove the files of a vault that has the mark; doing it again does the rest.

    Args:
        folder: of the vault; it must be closed.
        keyring: where its secret is; this machine's by default.
        also: other folders that hold backups of it.

    Returns:
        What was done. Without the mark nothing is.
    """
    mark = ended(folder)
    if mark is None:
        return Removal(0, ())
    from app.services.backup.second import second_place

    places = [folder, *(second_place(each, mark.vault) for each in also)]
    left: list[str] = []
    removed = sum(_destroy(path, left, whole=True) for place in places for path in _wraps(place))
    found = keyring if keyring is not None else system_keyring()
    if found is not None:
        forget_secret(found, mark.vault)
    removed += sum(_destroy(path, left) for path in _files(folder))
    for place in places[1:]:
        removed += sum(_destroy(path, left) for path in _below(place))
    for place in (*(folder / name for name in _FOLDERS), *places[1:]):
        _remove_empty_folders(place)
    if not left:
        write_durably(folder / MARK, msgspec.json.encode(msgspec.structs.replace(mark, done=True)))
    get_logger().info("vault ended", count=removed)
    return Removal(removed, tuple(left))


def forget(folder: Path) -> None:
    """Remove the mark of a vault that is gone, so that the laptop can be set up anew."""
    mark = ended(folder)
    if mark is not None and mark.done:
        (folder / MARK).unlink(missing_ok=True)


def _wraps(place: Path) -> Iterator[Path]:
    """Yield every copy of the vault's wrapped keys: its own two, and those that lie with its backups."""
    yield from (place / name for name in _WRAP_NAMES)
    below = _below(place) if place.name.startswith("rollcall-") else (p for f in _FOLDERS for p in _below(place / f))
    yield from (path for path in below if path.name in _WRAP_NAMES)


def _files(folder: Path) -> Iterator[Path]:
    """Yield a vault's files, the small ones that open something first."""
    if folder.is_dir():
        present = [path for path in folder.iterdir() if path.is_file() or path.is_symlink()]
        ranked = [(rank, path) for path in present for rank, name in enumerate(_OURS) if path.name.startswith(name)]
        yield from (path for _, path in sorted(ranked))
    for name in _FOLDERS:
        yield from _below(folder / name)


def _below(place: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(place, followlinks=False):
        folders.sort()
        yield from (Path(parent) / name for name in sorted(names))


def _destroy(path: Path, left: list[str], *, whole: bool = False) -> int:
    """Overwrite and remove one file; True as 1 when it is gone now and was there."""
    try:
        size = path.lstat().st_size
    except OSError:
        return 0
    with suppress(OSError):
        _overwrite(path, size if whole else min(size, _HEAD_BYTES))
    try:
        path.unlink()
    except FileNotFoundError:
        return 0
    except OSError:
        left.append(path.name)
        return 0
    with suppress(OSError):
        sync_folder(path.parent)
    return 1


def _overwrite(path: Path, size: int) -> None:
    if path.is_symlink():
        return
    with path.open("rb+") as stream:
        while size > 0:
            some = min(size, _HEAD_BYTES)
            stream.write(os.urandom(some))
            size -= some
        stream.flush()
        os.fsync(stream.fileno())


def _remove_empty_folders(place: Path) -> None:
    for parent, _folders, _names in os.walk(place, topdown=False):
        with suppress(OSError):
            Path(parent).rmdir()
