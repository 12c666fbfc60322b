"""Merging a batch of change sets in memory and writing the outcome with a few statements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from app.central import decisions, records
from app.central.noting import Note, Noter
from app.central.places import Links, Places
from app.central.tables import change_log, change_touch
from app.ids import new_id
from app.models.synced import SYNCED_TABLES
from app.models.terms import ConflictState
from app.services.changes import Change, ChangeSet, decode
from app.services.sync.merge import WHOLE_ROW, Kept, merge
from app.services.sync.protocol import ACCEPTED, CONFLICTED
from app.services.sync.shapes import wire_defaults
from app.services.sync.units import linking_columns

Key = tuple[str, str]
_encoder = msgspec.json.Encoder()
_AUTHORS_SEARCHED = 200
"""How many revisions of one row are read back to find who wrote the value a conflict keeps."""


@dataclass(slots=True)
class Outcome:
    """What one change set came to: how it went in, and the changes as every laptop should apply them."""

    state: str
    effective: bytes
    touched: set[str]
    note: Note


@dataclass(slots=True)
class Batch:
    """The rows a batch touches, as they become. Nothing is written before :meth:`write`.

    Attributes:
        known: where rows belong as they are stored, as far as that was read already.
    """

    connection: Connection
    now: datetime
    known: Places | None = None
    rows: dict[Key, dict[str, Any] | None] = field(default_factory=dict)
    stored: set[Key] = field(default_factory=set)
    fresh: set[Key] = field(default_factory=set)
    written: dict[Key, dict[str, Any]] = field(default_factory=dict)
    gone: dict[Key, dict[str, Any]] = field(default_factory=dict)
    places: Places = field(init=False)
    noter: Noter = field(init=False)

    def __post_init__(self) -> None:
        """Start from what is stored."""
        self.places = Places(self.connection, self.known)
        self.noter = Noter(self.connection, self.places)

    def load(self, change_sets: Sequence[ChangeSet]) -> None:
        """Read every row the change sets touch, one query a table."""
        wanted: dict[str, set[str]] = {}
        for change_set in change_sets:
            for change in change_set.changes:
                wanted.setdefault(change.table, set()).add(change.row)
        for table, ids in wanted.items():
            for row_id, row in records.load(self.connection, table, list(ids)).items():
                self.rows[table, row_id] = row
                self.stored.add((table, row_id))
        self._prepare_places(change_sets, wanted)

    def _prepare_places(self, change_sets: Sequence[ChangeSet], wanted: Mapping[str, set[str]]) -> None:
        """Read at once what it takes to say where the rows belong, before and after."""
        lead: list[tuple[str, Links]] = []
        new: list[Key] = []
        for table, ids in wanted.items():
            rows = {row_id: row for row_id in ids if (row := self.rows.get((table, row_id))) is not None}
            self.places.note_read(table, rows, ids)
            lead.extend((table, row) for row in rows.values())
        for change_set in change_sets:
            for change in change_set.changes:
                if links := change.fields.keys() & linking_columns(change.table):
                    lead.append((change.table, {name: change.fields[name][1] for name in links}))
                if change.op == "insert":
                    new.append((change.table, change.row))
        self.places.prepare(lead)
        self.noter.foresee(new)

    def merge(self, change_set: ChangeSet) -> Outcome:
        """Merge one change set into the rows and return what it came to."""
        effective: list[Change] = []
        conflicts: list[Change] = []
        altered = False
        touched: set[str] = set()
        before: dict[Key, dict[str, Any] | None] = {}
        late = decisions.overtaken(change_set, self.rows)
        for change in change_set.changes:
            key = (change.table, change.row)
            before.setdefault(key, self.rows.get(key))
            merged = merge(change, self.rows.get(key), frozenset(late.get(key, ())))
            touched.add(change.row)
            effective.append(merged.effective or change)
            altered = altered or merged.effective is not None
            for kept in merged.conflicts:
                conflicts.append(self._raise_conflict(change_set, change, kept))
                touched.add(conflicts[-1].row)
            self._take(key, merged.row, merged.written)
        for key, fields in late.items():
            for field_name, decision in fields.items():
                kept_again = decisions.asked_again(change_set, field_name, decision, self._row(key))
                if kept_again is not None:
                    about = Change(*key, "update", {"subject_id": [None, decision.conflict["subject_id"]]})
                    conflicts.append(self._raise_conflict(change_set, about, kept_again))
                    touched.update((key[1], conflicts[-1].row))
        before |= {(conflict.table, conflict.row): None for conflict in conflicts}
        note = self.noter.note(effective + conflicts, before, {key: self.rows.get(key) for key in before})
        if not altered:
            return Outcome(ACCEPTED, b"", touched, note)
        state = CONFLICTED if conflicts else ACCEPTED
        return Outcome(state, _encoder.encode(effective + conflicts), touched, note)

    def write(self) -> None:
        """Write what the rows have become."""
        inserts: dict[str, list[dict[str, Any]]] = {}
        updates: dict[str, dict[str, dict[str, Any]]] = {}
        deletes: dict[str, list[str]] = {}
        for key, row in self.rows.items():
            table, row_id = key
            if row is None:
                if key in self.stored:
                    deletes.setdefault(table, []).append(row_id)
            elif key not in self.stored:
                inserts.setdefault(table, []).append(row)
            elif key in self.fresh:  # deleted and made again within the batch
                updates.setdefault(table, {})[row_id] = row
            elif values := self.written.get(key):
                updates.setdefault(table, {})[row_id] = values
        for table, ids in deletes.items():
            records.delete(self.connection, table, ids)
        for table, rows in updates.items():
            records.update(self.connection, table, rows)
        for table, new_rows in inserts.items():
            records.insert(self.connection, table, new_rows)

    def deleted_count(self, table: str) -> int:
        """Return how many stored rows of a table this batch deletes."""
        return sum(1 for key in self.stored if key[0] == table and self.rows[key] is None)

    def _row(self, key: Key) -> dict[str, Any] | None:
        """Return a row as it has become, read now where no change of the batch touches it."""
        if key not in self.rows and key[0] not in SYNCED_TABLES:
            return None  # a conflict may name whatever its laptop wrote there
        if key not in self.rows:
            found = records.load(self.connection, key[0], [key[1]])
            self.rows[key] = found.get(key[1])
            self.stored |= {key} if found else set()
        return self.rows[key]

    def _take(self, key: Key, row: dict[str, Any] | None, written: dict[str, Any]) -> None:
        if row is not None and self.rows.get(key) is None:
            self.fresh.add(key)
        if row is None and (was := self.rows.get(key)) is not None:
            self.gone[key] = was
        self.rows[key] = row
        if written and key in self.stored:
            self.written.setdefault(key, {}).update(written)

    def _raise_conflict(self, change_set: ChangeSet, change: Change, kept: Kept) -> Change:
        kept_by, kept_at = self._author(change.row, kept)
        row_id = new_id()
        values = {
            "id": row_id,
            "created_at": self.now.isoformat(),
            "created_by": change_set.actor,
            "table_name": change.table,
            "row_id": change.row,
            "subject_id": self._living_subject(change),
            "field": kept.field,
            "before": kept.before,
            "kept": kept.kept,
            "kept_by": kept_by,
            "kept_at": kept_at,
            "offered": kept.offered,
            "offered_by": change_set.actor,
            "offered_at": change_set.made_at,
            "change_set_id": change_set.id,
            "state": ConflictState.OPEN.value,
        }
        self.rows["conflict", row_id] = {**wire_defaults("conflict"), **values}
        fields = {name: [None, value] for name, value in values.items() if value is not None}
        return Change("conflict", row_id, "insert", fields)

    def _living_subject(self, change: Change) -> str | None:
        subject = self._subject(change)
        if subject is None or self.places.units("child", subject) or self.places.units("case", subject):
            return subject
        return self._child_of_deleted(subject) or subject

    def _subject(self, change: Change) -> str | None:
        row = self.rows.get((change.table, change.row)) or self._as_it_was(change)
        for name in SYNCED_TABLES[change.table].subject_fields:
            if name == "id":
                return change.row
            pair = change.fields.get(name, (None, None))
            if value := row.get(name) or pair[1] or pair[0]:
                return str(value)
        # A conflict that is asked about again says itself whose it is.
        said = change.fields.get("subject_id", (None, None))[1]
        return str(said) if said else None

    def _as_it_was(self, change: Change) -> dict[str, Any]:
        """Return a deleted row as the log tells it: an edit of it does not say itself whose it is."""
        if change.op == "insert" or self.rows.get((change.table, change.row)) is not None:
            return {}
        if was := self.gone.get((change.table, change.row)):
            return was
        found = self.connection.execute(
            select(change_log.c.body)
            .join(change_touch, change_touch.c.revision == change_log.c.revision)
            .where(change_touch.c.row_id == change.row)
            .order_by(change_log.c.revision.desc())
            .limit(_AUTHORS_SEARCHED)
        )
        for entry in found:
            for each in decode(entry.body).changes:
                if each.row == change.row and each.op == "delete":
                    return {name: old for name, (old, _) in each.fields.items()}
        return {}

    def _child_of_deleted(self, case_id: str) -> str | None:
        """Return the child of a case that was deleted, from the log: what is asked about it has to reach somebody."""
        found = self.connection.execute(
            select(change_log.c.body)
            .join(change_touch, change_touch.c.revision == change_log.c.revision)
            .where(change_touch.c.row_id == case_id)
            .order_by(change_log.c.revision.desc())
            .limit(_AUTHORS_SEARCHED)
        )
        for entry in found:
            for change in decode(entry.body).changes:
                child = change.fields.get("child_id", ())
                if (change.table, change.row) == ("case", case_id) and (known := [each for each in child if each]):
                    return str(known[0])
        return None

    def _author(self, row_id: str, kept: Kept) -> tuple[str | None, str | None]:
        """Return who wrote the kept value and when, from the log; None where it is not found."""
        found = self.connection.execute(
            select(change_log.c.body, change_log.c.actor_id, change_log.c.made_at)
            .join(change_touch, change_touch.c.revision == change_log.c.revision)
            .where(change_touch.c.row_id == row_id)
            .order_by(change_log.c.revision.desc())
            .limit(_AUTHORS_SEARCHED)
        )
        for entry in found:
            if _wrote(decode(entry.body).changes, row_id, kept):
                return entry.actor_id, entry.made_at
        return None, None


def _wrote(changes: Sequence[Change], row_id: str, kept: Kept) -> bool:
    for change in changes:
        if change.row != row_id:
            continue
        if kept.field == WHOLE_ROW:
            return True
        pair = change.fields.get(kept.field)
        if pair is not None and pair[1] == kept.kept:
            return True
    return False
