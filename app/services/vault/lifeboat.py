"""The lifeboat: a second file that holds, sealed, whatever exists nowhere but on this laptop.

Every commit's change sets, audit entries, drafts and case numbers are appended to it under a key of its own and are on
the disk before the commit is reported, so that a database that will not open loses nobody's work. This module is the
file: appending, cutting back, syncing, replacing. What goes in is decided in
:mod:`app.services.vault.lifeboat_keeping`; the bytes are laid out in :mod:`app.services.vault.lifeboat_format`.

Two processes (the window and the command line) may write: whoever holds the lock first walks past what the other has
appended, and notices when the other has replaced the file.
"""

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from app.services.durable import sync_folder
from app.services.vault.file_lock import lock, unlock
from app.services.vault.lifeboat_format import (
    HEADER_BYTES,
    DamagedRecordError,
    Head,
    Record,
    Scan,
    Sealer,
    file_id_of,
    head_at,
    is_empty,
    last_head,
    new_header,
    scan,
)

AHEAD = 256 * 1024
"""Bytes of zeros written ahead: overwriting them changes no file size, which makes the sync of a commit cheaper."""
_TAIL = 64 * 1024
_NOTHING = (b"", bytes(1), bytes(2), bytes(3), bytes(4))
"""What stands after the last record: the end of the file, or zeros written ahead."""
_FLAGS = os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_sync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


class LifeboatLostError(Exception):
    """The file is not a lifeboat of this vault, or its end cannot be found: it must be made anew."""


class Place(NamedTuple):
    """The end of what is written: a byte, and the number of the next record."""

    end: int
    number: int


class Flush:
    """A sync on its way to the disk."""

    __slots__ = ("_done", "failure")

    def __init__(self) -> None:
        self._done = threading.Lock()
        self._done.acquire()
        self.failure: OSError | None = None

    def finish(self, failure: OSError | None) -> None:
        """Let the waiting thread go on."""
        self.failure = failure
        self._done.release()

    def wait(self) -> OSError | None:
        """Return when the bytes are on the disk, with what went wrong or None."""
        with self._done:
            return self.failure


