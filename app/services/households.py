"""A child's family and contacts by household: who lives where, who may be told what, and what is protected."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.models import Address, Case, Child, ContactPoint, Person, Relationship
from app.models.folding import fold
from app.models.terms import RELATIONSHIP_WORDS, CaseStatus, Known, RelationshipKind
from app.services.ages import age_on, age_words
from app.services.restriction import Sight

_GONE_LAST = date.max


@dataclass(frozen=True, slots=True)
class ContactView:
    """A telephone number or e-mail address."""

    id: str
    kind: str
    value: str
    safe_to_leave_message: Known
    safe_times: str
    source: str


@dataclass(frozen=True, slots=True)
class AddressView:
    """An address for the period it applied.

    Attributes:
        text: lines, town and postcode on one line.
        protected: never printed, exported or shown to another parent.
    """

    id: str
    text: str
    lines: str
    town: str
    postcode: str
    from_on: date | None
    to_on: date | None
    protected: bool
    source: str
    confirmed_on: date | None


@dataclass(frozen=True, slots=True)
class MemberView:
    """A person, or a brother or sister, as they stand to the child.

    Attributes:
        relationship_id: None for the child themselves.
        person_id: None for children.
        role: such as "mother"; empty for the child.
        case_id, case_reference: a sibling's open case.
        contact_words: "Safe to contact", "Not asked" or "Do not contact".
    """

    relationship_id: str | None
    person_id: str | None
    child_id: str | None
    name: str
    initials: str
    role: str
    kind: RelationshipKind | None
    age: str
    parental_responsibility: Known
    lives_with: bool
    no_contact: bool
    contact_words: str
    language: str
    format_needs: str
    organisation: str
    source: str
    confirmed_on: date | None
    note: str
    contacts: tuple[ContactView, ...]
    case_id: str | None
    case_reference: str
    expected_on: date | None
    title: str = ""
    forename: str = ""
    surname: str = ""


@dataclass(frozen=True, slots=True)
class HouseholdView:
    """People at one address; ``address`` is None for those without one."""

    title: str
    address: AddressView | None
    members: tuple[MemberView, ...]
    earlier: bool


def initials_of(name: str) -> str:
    """Return up to two initials of a name."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()


def households(session: Session, child: Child, today: date, sight: Sight | None = None) -> tuple[HouseholdView, ...]:
    """Return the child's households: the child's own first, then other addresses, then people without one.

    A brother or sister whose own record the reader may not open is there by name only, or not at all.

    Args:
        session: reading; whoever calls has asked whether the reader may open the child's case.
        child: whose family.
        today: local date.
        sight: what the reader may not see; None where nothing is closed to them.
    """
    sight = sight or Sight()
    relations = list(
        session.scalars(
            select(Relationship)
            .where(Relationship.child_id == child.id)
            .order_by(Relationship.contact_order, Relationship.created_at)
        )
    )
    people = _by_id(session, Person, {each.person_id for each in relations})
    relations = [each for each in relations if each.sibling_id not in sight.hidden_children]
    siblings = _by_id(session, Child, {each.sibling_id for each in relations})
    owners = {child.id, *people, *siblings} - sight.masked_children
    addresses = _addresses(session, owners)
    contacts = _contacts(session, owners)
    cases = _open_cases(session, set(siblings))
    members = [_child_member(child, today, contacts)]
    for relation in relations:
        member = _member(relation, people, siblings, contacts, cases, today)
        if member is not None and member.child_id in sight.masked_children:
            member = _name_only(member)
        if member is not None:
            members.append(member)
    return _group(child, members, addresses)


def _by_id(session: Session, model: type[Person] | type[Child], ids: Iterable[str | None]) -> dict[str, Person | Child]:
    wanted = [each for each in ids if each]
    if not wanted:
        return {}
    found: Iterable[Person | Child] = session.scalars(select(model).where(model.id.in_(wanted)))
    return {each.id: each for each in found}


def _addresses(session: Session, owners: set[str]) -> dict[str, list[AddressView]]:
    found: dict[str, list[AddressView]] = defaultdict(list)
    query = select(Address).where(or_(Address.child_id.in_(owners), Address.person_id.in_(owners)))
    for each in session.scalars(query):
        found[each.child_id or each.person_id or ""].append(_address_view(each))
    for views in found.values():
        views.sort(key=lambda view: (view.to_on or _GONE_LAST, view.from_on or date.min), reverse=True)
    return found


def _address_view(address: Address) -> AddressView:
    parts = [*address.lines.splitlines(), address.town, address.postcode]
    return AddressView(
        id=address.id,
        text=", ".join(part.strip() for part in parts if part.strip()),
        lines=address.lines,
        town=address.town,
        postcode=address.postcode,
        from_on=address.from_on,
        to_on=address.to_on,
        protected=address.protected,
        source=address.source,
        confirmed_on=address.confirmed_on,
    )


def _contacts(session: Session, owners: set[str]) -> dict[str, list[ContactView]]:
    found: dict[str, list[ContactView]] = defaultdict(list)
    query = (
        select(ContactPoint)
        .where(or_(ContactPoint.child_id.in_(owners), ContactPoint.person_id.in_(owners)))
        .order_by(ContactPoint.created_at)
    )
    for each in session.scalars(query):
        found[each.child_id or each.person_id or ""].append(
            ContactView(each.id, each.kind, each.value, each.safe_to_leave_message, each.safe_times, each.source)
        )
    return found


