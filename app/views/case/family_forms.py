"""The forms of the family tab: adding and correcting people, addresses and numbers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.models.terms import RELATIONSHIP_WORDS, Known, RelationshipKind
from app.views.case.inline_form import Field, InlineForm

if TYPE_CHECKING:
    from app.services.case_views import Identity
    from app.services.households import AddressView, ContactView, MemberView
    from app.views.context import AppContext

KINDS = tuple(
    (kind.value, RELATIONSHIP_WORDS[kind].capitalize())
    for kind in RelationshipKind
    if kind is not RelationshipKind.SIBLING
)
PR = (
    (Known.NOT_ASKED.value, "Not asked"),
    (Known.KNOWN.value, "Yes"),
    (Known.NOT_KNOWN.value, "Not known"),
)
SAFE = (
    (Known.NOT_ASKED.value, "Not asked"),
    (Known.KNOWN.value, "Yes, safe to contact"),
    (Known.REFUSED.value, "No, do not contact"),
)
MESSAGE = ((Known.NOT_ASKED.value, "Not asked"), (Known.KNOWN.value, "Yes"), (Known.REFUSED.value, "No"))
CONTACT = (("mobile", "Mobile"), ("phone", "Telephone"), ("email", "E-mail"))


def person_form(context: "AppContext", child_id: str) -> InlineForm:
    """Return the form that adds a person to a child."""
    from app.services import children

    fields = [
        Field("kind", "How they stand to the child", "choice", KINDS, RelationshipKind.MOTHER.value),
        Field("title", "Title", optional=True),
        Field("forename", "First name", optional=True),
        Field("surname", "Last name"),
        Field("organisation", "Organisation", optional=True),
        Field("phone", "Telephone number", optional=True),
        Field("language", "Language they prefer", optional=True),
        Field("format_needs", "Format they need", optional=True, hint="Such as large print"),
        Field("parental_responsibility", "Parental responsibility", "choice", PR, Known.NOT_ASKED.value),
        Field("source", "Who told us", optional=True),
        Field("lives_with", "Lives with the child", "check"),
    ]
    ws = context.ws

    def work(values: Mapping[str, Any]) -> str:
        person = children.NewPerson(
            kind=RelationshipKind(values["kind"]),
            forename=values["forename"],
            surname=values["surname"],
            title=values["title"],
            organisation=values["organisation"],
            language=values["language"],
            format_needs=values["format_needs"],
            lives_with=values["lives_with"],
            parental_responsibility=Known(values["parental_responsibility"]),
            phone=values["phone"],
            source=values["source"],
        )
        return children.add_person(ws, child_id, person)

    return InlineForm(context, "Add a person", fields, "Add person", work)


def child_form(context: "AppContext", who: "Identity", member: "MemberView") -> InlineForm:
    """Return the form that corrects the child's own details."""
    from app.services import children

    fields = [
        Field("forename", "First name", value=member.forename),
        Field("surname", "Last name", value=member.surname),
        Field("born_on", "Date of birth", "date", value=who.born_on, optional=True),
        Field("upn", "UPN", value=who.upn, optional=True),
        Field("first_language", "First language", value=member.language, optional=True),
        Field("last_seen_on", "Last seen", "date", value=who.last_seen_on, optional=True),
        Field("last_seen_where", "Last seen at", value=who.last_seen_where, optional=True),
    ]
    ws = context.ws

    def work(values: Mapping[str, Any]) -> None:
        children.edit(ws, "child", who.child_id, values)

    return InlineForm(context, f"Correct {member.name}", fields, "Save changes", work)


def edit_member_form(context: "AppContext", member: "MemberView") -> InlineForm:
    """Return the form that corrects a person and how they stand to the child."""
    from app.services import children

    forename, surname, title = _split_name(member)
    safe = Known.REFUSED if member.contact_words == "Do not contact" else Known.NOT_ASKED
    safe = Known.KNOWN if member.contact_words == "Safe to contact" else safe
    fields = [
        Field("kind", "How they stand to the child", "choice", KINDS, member.kind.value if member.kind else ""),
        Field("title", "Title", value=title, optional=True),
        Field("forename", "First name", value=forename, optional=True),
        Field("surname", "Last name", value=surname),
        Field("organisation", "Organisation", value=member.organisation, optional=True),
        Field("language", "Language they prefer", value=member.language, optional=True),
        Field("format_needs", "Format they need", value=member.format_needs, optional=True),
        Field("contact_safe", "Safe to contact?", "choice", SAFE, safe.value),
        Field("parental_responsibility", "Parental responsibility", "choice", PR, member.parental_responsibility.value),
        Field("confirmed_on", "Confirmed on", "date", value=member.confirmed_on, optional=True),
        Field("lives_with", "Lives with the child", "check", value=member.lives_with),
    ]
    ws = context.ws

    def work(values: Mapping[str, Any]) -> None:
        person = ("title", "forename", "surname", "organisation", "language", "format_needs")
        changed: dict[str, Any] = {name: values[name] for name in person}
        changed["contact_safe"] = Known(values["contact_safe"])
        children.edit(ws, "person", member.person_id or "", changed)
        relation = {
            "kind": RelationshipKind(values["kind"]),
            "parental_responsibility": Known(values["parental_responsibility"]),
            "confirmed_on": values["confirmed_on"],
            "lives_with": values["lives_with"],
        }
        children.edit(ws, "relationship", member.relationship_id or "", relation)

    return InlineForm(context, f"Correct {member.name}", fields, "Save changes", work)


