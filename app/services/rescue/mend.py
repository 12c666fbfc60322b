"""Putting a page right exactly: where one byte of it has changed, the page's own authentication code says which.

A code of 64 bytes fits one content only. So every single byte is tried with every other value, and when the code fits,
the page is what was written: nothing is guessed. Done on a copy; the damaged file is kept as it is.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from pathlib import Path

from app.services.vault.pages import MAC, PAGE, SALT, covered, is_whole, mac_key

MOST_PAGES = 64
"""More damage than this is not a flipped byte here and there; a backup is quicker."""
MOST_BYTE_SEARCHES = 6
"""A page takes some eight seconds to try every value of every byte; single bits take a fraction of one. With more
damaged pages than this, only single bits are tried."""
_SHA512_BLOCK = 128
_RUN = re.compile(rb"(.)\1{15}", re.DOTALL)
"""Never in what a cipher wrote: a disk's sector was zeroed, not a byte flipped."""
_CODE_BYTES_RIGHT = 48
"""If so many bytes of a stored code fit, the page is right and the code itself is damaged."""


def mend(path: Path, key: bytes, damaged: Iterable[int]) -> list[int]:
    """Put pages of a file right in place.

    Args:
        path: a copy that nobody has open.
        key: of the database, raw.
        damaged: numbers of pages, from 1; all of them when even the salt is wrong.

    Returns:
        The pages that could not be put right; empty when the file is whole again.

    Raises:
        OSError: the copy cannot be read or written.
    """
    pages = list(damaged)
    with path.open("r+b") as stream:
        first = stream.read(PAGE)
        if len(first) < PAGE:
            return pages
        salt = _salt(first, key)
        if salt is not None and salt != first[:SALT]:
            stream.seek(0)
            stream.write(salt)
            return []  # the codes of all pages hang on the salt; whether they fit now is checked by the caller
        if len(pages) > MOST_PAGES or len(pages) * PAGE >= path.stat().st_size:
            return pages  # not a byte here and there, or another vault's file
        code_key = mac_key(key, first[:SALT])
        left, every_value = [], len(pages) <= MOST_BYTE_SEARCHES
        for number in pages:
            stream.seek((number - 1) * PAGE)
            page = stream.read(PAGE)
            found = _code_renewed(page, number, code_key) or _one_byte(page, number, code_key, _FLIPPED_BITS)
            if found is None and every_value:
                found = _one_byte(page, number, code_key, _OTHER_VALUES)
            if found is None:
                left.append(number)
            else:
                stream.seek((number - 1) * PAGE)
                stream.write(found)
    return left


_FLIPPED_BITS = tuple(1 << bit for bit in range(8))
_OTHER_VALUES = tuple(value for value in range(1, 256) if value.bit_count() > 1)


def _salt(first: bytes, key: bytes) -> bytes | None:
    """Return the salt under which the first page fits: as it is, or with one byte changed; None when none does."""
    salt = first[:SALT]
    if is_whole(first, 1, mac_key(key, salt)):
        return salt
    for place in range(SALT):
        for value in range(1, 256):
            other = salt[:place] + bytes([salt[place] ^ value]) + salt[place + 1 :]
            if is_whole(first, 1, mac_key(key, other)):
                return other
    return None


def _code_renewed(page: bytes, number: int, code_key: bytes) -> bytes | None:
    """Return the page with its code put right, when all but a few bytes of the code fit."""
    if len(page) != PAGE:
        return None
    code = hmac.digest(code_key, covered(page, number), "sha512")
    same = sum(one == other for one, other in zip(code, page[PAGE - MAC :], strict=True))
    return page[: PAGE - MAC] + code if same >= _CODE_BYTES_RIGHT else None


def _one_byte(page: bytes, number: int, code_key: bytes, masks: tuple[int, ...]) -> bytes | None:
    """Return the page with one byte changed by one of the masks so that its code fits, or None."""
    if len(page) != PAGE or _RUN.search(page):
        return None
    content, wanted = bytearray(covered(page, number)), page[PAGE - MAC :]
    padded = code_key.ljust(_SHA512_BLOCK, b"\0")
    inner = hashlib.sha512(bytes(byte ^ 0x36 for byte in padded))
    outer = hashlib.sha512(bytes(byte ^ 0x5C for byte in padded))
    fixed = len(content) - 4  # the page's number is known
    for block in range(0, len(content), _SHA512_BLOCK):
        tail = memoryview(content)[block:]
        for place in range(block, min(block + _SHA512_BLOCK, fixed)):
            for mask in masks:
                content[place] ^= mask
                trial = inner.copy()
                trial.update(tail)
                code = outer.copy()
                code.update(trial.digest())
                if code.digest() == wanted:
                    start = SALT if number == 1 else 0
                    tail.release()
                    return page[:start] + bytes(content[:fixed]) + wanted
                content[place] ^= mask
        tail.release()
        inner.update(content[block : block + _SHA512_BLOCK])
    return None
