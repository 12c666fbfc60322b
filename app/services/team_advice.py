"""What is worth knowing about a case that waits, and whom it could be given to. Advice only: a person decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Case, CaseRow, Child, Enrolment, Relationship, SafetyFlag
from app.models.terms import SAFETY_WORDS, CaseStatus, RelationshipKind, SafetyKind
from app.services.batches import batched
from app.services.restriction import Sight
from app.services.team_workload import Officer
from app.timesource import format_date

_BATCH = 400
_SERIOUS: Final = frozenset(
    {
        SafetyKind.CHILD_PROTECTION_PLAN,
        SafetyKind.LOOKED_AFTER,
        SafetyKind.VIOLENCE,
        SafetyKind.THREAT_TO_STAFF,
        SafetyKind.RESTRICTED_ADDRESS,
    }
)
_ICONS: Final = {
    SafetyKind.TEMPORARY_HOUSING: "house",
    SafetyKind.INTERPRETER: "languages",
    SafetyKind.VISIT_IN_PAIRS: "users-round",
    SafetyKind.SAFE_CONTACT_ONLY: "phone",
}
_FIELDS: Final = {
    ("case", "officer_id"): "Officer",
    ("case", "stage"): "Stage",
    ("case", "status"): "Open or closed",
    ("address", "lines"): "Home address",
    ("address", "postcode"): "Postcode",
    ("address", "town"): "Town",
    ("contact_point", "value"): "Telephone or e-mail",
    ("child", "born_on"): "Date of birth",
    ("child", "upn"): "UPN",
    ("child", "forename"): "First name",
    ("child", "surname"): "Surname",
    ("enquiry", "outcome"): "Outcome of an enquiry",
    ("enquiry", "state"): "State of an enquiry",
}


@dataclass(frozen=True, slots=True)
class Worth:
    """One thing worth knowing before a case is given to somebody; ``serious`` is shown as danger."""

    icon: str
    text: str
    serious: bool = False


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Somebody who could take a case, and why."""

    officer_id: str
    name: str
    initials: str
    why: str


@dataclass(slots=True)
class Facts:
    """What is known of one waiting case.

    Attributes:
        sibling_officers: officers of brothers' and sisters' open cases.
    """

    allocation: int
    worth: tuple[Worth, ...]
    sibling_officers: tuple[str, ...]


def field_words(table: str, field: str) -> str:
    """Return a column's name as people say it."""
    return _FIELDS.get((table, field)) or field.removesuffix("_on").removesuffix("_id").replace("_", " ").capitalize()


def allocations(session: Session, case_ids: Sequence[str]) -> dict[str, int]:
    """Return each case's allocation count."""
    found: dict[str, int] = {}
    for some in batched(case_ids, _BATCH):
        found |= {
            row.id: row.allocation for row in session.execute(select(Case.id, Case.allocation).where(Case.id.in_(some)))
        }
    return found


def facts_about(session: Session, rows: Sequence[CaseRow], today: date, sight: Sight) -> dict[str, Facts]:
    """Return what is known of each of these cases: a handful of queries whatever their number.

    A brother's or sister's case that the reader may not open is not mentioned.
    """
    children = list(dict.fromkeys(row.child_id for row in rows))
    numbers = allocations(session, [row.case_id for row in rows])
    siblings = _sibling_cases(session, children, sight)
    flags = _flags(session, children, today)
    left = _left_rolls(session, children)
    found = {}
    for row in rows:
        open_siblings = siblings.get(row.child_id, [])
        worth = [Worth("users-round", f"Sibling {name} is open") for name, _officer in open_siblings]
        worth += flags.get(row.child_id, [])
        if row.child_id in left:
            worth.append(Worth("school", f"Left roll {_day(left[row.child_id], today)}"))
        worth.sort(key=lambda each: not each.serious)
        officers = tuple(officer for _name, officer in open_siblings if officer)
        found[row.case_id] = Facts(numbers.get(row.case_id, 0), tuple(worth), officers)
    return found


