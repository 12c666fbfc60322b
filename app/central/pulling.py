"""What a laptop is told of the log: only what belongs to units it may hold, and what enters and leaves its scope.

One transaction sees one state of the store. The laptop's units are those held at its cursor; the events after the
cursor name the units to look at again, so nothing here reads a whole scope unless a person's role or team changed.
A change set that is partly hidden travels with its visible changes only, and without its signature.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from psycopg.errors import SerializationFailure, UniqueViolation
from sqlalchemy import Connection, Engine, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import Uuid

from app.central import noting
from app.central.filtering import Filter, redacted, with_rows
from app.central.holdings import Holdings
from app.central.places import LOOSE, MARKS, REFERENCE, Places
from app.central.proofs import unit_hashes
from app.central.scope_tables import scope_event
from app.central.store import Store
from app.central.tables import device_person
from app.central.unit_log import without_moved
from app.central.unit_rows import loose_rows, rows_of
from app.central.visibility import Visibility, alive, viewers_of
from app.services.sync.protocol import PAGE_BYTES, PAGE_ENTRIES, VERSION, LogEntry, PullAnswer, ScopeChange
from app.timesource import TimeSource

_KEY: Final = Uuid(as_uuid=False)
_KEYS: Final = ARRAY(_KEY)
_TRIES: Final = 4
MOST_PROVEN: Final = 100
"""Units whose hashes go with an answer; of more a laptop asks by itself."""
_START = text(
    "SELECT (SELECT value FROM revision_counter) AS head,"
    " EXISTS (SELECT 1 FROM scope_due WHERE due_at <= :now) AS due,"
    " EXISTS (SELECT 1 FROM device_scope WHERE device_id = :device) AS known"
).bindparams(bindparam("device", type_=_KEY))
# Entry by entry in order, so that it stops with the page; its units are looked up in the laptop's holdings.
_ENTRIES = (
    text(
        """
SELECT * FROM (
  SELECT found.*, sum(octet_length(body) + octet_length(effective) + 200) OVER (ORDER BY revision) AS size,
    row_number() OVER (ORDER BY revision) AS place, count(*) OVER () AS found
  FROM (
    SELECT l.revision, l.change_set_id, l.device_id, l.body, l.signature, l.effective, p.parts, t.seen, t.touched
    FROM change_log AS l
    CROSS JOIN LATERAL (
      SELECT count(*) AS touched, array_agg(u.unit) FILTER (WHERE u.unit = ANY(:extra) OR (u.unit <> ALL(:without)
        AND EXISTS (SELECT 1 FROM device_holding AS h WHERE h.device_id = :device AND h.unit = u.unit
                    AND h.since <= :cursor AND (h.until IS NULL OR h.until > :cursor)))) AS seen
      FROM change_unit AS u WHERE u.revision = l.revision) AS t
    LEFT JOIN change_part AS p ON p.revision = l.revision
    WHERE l.revision > :cursor AND l.revision <= :head AND (:every OR l.device_id = :device OR t.seen IS NOT NULL)
    ORDER BY l.revision LIMIT :limit) AS found) AS sized
