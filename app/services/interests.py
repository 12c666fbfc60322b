"""Conflicts of interest: a person says that a child is kin, a neighbour or a friend, and then sees nothing of them.

Nobody asks what it is. A supervisor hears of it, reallocates the case where it is theirs, and is the only one who can
end it; not for themselves.
"""

from sqlalchemy import select

from app.errors import AccessRefused, UserError
from app.models import Case, InterestDeclared
from app.services.access import Permission, require
from app.services.access_rules import check_reason
from app.services.restriction import CONFLICT_WORDS, require_child, sight_of
from app.services.workspace import Workspace


def declare(ws: Workspace, case_id: str, *, reason: str = "") -> str:
    """Declare a conflict of interest in a case: from now on its child is hidden from this person.

    Args:
        ws: the workspace.
        case_id: a case this person may open.
        reason: may be left out; a supervisor reads it.

    Returns:
        The declaration's id.

    Raises:
        AccessRefused: the case is closed to this person already.
        UserError: it is not on this laptop.
    """
    require(ws.actor, Permission.DECLARE_INTEREST, case_id)
    with ws.write("Declared a conflict of interest") as session:
        case = session.get(Case, case_id)
        if case is None:
            raise UserError("This case is not on this laptop. Sync, then open it again. Nothing was changed.")
        if case_id in sight_of(session, ws.actor).hidden:
            raise UserError("You have declared this already. Nothing was changed.")
        made = InterestDeclared(
            user_id=ws.actor.user_id,
            case_id=case_id,
            child_id=case.child_id,
            reason=reason.strip(),
            declared_at=ws.time.now(),
        )
        session.add(made)
        session.flush()
        return made.id


def declare_about_child(ws: Workspace, child_id: str, *, reason: str = "") -> str:
    """Declare a conflict of interest in a child who may have no case yet. See :func:`declare`."""
    require(ws.actor, Permission.DECLARE_INTEREST, child_id)
    with ws.write("Declared a conflict of interest") as session:
        require_child(session, ws.actor, child_id, Permission.DECLARE_INTEREST)
        made = InterestDeclared(
            user_id=ws.actor.user_id, child_id=child_id, reason=reason.strip(), declared_at=ws.time.now()
        )
        session.add(made)
        session.flush()
        return made.id


def end(ws: Workspace, interest_id: str, *, reason: str) -> None:
    """End somebody's declared conflict of interest.

    Raises:
        AccessRefused: the role may not, it is their own, or they have declared one in the same child.
        UserError: no reason, or it was ended already.
    """
    require(ws.actor, Permission.REVIEW_ACCESS, interest_id)
    why = check_reason(reason, "Say why there is no conflict of interest any more.")
    with ws.write("Ended a conflict of interest") as session:
        found = session.get(InterestDeclared, interest_id)
        if found is None or found.ended_at is not None:
            raise UserError("This was ended already. Nothing was changed.")
        if found.user_id == ws.actor.user_id:
            raise AccessRefused(
                "You cannot end your own declaration. Ask another supervisor. Nothing was changed.",
                permission=Permission.REVIEW_ACCESS.name,
                subject=interest_id,
            )
        child_id = found.child_id or session.scalars(select(Case.child_id).where(Case.id == found.case_id)).first()
        if child_id in sight_of(session, ws.actor).hidden_children:
            raise AccessRefused(CONFLICT_WORDS, permission=Permission.REVIEW_ACCESS.name, subject=interest_id)
        found.ended_at, found.ended_by, found.end_reason = ws.time.now(), ws.actor.user_id, why
