"""After the central store was restored from a backup: this laptop hands back what the store has forgotten.

The store's receipts are promises that outlive its disks only because laptops keep what they are for. Everything here
with a revision after the last one that both remember is handed back in the old order, this laptop's own work and that
of others, each signed by who made it; then the log is read again from there. Each step can be cut off and taken up
again, and handing back what the store never lost changes nothing.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, select, update

from app.logs import get_logger
from app.models import ChangeSetRow, SyncState
from app.models.terms import ChangeState
from app.services.sync import facts, protocol
from app.services.sync.faults import nonsense
from app.services.sync.receipts import ReceiptChecker
from app.services.sync.store_protocol import Epochs, EpochsRequest, HandBackRequest
from app.services.sync.telling import Progress, SyncProgress, Transport
from app.services.workspace import Workspace

Lives = list[tuple[str, int]]
_SETS: Any = ChangeSetRow.__table__
_HAD = (ChangeState.ACCEPTED, ChangeState.CONFLICTED, ChangeState.RECEIVED)


class StoreRestored(Exception):
    """The central store is in another life than the one this laptop last spoke with."""


class _Gap(msgspec.Struct):
    """What is being handed back: revisions after the first number, of others up to the second."""

    after: int
    until: int
    lives: Lives


def known_life(ws: Workspace) -> str:
    """Return the life of the store that this laptop last spoke with; empty for none yet."""
    with ws.read() as session:
        lives = _lives(facts.get(session, facts.STORE))
    return lives[-1][0] if lives else ""


def take_up(ws: Workspace, transport: Transport) -> str:
    """Remember the store's lives at the first contact, and return the name of the present one."""
    lives = _asked(transport)
    with ws.local_session() as session:
        facts.put(session, facts.STORE, msgspec.json.encode(lives).decode())
    return lives[-1][0]


def hand_back(ws: Workspace, transport: Transport, receipts: ReceiptChecker, progress: Progress) -> str:
    """Hand back what the store may have lost, and go back to the last revision that both remember.

    Returns:
        The name of the store's present life.

    Raises:
        CentralUnreachable: it can be tried again, and goes on from there.
    """
    gap = _gap(ws, transport)
    ids, done = _lost_ids(ws, gap), 0
    while done < len(ids):
        some = ids[done : done + protocol.PUSH_SETS]
        sets = _signed(ws, some)
        done += len(some) if not sets or sets[-1].id == some[-1] else some.index(sets[-1].id) + 1
        if not sets:
            continue
        request = HandBackRequest([protocol.SignedSet(row.body, row.signature) for row in sets])
        answer = transport.call("/hand-back", request, protocol.PushAnswer)
        if len(answer.results) != len(sets):
            raise nonsense()
        _note(ws, sets, answer.results, receipts)
        progress(SyncProgress("Giving back what the central store lost", done, len(ids)))
    with ws.apply_session() as session:
        facts.put(session, facts.CURSOR, str(min(facts.cursor(session), gap.after)))
        facts.put(session, facts.STORE, msgspec.json.encode(gap.lives).decode())
        facts.forget(session, facts.RESTORED)
        # The store may have lost bytes too: what it holds is asked for again.
        session.execute(delete(SyncState).where(SyncState.name.startswith(facts.DOCUMENT_PREFIX)))
    get_logger().info("handed back", count=done, revision=gap.after)
    return gap.lives[-1][0]


def shared_until(mine: Lives, theirs: Lives) -> int:
    """Return the last revision that two histories of the store's lives have in common.

    Args:
        mine: as this laptop knew them.
        theirs: as the store tells them now.
    """
    shared = 0
    while shared < min(len(mine), len(theirs)) and mine[shared][0] == theirs[shared][0]:
        shared += 1
    if not shared:
        return 0
    later = [since for _, since in (*mine[shared:], *theirs[shared:])]
    return min(later, default=2**62)


def _gap(ws: Workspace, transport: Transport) -> _Gap:
    """Return what is to be handed back: as noted by an earlier attempt for the same life of the store, or found now."""
    lives = _asked(transport)
    with ws.local_session() as session:
        stored = facts.get(session, facts.RESTORED)
        noted = msgspec.json.decode(stored, type=_Gap) if stored else None
        mine = _lives(facts.get(session, facts.STORE))
        after = shared_until(mine, lives)
        gap = _Gap(after, facts.cursor(session), lives)
        if noted is not None:
            # It was restored again meanwhile, or the attempt was cut off: never less than before.
            gap = _Gap(min(after, noted.after), max(gap.until, noted.until), lives)
        facts.put(session, facts.RESTORED, msgspec.json.encode(gap).decode())
    return gap


def _asked(transport: Transport) -> Lives:
    lives = transport.call("/epochs", EpochsRequest(), Epochs).epochs
    if not lives:
        raise nonsense()
    return lives


def _lives(stored: str | None) -> Lives:
    return msgspec.json.decode(stored, type=Lives) if stored else []


def _lost_ids(ws: Workspace, gap: _Gap) -> list[str]:
    """Return the change sets that the store may have lost, oldest first."""
    own = _SETS.c.device_id == ws.actor.device_id
    with ws.read() as session:
        return list(
            session.execute(
                select(_SETS.c.id)
                .where(
                    _SETS.c.state.in_(_HAD),
                    _SETS.c.revision > gap.after,
                    own | (_SETS.c.revision <= gap.until),
                )
                .order_by(_SETS.c.revision)
            ).scalars()
        )


def _signed(ws: Workspace, ids: Sequence[str]) -> list[Any]:
    """Return change sets whole, in the order asked for; what travelled without its signature is left out."""
    with ws.read() as session:
        rows = {
            row.id: row
            for row in session.execute(
                select(_SETS.c.id, _SETS.c.device_id, _SETS.c.body, _SETS.c.signature).where(_SETS.c.id.in_(ids))
            )
        }
    found = [rows[set_id] for set_id in ids if rows[set_id].body and rows[set_id].signature]
    return found[: protocol.page(found, [len(row.body) + 100 for row in found])]


def _note(ws: Workspace, rows: Sequence[Any], results: Sequence[protocol.PushResult], receipts: ReceiptChecker) -> None:
    values = []
    for row, result in zip(rows, results, strict=True):
        if result.id != row.id:
            raise nonsense()
        taken = result.state in (protocol.ACCEPTED, protocol.CONFLICTED)
        statement = protocol.receipt_statement(row.body, result.revision or 0, result.state)
        if taken and not receipts.fits(statement, result.receipt):
            raise nonsense()
        if row.device_id != ws.actor.device_id:
            state = ChangeState.RECEIVED
        elif taken or result.state == protocol.REFUSED:
            state = ChangeState(result.state)
        else:
            state = ChangeState.PENDING
        mine = row.device_id == ws.actor.device_id
        values.append(
            {
                "set_id": row.id,
                "state": state,
                "revision": result.revision if taken else None,
                "receipt": result.receipt if taken and mine else None,
                "refusal": result.reason[:300] if mine else "",
            }
        )
    update_each = (
        update(_SETS)
        .where(_SETS.c.id == bindparam("set_id"))
        .values({name: bindparam(name) for name in ("state", "revision", "receipt", "refusal")})
    )
    with ws.local_session() as session:
        session.connection().execute(update_each, values)
