"""A case a document may belong to, and the reasons that are shown for it."""

from dataclasses import dataclass
from enum import IntEnum

from app.services.documents.clues import Span
from app.services.documents.protocol import Box


class Strength(IntEnum):
    """How much a reason says."""

    WEAK = 1
    POSSIBLE = 2
    STRONG = 3
    CERTAIN = 4


STRENGTH_WORDS = {
    Strength.CERTAIN: "Certain match",
    Strength.STRONG: "Strong match",
    Strength.POSSIBLE: "Possible match",
    Strength.WEAK: "Weak",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a reason stands: a stretch of text, or a box (shares of the page) for a QR code."""

    page: int
    span: Span | None = None
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for a candidate, in words.

    Attributes:
        number: from 1, as it is shown beside the words and on the page.
        marks: where it stands; empty when it cannot be pointed at.
    """

    number: int
    words: str
    strength: Strength
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A case the document may belong to.

    Attributes:
        about: age, year, reference and whose case it is, in one line.
        note: what is due next, or that the case is closed.
        can_link: False for a closed case.
    """

    case_id: str
    child_id: str
    reference: str
    child_name: str
    about: str
    note: str
    strength: Strength
    reasons: tuple[Reason, ...]
    can_link: bool = True


@dataclass(frozen=True, slots=True)
class Suggestions:
    """Candidates, the strongest first.

    Attributes:
        chosen: index of the one candidate that may be chosen beforehand, or None.
        note: words about a code of ours that belongs to no letter on this laptop.
    """

    candidates: tuple[Candidate, ...] = ()
    chosen: int | None = None
    note: str = ""

    @property
    def summary(self) -> tuple[str, str]:
        """The state and words for a list: ``strong``, ``possible``, ``weak`` or ``none``."""
        if not self.candidates:
            return "none", "No match yet"
        best = self.candidates[0].strength
        if self.chosen is not None and best >= Strength.STRONG:
            return "strong", STRENGTH_WORDS[best]
        if best == Strength.WEAK:
            return "weak", "Weak match"
        count = sum(candidate.strength >= Strength.POSSIBLE for candidate in self.candidates)
        return "possible", "1 possible match" if count == 1 else f"{count} possible matches"
