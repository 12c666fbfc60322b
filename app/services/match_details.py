"""Candidates for the comparison table: born, UPN, address, parent, last school, brothers and sisters."""

from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from app.models import Address, Case, Child, Enrolment, Person, Relationship
from app.models.folding import fold
from app.models.terms import CaseStatus, RelationshipKind
from app.services import comparing, matching, schools
from app.services.access import Permission, require
from app.services.ages import age_on
from app.services.comparing import DIFFERENT, NOT_RECORDED, SAME, Comparison, Likeness, close
from app.services.matching import Candidate, FieldComparison, Hit, Strength, Subject
from app.services.restriction import Sight, sight_of
from app.timesource import format_date

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session

    from app.services.workspace import Workspace

PARENT_KINDS = frozenset(RelationshipKind) - {
    RelationshipKind.SIBLING,
    RelationshipKind.SOCIAL_WORKER,
    RelationshipKind.DOCTOR,
    RelationshipKind.OTHER,
}
LABELS = {
    "born": "Born",
    "upn": "UPN",
    "address": "Address",
    "parent": "Parent",
    "school": "Last school",
    "siblings": "Brothers and sisters",
}
_EMPTY = {
    "born": "Not known",
    "upn": "None",
    "address": "None",
    "parent": "None listed",
    "school": "None",
    "siblings": "None listed",
}


def find_candidates(ws: "Workspace", subject: Subject, *, limit: int = matching.CANDIDATES) -> list[Candidate]:
    """Return up to ``limit`` known children who may be the subject, strongest first.

    Searches this laptop only; the central store may know more.

    Raises:
        AccessRefused: the role may not take referrals.
    """
    require(ws.actor, Permission.TAKE_REFERRALS)
    with ws.read() as session:
        sight = sight_of(session, ws.actor)
        hits = matching.rank(matching.find_hits(session, subject))
        shown = [hit for hit in hits if hit.child.id not in sight.hidden_children]
        return [describe(session, ws, subject, hit, sight) for hit in shown[:limit]]


def subject_texts(subject: Subject) -> dict[str, str]:
    """Return this referral's own column of the comparison table."""
    until = subject.last_school_until
    school = subject.last_school_name
    if school and until:
        school = f"{school}, to {until.day} {until:%B}"
    return {
        "born": format_date(subject.born_on) if subject.born_on else subject.age_described or "Not known",
        "upn": subject.upn or "None",
        "address": one_line(subject.address_lines, subject.town) or "None",
        "parent": ", ".join(subject.parents) or "None listed",
        "school": school or "None",
        "siblings": ", ".join(_sibling(name, age) for name, age in subject.siblings) or "None listed",
    }


def describe(session: "Session", ws: "Workspace", subject: Subject, hit: Hit, sight: Sight) -> Candidate:
    """Return a candidate with every comparison; addresses that are protected are compared and not shown."""
    child = hit.child
    case = latest_case(session, child.id)
    restricted = child.id in sight.masked_children
    lines: tuple[FieldComparison, ...] = ()
    reasons = tuple(hit.reasons)
    if restricted:
        reasons = ("This record is restricted. Ask a manager to check.",)
    else:
        parent = _parents(session, subject, child)
        lines = (
            _line("born", format_date(child.born_on) if child.born_on else child.age_described, hit.born),
            _line("upn", child.upn or child.former_upn, hit.upn),
            _address(session, subject, child),
            parent,
            _school(session, subject, child),
            _siblings(session, subject, child, ws.time.today()),
        )
        if parent.comparison.likeness is Likeness.SAME:
            reasons += ("Same parent",)
    return Candidate(
        child_id=child.id,
        name=f"{child.forename} {child.surname}".strip(),
        heading=_heading(child, case),
        strength=hit.strength or Strength.WEAK,
        reasons=reasons,
        fields=lines,
        case_id=case.id if case else None,
        case_reference=case.reference if case else "",
        case_open=case is not None and case.status is CaseStatus.OPEN,
        restricted=restricted,
    )


def latest_case(session: "Session", child_id: str) -> Case | None:
    """Return a child's open case, else the one that closed last."""
    return session.scalars(
        select(Case)
        .where(Case.child_id == child_id)
        .order_by((Case.status != CaseStatus.OPEN), Case.closed_on.desc(), Case.opened_on.desc())
    ).first()


def one_line(lines: str, town: str = "") -> str:
    """Return address lines as one line, with the town unless it is there already."""
    parts = [part.strip() for part in lines.split("\n") if part.strip()]
    if town and fold(town) not in {fold(part) for part in parts}:
        parts.append(town)
    return ", ".join(parts)


