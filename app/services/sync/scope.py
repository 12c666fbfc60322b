"""Which records this laptop holds: what a pull says of it, and letting go what it may hold no longer.

What a pull says is written down in the transaction that moves the cursor (:func:`take_answer`), so a crash at any
moment forgets nothing. Arrivals are fetched by :mod:`app.services.sync.arrivals`. What leaves goes here
(:func:`let_go_what_may_go`) once nothing of it waits on this laptop.

The fuse of leaving: the other side may look empty for a moment (a table of people that is being replaced, a store put
back to another day), and a laptop must not be wiped by that. So more than a small share of the units here goes only
when the central store, asked again in a later sync, names them again one by one. Until then they stay, and the report
says so. Letting go is not deleting: nothing goes whose receipt is not here, and what was let go by mistake comes back
whole with the next sync.
"""

import re
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.orm import Session

from app.logs import get_logger
from app.models import RowLeaving, UnitArriving, UnitHistory, UnitLeaving, UnitTouched
from app.services.access import Permission, require
from app.services.audit import Action
from app.services.batches import batched
from app.services.capture import unit_of
from app.services.sync import arrivals, facts, keeping, letting_go, restored
from app.services.sync.apply import apply_entries
from app.services.sync.faults import nonsense
from app.services.sync.protocol import PullAnswer, ScopeChange
from app.services.sync.scope_protocol import ProofAnswer, ProofRequest
from app.services.sync.telling import SyncReport, Transport
from app.services.sync.unit_rows import UNIT_TABLES, note_touched, units_touched
from app.services.workspace import Workspace

FUSE_UNITS = 50
FUSE_SHARE = 0.10
CONFIRM_AFTER = timedelta(minutes=5)
UNITS_A_STEP = 100
UNITS_A_QUESTION = 2000
MOST_NAMED = 100
"""How many units an audit entry names by id; it always counts them all."""
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ARRIVING: Any = UnitArriving.__table__
_LEAVING: Any = UnitLeaving.__table__
_ROWS: Any = RowLeaving.__table__
_OF_UNITS: tuple[Any, ...] = (UnitLeaving.__table__, UnitHistory.__table__, UnitTouched.__table__)
_BATCH = 400


# -- what a pull says ------------------------------------------------------------------------------------------------


def take_answer(session: Session, answer: PullAnswer, device_id: str, *, own_too: bool = False) -> int:
    """Apply an answer to a pull with what it says of scope, and move the cursor, in the session's transaction.

    Returns:
        How many change sets came from elsewhere.

    Raises:
        As :func:`app.services.sync.apply.apply_entries`; nothing of the answer was applied.
    """
    if answer.scope is None:
        return apply_entries(session, answer.entries, device_id, own_too=own_too)
    if answer.cursor < facts.cursor(session):
        return 0  # another process of this laptop was faster
    received = apply_entries(session, answer.entries, device_id, own_too=own_too, until=answer.cursor)
    restored.note_newest(session, answer.entries)
    note(session, answer.scope)
    if facts.get(session, facts.SCOPED) is None:
        facts.put(session, facts.SCOPED, "1")
    return received


def note(session: Session, change: ScopeChange) -> None:
    """Write down what entered and left the scope.

    Raises:
        CentralUnreachable: it names no units or rows.
    """
    ids = [*change.arrive, *change.leave, *(row for _, row in change.gone)]
    if not all(_ID.fullmatch(each) for each in ids) or not {table for table, _ in change.gone} <= set(UNIT_TABLES):
        raise nonsense()
    connection = session.connection()
    leave(connection, change.leave, unit_of(session).time.now())
    arrivals.note(connection, change.arrive, arrivals.SCOPE)
    for some in batched(change.arrive, _BATCH):
        connection.execute(delete(_LEAVING).where(_LEAVING.c.unit_id.in_(some)))
    rows = [{"table_name": table, "row_id": row} for table, row in change.gone]
    if rows:
        connection.execute(insert(_ROWS).prefix_with("OR IGNORE"), rows)


def leave(connection: Connection, units: Sequence[str], now: datetime) -> None:
    """Note that units may be held no longer."""
    rows = [{"unit_id": unit, "told_at": now, "confirmed": False} for unit in units]
    if rows:
        connection.execute(insert(_LEAVING).prefix_with("OR IGNORE"), rows)
    for some in batched(units, _BATCH):
        connection.execute(delete(_ARRIVING).where(_ARRIVING.c.unit_id.in_(some)))


def fetch_again(session: Session, units: Sequence[str]) -> None:
    """Have units fetched whole with the next sync: what is here of them becomes what the central store has."""
    arrivals.note(session.connection(), units, arrivals.HEALING)


