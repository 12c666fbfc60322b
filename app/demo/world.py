"""What the demonstration's builders share: who and what exists so far, and one thing that somebody does."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from app.demo.days import Days


@dataclass(slots=True)
class World:
    """Ids by the keys of the data files.

    Attributes:
        year: in case references, ``CME-<year>-00412``.
        with_papers: real letters and documents are made, so the told lines about them are left out.
    """

    days: Days
    teams: dict[str, str] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    children: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    cases: dict[str, str] = field(default_factory=dict)
    with_papers: bool = False

    @property
    def year(self) -> int:
        """Return the year of the references."""
        return self.days.today.year

    def reference(self, number: int) -> str:
        """Return a case reference of the demonstration."""
        return f"CME-{self.year}-{number:05d}"


Act = Callable[[Session, World], None]


@dataclass(frozen=True, slots=True)
class Deed:
    """Something one person did at one moment.

    Attributes:
        at: when.
        by: key of the person, or empty for the service itself.
        reason: words for history.
        act: writes the records.
        bulk: whether it may share a commit with its neighbours (nobody looks at its history).
    """

    at: datetime
    by: str
    reason: str
    act: Act
    bulk: bool = False
