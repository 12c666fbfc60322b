"""Locking a whole file between processes, for as long as its descriptor is open and until it is unlocked."""

import os
import sys

if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 40
    """A byte far beyond the end is locked, so that reading the file is never in the way."""

    def lock(fd: int) -> None:
        """Wait for the file to be free and take it."""
        os.lseek(fd, _FAR, os.SEEK_SET)
        while True:
            try:
                msvcrt.locking(fd, msvcrt.LK_LOCK, 1)
            except OSError:
                continue  # it gives up after ten seconds
            return

    def unlock(fd: int) -> None:
        """Let go of the file."""
        os.lseek(fd, _FAR, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def lock(fd: int) -> None:
        """Wait for the file to be free and take it."""
        fcntl.flock(fd, fcntl.LOCK_EX)

    def unlock(fd: int) -> None:
        """Let go of the file."""
        fcntl.flock(fd, fcntl.LOCK_UN)