def _split_name(member: "MemberView") -> tuple[str, str, str]:
    return member.forename, member.surname, member.title


def address_form(
    context: "AppContext", *, child_id: str | None, person_id: str | None, whose: str, replaces: bool
) -> InlineForm:
    """Return the form that adds an address; the one until now ends the day it starts."""
    from app.services import children

    fields = [
        Field("lines", "Address", "text", hint="Each line on its own, without the postcode"),
        Field("town", "Town", optional=True),
        Field("postcode", "Postcode", optional=True),
        Field("from_on", "Lives there from", "date", value=context.ws.time.today()),
        Field("source", "Who told us", optional=True),
        Field("protected", "Protected: never printed or shown to another parent", "check", wide=True),
    ]
    ws = context.ws

    def work(values: Mapping[str, Any]) -> str:
        return children.add_address(ws, child_id=child_id, person_id=person_id, **values)

    explain = "The address until now is kept with the day it ended." if replaces else ""
    return InlineForm(context, f"New address for {whose}", fields, "Save address", work, explain=explain)


def edit_address_form(context: "AppContext", address: "AddressView") -> InlineForm:
    """Return the form that corrects an address."""
    from app.services import children

    fields = [
        Field("lines", "Address", "text", value=address.lines),
        Field("town", "Town", value=address.town, optional=True),
        Field("postcode", "Postcode", value=address.postcode, optional=True),
        Field("from_on", "From", "date", value=address.from_on, optional=True),
        Field("to_on", "Until", "date", value=address.to_on, optional=True),
        Field("source", "Who told us", value=address.source, optional=True),
        Field("confirmed_on", "Confirmed on", "date", value=address.confirmed_on, optional=True),
        Field("protected", "Protected: never printed or shown to another parent", "check", value=address.protected,
              wide=True),
    ]  # fmt: skip
    ws = context.ws

    def work(values: Mapping[str, Any]) -> None:
        children.edit(ws, "address", address.id, values)

    return InlineForm(context, "Correct this address", fields, "Save changes", work)


def contact_form(context: "AppContext", member: "MemberView") -> InlineForm:
    """Return the form that adds a telephone number or e-mail address."""
    from app.services import children

    fields = [
        Field("kind", "Kind", "choice", CONTACT, "mobile"),
        Field("value", "Number or e-mail address"),
        Field("safe", "Safe to leave a message?", "choice", MESSAGE, Known.NOT_ASKED.value),
        Field("source", "Who told us", optional=True),
    ]
    ws = context.ws

    def work(values: Mapping[str, Any]) -> str:
        return children.add_contact(
            ws,
            kind=values["kind"],
            value=values["value"],
            child_id=member.child_id,
            person_id=member.person_id,
            safe_to_leave_message=Known(values["safe"]),
            source=values["source"],
        )

    return InlineForm(context, f"Add a contact for {member.name}", fields, "Add contact", work)


def edit_contact_form(context: "AppContext", contact: "ContactView") -> InlineForm:
    """Return the form that corrects a telephone number or e-mail address."""
    from app.services import children

    fields = [
        Field("kind", "Kind", "choice", CONTACT, contact.kind),
        Field("value", "Number or e-mail address", value=contact.value),
        Field("safe_to_leave_message", "Safe to leave a message?", "choice", MESSAGE,
              contact.safe_to_leave_message.value),
        Field("safe_times", "Safe times", value=contact.safe_times, optional=True),
    ]  # fmt: skip
    ws = context.ws

    def work(values: Mapping[str, Any]) -> None:
        safe = Known(values["safe_to_leave_message"])
        children.edit(ws, "contact_point", contact.id, {**values, "safe_to_leave_message": safe})

    return InlineForm(context, "Correct this contact", fields, "Save changes", work)
