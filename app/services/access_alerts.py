"""What about access waits for a supervisor: emergencies to review, requests to answer, declared interests to act on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import AccessRequest, BreakGlass, Case, CaseAccess, CaseRow, InterestDeclared, User
from app.models.terms import CaseStatus, Role
from app.services.access import Permission, allowed, require
from app.services.restriction import Sight, sight_of
from app.services.workspace import Workspace

MOST = 200


@dataclass(frozen=True, slots=True)
class AccessAlert:
    """One thing that waits.

    Attributes:
        kind: an emergency to review, a request to answer, or a declared interest.
        record_id: of the emergency, request or declaration.
        person: who opened, asked or declared.
        reason: in their words.
        until: when an emergency ends or ended; None for the others.
        own: it is about the person looking, who may not decide it.
        reallocate: the person who declared an interest still has the open case.
    """

    kind: Literal["emergency", "request", "interest"]
    record_id: str
    case_id: str | None
    reference: str
    name: str
    person: str
    reason: str
    at: datetime
    until: datetime | None
    own: bool
    reallocate: bool = False


def alerts(ws: Workspace) -> tuple[AccessAlert, ...]:
    """Return what waits for this person to decide, the oldest first.

    Raises:
        AccessRefused: the role may not review access.
    """
    require(ws.actor, Permission.REVIEW_ACCESS)
    with ws.read() as session:
        sight = sight_of(session, ws.actor)
        found = [*_emergencies(session, ws, sight), *_requests(session, ws, sight), *_interests(session, ws, sight)]
    return tuple(sorted(found, key=lambda each: each.at))


def waiting(ws: Workspace) -> int:
    """Return how many of them this person may decide: for a badge. Nothing for roles that review none."""
    require(ws.actor, Permission.USE_LAPTOP)
    if not allowed(ws.actor.role, Permission.REVIEW_ACCESS):
        return 0
    return sum(not each.own for each in alerts(ws))


def _emergencies(session: Session, ws: Workspace, sight: Sight) -> list[AccessAlert]:
    rows = session.execute(
        select(BreakGlass, CaseRow.reference, CaseRow.child_name, User.name)
        .join(CaseRow, CaseRow.case_id == BreakGlass.case_id)
        .outerjoin(User, User.id == BreakGlass.user_id)
        .where(BreakGlass.reviewed_at.is_(None), *sight.shown_cases(BreakGlass.case_id))
        .order_by(BreakGlass.from_at)
        .limit(MOST)
    )
    return [
        AccessAlert(
            "emergency",
            row.id,
            row.case_id,
            reference,
            name,
            person or "",
            row.reason,
            row.from_at,
            row.until_at,
            own=row.user_id == ws.actor.user_id,
        )
        for row, reference, name, person in rows
    ]


def _requests(session: Session, ws: Workspace, sight: Sight) -> list[AccessAlert]:
    query = (
        select(AccessRequest, CaseRow.reference, CaseRow.child_name, User.name)
        .join(CaseRow, CaseRow.case_id == AccessRequest.case_id)
        .outerjoin(User, User.id == AccessRequest.user_id)
        .where(AccessRequest.granted.is_(None), *sight.shown_cases(AccessRequest.case_id))
        .order_by(AccessRequest.asked_at)
        .limit(MOST)
    )
    if ws.actor.role is not Role.INFORMATION_GOVERNANCE:
        # Those on a case's list decide who joins it; information governance sees to every list.
        listed = select(CaseAccess.case_id).where(CaseAccess.user_id == ws.actor.user_id, CaseAccess.ended_at.is_(None))
        query = query.where(AccessRequest.case_id.in_(listed))
    return [
        AccessAlert(
            "request",
            row.id,
            row.case_id,
            reference,
            name,
            person or "",
            row.reason,
            row.asked_at,
            None,
            own=row.user_id == ws.actor.user_id,
        )
        for row, reference, name, person in session.execute(query)
    ]


def _interests(session: Session, ws: Workspace, sight: Sight) -> list[AccessAlert]:
    """Return declared interests of people who still are the officer of an open case of that child."""
    rows = session.execute(
        select(InterestDeclared, CaseRow.case_id, CaseRow.reference, CaseRow.child_name, User.name)
        .outerjoin(Case, Case.id == InterestDeclared.case_id)
        .join(CaseRow, CaseRow.child_id == func.coalesce(InterestDeclared.child_id, Case.child_id))
        .outerjoin(User, User.id == InterestDeclared.user_id)
        .where(
            InterestDeclared.ended_at.is_(None),
            CaseRow.status == CaseStatus.OPEN.value,
            CaseRow.officer_id == InterestDeclared.user_id,
            *sight.shown_cases(CaseRow.case_id),
        )
        .order_by(InterestDeclared.declared_at)
        .limit(MOST)
    )
    return [
        AccessAlert(
            "interest",
            row.id,
            case_id,
            reference,
            name,
            person or "",
            row.reason,
            row.declared_at,
            None,
            own=row.user_id == ws.actor.user_id,
            reallocate=True,
        )
        for row, case_id, reference, name, person in rows
    ]
