"""The central store's log, replayed by a few lines of its own: the merge that is tested must not judge itself."""

from collections.abc import Iterable
from typing import Any

import msgspec

from app.models.synced import SYNCED_TABLES, MergeRule
from app.services.changes import Change, decode
from app.services.sync.shapes import wire_defaults
from tests.sync.chaos.stores import Key, Row, Store, difference

_changes = msgspec.json.Decoder(list[Change])
_STAMPS = frozenset({"id", "created_at", "created_by"})
_COUNTED = frozenset({("case", "allocation")})
"""Follows from the officer, about whom a person is asked; its value is in the history."""


def log_is_whole(store: Store) -> list[str]:
    """Revisions have no gap, and every laptop's own order is followed."""
    revisions = [entry.revision for entry in store.entries if entry.revision is not None]
    wrong = []
    if revisions != list(range(1, len(revisions) + 1)):
        wrong.append("revisions: the log has a gap")
    places: dict[str, list[int]] = {}
    for entry in store.entries:
        places.setdefault(entry.device, []).append(entry.sequence)
    for device, sequences in places.items():
        if sorted(sequences) != list(range(1, len(sequences) + 1)):
            wrong.append(f"order: the change sets of device {device[-6:]} have a gap or stand twice")
    merged: dict[str, int] = {}
    for entry in store.entries:
        if entry.revision is not None:
            if entry.sequence < merged.get(entry.device, 0):
                wrong.append(f"order: a later change set of device {entry.device[-6:]} was merged first")
            merged[entry.device] = entry.sequence
    return wrong


def every_value_is_somewhere(store: Store) -> list[str]:
    """Each value of a merged change is in its row right after, or a conflict keeps it for a person."""
    rows: dict[Key, Row] = {}
    wrong: list[str] = []
    conflicts: dict[str, str] = {}
    for entry in store.entries:
        if entry.revision is None:
            continue
        sent = decode(entry.body).changes
        applied = _changes.decode(entry.effective) if entry.effective else sent
        before = {(change.table, change.row): rows.get((change.table, change.row)) for change in sent}
        for change in applied:
            _apply(rows, change)
        kept = [change for change in applied if change.table == "conflict" and change.op == "insert"]
        conflicts.update((change.row, f"of revision {entry.revision}") for change in kept)
        wrong += [f"value: revision {entry.revision}: {words}" for words in _missing(rows, sent, kept)]
        wrong += [f"value: revision {entry.revision}: {words}" for words in _overwritten(before, rows, sent)]
        if kept and entry.state != "conflicted" and applied is not sent:
            wrong.append(f"value: revision {entry.revision} raised a conflict and says {entry.state}")
    wrong += [f"conflict {words} is gone" for row, words in conflicts.items() if ("conflict", row) not in store.rows]
    wrong += difference("the log", rows, "the central store's records", store.rows)
    return wrong


def _apply(rows: dict[Key, Row], change: Change) -> None:
    key = (change.table, change.row)
    if change.op == "delete":
        rows.pop(key, None)
        return
    news = {name: pair[1] for name, pair in change.fields.items()}
    if key in rows:
        rows[key] = {**rows[key], **news}
    elif change.op == "insert":
        rows[key] = {**wire_defaults(change.table), **news}


def _missing(rows: dict[Key, Row], sent: Iterable[Change], kept: list[Change]) -> list[str]:
    offers: dict[Key, list[tuple[str, Any]]] = {}
    for conflict in kept:
        values = {name: pair[1] for name, pair in conflict.fields.items()}
        offers.setdefault((values["table_name"], values["row_id"]), []).append((values["field"], values.get("offered")))
    wrong = []
    for change in sent:
        key = (change.table, change.row)
        row, offered = rows.get(key), offers.get(key, [])
        if change.op == "delete":
            if row is not None and ("*", None) not in offered:
                wrong.append(f"a deletion in {change.table} left no trace")
            continue
        for name, (_, new) in change.fields.items():
            if name in _STAMPS or (change.table, name) in _COUNTED:
                continue
            whole = any(name_ == "*" and (value or {}).get(name) == new for name_, value in offered)
            if not (row is not None and row.get(name) == new) and (name, new) not in offered and not whole:
                wrong.append(f"{change.table}.{name} = {new!r} is neither in the record nor in a conflict")
    return wrong


def _overwritten(before: dict[Key, Row | None], rows: dict[Key, Row], sent: Iterable[Change]) -> list[str]:
    """A value goes only where whoever replaced it had seen it: last write never simply wins."""
    wrong = []
    for change in sent:
        key = (change.table, change.row)
        was, row = before[key], rows.get(key)
        if was is None and row is not None and change.op == "update":
            wrong.append(f"{change.table} {change.row[-6:]} was deleted, and an edit brought it back")
        if was is None or SYNCED_TABLES[change.table].merge_rule is MergeRule.LATEST:
            continue
        for name, (old, new) in change.fields.items():
            now = row.get(name) if row is not None else None
            if was.get(name) not in (old, new) and now != was.get(name) and (change.table, name) not in _COUNTED:
                wrong.append(f"{change.table}.{name}: {was.get(name)!r} was replaced by {now!r}, unseen")
        unnamed = was.keys() - change.fields.keys()
        altered = sorted(name for name in unnamed if row is not None and row[name] != was[name])
        if change.op == "delete" and row is None:
            altered = sorted(name for name in unnamed if was[name] is not None)
        if altered:
            wrong.append(f"{change.table}: fields that the change does not name were altered: {altered}")
    return wrong