WHERE size <= :bytes OR place = 1 ORDER BY revision
"""
    )
    .bindparams(bindparam("device", type_=_KEY), bindparam("extra", type_=_KEYS), bindparam("without", type_=_KEYS))
    .columns(change_set_id=_KEY, device_id=_KEY, seen=_KEYS)
)


class Puller:
    """Answers pulls."""

    def __init__(self, engine: Engine, store: Store, time: TimeSource) -> None:
        self._engine = engine.execution_options(isolation_level="REPEATABLE READ")
        self._store = store
        self._time = time

    def pull(
        self, device_id: str, cursor: int, limit: int, version: int = VERSION, prove: Sequence[str] | None = None
    ) -> PullAnswer:
        """Return the log after a revision, in order, as much as fits a page, and what becomes of the scope with it.

        Args:
            device_id: who asks; the bodies of its own change sets are left out, it has them.
            cursor: the last revision it has.
            limit: the most entries it wants.
            version: of the protocol it speaks; one of version 1 is told of every revision, of hidden ones nothing.
            prove: units whose hashes it wants beside those that the entries touch, if there are any.
        """
        for tries_left in reversed(range(_TRIES)):
            try:
                answer = self._pull(device_id, cursor, limit, version, prove)
            except DBAPIError as error:
                # The laptop pulled twice at once, or asked again while its first question was still being answered;
                # the second sees what the first noted.
                if not tries_left or not isinstance(error.orig, SerializationFailure | UniqueViolation):
                    raise
                continue
            if answer is not None:
                return answer
            self._move_on(device_id, adopt=cursor > 0)
        raise AssertionError("a scope that is always due")

    def _pull(
        self, device_id: str, cursor: int, limit: int, version: int, prove: Sequence[str] | None
    ) -> PullAnswer | None:
        now = self._time.now()
        with self._engine.begin() as connection:
            start = connection.execute(_START, {"device": device_id, "now": now}).one()
            unknown = not start.known and cursor > 0
            if start.due or unknown:
                return None
            if cursor >= start.head:
                return PullAnswer([], cursor, max(start.head, cursor), ScopeChange() if version > 1 else None)
            passage = _Passage(connection, device_id, cursor, start.head, now, version)
            passage.look(everything=not start.known)
            answer = passage.answer(limit)
            if prove is not None:
                answer.hashes = passage.hashes(answer, prove)
            return answer

    def _move_on(self, device_id: str, *, adopt: bool) -> None:
        """Make a revision of its own of what changes without one, so that it is told again when an answer is lost.

        An emergency that ended is that, and a laptop from before there was scope, which holds everything.
        """
        ended = text("DELETE FROM scope_due WHERE due_at <= :now RETURNING unit")
        with self._store.engine.begin() as connection:
            units = {str(unit) for unit in connection.scalars(ended, {"now": self._time.now()})}
            events = [noting.Event(noting.LOOK, unit) for unit in units]
            holdings = Holdings(connection, device_id)
            if adopt and not holdings.known():
                holdings.adopt()
                events.append(noting.Event(noting.PERSON, device_id))
            self._store.tell(connection, events)


@dataclass(slots=True)
class _Look:
    """What the events after a cursor say."""

    units: set[str] = field(default_factory=set)
    born: set[str] = field(default_factory=set)
    whole: dict[str, int] = field(default_factory=dict)
    lost: list[tuple[int, str, str, str]] = field(default_factory=list)
    people: set[str] = field(default_factory=set)


class _Passage:
    """One laptop on its way from one revision to another."""

    def __init__(self, connection: Connection, device_id: str, cursor: int, head: int, now: Any, version: int) -> None:
        self._connection = connection
        self._device_id = device_id
        self._cursor, self._head, self._version = cursor, head, version
        self._holdings = Holdings(connection, device_id)
        self._visibility = Visibility(connection, viewers_of(connection, device_id), now)
        self._events = _read_events(connection, cursor, head)
        self._asked: set[str] = set()
        self._held: set[str] = set()
        self._visible: set[str] = set()
        self._touched: set[str] = set()
        self._everything = False

    def look(self, *, everything: bool) -> None:
        """Find out which of the units that events name the laptop held, and may hold.

        Args:
            everything: look at every unit there is, and note from now on what the laptop holds.
        """
        self._everything = everything
        if everything or (self._events.people and self._events.people & self._people()):
            self._held = self._holdings.at(self._cursor)
            self._visible = self._visibility.all() | (self._visibility.marks & {LOOSE})
            self._asked = self._held | self._visible
        else:
            self._asked = self._events.units
            if not self._asked:
                return
            self._held = self._holdings.at(self._cursor, self._asked)
            self._visible = self._visibility.of(self._asked)
        gone = self._held - self._visible - MARKS
        if gone and self._visibility.reads_cases:
            # A child that was deleted: the log says so, and what is left of the unit stays where it is.
            self._visible |= gone - alive(self._connection, list(gone))

    def answer(self, limit: int) -> PullAnswer:
        """Return a page of entries with what becomes of the scope, and note it."""
        fresh = self._visible - self._held
        born = fresh & self._events.born
        leave = self._held - self._visible
        values = {
            "device": self._device_id,
            "cursor": self._cursor,
            "head": self._head,
            "extra": list(born | self._visibility.marks),
            "without": list(leave),
            "every": self._version == 1,
            "limit": max(1, min(limit, PAGE_ENTRIES)),
            "bytes": PAGE_BYTES,
        }
        rows = self._connection.execute(_ENTRIES, values).all()
        whole_page = not rows or (rows[0].found < values["limit"] and len(rows) == rows[0].found)
        at = self._head if whole_page else rows[-1].revision
        again = {unit for unit, revision in self._events.whole.items() if revision <= at}
        arrive = ((fresh - born) | (again & self._visible)) - MARKS
        entries = self._entries(rows, leave, born)
        self._touched = {unit for row in rows for unit in row.seen or ()} - {REFERENCE}
        self._holdings.settle(self._asked, self._visible, self._cursor, at)
        if self._everything:
            self._holdings.begin(at)
        if LOOSE in fresh and self._cursor:
            # Somebody who reads cases now: what belongs to no child comes with the entry that says so.
            entries = with_rows(entries, loose_rows(self._connection))
        if self._version == 1:
            return PullAnswer(with_rows(entries, rows_of(self._connection, arrive)), at, self._head)
        gone = self._gone(leave, born, at)
        if LOOSE in leave:
            gone += [(table, str(row["id"])) for table, rows in loose_rows(self._connection).items() for row in rows]
        return PullAnswer(entries, at, self._head, ScopeChange(sorted(arrive), sorted(leave - MARKS), gone))

    def hashes(self, answer: PullAnswer, prove: Sequence[str]) -> list[tuple[str, bytes]]:
        """Return the hashes of the units that an answer touches and of others, empty where the laptop may not hold one.

        Nothing while there is more to come, nor for more units than a question of its own should prove.
        """
        units = self._touched | set(prove[:MOST_PROVEN])
        if self._version == 1 or not answer.entries or answer.cursor < answer.head or len(units) > MOST_PROVEN:
            return []
        visible = self._visibility.of_units_and_loose(units)
        ours = unit_hashes(self._connection, visible)
        return [(unit, ours.get(unit, b"")) for unit in units]

    def _people(self) -> set[str]:
        query = select(device_person.c.user_id).where(device_person.c.device_id == self._device_id)
        return {self._device_id, *(str(user) for user in self._connection.scalars(query))}

    def _entries(self, rows: Sequence[Any], leave: set[str], born: set[str]) -> list[LogEntry]:
        if not rows:
            return []
        known = Filter(self._connection, self._device_id, lambda units: self._had(units, leave, born))
        entries = [
            redacted(row) if row.seen is None and row.device_id != self._device_id else entry
            for row, entry in zip(rows, known.entries(rows), strict=True)
        ]
        if not self._cursor and self._version > 1:
            # This is the history of a snapshot: rows that moved since are not told of again.
            return without_moved(self._connection, self._visibility, entries)
        return entries

    def _had(self, units: Iterable[str], leave: set[str], born: set[str]) -> set[str]:
        """Return those of some units and marks whose rows were here before, or come with the log."""
        wanted = set(units)
        held = self._holdings.at(self._cursor, wanted - MARKS) - leave
        return held | (wanted & born) | (wanted & self._visibility.marks)

    def _gone(self, leave: set[str], born: set[str], at: int) -> list[tuple[str, str]]:
        """Return the rows that left a unit held here and belong to none that is."""
        lost = [event for event in self._events.lost if event[0] <= at]
        if not lost:
            return []
        left = self._holdings_before({unit for _, unit, _, _ in lost} - MARKS) | born | self._visibility.marks
        rows = {(table, row_id) for _, unit, table, row_id in lost if unit in left}
        places = Places(self._connection)
        now = {key: places.units(*key) for key in rows}
        units = {unit for some in now.values() for unit in some}
        here = (self._holdings_before(units - MARKS) - leave) | (self._visible & units) | self._visibility.marks
        return sorted(key for key, some in now.items() if not some & here)

    def _holdings_before(self, units: set[str]) -> set[str]:
        # Settling moves no boundary that the cursor is on, so this is as it was before.
        return self._holdings.at(self._cursor, units)


def _read_events(connection: Connection, cursor: int, head: int) -> _Look:
    look, columns = _Look(), scope_event.c
    for row in connection.execute(
        select(scope_event).where(columns.revision > cursor, columns.revision <= head).order_by(columns.revision)
    ):
        if row.kind == noting.PERSON:
            look.people.add(row.subject)
        elif row.kind == noting.LOST:
            look.lost.append((row.revision, row.subject, row.table_name, row.row_id))
        else:
            look.units.add(row.subject)
            if row.kind == noting.BORN:
                look.born.add(row.subject)
            elif row.kind == noting.WHOLE:
                look.whole.setdefault(row.subject, row.revision)
    return look
