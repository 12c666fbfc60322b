"""A first pull: what the person needs first at once, then everything in bulk, then the lists of the rest.

Where it stands is written down with every piece (:class:`Place`), so it goes on from there after a crash or a cut.
The window may be used meanwhile: what is written then is sent between two pieces and never overwritten by one.
While a large piece is written the next is fetched already, so that the network and the disk do not wait for each other.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from app.models import SYNCED_TABLES
from app.services import projection_rebuild
from app.services.access import Permission, require
from app.services.sync import arrivals, facts, protocol
from app.services.sync.apply import apply_snapshot_page
from app.services.sync.faults import nonsense
from app.services.sync.telling import Progress, SyncProgress, SyncReport, Transport
from app.services.workspace import Workspace

DONE = "done"
PEOPLE_ROWS = 300
"""Rows fetched before the first cases: the authority, its teams and people come first of all tables."""
ROWS_A_PIECE = 2500
"""Rows fetched at a time: fewer than may be, so that there is always a piece to fetch while one is written."""
AHEAD_BYTES = 100_000
"""From what size of a piece on the next is fetched while it is written: less is written before a thread begins."""
CHILDREN_A_STEP = 5000


class Place(msgspec.Struct):
    """Where a first pull stands.

    Attributes:
        revision: as of which the snapshot is; the log after it is applied on top.
        table, after: where to ask on from; no table means that all rows are here.
        listed: the last child whose lists are made.
        total: how many rows were promised.
    """

    revision: int
    table: str | None = next(iter(SYNCED_TABLES))
    after: str | None = None
    listed: str = ""
    total: int = 0

    def beyond(self, other: "Place") -> bool:
        """Return whether this is further on than another, so that a first pull always ends."""
        tables = list(SYNCED_TABLES)
        if self.table is None:
            return True
        if self.table not in tables or other.table is None:
            return False
        here, there = tables.index(self.table), tables.index(other.table)
        return here > there or (here == there and (self.after or "") > (other.after or ""))


def fetch(
    ws: Workspace, transport: Transport, report: SyncReport, progress: Progress, between: Callable[[], object]
) -> None:
    """Fetch the snapshot if this vault has none yet, from where the last attempt stopped.

    Args:
        ws: the vault.
        transport: to the central store.
        report: rows and units are counted in it.
        progress: told how far it is.
        between: called between two pieces; sends what the person has done meanwhile.

    Raises:
        CentralUnreachable: it can be tried again and goes on from there.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        stored = facts.get(session, facts.FIRST_PULL)
    if stored == DONE:
        return
    place = msgspec.json.decode(stored, type=Place) if stored else _begin(ws, transport, report)
    arrivals.fetch(ws, transport, report, progress)
    with ThreadPoolExecutor(1, "first-pull") as ahead:
        answer: protocol.SnapshotAnswer | None = None
        while place.table is not None:
            answer = answer or _ask(transport, place, ROWS_A_PIECE)
            following = _following(place, answer)
            coming = ahead.submit(_ask, transport, following, ROWS_A_PIECE) if _worth_a_thread(answer) else None
            place = _keep(ws, answer, following, report)
            progress(SyncProgress("Fetching records", report.rows, max(place.total, report.rows)))
            answer = coming.result() if coming is not None else None
            between()  # only when nothing is under way: a transport is not for two threads at once
    while (place := _list_some(ws, place)).listed != DONE:
        progress(SyncProgress("Preparing lists", 0, 0))
    _finish(ws, place)


def _begin(ws: Workspace, transport: Transport, report: SyncReport) -> Place:
    start = transport.call("/snapshot/start", protocol.SnapshotStartRequest(), protocol.SnapshotStart)
    place = Place(start.revision, total=sum(count for _, count in start.tables))
    with ws.apply_session() as session:
        # What is written from now on is written on top of this revision.
        facts.put(session, facts.CURSOR, str(max(start.revision, facts.cursor(session))))
        _put(session, place)
        arrivals.note(session.connection(), start.first_units, arrivals.FIRST)
    if not start.first_units:
        return place
    answer = _ask(transport, place, PEOPLE_ROWS)
    return _keep(ws, answer, _following(place, answer), report)


def _ask(transport: Transport, place: Place, limit: int) -> protocol.SnapshotAnswer:
    request = protocol.SnapshotRequest(place.table or "", place.after, limit)
    return transport.call("/snapshot/rows", request, protocol.SnapshotAnswer)


def _following(place: Place, answer: protocol.SnapshotAnswer) -> Place:
    """Return where a first pull stands with an answer.

    Raises:
        CentralUnreachable: no further on than before.
    """
    following = Place(place.revision, answer.next_table, answer.next_after, total=place.total)
    if not following.beyond(place):
        raise nonsense()
    return following


def _worth_a_thread(answer: protocol.SnapshotAnswer) -> bool:
    return answer.next_table is not None and sum(len(page.rows) for page in answer.pages) >= AHEAD_BYTES


def _keep(ws: Workspace, answer: protocol.SnapshotAnswer, following: Place, report: SyncReport) -> Place:
    with ws.apply_session() as session:
        for page in answer.pages:
            report.rows += apply_snapshot_page(session, page, ws.actor.device_id, following.revision)
        _put(session, following)
    return following


def _list_some(ws: Workspace, place: Place) -> Place:
    """Make the lists of some more children; ``listed`` says done after the last."""
    with ws.apply_session() as session:
        last = projection_rebuild.fill(session, place.listed, CHILDREN_A_STEP)
        following = msgspec.structs.replace(place, listed=last or DONE)
        if last is not None:
            _put(session, following)
    return following


def _finish(ws: Workspace, place: Place) -> None:
    with ws.apply_session() as session:
        projection_rebuild.drop_stale(session)
        facts.put(session, facts.CURSOR, str(place.revision))
        facts.put(session, facts.FIRST_PULL, DONE)
        facts.put(session, facts.HISTORY_FROM, f"0:{place.revision}")
        # The whole is compared after a while; nothing could have happened to it yet.
        facts.put(session, facts.PROOF_DUE, ws.time.now().isoformat())


def _put(session: Any, place: Place) -> None:
    facts.put(session, facts.FIRST_PULL, msgspec.json.encode(place).decode())
