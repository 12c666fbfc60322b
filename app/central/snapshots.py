"""What a laptop fetches whole: a first pull, table by table, and units, each with everything recorded about it.

Both are filtered by what the laptop may hold at the moment it asks, whatever it was told before. In a first pull a
unit is held from the page on that brings its child, as of the revision at which the first pull began: so the beginning
costs the same however much there is. Rows about a child come after all children.
"""

from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Engine, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.types import Uuid

from app.central import noting, records
from app.central.holdings import Holdings
from app.central.places import LOOSE
from app.central.scope_tables import device_holding, scope_event
from app.central.tables import device_person, revision_counter
from app.central.unit_rows import UNIT_TABLES, condition_sql, lists_of_loose, lists_of_units
from app.central.visibility import Visibility, viewers_of
from app.models import SYNCED_TABLES, Case
from app.models.terms import CaseStatus
from app.services.clocks import next_due
from app.services.sync.protocol import (
    MAX_MESSAGE_BYTES,
    PAGE_BYTES,
    SNAPSHOT_ROWS,
    ProtocolError,
    SnapshotAnswer,
    SnapshotPage,
    SnapshotStart,
    page,
)
from app.services.sync.scope_protocol import UnitsAnswer
from app.services.sync.shapes import columns_of
from app.services.sync.units import in_units, is_reference, unlinked
from app.timesource import TimeSource

FIRST_UNITS: Final = 40
"""How many of a person's own cases come before everything else: what fills the first screens."""
UNITS_AT_ONCE: Final = 40
_NEWEST: Final = 400
"""How many of the newest cases are looked at for what comes first for somebody who has none of their own."""
_MOST_UNITS: Final = 5000
_KEY: Final = Uuid(as_uuid=False)
_AFTER: Final = "(%(after)s::uuid IS NULL OR id > %(after)s::uuid)"
_ORDER: Final = "ORDER BY id LIMIT %(limit)s"
_CHILD_IDS: Final = f"SELECT id::text FROM child WHERE {_AFTER} {_ORDER}"
_THESE: Final = "id = ANY(%(units)s::uuid[]) ORDER BY id"


class Snapshots:
    """Answers requests for whole records."""

    def __init__(self, engine: Engine, time: TimeSource) -> None:
        self._engine = engine.execution_options(isolation_level="REPEATABLE READ")
        self._time = time

    def start(self, device_id: str) -> SnapshotStart:
        """Return what a first pull will bring, and note that it begins.

        The revision is read first: whatever changes while the pages are sent is in the log after it.
        """
        with self._engine.begin() as connection:
            revision = _head(connection)
            viewers = viewers_of(connection, device_id)
            visibility = Visibility(connection, viewers, self._time.now())
            first = _first_units(connection, [viewer.user_id for viewer in viewers], visibility)
            holdings = Holdings(connection, device_id)
            held = holdings.now()
            holdings.close(held - visibility.of(held) - visibility.marks, revision)
            holdings.open({*first, *(visibility.marks & {LOOSE})}, revision)
            holdings.restart(revision)
            children = records.count(connection, "child")
            share = visibility.count() / children if children else 0.0
            tables = [(name, _expected(connection, name, share)) for name in SYNCED_TABLES]
        return SnapshotStart(revision, tables, first)

    def rows(self, device_id: str, table: str, after: str | None, limit: int) -> SnapshotAnswer:
        """Return rows from a table on, after a key: small tables share an answer, a large one takes several.

        Raises:
            ProtocolError: there is no such table.
        """
        if table not in SYNCED_TABLES:
            raise ProtocolError("no such table")
        tables = list(SYNCED_TABLES)
        left_bytes, left_rows = PAGE_BYTES, max(1, min(limit, SNAPSHOT_ROWS))
        pages: list[SnapshotPage] = []
        with self._engine.begin() as connection:
            visibility = Visibility(connection, viewers_of(connection, device_id), self._time.now())
            scope = _Scope(connection, device_id, visibility)
            for name in tables[tables.index(table) :]:
                rows = scope.rows(name, after if name == table else None, left_rows)
                kept = page(rows, [len(row[1]) for row in rows], left_bytes)
                if kept:
                    pages.append(_page(name, rows[:kept]))
                    scope.sent(name, rows[:kept])
                    left_rows -= kept
                    left_bytes -= len(pages[-1].rows)
                if kept < len(rows) or left_rows <= 0 or left_bytes <= 0:
                    return SnapshotAnswer(pages, name, rows[kept - 1][0])
        return SnapshotAnswer(pages, None, None)

    def units(self, device_id: str, wanted: Sequence[str]) -> UnitsAnswer:
        """Return units whole, as many as fit a page; at least one of those that the laptop may hold.

        Raises:
            ProtocolError: far too many are asked for.
        """
        if len(wanted) > _MOST_UNITS:
            raise ProtocolError("too many units")
        asked = list(dict.fromkeys(wanted))
        with self._engine.begin() as connection:
            revision = _head(connection)
            visibility = Visibility(connection, viewers_of(connection, device_id), self._time.now())
            visible = visibility.of_units_and_loose(asked)
            closed = [unit for unit in asked if unit not in visible]
            pages, whole = _whole_units(connection, [unit for unit in asked if unit in visible])
            Holdings(connection, device_id).open(whole, revision)
        return UnitsAnswer(pages, whole, closed, revision)


