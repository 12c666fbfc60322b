"""What can be written: a typed value, both values together, a deleted record restored. Checked before it is kept."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy import JSON, Boolean, Date, Integer, Uuid, inspect
from sqlalchemy import Enum as EnumType

from app.errors import UserError
from app.models import SYNCED_TABLES
from app.models.base import UtcDateTime
from app.services.conflicts.fields import NOTES
from app.services.conflicts.joining import Voice, join
from app.services.conflicts.raw import Candidate, Choice
from app.services.conflicts.shown import TypedField
from app.services.conflicts.words import Names, title_of, value_words
from app.services.wire import defaults_of, fields_of

LONGEST: Final = 20_000
"""Characters of a typed value."""
_UNTYPED: Final = frozenset(
    {"officer_id", "restricted", "status", "closed_on", "state", "sha256", "size", "media_type", "page_count"}
)
_UNTYPED_TABLES: Final = frozenset(
    {
        "access_request",
        "assignment",
        "authority",
        "break_glass",
        "case_access",
        "closure",
        "conflict",
        "device",
        "interest_declared",
        "letter",
        "team",
        "user",
    }
)
"""What has rules of its own (who approves, who closes, who may see) is chosen here or changed there, never typed."""
_RARE: Final = frozenset({"country", "uprn", "age_described"})
"""Offered for typing only where they are what is decided, or hold something; what kind of number it is stays."""
_YES_NO: Final = (("true", "Yes"), ("false", "No"))


def fields_for(choice: Choice, names: Names) -> tuple[TypedField, ...]:
    """Return the fields of "Neither": those that are text, a date, a number or a word of a list; else none."""
    if choice.whole or choice.table in _UNTYPED_TABLES:
        return ()
    model = SYNCED_TABLES[choice.table]
    columns = inspect(model).columns
    asked = [name for name in choice.together.fields if name in columns]
    wanted = [
        name
        for name in asked
        if name in choice.fields or (name != "kind" and (name not in _RARE or choice.facts.get(name)))
    ]
    made = []
    for name in wanted:
        kind = columns[name].type
        if (name in _UNTYPED and choice.table != "enquiry") or isinstance(kind, Uuid | UtcDateTime | JSON):
            return ()
        value = choice.facts.get(name)
        text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        made.append(_field(choice.table, name, kind, text, names, required=not columns[name].nullable))
    return tuple(made)


def _field(table: str, name: str, kind: Any, value: str, names: Names, *, required: bool) -> TypedField:
    title = title_of(table, name)
    if isinstance(kind, EnumType):
        options = tuple((each, value_words(table, name, each, names)) for each in kind.enums)
        return TypedField(name, title, "choice", value, options, required)
    if isinstance(kind, Boolean):
        return TypedField(name, title, "choice", value, _YES_NO, required)
    if isinstance(kind, Date):
        return TypedField(name, title, "date", value, (), required)
    if isinstance(kind, Integer):
        return TypedField(name, title, "number", value, (), required)
    lines = (table, name) in NOTES or name in ("lines", "note")
    return TypedField(name, title, "text" if lines else "line", value)


def typed_values(choice: Choice, given: Mapping[str, str]) -> dict[str, Any]:
    """Return what was typed, in wire form; fields that were left alone keep what the record says.

    Raises:
        UserError: nothing can be typed here, or a value does not fit; says what to do, and nothing was changed.
    """
    fields = {each.name: each for each in fields_for(choice, Names())}
    if not fields or not set(given) <= set(fields):
        raise UserError("Choose one of the values. Nothing was changed.", choice.key)
    values = {name: _read(fields[name], text, choice.key) for name, text in given.items()}
    if not values or all(value in (None, "") for value in values.values()):
        raise UserError("Type a value, or choose one of the others. Nothing was changed.", choice.key)
    return values


def _read(field: TypedField, text: str, key: str) -> Any:
    plain = text.strip() if field.kind != "text" else text.rstrip()
    if len(plain) > LONGEST:
        raise UserError(f"{field.label} is too long. Shorten it to {LONGEST} characters.", key)
    if field.kind in ("line", "text"):
        return plain
    if not plain:
        if field.required:
            raise UserError(f"Enter {field.label.lower()}. Nothing was changed.", key)
        return None
    if field.kind == "choice":
        if plain not in dict(field.options):
            raise UserError(f"Choose {field.label.lower()} from the list. Nothing was changed.", key)
        return plain == "true" if field.options == _YES_NO else plain
    try:
        return date.fromisoformat(plain).isoformat() if field.kind == "date" else _whole_number(plain)
    except ValueError as error:
        kind = "a date" if field.kind == "date" else "a whole number"
        raise UserError(f"{field.label} must be {kind}. Nothing was changed.", key) from error


def _whole_number(text: str) -> int:
    number = int(text)
    if not -(2**31) <= number < 2**31:
        raise ValueError("out of range")
    return number


def can_keep_both(choice: Choice) -> bool:
    """Return whether both values can stay, together."""
    both = choice.together.both
    if not both or choice.whole or len(choice.candidates) < 2:
        return False
    if both == "row":
        return len(choice.fields) <= len(choice.together.fields)
    return len(choice.fields) == 1 and joined(choice, Names()) is not None


def joined(choice: Choice, names: Names) -> Any:
    """Return both values as one."""
    name = choice.fields[0]
    voices = [Voice((each.values or {}).get(name), names.get(each.by_id), each.at) for each in choice.candidates]
    return join(choice.together.both, (choice.before or {}).get(name), voices)


def why_not_restored(choice: Choice, value: Candidate) -> str:
    """Return why a value cannot be chosen here; empty when it can."""
    if not choice.whole or choice.row is not None or value.values is None:
        return ""
    if missing_columns(choice, value):
        return "The whole record is not on this laptop. Sync, or decide it on the laptop that changed it."
    return ""


def missing_columns(choice: Choice, value: Candidate) -> list[str]:
    """Return the columns that a deleted record needs and that its history here does not tell."""
    table = choice.table
    columns, defaults = inspect(SYNCED_TABLES[table]).columns, defaults_of(table)
    known = restored(choice, value)
    return [
        name
        for name in fields_of(table)
        if known.get(name) is None
        and not columns[name].nullable
        and defaults[name] is None
        and columns[name].default is None
    ]


def restored(choice: Choice, value: Candidate) -> dict[str, Any]:
    """Return a deleted record with a value in it, in wire form: as its history tells it, and what was offered."""
    known = {**choice.last, **(choice.before or {}), **(value.values or {}), "id": choice.row_id}
    return {name: known[name] for name in fields_of(choice.table) if name in known}
