"""The tray of refused work: what the central store did not take, why, and what a person can do about it.

Nothing here is ever dropped. A refused change set is sent again on the records as they are now, or set aside with a
reason; either way it stays in the history of the case, and the audit says who decided.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import AccessRefused, UserError
from app.models import CaseRow, ChangeLine, ChangeSetRow, ClearedChange
from app.models.terms import ChangeState, HandInReason
from app.services.access import Permission, allowed, require
from app.services.access_rules import check_reason
from app.services.audit import Action
from app.services.changes import decode
from app.services.history import HistoryLine, lines_of
from app.services.restriction import sight_of
from app.services.sync.again import make_again, may_make, on_present, renumbered
from app.services.sync.telling import Transport
from app.services.sync.unit_rows import note_touched, units_touched
from app.services.workspace import Workspace

MOST_SHOWN: Final = 500
CLOSED: Final = "A case you may not open"
_GONE: Final = "This change is not among the refused ones any more. Nothing was changed."
_NO_KEY: Final = (
    "No supervisor of this team has a key yet, so nobody could open it. It is kept on this laptop. Ask a supervisor to "
    "sync, then hand it in."
)
_SYNC_FIRST: Final = "Sync first, then hand this in. It is kept on this laptop."
_TAKEN: Final = "reference or name is already"
_ADVICE: Final[Sequence[tuple[str, str]]] = (
    (
        "a large share of the records",
        "Look at what would be deleted. A supervisor can confirm it and send it again.",
    ),
    (_TAKEN, "Send it again: a case is given a new number. Where it is a name, change that on the record first."),
    ("hidden character", "Type the text again without pasting it, save, then set this aside."),
    ("signature", "Send it again. If it is refused again, copy the details for IT."),
    ("Update Rollcall", "Update Rollcall, then send this again."),
    ("not enrolled for the person", "Ask your administrator to let you use this laptop, then send this again."),
    ("Your role cannot", "Hand it to a supervisor, who can make this change in their own name."),
    ("restricted", "Ask a supervisor to put you on the list, then send this again. Or hand it to them."),
    ("conflict of interest", "Hand it to a supervisor, who can record it in their own name."),
    ("place in the order", "Sync again. If it is refused again, copy the details for IT."),
)
"""What to do about a refusal, by words of its reason; the first that fits counts."""
_USUAL_ADVICE: Final = "Send it again. If it is refused again, copy the details for IT or ask a supervisor."


@dataclass(frozen=True, slots=True)
class RefusedSet:
    """One change set that the central store did not take.

    Attributes:
        what: why it was made, such as "Added a note".
        case_id, case: which case, where it is one that this person may open; ``case`` is child's name and reference.
        by: who made it.
        reason: why it was refused, in words.
        advice: what to do, in words.
        lines: what it changes, field by field; none where this person may not open the case.
        can_send_again: whether this person's role may make these changes.
        needs_confirming: a supervisor must confirm that so many records are to be deleted.
    """

    id: str
    what: str
    case_id: str | None
    case: str
    by: str
    made_at: datetime
    reason: str
    advice: str
    lines: tuple[HistoryLine, ...]
    can_send_again: bool
    needs_confirming: bool = False


@dataclass(frozen=True, slots=True)
class ClearedSet:
    """One refused change set that a person has dealt with.

    Attributes:
        by, at: who dealt with it and when.
        reason: why it was set aside; empty where it was sent again.
        sent_again: whether it was made again as a new change set.
    """

    id: str
    what: str
    by: str
    at: datetime
    reason: str
    sent_again: bool


def refused_sets(ws: Workspace, limit: int = MOST_SHOWN) -> list[RefusedSet]:
    """Return the refused change sets of this laptop, oldest first; names only cases that this person may open."""
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        rows = session.scalars(
            select(ChangeSetRow)
            .where(ChangeSetRow.state == ChangeState.REFUSED, ChangeSetRow.device_id == ws.actor.device_id)
            .order_by(ChangeSetRow.sequence)
            .limit(limit)
        ).all()
        return [_shown(session, ws, row) for row in rows]


def cleared_sets(ws: Workspace, limit: int = MOST_SHOWN) -> list[ClearedSet]:
    """Return what people did about refused change sets on this laptop, newest first."""
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        rows = session.execute(
            select(ClearedChange, ChangeSetRow.reason)
            .join(ChangeSetRow, ChangeSetRow.id == ClearedChange.change_set_id)
            .order_by(ClearedChange.at.desc())
            .limit(limit)
        ).all()
    return [
        ClearedSet(
            cleared.change_set_id,
            what or "Changed a record",
            cleared.by_name,
            cleared.at,
            cleared.reason,
            cleared.sent_again_as is not None,
        )
        for cleared, what in rows
    ]


def send_again(ws: Workspace, change_set_id: str, *, confirmed: bool = False) -> str:
    """Make a refused change set again, in the name of whoever asks, on the records as they are now.

    Args:
        ws: the workspace.
        change_set_id: a refused one.
        confirmed: a supervisor has looked at what would be deleted and means it.

    Returns:
        The new change set's id; it is sent with the next sync.

    Raises:
        UserError: it is not among the refused ones any more.
        AccessRefused: the person may not make these changes, or may not open the case.
    """
    require(ws.actor, Permission.TAKE_OVER_WORK if confirmed else Permission.USE_LAPTOP)
    with ws.read() as session:
        row = _refused(session, ws, change_set_id)
        _require_open(session, ws, row)
        change_set = decode(row.body)
        if not may_make(ws.actor, change_set.changes):
            raise AccessRefused(
                "Your role cannot make these changes. Ask a supervisor. They are kept on this laptop.",
                permission=Permission.EDIT_CASES.name,
            )
    with ws.write(row.reason or "Changed a record") as session:
        kept = _refused(session, ws, change_set_id)
        changes = on_present(session, change_set.changes)
        if _TAKEN in kept.refusal:
            changes = [renumbered(session, change, ws.time.today().year) for change in changes]
        new = make_again(session, changes)
        if confirmed:
            from app.services.sync.confirming import confirm_in

            confirm_in(session, new)
        _clear(session, ws, kept, reason="", sent_again_as=new)
        ws.audit(Action.SENT_AGAIN, detail={"change_set": change_set_id, "again": new})
    return new


def clear(ws: Workspace, change_set_id: str, *, reason: str) -> None:
    """Take a refused change set out of the tray; it stays in history, and what it says is never sent.

    Args:
        ws: the workspace.
        change_set_id: a refused one.
        reason: why, in the person's words.

    Raises:
        UserError: no reason (field ``reason``), or it is not among the refused ones any more.
        AccessRefused: the person may not open the case.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    why = check_reason(reason, "Say why this is set aside, for example that it was recorded again.")
    with ws.read() as session:
        _require_open(session, ws, _refused(session, ws, change_set_id))
    with ws.local_session() as session:
        _clear(session, ws, _refused(session, ws, change_set_id), reason=why, sent_again_as=None)
        ws.audit(Action.CLEARED, detail={"change_set": change_set_id})