class Lifeboat:
    """One lifeboat file, open for appending.

    Attributes:
        path: the file.
        key: ``DataKeys.lifeboat``.
        place: the end of what is written, as this process knows it.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = path
        self.key = key
        self._turn = threading.Lock()
        self._queue: SimpleQueue[tuple[int, Flush] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._latest: Flush | None = None
        self._name = str(path)
        self._identity = (0, 0)
        self._fd = -1
        self._size = 0
        self.place = Place(0, 0)

    @property
    def is_open(self) -> bool:
        """Whether the file is open."""
        return self._fd >= 0

    def open(self) -> Record | None:
        """Open the file and find its end.

        Returns:
            The last record, or None in a lifeboat without any.

        Raises:
            LifeboatLostError: there is no file, or nothing can be appended to it as it is.
        """
        self._let_go()
        try:
            fd = os.open(self.path, _FLAGS)
        except FileNotFoundError as error:
            raise LifeboatLostError from error
        try:
            size = os.fstat(fd).st_size
            self._sealer = self._sealer_of(fd)
            self.place, last = self._find_end(fd, size)
        except BaseException:
            os.close(fd)
            raise
        self._take(fd, size)
        return last

    def make(self, records: Iterable[Record]) -> None:
        """Put a new file in the place of the old: written beside it, synced, renamed. A crash leaves one or the other.

        Nobody else writes meanwhile: call it with the database's write lock, and not while holding this file.
        """
        with self._turn:
            scratch = self.path.with_suffix(".new")
            header, file_id = new_header()
            sealer = Sealer(self.key, file_id)
            fd = os.open(scratch, _FLAGS | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                end, number = _write(fd, header), 1
                for record in records:
                    end += _write(fd, sealer.seal(record, number))
                    number += 1
                os.fsync(fd)
                if os.name == "nt":  # an open file cannot be renamed over, nor one that another process has open
                    self._let_go()
                scratch.replace(self.path)
                sync_folder(self.path.parent)
            except BaseException:
                os.close(fd)
                scratch.unlink(missing_ok=True)
                raise
            self._let_go()
            self._take(fd, end)
            self._sealer, self.place = sealer, Place(end, number)

    def hold(self) -> None:
        """Take the lock and go to the end of what anybody has written.

        Raises:
            LifeboatLostError: the file has gone, or what another process wrote cannot be read; nothing is held then.
        """
        self._turn.acquire()
        try:
            while True:
                if self._fd < 0:
                    self.open()
                lock(self._fd)
                if self._same_file():
                    break
                self.open()
            self._walk_on()
        except BaseException:
            self._unlock()
            self._turn.release()
            raise

    def release(self) -> None:
        """Let another thread or process write."""
        self._unlock()
        self._turn.release()

    def append(self, record: Record) -> None:
        """Write a record at the end; it is on the disk after the next :meth:`flush`. The lock is held.

        Raises:
            OSError: nothing was added.
        """
        data = self._sealer.seal(record, self.place.number)
        end = self.place.end + len(data)
        if end + 4 > self._size:
            self._write_ahead(end)
        os.lseek(self._fd, self.place.end, os.SEEK_SET)
        try:
            _write(self._fd, data)
        except OSError:
            self._cut_file(self.place.end)
            raise
        self._size = max(self._size, end)
        self.place = Place(end, self.place.number + 1)

    def cut(self, place: Place) -> None:
        """Take back everything after a place, durably. The lock is held."""
        self._cut_file(place.end)
        self.place = place
        _sync(self._fd)

    def flush(self) -> Flush:
        """Start syncing what has been written, on a thread of its own: the database commits meanwhile."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._syncing, name="lifeboat", daemon=True)
            self._thread.start()
        flush = self._latest = Flush()
        self._queue.put((self._fd, flush))
        return flush

    def close(self) -> None:
        """Close the file and end the syncing thread."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        self._let_go()

    def _take(self, fd: int, size: int) -> None:
        found = os.fstat(fd)
        self._fd, self._size, self._identity = fd, size, (found.st_ino, found.st_dev)

    def _sealer_of(self, fd: int) -> Sealer:
        file_id = file_id_of(_read(fd, 0, HEADER_BYTES))
        if file_id is None:
            raise LifeboatLostError
        return Sealer(self.key, file_id)

    def _find_end(self, fd: int, size: int) -> tuple[Place, Record | None]:
        # Most often the last record ends a few thousand bytes before the end of the file.
        start = max(0, size - _TAIL - AHEAD)
        tail = _read(fd, start, size - start)
        last = last_head(tail)
        if last is not None and start + last[0] >= HEADER_BYTES:
            place, head = last
            return Place(start + place + head.whole, head.number + 1), self._opened(tail, place, head)
        whole = tail if start == 0 else _read(fd, 0, size)
        if is_empty(whole[HEADER_BYTES:]):
            return Place(HEADER_BYTES, 1), None
        last = last_head(whole)
        if last is None or last[0] < HEADER_BYTES:
            raise LifeboatLostError
        place, head = last
        return Place(place + head.whole, head.number + 1), self._opened(whole, place, head)

    def _opened(self, data: bytes, place: int, head: Head) -> Record:
        """Return the last record; one that a power cut left garbled makes the whole file be read, and written anew."""
        try:
            return self._sealer.open(data, place, head)
        except DamagedRecordError as error:
            raise LifeboatLostError from error

    def _walk_on(self) -> None:
        """Go past what another process has appended since."""
        os.lseek(self._fd, self.place.end, os.SEEK_SET)
        if os.read(self._fd, 4) in _NOTHING:
            return
        self._size = os.fstat(self._fd).st_size
        data = _read(self._fd, self.place.end, self._size - self.place.end)
        at, number = 0, self.place.number
        while (head := head_at(data, at)) is not None and head.number == number:
            at, number = at + head.whole, number + 1
        if at > len(data) or not is_empty(data[at:]):
            raise LifeboatLostError
        self.place = Place(self.place.end + at, number)

    def _same_file(self) -> bool:
        try:
            there = os.stat(self._name)  # noqa: PTH116  (asked at every commit; a text is quicker than a Path)
        except FileNotFoundError as error:
            raise LifeboatLostError from error
        return (there.st_ino, there.st_dev) == self._identity

    def _write_ahead(self, end: int) -> None:
        size = os.fstat(self._fd).st_size
        if end + 4 <= size:
            self._size = size
            return
        os.lseek(self._fd, size, os.SEEK_SET)
        try:
            _write(self._fd, bytes(end - size + AHEAD))
        except OSError:
            os.ftruncate(self._fd, size)  # a full disk: the record may still fit without
            self._size = size
            return
        self._size = end + AHEAD

    def _cut_file(self, end: int) -> None:
        os.ftruncate(self._fd, end)
        self._size = end

    def _syncing(self) -> None:
        while (job := self._queue.get()) is not None:
            fd, flush = job
            try:
                _sync(fd)
            except OSError as error:
                flush.finish(error)
            else:
                flush.finish(None)

    def _unlock(self) -> None:
        if self._fd >= 0:
            unlock(self._fd)

    def _let_go(self) -> None:
        if self._latest is not None:
            self._latest.wait()
            self._latest = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def reseal(path: Path, target: Path, old_key: bytes, new_key: bytes) -> None:
    """Write a lifeboat again under another key, beside the old one, synced.

    Records that cannot be read are left out: they are damaged in the old file, which stays until the new one counts.
    """
    data = path.read_bytes()
    file_id = file_id_of(data)
    records = scan(data, Sealer(old_key, file_id), Scan()) if file_id is not None else iter(())
    new = Lifeboat(target, new_key)
    # A group is named by its first record's number, and damaged ones leave gaps: names stay, numbers begin anew.
    new.make(records)
    new.close()


def _read(fd: int, start: int, count: int) -> bytes:
    os.lseek(fd, start, os.SEEK_SET)
    parts = []
    while count > 0 and (part := os.read(fd, count)):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _write(fd: int, data: bytes) -> int:
    written = os.write(fd, data)
    view = memoryview(data)
    while written < len(data):
        written += os.write(fd, view[written:])
    return written
