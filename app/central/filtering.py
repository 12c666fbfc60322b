"""Entries of the log as one laptop may read them: hidden changes left out, moved rows made whole."""

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from app.central import records
from app.central.noting import Part, read_parts
from app.services.changes import Change, ChangeSet, decode, encode
from app.services.sync.protocol import LogEntry

_changes_decoder: Final = msgspec.json.Decoder(list[Change])
_encoder: Final = msgspec.json.Encoder()
Key = tuple[str, str]
Rows = Mapping[Key, dict[str, Any]]


class Filter:
    """Makes entries of rows of the log.

    The rows have ``revision``, ``change_set_id``, ``device_id``, ``body``, ``signature``, ``effective``, ``parts``,
    ``seen`` (the units and marks among those touched that the laptop may have) and ``touched`` (how many there are).
    """

    def __init__(self, connection: Connection, device_id: str, had: Callable[[set[str]], set[str]]) -> None:
        """Filter for a laptop.

        Args:
            connection: to read rows that moved.
            device_id: the laptop; of its own change sets the body is left out, and nothing is made whole.
            had: returns those of some units whose rows the laptop had before.
        """
        self._connection = connection
        self._device_id = device_id
        self._had = had

    def entries(self, rows: Sequence[Any]) -> list[LogEntry]:
        """Return an entry for each row."""
        parts = {row.revision: read_parts(bytes(row.parts)) for row in rows if row.parts and row.seen}
        entered = self._entered(rows, parts)
        return [self._entry(row, parts.get(row.revision), entered) for row in rows]

    def _entered(self, rows: Sequence[Any], parts: Mapping[int, list[Part]]) -> Rows:
        """Return, whole, the rows that came to the laptop's units from others: an update alone would say too little."""
        moved = [part for some in parts.values() for part in some if part.was is not None]
        if not moved:
            return {}
        had = self._had({unit for part in moved for unit in part.was or ()})
        wanted: dict[str, set[str]] = {}
        for row in rows:
            if row.device_id == self._device_id or row.revision not in parts:
                continue
            for change, part in zip(_changes(row), parts[row.revision], strict=True):
                if part.was is not None and not had.intersection(part.was) and set(part.units) & set(row.seen):
                    wanted.setdefault(change.table, set()).add(change.row)
        return {
            (table, row_id): row
            for table, ids in wanted.items()
            for row_id, row in records.load(self._connection, table, list(ids)).items()
        }

    def _entry(self, row: Any, parts: list[Part] | None, entered: Rows) -> LogEntry:
        own = row.device_id == self._device_id
        body, signature = (b"", b"") if own else (bytes(row.body), bytes(row.signature))
        if not row.seen:
            return LogEntry(row.revision, row.change_set_id, body if own else b"", b"", b"")
        effective = bytes(row.effective)
        if parts is not None:
            seen = set(row.seen)
            # A row that is nowhere was gone when this laptop's edit of it arrived: its own copy has to go as well.
            visible = [not seen.isdisjoint(part.units) or (own and not part.units) for part in parts]
            if not all(visible) and not own:
                body, signature = _cut(decode(body), visible), b""
            moved = [part.was is not None for part in parts]
            if (effective and not all(visible)) or (entered and any(moved) and not own):
                changes = zip(_changes(row), visible, moved, strict=True)
                told = [_whole(each, entered) if move else each for each, see, move in changes if see]
                effective = _encoder.encode(told)
        return LogEntry(row.revision, row.change_set_id, body, signature, effective)


def rows_named(entry: LogEntry) -> set[Key]:
    """Return the rows that an entry tells of."""
    changes = _changes_decoder.decode(entry.effective) if entry.effective else []
    changes += decode(entry.body).changes if entry.body else []
    return {(change.table, change.row) for change in changes}


def without(entry: LogEntry, hidden: Set[Key]) -> LogEntry | None:
    """Return an entry without what it says of some rows; None when nothing is left of it."""
    if hidden.isdisjoint(rows_named(entry)):
        return entry
    change_set = decode(entry.body)
    visible = [(change.table, change.row) not in hidden for change in change_set.changes]
    effective = _changes_decoder.decode(entry.effective) if entry.effective else []
    left = [change for change in effective if (change.table, change.row) not in hidden]
    if not left and not any(visible):
        return None
    body = _cut(change_set, visible)
    return LogEntry(entry.revision, entry.change_set_id, body, b"", _encoder.encode(left) if effective else b"")


def redacted(row: Any) -> LogEntry:
    """Return an entry that says that there was a revision, and nothing of it."""
    return LogEntry(row.revision, row.change_set_id, _cut(decode(bytes(row.body)), []), b"", b"")


def _cut(change_set: ChangeSet, visible: Sequence[bool]) -> bytes:
    """Return a change set with its visible changes only; its reason may name what is hidden."""
    changes = [change for change, see in zip(change_set.changes, visible, strict=False) if see]
    actor = change_set.actor if changes else None
    return encode(msgspec.structs.replace(change_set, changes=changes, actor=actor, reason=""))


def _changes(row: Any) -> list[Change]:
    return _changes_decoder.decode(row.effective) if row.effective else decode(row.body).changes


def _whole(change: Change, entered: Rows) -> Change:
    row = entered.get((change.table, change.row))
    if row is None:
        return change
    return _inserted(change.table, row)


def with_rows(entries: list[LogEntry], rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[LogEntry]:
    """Return entries of which the last brings rows too, as if they were added there.

    Args:
        entries: of a page; where there is none, nothing can be brought.
        rows: whole, by table.
    """
    if not entries or not rows:
        return entries
    last = entries[-1]
    changes = _changes_decoder.decode(last.effective) if last.effective else []
    if not last.effective and last.body:
        changes = list(decode(last.body).changes)
    changes += [_inserted(table, row) for table, some in rows.items() for row in some]
    return [
        *entries[:-1],
        LogEntry(last.revision, last.change_set_id, last.body, last.signature, _encoder.encode(changes)),
    ]


def _inserted(table: str, row: Mapping[str, Any]) -> Change:
    return Change(table, str(row["id"]), "insert", {name: [None, value] for name, value in row.items()})
