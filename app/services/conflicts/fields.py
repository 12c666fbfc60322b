"""What a conflict is about, as people think of it: which columns belong together, and of which both can be kept."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

JOIN: Final = "join"
ITEMS: Final = "items"
ROW: Final = "row"
KEYS: Final = "keys"
Both = Literal["", "join", "items", "row", "keys"]
"""How both values are kept: texts under each other, lists joined, a second record beside the first, answers joined."""


@dataclass(frozen=True, slots=True)
class Together:
    """Columns that are one thing to a person, so one choice.

    Attributes:
        table: the record's table.
        fields: any of these in conflict makes the choice.
        title: what it is called; empty where the record says it better.
        other: what can be typed instead, for "Neither is right, type another ...".
        along: where the value came from; goes with whichever value is chosen.
        both: how both can be kept.
    """

    table: str
    fields: tuple[str, ...]
    title: str = ""
    other: str = "value"
    along: tuple[str, ...] = ()
    both: Both = ""


TOGETHER: Final = (
    Together("address", ("lines", "town", "postcode", "country", "uprn"), "", "address", ("source", "confidence",
             "confirmed_on")),
    Together("contact_point", ("kind", "value"), "", "number or address", ("source",), ROW),
    Together("child", ("born_on", "born_on_known", "age_described"), "Date of birth", "date"),
    Together("child", ("last_seen_on", "last_seen_where", "last_seen_by"), "Last seen", "sighting"),
    Together("child_name", ("forename", "surname"), "Other name", "name", ("source",), ROW),
    Together("enrolment", ("school_urn", "school_name"), "School", "school", ("source",)),
    Together("enrolment", ("ground_regime", "ground_code"), "Ground for removal", "ground"),
    Together("enrolment", ("status", "from_on", "to_on"), "On the roll", "dates"),
    Together("case", ("officer_id",), "Officer", "officer"),
    Together("case", ("status", "stage", "stage_since", "closed_on"), "Stage", "stage"),
    Together("enquiry", ("state", "asked_on", "due_on", "answered_on"), "Enquiry", "answer"),
    Together("clock", ("stopped_on", "stop_reason"), "Stopped", "date"),
    Together("closure", ("approved_by", "approved_on"), "Approval", "approval"),
)  # fmt: skip
"""Checked in order; a column in none of them is a choice of its own."""

NOTES: Final = frozenset(
    {
        ("case", "reason"),
        ("case_event", "body"),
        ("clock", "stop_reason"),
        ("closure", "evidence"),
        ("enquiry", "outcome"),
        ("enquiry", "reason"),
        ("enrolment", "leaving_reason"),
        ("person", "note"),
        ("referral", "reason"),
        ("relationship", "court_order"),
        ("safety_flag", "detail"),
        ("safety_flag", "evidence"),
        ("task", "text"),
    }
)
"""Free text: both are kept unless somebody chooses otherwise."""

LISTS: Final = frozenset({("person", "format_needs"), ("contact_point", "safe_times"), ("user", "areas")})
"""Several things in one text, separated by commas or semicolons."""

ANSWERS: Final = frozenset(
    {
        ("referral", "answers"),
        ("referral", "match_decision"),
        ("letter", "values"),
        ("document", "reading"),
        ("document", "rotation"),
    }
)
"""Columns that hold a form: joined answer by answer where only one side changed each."""

FIELD_TITLES: Final = {
    ("address", "lines"): "Address",
    ("case", "area"): "Area",
    ("case", "reason"): "Reason for the referral",
    ("case", "restricted"): "Restricted",
    ("case", "source_name"): "Told by",
    ("child", "forename"): "First name",
    ("child", "sex"): "Sex",
    ("contact_point", "safe_to_leave_message"): "Safe to leave a message",
    ("enquiry", "label"): "What is asked",
    ("letter", "values"): "What the letter says",
    ("person", "contact_safe"): "Safe to contact",
    ("person", "forename"): "First name",
    ("person", "no_contact"): "Do not contact",
    ("referral", "answers"): "Referral form",
    ("referral", "match_decision"): "Match decision",
    ("task", "text"): "Task",
}
"""Titles that history's shorter words leave unclear when a field stands alone."""


def together_of(table: str, field: str) -> Together:
    """Return the thing a column belongs to; a column on its own is one."""
    for each in TOGETHER:
        if each.table == table and field in each.fields:
            return each
    return Together(table, (field,), both=_both(table, field))


def choices_in(fields: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], tuple[str, str, Together]]:
    """Return, for columns in conflict as (table, row, column), the choice each belongs to.

    Where a value came from goes with the value itself, when that is in conflict too.
    """
    alone = {(table, row, name): (table, row, together_of(table, name)) for table, row, name in fields}
    present = set(alone.values())
    for (table, row, name), choice in list(alone.items()):
        for each in TOGETHER:
            if each.table == table and name in each.along and (table, row, each) in present and choice[2] != each:
                alone[table, row, name] = (table, row, each)
    return alone


def _both(table: str, field: str) -> Both:
    if (table, field) in NOTES:
        return "join"
    if (table, field) in LISTS:
        return "items"
    return "keys" if (table, field) in ANSWERS else ""
