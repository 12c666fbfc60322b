"""The shape of every synced row, from its mapped class: what a value may be, and how SQLite stores it.

Both sides read every value from outside through these shapes, so nothing that a column cannot hold is ever stored.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import JSON, Boolean, Column, Date, Float, Integer, Table, Uuid, inspect
from sqlalchemy import Enum as EnumType

from app.models.base import UtcDateTime
from app.models.synced import SYNCED_TABLES
from app.services.wire import defaults_of, fields_of, to_wire

Identifier = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Whole = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class ShapeError(Exception):
    """A table, column or value that this version does not know or that the column cannot hold."""


@cache
def table_of(name: str) -> Table:
    """Return a synced table.

    Raises:
        ShapeError: there is no such synced table.
    """
    model = SYNCED_TABLES.get(name)
    if model is None or not isinstance(model.__table__, Table):
        raise ShapeError("an unknown table")
    return model.__table__


@cache
def columns_of(name: str) -> tuple[str, ...]:
    """Return the travelling columns of a synced table, in table order."""
    table_of(name)
    return tuple(fields_of(name))


@cache
def wire_defaults(name: str) -> Mapping[str, Any]:
    """Return every travelling column with the wire form of its default, or None."""
    defaults = defaults_of(name)
    return {column: to_wire(defaults[column]) for column in columns_of(name)}


def _kind(column: Column[Any]) -> Any:
    kind = column.type
    plain: Any
    if isinstance(kind, Uuid):
        plain = Identifier
    elif isinstance(kind, UtcDateTime):
        plain = Instant
    elif isinstance(kind, Date):
        plain = date
    elif isinstance(kind, EnumType):
        plain = Literal[tuple(kind.enums)]
    elif isinstance(kind, Boolean):
        plain = bool
    elif isinstance(kind, Integer):
        plain = Whole
    elif isinstance(kind, Float):
        plain = float
    elif isinstance(kind, JSON):
        plain = Any
    else:
        plain = str
    return plain | None if column.nullable and plain is not Any else plain


@cache
def row_type(name: str, columns: tuple[str, ...]) -> type[msgspec.Struct]:
    """Return the struct of a row given as a list of these columns' values."""
    known = inspect(SYNCED_TABLES[name]).columns if name in SYNCED_TABLES else None
    travelling = frozenset(columns_of(name))
    if known is None or not travelling.issuperset(columns):
        raise ShapeError("an unknown column")
    return msgspec.defstruct(f"{name}_row", [(column, _kind(known[column])) for column in columns], array_like=True)


@cache
def _rows_decoder(name: str, columns: tuple[str, ...]) -> msgspec.json.Decoder[list[Any]]:
    return msgspec.json.Decoder(list[row_type(name, columns)])  # type: ignore[misc]  # a type made at run time


@cache
def _value_types(name: str) -> Mapping[str, Any]:
    return {column: _kind(inspect(SYNCED_TABLES[name]).columns[column]) for column in columns_of(name)}


def check_values(name: str, values: Mapping[str, Any]) -> None:
    """Refuse wire values that their columns cannot hold.

    Raises:
        ShapeError: an unknown column or a value that does not fit; names the table and column, never the value.
    """
    columns = tuple(values)
    kind = row_type(name, columns)
    try:
        msgspec.convert(tuple(values.values()), kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise ShapeError("a value that its column cannot hold") from error


def _instant_to_sqlite(value: datetime) -> str:
    return value.isoformat(" ", "microseconds")[:26]


def _uuid_to_sqlite(value: str) -> str:
    return value.replace("-", "")


_json_encoder = msgspec.json.Encoder()


def _json_to_sqlite(value: Any) -> str:
    return _json_encoder.encode(value).decode()


def _to_sqlite(column: Column[Any]) -> Callable[[Any], Any] | None:
    kind = column.type
    if isinstance(kind, Uuid):
        return _uuid_to_sqlite
    if isinstance(kind, UtcDateTime):
        return _instant_to_sqlite
    if isinstance(kind, Date):
        return date.isoformat
    if isinstance(kind, JSON):
        return _json_to_sqlite
    return None


@cache
def _conversions(name: str, columns: tuple[str, ...]) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
    known = inspect(SYNCED_TABLES[name]).columns
    found = ((place, _to_sqlite(known[column])) for place, column in enumerate(columns))
    return tuple((place, convert) for place, convert in found if convert is not None)


@cache
def _derivations(name: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the derived columns that follow from these columns, in a fixed order."""
    model = SYNCED_TABLES[name]
    return tuple(sorted(model.derive(dict.fromkeys(columns, "")))) if model.derived_fields else ()


def stored_columns(name: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return these columns and the derived ones that follow from them: the order of :func:`stored_rows`."""
    return columns + _derivations(name, columns)


def decode_rows(name: str, columns: Sequence[str], text: bytes) -> list[Any]:
    """Return the rows of a snapshot page, each checked against its columns.

    Raises:
        ShapeError: the text is not such rows.
    """
    try:
        return _rows_decoder(name, tuple(columns)).decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ShapeError("rows that do not fit their table") from error


def convert_rows(name: str, columns: tuple[str, ...], rows: Iterable[Sequence[Any]]) -> list[Any]:
    """Return wire rows as checked structs, in the order given.

    Raises:
        ShapeError: a value that does not fit its column.
    """
    kind = row_type(name, columns)
    try:
        return [msgspec.convert(row, kind) for row in rows]
    except (msgspec.ValidationError, RecursionError) as error:
        raise ShapeError("a value that its column cannot hold") from error


def stored_rows(name: str, columns: tuple[str, ...], rows: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """Yield checked rows as SQLite keeps them, derived columns last.

    The forms are those of SQLAlchemy's own types (a test compares them for every synced table); going round its
    per-value processing is what keeps a first pull near the speed of the bare driver.
    """
    conversions = _conversions(name, columns)
    derived = _derivations(name, columns)
    model = SYNCED_TABLES[name]
    json_places = {
        place for place, column in enumerate(columns) if isinstance(inspect(model).columns[column].type, JSON)
    }
    for row in rows:
        values = list(msgspec.structs.astuple(row))
        if derived:
            extra = model.derive(dict(zip(columns, values, strict=True)))
        for place, convert in conversions:
            value = values[place]
            if value is not None or place in json_places:
                values[place] = convert(value)
        if derived:
            values.extend(extra[column] for column in derived)
        yield tuple(values)
