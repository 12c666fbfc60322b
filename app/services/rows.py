"""Statements that every save runs, prepared once: SQLAlchemy writes the SQL and the conversions, the driver runs them.

Saving a note should cost little more than its bytes; composing the same five statements anew each time cost more than
the disk did.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

_DIALECT = sqlite.dialect()
Converter = Callable[[Any], Any] | None
_CONNECTION = "rollcall_connection"


class RowInsert:
    """Inserts rows into one table of a vault. Every column must be given."""

    def __init__(self, table: Table) -> None:
        self.columns = tuple(column.name for column in table.columns)
        found = [_converter(column.type) for column in table.columns]
        self._converters = tuple((place, convert) for place, convert in enumerate(found) if convert is not None)
        self._pick = itemgetter(*self.columns)
        names = ", ".join(f'"{name}"' for name in self.columns)
        marks = ", ".join("?" * len(self.columns))
        self.sql = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'

    def __call__(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows of Python values in the connection's transaction."""
        prepared = [list(self._pick(row)) for row in rows]
        for values in prepared:
            for place, convert in self._converters:
                values[place] = convert(values[place])
        driver(connection).executemany(self.sql, prepared)


class RowSelect:
    """Reads plain columns as Python values; composed once, not anew for each vault that is opened."""

    def __init__(self, statement: Select[Any]) -> None:
        """Compose a statement on tables (not on mapped classes), with every value given at the call."""
        compiled = statement.compile(dialect=_DIALECT)
        self.sql = str(compiled)
        found = [_reader(column.type) for column in statement.selected_columns]
        self._readers = tuple((place, read) for place, read in enumerate(found) if read is not None)

    def first(self, connection: Any, *values: Any) -> list[Any] | None:
        """Return the first row, or None.

        Args:
            connection: the driver's.
            values: of the statement's parameters in order, as the database stores them.
        """
        row = connection.execute(self.sql, values).fetchone()
        if row is None:
            return None
        plain = list(row)
        for place, read in self._readers:
            plain[place] = read(plain[place])
        return plain


@cache
def insert_into(table: Table) -> RowInsert:
    """Return the prepared insert of a table."""
    return RowInsert(table)


def connection_of(session: Session) -> Connection:
    """Return a session's connection; a writing session keeps it at hand for its one transaction."""
    known: Connection | None = session.info.get(_CONNECTION)
    return session.connection() if known is None else known


def keep_connection(session: Session) -> None:
    """Begin a writing session's transaction and keep its connection at hand."""
    session.info[_CONNECTION] = session.connection()


def driver(connection: Connection) -> Any:
    """Return the driver's own connection, inside the same transaction."""
    return connection.connection.dbapi_connection


def stored_key(value: str) -> str:
    """Return an id as a vault stores it."""
    return value.replace("-", "")


def _converter(kind: Any) -> Converter:
    implementation = kind.dialect_impl(_DIALECT)
    converter: Converter = implementation.bind_processor(_DIALECT)
    return converter


def _reader(kind: Any) -> Converter:
    reader: Converter = kind.dialect_impl(_DIALECT).result_processor(_DIALECT, None)
    return reader


@cache
def converter_of(table: Table, column: str) -> Callable[[Any], Any]:
    """Return how a column's Python value is stored."""
    return _converter(table.columns[column].type) or (lambda value: value)
