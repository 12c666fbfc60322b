"""The pages of an encrypted database file as they lie on the disk: whether each is what SQLCipher wrote.

SQLCipher 4 seals every page of 4,096 bytes: salt (page 1 only, 16 bytes), ciphertext, a nonce of 16 bytes, and an
HMAC-SHA-512 of ciphertext, nonce and page number. So every byte of a page is covered and can be checked without SQLite,
at the speed of the hash, whatever the page means.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Iterator
from pathlib import Path

PAGE = 4096
SALT = 16
MAC = 64
_MASK = 0x3A
_BLOCK_PAGES = 1024
_LOG_HEADER, _FRAME_HEADER = 32, 24
Read = Callable[[int, int], bytes]
"""Returns up to so many bytes from an offset."""
Step = Callable[[int, int], object]
"""Told how many bytes of how many are read."""


def mac_key(key: bytes, salt: bytes) -> bytes:
    """Return the key of a file's authentication codes.

    Args:
        key: the raw 32-byte key of the database.
        salt: the file's first 16 bytes.
    """
    return hashlib.pbkdf2_hmac("sha512", key, bytes(byte ^ _MASK for byte in salt), 2, 32)


def covered(page: bytes, number: int) -> bytes:
    """Return what a page's code is computed over.

    Args:
        page: 4,096 bytes.
        number: from 1.
    """
    return page[SALT if number == 1 else 0 : PAGE - MAC] + number.to_bytes(4, "little")


def is_whole(page: bytes, number: int, code_key: bytes) -> bool:
    """Return whether a page is exactly what was written under this number."""
    if len(page) != PAGE:
        return False
    return hmac.compare_digest(hmac.digest(code_key, covered(page, number), "sha512"), page[PAGE - MAC :])


def damaged_pages(
    read: Read, size: int, key: bytes, *, step: Step | None = None, cancelled: Callable[[], bool] | None = None
) -> Iterator[int]:
    """Yield the numbers of pages that are not what was written; a file cut in the middle of a page ends with one.

    The file may be in use: a page that is being written is read again before it is called damaged.

    Args:
        read: returns bytes of a database file at an offset; what its log holds is not looked at.
        size: of the file.
        key: raw, 32 bytes.
        step: told of bytes.
        cancelled: asked between pieces; the rest is left out then.

    Raises:
        OSError: the file cannot be read.
    """
    code_key = mac_key(key, read(0, SALT))
    for start in range(0, size, PAGE * _BLOCK_PAGES):
        if cancelled is not None and cancelled():
            return
        block = read(start, PAGE * _BLOCK_PAGES)
        for offset in range(0, len(block), PAGE):
            number = (start + offset) // PAGE + 1
            if not is_whole(block[offset : offset + PAGE], number, code_key):
                again = read(start + offset, PAGE)
                if not is_whole(again, number, code_key):
                    yield number
        if step is not None:
            step(min(start + len(block), size), size)


def page_at(read: Read, number: int) -> bytes:
    """Return a page by its number."""
    return read((number - 1) * PAGE, PAGE)


def in_log(log: Path) -> set[int]:
    """Return the numbers of pages that a database's write-ahead log holds anew.

    Such a page counts as the log has it: in the file it may be an earlier one, torn by a crash while it was carried
    over, or a hole that nothing was written to yet.

    Args:
        log: the ``-wal`` file; none is an empty one.
    """
    found: set[int] = set()
    try:
        with log.open("rb") as stream:
            head = stream.read(_LOG_HEADER)
            while len(frame := stream.read(_FRAME_HEADER + PAGE)) == _FRAME_HEADER + PAGE:
                if frame[8:16] != head[16:24]:
                    break  # left over from before the log was begun anew
                found.add(int.from_bytes(frame[:4], "big"))
    except FileNotFoundError:
        pass
    return found


def reader(descriptor: int) -> Read:
    """Return what reads an open file at an offset, without moving anybody's place in it where the system can."""
    if hasattr(os, "pread"):
        return lambda offset, count: os.pread(descriptor, count, offset)

    def read(offset: int, count: int) -> bytes:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, count)

    return read
