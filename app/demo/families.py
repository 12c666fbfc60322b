"""The children's own records: names, family, home, school, safety."""

from datetime import timedelta

from sqlalchemy.orm import Session

from app.demo import spec
from app.demo.spec import Adult, ChildSpec
from app.demo.world import World
from app.ids import new_id
from app.models import Address, Child, ContactPoint, Enrolment, Person, Relationship, SafetyFlag
from app.models.terms import Confidence, Known, RelationshipKind
from app.services import upn

_PARENTS = {RelationshipKind.MOTHER, RelationshipKind.FATHER, RelationshipKind.PARENT}
_SCHOOLS = {school.key: school for school in spec.marlshire().school}


def school(key: str) -> spec.SchoolSpec | None:
    """Return an invented school, or None for a child who has had none."""
    return _SCHOOLS.get(key)


def make_upn(child: ChildSpec, serial: int) -> str:
    """Return the child's UPN: given, or made with the right check letter; empty without a school."""
    known = school(child.school)
    if child.upn or known is None:
        return child.upn
    body = f"999{known.estab}{(child.born.year + 5) % 100:02d}{serial:03d}"
    return upn.check_letter(body) + body


def add_child(session: Session, world: World, child: ChildSpec, serial: int) -> None:
    """Add a child with family, home, school and flags."""
    forename, _, surname = child.name.rpartition(" ") if child.name.count(" ") == 1 else child.name.partition(" ")
    seen = child.seen
    record = Child(
        id=new_id(),
        forename=forename,
        surname=surname,
        born_on=world.days.born(child.born),
        sex=child.sex,
        upn=make_upn(child, serial),
        first_language=next((adult.language for adult in child.adults if adult.language), ""),
        last_seen_on=world.days.working(int(seen[0])) if seen else None,
        last_seen_where=str(seen[1]) if seen else "",
        last_seen_by=str(seen[2]) if seen else "",
        source="Referral" if child.case else "School census",
        confidence=Confidence.CONFIRMED,
    )
    session.add(record)
    world.children[child.key] = record.id
    session.add(_address(child, world, child_id=record.id))
    for order, adult in enumerate(_adults(child), start=1):
        _relate_adult(session, world, child, adult, order)
    _relate_siblings(session, world, child)
    _enrol(session, world, child)
    for text in child.flags:
        _flag(session, world, child, text)


def _adults(child: ChildSpec) -> list[Adult]:
    if child.adults or not child.family:
        return child.adults
    return next((other.adults for other in spec.children() if other.family == child.family and other.adults), [])


def _address(child: ChildSpec, world: World, **owner: str) -> Address:
    *lines, town, postcode = child.home
    return Address(
        lines="\n".join(lines),
        town=town,
        postcode=postcode,
        from_on=world.days.working(-400),
        source="School",
        confidence=Confidence.CONFIRMED,
        confirmed_on=world.days.working(child.left or -5),
        **owner,
    )


def _relate_adult(session: Session, world: World, child: ChildSpec, adult: Adult, order: int) -> None:
    key = f"{child.family or child.key}:{adult.name}"
    if key not in world.people:
        forename, _, surname = adult.name.partition(" ")
        person = Person(
            id=new_id(),
            title=adult.title,
            forename=forename,
            surname=surname,
            language=adult.language,
            format_needs=adult.format,
            contact_safe=Known.KNOWN,
            source="School",
        )
        session.add(person)
        world.people[key] = person.id
        if not adult.elsewhere:
            session.add(_address(child, world, person_id=person.id))
        if adult.phone:
            kind = "mobile" if adult.phone.startswith("07") else "phone"
            session.add(ContactPoint(person_id=person.id, kind=kind, value=adult.phone, source="School"))
    session.add(
        Relationship(
            child_id=world.children[child.key],
            person_id=world.people[key],
            kind=adult.kind,
            parental_responsibility=Known.KNOWN if adult.kind in _PARENTS else Known.NOT_KNOWN,
            lives_with=not adult.elsewhere,
            contact_order=order,
            confirmed_on=world.days.working(child.left or -5),
            source="School",
        )
    )


def _relate_siblings(session: Session, world: World, child: ChildSpec) -> None:
    if not child.family:
        return
    for other in spec.children():
        if other.family != child.family or other.key == child.key or other.key not in world.children:
            continue
        ids = world.children[child.key], world.children[other.key]
        for one, two in (ids, ids[::-1]):
            session.add(
                Relationship(
                    child_id=one,
                    sibling_id=two,
                    kind=RelationshipKind.SIBLING,
                    lives_with=True,
                    contact_order=5,
                    source="School",
                )
            )


def _enrol(session: Session, world: World, child: ChildSpec) -> None:
    known = school(child.school)
    if known is None:
        return
    left = world.days.working(child.left) if child.left is not None else None
    session.add(
        Enrolment(
            child_id=world.children[child.key],
            school_urn=known.urn,
            school_name=known.name,
            status="P" if left else "C",
            from_on=world.days.working(-300),
            to_on=left,
            last_attended_on=left,
            ground_regime="2024" if left and child.case and "deletion" in child.case.source.value else "",
            source="School census",
        )
    )


def _flag(session: Session, world: World, child: ChildSpec, text: str) -> None:
    kind, detail = spec.flag_of(text)
    session.add(
        SafetyFlag(
            child_id=world.children[child.key],
            kind=kind,
            detail=detail,
            evidence="Told to us with the referral.",
            set_at=world.days.now - timedelta(days=20),
            review_on=world.days.today + timedelta(days=200),
        )
    )
