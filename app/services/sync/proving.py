"""Proving that what is here equals what the central store has, and healing what does not.

After a sync the units that it touched are compared, and a share of the others in turn, mostly with hashes that came
with the pull; at least once an hour, and when asked, everything. What differs is fetched again whole, with work of this
laptop that is on its way kept, and compared once more. Units with work that waits here, or that was refused and not yet
dealt with, differ rightly and are left out. What belongs to no child (papers and tasks not linked yet) is compared as
if it were a unit of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select
from sqlalchemy.orm import Session

from app.logs import get_logger
from app.models import ChangeSetRow, ClearedChange, UnitArriving, UnitLeaving, UnitTouched
from app.models.terms import ChangeState
from app.services.access import Permission, require
from app.services.audit import Action
from app.services.batches import batched
from app.services.changes import decode
from app.services.sync import arrivals, facts, scope, standing, writing
from app.services.sync.proof import scope_hash, unit_hash
from app.services.sync.scope_protocol import ProofAnswer, ProofRequest
from app.services.sync.telling import Progress, SyncProgress, SyncReport, Transport
from app.services.sync.unit_rows import dashed, units_touched, wire_rows
from app.services.sync.units import LOOSE
from app.services.workspace import Workspace

WHOLE_EVERY = timedelta(hours=1)
SHARE_UNITS = 5
TOUCHED_UNITS = 500
"""The most of the touched units that one sync compares; the rest is compared by the next ones."""
UNITS_A_QUESTION = 500
UNITS_A_READING = 100
MOST_HEALED = 500
"""The most units that one sync fetches again because they differ."""
_TOUCHED: Any = UnitTouched.__table__
_BATCH = 400


class LastProof(msgspec.Struct, frozen=True):
    """What the last comparison of everything found.

    Attributes:
        at: when.
        units: how many children were compared.
        healed: how many of them differed and were put right.
        unequal: how many still differed afterwards.
    """

    at: datetime
    units: int
    healed: int
    unequal: int


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer to a pull told of units, so that they can be compared without a question.

    Attributes:
        head: the revision as of which it was.
        hashes: the central store's, by unit; empty for a unit that may not be here.
        share: the units in turn that were asked for.
    """

    head: int = -1
    hashes: Mapping[str, bytes] = field(default_factory=dict)
    share: Sequence[str] = ()


def last_proof(session: Session) -> LastProof | None:
    """Return what the last comparison of everything found, or None before the first."""
    stored = facts.get(session, facts.PROOF)
    return msgspec.json.decode(stored, type=LastProof) if stored else None


def prove_after_sync(
    ws: Workspace, transport: Transport, report: SyncReport, progress: Progress, told: Told | None = None
) -> None:
    """Compare what this sync touched and a share of the rest; everything when an hour has gone by.

    Asks nothing when nothing was touched and the hour is not over, nor where the pull told enough.

    Args:
        ws: the vault.
        transport: to the central store.
        report: counts are added to it.
        progress: told how far it is.
        told: what the last pull told of units.

    Raises:
        CentralUnreachable: it can be tried again; what was touched stays noted.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        if facts.get(session, facts.SCOPED) is None:
            return
        touched = list(session.scalars(select(_TOUCHED.c.unit_id).limit(TOUCHED_UNITS)))
        whole = _whole_is_due(session, ws.time.now())
        share = ((told and told.share) or next_share(session)) if touched and not whole else []
        # What was asked for with the pull may have left with it.
        here = writing.existing(session.connection(), "child", share) if share else set()
        share = [unit for unit in share if unit in here]
    if whole:
        prove_all(ws, transport, report, progress)
    elif touched:
        found = _Findings()
        # Rows that were fetched beside the log may be newer than what it told.
        _compare(ws, transport, list(dict.fromkeys([*touched, *share])), found, None if report.rows else told)
        _heal(ws, transport, report, progress, found, share[-1] if share and found.compared else "")


def prove_all(ws: Workspace, transport: Transport, report: SyncReport, progress: Progress) -> None:
    """Compare everything that is here, and which units are here, and heal what differs.

    Raises:
        CentralUnreachable: it can be tried again.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        units = [dashed(row) for row in session.connection().exec_driver_sql("SELECT id FROM child").scalars()]
    units.append(LOOSE)
    found, done = _Findings(), 0
    for some in batched(units, UNITS_A_QUESTION):
        progress(SyncProgress("Comparing with the central store", done, len(units)))
        _compare(ws, transport, some, found)
        done += len(some)
    _compare_scope(ws, transport, found)
    _heal(ws, transport, report, progress, found)
    if found.compared and not found.missed:
        proof = LastProof(ws.time.now(), report.checked_units, report.healed_units, report.unequal_units)
        report.checked_whole = True
        with ws.local_session() as session:
            facts.put(session, facts.PROOF, msgspec.json.encode(proof).decode())
            facts.put(session, facts.PROOF_DUE, ws.time.now().isoformat())


