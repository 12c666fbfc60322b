"""Units that arrive: fetched whole, laid over what is here, and on the lists in the same transaction.

What arrives is the unit as of one revision. What this laptop wrote and the central store had not merged by then stays;
everything else of the unit becomes what the central store has, so the same step also heals a unit that differs.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.orm import Session

from app.models import RowLeaving, UnitArriving, UnitLeaving
from app.services import projection
from app.services.access import Permission, require
from app.services.batches import batched
from app.services.capture import unit_of
from app.services.sync import unit_history, writing
from app.services.sync.apply import own_writes, read_page, write_rows
from app.services.sync.faults import nonsense
from app.services.sync.overlay import Guard
from app.services.sync.renamed import refresh_renamed
from app.services.sync.scope_protocol import UnitsAnswer, UnitsRequest
from app.services.sync.shapes import ShapeError
from app.services.sync.telling import Progress, SyncProgress, SyncReport, Transport
from app.services.sync.unit_rows import note_touched, owners_of, row_ids
from app.services.workspace import Workspace

UNITS_A_REQUEST = 200
SCOPE, HEALING, FIRST = "scope", "healing", "first"
_BEFORE_OTHERS = -1
_ARRIVING: Any = UnitArriving.__table__
_LEAVING: Any = UnitLeaving.__table__
_ROWS_LEAVING: Any = RowLeaving.__table__
_BATCH = 400
Rows = dict[str, tuple[tuple[str, ...], list[Any]]]
"""By table: the columns, and checked rows."""


def note(connection: Connection, units: Sequence[str], cause: str) -> None:
    """Note, in the transaction that learns of it, that units are to be fetched."""
    rows = [
        {"unit_id": unit, "position": place if cause == FIRST else len(units), "cause": cause}
        for place, unit in enumerate(units)
    ]
    if rows:
        connection.execute(insert(_ARRIVING).prefix_with("OR IGNORE"), rows)


def fetch(ws: Workspace, transport: Transport, report: SyncReport, progress: Progress) -> None:
    """Fetch whatever is noted, in pieces; each piece is usable at once and cut off nothing is asked for twice.

    Raises:
        CentralUnreachable: it can be tried again; what arrived is kept.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    done, total = 0, _count(ws)
    while total:
        with ws.read() as session:
            order = (_ARRIVING.c.position, _ARRIVING.c.unit_id)
            rows = session.execute(select(_ARRIVING.c.unit_id).order_by(*order).limit(UNITS_A_REQUEST))
            units = list(rows.scalars())
        if not units:
            return
        progress(SyncProgress("Fetching cases", done, max(total, done + len(units))))
        answer = transport.call("/units/rows", UnitsRequest(units), UnitsAnswer)
        settled = {*answer.whole, *answer.closed}
        if not settled or not settled.issubset(units):
            raise nonsense()
        with ws.apply_session() as session:
            take(session, answer, ws.actor.device_id, report)
        done += len(settled)


def take(session: Session, answer: UnitsAnswer, device_id: str, report: SyncReport) -> None:
    """Lay units over what is here, in the session's transaction.

    Raises:
        CentralUnreachable: the rows do not fit their tables; nothing was changed.
    """
    connection = session.connection()
    given = _rows_in(answer)
    causes: dict[str, str] = {}
    for some in batched(answer.whole, _BATCH):
        query = select(_ARRIVING.c.unit_id, _ARRIVING.c.cause).where(_ARRIVING.c.unit_id.in_(some))
        causes |= {row.unit_id: row.cause for row in connection.execute(query)}
    before = row_ids(connection, answer.whole)
    arrived = {table: {row.id for row in rows} for table, (_, rows) in given.items()}
    guard = own_writes(connection, device_id, {*_all(before), *_all(arrived)}, answer.revision + 1)
    renamed: set[tuple[str, str]] = set()
    for table, (columns, rows) in given.items():
        write_rows(connection, table, columns, rows, guard, answer.revision, renamed)
    extra = _delete_extra(connection, answer.whole, before, arrived, guard, answer.revision)
    _settle(connection, answer, arrived)
    fresh = [unit for unit in answer.whole if causes.get(unit) in (SCOPE, FIRST)]
    unit_history.note(connection, fresh, answer.revision)
    unit_history.fill_subjects(connection, arrived)
    _show(session, answer.whole, before, arrived)
    refresh_renamed(session, renamed)
    report.arrived_units += len(fresh)
    report.healed_units += sum(causes.get(unit) == HEALING for unit in answer.whole)
    report.rows += sum(len(ids) for ids in arrived.values())
    unit_of(session).tables |= set(arrived) | set(extra)


def _rows_in(answer: UnitsAnswer) -> Rows:
    given: Rows = {}
    try:
        for page in answer.pages:
            columns, rows = read_page(page)
            known = given.get(page.table)
            if known is not None and known[0] != columns:
                raise ShapeError("two orders of columns in one answer")  # noqa: TRY301  (one answer for all of these)
            given.setdefault(page.table, (columns, []))[1].extend(rows)
    except ShapeError as error:
        raise nonsense() from error
    # A row can belong to two of the units.
    return {table: (columns, list({row.id: row for row in rows}.values())) for table, (columns, rows) in given.items()}


def _delete_extra(
    connection: Connection,
    units: Collection[str],
    before: Mapping[str, Collection[str]],
    arrived: Mapping[str, Collection[str]],
    guard: Guard,
    revision: int,
) -> dict[str, list[str]]:
    """Delete the rows of these units that the central store does not have, unless work of this laptop is on them."""
    going = set(units)
    candidates = {table: set(ids) - set(arrived.get(table, ())) for table, ids in before.items()}
    candidates = {table: ids for table, ids in candidates.items() if ids}
    owners = owners_of(connection, candidates) if candidates else {}
    extra: dict[str, list[str]] = {}
    for table, ids in candidates.items():
        gone = [
            row
            for row in ids
            if guard.fields((table, row), revision) == frozenset() and owners.get((table, row), set()) <= going
        ]
        if gone:
            writing.delete(connection, table, gone)
            extra[table] = gone
    return extra


def _settle(connection: Connection, answer: UnitsAnswer, arrived: Mapping[str, Collection[str]]) -> None:
    for some in batched([*answer.whole, *answer.closed], _BATCH):
        connection.execute(delete(_ARRIVING).where(_ARRIVING.c.unit_id.in_(some)))
    for some in batched(answer.whole, _BATCH):
        connection.execute(delete(_LEAVING).where(_LEAVING.c.unit_id.in_(some)))
    note_touched(connection, answer.whole)
    if connection.execute(select(_ROWS_LEAVING.c.row_id).limit(1)).first() is not None:
        for table, ids in arrived.items():
            for some in batched(ids, _BATCH):
                of_these = (_ROWS_LEAVING.c.table_name == table, _ROWS_LEAVING.c.row_id.in_(some))
                connection.execute(delete(_ROWS_LEAVING).where(*of_these))


def _show(
    session: Session, units: Collection[str], before: Mapping[str, set[str]], arrived: Mapping[str, set[str]]
) -> None:
    """Bring the lists up to date in the same transaction: what is here is found at once."""
    cases = before.get("case", set()) | arrived.get("case", set())
    projection.refresh_cases(session, cases, unit_of(session).time)
    children = {*units, *before.get("child", set()), *arrived.get("child", set())}
    projection.index_children(session, children)


def _all(rows: Mapping[str, Collection[str]]) -> set[str]:
    return {row for ids in rows.values() for row in ids}


def _count(ws: Workspace) -> int:
    with ws.read() as session:
        return writing.count(session.connection(), UnitArriving.__tablename__)
