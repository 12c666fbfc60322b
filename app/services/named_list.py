"""Restricting a case: the list of people who may open it, and asking to be put on it.

Names come off the list with a date and are never deleted, so that history says who could read a case when. Nobody puts
themselves on a list, except information governance, whose doing so shows on the list with its reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.errors import AccessRefused, UserError
from app.models import AccessRequest, Case, CaseAccess, Child, InterestDeclared, User
from app.models.terms import Role
from app.services.access import Permission, allowed, require
from app.services.access_rules import check_reason
from app.services.restriction import CONFLICT_WORDS, named_interests, require_case, restricted_words, sight_of
from app.services.workspace import Workspace

NOT_HERE = "This case is not on this laptop. Sync, then open it again. Nothing was changed."


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """A person on the list of a restricted case: since when, put there by whom, and why."""

    user_id: str
    name: str
    role: Role
    since: datetime
    by: str
    reason: str
    is_officer: bool


@dataclass(frozen=True, slots=True)
class NamedList:
    """The list of one case.

    Attributes:
        can_change: whether the signed-in person may restrict, add and remove.
        others: (id, name) of active people who are not on it and may read cases.
    """

    case_id: str
    restricted: bool
    people: tuple[ListedPerson, ...]
    can_change: bool
    others: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ClosedCase:
    """All that is shown of a restricted case to somebody who is not on its list.

    Attributes:
        words: whom to ask.
        asked: the signed-in person has asked already and waits for an answer.
        can_break_glass: their role may open it in an emergency.
    """

    case_id: str
    reference: str
    name: str
    officer: str
    words: str
    asked: bool
    can_break_glass: bool


def named_list(ws: Workspace, case_id: str) -> NamedList:
    """Return who may open a case.

    Raises:
        AccessRefused: the person may not open it themselves.
        UserError: it is not on this laptop.
    """
    with ws.read() as session:
        if not _oversees(ws):
            require_case(session, ws.actor, case_id, Permission.READ_CASES)
        _refuse_interested(session, ws, case_id, Permission.READ_CASES)
        case = _case(session, case_id)
        rows = _listed(session, case_id)
        users = {user.id: user for user in session.scalars(select(User))}
        names = {user.id: user.name for user in users.values()}
        on_list = {row.user_id for row in rows}
        people = tuple(
            ListedPerson(
                row.user_id,
                users[row.user_id].name,
                users[row.user_id].role,
                row.granted_at,
                names.get(row.granted_by or "", ""),
                row.reason,
                is_officer=row.user_id == case.officer_id,
            )
            for row in rows
            if row.user_id in users
        )
        others = tuple(
            (user.id, user.name)
            for user in sorted(users.values(), key=lambda each: each.name)
            if user.active and user.id not in on_list and allowed(user.role, Permission.READ_CASES)
        )
        return NamedList(case_id, case.restricted, people, may_change(session, ws, case), others)


def closed_case(ws: Workspace, case_id: str) -> ClosedCase:
    """Return what is shown of a restricted case to somebody who is not on its list.

    Raises:
        AccessRefused: the role may not read cases, or the person has declared a conflict of interest.
        UserError: it is not on this laptop, or it is not closed to this person.
    """
    require(ws.actor, Permission.READ_CASES, case_id)
    with ws.read() as session:
        _refuse_interested(session, ws, case_id, Permission.READ_CASES)
        found = session.execute(
            select(Case.reference, Child.forename, Child.surname, User.name)
            .join(Child, Child.id == Case.child_id)
            .outerjoin(User, User.id == Case.officer_id)
            .where(Case.id == case_id)
        ).first()
        if found is None:
            raise UserError(NOT_HERE)
        if case_id not in sight_of(session, ws.actor).masked:
            raise UserError("This case is open to you. Open it again.")
        return ClosedCase(
            case_id,
            found.reference,
            f"{found.forename} {found.surname}".strip(),
            found.name or "Not allocated",
            restricted_words(session, case_id),
            asked=_waiting_request(session, ws, case_id) is not None,
            can_break_glass=allowed(ws.actor.role, Permission.BREAK_GLASS),
        )


def restrict(ws: Workspace, case_id: str, *, reason: str, people: Sequence[str] = ()) -> None:
    """Restrict a case to a named list: its officer, the person who restricts it, and those who are named.

    Args:
        ws: the workspace of a supervisor or of information governance.
        case_id: the case.
        reason: why; shown on the list.
        people: further people, by id.

    Raises:
        UserError: no reason, or it is restricted already.
    """
    require(ws.actor, Permission.RESTRICT_CASES, case_id)
    why = check_reason(reason, "Say why the case is restricted.")
    with ws.write("Restricted the case") as session:
        require_case(session, ws.actor, case_id, Permission.RESTRICT_CASES)
        case = _case(session, case_id)
        if case.restricted:
            raise UserError("This case is restricted already. Nothing was changed.")
        case.restricted = True
        for user_id in dict.fromkeys([ws.actor.user_id, case.officer_id, *people]):
            if user_id is not None and user_id not in named_interests_in(session, case):
                _grant(session, ws, case_id, user_id, why)


def unrestrict(ws: Workspace, case_id: str, *, reason: str) -> None:
    """Open a restricted case to every role that reads cases again. The list is ended and kept.

    Raises:
        UserError: no reason, or it is not restricted.
    """
    require(ws.actor, Permission.RESTRICT_CASES, case_id)
    check_reason(reason, "Say why the case is no longer restricted.")
    with ws.write(f"No longer restricted: {reason.strip()}") as session:
        case = _changeable(session, ws, case_id)
        if not case.restricted:
            raise UserError("This case is not restricted. Nothing was changed.")
        case.restricted = False
        for row in _listed(session, case_id):
            _end(ws, row)


def add_person(ws: Workspace, case_id: str, user_id: str, *, reason: str) -> None:
    """Put a person on the list of a restricted case.

    Raises:
        AccessRefused: the person who asks may not change this list, or would put themselves on it.
        UserError: no reason, not restricted, or the person reads no cases or has declared a conflict of interest.
    """
    require(ws.actor, Permission.RESTRICT_CASES, case_id)
    why = check_reason(reason, "Say why this person needs the case.")
    with ws.write("Put a person on the list of a restricted case") as session:
        case = _changeable(session, ws, case_id)
        if not case.restricted:
            raise UserError("This case is not restricted. Nothing was changed.")
        _grant(session, ws, case_id, user_id, why)


def remove_person(ws: Workspace, case_id: str, user_id: str) -> None:
    """Take a person off the list of a restricted case.

    Raises:
        UserError: the person is not on it, or is the case's officer.
    """
    require(ws.actor, Permission.RESTRICT_CASES, case_id)
    with ws.write("Took a person off the list of a restricted case") as session:
        case = _changeable(session, ws, case_id)
        rows = [row for row in _listed(session, case_id) if row.user_id == user_id]
        if not rows:
            raise UserError("This person is not on the list. Nothing was changed.")
        if user_id == case.officer_id:
            raise UserError("The officer stays on the list. Allocate the case to somebody else first.")
        for row in rows:
            _end(ws, row)


def ask_for_access(ws: Workspace, case_id: str, *, reason: str) -> str:
    """Ask to be put on the list of a restricted case; it reaches those who can decide.

    Returns:
        The request's id.

    Raises:
        UserError: no reason, the case is open to this person, or they have asked already.
    """
    require(ws.actor, Permission.ASK_FOR_ACCESS, case_id)
    why = check_reason(reason, "Say why you need the case.")
    with ws.write("Asked for access to a restricted case") as session:
        _refuse_interested(session, ws, case_id, Permission.ASK_FOR_ACCESS)
        _case(session, case_id)
        if case_id not in sight_of(session, ws.actor).masked:
            raise UserError("This case is open to you. Nothing was changed.")
        if _waiting_request(session, ws, case_id) is not None:
            raise UserError("You have asked already. A supervisor will answer. Nothing was changed.")
        asked = AccessRequest(case_id=case_id, user_id=ws.actor.user_id, reason=why, asked_at=ws.time.now())
        session.add(asked)
        session.flush()
        return asked.id


def answer_request(ws: Workspace, request_id: str, *, granted: bool, answer: str = "") -> None:
    """Grant or refuse a request for access.

    Args:
        ws: the workspace of somebody who may change this case's list.
        request_id: the request.
        granted: puts the person on the list.
        answer: why not; required for a refusal.

    Raises:
        AccessRefused: not theirs to decide, or their own request.
        UserError: answered already, or a refusal without a reason.
    """
    require(ws.actor, Permission.RESTRICT_CASES, request_id)
    if not granted and not answer.strip():
        raise UserError("Say why access is not given.", field="answer")
    with ws.write("Gave access to a restricted case" if granted else "Refused access to a restricted case") as session:
        asked = session.get(AccessRequest, request_id)
        if asked is None or asked.granted is not None:
            raise UserError("This request was answered already. Nothing was changed.")
        if asked.user_id == ws.actor.user_id:
            raise _refused("You cannot answer your own request. Ask another supervisor.", asked.case_id)
        case = _changeable(session, ws, asked.case_id)
        asked.granted, asked.answer = granted, answer.strip()
        asked.decided_by, asked.decided_at = ws.actor.user_id, ws.time.now()
        if granted and case.restricted:
            _grant(session, ws, case.id, asked.user_id, asked.reason)


def follow_officer(session: Session, ws: Workspace, case: Case, before: str | None, after: str | None) -> None:
    """Keep the list of a restricted case with its officer: the new one comes on, the former one goes off.

    Whoever allocates stays on it, so that the list is never left to nobody.
    """
    if not case.restricted or before == after:
        return
    for row in _listed(session, case.id):
        if row.user_id == before and row.user_id != ws.actor.user_id:
            _end(ws, row)
    if after is not None:
        _grant(session, ws, case.id, after, "Allocated")


def named_interests_in(session: Session, case: Case) -> set[str]:
    """Return the people who have declared a conflict of interest in a case's child."""
    of_child = select(Case.id).where(Case.child_id == case.child_id)
    about = or_(InterestDeclared.child_id == case.child_id, InterestDeclared.case_id.in_(of_child))
    return set(session.scalars(select(InterestDeclared.user_id).where(about, InterestDeclared.ended_at.is_(None))))


