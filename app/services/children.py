"""A child and the people, addresses and numbers around them: adding and correcting them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import UserError
from app.ids import new_id
from app.models import Address, Child, ContactPoint, Person, Relationship
from app.models.synced import Synced
from app.models.terms import Known, RelationshipKind
from app.services import upn
from app.services.access import Permission, require
from app.services.restriction import require_child, require_person
from app.services.workspace import Workspace

_POSTCODE = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
CONTACT_KINDS: Final = {"mobile": "Mobile", "phone": "Telephone", "email": "E-mail"}


def _named(words: str) -> frozenset[str]:
    return frozenset(words.split())


EDITABLE: Final[dict[str, tuple[type[Synced], frozenset[str]]]] = {
    "child": (
        Child,
        _named(
            "forename middle_names surname preferred_name born_on born_on_known age_described sex upn former_upn "
            "first_language last_seen_on last_seen_where last_seen_by"
        ),
    ),
    "person": (
        Person,
        _named("title forename surname organisation language format_needs contact_safe no_contact note source"),
    ),
    "relationship": (
        Relationship,
        _named("kind parental_responsibility lives_with court_order contact_order confirmed_on source"),
    ),
    "address": (Address, _named("lines town postcode country from_on to_on protected confirmed_on source")),
    "contact_point": (ContactPoint, _named("kind value safe_to_leave_message safe_times source")),
}
"""What an officer may correct by hand, by table. Each correction is in history, field by field."""


@dataclass(frozen=True, slots=True)
class NewPerson:
    """A parent, carer or professional as typed into the form."""

    kind: RelationshipKind
    forename: str = ""
    surname: str = ""
    title: str = ""
    organisation: str = ""
    language: str = ""
    format_needs: str = ""
    lives_with: bool = False
    parental_responsibility: Known = Known.NOT_ASKED
    phone: str = ""
    source: str = ""


def add_person(ws: Workspace, child_id: str, person: NewPerson) -> str:
    """Add a person to a child, with a telephone number when one was given.

    Returns:
        The person's id.

    Raises:
        UserError: neither a name nor an organisation, or the number is not one.
    """
    require(ws.actor, Permission.EDIT_CASES)
    if not (person.forename.strip() or person.surname.strip() or person.organisation.strip()):
        raise UserError("Enter a name or an organisation.", field="surname")
    number = _check_phone(person.phone) if person.phone.strip() else ""
    with ws.write("Added a person") as session:
        _require_child(session, ws, child_id)
        person_id = new_id()
        session.add(
            Person(
                id=person_id,
                title=person.title.strip(),
                forename=person.forename.strip(),
                surname=person.surname.strip(),
                organisation=person.organisation.strip(),
                language=person.language.strip(),
                format_needs=person.format_needs.strip(),
                source=person.source.strip(),
            )
        )
        session.add(
            Relationship(
                child_id=child_id,
                person_id=person_id,
                kind=person.kind,
                parental_responsibility=person.parental_responsibility,
                lives_with=person.lives_with,
                source=person.source.strip(),
            )
        )
        if number:
            session.add(ContactPoint(person_id=person_id, kind=_phone_kind(number), value=number, source=person.source))
    return person_id


def link_sibling(ws: Workspace, child_id: str, sibling_id: str, *, lives_with: bool = True) -> None:
    """Link two children as brothers or sisters, both ways. Each keeps their own record."""
    require(ws.actor, Permission.EDIT_CASES)
    if child_id == sibling_id:
        raise UserError("A child cannot be linked to themselves.")
    with ws.write("Linked a brother or sister") as session:
        for one, other in ((child_id, sibling_id), (sibling_id, child_id)):
            _require_child(session, ws, one)
            session.add(
                Relationship(child_id=one, sibling_id=other, kind=RelationshipKind.SIBLING, lives_with=lives_with)
            )


def add_address(
    ws: Workspace,
    *,
    lines: str,
    postcode: str = "",
    town: str = "",
    child_id: str | None = None,
    person_id: str | None = None,
    from_on: date | None = None,
    protected: bool = False,
    source: str = "",
) -> str:
    """Add an address to a child or a person; the one they lived at until now ends the day this one starts.

    Args:
        ws: the workspace.
        lines: without the postcode, separated by newlines.
        postcode: checked for its form when given.
        town: post town.
        child_id: whose address; exactly one of this and ``person_id``.
        person_id: whose address.
        from_on: local day from which it applies; today when left out.
        protected: never printed, exported or shown to another parent.
        source: who told us.

    Returns:
        The address's id.

    Raises:
        UserError: no lines, or the postcode has no postcode's form.
    """
    require(ws.actor, Permission.EDIT_CASES)
    values = _checked("address", {"lines": lines, "postcode": postcode, "town": town, "from_on": from_on})
    starts = from_on or ws.time.today()
    with ws.write("Added an address") as session:
        _require_owner(session, ws, child_id, person_id)
        for earlier in _current_addresses(session, child_id, person_id):
            earlier.to_on = starts
        made = Address(
            **{**values, "from_on": starts},
            child_id=child_id,
            person_id=person_id,
            protected=protected,
            source=source.strip(),
        )
        session.add(made)
        session.flush()
        return made.id


def _current_addresses(session: Session, child_id: str | None, person_id: str | None) -> list[Address]:
    if (child_id is None) == (person_id is None):
        raise UserError("An address belongs to one child or one person.")
    owner = Address.child_id == child_id if child_id else Address.person_id == person_id
    return list(session.scalars(select(Address).where(owner, Address.to_on.is_(None))))


def add_contact(
    ws: Workspace,
    *,
    kind: str,
    value: str,
    child_id: str | None = None,
    person_id: str | None = None,
    safe_to_leave_message: Known = Known.NOT_ASKED,
    source: str = "",
) -> str:
    """Add a telephone number or e-mail address to a person or child and return its id.

    Raises:
        UserError: the value is not a number or an e-mail address.
    """
    require(ws.actor, Permission.EDIT_CASES)
    values = _checked("contact_point", {"kind": kind, "value": value})
    with ws.write("Added a contact") as session:
        _require_owner(session, ws, child_id, person_id)
        made = ContactPoint(
            **values,
            child_id=child_id,
            person_id=person_id,
            safe_to_leave_message=safe_to_leave_message,
            source=source.strip(),
        )
        session.add(made)
        session.flush()
        return made.id


def edit(ws: Workspace, table: str, row_id: str, values: Mapping[str, Any]) -> None:
    """Correct fields of a child, person, relationship, address or contact.

    Args:
        ws: the workspace.
        table: a key of ``EDITABLE``.
        row_id: the record.
        values: field to new value; only fields named in ``EDITABLE``.

    Raises:
        UserError: the record is gone, or a value is not valid (``field`` names which).
    """
    require(ws.actor, Permission.EDIT_CASES)
    model, _fields = EDITABLE[table]
    checked = _checked(table, values)
    with ws.write(f"Changed {_WORDS[table]}") as session:
        record = session.get(model, row_id)
        if record is None:
            raise UserError("This record is no longer on this laptop. Nothing was changed.")
        _require_record(session, ws, record)
        for field, value in checked.items():
            setattr(record, field, value)


_WORDS = {
    "child": "the child's details",
    "person": "a person",
    "relationship": "a relationship",
    "address": "an address",
    "contact_point": "a contact",
}


def _checked(table: str, values: Mapping[str, Any]) -> dict[str, Any]:
    _model, allowed = EDITABLE[table]
    unknown = set(values) - allowed
    if unknown:
        raise UserError("This field cannot be changed here. Nothing was changed.")
    checked = {field: value.strip() if isinstance(value, str) else value for field, value in values.items()}
    if checked.get("postcode"):
        checked["postcode"] = _check_postcode(checked["postcode"])
    if "lines" in checked and not checked["lines"]:
        raise UserError("Enter the address.", field="lines")
    if table == "child":
        _check_child(checked)
    if "value" in checked:
        checked["value"] = _check_contact(str(checked.get("kind", "")), checked["value"])
    return checked


def _check_child(values: dict[str, Any]) -> None:
    for field in ("forename", "surname"):
        if field in values and not values[field]:
            raise UserError("Enter a name, or “Not known”.", field=field)
    if values.get("upn"):
        checked = upn.check(values["upn"])
        if not checked.usable:
            raise UserError(checked.message, field="upn")
        values["upn"] = checked.upn


def _check_postcode(text: str) -> str:
    postcode = " ".join(text.upper().split())
    if not _POSTCODE.fullmatch(postcode):
        raise UserError("This is not a full postcode. Check it, or leave it empty.", field="postcode")
    return postcode if " " in postcode else f"{postcode[:-3]} {postcode[-3:]}"


def _check_contact(kind: str, value: str) -> str:
    if not value:
        raise UserError("Enter a telephone number or e-mail address.", field="value")
    if kind == "email" or (not kind and "@" in value):
        if not _EMAIL.fullmatch(value):
            raise UserError("This is not an e-mail address. Check it.", field="value")
        return value
    return _check_phone(value, "value")


def _check_phone(value: str, field: str = "phone") -> str:
    import phonenumbers  # late: its tables are large

    try:
        number = phonenumbers.parse(value, "GB")
    except phonenumbers.NumberParseException as error:
        raise UserError("This is not a telephone number. Check for a missing digit.", field=field) from error
    if not phonenumbers.is_possible_number(number):
        raise UserError("This is not a telephone number. Check for a missing digit.", field=field)
    return " ".join(value.split())


def _phone_kind(number: str) -> str:
    digits = re.sub(r"[^0-9+]", "", number)
    return "mobile" if digits.startswith(("07", "+447")) else "phone"


def _require_record(session: Session, ws: Workspace, record: Synced) -> None:
    """Refuse a record that belongs to a child or person this person may not open."""
    if isinstance(record, Child):
        _require_owner(session, ws, record.id, None)
    elif isinstance(record, Person):
        _require_owner(session, ws, None, record.id)
    else:
        _require_owner(session, ws, getattr(record, "child_id", None), getattr(record, "person_id", None))


def _require_owner(session: Session, ws: Workspace, child_id: str | None, person_id: str | None) -> None:
    if child_id is not None:
        require_child(session, ws.actor, child_id, Permission.EDIT_CASES)
    elif person_id is not None:
        require_person(session, ws.actor, person_id, Permission.EDIT_CASES)


def _require_child(session: Session, ws: Workspace, child_id: str) -> None:
    require_child(session, ws.actor, child_id, Permission.EDIT_CASES)
    if session.get(Child, child_id) is None:
        raise UserError("This child is not on this laptop. Sync, then try again. Nothing was changed.")
