"""Everything one case's page shows, read in one consistent session and handed over as frozen values."""

from collections.abc import Iterable
from datetime import date, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.errors import UserError
from app.models import (
    Case,
    CaseEvent,
    ChangeLine,
    ChangeSetRow,
    Child,
    Conflict,
    Enrolment,
    Letter,
    SafetyFlag,
    User,
)
from app.models.terms import (
    SAFETY_WORDS,
    STAGE_WORDS,
    CaseStatus,
    ChangeState,
    ConflictState,
    LetterState,
    SafetyKind,
    Stage,
)
from app.services import access, break_glass, enquiries, history_words, named_list, tasks
from app.services.access import Permission, require
from app.services.ages import age_words
from app.services.audit import Action
from app.services.case_timeline import documents_of, timeline
from app.services.case_views import CaseView, ConflictView, FlagView, Identity, LetterView
from app.services.households import households
from app.services.restriction import require_case, sight_of
from app.services.sync import case_receipts
from app.services.working_days import default_calendar
from app.services.workspace import Workspace
from app.timesource import format_date

__all__ = ["find_case_id", "load_case", "timeline"]

GRAVE_FLAGS = frozenset(
    {
        SafetyKind.VIOLENCE,
        SafetyKind.THREAT_TO_STAFF,
        SafetyKind.RESTRICTED_ADDRESS,
        SafetyKind.SAFE_CONTACT_ONLY,
        SafetyKind.CHILD_PROTECTION_PLAN,
    }
)
LETTER_STATE_WORDS = {
    LetterState.DRAFT: "Draft",
    LetterState.WAITING_APPROVAL: "Waiting for approval",
    LetterState.APPROVED: "Approved",
    LetterState.ISSUED: "Sent",
    LetterState.RETURNED: "Returned",
    LetterState.SUPERSEDED: "Replaced",
}
_DATE_STAGES = frozenset({Stage.CLOSED})


def load_case(ws: Workspace, case_id: str, *, audited: bool = True) -> CaseView:
    """Return everything the case page shows.

    Args:
        ws: the workspace.
        case_id: the case.
        audited: record the reading; False when a page that is already open reads again after a change.

    Raises:
        AccessRefused: the role may not read cases.
        UserError: the case is not on this laptop.
    """
    with ws.read() as session:
        require_case(session, ws.actor, case_id, Permission.READ_CASES)
        view = _read_case(session, ws, case_id)
    if audited:
        ws.audit(Action.READ, "case", case_id)
    return view


def find_case_id(ws: Workspace, reference: str) -> str:
    """Return the id of a case by its reference (case and spaces do not matter) or its id.

    Raises:
        UserError: no such case on this laptop.
    """
    require(ws.actor, Permission.READ_CASES)
    wanted = reference.strip()
    with ws.read() as session:
        found = session.execute(select(Case.id).where(Case.reference == wanted.upper())).scalar()
        if found is None and len(wanted) == len("00000000-0000-0000-0000-000000000000"):
            found = session.execute(select(Case.id).where(Case.id == wanted.lower())).scalar()
        if found is not None and found in sight_of(session, ws.actor).hidden:
            found = None
    if found is None:
        raise UserError(f"{wanted} is not on this laptop. Check the reference, or sync.")
    return found


def _read_case(session: Session, ws: Workspace, case_id: str) -> CaseView:
    found = session.execute(
        select(Case, Child, User.name)
        .join(Child, Child.id == Case.child_id)
        .outerjoin(User, User.id == Case.officer_id)
        .where(Case.id == case_id)
    ).first()
    if found is None:
        raise UserError("This case is not on this laptop. Sync, then open it again.")
    case, child, officer = found
    today = ws.time.today()
    houses = households(session, child, today, sight_of(session, ws.actor))
    people = {member.person_id for house in houses for member in house.members if member.person_id}
    subjects = {case.id, child.id, *people}
    editable, why_not = _editable(ws, case)
    return CaseView(
        identity=_identity(session, case, child, officer or "", today),
        households=houses,
        enquiries=enquiries.of_case(session, case_id),
        documents=documents_of(session, case_id),
        letters=_letters(session, case_id),
        next_items=tasks.next_items(session, case_id, today),
        conflicts=_conflicts(session, subjects),
        event_count=session.execute(
            select(func.count()).select_from(CaseEvent).where(CaseEvent.case_id == case_id)
        ).scalar_one(),
        unsynced=_unsynced(session, subjects),
        editable=editable,
        read_only_reason=why_not,
        can_close=access.allowed(ws.actor.role, Permission.CLOSE_CASES),
        restricted=case.restricted,
        can_restrict=named_list.may_change(session, ws, case),
        can_declare=access.allowed(ws.actor.role, Permission.DECLARE_INTEREST),
        emergency_until=break_glass.ends_at(session, ws, case) if case.restricted else None,
        sync_words=case_receipts.state_of_case(session, subjects, ws.actor.device_id),
    )


