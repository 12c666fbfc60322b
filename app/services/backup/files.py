"""Copying files exactly: read once, hashed in the same pass, and on the disk before it is said to be."""

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

from app.services.backup.words import Stopped

BLOCK = 1024 * 1024
"""Small enough that a block is still in the processor's cache when it is hashed."""
LARGE = 16 * 1024 * 1024
"""From this size on, hashing and syncing go on beside the copying."""
_SYNC_EVERY = 64 * 1024 * 1024
_BUFFERS = 4
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
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    written = os.open(target, flags, 0o600)
    try:
        expected = os.fstat(descriptor).st_size if limit is None else limit
        copying = _copy_large if expected >= LARGE else _copy_small
        copied = copying(descriptor, written, limit, step, cancelled)
        os.fsync(written)
    finally:
        os.close(written)
    return copied


def _copy_small(
    descriptor: int, written: int, limit: int | None, step: Step | None, cancelled: Cancelled | None
) -> Copied:
    digest = hashlib.sha256()
    size = 0
    for block in blocks(descriptor, limit, cancelled):
        digest.update(block)
        _write(written, block)
        size += len(block)
        if step is not None:
            step(len(block))
    return Copied(size, digest.hexdigest())


def _copy_large(
    descriptor: int, written: int, limit: int | None, step: Step | None, cancelled: Cancelled | None
) -> Copied:
    size = synced = 0
    with _Hashing() as hashing, _Syncing(written) as syncing:
        while limit is None or size < limit:
            stop_if(cancelled)
            buffer = hashing.free.get()
            wanted = BLOCK if limit is None else min(BLOCK, limit - size)
            count = _read_at(descriptor, buffer[:wanted], size)
            if not count:
                break
            _write(written, buffer[:count])
            hashing.take(buffer, count)
            size += count
            if size - synced >= _SYNC_EVERY:
                syncing.ask()
                synced = size
            if step is not None:
                step(count)
    return Copied(size, hashing.digest.hexdigest())


def _write(descriptor: int, block: memoryview) -> None:
    while block:
        block = block[os.write(descriptor, block) :]


class _Hashing:
    """Hashes blocks on a thread of its own, in order; their buffers come back through ``free``."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.free: Queue[memoryview] = Queue()
        for _ in range(_BUFFERS):
            self.free.put(memoryview(bytearray(BLOCK)))
        self._full: Queue[tuple[memoryview, int] | None] = Queue()
        self._thread = threading.Thread(target=self._run, name="backup-hash", daemon=True)

    def __enter__(self) -> "_Hashing":
        self._thread.start()
        return self

    def take(self, buffer: memoryview, count: int) -> None:
        self._full.put((buffer, count))

    def __exit__(self, *_: object) -> None:
        self._full.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (taken := self._full.get()) is not None:
            buffer, count = taken
            self.digest.update(buffer[:count])
            self.free.put(buffer)


class _Syncing:
    """Has the disk take what is written as it goes: one large sync at the end would hold up everybody's saves."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._asked: Queue[bool] = Queue()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="backup-sync", daemon=True)

    def __enter__(self) -> "_Syncing":
        self._thread.start()
        return self

    def ask(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._asked.put(True)

    def __exit__(self, *_: object) -> None:
        self._asked.put(False)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        sync = getattr(os, "fdatasync", os.fsync)
        while self._asked.get():
            try:
                sync(self._descriptor)
            except OSError as error:  # a disk says it once: the sync at the end may say that all is well
                self._failure = error
                return


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
