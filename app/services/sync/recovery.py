"""A vault that was put back or rebuilt gets its own change sets back, and sends none under a place that is taken.

Three things are wrong with a vault that has lost its newest part. Change sets that the central store took are not
here, and the log leaves a laptop's own bodies out. New work may stand under sequence numbers that were used before.
And case numbers may be handed out twice. Each step below can be cut off and taken up again.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.orm import Session

from app.models import Case, ChangeLine, ChangeSetRow, ReferenceLease, User
from app.models.terms import ChangeState
from app.services import projection_rebuild
from app.services.capture import line_rows, unit_of
from app.services.changes import ChangeSet, decode, encode
from app.services.sync import facts, protocol
from app.services.sync.apply import put_on_top, subjects_of
from app.services.sync.faults import nonsense
from app.services.sync.receipts import ReceiptChecker
from app.services.sync.rescue_protocol import RESCUED, digest_of, rescue_statement
from app.services.sync.telling import Progress, SyncProgress, Transport
from app.services.workspace import Workspace

PARKED = 10**12
"""Own change sets that are not known to be in the central store stand above this place until the rest is here."""
_SETS: Any = ChangeSetRow.__table__
_LINES: Any = ChangeLine.__table__
_NOT_TAKEN = (ChangeState.PENDING, ChangeState.REFUSED)


def mark_behind(session: Session) -> None:
    """Note that this vault was put back or rebuilt; the next sync first fetches what it may lack."""
    facts.put(session, facts.BEHIND, "1")


def is_behind(session: Session) -> bool:
    """Return whether this vault may lack change sets of its own."""
    return facts.get(session, facts.BEHIND) is not None


def fetch_own_sets(ws: Workspace, transport: Transport, receipts: ReceiptChecker, progress: Progress) -> int:
    """Bring back this laptop's own change sets from the central store, and make room for those it does not have.

    Returns:
        How many were not here.

    Raises:
        CentralUnreachable: it can be tried again; what arrived is kept.
    """
    with ws.apply_session() as session:
        mark_behind(session)
        _park(session.connection(), ws.actor.device_id)
    after, fetched, last = 0, 0, 1
    while after < last:
        answer = transport.call("/own-sets", protocol.OwnSetsRequest(after), protocol.OwnSets)
        last = answer.last_sequence
        if not answer.sets:
            break
        with ws.apply_session() as session:
            fetched += _keep(session, answer.sets, ws.actor.device_id, receipts)
        if answer.sets[-1].sequence <= after:
            raise nonsense()
        after = answer.sets[-1].sequence
        progress(SyncProgress("Fetching what this laptop sent", after, last))
    with ws.apply_session() as session:
        _renumber(session, ws.actor.device_id)
    return fetched


def settle(session: Session, device_id: str) -> None:
    """End catching up, once every revision is here: unsent work goes on top, lists are made whole."""
    connection = session.connection()
    for change_set in _waiting(connection, device_id):
        put_on_top(session, change_set.changes)
    _fill_subjects(connection, device_id)
    skip_used_numbers(session)
    projection_rebuild.rebuild(session)
    facts.forget(session, facts.BEHIND)


def skip_used_numbers(session: Session, references: Iterable[str] = ()) -> None:
    """Move every leased block past the numbers that are in use, so that none is given twice.

    Args:
        session: a writing session.
        references: numbers known to be used beside those of the cases here.
    """
    for lease in session.scalars(select(ReferenceLease)):
        prefix = f"CME-{lease.year}-"
        used = [*session.scalars(select(Case.reference).where(Case.reference.startswith(prefix))), *references]
        numbers = [int(each[len(prefix) :]) for each in used if each.startswith(prefix) and each[9:].isdigit()]
        inside = [number for number in numbers if lease.first <= number <= lease.last]
        lease.next = max([lease.next, *(number + 1 for number in inside)])


def _park(connection: Connection, device_id: str) -> None:
    """Move what the central store may not have out of the way of what it has."""
    connection.execute(
        update(_SETS)
        .where(_SETS.c.device_id == device_id, _SETS.c.state.in_(_NOT_TAKEN), _SETS.c.sequence < PARKED)
        .values(sequence=_SETS.c.sequence + PARKED)
    )


def _keep(session: Session, sets: Sequence[protocol.OwnSet], device_id: str, receipts: ReceiptChecker) -> int:
    connection = session.connection()
    unit = unit_of(session)
    ids = [each.id for each in sets]
    known = set(connection.execute(select(_SETS.c.id).where(_SETS.c.id.in_(ids))).scalars())
    names = {row.id: row.name for row in connection.execute(select(User.id, User.name))}
    rows, lines, judged = [], [], []
    for each in sets:
        if each.state in (protocol.RESCUE, RESCUED):
            _keep_handed_in(session, each, device_id, receipts)
            continue
        change_set = _checked(each, device_id, receipts)
        state = {
            "sequence": each.sequence,
            "state": ChangeState(each.state),
            "revision": each.revision,
            "receipt": each.receipt or None,
            "refusal": each.reason[:300],
            "body": each.body,
            "signature": each.signature,
        }
        if each.id in known:
            judged.append((each.id, state))
            continue
        rows.append(
            {
                "id": each.id,
                "device_id": device_id,
                "actor_id": change_set.actor,
                "actor_name": names.get(change_set.actor or "", "" if change_set.actor else unit.actor_name),
                "made_at": datetime.fromisoformat(change_set.made_at),
                "reason": change_set.reason,
                "base_revision": change_set.base,
                **state,
            }
        )
        lines += line_rows(each.id, change_set.changes, subjects_of(connection, change_set.changes))
    for set_id, state in judged:
        connection.execute(update(_SETS).where(_SETS.c.id == set_id).values(state))
    if rows:
        connection.execute(insert(_SETS), rows)
    if lines:
        connection.execute(insert(_LINES), lines)
    return len(rows)


def _keep_handed_in(session: Session, each: protocol.OwnSet, device_id: str, receipts: ReceiptChecker) -> None:
    """Give a change set its place again that was, or is still to be, handed in; the central store has no words of it.

    One that is not here (the vault was put back) keeps its place with an empty line: its work is with the team.
    """
    connection, unit = session.connection(), unit_of(session)
    body = connection.execute(select(_SETS.c.body).where(_SETS.c.id == each.id)).scalar()
    is_done = each.state == RESCUED
    if body is None:
        now = unit.time.now()
        empty = ChangeSet(each.id, device_id, each.sequence, None, now.isoformat(), "", 0, [])
        row = {
            "id": each.id,
            "device_id": device_id,
            "sequence": each.sequence,
            "made_at": now,
            "reason": "Handed in from an earlier copy of this vault",
            "body": encode(empty),
            "signature": b"",
            "state": ChangeState.RESCUED if is_done else ChangeState.CLEARED,
            "receipt": each.receipt or None,
        }
        connection.execute(insert(_SETS), [row])
        return
    if is_done and not receipts.fits(rescue_statement(each.id, digest_of(bytes(body))), each.receipt):
        raise nonsense()
    state = ChangeState.RESCUED if is_done else ChangeState.PENDING
    values = {"sequence": each.sequence, "state": state, "receipt": each.receipt or None, "refusal": ""}
    connection.execute(update(_SETS).where(_SETS.c.id == each.id).values(values))


def _checked(each: protocol.OwnSet, device_id: str, receipts: ReceiptChecker) -> ChangeSet:
    """Return a change set, if it is this laptop's and carries a true receipt or a refusal."""
    try:
        change_set = decode(each.body)
        datetime.fromisoformat(change_set.made_at)
        state = ChangeState(each.state)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise nonsense() from error
    if (change_set.id, change_set.device, change_set.sequence) != (each.id, device_id, each.sequence):
        raise nonsense()
    if state is not ChangeState.REFUSED:
        statement = protocol.receipt_statement(each.body, each.revision or 0, each.state)
        if state not in (ChangeState.ACCEPTED, ChangeState.CONFLICTED) or not receipts.fits(statement, each.receipt):
            raise nonsense()
    return change_set


