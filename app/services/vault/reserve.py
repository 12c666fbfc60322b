"""A reserve of free space, so that a full disk still allows saving, locking and syncing.

A file of real blocks stands in the vault folder. When the disk is nearly full it is deleted, and what it held is room
for small things: notes, drafts, the audit, the outbox. Large things (imports, documents, backups) wait. It is made
again when there is room.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from app.logs import get_logger
from app.services.room import RoomState, room_words

NAME = "reserve"
SIZE = 64 << 20
"""Bytes of the reserve: many thousand notes, and the journal that a sync of them needs."""
LEAST = 32 << 20
"""With less free space than this the reserve is let go before a write: a write never needs so much."""
TELL_BELOW = 500_000_000
"""Bytes; people are told from here on."""


class Reserve:
    """The reserve of one vault (:class:`app.services.room.Room`)."""

    def __init__(self, folder: Path, *, size: int | None = None, least: int | None = None) -> None:
        self.path = folder / NAME
        self._path = str(self.path)
        self._folder = str(folder)
        self._size = SIZE if size is None else size
        self._least = LEAST if least is None else least
        self._held = False

    def prepare(self) -> bool:
        """Make the reserve when the disk has room for it and more; return whether it is there."""
        self._held = self._stands()
        if not self._held and self._free() >= self._size + 4 * self._least:
            self._held = self._make()
        return self._held

    def _stands(self) -> bool:
        try:
            return os.stat(self._path).st_size >= self._size  # noqa: PTH116  (at every unlock)
        except OSError:
            return False

    def make_way(self) -> None:
        """Let a reserve that stands there go when the disk is nearly full: opening a vault writes too."""
        self._held = self.path.exists()
        self.before_write()

    def before_write(self) -> None:
        """Let the reserve go when the disk is nearly full: one question to the system, two millionths of a second."""
        if self._held and self._free() < self._least:
            self.let_go()

    def let_go(self) -> None:
        """Delete the reserve, also when another process made it."""
        if self._held or self.path.exists():
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
                get_logger().warning("reserve let go")
        self._held = False

    def state(self) -> RoomState:
        """Return how much room there is now; makes the reserve again when there is enough."""
        free = self._free()
        if self._held and not self.path.exists():
            self._held = False  # another process let it go
        if not self._held and self.prepare():
            free = self._free()
        in_use = not self._held
        short = in_use or free < TELL_BELOW
        return RoomState(free, short, in_use, room_words(free) if short else "")

    def _free(self) -> int:
        try:
            if os.name == "nt":
                return shutil.disk_usage(self._folder).free
            found = os.statvfs(self._folder)
        except OSError:
            return 1 << 62  # a folder that is gone has other troubles than room
        return found.f_bavail * found.f_frsize

    def _make(self) -> bool:
        try:
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError:
            return False
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(fd, 0, self._size)
            else:
                os.ftruncate(fd, self._size)  # NTFS gives real clusters to a file that is not sparse
        except OSError:
            os.close(fd)
            self.let_go()
            return False
        os.close(fd)
        return True