def hand_to_supervisor(ws: Workspace, change_set_id: str, transport: Transport | None = None) -> None:
    """Seal a refused change set to its team and hand it in: a supervisor opens it and takes over what is right.

    It needs no access to the case: nothing of it is shown here, and the central store cannot read it.

    Args:
        ws: the workspace.
        change_set_id: a refused one.
        transport: to the central store; the vault's own by default.

    Raises:
        UserError: it is not among the refused ones any more, or there is no key to seal it to yet.
        CentralUnreachable, NotLetIn: it could not be handed in; it stays in the tray.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    from app.services.sync.connecting import open_transport
    from app.services.sync.rescue import hand_in

    with ws.read() as session:
        _refused(session, ws, change_set_id)
    if transport is not None:
        report = hand_in(ws, transport, [change_set_id], HandInReason.REFUSED)
    else:
        own = open_transport(ws)
        try:
            report = hand_in(ws, own, [change_set_id], HandInReason.REFUSED)
        finally:
            own.close()
    if report.unsealed:
        raise UserError(_NO_KEY)
    if report.behind is not None:
        raise UserError(_SYNC_FIRST)


def details_for_it(ws: Workspace, change_set_ids: Iterable[str] = ()) -> str:
    """Return what IT needs to know about refused change sets: ids, kinds of record and reasons, nothing of anybody.

    Args:
        ws: the workspace.
        change_set_ids: which; all refused ones when none are named.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    wanted = set(change_set_ids)
    with ws.read() as session:
        rows = session.scalars(
            select(ChangeSetRow)
            .where(ChangeSetRow.state == ChangeState.REFUSED, ChangeSetRow.device_id == ws.actor.device_id)
            .order_by(ChangeSetRow.sequence)
        ).all()
    lines = [f"Rollcall: refused changes on laptop {ws.actor.device_id}"]
    for row in rows:
        if wanted and row.id not in wanted:
            continue
        change_set = decode(row.body)
        lines += [
            "",
            f"Change set {row.id}, number {row.sequence}, made {row.made_at.isoformat(timespec='seconds')},"
            f" base revision {row.base_revision}, {len(row.body)} bytes",
            f"Reason: {row.refusal}",
            *(
                f"  {change.op} {change.table}: {', '.join(sorted(change.fields))}"
                for change in change_set.changes[:50]
            ),
        ]
    return "\n".join(lines)


