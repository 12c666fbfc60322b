"""What a disk that is full, gone or read-only means for a backup, in words."""

import errno
from pathlib import Path

from app.errors import EnvironmentFault, UserError

KEPT = "Your records and earlier backups are kept."


class BackupDamaged(UserError):
    """A backup is not, or not all, what it was when it was made."""


class NoRoom(EnvironmentFault):
    """The disk has too little left for another backup."""


class Stopped(EnvironmentFault):
    """The work was cancelled, by a person or because the vault is being locked."""

    def __init__(self) -> None:
        super().__init__(f"Stopped. {KEPT}")


def fault(error: OSError, where: str = "The backup folder") -> EnvironmentFault:
    """Return a disk's refusal in words.

    Args:
        error: what the operating system said.
        where: the folder, as the person knows it.
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoRoom(f"{where} is full, so no backup was made. Make room and try again. {KEPT}")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return EnvironmentFault(
            f"{where} cannot be written to, so no backup was made. Choose another, or ask your administrator. {KEPT}"
        )
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ENXIO, errno.EHOSTDOWN, errno.ETIMEDOUT):
        return EnvironmentFault(f"{where} was not reached, so no backup was made. {KEPT}")
    return EnvironmentFault(f"The disk reported an error, so no backup was made. Tell your administrator. {KEPT}")


def shown_size(size: int) -> str:
    """Return a number of bytes as a person reads it."""
    if size < 1_000_000:
        return f"{max(1, round(size / 1000))} KB"
    if size < 1_000_000_000:
        return f"{round(size / 1_000_000)} MB"
    return f"{size / 1_000_000_000:.1f} GB"


def room_needed(folder: Path, needed: int, free: int) -> NoRoom:
    """Return the refusal of a backup for which there is no room."""
    return NoRoom(
        f"A backup needs {shown_size(needed)} and {folder.name} has {shown_size(free)} left, so none was made. "
        f"Make room and try again. {KEPT}"
    )
