"""What the central store and a laptop hold, read straight from their databases, by other code than the product's."""

from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import JSON, Boolean, Uuid, inspect

from app.models.base import UtcDateTime
from app.models.synced import SYNCED_TABLES
from app.services.sync.shapes import columns_of

if TYPE_CHECKING:
    from tests.sync.chaos.laptop import Laptop
    from tests.sync.chaos.world import World

Key = tuple[str, str]
Row = dict[str, Any]
ROWS_KEPT = 20_000
"""Most rows of one schedule stand in the next one too, and on every laptop."""


@dataclass
class Entry:
    """A line of the central store's log."""

    id: str
    revision: int | None
    device: str
    sequence: int
    state: str
    body: bytes
    receipt: bytes
    effective: bytes
    reason: str


@dataclass
class Store:
    """What the central store holds."""

    entries: list[Entry]
    rows: dict[Key, Row]
    by_id: dict[str, Entry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.by_id = {entry.id: entry for entry in self.entries}


# -- reading ---------------------------------------------------------------------------------------------------------


_LOG = """
SELECT change_set_id::text, revision, device_id::text, sequence, state, body, receipt, effective, refusal
FROM change_log ORDER BY revision NULLS LAST, device_id, sequence
"""


def read_store(world: "World") -> Store:
    """Read the central store, straight from its database."""
    entries = [Entry(*row) for row in world.central.rows(_LOG)]
    rows: dict[Key, Row] = {}
    for table, text in world.central.rows(_central_query()):
        row = msgspec.json.decode(text)
        rows[table, row["id"]] = row
    return Store(entries, rows)


@cache
def _central_query() -> str:
    from app.central import records

    parts = []
    for table in SYNCED_TABLES:
        columns = ", ".join(f'{records._wire_column(table, column)} AS "{column}"' for column in columns_of(table))
        parts.append(f"SELECT '{table}', row_to_json(r)::text FROM (SELECT {columns} FROM \"{table}\") AS r")
    return " UNION ALL ".join(parts)


@cache
def _vault_query() -> str:
    parts = []
    for table in SYNCED_TABLES:
        columns = ", ".join(f'"{column}"' for column in columns_of(table))
        parts.append(f"SELECT '{table}', json_array({columns}) FROM \"{table}\"")
    return " UNION ALL ".join(parts)


@cache
def _readers(table: str) -> tuple[tuple[str, Any], ...]:
    known = inspect(SYNCED_TABLES[table]).columns
    return tuple((column, known[column].type) for column in columns_of(table))


@lru_cache(ROWS_KEPT)
def _vault_row(table: str, text: str) -> Row:
    """Return a row as the wire has it, from how SQLite keeps it."""
    row: Row = {}
    for (column, kind), value in zip(_readers(table), msgspec.json.decode(text), strict=True):
        if isinstance(kind, JSON):
            row[column] = None if value is None else msgspec.json.decode(value)
        elif value is None:
            row[column] = None
        elif isinstance(kind, Uuid):
            row[column] = f"{value[:8]}-{value[8:12]}-{value[12:16]}-{value[16:20]}-{value[20:]}"
        elif isinstance(kind, UtcDateTime):
            row[column] = value.replace(" ", "T").removesuffix(".000000") + "+00:00"
        elif isinstance(kind, Boolean):
            row[column] = bool(value)
        else:
            row[column] = value
    return row


def read_vault(laptop: "Laptop") -> dict[Key, Row]:
    """Read every synced row of a laptop, straight from its database."""
    rows: dict[Key, Row] = {}
    for table, text in laptop.ask(_vault_query()):
        row = _vault_row(table, text)
        rows[table, row["id"]] = row
    return rows


def difference(one: str, here: dict[Key, Row], other: str, there: dict[Key, Row]) -> list[str]:
    wrong = []
    for key in sorted(here.keys() | there.keys()):
        left, right = here.get(key), there.get(key)
        if left == right:
            continue
        what = f"{key[0]} {key[1][-6:]}"
        if left is None or right is None:
            has, lacks = (one, other) if right is None else (other, one)
            wrong.append(f"equal: {what} is only in {has}, not in {lacks}")
        else:
            names = [f"{name}: {left.get(name)!r} / {right.get(name)!r}" for name in left if left[name] != right[name]]
            wrong.append(f"equal: {what} differs between {one} and {other}: {'; '.join(names)[:300]}")
    return wrong


def dashed(plain: str) -> str:
    """Return an id as the wire has it, from how SQLite keeps it."""
    return f"{plain[:8]}-{plain[8:12]}-{plain[12:16]}-{plain[16:20]}-{plain[20:]}"
