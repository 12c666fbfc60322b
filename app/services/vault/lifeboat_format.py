"""How the lifeboat's bytes are laid out and sealed.

File: two equal copies of a 40-byte header (magic, random file id, CRC-32), then records, then zeros that are written
ahead so that a commit changes no file size. Record::

    "RLBR"  length (4)  number (8)  CRC-32 of these 16 (4)
    nonce (12)  AES-256-GCM ciphertext and tag (16)
    length (4)  "RLBE"

Integers are little-endian; length counts nonce, ciphertext and tag. Records are numbered from 1 without gaps; the
number is the seal's associated data and the sealing key is derived from the vault's lifeboat key and the file id, so a
record cannot be edited, reordered, taken out of the middle or brought from another file unnoticed. Nonces are random:
a record that was cut off and the one written in its place never share one.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"Rollcall lifeboat 1\n"
HEADER_BYTES = 80
LONGEST = 1 << 30
"""Bytes of one record; what says it is longer is damaged."""

_ONE = struct.Struct("<20s16sI")
_HEAD = struct.Struct("<4sIQI")
_FOOT = struct.Struct("<I4s")
_NUMBER, _START_OF, _CHECK = struct.Struct("<Q"), struct.Struct("<4sIQ"), struct.Struct("<I")
_START, _END = b"RLBR", b"RLBE"
_NONCE, _TAG = 12, 16
OVERHEAD = _HEAD.size + _NONCE + _TAG + _FOOT.size


class Identity(msgspec.Struct, array_like=True):
    """What cannot be had again from the central store when both databases are lost.

    Attributes:
        device_id: this laptop.
        name: its name.
        seed: its Ed25519 seed, 32 bytes.
        facts: who it belongs to, the central store's address and key, by their names in ``sync_state``.
        leases: blocks of case numbers: year, first, last, next.
    """

    device_id: str | None = None
    name: str = ""
    seed: bytes = b""
    facts: dict[str, str] = {}
    leases: list[tuple[int, int, int, int]] = []


class CarriedSet(msgspec.Struct, array_like=True):
    """A change set that the central store has not taken.

    Attributes:
        body: the exact signed bytes.
        actor_name: who, as shown in history.
    """

    id: str
    device: str
    sequence: int
    body: bytes
    signature: bytes
    actor_name: str


class CarriedEntry(msgspec.Struct, array_like=True):
    """A link of the audit chain: the bytes that are hashed, and the hash."""

    sequence: int
    body: bytes
    hash: bytes


class CarriedDraft(msgspec.Struct, array_like=True):
    """Words not yet part of a record; empty text says that they were dropped."""

    key: str
    user_id: str | None
    text: str
    saved_at: str


class Record(msgspec.Struct, array_like=True):
    """What one record holds.

    Attributes:
        group: random, the same in all records of one commit; 0 for a commit of one record.
        more: whether further records of the same commit follow; a group without its last is an aborted commit.
    """

    group: int = 0
    more: bool = False
    change_sets: list[CarriedSet] = []
    entries: list[CarriedEntry] = []
    drafts: list[CarriedDraft] = []
    leases: list[tuple[int, int, int, int]] = []
    identity: Identity | None = None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Record)


class DamagedRecordError(Exception):
    """A record that was not sealed with this key, under this number, for this file."""


class Sealer:
    """Seals and opens the records of one file."""

    def __init__(self, key: bytes, file_id: bytes) -> None:
        derived = HKDF(SHA256(), 32, salt=file_id, info=b"rollcall lifeboat 1").derive(key)
        self._cipher = AESGCM(derived)

    def seal(self, record: Record, number: int) -> bytes:
        """Return a record's bytes."""
        nonce = os.urandom(_NONCE)
        sealed = self._cipher.encrypt(nonce, _encoder.encode(record), _NUMBER.pack(number))
        length = _NONCE + len(sealed)
        start = _START_OF.pack(_START, length, number)
        return b"".join((start, _CHECK.pack(zlib.crc32(start)), nonce, sealed, _FOOT.pack(length, _END)))

    def open(self, data: bytes, place: int, head: "Head") -> Record:
        """Return the record at a place.

        Raises:
            DamagedRecordError: it does not open.
        """
        first = place + _HEAD.size
        nonce = data[first : first + _NONCE]
        sealed = data[first + _NONCE : first + head.length]
        try:
            return _decoder.decode(self._cipher.decrypt(nonce, sealed, _NUMBER.pack(head.number)))
        except (InvalidTag, msgspec.MsgspecError, RecursionError) as error:
            raise DamagedRecordError from error