def _heading(child: Child, case: Case | None) -> str:
    if case is None:
        return child.source or "Known to us, no case"
    if case.status is CaseStatus.OPEN:
        return f"Open case {case.reference}"
    return f"Closed case, {case.closed_on:%B %Y}" if case.closed_on else "Closed case"


def _line(key: str, theirs: str, comparison: Comparison) -> FieldComparison:
    return FieldComparison(key, LABELS[key], theirs or _EMPTY[key], comparison)


def _address(session: "Session", subject: Subject, child: Child) -> FieldComparison:
    rows = session.scalars(
        select(Address)
        .where(Address.child_id == child.id)
        .order_by(Address.to_on.is_not(None), Address.from_on.desc(), Address.created_at.desc())
    ).all()
    if not rows:
        return _line("address", "", NOT_RECORDED)
    ours = one_line(subject.address_lines, subject.town)
    compared = [
        comparing.compare_addresses(ours, subject.postcode, one_line(row.lines, row.town), row.postcode) for row in rows
    ]
    best = min(range(len(rows)), key=lambda index: (_order(compared[index]), index))
    if _order(compared[best]) >= _order(DIFFERENT):
        best = 0
    row, comparison = rows[best], compared[best]
    if best and comparison.likeness is Likeness.SAME:
        comparison = close("Same as an earlier address")
    shown = "Protected address" if row.protected else one_line(row.lines, row.town)
    return _line("address", shown, comparison)


def _order(comparison: Comparison) -> int:
    return (Likeness.SAME, Likeness.CLOSE, Likeness.DIFFERENT, Likeness.NOT_RECORDED).index(comparison.likeness)


def _parents(session: "Session", subject: Subject, child: Child) -> FieldComparison:
    people = session.scalars(
        select(Person)
        .join(Relationship, Relationship.person_id == Person.id)
        .where(Relationship.child_id == child.id, Relationship.kind.in_(PARENT_KINDS))
        .order_by(Relationship.contact_order, Relationship.id)
    ).all()
    names = [f"{person.forename} {person.surname}".strip() for person in people]
    names = [name for name in names if name]
    if not names:
        return _line("parent", "", NOT_RECORDED)
    pairs = [(comparing.compare_names(ours, theirs), theirs) for ours in subject.parents for theirs in names]
    if not pairs:
        return _line("parent", names[0], NOT_RECORDED)
    comparison, theirs = min(pairs, key=lambda pair: _order(pair[0]))
    return _line("parent", theirs if comparison else names[0], comparison)


def _school(session: "Session", subject: Subject, child: Child) -> FieldComparison:
    last = session.scalars(
        select(Enrolment)
        .where(Enrolment.child_id == child.id)
        .order_by(Enrolment.to_on.is_not(None), Enrolment.to_on.desc(), Enrolment.from_on.desc())
    ).first()
    if last is None or not (last.school_name or last.school_urn):
        return _line("school", "", NOT_RECORDED)
    if subject.last_school_urn and last.school_urn:
        if subject.last_school_urn == last.school_urn:
            comparison = SAME
        elif schools.same_school(session, (subject.last_school_urn, last.school_urn)):
            comparison = close("Same school, new number")
        else:
            comparison = DIFFERENT
    else:
        comparison = comparing.compare_names(subject.last_school_name, last.school_name)
    return _line("school", last.school_name or f"URN {last.school_urn}", comparison)


def _siblings(session: "Session", subject: Subject, child: Child, today: "date") -> FieldComparison:
    links = session.execute(
        select(Relationship.child_id, Relationship.sibling_id).where(
            Relationship.kind == RelationshipKind.SIBLING,
            or_(Relationship.child_id == child.id, Relationship.sibling_id == child.id),
        )
    ).all()
    ids = {one if one != child.id else other for one, other in links} - {None}
    if not ids:
        return _line("siblings", "", NOT_RECORDED)
    theirs = session.scalars(select(Child).where(Child.id.in_(ids)).order_by(Child.born_on, Child.forename)).all()
    shown = ", ".join(_sibling(one.forename, age_on(one.born_on, today)) for one in theirs)
    if not subject.siblings:
        return _line("siblings", shown, NOT_RECORDED)
    shared = sum(
        any(comparing.compare_names(name.split()[0] if name else "", one.forename) for one in theirs)
        for name, _ in subject.siblings
    )
    if not shared:
        return _line("siblings", shown, DIFFERENT)
    most = max(len(subject.siblings), len(theirs))
    return _line("siblings", shown, SAME if shared == most else close(f"{shared} of {most} the same"))


def _sibling(name: str, age: int | None) -> str:
    return f"{name}, {age}" if age is not None else name
