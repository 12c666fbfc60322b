"""What the conflict page is handed: frozen, in words, with ids as text."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from app.services.conflicts.marking import Marks
from app.timesource import format_short, format_time, to_london

BOTH = "both"
TYPED = "typed"
EditorKind = Literal["line", "text", "date", "choice", "number"]


@dataclass(frozen=True, slots=True)
class ConflictCase:
    """A case with something to decide, for the list.

    Attributes:
        key: names the group; opens it.
        case_id: None for a record that belongs to no case.
        choices: how many things there are to decide; ``mine`` of them this person may decide.
        fields: their names, in words.
        others: names of the people whose changes met, without the person looking.
        officers: the same with everybody, for a supervisor.
        oldest_at: when the oldest second value was written.
        age_days: London days since then.
    """

    key: str
    case_id: str | None
    reference: str
    name: str
    choices: int
    mine: int
    fields: tuple[str, ...]
    others: tuple[str, ...]
    officers: tuple[str, ...]
    oldest_at: datetime
    age_days: int

    @property
    def detail(self) -> str:
        """One line: ``4 fields, also changed by Samir Beltrane``."""
        count = "1 field" if self.choices == 1 else f"{self.choices} fields"
        people = " and ".join(self.others)
        return f"{count}, also changed by {people}" if people else f"{count}, changed twice"


@dataclass(frozen=True, slots=True)
class ConflictList:
    """Everything to decide, the oldest first.

    Attributes:
        joined_changes, joined_cases: what arrived in the last week and met nothing: joined without help.
    """

    cases: tuple[ConflictCase, ...]
    choices: int
    joined_changes: int
    joined_cases: int


@dataclass(frozen=True, slots=True)
class ShownValue:
    """One value of a choice.

    Attributes:
        key: what is handed back when it is chosen.
        words: the value; ``marks`` are the characters in which it differs from the other.
        note: where it came from.
        by, at, laptop: who wrote it, when and where; empty or None where it is not known.
        mine: written by the person looking.
        now: what the record says at present.
        why_not: why it cannot be chosen here; empty when it can.
    """

    key: str
    words: str
    marks: Marks
    note: str
    by: str
    at: datetime | None
    laptop: str
    mine: bool
    now: bool
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class ShownBefore:
    """What both sides replaced."""

    words: str
    note: str
    by: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class ShownBoth:
    """Keeping both.

    Attributes:
        title: such as "Keep both notes".
        detail: how they are put together.
        usual: whether it is chosen until somebody chooses otherwise.
    """

    title: str
    detail: str
    usual: bool


@dataclass(frozen=True, slots=True)
class TypedField:
    """One field of "Neither".

    Attributes:
        options: (value, words) of a choice.
        value: what it starts with, in wire form as text.
        required: may not be left empty.
    """

    name: str
    label: str
    kind: EditorKind
    value: str
    options: tuple[tuple[str, str], ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class ShownChoice:
    """One thing to decide.

    Attributes:
        key: stays while the same conflicts are open.
        conflict_ids: the conflicts that the decision settles.
        shown: handed back with the decision, so that nothing is decided that looked different.
        title: such as "Home address"; ``about`` says of which record when the title does not.
        left: the value in the "Yours" column; ``right``: the others.
        typed: the fields of "Neither"; empty where nothing else can be typed.
        typed_words: such as "Neither is right, type another address".
        may_decide: whether this person may; ``why_not`` says why not.
    """

    key: str
    conflict_ids: tuple[str, ...]
    shown: str
    title: str
    about: str
    note: str
    before: ShownBefore
    left: ShownValue
    right: tuple[ShownValue, ...]
    both: ShownBoth | None
    typed: tuple[TypedField, ...]
    typed_words: str
    may_decide: bool
    why_not: str
    offered_at: datetime

    @property
    def values(self) -> tuple[ShownValue, ...]:
        """Every value, left first."""
        return (self.left, *self.right)


@dataclass(frozen=True, slots=True)
class Side:
    """The head of a column: what it is called, and who and when where that is the same all the way down."""

    title: str
    detail: str


@dataclass(frozen=True, slots=True)
class CaseConflicts:
    """Everything to decide on one case.

    Attributes:
        line: age, year and reference beside the name.
        intro: what happened, in one or two sentences.
    """

    key: str
    case_id: str | None
    name: str
    line: str
    reference: str
    intro: str
    before: Side
    left: Side
    right: Side
    choices: tuple[ShownChoice, ...] = field(default=())


def day_and_time(at: datetime | None) -> str:
    """Return ``Mon 16 Nov 14:20`` in London."""
    return f"{format_short(to_london(at).date())} {format_time(at)}" if at else ""


def who_and_when(value: ShownValue) -> str:
    """Return ``Dawn Ellery, Mon 16 Nov 14:20, Dawn’s laptop``."""
    return ", ".join(part for part in (value.by, day_and_time(value.at), value.laptop) if part)