class _Findings:
    """What comparing found.

    Attributes:
        equal, differ: units that were compared.
        leave: units that may not be here.
        missing: units that should be here and are not.
        compared: whether the central store compared anything.
        missed: whether it could not, for it had moved on.
    """

    def __init__(self) -> None:
        self.equal: set[str] = set()
        self.differ: set[str] = set()
        self.leave: set[str] = set()
        self.missing: set[str] = set()
        self.compared = False
        self.missed = False


def _compare(
    ws: Workspace, transport: Transport, units: Sequence[str], found: _Findings, told: Told | None = None
) -> None:
    with ws.read() as session:
        # One state of the vault: a note saved meanwhile must not look like a difference.
        cursor = facts.cursor(session)
        connection = session.connection()
        apart = _apart(connection, ws.actor.device_id)
        asked = [unit for unit in units if unit not in apart]
        hashes = list(_hashes(connection, asked))
        holds = told is not None and told.head == cursor
        holds = holds and not standing.merged_after(session, ws.actor.device_id, cursor)
    if told is not None and holds:
        hashes = _compare_told(hashes, told, found)
    if not hashes:
        return
    asked = [unit for unit, _ in hashes]
    answer = transport.call("/proof", ProofRequest(cursor, hashes), ProofAnswer)
    if answer.head != cursor:
        found.missed = True
        return
    found.compared = True
    of_asked = set(asked)
    found.differ |= of_asked & set(answer.differ)
    found.leave |= of_asked & set(answer.leave)
    found.equal |= of_asked - set(answer.differ) - set(answer.leave)


def _compare_told(hashes: Sequence[tuple[str, bytes]], told: Told, found: _Findings) -> list[tuple[str, bytes]]:
    """Compare units with what is known of them, and return those of which nothing is."""
    unknown = []
    for unit, digest in hashes:
        theirs = told.hashes.get(unit)
        if theirs is None:
            unknown.append((unit, digest))
            continue
        found.compared = True
        (found.leave if not theirs else found.equal if theirs == digest else found.differ).add(unit)
    return unknown


def _compare_scope(ws: Workspace, transport: Transport, found: _Findings) -> None:
    """Compare which units are here: some may be missing, others may have to leave."""
    with ws.read() as session:
        cursor = facts.cursor(session)
        connection = session.connection()
        here = {dashed(row) for row in connection.exec_driver_sql("SELECT id FROM child").scalars()}
        coming = set(session.scalars(select(UnitArriving.unit_id)))
        going = set(session.scalars(select(UnitLeaving.unit_id)))
        held = here - going - _only_here(connection, ws.actor.device_id)
    if coming:
        return
    answer = transport.call("/proof", ProofRequest(cursor, [], scope_hash(held)), ProofAnswer)
    if answer.head != cursor:
        found.missed = True
        return
    found.compared = True
    if answer.same_scope:
        return
    should = set(answer.units)
    found.missing |= should - held - going
    found.leave |= held - should
    get_logger().warning("other units than held", count=len(found.missing), left=len(held - should))