def _renumber(session: Session, device_id: str) -> None:
    """Give what is still parked the places after the last one taken, in the order in which it was made.

    Only sets that the central store has never seen are signed anew: the place is part of what is signed.
    """
    connection = session.connection()
    signer = unit_of(session).signer
    own = _SETS.c.device_id == device_id
    taken = connection.execute(
        select(_SETS.c.sequence).where(own, _SETS.c.sequence < PARKED).order_by(_SETS.c.sequence.desc()).limit(1)
    ).scalar()
    place = taken or 0
    parked = connection.execute(
        select(_SETS.c.id, _SETS.c.body, _SETS.c.signature)
        .where(own, _SETS.c.sequence >= PARKED)
        .order_by(_SETS.c.sequence)
    ).all()
    for row in parked:
        place += 1
        change_set = decode(row.body)
        body, signature = row.body, row.signature
        if change_set.sequence != place and signer is not None:
            change_set.sequence = place
            body = encode(change_set)
            signature = signer.sign(body)
        # A set that was refused only for its place is offered again: the central store has not judged it.
        values = {"sequence": place, "state": ChangeState.PENDING, "refusal": "", "body": body, "signature": signature}
        connection.execute(update(_SETS).where(_SETS.c.id == row.id).values(values))


def _waiting(connection: Connection, device_id: str) -> list[ChangeSet]:
    bodies = connection.execute(
        select(_SETS.c.body)
        .where(_SETS.c.device_id == device_id, _SETS.c.state == ChangeState.PENDING)
        .order_by(_SETS.c.sequence)
    ).scalars()
    return [decode(body) for body in bodies]


def _fill_subjects(connection: Connection, device_id: str) -> None:
    """Say whose history own change sets belong to, where the row that says it arrived after them."""
    own = select(_SETS.c.id).where(_SETS.c.device_id == device_id)
    ids = connection.execute(
        select(_LINES.c.change_set_id).where(_LINES.c.subject_id.is_(None), _LINES.c.change_set_id.in_(own)).distinct()
    ).scalars()
    for set_id in list(ids):
        body = connection.execute(select(_SETS.c.body).where(_SETS.c.id == set_id)).scalar_one()
        changes = decode(body).changes
        for place, subject in enumerate(subjects_of(connection, changes)):
            if subject is not None:
                connection.execute(
                    update(_LINES)
                    .where(_LINES.c.change_set_id == set_id, _LINES.c.position == place)
                    .values(subject_id=subject)
                )
