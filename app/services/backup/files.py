"""Copying files exactly: read once, hashed in the same pass, and on the disk before it is said to be."""

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.services.backup.words import Stopped

BLOCK = 4 * 1024 * 1024
Step = Callable[[int], object]
Cancelled = Callable[[], bool]

_held: dict[tuple[int, int], int] = {}
_holding = threading.Lock()


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied.

    Attributes:
        size: bytes.
        sha256: of the bytes, lower-case hexadecimal.
    """

    size: int
    sha256: str


@contextmanager
def live_file(path: Path) -> Iterator[int]:
    """Yield a descriptor that reads a database file which this process may have open.

    On POSIX it is never closed again: closing any descriptor of a file drops every lock that the process has on it,
    SQLite's too, and another Rollcall would then take the vault for one that nobody has open. One is kept a file.
    """
    if os.name == "nt":
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            yield descriptor
        finally:
            os.close(descriptor)
        return
    with _holding:
        known = path.stat()
        descriptor = _held.get((known.st_dev, known.st_ino), -1)
        if descriptor < 0:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            opened = os.fstat(descriptor)
            _held[opened.st_dev, opened.st_ino] = descriptor
    yield descriptor


@contextmanager
def closed_file(path: Path) -> Iterator[int]:
    """Yield a descriptor that reads a file which no database connection of this process has open."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def blocks(descriptor: int, limit: int | None, cancelled: Cancelled | None) -> Iterator[memoryview]:
    """Yield a file's bytes from its start, in one buffer that is used again for each block.

    Args:
        descriptor: of the file.
        limit: how many bytes; None for all.
        cancelled: asked before each block.

    Raises:
        Stopped: it was cancelled.
    """
    buffer = memoryview(bytearray(BLOCK))
    offset = 0
    while limit is None or offset < limit:
        stop_if(cancelled)
        wanted = BLOCK if limit is None else min(BLOCK, limit - offset)
        count = _read_at(descriptor, buffer[:wanted], offset)
        if not count:
            return
        yield buffer[:count]
        offset += count


def _read_at(descriptor: int, buffer: memoryview, offset: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [buffer], offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    content = os.read(descriptor, len(buffer))
    buffer[: len(content)] = content
    return len(content)


def stop_if(cancelled: Cancelled | None) -> None:
    """End the work when it was cancelled.

    Raises:
        Stopped: it was.
    """
    if cancelled is not None and cancelled():
        raise Stopped


def copy(
    descriptor: int,
    target: Path,
    *,
    limit: int | None = None,
    step: Step | None = None,
    cancelled: Cancelled | None = None,
) -> Copied:
    """Copy a file's bytes to a new file, hashed in the same pass and synced to the disk.

    Args:
        descriptor: reads the source.
        target: must not exist.
        limit: how many bytes; None for all.
        step: told how many more bytes are done.
        cancelled: asked before each block.

    Raises:
        OSError: the disk refused; whatever was written is the caller's to remove.
        Stopped: it was cancelled.
    """
    digest = hashlib.sha256()
    size = 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(target, flags, 0o600), "wb", buffering=0) as stream:
        for block in blocks(descriptor, limit, cancelled):
            digest.update(block)
            rest = block
            while rest:
                rest = rest[stream.write(rest) :]
            size += len(block)
            if step is not None:
                step(len(block))
        os.fsync(stream.fileno())
    return Copied(size, digest.hexdigest())


def hash_of(descriptor: int, *, step: Step | None = None, cancelled: Cancelled | None = None) -> Copied:
    """Return the size and hash of a file."""
    digest = hashlib.sha256()
    size = 0
    for block in blocks(descriptor, None, cancelled):
        digest.update(block)
        size += len(block)
        if step is not None:
            step(len(block))
    return Copied(size, digest.hexdigest())


def write_new(target: Path, content: bytes) -> None:
    """Write a small file durably; one that is there is replaced whole or not at all."""
    scratch = target.with_name(target.name + ".new")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(target)
    except OSError:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make a folder's entries durable, where the platform has a way."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_folder(folder: Path) -> None:
    """Remove a backup's folder so that half of it is never taken for a whole one."""
    doomed = folder if folder.name.startswith(".") else folder.with_name(f".removing-{folder.name}")
    if doomed != folder:
        folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


class Turn:
    """One backup, drill or restore of a vault at a time, over all processes of the machine."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / ".turn"
        self._descriptor = -1

    def take(self) -> bool:
        """Take the turn; False when another has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]  # Windows
            else:
                import fcntl

                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def give_back(self) -> None:
        """Let the next one have it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