def _case(session: Session, case_id: str) -> Case:
    case = session.get(Case, case_id)
    if case is None:
        raise UserError(NOT_HERE)
    return case


def _oversees(ws: Workspace) -> bool:
    """Return whether somebody may see to every list without being on it."""
    return ws.actor.role is Role.INFORMATION_GOVERNANCE


def may_change(session: Session, ws: Workspace, case: Case) -> bool:
    """Return whether the signed-in person may restrict a case, or change the list of a restricted one."""
    if not allowed(ws.actor.role, Permission.RESTRICT_CASES):
        return False
    # An emergency opens a case; it does not give it away.
    return (
        _oversees(ws) or not case.restricted or ws.actor.user_id in {row.user_id for row in _listed(session, case.id)}
    )


def _changeable(session: Session, ws: Workspace, case_id: str) -> Case:
    _refuse_interested(session, ws, case_id, Permission.RESTRICT_CASES)
    case = _case(session, case_id)
    if not may_change(session, ws, case):
        words = "Only somebody on this case's list, or information governance, can change the list."
        raise _refused(f"{words} Nothing was changed.", case_id)
    return case


def _refuse_interested(session: Session, ws: Workspace, case_id: str, permission: Permission) -> None:
    require(ws.actor, permission, case_id)
    if case_id in sight_of(session, ws.actor).hidden:
        raise AccessRefused(CONFLICT_WORDS, permission=permission.name, subject=case_id)


