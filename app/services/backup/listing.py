"""Which backups there are, and whether one is still what it was."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from app.services.backup import files
from app.services.backup.files import Cancelled
from app.services.backup.manifest import KEY_FILES, Manifest, Reason, read_manifest
from app.services.backup.words import BackupDamaged

if TYPE_CHECKING:
    from app.services.vault.keys import DataKeys

MOST_LISTED = 500
_LARGEST_VAULT_FILE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup.

    Attributes:
        name: of its folder.
        folder: where it is.
        made_at: UTC.
        reason: why it was made.
        size: bytes.
        manifest: what it holds.
        authentic: whether the present keys wrote its manifest; False also when no keys were given to look with.
        second: in words what became of its second copy; empty when there is no second folder.
    """

    name: str
    folder: Path
    made_at: datetime
    reason: Reason
    size: int
    manifest: Manifest
    authentic: bool = False
    second: str = ""

    def with_second(self, words: str) -> "Backup":
        """Return it with what became of its second copy."""
        return replace(self, second=words)


def backups_folder(folder: Path) -> Path:
    """Return where a vault's backups are."""
    return folder / "backups"


def info_of(folder: Path, manifest: Manifest, *, authentic: bool) -> Backup:
    """Return a backup's facts from its manifest."""
    return Backup(folder.name, folder, manifest.instant, manifest.reason, manifest.size, manifest, authentic=authentic)


def list_backups(folder: Path, keys: "DataKeys | None" = None) -> list[Backup]:
    """Return the backups beside a vault, newest first. What is not a backup, or not whole, is left out.

    Args:
        folder: of the vault.
        keys: when given, only backups that these keys wrote are returned.
    """
    return list_in(backups_folder(folder), keys)


def list_in(place: Path, keys: "DataKeys | None" = None) -> list[Backup]:
    """Return the backups in a folder, as :func:`list_backups`."""
    found = []
    try:
        paths = sorted((path for path in place.iterdir() if path.is_dir()), reverse=True)[:MOST_LISTED]
    except OSError:
        return []
    for path in paths:
        if path.name.startswith(".") or path.name.endswith(".partial"):
            continue
        try:
            manifest = read_manifest(path)
        except BackupDamaged:
            continue
        authentic = keys is not None and manifest.is_authentic(keys)
        if keys is None or authentic:
            found.append(info_of(path, manifest, authentic=authentic))
    return sorted(found, key=lambda info: (info.made_at, info.name), reverse=True)


def verify_backup(
    backup: Path,
    keys: "DataKeys | None",
    *,
    progress: Callable[[int, int], object] | None = None,
    cancelled: Cancelled | None = None,
) -> Backup:
    """Compare every byte of a backup with its manifest.

    Args:
        backup: its folder.
        keys: those the manifest must be written under; None (before anybody has the keys) leaves that open.
        progress: told how many bytes of how many are read.
        cancelled: asked all the time.

    Raises:
        BackupDamaged: says which file is not what it was.
        Stopped: it was cancelled.
    """
    manifest = read_manifest(backup)
    if keys is not None and not manifest.is_authentic(keys):
        raise BackupDamaged(
            f"The manifest of {backup.name} was changed, or is of another vault. This backup is not used."
        )
    done = 0

    def step(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, manifest.size)

    for entry in manifest.files:
        try:
            with files.closed_file(backup / entry.name) as descriptor:
                found = files.hash_of(descriptor, step=step, cancelled=cancelled)
        except FileNotFoundError as error:
            raise BackupDamaged(f"{entry.name} is missing from {backup.name}. Choose another backup.") from error
        except OSError as error:
            raise BackupDamaged(f"{entry.name} of {backup.name} cannot be read. Choose another backup.") from error
        if (found.size, found.sha256) != (entry.size, entry.sha256):
            raise BackupDamaged(f"{entry.name} of {backup.name} is damaged. Choose another backup.")
    if not any((backup / name).is_file() for name in KEY_FILES):
        raise BackupDamaged(f"vault.json is missing from {backup.name}. Choose another backup.")
    return info_of(backup, manifest, authentic=keys is not None)


def newest_good_backup(folder: Path, keys: "DataKeys") -> Backup | None:
    """Return the newest backup of a vault that is whole, every byte compared; None when there is none."""
    for info in list_backups(folder, keys):
        try:
            return verify_backup(info.folder, keys)
        except BackupDamaged:
            continue
    return None


def vault_id(folder: Path) -> str:
    """Return the id in a vault's ``vault.json`` or its copy; an empty text when neither can be read."""
    for name in KEY_FILES:
        try:
            with (folder / name).open("rb") as stream:
                found = json.loads(stream.read(_LARGEST_VAULT_FILE))["header"]["vault"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
        if isinstance(found, str):
            return found[:200]
    return ""