def _open_cases(session: Session, children: set[str]) -> dict[str, tuple[str, str]]:
    query = select(Case.child_id, Case.id, Case.reference).where(
        Case.child_id.in_(children), Case.status == CaseStatus.OPEN
    )
    return {child_id: (case_id, reference) for child_id, case_id, reference in session.execute(query)}


def _child_member(child: Child, today: date, contacts: dict[str, list[ContactView]]) -> MemberView:
    name = f"{child.forename} {child.surname}".strip()
    return MemberView(
        relationship_id=None,
        person_id=None,
        child_id=child.id,
        name=name,
        initials=initials_of(name),
        role="",
        kind=None,
        age=age_words(child.born_on, today, child.year_group, child.age_described),
        parental_responsibility=Known.NOT_ASKED,
        lives_with=True,
        no_contact=False,
        contact_words="",
        language=child.first_language,
        format_needs="",
        organisation="",
        source=child.source,
        confirmed_on=None,
        note="",
        contacts=tuple(contacts.get(child.id, ())),
        case_id=None,
        case_reference="",
        expected_on=child.expected_on,
        forename=child.forename,
        surname=child.surname,
    )


def _member(
    relation: Relationship,
    people: dict[str, Person | Child],
    siblings: dict[str, Person | Child],
    contacts: dict[str, list[ContactView]],
    cases: dict[str, tuple[str, str]],
    today: date,
) -> MemberView | None:
    sibling = siblings.get(relation.sibling_id or "")
    if isinstance(sibling, Child):
        return _sibling_member(relation, sibling, contacts, cases, today)
    person = people.get(relation.person_id or "")
    if not isinstance(person, Person):
        return None
    name = " ".join(part for part in (person.title, person.forename, person.surname) if part) or person.organisation
    return MemberView(
        relationship_id=relation.id,
        person_id=person.id,
        child_id=None,
        name=name,
        initials=initials_of(f"{person.forename} {person.surname}".strip() or person.organisation),
        role=RELATIONSHIP_WORDS[relation.kind],
        kind=relation.kind,
        age="",
        parental_responsibility=relation.parental_responsibility,
        lives_with=relation.lives_with,
        no_contact=person.no_contact,
        contact_words=_contact_words(person),
        language=person.language,
        format_needs=person.format_needs,
        organisation=person.organisation,
        source=relation.source or person.source,
        confirmed_on=relation.confirmed_on,
        note=person.note,
        contacts=tuple(contacts.get(person.id, ())),
        case_id=None,
        case_reference="",
        expected_on=None,
        title=person.title,
        forename=person.forename,
        surname=person.surname,
    )


def _sibling_member(
    relation: Relationship,
    sibling: Child,
    contacts: dict[str, list[ContactView]],
    cases: dict[str, tuple[str, str]],
    today: date,
) -> MemberView:
    name = f"{sibling.forename} {sibling.surname}".strip()
    case_id, reference = cases.get(sibling.id, (None, ""))
    role = {"M": "brother", "F": "sister"}.get(sibling.sex, RELATIONSHIP_WORDS[RelationshipKind.SIBLING])
    age = age_on(sibling.born_on, today)
    return MemberView(
        relationship_id=relation.id,
        person_id=None,
        child_id=sibling.id,
        name=name or "Unborn child",
        initials=initials_of(name) or "?",
        role=role,
        kind=relation.kind,
        age=str(age) if age is not None else sibling.age_described,
        parental_responsibility=Known.NOT_ASKED,
        lives_with=relation.lives_with,
        no_contact=False,
        contact_words="",
        language=sibling.first_language,
        format_needs="",
        organisation="",
        source=relation.source,
        confirmed_on=relation.confirmed_on,
        note="",
        contacts=tuple(contacts.get(sibling.id, ())),
        case_id=case_id,
        case_reference=reference,
        expected_on=sibling.expected_on,
    )


def _name_only(member: MemberView) -> MemberView:
    """Return what is shown of a brother or sister whose case is restricted."""
    return replace(
        member,
        age="",
        lives_with=False,
        language="",
        source="",
        confirmed_on=None,
        contacts=(),
        case_reference="",
        case_id=None,
        expected_on=None,
        note="Restricted",
    )


def _contact_words(person: Person) -> str:
    if person.no_contact or person.contact_safe in (Known.REFUSED, Known.WITHHELD):
        return "Do not contact"
    return "Safe to contact" if person.contact_safe is Known.KNOWN else "Not asked if safe to contact"


def _place(address: AddressView) -> str:
    return f"{fold(address.lines)}|{fold(address.postcode)}"


def _group(
    child: Child, members: list[MemberView], addresses: dict[str, list[AddressView]]
) -> tuple[HouseholdView, ...]:
    """Put members under their current address; who lives with the child shares the child's."""
    own = next((view for view in addresses.get(child.id, ()) if view.to_on is None), None)
    places: dict[str, AddressView] = {}
    under: dict[str, list[MemberView]] = defaultdict(list)
    homeless: list[MemberView] = []
    for member in members:
        owner = member.person_id or member.child_id or ""
        current = next((view for view in addresses.get(owner, ()) if view.to_on is None), None)
        if current is None and member.lives_with:
            current = own
        if current is None:
            homeless.append(member)
        else:
            places.setdefault(_place(current), current)
            under[_place(current)].append(member)
    found = [
        HouseholdView(address.text, address, tuple(under[place]), earlier=False) for place, address in places.items()
    ]
    if homeless:
        found.append(HouseholdView("No address recorded", None, tuple(homeless), earlier=False))
    found += [
        HouseholdView(view.text, view, (), earlier=True)
        for view in addresses.get(child.id, ())
        if view.to_on is not None
    ]
    return tuple(found)
