"""What an entry says, read from its body; a body that was tampered with never raises."""

import msgspec

from app.services.audit.chain import Entry


class _Place(msgspec.Struct):
    sequence: int


_places = msgspec.json.Decoder(_Place)
_entries = msgspec.json.Decoder(Entry)


def body_sequence(body: bytes) -> int | None:
    """Return the number an entry says it has, or None when it cannot be read."""
    try:
        return _places.decode(body).sequence
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def read_entry(body: bytes) -> Entry | None:
    """Return what an entry says, or None when it cannot be read."""
    try:
        return _entries.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
