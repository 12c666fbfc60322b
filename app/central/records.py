"""Reading and writing synced rows in their wire form, many at a time.

PostgreSQL itself turns JSON into rows and rows into JSON, so a batch costs a handful of statements whatever its size.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import JSON, Connection, Date, inspect

from app.models.base import UtcDateTime
from app.models.synced import SYNCED_TABLES
from app.services.sync.shapes import columns_of, stored_columns
from app.services.wire import row_from_wire

_encoder = msgspec.json.Encoder()
_rows_decoder = msgspec.json.Decoder(list[dict[str, Any]])

Row = dict[str, Any]


def quoted(name: str) -> str:
    """Return an identifier of ours in double quotes (``user`` and ``case`` are words of SQL)."""
    return f'"{name}"'


@cache
def _wire_column(table: str, column: str) -> str:
    """Return SQL that gives a column in its wire form."""
    kind = inspect(SYNCED_TABLES[table]).columns[column].type
    name = quoted(column)
    if isinstance(kind, UtcDateTime):
        # As datetime.isoformat writes it: no fraction where there is none.
        return f"replace(to_char({name}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), '.000000', '') || '+00:00'"
    if isinstance(kind, Date):
        return f"to_char({name}, 'YYYY-MM-DD')"
    return name


@cache
def object_query(table: str, condition: str) -> str:
    """Return SQL for rows of a table that meet a condition, each as a JSON object in wire form."""
    columns = ", ".join(f"{_wire_column(table, column)} AS {quoted(column)}" for column in columns_of(table))
    return f"SELECT row_to_json(r)::text FROM (SELECT {columns} FROM {quoted(table)} WHERE {condition}) AS r"


@cache
def rows_query(table: str, condition: str) -> str:
    """Return SQL for keys and rows, as JSON lists, of a table that meet a condition (and are ordered, limited)."""
    columns = ", ".join(_wire_column(table, column) for column in columns_of(table))
    return f"SELECT id::text, json_build_array({columns})::text FROM {quoted(table)} WHERE {condition}"


@cache
def _given(table: str, column: str) -> str:
    """Return SQL for a column of the rows given as JSON; a JSON column holds JSON's null, never SQL's."""
    known = inspect(SYNCED_TABLES[table]).columns
    name = f"s.{quoted(column)}"
    return f"coalesce({name}, 'null'::json)" if isinstance(known[column].type, JSON) else name


def load(connection: Connection, table: str, ids: Sequence[str]) -> dict[str, Row]:
    """Return those of the rows that exist, by id, in wire form."""
    query = object_query(table, "id = ANY(%s::uuid[])")
    texts = connection.exec_driver_sql(query, (list(ids),)).scalars()
    rows = _rows_decoder.decode(f"[{','.join(texts)}]")
    return {row["id"]: row for row in rows}


def with_derived(table: str, values: Mapping[str, Any]) -> Row:
    """Return wire values with the derived columns that follow from them."""
    model = SYNCED_TABLES[table]
    if not model.derived_fields:
        return dict(values)
    return {**values, **model.derive(row_from_wire(model, values))}


def insert(connection: Connection, table: str, rows: Iterable[Row]) -> None:
    """Insert whole rows (every travelling column)."""
    columns = stored_columns(table, columns_of(table))
    connection.exec_driver_sql(
        f"INSERT INTO {quoted(table)} ({', '.join(map(quoted, columns))})"
        f" SELECT {', '.join(_given(table, column) for column in columns)}"
        f" FROM json_populate_recordset(NULL::{quoted(table)}, %s::json) AS s",
        (_text(with_derived(table, row) for row in rows),),
    )


def update(connection: Connection, table: str, rows: Mapping[str, Row]) -> None:
    """Write the given columns of rows, by id; rows that change the same columns go in one statement."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row_id, values in rows.items():
        whole = with_derived(table, values)
        groups.setdefault(tuple(sorted(whole)), []).append({**whole, "id": row_id})
    for columns, group in groups.items():
        assignments = ", ".join(f"{quoted(column)} = {_given(table, column)}" for column in columns)
        connection.exec_driver_sql(
            f"UPDATE {quoted(table)} AS t SET {assignments} FROM"
            f" json_populate_recordset(NULL::{quoted(table)}, %s::json) AS s WHERE t.id = s.id",
            (_text(group),),
        )


def delete(connection: Connection, table: str, ids: Sequence[str]) -> None:
    """Delete rows by id."""
    connection.exec_driver_sql(f"DELETE FROM {quoted(table)} WHERE id = ANY(%s::uuid[])", (list(ids),))


def count(connection: Connection, table: str) -> int:
    """Return how many rows a table has."""
    return int(connection.exec_driver_sql(f"SELECT count(*) FROM {quoted(table)}").scalar_one())


def _text(rows: Iterable[Row]) -> str:
    return _encoder.encode(list(rows)).decode()