def _heal(
    ws: Workspace, transport: Transport, report: SyncReport, progress: Progress, found: _Findings, place: str = ""
) -> None:
    """Fetch again what differs, compare it once more, and tell; ``place`` is where the next share begins."""
    healing = sorted(found.differ | found.missing)[:MOST_HEALED]
    with ws.apply_session() as session:
        connection = session.connection()
        for some in batched(sorted(found.equal | found.leave), _BATCH):
            connection.execute(delete(_TOUCHED).where(_TOUCHED.c.unit_id.in_(some)))
        scope.fetch_again(session, healing)
        scope.leave(connection, sorted(found.leave - {LOOSE}), ws.time.now())
        if place:
            facts.put(session, facts.PROOF_PLACE, place)
    report.checked_units += len((found.equal | found.differ) - {LOOSE})
    if not healing:
        return
    arrivals.fetch(ws, transport, report, progress)
    again = _Findings()
    for pieces in batched(healing, UNITS_A_QUESTION):
        _compare(ws, transport, pieces, again)
    report.unequal_units += len(again.differ)
    with ws.local_session() as session:
        for some in batched(sorted(again.equal), _BATCH):
            session.connection().execute(delete(_TOUCHED).where(_TOUCHED.c.unit_id.in_(some)))
    ws.audit(Action.PUT_RIGHT, detail={"units": len(healing), "children": healing[: scope.MOST_NAMED]})
    get_logger().warning("units differed", count=len(healing), left=len(again.differ))


def _hashes(connection: Connection, units: Iterable[str]) -> Iterable[tuple[str, bytes]]:
    for some in batched(units, UNITS_A_READING):
        for unit, rows in wire_rows(connection, some).items():
            yield unit, unit_hash(rows)


def _apart(connection: Connection, device_id: str) -> set[str]:
    """Return the units that rightly differ here, or that come or go: they are compared when that has ended."""
    bodies = connection.execute(_unsettled(device_id)).scalars()
    changes = [change for body in bodies for change in decode(body).changes]
    coming = connection.execute(select(UnitArriving.unit_id)).scalars()
    going = connection.execute(select(UnitLeaving.unit_id)).scalars()
    return {*units_touched(connection, changes), *coming, *going}


def _unsettled(device_id: str) -> Any:
    dealt_with = select(ClearedChange.change_set_id)
    return select(ChangeSetRow.body).where(
        ChangeSetRow.device_id == device_id,
        (ChangeSetRow.state == ChangeState.PENDING)
        | ((ChangeSetRow.state == ChangeState.REFUSED) & ChangeSetRow.id.not_in(dealt_with)),
    )


def _only_here(connection: Connection, device_id: str) -> set[str]:
    """Return the children that were made here and that the central store has not taken."""
    bodies = connection.execute(
        select(ChangeSetRow.body).where(
            ChangeSetRow.device_id == device_id,
            ChangeSetRow.state.in_((ChangeState.PENDING, ChangeState.REFUSED, ChangeState.RESCUED)),
        )
    ).scalars()
    changes = [change for body in bodies for change in decode(body).changes]
    return {change.row for change in changes if change.table == "child" and change.op == "insert"}


def _whole_is_due(session: Session, now: datetime) -> bool:
    since = facts.get(session, facts.PROOF_DUE)
    return since is None or datetime.fromisoformat(since) <= now - WHOLE_EVERY


def next_share(session: Session) -> list[str]:
    """Return the units whose turn it is to be compared beside those that a sync touches."""
    connection = session.connection()
    after = (facts.get(session, facts.PROOF_PLACE) or "").replace("-", "")
    query = "SELECT id FROM child WHERE id > ? ORDER BY id LIMIT ?"
    found = list(connection.exec_driver_sql(query, (after, SHARE_UNITS)).scalars())
    if len(found) < SHARE_UNITS:
        found += connection.exec_driver_sql(query, ("", SHARE_UNITS - len(found))).scalars()
    return [dashed(row) for row in found]
