"""The change set: what one commit did, in the form that is signed, stored, sent and read back as history."""

from typing import Any

import msgspec


class Change(msgspec.Struct, omit_defaults=True):
    """What happened to one row.

    Attributes:
        table: a synced table.
        row: its id.
        op: insert, update or delete.
        fields: column to ``[old, new]`` in wire form; an insert's olds and a delete's news are None.
    """

    table: str
    row: str
    op: str
    fields: dict[str, list[Any]]


class ChangeSet(msgspec.Struct):
    """One commit's changes.

    Attributes:
        id: UUIDv7; makes sending it twice harmless.
        device: the laptop that made it.
        sequence: the laptop's own order, from 1 without gaps.
        actor: the person, by id.
        made_at: ISO instant in UTC.
        reason: why, in words.
        base: the central revision the laptop had seen.
        changes: in the order in which rows were first touched.
    """

    id: str
    device: str
    sequence: int
    actor: str | None
    made_at: str
    reason: str
    base: int
    changes: list[Change]


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(ChangeSet)


def encode(change_set: ChangeSet) -> bytes:
    """Return the canonical bytes that are signed, stored and sent."""
    return _encoder.encode(change_set)


def decode(body: bytes) -> ChangeSet:
    """Return the change set in canonical bytes.

    Raises:
        msgspec.DecodeError: the bytes are not one.
    """
    return _decoder.decode(body)


def collapse(changes: list[Change]) -> list[Change]:
    """Return at most one change a row, first old to last new; rows that ended as they began are left out."""
    merged: dict[tuple[str, str], Change] = {}
    for change in changes:
        key = (change.table, change.row)
        earlier = merged.get(key)
        if earlier is None:
            merged[key] = Change(change.table, change.row, change.op, {k: list(v) for k, v in change.fields.items()})
        else:
            merged[key] = _then(earlier, change)
    return [change for change in merged.values() if change.op != "none"]


def _then(earlier: Change, later: Change) -> Change:
    if earlier.op in ("delete", "none") and later.op == "insert":
        fields = dict(earlier.fields)
        for name, (_, new) in later.fields.items():
            fields[name] = [fields[name][0] if name in fields else None, new]
        op = "insert" if earlier.op == "none" else "update"
        return Change(later.table, later.row, op, {k: v for k, v in fields.items() if op == "insert" or v[0] != v[1]})
    if later.op == "delete":
        if earlier.op == "insert":
            return Change(later.table, later.row, "none", {})
        olds = {name: [old, None] for name, (old, _) in later.fields.items()}
        olds.update({name: [old, None] for name, (old, _) in earlier.fields.items()})
        return Change(later.table, later.row, "delete", olds)
    fields = dict(earlier.fields)
    for name, (old, new) in later.fields.items():
        fields[name] = [fields[name][0] if name in fields else old, new]
    if earlier.op == "update":
        fields = {name: pair for name, pair in fields.items() if pair[0] != pair[1]}
    return Change(later.table, later.row, earlier.op if fields else "none", fields)
