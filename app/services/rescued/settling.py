"""Settling what was handed in: a supervisor takes it over in their own name, or sets it aside with a reason."""

from collections.abc import Collection
from typing import Any

from sqlalchemy.orm import Session

from app.errors import UserError
from app.models import HandedIn
from app.models.terms import HandedInState
from app.services.access import Permission, require
from app.services.access_rules import check_reason
from app.services.audit import Action
from app.services.changes import Change
from app.services.rescued.opening import OpenedWork, chosen, require_sight
from app.services.sync import facts
from app.services.sync.again import make_again, number_is_taken, renumbered
from app.services.wire import to_wire
from app.services.workspace import Workspace
from app.timesource import format_date, format_time, to_london

_SETTLED = "Somebody has settled this work already. Nothing was changed."


def take_over(ws: Workspace, work: OpenedWork, places: Collection[int] | None = None) -> str:
    """Make the changes again as the supervisor's own; where the record has moved on, both values are kept.

    That it was taken over is part of the same change set, so it is done once or not at all.

    Args:
        ws: the supervisor's.
        work: opened on this laptop.
        places: which of its changes; all that can be taken over when not given.

    Returns:
        The new change set's id.

    Raises:
        UserError: it was settled already, or none of the changes can be taken over.
        AccessRefused: the role may not, or it is about a case that this person may not open.
    """
    require(ws.actor, Permission.TAKE_OVER_WORK, work.id)
    require_sight(ws, work)
    changes = chosen(work, places)
    if not changes:
        raise UserError("None of these changes can be taken over. Set the work aside with a reason.")
    _keep_documents(ws, work, changes)
    when = f"{format_date(to_london(work.made_at).date())}, {format_time(work.made_at)}"
    reason = f"Taken over from {work.author or 'a colleague'}, {when}: {work.reason or 'changed a record'}"
    with ws.write(reason) as session:
        row = _waiting(session, work.id)
        year = ws.time.today().year
        changes = [renumbered(session, each, year) if number_is_taken(session, each) else each for each in changes]
        count = f"{len(changes)} of {len(work.changes)} changes" if len(changes) < len(work.changes) else ""
        new = make_again(session, changes, [_settled(ws, row, HandedInState.TAKEN_OVER, count)])
        ws.audit(Action.TOOK_OVER, "handed_in", work.id, {"changes": len(changes), "change_set": new})
    return new


def set_aside(ws: Workspace, handed_in_id: str, *, reason: str) -> None:
    """Say that nothing is to be done with work that was handed in; it stays at the central store, sealed.

    Raises:
        UserError: no reason (field ``reason``), there is no such work here, or it was settled already.
        AccessRefused: the role may not.
    """
    require(ws.actor, Permission.TAKE_OVER_WORK, handed_in_id)
    why = check_reason(reason, "Say why this work is set aside, for example that it was recorded again.")
    with ws.write("Set aside work that was handed in") as session:
        row = _waiting(session, handed_in_id)
        row.state, row.settled_reason = HandedInState.SET_ASIDE, why
        row.settled_by, row.settled_at = ws.actor.user_id, ws.time.now()
        ws.audit(Action.SET_ASIDE, "handed_in", handed_in_id)


def _waiting(session: Session, handed_in_id: str) -> HandedIn:
    row = session.get(HandedIn, handed_in_id)
    if row is None:
        raise UserError("This work is not listed on this laptop. Sync, then open it again.")
    if row.state is not HandedInState.WAITING:
        raise UserError(_SETTLED)
    return row


def _settled(ws: Workspace, row: HandedIn, state: HandedInState, reason: str) -> Change:
    fields: dict[str, list[Any]] = {
        "state": [row.state.value, state.value],
        "settled_by": [row.settled_by, ws.actor.user_id],
        "settled_at": [to_wire(row.settled_at), to_wire(ws.time.now())],
    }
    if reason:
        fields["settled_reason"] = [row.settled_reason, reason]
    return Change("handed_in", row.id, "update", fields)


def _keep_documents(ws: Workspace, work: OpenedWork, changes: Collection[Change]) -> None:
    """Put the documents' bytes into this laptop's store, from where they are sent like any others."""
    wanted = {pair[1] for change in changes if (pair := change.fields.get("sha256")) is not None}
    kept = [each for each in work.documents if each.sha256 in wanted]
    if not kept:
        return
    ws.require_room()
    for each in kept:
        if ws.documents.put(each.data, each.media_type) != each.sha256:
            raise UserError("A document of this work was changed on the way. Nothing was changed. Ask IT.")
    with ws.local_session() as session:
        for each in kept:
            facts.forget(session, facts.DOCUMENT_PREFIX + each.sha256)
