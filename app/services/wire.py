"""How column values travel: JSON-ready and back, by the column's type."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from typing import Any

from sqlalchemy import Date, inspect
from sqlalchemy import Enum as EnumType
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from app.models.base import UtcDateTime
from app.models.synced import SYNCED_TABLES, Synced

_PLAIN = frozenset({str, int, float, bool, type(None)})
"""Classes whose values travel as they are; an import asks a million times, so the common answer is quick."""


def to_wire(value: Any) -> Any:
    """Return a JSON-ready value: instants as ISO UTC, dates as ISO, enumerations as their value."""
    if value.__class__ in _PLAIN:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value


@cache
def fields_of(table: str) -> Mapping[str, Callable[[Any], Any]]:
    """Return, for each travelling column of a synced table, how its wire value becomes a Python one."""
    model = SYNCED_TABLES[table]
    return {
        column.key: _decoder(column.type) for column in inspect(model).columns if column.key not in model.derived_fields
    }


def from_wire(model: type[Synced], field: str, value: Any) -> Any:
    """Return a column's Python value from its wire form.

    Raises:
        KeyError: the table has no such travelling column.
        ValueError: the value does not fit the column.
    """
    decode = fields_of(model.__tablename__)[field]
    return None if value is None else decode(value)


def row_from_wire(model: type[Synced], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return Python column values, with the derived columns that follow from them."""
    decoders = fields_of(model.__tablename__)
    row = {name: None if value is None else decoders[name](value) for name, value in values.items()}
    if model.derived_fields:
        row.update(model.derive(row))
    return row


def _decoder(kind: Any) -> Callable[[Any], Any]:
    if isinstance(kind, UtcDateTime):
        return _instant
    if isinstance(kind, Date):
        return date.fromisoformat
    if isinstance(kind, EnumType):
        return kind.enum_class or str
    return _same


def _same(value: Any) -> Any:
    return value


def _instant(value: str) -> datetime:
    instant = datetime.fromisoformat(value)
    if instant.tzinfo is None:
        raise ValueError("an instant without a zone")
    return instant


@cache
def defaults_of(table: str) -> Mapping[str, Any]:
    """Return every column of a synced table with its scalar default, or None where it has none."""
    model = SYNCED_TABLES[table]
    return {
        column.key: column.default.arg if isinstance(column.default, ScalarElementColumnDefault) else None
        for column in inspect(model).columns
    }


def complete(model: type[Synced], row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with every column: an insert leaves out what equals the column's default."""
    return {**defaults_of(model.__tablename__), **row}


def insert_fields(table: str, values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the ``[None, new]`` pairs of an inserted row; values that equal the column's default are left out."""
    return {
        name: [None, value if value.__class__ is str else to_wire(value)]
        for name, default in _travelling(table)
        if (value := values.get(name)) is not None and value != default
    }


@cache
def _travelling(table: str) -> tuple[tuple[str, Any], ...]:
    defaults = defaults_of(table)
    return tuple((name, defaults[name]) for name in fields_of(table))