class _Scope:
    """What one laptop may be sent of each table in a first pull."""

    def __init__(self, connection: Connection, device_id: str, visibility: Visibility) -> None:
        self._connection = connection
        self._visibility = visibility
        self._holdings = Holdings(connection, device_id)
        self._since = self._holdings.since()
        # Which of the units it holds it may hold no longer, though it was not told yet.
        closed = _closed_since(connection, device_id, self._since, visibility)
        self._given = {"device": device_id, "closed": list(closed)}

    def rows(self, table: str, after: str | None, limit: int) -> Sequence[Any]:
        """Return keys and rows of a table after a key."""
        if table == "child":
            return self._children(after, limit)
        query = _page_query(table, reads_cases=self._visibility.reads_cases)
        if query is None:
            return []
        return self._connection.exec_driver_sql(query, {**self._given, "after": after, "limit": limit}).all()

    def sent(self, table: str, rows: Sequence[Any]) -> None:
        """Note that the laptop holds what it is sent."""
        if table == "child" and self._since is not None:
            self._holdings.open([row[0] for row in rows], self._since)

    def _children(self, after: str | None, limit: int) -> Sequence[Any]:
        found: list[Any] = []
        while self._visibility.reads_cases and len(found) < limit:
            values = {"after": after, "limit": limit}
            ids = [row[0] for row in self._connection.exec_driver_sql(_CHILD_IDS, values)]
            if not ids:
                break
            visible = {"units": list(self._visibility.of(ids))}
            found += self._connection.exec_driver_sql(records.rows_query("child", _THESE), visible).all()
            after = ids[-1]
        return found[:limit]


def _head(connection: Connection) -> int:
    return int(connection.execute(select(revision_counter.c.value)).scalar_one())


def _closed_since(connection: Connection, device_id: str, since: int | None, visibility: Visibility) -> set[str]:
    if since is None:
        return set()
    events = connection.execute(
        select(scope_event.c.kind, scope_event.c.subject).where(scope_event.c.revision > since).distinct()
    ).all()
    holdings = Holdings(connection, device_id)
    people = {str(event.subject) for event in events if event.kind == noting.PERSON}
    own = set(connection.scalars(select(device_person.c.user_id).where(device_person.c.device_id == device_id))) | {
        device_id
    }
    if people & own:
        held = holdings.now()
        return held - visibility.of(held) - visibility.marks
    looked = {str(event.subject) for event in events if event.kind == noting.LOOK}
    return looked - visibility.of(looked)


@cache
def _page_query(table: str, *, reads_cases: bool) -> str | None:
    """Return SQL for a page of what one laptop may hold of a table, or None where that is nothing."""
    if is_reference(table):
        return records.rows_query(table, f"{_AFTER} {_ORDER}")
    if not reads_cases:
        return None
    held = select(device_holding.c.unit).where(
        device_holding.c.device_id == bindparam("device", type_=_KEY),
        device_holding.c.until.is_(None),
        device_holding.c.unit != func.all(bindparam("closed", type_=ARRAY(_KEY))),
    )
    condition = f"({condition_sql(in_units(table, held))} OR {condition_sql(unlinked(table))})"
    return records.rows_query(table, f"{_AFTER} AND {condition} {_ORDER}")


def _page(table: str, rows: Sequence[Any]) -> SnapshotPage:
    values = f"[{','.join(row[1] for row in rows)}]".encode()
    return SnapshotPage(table, list(columns_of(table)), values, len(rows), rows[-1][0])


def _expected(connection: Connection, table: str, share: float) -> int:
    """Return about how many rows of a table are to come; it only moves a progress bar."""
    count = records.count(connection, table)
    return count if is_reference(table) else round(count * share)


def _first_units(connection: Connection, user_ids: Sequence[str], visibility: Visibility) -> list[str]:
    """Return the children of a laptop's people's own open cases, what is due first, first; of the newest without."""
    still_open = select(Case.id, Case.child_id, Case.opened_on).where(Case.status != CaseStatus.CLOSED)
    cases = connection.execute(still_open.where(Case.officer_id.in_(user_ids))).all()
    if not cases:
        newest = still_open.order_by(Case.opened_on.desc(), Case.id.desc()).limit(_NEWEST)
        cases = connection.execute(newest).all()
    with Session(connection) as session:
        due = next_due(session, [case.id for case in cases])
    far = date.max
    ordered = sorted(cases, key=lambda case: (due[case.id].on if case.id in due else far, case.opened_on, case.id))
    units = dict.fromkeys(case.child_id for case in ordered)
    visible = visibility.of(units)
    return [unit for unit in units if unit in visible][:FIRST_UNITS]


def _whole_units(connection: Connection, units: Sequence[str]) -> tuple[list[SnapshotPage], list[str]]:
    """Return the pages of the first of some units, and which they are."""
    pages: list[SnapshotPage] = []
    whole: list[str] = []
    size, step = 0, UNITS_AT_ONCE
    while len(whole) < len(units) and size < PAGE_BYTES:
        some = units[len(whole) : len(whole) + step]
        read = [(table, rows) for table in UNIT_TABLES if (rows := _rows_in(connection, table, some))]
        measure = sum(len(row[1]) for _, rows in read for row in rows)
        if size + measure > MAX_MESSAGE_BYTES // 2 and len(some) > 1:
            step = max(1, len(some) // 2)
            continue
        if size + measure > MAX_MESSAGE_BYTES // 2 and whole:
            break
        pages += [_page(table, rows) for table, rows in read]
        whole += some
        size += measure
    return pages, whole


def _rows_in(connection: Connection, table: str, units: Sequence[str]) -> Sequence[Any]:
    rows = connection.exec_driver_sql(lists_of_units(table), {"units": list(units)}).all()
    if LOOSE in units and (query := lists_of_loose(table)):
        rows = [*rows, *connection.exec_driver_sql(query).all()]
    return rows
