"""A letter being written, and what may be said about it."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from app.services.letters import merge

_LONGEST_VALUE = 2_000


class Level(StrEnum):
    """How much an issue matters."""

    STOP = "stop"
    """The letter may not go out at all."""
    FIX = "fix"
    """The letter cannot go out until this is put right."""
    CHECK = "check"
    """Worth a look; the officer decides."""


@dataclass(frozen=True, slots=True)
class Issue:
    """Something about a letter.

    Attributes:
        field: the merge field it belongs to; None for the letter as a whole.
    """

    level: Level
    text: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class LetterDraft:
    """A letter being written.

    Attributes:
        typed: merge field to what the officer typed; dates as ISO text.
        stored: whether the letter is a record yet; before the first change it is not.
        supersedes_id: the issued letter it corrects.
    """

    letter_id: str
    case_id: str
    template_id: str
    template_version: str
    number: int
    reference: str
    recipient_key: str
    delivery: str
    points: int
    typed: dict[str, str] = field(default_factory=dict)
    stored: bool = False
    supersedes_id: str | None = None


def as_day(text: str) -> date | None:
    """Return ISO text as a date, or None when it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def clean(text: str) -> str:
    """Return typed text without control characters and no longer than a field may be."""
    return merge.printable(text.replace("\r\n", "\n").replace("\t", " "))[:_LONGEST_VALUE]