def suggest(area: str, facts: Facts, officers: Sequence[Officer]) -> Suggestion | None:
    """Return who could take a case: has the sibling, else covers the area, else has most room.

    Nobody who is away is suggested; nobody at the agreed limit is either, unless they have the sibling.
    """
    here = [officer for officer in officers if not officer.away]
    for officer in here:
        if officer.user_id in facts.sibling_officers:
            return _suggestion(officer, "Has the sibling")
    free = [officer for officer in here if officer.room is None or officer.room > 0]
    covering = [officer for officer in free if area and area in officer.areas]
    if covering:
        return _suggestion(min(covering, key=lambda officer: officer.open), f"Covers {area}")
    if not free:
        return None
    # An unlimited officer counts as having as much room as the lightest load suggests.
    best = max(free, key=lambda officer: (officer.room if officer.room is not None else 0, -officer.open))
    if best.open == min(officer.open for officer in free):
        return _suggestion(best, "Fewest open cases")
    return _suggestion(best, f"Room for {best.room} more" if best.room else "Has most room")


def _suggestion(officer: Officer, why: str) -> Suggestion:
    return Suggestion(officer.user_id, officer.name, officer.initials, why)


def _day(day: date, today: date) -> str:
    words = format_date(day)
    return words if day.year != today.year else words.rsplit(" ", 1)[0]


def _sibling_cases(session: Session, children: Sequence[str], sight: Sight) -> dict[str, list[tuple[str, str | None]]]:
    found: dict[str, list[tuple[str, str | None]]] = {}
    for some in batched(children, _BATCH):
        query = (
            select(Relationship.child_id, Child.forename, Case.officer_id)
            .join(Child, Child.id == Relationship.sibling_id)
            .join(Case, Case.child_id == Relationship.sibling_id)
            .where(
                Relationship.child_id.in_(some),
                Relationship.kind == RelationshipKind.SIBLING,
                Case.status == CaseStatus.OPEN,
                *sight.open_cases(Case.id),
            )
            .order_by(Child.forename)
        )
        for child, name, officer in session.execute(query):
            found.setdefault(child, []).append((name, officer))
    return found


def _flags(session: Session, children: Sequence[str], today: date) -> dict[str, list[Worth]]:
    found: dict[str, list[Worth]] = {}
    for some in batched(children, _BATCH):
        query = (
            select(SafetyFlag.child_id, SafetyFlag.kind, SafetyFlag.detail, SafetyFlag.ended_on)
            .where(SafetyFlag.child_id.in_(some))
            .order_by(SafetyFlag.set_at)
        )
        for child, kind, detail, ended in session.execute(query):
            if ended is not None and ended <= today:
                continue
            words = SAFETY_WORDS[kind]
            text = f"{words}: {detail}" if kind is SafetyKind.INTERPRETER and detail else words
            icon = _ICONS.get(kind, "shield-alert")
            found.setdefault(child, []).append(Worth(icon, text, kind in _SERIOUS))
    return found


def _left_rolls(session: Session, children: Sequence[str]) -> dict[str, date]:
    """Return the day each child left the last school, for those who are on no roll now."""
    left: dict[str, date] = {}
    on_roll: set[str] = set()
    for some in batched(children, _BATCH):
        query = select(Enrolment.child_id, Enrolment.to_on).where(Enrolment.child_id.in_(some))
        for child, to_on in session.execute(query):
            if to_on is None:
                on_roll.add(child)
            elif child not in left or to_on > left[child]:
                left[child] = to_on
    return {child: day for child, day in left.items() if child not in on_roll}


def children_of(session: Session, person_ids: Sequence[str]) -> list[tuple[str, str]]:
    """Return (person, child) of people some conflict is about, such as a parent's telephone number."""
    query = (
        select(Relationship.person_id, Relationship.child_id)
        .where(Relationship.person_id.in_(person_ids))
        .order_by(Relationship.created_at)
    )
    return [(person, child) for person, child in session.execute(query) if person]