@dataclass(frozen=True, slots=True)
class Head:
    """The clear beginning of a record."""

    length: int
    number: int

    @property
    def whole(self) -> int:
        """Bytes from this record's beginning to the next's."""
        return _HEAD.size + self.length + _FOOT.size


_ZEROS = bytes(16 * 1024)


def new_header() -> tuple[bytes, bytes]:
    """Return a new file's header and its id."""
    file_id = os.urandom(16)
    one = MAGIC + file_id
    one += zlib.crc32(one).to_bytes(4, "little")
    return one + one, file_id


def file_id_of(data: bytes) -> bytes | None:
    """Return the id in a file's header, from whichever copy is sound, or None."""
    for place in (0, _ONE.size):
        if len(data) >= place + _ONE.size:
            magic, file_id, check = _ONE.unpack_from(data, place)
            if magic == MAGIC and zlib.crc32(magic + file_id) == check:
                return bytes(file_id)
    return None


def head_at(data: bytes, place: int) -> Head | None:
    """Return the beginning of the record at a place, or None where none begins."""
    if place < 0 or place + _HEAD.size > len(data):
        return None
    start, length, number, check = _HEAD.unpack_from(data, place)
    if start != _START or zlib.crc32(data[place : place + 16]) != check:
        return None
    if not _NONCE + _TAG <= length <= LONGEST:
        return None
    return Head(length, number)


def is_empty(data: bytes) -> bool:
    """Return whether some bytes are zeros written ahead."""
    return data == bytes(len(data))


def last_head(data: bytes) -> tuple[int, Head] | None:
    """Return where the last record of some bytes begins, found from their end; None when that is not certain."""
    # Zeros written ahead are passed over in large steps: the file is looked at so at every unlock.
    stop = len(data)
    while stop > len(_ZEROS) and data.startswith(_ZEROS, stop - len(_ZEROS)):
        stop -= len(_ZEROS)
    end = data.rfind(_END, 0, stop) + len(_END)
    if end < _FOOT.size or not is_empty(data[end:stop]):
        return None
    length, _ = _FOOT.unpack_from(data, end - _FOOT.size)
    place = end - _FOOT.size - length - _HEAD.size
    head = head_at(data, place)
    return (place, head) if head is not None and head.length == length else None


@dataclass(slots=True)
class Scan:
    """How far a reading has come and what it met.

    Attributes:
        damaged: numbers of records that do not open or are missing.
        torn: something stood after the last sound record: a write that a power cut interrupted.
        end: the byte after the last sound record.
        following: the number that the next record gets.
    """

    damaged: list[int] = field(default_factory=list)
    torn: bool = False
    end: int = HEADER_BYTES
    following: int = 1


def scan(data: bytes, sealer: Sealer, found: Scan) -> Iterator[Record]:
    """Yield every sound record, noting in ``found`` what is damaged; never stops at a damaged one."""
    place = found.end
    while True:
        head = head_at(data, place)
        if head is None or place + head.whole > len(data):
            onward = _next_record(data, place + 1)
            if onward is None:
                break
            place = onward
            continue
        record = _opened(data, sealer, place, head)
        if record is None or head.number < found.following:
            # Whether it was the last, torn, or one in the middle shows when a later one is found.
            place += 1
            onward = _next_record(data, place)
            if onward is None:
                break
            place = onward
            continue
        found.damaged.extend(range(found.following, min(head.number, found.following + 100_000)))
        place += head.whole
        found.end, found.following = place, head.number + 1
        yield record
    found.torn = not is_empty(data[found.end :])


def _opened(data: bytes, sealer: Sealer, place: int, head: Head) -> Record | None:
    try:
        return sealer.open(data, place, head)
    except DamagedRecordError:
        return None


def _next_record(data: bytes, place: int) -> int | None:
    """Return where the next thing that looks like a record begins."""
    while (place := data.find(_START, place)) >= 0:
        if head_at(data, place) is not None:
            return place
        place += 1
    return None