def _refused(words: str, case_id: str) -> AccessRefused:
    return AccessRefused(words, permission=Permission.RESTRICT_CASES.name, subject=case_id)


def _listed(session: Session, case_id: str) -> list[CaseAccess]:
    query = select(CaseAccess).where(CaseAccess.case_id == case_id, CaseAccess.ended_at.is_(None))
    return list(session.scalars(query.order_by(CaseAccess.granted_at, CaseAccess.id)))


def _waiting_request(session: Session, ws: Workspace, case_id: str) -> AccessRequest | None:
    return session.scalars(
        select(AccessRequest).where(
            AccessRequest.case_id == case_id,
            AccessRequest.user_id == ws.actor.user_id,
            AccessRequest.granted.is_(None),
        )
    ).first()


def _grant(session: Session, ws: Workspace, case_id: str, user_id: str, reason: str) -> None:
    user = session.get(User, user_id)
    if user is None or not user.active or not allowed(user.role, Permission.READ_CASES):
        raise UserError("This person cannot read cases. Choose somebody else. Nothing was changed.", field="person")
    if _case(session, case_id).child_id in named_interests(session, user_id):
        words = f"{user.name} has declared a conflict of interest in this case. Nothing was changed."
        raise UserError(words, field="person")
    if any(row.user_id == user_id for row in _listed(session, case_id)):
        return
    session.add(
        CaseAccess(
            case_id=case_id,
            user_id=user_id,
            granted_by=ws.actor.user_id,
            granted_at=ws.time.now(),
            reason=reason,
        )
    )


def _end(ws: Workspace, row: CaseAccess) -> None:
    row.ended_at, row.ended_by = ws.time.now(), ws.actor.user_id
