"""After the central store was restored from a backup: this laptop hands back what the store has forgotten.

The store's receipts are promises that outlive its disks only because laptops keep what they are for. Everything here
with a revision after the last one that both remember is handed back in the old order, this laptop's own work and that
of others, each signed by who made it; then the log is read again from there. Its own order is handed back without a
gap: what it may no longer read goes as it was sealed (:mod:`app.services.sync.keeping`), what went sealed to the team
goes to the team again, and what was refused keeps its place. Each step can be cut off and taken up again, and handing
back what the store never lost changes nothing.

That a store was put back shows in the name of its life. A store that was put back in its place, as a snapshot of its
machine is, does not know it: it is told by the newest entry of the log that this laptop had from it, and it believes
its own receipts.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, func, or_, select, update
from sqlalchemy.orm import Session

from app.logs import get_logger
from app.models import ChangeSetRow, SyncState
from app.models.terms import ChangeState, HandInReason
from app.services.sync import facts, keeping, protocol, rescue
from app.services.sync.faults import nonsense
from app.services.sync.receipts import ReceiptChecker
from app.services.sync.store_protocol import Epochs, EpochsRequest, HandBackRequest, KnownEntry
from app.services.sync.telling import Progress, SyncProgress, Transport
from app.services.workspace import Workspace

Lives = list[tuple[str, int]]
_SETS: Any = ChangeSetRow.__table__
_TAKEN = (ChangeState.ACCEPTED, ChangeState.CONFLICTED)


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
    answer = _asked(transport, EpochsRequest())
    with ws.local_session() as session:
        facts.put(session, facts.STORE, msgspec.json.encode(answer.epochs).decode())
        keeping.note_key(session, answer)
    return answer.epochs[-1][0]


def hand_back(ws: Workspace, transport: Transport, receipts: ReceiptChecker, progress: Progress) -> str:
    """Hand back what the store may have lost, and go back to the last revision that both remember.

    Returns:
        The name of the store's present life.

    Raises:
        CentralUnreachable: it can be tried again, and goes on from there.
    """
    gap = _gap(ws, transport)
    with ws.read() as session:
        lost, key = _lost(session, gap, ws.actor.device_id), keeping.store_key(session)
    done = 0
    while done < len(lost):
        if lost[done].state is ChangeState.RESCUED:
            done += _hand_in_again(ws, transport, lost[done].id, receipts)
        else:
            done += _give_back(ws, transport, lost[done:], key, receipts)
        progress(SyncProgress("Giving back what the central store lost", done, len(lost)))
    with ws.apply_session() as session:
        keeping.keep_longer(session, [row.id for row in lost])
        facts.put(session, facts.CURSOR, str(min(facts.cursor(session), gap.after)))
        facts.put(session, facts.STORE, msgspec.json.encode(gap.lives).decode())
        # What the store thinks that is here is as old as its backup: everything is compared afresh.
        facts.forget_many(session, (facts.RESTORED, facts.NEWEST_ENTRY, facts.PROOF_DUE))
        # The store may have lost bytes too: what it holds is asked for again. What went sealed stays so.
        in_the_open = SyncState.name.startswith(facts.DOCUMENT_PREFIX), SyncState.value != facts.HANDED_IN
        session.execute(delete(SyncState).where(*in_the_open))
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


# -- where the store still remembers -----------------------------------------------------------------------------------


def newest_entry(session: Session) -> tuple[int, str] | None:
    """Return the newest entry of the log that this laptop had: its revision and its change set."""
    revision, _, set_id = (facts.get(session, facts.NEWEST_ENTRY) or "").partition(":")
    return (int(revision), set_id) if revision else None


def note_newest(session: Session, entries: Sequence[protocol.LogEntry]) -> None:
    """Keep which entry of the log is the newest that this laptop had."""
    if entries:
        facts.put(session, facts.NEWEST_ENTRY, f"{entries[-1].revision}:{entries[-1].change_set_id}")


def _gap(ws: Workspace, transport: Transport) -> _Gap:
    """Return what is to be handed back: as noted by an earlier attempt for the same life of the store, or found now."""
    with ws.read() as session:
        mine = _lives(facts.get(session, facts.STORE))
        known = _samples(session, ws.actor.device_id)
    answer = _asked(transport, EpochsRequest(mine[-1][0] if mine else "", known))
    with ws.local_session() as session:
        keeping.note_key(session, answer)
        stored = facts.get(session, facts.RESTORED)
        noted = msgspec.json.decode(stored, type=_Gap) if stored else None
        after = min(shared_until(mine, answer.epochs), 2**62 if answer.agreed is None else answer.agreed)
        gap = _Gap(after, facts.cursor(session), answer.epochs)
        if noted is not None:
            # It was restored again meanwhile, or the attempt was cut off: never less than before.
            gap = _Gap(min(after, noted.after), max(gap.until, noted.until), answer.epochs)
        facts.put(session, facts.RESTORED, msgspec.json.encode(gap).decode())
    return gap


def _samples(session: Session, device_id: str) -> list[KnownEntry]:
    """Return some of the log as this laptop knows it, the denser the newer, and of its own with the store's receipt."""
    own = _SETS.c.device_id == device_id
    found: list[KnownEntry] = []
    for which in (own & _SETS.c.state.in_(_TAKEN), ~own & (_SETS.c.signature != b"")):
        query = select(_SETS.c.id).where(which, _SETS.c.revision.is_not(None)).order_by(_SETS.c.revision.desc())
        ids = list(session.execute(query).scalars())
        chosen = {ids[place] for place in _sparser(len(ids))}
        rows = session.execute(select(_SETS).where(_SETS.c.id.in_(chosen))).all()
        proofs = keeping.as_handed_back(session.connection(), rows, keeping.store_key(session))
        for row in rows:
            is_own = row.device_id == device_id
            receipt = row.receipt or b"" if is_own else b""
            found.append(KnownEntry(row.revision, row.id, proofs[row.id][1], str(row.state), receipt))
    return sorted(found, key=lambda entry: entry.revision)


