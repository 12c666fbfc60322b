"""The rows of units in this vault: which they are, what they hold, and which units a change touches.

Follows :mod:`app.services.sync.units`; its statements are composed once and run by the bare driver, many units at a
time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import JSON, Boolean, Connection, Select, Uuid, bindparam, column, func, insert, inspect, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.selectable import CompoundSelect

from app.models import UnitTouched
from app.models.base import UtcDateTime
from app.models.synced import SYNCED_TABLES
from app.services.changes import Change
from app.services.sync.shapes import columns_of
from app.services.sync.units import (
    LOOSE,
    LOOSE_TABLES,
    UNIT_WAYS,
    Way,
    in_units,
    linking_columns,
    table_named,
    units_of_rows,
    unlinked,
)

UNIT_TABLES = tuple(name for name in SYNCED_TABLES if UNIT_WAYS[name])
"""Tables whose rows can belong to a unit, in the order of a first pull."""
_LOOSE_TABLES = (*sorted(LOOSE_TABLES), "conflict")
Key = tuple[str, str]
WireRow = dict[str, Any]
_DIALECT = sqlite.dialect()


def row_ids(connection: Connection, units: Iterable[str]) -> dict[str, set[str]]:
    """Return the ids of every row of some units, by table; those of no unit by their mark."""
    asked = set(units)
    given = json_keys(asked)
    found: dict[str, set[str]] = {}
    for table in UNIT_TABLES:
        ids = _run(connection, _ids_in_units(table), given)
        if LOOSE in asked and table in _LOOSE_TABLES:
            ids += _run(connection, _loose_ids(table), given)
        if ids:
            found[table] = {dashed(row[0]) for row in ids}
    return found


def wire_rows(connection: Connection, units: Iterable[str]) -> dict[str, dict[str, list[WireRow]]]:
    """Return every row of some units in wire form, by unit and table; a unit without rows has no tables.

    What belongs to no unit counts as one, by its mark.
    """
    asked = set(units)
    given = json_keys(asked)
    rows = {table: _as_wire(table, _run(connection, _rows_in_units(table), given)) for table in UNIT_TABLES}
    owners = _Owners(rows, asked)
    found: dict[str, dict[str, list[WireRow]]] = {unit: {} for unit in asked}
    for table, some in rows.items():
        for row in some:
            for unit in owners.of(table, row):
                found[unit].setdefault(table, []).append(row)
    if LOOSE in asked:
        loose = ((table, _as_wire(table, _run(connection, _loose_rows(table), given))) for table in _LOOSE_TABLES)
        found[LOOSE] = {table: some for table, some in loose if some}
    return found


def owners_of(connection: Connection, rows: Mapping[str, Iterable[str]]) -> dict[Key, set[str]]:
    """Return, for each of some rows that is here and belongs to a unit, its units."""
    owners: dict[Key, set[str]] = {}
    for table, ids in rows.items():
        if table in UNIT_TABLES and (given := json_keys(ids)) != "[]":
            for row_id, unit in _run(connection, _owners_by(table, "id"), given):
                owners.setdefault((table, dashed(row_id)), set()).add(dashed(unit))
    return owners


def units_touched(connection: Connection, changes: Sequence[Change]) -> set[str]:
    """Return the units that changes touch: those of the rows that are here, and those that the changes themselves name.

    So a row that was deleted, or moved from one unit to another, touches the unit it was in. Ask before the changes
    are written as well as after where both may matter. What belongs to no unit counts as one, by its mark.
    """
    rows: dict[str, set[str]] = {}
    named: dict[tuple[str, str], set[str]] = {}
    units: set[str] = set()
    for change in changes:
        rows.setdefault(change.table, set()).add(change.row)
        for way in UNIT_WAYS.get(change.table, ()):
            values = _named(change, way)
            if way.to is None:
                units |= values
            elif values:
                named.setdefault((way.to, way.by), set()).update(values)
    owners = owners_of(connection, rows)
    for found in owners.values():
        units |= found
    if any(_concerns_loose(change, owned=(change.table, change.row) in owners) for change in changes):
        units.add(LOOSE)
    for (table, by), values in named.items():
        units |= {dashed(unit) for _, unit in _run(connection, _owners_by(table, by), json_keys(values))}
    return units


def note_touched(connection: Connection, units: Iterable[str]) -> None:
    """Note that units were changed, here or by a pull: they are to be proven equal after the sync."""
    rows = [{"unit_id": unit} for unit in units]
    if rows:
        connection.execute(insert(UnitTouched).prefix_with("OR IGNORE"), rows)


def json_keys(ids: Iterable[str]) -> str:
    """Return ids as a JSON list in the form in which the vault stores them."""
    return msgspec.json.encode([row_id.replace("-", "") for row_id in ids]).decode()


def dashed(plain: str) -> str:
    """Return an id as it travels, from how the vault stores it."""
    return f"{plain[:8]}-{plain[8:12]}-{plain[12:16]}-{plain[16:20]}-{plain[20:]}"


def _named(change: Change, way: Way) -> set[str]:
    if way.column == "id":
        return {change.row}
    return {str(value) for value in change.fields.get(way.column, ()) if value}


def _concerns_loose(change: Change, *, owned: bool) -> bool:
    """Return whether a change is about a row of no unit, or one that came from there or went there."""
    if change.table not in LOOSE_TABLES:
        return False
    links = [pair for name in linking_columns(change.table) if any(pair := change.fields.get(name, (None, None)))]
    if links:
        return change.op == "update" and any(None in pair for pair in links)
    return not owned


class _Owners:
    """Which of the units asked for the rows read belong to, from the rows themselves."""

    def __init__(self, rows: Mapping[str, Sequence[WireRow]], units: set[str]) -> None:
        self._rows, self._units = rows, units
        self._found: dict[tuple[str, str], dict[str, set[str]]] = {}

    def of(self, table: str, row: WireRow) -> set[str]:
        """Return a row's units."""
        units: set[str] = set()
        counted: str | None = None
        for way in UNIT_WAYS[table]:
            value = row[way.column]
            if value is None or counted not in (None, way.column):
                continue
            counted = way.column  # of several columns the first that is set counts
            if way.to is not None:
                units |= self._by(way.to, way.by).get(value, set())
            elif value in self._units:
                units.add(value)
        return units

    def _by(self, table: str, by: str) -> dict[str, set[str]]:
        known = self._found.get((table, by))
        if known is None:
            known = {}
            for row in self._rows[table]:
                if row[by] is not None:
                    known.setdefault(row[by], set()).update(self.of(table, row))
            self._found[table, by] = known
        return known


