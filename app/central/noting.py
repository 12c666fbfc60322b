"""What a change set means for scope, noted as it is merged: which units it touches, and who has to look again.

A laptop that passes a revision looks at that revision's events only, never at its whole scope; so what a sync costs
does not grow with what a laptop holds. The kinds of event:

- ``born``: a unit begins here, so that the log from here on is all there is of it.
- ``look``: who may see a unit may have changed.
- ``whole``: something older was linked to a unit, so it has to be fetched whole again.
- ``lost``: a row (``table_name``, ``row_id``) no longer belongs to a unit, or is no longer one that all have.
- ``person``: what a person may see has changed altogether (``subject`` is the person, or a laptop).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from app.central.copying import copy_in
from app.central.places import MARKS, NOWHERE, REFERENCE, Key, Places, Units
from app.central.scope_tables import change_part, change_unit, scope_due, scope_event
from app.central.tables import change_touch
from app.services.changes import Change
from app.services.sync.units import Way, followers, linking_columns, table_named

BORN: Final = "born"
LOOK: Final = "look"
WHOLE: Final = "whole"
LOST: Final = "lost"
PERSON: Final = "person"
_CASE_FIELDS: Final = ("team_id", "restricted", "child_id")
_USER_FIELDS: Final = ("role", "team_id", "active")
_ACCESS_TABLES: Final = frozenset({"case_access", "break_glass", "interest_declared"})
_NONE: Mapping[str, Any] = {}
_encoder = msgspec.json.Encoder()

Row = Mapping[str, Any]


class Part(msgspec.Struct, array_like=True):
    """The units of one change.

    Attributes:
        units: those of its row afterwards; those of before when it was deleted.
        was: those before, when they were others.
    """

    units: list[str]
    was: list[str] | None = None


_decoder = msgspec.json.Decoder(list[Part])


class Event(msgspec.Struct, frozen=True):
    """Somebody has to look again."""

    kind: str
    subject: str
    table: str = ""
    row: str | None = None


@dataclass(slots=True)
class Note:
    """What one change set means for scope.

    Attributes:
        units: it touches, and marks.
        parts: JSON of a :class:`Part` for each change, when they do not all belong to the same units.
        events: for laptops that pass it.
        due: when who may see a unit changes by itself.
        moved: rows that left units and have others following them; those are looked up when all is written.
    """

    units: set[str] = field(default_factory=set)
    parts: bytes = b""
    events: dict[Event, None] = field(default_factory=dict)
    due: set[tuple[str, datetime]] = field(default_factory=set)
    moved: list[tuple[str, Row, Units]] = field(default_factory=list)


def read_parts(parts: bytes) -> list[Part]:
    """Return what :attr:`Note.parts` holds."""
    return _decoder.decode(parts)


class Noter:
    """Notes what the change sets of one batch mean, in order."""

    def __init__(self, connection: Connection, places: Places) -> None:
        self._connection = connection
        self._places = places
        self._touched_before: dict[str, bool] = {}

    def note(
        self, changes: Sequence[Change], before: Mapping[Key, Row | None], after: Mapping[Key, Row | None]
    ) -> Note:
        """Return what a change set means.

        Args:
            changes: as laptops apply them.
            before: every row it touches, as it was; None where there was none.
            after: the same rows as they are now.
        """
        places, note = self._places, Note()
        relinked = [key for key, row in after.items() if _relinked(key[0], before.get(key), row)]
        self._read_history(key for key in relinked if before.get(key) is None)
        was = {key: places.units(*key) for key in relinked if before.get(key) is not None}
        for key in relinked:
            places.put(*key, after[key])
        now = {key: places.units(*key) for key in after}
        for key in after:
            self._look(note, key, before.get(key), after[key], was.get(key, NOWHERE), now[key])
        for key in relinked:
            self._move(note, key, before, after[key], was.get(key, NOWHERE), now[key])
        self._note_parts(note, changes, before, after, was, now)
        return note

    def _note_parts(
        self,
        note: Note,
        changes: Sequence[Change],
        before: Mapping[Key, Row | None],
        after: Mapping[Key, Row | None],
        was: Mapping[Key, Units],
        now: Mapping[Key, Units],
    ) -> None:
        parts, kinds, moved = [], set(), False
        for change in changes:
            key = (change.table, change.row)
            here = now[key] if after[key] is not None else was.get(key, NOWHERE)
            there = was[key] if key in was and after[key] is not None and was[key] != here else None
            moved = moved or there is not None
            kinds.add(here)
            note.units |= here
            parts.append(Part(list(here), None if there is None else list(there)))
        if moved or len(kinds) > 1:
            note.parts = _encoder.encode(parts)

    def _look(self, note: Note, key: Key, before: Row | None, after: Row | None, was: Units, now: Units) -> None:
        table, row_id = key
        if table == "child" and before is None and after is not None:
            kinds = (LOOK, WHOLE) if self._touched_before.get(row_id) else (BORN,)
            for kind in kinds:
                note.events[Event(kind, row_id)] = None
        elif table == "case" and _differ(before, after, _CASE_FIELDS):
            _tell(note, LOOK, was | now)
        elif table in _ACCESS_TABLES:
            _tell(note, LOOK, was | now)
            if table == "break_glass" and (ends_at := (after or _NONE).get("until_at")):
                note.due |= {(unit, datetime.fromisoformat(str(ends_at))) for unit in now - MARKS}
        elif table == "user" and before is not None and _differ(before, after, _USER_FIELDS):
            note.events[Event(PERSON, row_id)] = None

    def _move(
        self,
        note: Note,
        key: Key,
        before: Mapping[Key, Row | None],
        after: Row | None,
        was: Units,
        now: Units,
    ) -> None:
        table, row_id = key
        earlier, lost, gained = before.get(key), was - now, now - was
        if earlier is not None and after is not None:
            for unit in lost - {REFERENCE}:
                note.events[Event(LOST, unit, table, row_id)] = None
        if not followers(table):
            return
        if earlier is not None and lost:
            note.moved.append((table, earlier, lost))
        if after is not None and (earlier is not None or self._followed(key, before, after)):
            _tell(note, WHOLE, gained)

    def _followed(self, key: Key, before: Mapping[Key, Row | None], after: Row) -> bool:
        """Return whether rows that are older than a new row follow it into its units."""
        for name, way in followers(key[0]).items():
            if way.by != "id" and way.column == "id" and (person := after.get(way.by)) is not None:
                return before.get((name, str(person)), _NONE) is not None
        return self._touched_before.get(key[1], False)

    def _read_history(self, keys: Iterable[Key]) -> None:
        """Learn which new rows were there before: a row that was deleted and made again may have followers."""
        ids = [row_id for table, row_id in keys if followers(table) and row_id not in self._touched_before]
        if ids:
            found = self._connection.scalars(
                select(change_touch.c.row_id).where(change_touch.c.row_id.in_(ids)).distinct()
            )
            self._touched_before |= {**dict.fromkeys(ids, False), **dict.fromkeys(found, True)}

    def foresee(self, rows: Iterable[Key]) -> None:
        """Read at once what is asked about new rows of a batch."""
        self._read_history(rows)


def follow(connection: Connection, notes: Iterable[Note]) -> None:
    """Add, for rows that left units, what follows them; asked when the batch is written."""
    for note in notes:
        for table, row, lost in note.moved:
            _lose_followers(connection, note, table, row, lost)


def _lose_followers(connection: Connection, note: Note, table: str, row: Row, lost: Units) -> None:
    for name, way in followers(table).items():
        if (value := row.get(way.by)) is None:
            continue
        for found in _following(connection, name, way, str(value)):
            for unit in lost - {REFERENCE}:
                note.events[Event(LOST, unit, name, found["id"])] = None
            if followers(name):
                _lose_followers(connection, note, name, found, lost)


def _following(connection: Connection, table: str, way: Way, value: str) -> list[Row]:
    source = table_named(table)
    wanted = {"id", *(each.by for each in followers(table).values())}
    query = select(*(source.c[name] for name in sorted(wanted))).where(source.c[way.column] == value)
    return [dict(row) for row in connection.execute(query).mappings()]


def _relinked(table: str, before: Row | None, after: Row | None) -> bool:
    """Return whether a row is new, gone, or belongs elsewhere."""
    if before is None or after is None:
        return before is not after
    return any(before.get(name) != after.get(name) for name in linking_columns(table))


def _differ(before: Row | None, after: Row | None, names: Sequence[str]) -> bool:
    return any((before or _NONE).get(name) != (after or _NONE).get(name) for name in names)


def _tell(note: Note, kind: str, units: Units) -> None:
    for unit in units - MARKS:
        note.events[Event(kind, unit)] = None


def write_notes(connection: Connection, notes: Sequence[tuple[int, Note]]) -> None:
    """Write what change sets mean for scope, each under its revision."""
    copy_in(connection, change_unit, [(revision, UUID(unit)) for revision, note in notes for unit in note.units])
    copy_in(connection, change_part, [(revision, note.parts) for revision, note in notes if note.parts])
    copy_in(connection, scope_event, [_event_row(revision, event) for revision, note in notes for event in note.events])
    due = [{"unit": unit, "due_at": due_at} for _, note in notes for unit, due_at in note.due]
    if due:
        connection.execute(insert(scope_due).on_conflict_do_nothing(), due)


def _event_row(revision: int, event: Event) -> tuple[Any, ...]:
    return revision, event.kind, UUID(event.subject), event.table, UUID(event.row) if event.row else None
