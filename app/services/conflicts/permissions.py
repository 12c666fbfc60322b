"""Who may decide a conflict: whoever may change that field of that case. Nobody else can do it for them."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from app.errors import AccessRefused
from app.models.conflict import WHOLE_ROW
from app.services.access import ROLE_PERMISSIONS, Permission, needed_permissions, refusal, require
from app.services.changes import Change
from app.services.conflicts.raw import Choice
from app.services.restriction import require_case
from app.services.workspace import Actor, Workspace


def missing(actor: Actor, table: str, fields: Iterable[str]) -> Permission | None:
    """Return what a role lacks to write what a conflict is about, or None when it may."""
    held = ROLE_PERMISSIONS[actor.role]
    if Permission.EDIT_CASES not in held:
        return Permission.EDIT_CASES
    names = tuple(fields)
    op = "delete" if names == (WHOLE_ROW,) else "update"
    for any_of in needed_permissions([Change(table, "", op, {name: [None, None] for name in names})]):
        if not any_of:
            return Permission.MANAGE_PEOPLE
        if not held.intersection(any_of):
            return any_of[0]
    return None


def why_not(actor: Actor, choice: Choice) -> str:
    """Return why a role may not decide a choice; empty when it may."""
    lacks = missing(actor, choice.table, choice.fields)
    if lacks is None:
        return ""
    if choice.table == "case" and "officer_id" in choice.fields:
        return "A supervisor decides who has the case. Both are kept until then."
    return f"Your role cannot {lacks.value}. Both are kept until somebody chooses."


def require_decision(session: Session, ws: Workspace, choice: Choice, case_id: str | None) -> None:
    """Refuse a decision that this person may not make.

    Args:
        session: writing.
        ws: who decides.
        choice: what about.
        case_id: the case it is on, when there is one.

    Raises:
        AccessRefused: the role may not, the case is restricted, or an interest was declared.
    """
    if case_id is not None:
        require_case(session, ws.actor, case_id, Permission.EDIT_CASES)
    else:
        require(ws.actor, Permission.EDIT_CASES, choice.row_id)
    lacks = missing(ws.actor, choice.table, choice.fields)
    if lacks is not None:
        error = AccessRefused(refusal(lacks), permission=lacks.name, subject=case_id or choice.row_id)
        if ws.actor.on_refusal is not None:
            ws.actor.on_refusal(error)
        raise error
