"""The unique pupil number: shape and check letter.

Layout: check letter, LA code (3), establishment (4), year of allocation (2), serial (3); the last character of a
temporary number is a letter. Legal note: a UPN is never a key here and never printed on a letter to a parent.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
_SHAPE = re.compile(rf"[{LETTERS}][0-9]{{11}}[0-9{LETTERS}]", re.ASCII)
WRONG_SHAPE = "UPN must be 1 letter, then 11 numbers, then a number or letter. Check for a missing digit."


class UpnState(StrEnum):
    """What is known of a UPN from itself alone."""

    EMPTY = "empty"
    VALID = "valid"
    TEMPORARY = "temporary"
    WRONG_LETTER = "wrong_letter"
    WRONG_SHAPE = "wrong_shape"


@dataclass(frozen=True, slots=True)
class UpnCheck:
    """The result of checking one UPN.

    Attributes:
        upn: upper case, without spaces.
        message: words for the screen; empty when there is nothing to say.
    """

    upn: str
    state: UpnState
    message: str = ""

    @property
    def usable(self) -> bool:
        """Return whether it has the shape of a UPN, so that it may be kept and compared."""
        return self.state in {UpnState.VALID, UpnState.TEMPORARY, UpnState.WRONG_LETTER}


def normalise(text: str) -> str:
    """Return a UPN in upper case without spaces or dashes."""
    return "".join(text.split()).replace("-", "").upper()


def check_letter(last_twelve: str) -> str:
    """Return the check letter for characters 2 to 13.

    Args:
        last_twelve: eleven digits and a digit or, in a temporary number, a letter of the same alphabet.

    Raises:
        ValueError: not such a text.
    """
    if len(last_twelve) != 12 or not _SHAPE.fullmatch("A" + last_twelve):
        raise ValueError("twelve characters of a UPN are needed")
    values = [int(char) if char.isdigit() else LETTERS.index(char) for char in last_twelve]
    return LETTERS[sum(value * weight for weight, value in enumerate(values, start=2)) % 23]


def check(text: str) -> UpnCheck:
    """Return what a UPN says of itself; a wrong check letter is a warning, never a refusal of the child."""
    upn = normalise(text)
    if not upn:
        return UpnCheck("", UpnState.EMPTY)
    if not _SHAPE.fullmatch(upn):
        return UpnCheck(upn, UpnState.WRONG_SHAPE, WRONG_SHAPE)
    expected = check_letter(upn[1:])
    if upn[0] != expected:
        return UpnCheck(
            upn,
            UpnState.WRONG_LETTER,
            f"The first letter of this UPN should be {expected}. Check it with the school. It is kept as given.",
        )
    return UpnCheck(upn, UpnState.VALID if upn[-1].isdigit() else UpnState.TEMPORARY)