def _editable(ws: Workspace, case: Case) -> tuple[bool, str]:
    if not access.allowed(ws.actor.role, Permission.EDIT_CASES):
        return False, "You can see this case but not change it. Ask the officer."
    if case.status is CaseStatus.CLOSED:
        return False, "This case is closed. A supervisor can reopen it."
    return True, ""


def _identity(session: Session, case: Case, child: Child, officer: str, today: date) -> Identity:
    age = age_words(child.born_on, today, child.year_group, child.age_described)
    return Identity(
        case_id=case.id,
        child_id=child.id,
        reference=case.reference,
        name=f"{child.forename} {child.surname}".strip(),
        first_name=child.preferred_name or child.forename or "the child",
        born=f"{format_date(child.born_on)} ({age})" if child.born_on else child.age_described,
        age=age,
        last_seen=_last_seen(child, today),
        upn=child.upn,
        officer_id=case.officer_id,
        officer=officer or "Not allocated",
        stage=case.stage,
        stage_words=_stage_words(case, today),
        status=case.status,
        opened_on=case.opened_on,
        closed_on=case.closed_on,
        school=session.execute(
            select(Enrolment.school_name)
            .where(Enrolment.child_id == child.id)
            .order_by(func.coalesce(Enrolment.to_on, Enrolment.from_on).desc())
            .limit(1)
        ).scalar()
        or "",
        source_name=case.source_name,
        reason=case.reason,
        flags=_flags(session, child.id),
        expected_on=child.expected_on,
        born_on=child.born_on,
        last_seen_on=child.last_seen_on,
        last_seen_where=child.last_seen_where,
    )


def _stage_words(case: Case, today: date) -> str:
    """Return the stage with its school day, such as ``Enquiries, day 11``."""
    words = STAGE_WORDS[case.stage]
    if case.stage_since is None or case.stage in _DATE_STAGES:
        return words
    calendar = default_calendar()
    days = (today - case.stage_since).days
    number = sum(
        1 for step in range(1, min(days, 1500) + 1) if not calendar.why_not(case.stage_since + timedelta(days=step))
    )
    return f"{words}, day {number}"


def _last_seen(child: Child, today: date) -> str:
    if child.last_seen_on is None:
        return ""
    seen = child.last_seen_on
    when = f"{seen.day} {seen:%B}" if seen.year == today.year else format_date(seen)
    return f"{when} at {child.last_seen_where}" if child.last_seen_where else when


def _flags(session: Session, child_id: str) -> tuple[FlagView, ...]:
    found = session.scalars(select(SafetyFlag).where(SafetyFlag.child_id == child_id, SafetyFlag.ended_on.is_(None)))
    views = [
        FlagView(each.id, SAFETY_WORDS[each.kind], each.kind in GRAVE_FLAGS, each.detail, each.evidence, each.review_on)
        for each in found
    ]
    return tuple(sorted(views, key=lambda view: (not view.grave, view.words)))


def _letters(session: Session, case_id: str) -> tuple[LetterView, ...]:
    found = session.scalars(select(Letter).where(Letter.case_id == case_id).order_by(Letter.number.desc()))
    return tuple(
        LetterView(
            each.id,
            each.reference,
            each.title,
            each.recipient_name,
            each.state,
            LETTER_STATE_WORDS[each.state],
            each.dated_on,
            each.reply_by,
            each.document_id,
        )
        for each in found
    )


def _conflicts(session: Session, subjects: Iterable[str]) -> tuple[ConflictView, ...]:
    found = list(
        session.scalars(
            select(Conflict).where(
                Conflict.state == ConflictState.OPEN,
                or_(Conflict.subject_id.in_(subjects), Conflict.row_id.in_(subjects)),
            )
        )
    )
    names = history_words.names_of(session, {each.kept_by for each in found} | {each.offered_by for each in found})
    return tuple(
        ConflictView(
            id=each.id,
            table=each.table_name,
            row_id=each.row_id,
            record=history_words.table_words(each.table_name),
            field=history_words.field_words(each.field),
            kept=history_words.value_words(each.table_name, each.field, each.kept, names),
            kept_by=names.get(each.kept_by or "", ""),
            offered=history_words.value_words(each.table_name, each.field, each.offered, names),
            offered_by=names.get(each.offered_by or "", ""),
        )
        for each in found
    )


def _unsynced(session: Session, subjects: Iterable[str]) -> int:
    query = (
        select(func.count(func.distinct(ChangeLine.change_set_id)))
        .join(ChangeSetRow, ChangeSetRow.id == ChangeLine.change_set_id)
        .where(ChangeLine.subject_id.in_(list(subjects)), ChangeSetRow.state == ChangeState.PENDING)
    )
    return session.execute(query).scalar_one()
