"""What every page of an encrypted database is, found by decrypting it here, and a byte of each region to flip."""

from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from app.services.vault.database import connect
from app.services.vault.pages import MAC, PAGE, SALT

NONCE = 16
RESERVE = MAC + NONCE
_KINDS = {2: "interior index", 5: "interior table", 10: "leaf index", 13: "leaf table"}
REGIONS = {
    "first byte": 0,
    "middle": PAGE // 2,
    "last byte of content": PAGE - RESERVE - 1,
    "nonce": PAGE - RESERVE + 3,
    "code": PAGE - MAC + 5,
    "last byte of the page": PAGE - 1,
}
"""Offset in a page by name."""


def decrypted(path: Path, key: bytes, number: int) -> bytes:
    """Return a page's plain content, with 16 zero bytes where page 1 has its salt."""
    with path.open("rb") as stream:
        stream.seek((number - 1) * PAGE)
        page = stream.read(PAGE)
    start = SALT if number == 1 else 0
    nonce = page[PAGE - RESERVE : PAGE - MAC]
    opened = Cipher(algorithms.AES(key), modes.CBC(nonce)).decryptor()
    return bytes(start) + opened.update(page[start : PAGE - RESERVE])


def kinds(path: Path, key: bytes) -> dict[str, int]:
    """Return a page number for each kind of page the file has, with the roots of the search index by name."""
    count = path.stat().st_size // PAGE
    found: dict[str, int] = {"first": 1, "last": count}
    head = decrypted(path, key, 1)
    trunk = int.from_bytes(head[32:36], "big")
    free: set[int] = set()
    if trunk:
        found["freelist trunk"] = trunk
        plain = decrypted(path, key, trunk)
        free = {int.from_bytes(plain[place : place + 4], "big") for place in range(8, 8 + 4 * _leaves(plain), 4)}
        if free:
            found["freelist leaf"] = min(free)
    for number in range(2, count + 1):
        if number == trunk or number in free:
            continue
        kind = _KINDS.get(decrypted(path, key, number)[0], "overflow")
        found.setdefault(kind, number)
    connection = connect(path, key, pragmas=())
    try:
        for name, root in connection.execute(
            "SELECT name, rootpage FROM sqlite_master WHERE rootpage > 0 AND name LIKE 'search_index%'"
        ):
            found[f"search {name}"] = root
    finally:
        connection.close()
    return found


def _leaves(trunk: bytes) -> int:
    return min(int.from_bytes(trunk[4:8], "big"), (PAGE - RESERVE) // 4 - 8)


def places(path: Path, key: bytes) -> Iterator[tuple[str, int]]:
    """Yield a name and an offset for every region of every kind of page; the file's own header too."""
    yield "salt", 3
    for kind, number in kinds(path, key).items():
        for region, offset in REGIONS.items():
            if number == 1 and offset < SALT:
                offset = SALT
            yield f"{kind}: {region}", (number - 1) * PAGE + offset


def flip(path: Path, offset: int, mask: int) -> None:
    """Change one byte of a file."""
    with path.open("r+b") as stream:
        stream.seek(offset)
        byte = stream.read(1)[0]
        stream.seek(offset)
        stream.write(bytes([byte ^ mask]))
