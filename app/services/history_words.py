"""How records, fields and values are called in history: plain words, names instead of ids."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Date, Enum, inspect, select
from sqlalchemy.orm import Session

from app.models import SYNCED_TABLES, School, Team, User
from app.models.base import UtcDateTime
from app.models.terms import RELATIONSHIP_WORDS, SAFETY_WORDS, STAGE_WORDS
from app.services.enquiries import STATE_WORDS as ENQUIRY_WORDS
from app.timesource import format_date, format_time, to_london

_TABLES: Final = {
    "child": "Child",
    "child_name": "Other name",
    "person": "Person",
    "relationship": "Relationship",
    "address": "Address",
    "contact_point": "Contact",
    "enrolment": "Enrolment",
    "health_link": "Health",
    "safety_flag": "Safety flag",
    "referral": "Referral",
    "case": "Case",
    "case_event": "Timeline",
    "enquiry": "Enquiry",
    "task": "Task",
    "clock": "Clock",
    "assignment": "Allocation",
    "closure": "Closure",
    "document": "Document",
    "letter": "Letter",
    "conflict": "Conflict",
}
_FIELDS: Final = {
    "born_on": "Date of birth",
    "born_on_known": "Date of birth known?",
    "upn": "UPN",
    "former_upn": "Former UPN",
    "uln": "ULN",
    "uprn": "Property reference",
    "school_urn": "School number",
    "last_seen_on": "Last seen",
    "last_seen_where": "Last seen at",
    "last_seen_by": "Last seen by",
    "officer_id": "Officer",
    "team_id": "Team",
    "user_id": "Who",
    "by_id": "By",
    "met_on": "Met on",
    "done_at": "Done",
    "to_on": "Until",
    "from_on": "From",
    "sen_provision": "SEN provision",
    "paper_destroy_on": "Destroy paper on",
    "dms_reference": "Document system reference",
    "actor_name": "Entered by",
    "case_id": "Case",
    "child_id": "Child",
    "document_id": "Document",
}
HIDDEN_FIELDS: Final = frozenset(
    {
        "id",
        "created_at",
        "created_by",
        "allocation",
        "position",
        "sha256",
        "size",
        "reading",
        "rotation",
        "answers",
        "match_decision",
        "values",
        "case_id",
        "child_id",
        "person_id",
        "sibling_id",
        "document_id",
        "letter_id",
        "corrects_id",
        "change_set_id",
        "row_id",
        "subject_id",
        "recipient_id",
        "actor_name",
        "text",
    }
)
"""Fields that mean nothing to a reader of history (keys, hashes, form answers); they are still in the change set."""
_SHOWN_TEXT: Final = frozenset({"task"})
_WORDS: Final[dict[str, str]] = {
    **{str(key): words for key, words in STAGE_WORDS.items()},
    **{str(key): words for key, words in SAFETY_WORDS.items()},
    **{str(key): words for key, words in ENQUIRY_WORDS.items()},
    **{str(key): words for key, words in RELATIONSHIP_WORDS.items()},
}
_LONGEST: Final = 400


def table_words(table: str) -> str:
    """Return what a kind of record is called."""
    return _TABLES.get(table, table.replace("_", " ").capitalize())


def field_words(field: str) -> str:
    """Return what a field is called."""
    if field == "*":
        return "The whole record"
    known = _FIELDS.get(field)
    if known:
        return known
    words = field.removesuffix("_on").removesuffix("_at").removesuffix("_id").replace("_", " ")
    return words.capitalize()


def shown(table: str, field: str) -> bool:
    """Return whether a field is worth a line in history."""
    return field not in HIDDEN_FIELDS or (field == "text" and table in _SHOWN_TEXT)


def place(table: str, field: str) -> int:
    """Return where a field stands in its record, so that history keeps the record's own order."""
    model = SYNCED_TABLES.get(table)
    keys = list(inspect(model).columns.keys()) if model is not None else []
    return keys.index(field) if field in keys else len(keys)


def value_words(table: str, field: str, value: Any, names: Mapping[str, str]) -> str:
    """Return a wire value in words.

    Args:
        table: the record's table.
        field: its column.
        value: as in the change set: ISO dates and instants, enumerations by value.
        names: ids of people and teams to their names.
    """
    if value is None or value == "":
        return "Nothing"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    text = str(value)
    if text in names:
        return names[text]
    kind = _type_of(table, field)
    if isinstance(kind, Enum):
        return _WORDS.get(text, text.replace("_", " ").capitalize())
    if isinstance(kind, Date):
        return _date_words(text)
    if isinstance(kind, UtcDateTime):
        return _instant_words(text)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _type_of(table: str, field: str) -> object:
    model = SYNCED_TABLES.get(table)
    if model is None:
        return None
    columns = inspect(model).columns
    return columns[field].type if field in columns else None


def _date_words(text: str) -> str:
    try:
        return format_date(date.fromisoformat(text))
    except ValueError:
        return text


def _instant_words(text: str) -> str:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{format_date(to_london(instant).date())}, {format_time(instant)}" if instant.tzinfo else text


def names_of(session: Session, ids: Iterable[str | None]) -> dict[str, str]:
    """Return the names of users and teams among some ids."""
    wanted = [each for each in ids if each]
    if not wanted:
        return {}
    names: dict[str, str] = {}
    for model in (User, Team, School):
        for row_id, name in session.execute(select(model.id, model.name).where(model.id.in_(wanted))):
            names[row_id] = name
    return names
