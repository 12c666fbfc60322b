"""Who a letter about a child can go to, at which address, and what stops it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.models import Address, Child, Enrolment, Person, Relationship, SafetyFlag, School
from app.models.terms import RELATIONSHIP_WORDS, Known, RelationshipKind, SafetyKind

PARENTS = frozenset(
    {
        RelationshipKind.MOTHER,
        RelationshipKind.FATHER,
        RelationshipKind.PARENT,
        RelationshipKind.STEP_MOTHER,
        RelationshipKind.STEP_FATHER,
        RelationshipKind.STEP_PARENT,
        RelationshipKind.FOSTER_MOTHER,
        RelationshipKind.FOSTER_FATHER,
        RelationshipKind.CARER,
        RelationshipKind.GRANDPARENT,
    }
)
_UNSAFE = (Known.REFUSED, Known.WITHHELD)
_POINTS = re.compile(r"\b(16|18)\b")


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody a letter can be written to.

    Attributes:
        key: ``person:<id>``, ``school:<id>`` or ``school:`` with the name where the school is not on the list.
        role: how they stand to the child, such as "father" or "headteacher".
        salutation: after "Dear".
        named: whether the salutation is their name.
        address: lines; empty when none is held or it must not be printed.
        stop: why no letter may go to them, in words; empty when it may.
        contact_checked: whether somebody recorded that it is safe to write to them.
        responsible: whether they hold parental responsibility.
        points: size of text they asked for.
        dfe_number, school_urn: of a school.
    """

    key: str
    kind: str
    id: str | None
    name: str
    role: str
    salutation: str
    named: bool
    address: tuple[str, ...]
    stop: str = ""
    contact_checked: bool = True
    responsible: bool = False
    language: str = ""
    points: int = 12
    dfe_number: str = ""
    school_urn: str = ""

    @property
    def label(self) -> str:
        """Return the words of the "Send to" list."""
        return f"{self.name}, {self.role}" if self.role else self.name


def flags_of(session: Session, child_id: str) -> frozenset[SafetyKind]:
    """Return the safety flags that are open on a child."""
    query = select(SafetyFlag.kind).where(SafetyFlag.child_id == child_id, SafetyFlag.ended_on.is_(None))
    return frozenset(session.scalars(query))


def parents(session: Session, child: Child, today: date) -> tuple[Recipient, ...]:
    """Return each parent or carer, in the order they are contacted."""
    flags = flags_of(session, child.id)
    query = (
        select(Relationship, Person)
        .join(Person, Person.id == Relationship.person_id)
        .where(Relationship.child_id == child.id)
        .order_by(Relationship.contact_order, Relationship.created_at)
    )
    found = [(tie, person) for tie, person in session.execute(query) if _is_parent(tie)]
    homes = _homes(session, child.id, [person.id for _, person in found], today)
    return tuple(_parent(tie, person, homes, flags, child) for tie, person in found)


def _is_parent(tie: Relationship) -> bool:
    return tie.kind in PARENTS or tie.parental_responsibility is Known.KNOWN


def _homes(session: Session, child_id: str, people: list[str], today: date) -> dict[str, Address]:
    """Return the current address of the child and of each person, by whose it is; the latest one wins."""
    query = (
        select(Address)
        .where(or_(Address.child_id == child_id, Address.person_id.in_(people)))
        .where(or_(Address.to_on.is_(None), Address.to_on >= today))
    )
    rows = sorted(session.scalars(query), key=lambda row: (row.from_on or date.min, row.created_at))
    return {row.child_id or row.person_id or "": row for row in rows}


def _parent(
    tie: Relationship, person: Person, homes: dict[str, Address], flags: frozenset[SafetyKind], child: Child
) -> Recipient:
    shared = tie.lives_with and person.id not in homes
    home = homes.get(child.id) if shared else homes.get(person.id)
    # A restricted address covers everybody who lives there, whatever is said of each.
    hidden = home is not None and (
        home.protected or (SafetyKind.RESTRICTED_ADDRESS in flags and (tie.lives_with or shared))
    )
    name = " ".join(part for part in (person.title, person.forename, person.surname) if part)
    formal = f"{person.title} {person.surname}" if person.title and person.surname else name
    return Recipient(
        key=f"person:{person.id}",
        kind="person",
        id=person.id,
        name=name,
        role=RELATIONSHIP_WORDS[tie.kind],
        salutation=formal,
        named=True,
        address=() if home is None or hidden else lines_of(home),
        stop=_stop(person, name, flags, hidden=hidden),
        contact_checked=person.contact_safe is Known.KNOWN,
        responsible=tie.parental_responsibility is Known.KNOWN,
        language=person.language,
        points=_points(person.format_needs),
    )