# -- statements ------------------------------------------------------------------------------------------------------

_Statement = tuple[str, int]
"""SQL and how many times it takes the JSON list."""


def _run(connection: Connection, statement: _Statement, given: str) -> list[Any]:
    sql, places = statement
    driver: Any = connection.connection.dbapi_connection
    rows: list[Any] = driver.execute(sql, (given,) * places).fetchall()
    return rows


def _compiled(query: Select[Any] | CompoundSelect[Any]) -> _Statement:
    compiled = query.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    names: Any = getattr(compiled, "positiontup", None) or []
    if set(names) - {"given"}:  # pragma: no cover  (the ways are data; one with a literal would need its value here)
        raise TypeError("a statement with values of its own")
    return str(compiled), len(names)


def _given() -> Select[Any]:
    return select(column("value")).select_from(func.json_each(bindparam("given")).table_valued("value"))


@cache
def _ids_in_units(table: str) -> _Statement:
    return _compiled(select(table_named(table).c.id).where(in_units(table, _given())))


@cache
def _rows_in_units(table: str) -> _Statement:
    source = table_named(table)
    return _compiled(select(*(source.c[name] for name in columns_of(table))).where(in_units(table, _given())))


@cache
def _loose_ids(table: str) -> _Statement:
    return _compiled(select(table_named(table).c.id).where(unlinked(table)))


@cache
def _loose_rows(table: str) -> _Statement:
    source = table_named(table)
    return _compiled(select(*(source.c[name] for name in columns_of(table))).where(unlinked(table)))


@cache
def _owners_by(table: str, by: str) -> _Statement:
    return _compiled(units_of_rows(table, lambda source: source.c[by].in_(_given())))


# -- from the vault's form to the wire's -----------------------------------------------------------------------------


def _as_wire(table: str, rows: Sequence[Any]) -> list[WireRow]:
    columns, readers = columns_of(table), _readers(table)
    found = []
    for row in rows:
        values = dict(zip(columns, row, strict=True))
        for name, read in readers:
            if values[name] is not None:
                values[name] = read(values[name])
        found.append(values)
    return found


@cache
def _readers(table: str) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    known = inspect(SYNCED_TABLES[table]).columns
    found = ((name, _reader(known[name].type)) for name in columns_of(table))
    return tuple((name, read) for name, read in found if read is not None)


def _reader(kind: Any) -> Callable[[Any], Any] | None:
    if isinstance(kind, Uuid):
        return _key
    if isinstance(kind, UtcDateTime):
        return _instant
    if isinstance(kind, Boolean):
        return _truth
    if isinstance(kind, JSON):
        return _json
    return None


# A damaged value is read as something else than it was, so that the hash tells; it must not stop the reading.


def _key(value: Any) -> Any:
    return dashed(value) if isinstance(value, str) else repr(value)


def _instant(value: Any) -> Any:
    return f"{str(value).replace(' ', 'T', 1).removesuffix('.000000')}+00:00"


def _truth(value: Any) -> Any:
    return bool(value) if value in (0, 1) else repr(value)


def _json(value: Any) -> Any:
    try:
        return msgspec.json.decode(value)
    except (msgspec.MsgspecError, TypeError, RecursionError):
        return repr(value)
