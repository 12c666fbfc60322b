"""The rows of units as they travel, read by PostgreSQL itself as JSON: of every table in one statement."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, bindparam, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from app.central import records
from app.models.synced import SYNCED_TABLES
from app.services.sync.units import UNIT_WAYS, in_units, is_reference, unlinked

UNIT_TABLES: Final = tuple(name for name in SYNCED_TABLES if not is_reference(name))
"""Tables whose rows can belong to a unit, in the order of a first pull."""
_PLACES: Final = tuple(enumerate(UNIT_TABLES))
_NEVER: Final = "false"
WireRow = dict[str, Any]
_dialect: Any = postgresql.psycopg.dialect
_rows_decoder = msgspec.json.Decoder(list[WireRow])


def condition_sql(condition: ColumnElement[bool]) -> str:
    """Return a condition as SQL text with named parameters, for PostgreSQL."""
    return str(condition.compile(dialect=_dialect(), compile_kwargs={"render_postcompile": True}))


@cache
def _objects_of_units(table: str) -> str:
    units = select(func.unnest(bindparam("units", type_=ARRAY(Uuid(as_uuid=False)))))
    return records.object_query(table, condition_sql(in_units(table, units)))


@cache
def _objects_of_all() -> str:
    """Return SQL for the rows of units, of every table, each with the table's place in ``UNIT_TABLES``."""
    parts = (f"SELECT {place} AS place, r.* FROM ({_objects_of_units(table)}) AS r" for place, table in _PLACES)
    return " UNION ALL ".join(parts)


@cache
def lists_of_units(table: str) -> str:
    """Return SQL for the rows of units as JSON lists in key order; parameter: ``units``."""
    units = select(func.unnest(bindparam("units", type_=ARRAY(Uuid(as_uuid=False)))))
    return records.rows_query(table, f"{condition_sql(in_units(table, units))} ORDER BY id")


@cache
def lists_of_loose(table: str) -> str:
    """Return SQL for the rows of no unit that go to all whose role reads cases, as JSON lists; empty for no rows."""
    condition = condition_sql(unlinked(table))
    return "" if condition == _NEVER else records.rows_query(table, f"{condition} ORDER BY id")


def rows_of(connection: Connection, units: Iterable[str]) -> dict[str, list[WireRow]]:
    """Return every row of some units in wire form, by table; tables without such rows are left out."""
    texts: dict[int, list[str]] = {}
    for place, text in connection.exec_driver_sql(_objects_of_all(), {"units": list(units)}):
        texts.setdefault(place, []).append(text)
    return {UNIT_TABLES[place]: _rows_decoder.decode(f"[{','.join(texts[place])}]") for place in sorted(texts)}


def loose_rows(connection: Connection) -> dict[str, list[WireRow]]:
    """Return every row that belongs to no unit and goes to all whose role reads cases, by table."""
    found: dict[str, list[WireRow]] = {}
    for table in UNIT_TABLES:
        condition = condition_sql(unlinked(table))
        if condition != _NEVER and (
            texts := connection.exec_driver_sql(records.object_query(table, condition)).scalars().all()
        ):
            found[table] = _rows_decoder.decode(f"[{','.join(texts)}]")
    return found


def by_unit(rows: Mapping[str, list[WireRow]], units: Iterable[str]) -> dict[str, dict[str, list[WireRow]]]:
    """Return rows sorted by the unit they belong to; a row of two units is in both."""
    found: dict[str, dict[str, list[WireRow]]] = {unit: {} for unit in units}
    known: dict[tuple[str, str], dict[str, set[str]]] = {}

    def owners(table: str, row: WireRow) -> set[str]:
        counted = next((way.column for way in UNIT_WAYS[table] if row[way.column]), None)
        owned: set[str] = set()
        for way in UNIT_WAYS[table]:
            if way.column != counted:
                continue
            value = row[way.column]
            if way.to is None:
                owned |= {value} & found.keys()
            else:
                owned |= index(way.to, way.by).get(value, set())
        return owned

    def index(table: str, by: str) -> dict[str, set[str]]:
        if (table, by) not in known:
            of_table: dict[str, set[str]] = {}
            for row in rows.get(table, ()):
                if row[by]:
                    of_table.setdefault(row[by], set()).update(owners(table, row))
            known[table, by] = of_table
        return known[table, by]

    for table, some in rows.items():
        for row in some:
            for unit in owners(table, row):
                found[unit].setdefault(table, []).append(row)
    return found