def advice_on(reason: str) -> str:
    """Return what to do about a refusal, in words."""
    return next((advice for words, advice in _ADVICE if words in reason), _USUAL_ADVICE)


def _shown(session: Session, ws: Workspace, row: ChangeSetRow) -> RefusedSet:
    change_set = decode(row.body)
    case_id, case, is_open = _case_of(session, ws, row.id)
    return RefusedSet(
        id=row.id,
        what=row.reason or "Changed a record",
        case_id=case_id,
        case=case,
        by=row.actor_name,
        made_at=row.made_at,
        reason=row.refusal,
        advice=advice_on(row.refusal),
        lines=lines_of(session, change_set.changes) if is_open else (),
        can_send_again=is_open and may_make(ws.actor, change_set.changes),
        needs_confirming=_ADVICE[0][0] in row.refusal,
    )


def _refused(session: Session, ws: Workspace, change_set_id: str) -> ChangeSetRow:
    row = session.get(ChangeSetRow, change_set_id)
    if row is None or row.state is not ChangeState.REFUSED or row.device_id != ws.actor.device_id:
        raise UserError(_GONE)
    return row


def _clear(session: Session, ws: Workspace, row: ChangeSetRow, *, reason: str, sent_again_as: str | None) -> None:
    row.state = ChangeState.CLEARED
    connection = session.connection()
    note_touched(connection, units_touched(connection, decode(row.body).changes))
    session.add(
        ClearedChange(
            change_set_id=row.id,
            at=ws.time.now(),
            by_id=ws.actor.user_id,
            by_name=ws.actor.name,
            reason=reason,
            sent_again_as=sent_again_as,
        )
    )


def _require_open(session: Session, ws: Workspace, row: ChangeSetRow) -> None:
    if not _case_of(session, ws, row.id)[2]:
        raise AccessRefused(
            "This change is about a case you may not open. Ask a supervisor. It is kept on this laptop.",
            permission=Permission.READ_CASES.name,
            subject=row.id,
        )


def _case_of(session: Session, ws: Workspace, change_set_id: str) -> tuple[str | None, str, bool]:
    """Return the case a change set touched, its words, and whether this person may open it."""
    found = None
    for by in (CaseRow.case_id, CaseRow.child_id):
        found = (
            found
            or session.execute(
                select(CaseRow.case_id, CaseRow.child_id, CaseRow.reference, CaseRow.child_name)
                .join(ChangeLine, by == ChangeLine.subject_id)
                .where(ChangeLine.change_set_id == change_set_id)
                .order_by(ChangeLine.position)
                .limit(1)
            ).first()
        )
    reads = allowed(ws.actor.role, Permission.READ_CASES)
    if found is None:
        return None, "", reads or _is_reference_only(session, change_set_id)
    sight = sight_of(session, ws.actor)
    if not reads or found.case_id in sight.closed or found.child_id in sight.closed_children:
        return None, CLOSED, False
    return found.case_id, f"{found.child_name}, {found.reference}", True


def _is_reference_only(session: Session, change_set_id: str) -> bool:
    from app.services.sync.units import is_reference

    tables = session.scalars(select(ChangeLine.table_name).where(ChangeLine.change_set_id == change_set_id))
    return all(is_reference(table) for table in tables)