def _sparser(count: int) -> Iterable[int]:
    """Yield places from the first on, each time twice as far apart, and the last."""
    place = 0
    while place < count:
        yield place
        place = 2 * place + 1
    if count:
        yield count - 1


def _asked(transport: Transport, request: EpochsRequest) -> Epochs:
    answer = transport.call("/epochs", request, Epochs)
    if not answer.epochs:
        raise nonsense()
    return answer


def _lives(stored: str | None) -> Lives:
    return msgspec.json.decode(stored, type=Lives) if stored else []


# -- what it has lost --------------------------------------------------------------------------------------------------


def _lost(session: Session, gap: _Gap, device_id: str) -> list[Any]:
    """Return the change sets that the store may have lost, oldest first: id, state, whether it is this laptop's.

    This laptop's own are all those after the last that the store surely has, in its own order.
    """
    own = _SETS.c.device_id == device_id
    sure = select(func.max(_SETS.c.sequence)).where(own, _SETS.c.revision <= gap.after)
    kept = session.execute(sure).scalar() or 0
    columns = (_SETS.c.id, _SETS.c.state, _SETS.c.revision, _SETS.c.sequence, own.label("own"))
    after_those = own & (_SETS.c.sequence > kept) & (_SETS.c.state != ChangeState.PENDING)
    revision = _SETS.c.revision
    of_others = ~own & (_SETS.c.state == ChangeState.RECEIVED) & (revision > gap.after) & (revision <= gap.until)
    rows = session.execute(select(*columns).where(or_(after_those, of_others)).order_by(_SETS.c.sequence)).all()
    at, places = gap.after, {}
    for row in rows:
        if row.own:
            # What has no revision, such as what was refused, goes right after what it followed.
            at = max(at, row.revision or 0)
            places[row.id] = at
    return sorted(rows, key=lambda row: places.get(row.id, row.revision))


def _give_back(ws: Workspace, transport: Transport, lost: Sequence[Any], key: bytes, receipts: ReceiptChecker) -> int:
    """Hand back the next change sets, as many as fit a message; returns how many of the lost ones are done with."""
    some: list[Any] = []
    for row in lost[: protocol.PUSH_SETS]:
        if row.state is ChangeState.RESCUED:
            break
        some.append(row)
    with ws.read() as session:
        query = select(_SETS).where(_SETS.c.id.in_([row.id for row in some]))
        whole = {row.id: row for row in session.execute(query)}
        # What travelled without its signature is left out: it is here in part.
        found = [whole[row.id] for row in some if row.own or whole[row.id].signature]
        fit = protocol.page(found, [len(row.body) + 400 for row in found])
        done = len(some) if fit == len(found) else [row.id for row in some].index(found[fit].id)
        found = found[:fit]
        own = [row for row in found if row.device_id == ws.actor.device_id]
        sealed = keeping.as_handed_back(session.connection(), own, key)
    if not found:
        return done
    sets = [sealed[row.id][0] if row.id in sealed else protocol.SignedSet(row.body, row.signature) for row in found]
    answer = transport.call("/hand-back", HandBackRequest(sets), protocol.PushAnswer)
    if len(answer.results) != len(sets):
        raise nonsense()
    _note(ws, found, answer.results, {set_id: digest for set_id, (_, digest) in sealed.items()}, receipts)
    return done


def _note(
    ws: Workspace,
    rows: Sequence[Any],
    results: Sequence[protocol.PushResult],
    digests: dict[str, str],
    receipts: ReceiptChecker,
) -> None:
    values = []
    for row, result in zip(rows, results, strict=True):
        if result.id != row.id:
            raise nonsense()
        taken = result.state in (protocol.ACCEPTED, protocol.CONFLICTED)
        mine = row.id in digests
        # Receipts of others are theirs; of its own sets the store makes the bodies anew.
        statement = protocol.receipt_statement_of(digests.get(row.id, ""), result.revision or 0, result.state)
        if taken and mine and not receipts.fits(statement, result.receipt):
            raise nonsense()
        values.append(
            {
                "set_id": row.id,
                "state": _state(row, result) if mine else ChangeState.RECEIVED,
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


def _state(row: Any, result: protocol.PushResult) -> ChangeState:
    """Return what becomes of an own change set; what was set aside stays so, whatever its place is kept with."""
    if result.state in (protocol.ACCEPTED, protocol.CONFLICTED):
        return ChangeState(result.state)
    if row.state is ChangeState.CLEARED:
        return ChangeState.CLEARED
    # Otherwise it waits: it is sent, judged or handed in like any other.
    refused = result.state == protocol.REFUSED and result.reason != protocol.PLACE_TAKEN
    return ChangeState.REFUSED if refused else ChangeState.PENDING


def _hand_in_again(ws: Workspace, transport: Transport, set_id: str, receipts: ReceiptChecker) -> int:
    """Hand in to the team what the store may have lost; as it was sealed then, or, where that is gone, sealed anew."""
    with ws.read() as session:
        pieces = keeping.pieces_of(session.connection(), set_id)
    if pieces:
        rescue.hand_in_again(transport, pieces, receipts)
    else:
        rescue.hand_in(ws, transport, [set_id], HandInReason.NO_ACCESS)
    return 1
