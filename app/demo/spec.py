"""The demonstration's data files as typed records. See resources/demo/."""

import tomllib
from datetime import date
from functools import cache
from typing import Any

import msgspec

from app.errors import BugError
from app.models.terms import EnquiryState, EventKind, ReferralSource, RelationshipKind, Role, SafetyKind, Stage
from app.paths import RESOURCES

FOLDER = RESOURCES / "demo"


class AuthoritySpec(msgspec.Struct, frozen=True):
    """The council."""

    name: str
    service_name: str
    la_code: str
    office_address: str
    phone: str
    email: str
    privacy_notice_link: str
    duty_number: str


class StaffSpec(msgspec.Struct, frozen=True):
    """Somebody who signs in. ``away``: working days until they are back."""

    key: str
    username: str
    name: str
    role: Role
    job_title: str
    phone: str
    case_limit: int | None = None
    areas: str = ""
    working_pattern: str = ""
    away: int | None = None


class SchoolSpec(msgspec.Struct, frozen=True):
    """An invented school; ``estab`` is its number within the authority."""

    key: str
    name: str
    urn: str
    estab: str
    phase: str
    street: str
    town: str
    postcode: str
    phone: str


class Others(msgspec.Struct, frozen=True):
    """Names and streets that the other officers' cases are made from."""

    girls: list[str]
    boys: list[str]
    surnames: list[str]
    streets: list[str]


class Caseload(msgspec.Struct, frozen=True):
    """How much one officer has: open cases, days over of the overdue ones, working days ahead of those due."""

    open: int
    over: list[int]
    due: list[int]


class Marlshire(msgspec.Struct, frozen=True):
    """marlshire.toml."""

    authority: AuthoritySpec
    teams: dict[str, str]
    person: list[StaffSpec]
    school: list[SchoolSpec]
    towns: dict[str, str]
    others: Others
    caseload: dict[str, Caseload]


class Adult(msgspec.Struct, frozen=True):
    """A parent or carer."""

    name: str
    kind: RelationshipKind
    title: str = ""
    phone: str = ""
    language: str = ""
    format: str = ""
    elsewhere: bool = False


class CaseSpec(msgspec.Struct, frozen=True):
    """An episode. ``opened`` and ``closed`` in working days from today; ``waiting`` in calendar days ago."""

    ref: int
    stage: Stage
    source: ReferralSource
    area: str
    from_: str = msgspec.field(name="from")
    officer: str = ""
    opened: int = 0
    waiting: int | None = None
    closed: int | None = None
    outcome: str = ""
    evidence: str = ""
    reason: str = ""


class DueSpec(msgspec.Struct, frozen=True):
    """What falls due: ``at`` working days from today."""

    at: int
    what: str
    length: int
    statutory: bool = False


class LastSpec(msgspec.Struct, frozen=True):
    """The newest line of the timeline."""

    day: int
    kind: EventKind
    title: str


class ChildSpec(msgspec.Struct, frozen=True):
    """One child with family, school and case."""

    key: str
    name: str
    born: date
    sex: str
    home: list[str]
    upn: str = ""
    school: str = ""
    left: int | None = None
    seen: list[Any] | None = None
    adults: list[Adult] = []
    family: str = ""
    flags: list[str] = []
    case: CaseSpec | None = None
    due: DueSpec | None = None
    last: LastSpec | None = None
    story: str = ""
    proposed: str = ""
    """Outcome code, when closing is proposed."""

    @property
    def episode(self) -> CaseSpec:
        """Return the case of a child who has one."""
        if self.case is None:
            raise BugError(f"{self.key} has no case.")
        return self.case


class StoryLine(msgspec.Struct, frozen=True):
    """One event of a told case."""

    day: int
    at: str
    by: str
    kind: EventKind
    title: str
    body: str = ""
    document: str = ""


class TaskSpec(msgspec.Struct, frozen=True):
    """Something to do about a child."""

    child: str
    text: str
    due: int
    case_only: bool = False


class VisitSpec(msgspec.Struct, frozen=True):
    """A visit booked for today."""

    child: str
    text: str
    at: str
    place: str


class EnquirySpec(msgspec.Struct, frozen=True):
    """One line of Isla's checklist."""

    kind: str
    label: str
    state: EnquiryState
    by_school: bool = False
    asked: int | None = None
    answered: int | None = None
    due: int | None = None
    outcome: str = ""


class Stories(msgspec.Struct, frozen=True):
    """stories.toml."""

    isla: list[StoryLine]
    task: list[TaskSpec]
    visit: list[VisitSpec]
    enquiry: list[EnquirySpec]


class _Children(msgspec.Struct, frozen=True):
    child: list[ChildSpec]


@cache
def marlshire() -> Marlshire:
    """Return the authority's data."""
    return msgspec.convert(_read("marlshire"), Marlshire)


@cache
def children() -> list[ChildSpec]:
    """Return the children that have names in the pictures, and the rest of Dawn Ellery's."""
    return msgspec.convert(_read("children"), _Children).child


@cache
def stories() -> Stories:
    """Return what happened, and what is to be done."""
    return msgspec.convert(_read("stories"), Stories)


def flag_of(text: str) -> tuple[SafetyKind, str]:
    """Return the kind and detail of a flag written as ``kind`` or ``kind:detail``."""
    kind, _, detail = text.partition(":")
    return SafetyKind(kind), detail


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