def _stop(person: Person, name: str, flags: frozenset[SafetyKind], *, hidden: bool) -> str:
    if person.no_contact:
        return f"{name} must not be contacted. Choose another person, or ask a manager."
    if person.contact_safe in _UNSAFE:
        return f"It is not safe to write to {name}. Choose another person, or ask a manager."
    if hidden:
        return f"{name} has a protected address. It cannot go on a letter. Ask a manager how to reach {name}."
    if SafetyKind.SAFE_CONTACT_ONLY in flags and person.contact_safe is not Known.KNOWN:
        return (
            f"This child has a safe contact flag, and nobody has recorded that it is safe to write to {name}. "
            "Check, and record it under Family and contacts."
        )
    return ""


def _points(needs: str) -> int:
    match = _POINTS.search(needs)
    if match:
        return int(match.group())
    return 16 if "large" in needs.casefold() else 12


def lines_of(address: Address) -> tuple[str, ...]:
    """Return an address as printed: its lines, then town, postcode and a foreign country."""
    country = address.country if address.country.casefold() not in ("", "england", "uk", "united kingdom") else ""
    parts = [*address.lines.splitlines(), address.town, address.postcode, country]
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def schools(session: Session, child_id: str) -> tuple[Recipient, ...]:
    """Return the schools a child was or may be at, the latest first."""
    query = select(Enrolment).where(Enrolment.child_id == child_id)
    rows = sorted(
        session.scalars(query), key=lambda row: (row.to_on or row.from_on or date.min, row.created_at), reverse=True
    )
    known = _schools_by_urn(session, [row.school_urn for row in rows])
    found: dict[str, Recipient] = {}
    for row in rows:
        school = known.get(row.school_urn)
        made = _head(school) if school is not None else _unlisted(row.school_name)
        if made is not None:
            found.setdefault(made.key, made)
    return tuple(found.values())


def _schools_by_urn(session: Session, urns: Iterable[str]) -> dict[str, School]:
    wanted = {urn for urn in urns if urn}
    return {row.urn: row for row in session.scalars(select(School).where(School.urn.in_(wanted)))} if wanted else {}


def _head(school: School) -> Recipient:
    name = " ".join(part for part in (school.head_title, school.head_first_name, school.head_last_name) if part)
    formal = f"{school.head_title} {school.head_last_name}" if school.head_title and school.head_last_name else name
    named = bool(school.head_last_name)
    # Post needs no county beside a town, and the window of an envelope has no room for one.
    county = "" if school.town else school.county
    places = (school.street, school.locality, school.address3, school.town, county, school.postcode)
    address = tuple(dict.fromkeys(part.strip() for part in places if part.strip()))
    top = ("Headteacher", school.name) if named else (school.name,)
    return Recipient(
        key=f"school:{school.id}",
        kind="school",
        id=school.id,
        name=name if named else "The headteacher",
        role=f"head of {school.name}" if named else school.name,
        salutation=formal if named else "Headteacher",
        named=named,
        address=(*top, *address) if address else (),
        dfe_number=f"{school.la_code}/{school.establishment_number}" if school.establishment_number else "",
        school_urn=school.urn,
    )


def _unlisted(name: str) -> Recipient | None:
    if not name.strip():
        return None
    return Recipient(
        key=f"school:{name.strip()}",
        kind="school",
        id=None,
        name="The headteacher",
        role=name.strip(),
        salutation="Headteacher",
        named=False,
        address=(),
    )


def household(session: Session, child_id: str) -> tuple[str, ...]:
    """Return the ids of the people who live with a child."""
    query = select(Relationship.person_id).where(Relationship.child_id == child_id, Relationship.lives_with)
    return tuple(person for person in session.scalars(query) if person)