# -- letting go ------------------------------------------------------------------------------------------------------


def let_go_what_may_go(ws: Workspace, transport: Transport, report: SyncReport) -> None:
    """Take out of this vault what left its scope, as far as nothing of it waits here.

    Raises:
        CentralUnreachable: it can be tried again; what went is gone, the rest is still noted.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        leaving = session.execute(select(_LEAVING)).all()
        loose = session.execute(select(_ROWS.c.row_id).limit(1)).first()
        held = letting_go.held_count(session.connection()) if leaving else 0
    if leaving:
        keeping.learn_key(ws, transport)
        confirmed = _confirmed(ws, transport, leaving, held)
        report.held_back_units = len(leaving) - len(confirmed)
        for some in batched(sorted(confirmed), UNITS_A_STEP):
            _let_go(ws, some, report)
    if loose is not None:
        keeping.learn_key(ws, transport)
        _let_go(ws, (), report)
    letting_go.drop_bytes(ws)


def too_many_leave(leaving_count: int, held_count: int) -> bool:
    """Return whether so many units only go when the central store says so a second time.

    Args:
        leaving_count: units that would go.
        held_count: units that are here.
    """
    return leaving_count > max(FUSE_UNITS, FUSE_SHARE * held_count)


def _confirmed(ws: Workspace, transport: Transport, leaving: Sequence[Any], held: int) -> set[str]:
    sure = {row.unit_id for row in leaving if row.confirmed}
    unsure = [row for row in leaving if not row.confirmed]
    if not unsure:
        return sure
    if not too_many_leave(len(unsure), held):
        return sure | {row.unit_id for row in unsure}
    get_logger().warning("many units leave", count=len(unsure))
    rested = [row.unit_id for row in unsure if row.told_at <= ws.time.now() - CONFIRM_AFTER]
    for some in batched(rested, UNITS_A_QUESTION):
        sure |= _ask_again(ws, transport, some)
    return sure


def _ask_again(ws: Workspace, transport: Transport, units: Collection[str]) -> set[str]:
    """Ask the central store about units that are to leave, and return those of which it says so again."""
    with ws.read() as session:
        cursor = facts.cursor(session)
    request = ProofRequest(cursor, [(unit, b"") for unit in units])
    answer = transport.call("/proof", request, ProofAnswer)
    if answer.head != cursor:
        return set()
    again = set(answer.leave) & set(units)
    mistaken = sorted(set(units) - again)
    with ws.apply_session() as session:
        connection = session.connection()
        for some in batched(sorted(again), _BATCH):
            connection.execute(update(_LEAVING).where(_LEAVING.c.unit_id.in_(some)).values(confirmed=True))
        for some in batched(mistaken, _BATCH):
            connection.execute(delete(_LEAVING).where(_LEAVING.c.unit_id.in_(some)))
        arrivals.note(connection, mistaken, arrivals.HEALING)
    return again


def _let_go(ws: Workspace, units: Sequence[str], report: SyncReport) -> None:
    """Let some units go, or the loose rows, in one transaction; what waits here is looked at inside it."""
    store, device_id = ws.documents, ws.actor.device_id
    with ws.apply_session() as session:
        connection = session.connection()
        unsent_units, unsent_rows = letting_go.touched_by_unsent(connection, device_id)
        stay = unsent_units | letting_go.waiting_units(connection, units, store, ws.time.now())
        going = [unit for unit in units if unit not in stay]
        rows: dict[str, set[str]] = {}
        for row in connection.execute(select(_ROWS)) if not units else ():
            if (row.table_name, row.row_id) not in unsent_rows:
                rows.setdefault(row.table_name, set()).add(row.row_id)
        letting_go.let_go(session, going, rows, device_id)
        _forget(connection, going, rows)
    report.waiting_units += len(units) - len(going)
    if going:
        report.left_units += len(going)
        ws.audit(Action.LET_GO, detail={"units": len(going), "children": going[:MOST_NAMED]})
        get_logger().info("units left", count=len(going))


def _forget(connection: Connection, units: Sequence[str], rows: dict[str, set[str]]) -> None:
    for table in _OF_UNITS:
        for some in batched(units, _BATCH):
            connection.execute(delete(table).where(table.c.unit_id.in_(some)))
    for name, ids in rows.items():
        for some in batched(ids, _BATCH):
            connection.execute(delete(_ROWS).where(_ROWS.c.table_name == name, _ROWS.c.row_id.in_(some)))


# -- what else follows -------------------------------------------------------------------------------------------------


def touched(session: Session, changes: Sequence[Any]) -> None:
    """Note which units changes touch, so that they are proven equal after the sync."""
    connection = session.connection()
    note_touched(connection, units_touched(connection, changes))
