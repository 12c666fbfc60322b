"""Opening a restricted case in an emergency: with a reason, for a few hours, and never without somebody hearing of it.

It opens at once, on a doorstep without a signal too. It is in the audit and in the case's history, it stands in the
team queue until a supervisor has reviewed it, and it ends by itself.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import AccessRefused, UserError
from app.models import BreakGlass, Case, CaseAccess
from app.services.access import Permission, require
from app.services.access_rules import access_rules, check_reason
from app.services.audit import Action
from app.services.restriction import CONFLICT_WORDS, named_cases, require_case, sight_of
from app.services.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Emergency:
    """A restricted case that is open to this person until a moment."""

    case_id: str
    until: datetime


def open_in_emergency(ws: Workspace, case_id: str, *, reason: str, hours: int | None = None) -> Emergency:
    """Open a restricted case that one is not on the list of.

    Args:
        ws: the workspace.
        case_id: a restricted case.
        reason: why it cannot wait; a supervisor reads it.
        hours: for how long; as usual when left out.

    Raises:
        AccessRefused: the role may not, or the person has declared a conflict of interest.
        UserError: the reason says too little, the time is too long, or the case is open to this person.
    """
    require(ws.actor, Permission.BREAK_GLASS, case_id)
    rules = access_rules()
    lasts = rules.emergency_hours if hours is None else hours
    if not 1 <= lasts <= rules.emergency_hours_most:
        raise UserError(f"Choose between 1 and {rules.emergency_hours_most} hours.", field="hours")
    why = check_reason(reason, "Say why this cannot wait for access.")
    if len(why.split()) < rules.reason_words:
        raise UserError(
            f"Say in at least {rules.reason_words} words why this cannot wait. A supervisor reads it.", field="reason"
        )
    with ws.write("Opened a restricted case in an emergency") as session:
        sight = sight_of(session, ws.actor)
        if case_id in sight.hidden:
            raise AccessRefused(CONFLICT_WORDS, permission=Permission.BREAK_GLASS.name, subject=case_id)
        if session.get(Case, case_id) is None:
            raise UserError("This case is not on this laptop. Sync, then open it again. Nothing was changed.")
        if case_id not in sight.masked:
            raise UserError("This case is open to you. Nothing was changed.")
        now = ws.time.now()
        until = now + timedelta(hours=lasts)
        for closed in _closed_cases(session, ws, case_id):
            session.add(BreakGlass(case_id=closed, user_id=ws.actor.user_id, reason=why, from_at=now, until_at=until))
    ws.audit(Action.OPENED_IN_EMERGENCY, "case", case_id, {"hours": lasts})
    return Emergency(case_id, until)


def running(ws: Workspace, case_id: str) -> Emergency | None:
    """Return until when a case is open to this person in an emergency, or None when it is not by that way.

    Raises:
        AccessRefused: the case is not open to this person.
    """
    with ws.read() as session:
        require_case(session, ws.actor, case_id, Permission.READ_CASES)
        case = session.get(Case, case_id)
        until = ends_at(session, ws, case) if case is not None else None
    return Emergency(case_id, until) if until is not None else None


def ends_at(session: Session, ws: Workspace, case: Case) -> datetime | None:
    """Return when an open emergency of this person's ends; None where there is none or the list has them anyway."""
    now = ws.time.now()
    listed = select(CaseAccess.id).where(
        CaseAccess.case_id == case.id, CaseAccess.user_id == ws.actor.user_id, CaseAccess.ended_at.is_(None)
    )
    return session.scalars(
        select(BreakGlass.until_at)
        .where(
            BreakGlass.case_id == case.id,
            BreakGlass.user_id == ws.actor.user_id,
            BreakGlass.from_at <= now,
            BreakGlass.until_at > now,
            ~listed.exists(),
        )
        .order_by(BreakGlass.until_at.desc())
    ).first()


def review(ws: Workspace, break_glass_id: str, *, words: str) -> None:
    """Record what a supervisor found about a case that was opened in an emergency.

    Raises:
        AccessRefused: the role may not, or it was they who opened it.
        UserError: nothing said, or reviewed already.
    """
    require(ws.actor, Permission.REVIEW_ACCESS, break_glass_id)
    found = check_reason(words, "Say what you found.")
    with ws.write("Reviewed an emergency") as session:
        opened = session.get(BreakGlass, break_glass_id)
        if opened is None or opened.reviewed_at is not None:
            raise UserError("This was reviewed already. Nothing was changed.")
        if opened.user_id == ws.actor.user_id:
            raise AccessRefused(
                "You opened this case yourself. Another supervisor reviews it. Nothing was changed.",
                permission=Permission.REVIEW_ACCESS.name,
                subject=opened.case_id,
            )
        if opened.case_id in sight_of(session, ws.actor).hidden:
            raise AccessRefused(CONFLICT_WORDS, permission=Permission.REVIEW_ACCESS.name, subject=opened.case_id)
        opened.reviewed_by, opened.reviewed_at, opened.review = ws.actor.user_id, ws.time.now(), found


def _closed_cases(session: Session, ws: Workspace, case_id: str) -> list[str]:
    """Return the restricted cases of a case's child that this person is not on the list of."""
    child_id = session.get_one(Case, case_id).child_id
    restricted = set(session.scalars(select(Case.id).where(Case.child_id == child_id, Case.restricted.is_(True))))
    return sorted(restricted - named_cases(session, ws.actor, restricted))
