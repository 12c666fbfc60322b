"""The code printed on every letter, so that a returned page finds its case by itself.

``RC1:<letter>:<check>``: the letter's id in Crockford's base 32 and four check characters. It is opaque: without the
vault it says nothing of a child, a case or a council. Only capitals, digits and colons are used, so that a QR code
stores it in its compact alphanumeric mode (a symbol of 29 x 29 modules at level Q).
"""

import re
import uuid
from dataclasses import dataclass
from hashlib import blake2b

PREFIX = "RC1"
LETTER_SENT = "letter_sent"
"""The kind of document that our own letter is, as it went out; never offered for what comes in."""
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_TOKEN_LENGTH = 26
_CHECK_LENGTH = 4
_LONGEST_TEXT = 200
_FORM = re.compile(rf"{PREFIX}:([{_ALPHABET}]{{{_TOKEN_LENGTH}}}):([{_ALPHABET}]{{{_CHECK_LENGTH}}})")


@dataclass(frozen=True, slots=True)
class LetterCode:
    """What a valid code says.

    Attributes:
        letter_id: the letter it was printed on; look it up in this vault, it may belong elsewhere.
    """

    letter_id: str


def make(letter_id: str) -> str:
    """Return the code for a letter.

    Args:
        letter_id: its id (UUID); fixed from the draft on, so a preview shows the very code that will be sent.
    """
    token = _encode(uuid.UUID(letter_id).int, _TOKEN_LENGTH)
    return f"{PREFIX}:{token}:{_check(token)}"


def parse(text: str) -> LetterCode | None:
    """Read a code.

    Args:
        text: what a reader found in a QR code; spaces around it and lower case are allowed.

    Returns:
        None for any other text, or when the check characters do not fit: a misread code never files a page.
    """
    if len(text) > _LONGEST_TEXT:
        return None
    match = _FORM.fullmatch(text.strip().upper())
    if match is None:
        return None
    token, check = match.groups()
    if _check(token) != check:
        return None
    number = 0
    for character in token:
        number = number * 32 + _VALUES[character]
    if number >= 1 << 128:
        return None
    return LetterCode(letter_id=str(uuid.UUID(int=number)))


def _encode(number: int, length: int) -> str:
    characters = []
    for _ in range(length):
        number, value = divmod(number, 32)
        characters.append(_ALPHABET[value])
    return "".join(reversed(characters))


def _check(token: str) -> str:
    digest = blake2b(token.encode("ascii"), digest_size=4, person=b"rollcall-letter").digest()
    return _encode(int.from_bytes(digest, "big") >> (32 - 5 * _CHECK_LENGTH), _CHECK_LENGTH)
