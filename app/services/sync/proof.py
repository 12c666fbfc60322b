"""Proof that laptop and central store hold the same: one hash a unit over its rows as they travel. Pure: no database.

Both sides hash what their own tables hold, row by row, so a row that is missing, too many, or differs in one value on
either side gives another hash. Nothing is kept from an earlier hashing: a damaged row would hide behind it.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from app.models.synced import SYNCED_TABLES

HASH_BYTES = 32
_encoder = msgspec.json.Encoder(order="deterministic")


def unit_hash(rows: Mapping[str, Iterable[Mapping[str, Any]]]) -> bytes:
    """Return the hash of a unit.

    Args:
        rows: by table, each row as a mapping of every travelling column to its wire value. The order of tables, rows
            and columns does not matter; tables without rows may be left out.

    Returns:
        SHA-256 over the rows as canonical JSON (keys in order), a line each, tables in the order of a first pull,
        rows by id, each table's rows under its name. A unit without rows has a hash too.
    """
    digest = hashlib.sha256()
    for table in SYNCED_TABLES:
        some = sorted(rows.get(table, ()), key=_id_of)
        if some:
            digest.update(b"%s\n" % table.encode())
            digest.update(_encoder.encode_lines(some))
    return digest.digest()


def scope_hash(units: Iterable[str]) -> bytes:
    """Return the hash of a scope: SHA-256 over the ids of the units held, in order, a line each."""
    return hashlib.sha256("".join(f"{unit}\n" for unit in sorted(units)).encode()).digest()


def _id_of(row: Mapping[str, Any]) -> str:
    return str(row["id"])
