"""Turning a referral's answers into records: a new child and what is around it, or what a known child's record lacks.

A value that is already recorded is never overwritten here; what differs stays in the referral, where it can be read.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.ids import new_id
from app.models import (
    Address,
    Child,
    ChildName,
    ContactPoint,
    Enrolment,
    HealthLink,
    Person,
    Relationship,
    SafetyFlag,
    Synced,
)
from app.models.folding import fold, fold_postcode
from app.models.terms import Confidence, Known, RelationshipKind, SafetyKind
from app.services import comparing, upn
from app.services.comparing import Likeness
from app.services.referral_form import (
    NOT_KNOWN,
    Answers,
    CarerAnswer,
    SiblingAnswer,
    day,
    split_name,
)
from app.services.referral_words import last_school, source_name

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.services.workspace import Workspace


@dataclass(slots=True)
class Recorded:
    """What was written, so that it can be taken back.

    Attributes:
        made: (table, id) of new rows.
        filled: (table, id, field, new value) of empty fields that got a value.
    """

    child_id: str
    made: list[tuple[str, str]] = field(default_factory=list)
    filled: list[tuple[str, str, str, Any]] = field(default_factory=list)


class Recorder:
    """Writes one referral's records in one session."""

    def __init__(self, session: "Session", ws: "Workspace", answers: Answers, child_id: str | None) -> None:
        self._session = session
        self._ws = ws
        self._answers = answers
        self._today = ws.time.today()
        self._source = source_name(answers)
        self._known = child_id is not None
        self._done = Recorded(child_id or new_id())

    def record(self) -> Recorded:
        """Write everything and return what was written."""
        self._child()
        self._other_names()
        self._address()
        if self._answers.child.phone.strip():
            self._contact(self._answers.child.phone, child_id=self._done.child_id)
        for order, carer in enumerate(self._answers.family.carers, start=1):
            self._carer(carer, order)
        for sibling in self._answers.family.siblings:
            self._sibling(sibling)
        self._enrolment()
        self._health()
        self._safety()
        self._session.flush()
        return self._done

    def _add(self, record: Synced) -> None:
        record.id = record.id or new_id()
        self._session.add(record)
        self._done.made.append((record.__tablename__, record.id))

    def _fill(self, record: Synced, values: dict[str, Any]) -> None:
        for name, value in values.items():
            if value not in ("", None) and getattr(record, name) in ("", None):
                setattr(record, name, value)
                self._done.filled.append((record.__tablename__, record.id, name, value))

    def _child(self) -> None:
        given = self._answers.child
        checked, former = upn.check(given.upn), upn.check(given.former_upn)
        values: dict[str, Any] = {
            "forename": given.forename.strip(),
            "middle_names": given.middle_names.strip(),
            "surname": given.surname.strip(),
            "preferred_name": given.preferred_name.strip(),
            "born_on": day(given.born_on) if given.born != NOT_KNOWN else None,
            "age_described": given.age_described.strip(),
            "expected_on": day(given.expected_on),
            "sex": given.sex if given.sex in ("M", "F") else "",
            "upn": checked.upn if checked.usable else "",
            "former_upn": former.upn if former.usable else "",
            "year_group": given.year_group.strip(),
            "first_language": given.first_language.strip(),
        }
        if self._known:
            child = self._session.get_one(Child, self._done.child_id)
            self._fill(child, values)
            if child.born_on is not None and child.born_on_known is not Known.KNOWN:
                child.born_on_known = Known.KNOWN
        else:
            child = Child(id=self._done.child_id, source=self._source, confidence=Confidence.REPORTED, **values)
            child.born_on_known = Known.KNOWN if values["born_on"] else Known.NOT_KNOWN
            self._add(child)
            self._session.flush()
        self._last_seen(child)

    def _last_seen(self, child: Child) -> None:
        known = self._answers.known
        seen_on = day(known.last_seen_on)
        if seen_on is None or (child.last_seen_on is not None and child.last_seen_on >= seen_on):
            return
        for name, value in (
            ("last_seen_on", seen_on),
            ("last_seen_where", known.last_seen_where.strip()),
            ("last_seen_by", known.last_seen_by.strip()),
        ):
            setattr(child, name, value)

    def _other_names(self) -> None:
        child = self._session.get_one(Child, self._done.child_id)
        held = {(fold(child.forename), fold(child.surname))}
        rows = self._session.scalars(select(ChildName).where(ChildName.child_id == child.id))
        held |= {(fold(name.forename), fold(name.surname)) for name in rows}
        given = self._answers.child
        names = [split_name(name) for name in given.other_names if name.strip()]
        names.append((given.forename.strip(), given.surname.strip()))
        for forename, surname in names:
            key = (fold(forename), fold(surname))
            if any(key) and key not in held:
                held.add(key)
                self._add(
                    ChildName(child_id=child.id, forename=forename, surname=surname, kind="alias", source=self._source)
                )

    def _address(self) -> None:
        given = self._answers.child
        if given.address_state == NOT_KNOWN or not (given.address.strip() or given.postcode.strip()):
            return
        secret = self._answers.safety.get(SafetyKind.RESTRICTED_ADDRESS.value)
        self._place(
            given.address,
            given.town,
            given.postcode,
            protected=secret is not None and secret.answer == "yes",
            child_id=self._done.child_id,
        )

    def _place(
        self,
        lines: str,
        town: str,
        postcode: str,
        *,
        protected: bool = False,
        child_id: str | None = None,
        person_id: str | None = None,
    ) -> None:
        owner = Address.child_id == child_id if child_id else Address.person_id == person_id
        starts = day(self._answers.who.received_on) or self._today
        for held in self._session.scalars(select(Address).where(owner, Address.to_on.is_(None))):
            alike = comparing.compare_addresses(
                f"{lines}\n{town}", postcode, f"{held.lines}\n{held.town}", held.postcode
            )
            if alike.likeness is Likeness.SAME:
                held.protected = held.protected or protected
                return
            held.to_on = starts
            self._done.filled.append(("address", held.id, "to_on", starts))
        self._add(
            Address(
                child_id=child_id,
                person_id=person_id,
                lines=lines.strip(),
                town=town.strip(),
                postcode=tidy_postcode(postcode),
                from_on=starts,
                protected=protected,
                source=self._source,
                confidence=Confidence.REPORTED,
            )
        )

    def _contact(self, value: str, *, child_id: str | None = None, person_id: str | None = None) -> None:
        words = " ".join(value.split())
        owner = ContactPoint.child_id == child_id if child_id else ContactPoint.person_id == person_id
        held = self._session.scalars(select(ContactPoint).where(owner)).all()
        if any(_digits(one.value) == _digits(words) for one in held):
            return
        self._add(
            ContactPoint(
                child_id=child_id, person_id=person_id, kind=contact_kind(words), value=words, source=self._source
            )
        )

    def _carer(self, given: CarerAnswer, order: int) -> None:
        name = f"{given.forename} {given.surname}".strip()
        if not name:
            return
        person = self._held_person(name)
        if person is None:
            person = Person(
                id=new_id(),
                title=given.title.strip(),
                forename=given.forename.strip(),
                surname=given.surname.strip(),
                source=self._source,
            )
            self._add(person)
            self._add(
                Relationship(
                    child_id=self._done.child_id,
                    person_id=person.id,
                    kind=_kind(given.kind),
                    parental_responsibility=_known(given.responsibility),
                    lives_with=given.lives_with,
                    contact_order=order,
                    source=self._source,
                )
            )
            self._session.flush()
        self._fill(person, {"language": given.language.strip(), "note": given.note.strip()})
        if given.contact in ("refused", "withheld"):
            person.no_contact, person.contact_safe = True, Known.REFUSED
        elif given.contact == "known" and person.contact_safe is Known.NOT_ASKED:
            person.contact_safe = Known.KNOWN
        for value in (given.phone, given.email):
            if value.strip():
                self._contact(value, person_id=person.id)
        if given.address.strip() or given.postcode.strip():
            self._place(given.address, given.town, given.postcode, person_id=person.id)

    def _held_person(self, name: str) -> Person | None:
        people = self._session.scalars(
            select(Person)
            .join(Relationship, Relationship.person_id == Person.id)
            .where(Relationship.child_id == self._done.child_id)
        )
        for person in people:
            held = f"{person.forename} {person.surname}"
            if comparing.compare_names(name, held).likeness is Likeness.SAME:
                return person
        return None

    def _sibling(self, given: SiblingAnswer) -> None:
        name = given.name.strip()
        links = self._session.scalars(
            select(Child)
            .join(Relationship, Relationship.sibling_id == Child.id)
            .where(Relationship.child_id == self._done.child_id)
        ).all()
        if any(child.id == given.child_id or fold(child.forename) == fold(name) for child in links):
            return
        sibling_id = given.child_id
        if not sibling_id or self._session.get(Child, sibling_id) is None:
            if not name:
                return
            forename, surname = split_name(name) if " " in name else (name, self._answers.child.surname.strip())
            age = f"{given.age} when reported" if given.age.isdigit() else given.age.strip()
            sibling = Child(
                id=new_id(),
                forename=forename,
                surname=surname,
                born_on_known=Known.NOT_KNOWN,
                age_described=age,
                source=self._source,
            )
            self._add(sibling)
            sibling_id = sibling.id
        for one, other in ((self._done.child_id, sibling_id), (sibling_id, self._done.child_id)):
            self._add(Relationship(child_id=one, sibling_id=other, kind=RelationshipKind.SIBLING, source=self._source))
        self._session.flush()

    def _enrolment(self) -> None:
        urn, name = last_school(self._answers)
        if not (urn or name):
            return
        known = self._answers.known
        values = {
            "school_urn": urn,
            "school_name": name,
            "from_on": day(known.admitted_on),
            "to_on": day(known.on_roll_until),
            "last_attended_on": day(known.last_attended_on),
            "ground_regime": known.ground_regime,
            "ground_code": known.ground_code,
            "leaving_reason": known.ground_as_given.strip() if not known.ground_code else "",
            "destination": known.destination.strip(),
            "destination_start_on": day(known.destination_from),
        }
        held = self._session.scalars(
            select(Enrolment)
            .where(Enrolment.child_id == self._done.child_id)
            .order_by(Enrolment.to_on.is_not(None), Enrolment.to_on.desc())
        ).all()
        for one in held:
            same = (urn and one.school_urn == urn) or (fold(one.school_name) == fold(name) != "")
            if same and (one.to_on is None or one.to_on == values["to_on"] or values["to_on"] is None):
                self._fill(one, values)
                return
        self._add(Enrolment(child_id=self._done.child_id, source=self._source, **values))

    def _health(self) -> None:
        name = self._answers.known.health.strip()
        held = self._session.scalars(select(HealthLink.name).where(HealthLink.child_id == self._done.child_id))
        if name and fold(name) not in {fold(one) for one in held}:
            self._add(HealthLink(child_id=self._done.child_id, kind="gp", name=name, source=self._source))

    def _safety(self) -> None:
        held = set(
            self._session.scalars(
                select(SafetyFlag.kind).where(SafetyFlag.child_id == self._done.child_id, SafetyFlag.ended_on.is_(None))
            )
        )
        for kind in SafetyKind:
            given = self._answers.safety.get(kind.value)
            if given is None or given.answer != "yes" or kind in held:
                continue
            self._add(
                SafetyFlag(
                    child_id=self._done.child_id,
                    kind=kind,
                    evidence=f"Referral: {self._source}" if self._source else "Referral",
                    detail=given.detail.strip(),
                    set_at=self._ws.time.now(),
                    review_on=a_year_after(self._today),
                )
            )


def tidy_postcode(text: str) -> str:
    """Return a postcode with one space where it has a postcode's length; other texts as they are."""
    folded = fold_postcode(text)
    return f"{folded[:-3]} {folded[-3:]}" if 5 <= len(folded) <= 7 else " ".join(text.split())


def contact_kind(value: str) -> str:
    """Return phone, mobile or email by a value's look."""
    if "@" in value:
        return "email"
    return "mobile" if _digits(value).startswith(("07", "447")) else "phone"


def a_year_after(today: date) -> date:
    """Return the same day next year (1 March for 29 February): the longest a safety flag goes unreviewed."""
    try:
        return today.replace(year=today.year + 1)
    except ValueError:
        return date(today.year + 1, 3, 1)


def _digits(value: str) -> str:
    return value.casefold() if "@" in value else "".join(char for char in value if char.isdigit())


def _kind(value: str) -> RelationshipKind:
    return RelationshipKind(value) if value in set(RelationshipKind) else RelationshipKind.OTHER


def _known(value: str) -> Known:
    return Known(value) if value in set(Known) else Known.NOT_ASKED
