"""Adding many rows at once with COPY: a log's bodies are too large for parameters."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Connection, DateTime, LargeBinary, Table, Text, Uuid

_TYPES: dict[type, str] = {
    Uuid: "uuid",
    BigInteger: "int8",
    Text: "text",
    DateTime: "timestamptz",
    LargeBinary: "bytea",
}


def copy_in(connection: Connection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Add rows, each in the order of the table's columns; UUIDs as such, not as text."""
    if not rows:
        return
    names = ", ".join(column.name for column in table.columns)
    types = [_TYPES[type(column.type)] for column in table.columns]
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
