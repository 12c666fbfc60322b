"""Writing pulled rows into the vault with the bare statements of its driver, many at a time."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import IntegrityError

from app.models.synced import SYNCED_TABLES
from app.services.sync.shapes import columns_of, convert_rows, stored_columns, stored_rows

Columns = tuple[str, ...]
Renamed = set[tuple[str, str]]
"""Rows, by table and id, that made room for others."""


def existing(connection: Connection, table: str, ids: Iterable[str]) -> set[str]:
    """Return those of the ids that the table has."""
    asked = {row_id.replace("-", ""): row_id for row_id in ids}
    if not asked:
        return set()
    found = connection.exec_driver_sql(
        f"SELECT id FROM {_quoted(table)} WHERE id IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(list(asked)).decode(),),
    ).scalars()
    return {asked[row_id] for row_id in found}


def count(connection: Connection, table: str) -> int:
    """Return how many rows a table has."""
    return int(connection.exec_driver_sql(f"SELECT count(*) FROM {_quoted(table)}").scalar_one())


def insert_checked(
    connection: Connection, table: str, columns: Columns, rows: Sequence[Any], renamed: Renamed | None = None
) -> None:
    """Insert checked rows (see :mod:`app.services.sync.shapes`).

    A row that stands in the way of a unique column is renamed: it can only be one that the central store refused or
    has not judged yet, and what it holds stays. Such rows are added to ``renamed``, for their lists.
    """
    if not rows:
        return
    all_columns = stored_columns(table, columns)
    statement = (
        f"INSERT INTO {_quoted(table)} ({', '.join(map(_quoted, all_columns))})"
        f" VALUES ({', '.join('?' * len(all_columns))})"
    )
    values = list(stored_rows(table, columns, rows))
    unique = _unique_columns(table)
    if not unique:
        connection.exec_driver_sql(statement, values)
        return
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(statement, values)
    except IntegrityError:
        for column in unique:
            _make_room(connection, table, column, [row[all_columns.index(column)] for row in values], renamed)
        connection.exec_driver_sql(statement, values)


def insert_wire(
    connection: Connection, table: str, rows: Sequence[Mapping[str, Any]], renamed: Renamed | None = None
) -> None:
    """Insert whole rows in wire form."""
    columns = columns_of(table)
    checked = convert_rows(table, columns, ([row[column] for column in columns] for row in rows))
    insert_checked(connection, table, columns, checked, renamed)


def update_wire(
    connection: Connection, table: str, rows: Mapping[str, Mapping[str, Any]], renamed: Renamed | None = None
) -> None:
    """Write the given columns of rows, by id, in wire form."""
    groups: dict[Columns, list[tuple[str, Mapping[str, Any]]]] = {}
    for row_id, values in rows.items():
        named = tuple(sorted(name for name in values if name != "id"))
        if named:
            groups.setdefault(named, []).append((row_id, values))
    for columns, group in groups.items():
        checked = convert_rows(table, columns, ([values[column] for column in columns] for _, values in group))
        update_checked(connection, table, columns, [row_id for row_id, _ in group], checked, renamed)


def update_checked(
    connection: Connection,
    table: str,
    columns: Columns,
    ids: Sequence[str],
    rows: Sequence[Any],
    renamed: Renamed | None = None,
) -> None:
    """Write checked values of these columns to the rows with these ids."""
    all_columns = stored_columns(table, columns)
    assignments = ", ".join(f"{_quoted(column)} = ?" for column in all_columns)
    values = [
        (*row, row_id.replace("-", "")) for row, row_id in zip(stored_rows(table, columns, rows), ids, strict=True)
    ]
    if not values:
        return
    statement = f"UPDATE {_quoted(table)} SET {assignments} WHERE id = ?"
    unique = [column for column in _unique_columns(table) if column in all_columns]
    if not unique:
        connection.exec_driver_sql(statement, values)
        return
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(statement, values)
    except IntegrityError:
        for column in unique:
            _make_room(connection, table, column, [row[all_columns.index(column)] for row in values], renamed)
        connection.exec_driver_sql(statement, values)


def delete(connection: Connection, table: str, ids: Sequence[str]) -> None:
    """Delete rows by id."""
    plain = [(row_id.replace("-", ""),) for row_id in ids]
    connection.exec_driver_sql(f"DELETE FROM {_quoted(table)} WHERE id = ?", plain)


def _unique_columns(table: str) -> list[str]:
    return [column.key for column in inspect(SYNCED_TABLES[table]).columns if column.unique]


def _make_room(connection: Connection, table: str, column: str, values: Sequence[Any], renamed: Renamed | None) -> None:
    name = _quoted(column)
    ids = connection.exec_driver_sql(
        f"UPDATE {_quoted(table)} SET {name} = {name} || ' (' || substr(id, -6) || ')'"
        f" WHERE {name} IN (SELECT value FROM json_each(?)) RETURNING id",
        (msgspec.json.encode(list(values)).decode(),),
    ).scalars()
    found = {(table, f"{row[:8]}-{row[8:12]}-{row[12:16]}-{row[16:20]}-{row[20:]}") for row in ids}
    if renamed is not None:
        renamed |= found


def _quoted(name: str) -> str:
    return f'"{name}"'
