"""A case from opening to closing, and the notes on its timeline.

The list of cases is in :mod:`app.services.case_list`; its functions can be called from here.
"""

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.errors import UserError
from app.ids import new_id
from app.models import Assignment, Case, CaseEvent, Child, Clock, Closure, ReferenceLease
from app.models.terms import STAGE_WORDS, CaseStatus, EventKind, ReferralSource, Stage
from app.services import clock_rules, drafts, enquiries
from app.services.access import Permission, require
from app.services.bulk import BulkRecorder
from app.services.case_list import (
    CaseListRow,
    CaseQuery,
    FilterCounts,
    count,
    filter_counts,
    first_page,
    for_view,
    ids,
    rows,
)
from app.services.open_case import require_open
from app.services.restriction import require_case, require_child
from app.services.workspace import Workspace
from app.timesource import to_london

__all__ = [
    "NOTE_KINDS",
    "OUTCOMES",
    "CaseListRow",
    "CaseQuery",
    "FilterCounts",
    "add_note",
    "change_stage",
    "close_case",
    "count",
    "filter_counts",
    "first_page",
    "for_view",
    "ids",
    "open_case",
    "open_case_in",
    "reopen_case",
    "rows",
    "take_reference",
]

NOTE_KINDS: Final[dict[EventKind, str]] = {
    EventKind.NOTE: "Note",
    EventKind.CALL: "Call",
    EventKind.VISIT: "Visit",
    EventKind.SIGHTING: "Sighting",
    EventKind.CONTACT: "Contact",
}
"""What an officer may write on the timeline, in words."""

OUTCOMES: Final[dict[str, str]] = {
    "R1": "Returned to previous school",
    "R2": "New mainstream school",
    "R3": "Special school",
    "R4": "Alternative provision or pupil referral unit",
    "R5": "Independent school",
    "R6": "Home educated, suitable or not yet assessed",
    "R7": "Educated otherwise than at school, or in hospital",
    "M1": "Moved, confirmed by the other authority",
    "M2": "Moved to another UK country, confirmed",
    "M3": "Moved abroad, confirmed",
    "M4": "Moved abroad, not confirmed",
    "U1": "Not located, all checks done",
    "A1": "Over compulsory school age",
    "D1": "Died",
    "E1": "Not missing education, opened in error",
    "E2": "Duplicate",
    "X1": "Handed to attendance or another service",
}
"""Outcome codes (domain process, section 9)."""

LONGEST_TITLE: Final = 90
LONGEST_NOTE: Final = 100_000


def take_reference(session: Session, year: int) -> str:
    """Return the next case reference leased to this laptop, such as ``CME-2026-00417``.

    Raises:
        UserError: no leased number of that year is left.
    """
    lease = session.scalars(
        select(ReferenceLease)
        .where(ReferenceLease.year == year, ReferenceLease.next <= ReferenceLease.last)
        .order_by(ReferenceLease.first)
        .limit(1)
    ).first()
    if lease is None:
        raise UserError(
            "This laptop has no case numbers left. Connect to the central store and sync, then open the case. "
            "The referral is kept."
        )
    number = lease.next
    lease.next = number + 1
    return f"CME-{year}-{number:05d}"


def open_case(
    ws: Workspace,
    child_id: str,
    *,
    source: ReferralSource | None = None,
    source_name: str = "",
    reason: str = "",
    area: str = "",
    received_on: date | None = None,
    officer_id: str | None = None,
) -> str:
    """Open a case for a child and return its id. See :func:`open_case_in`."""
    require(ws.actor, Permission.TAKE_REFERRALS, child_id)
    with ws.write("Opened a case") as session:
        return open_case_in(
            session,
            ws,
            child_id,
            source=source,
            source_name=source_name,
            reason=reason,
            area=area,
            received_on=received_on,
            officer_id=officer_id,
        ).id


def open_case_in(
    session: Session,
    ws: Workspace,
    child_id: str,
    *,
    source: ReferralSource | None = None,
    source_name: str = "",
    reason: str = "",
    area: str = "",
    received_on: date | None = None,
    officer_id: str | None = None,
    team_id: str | None = None,
) -> Case:
    """Open a case inside a write: number, enquiry checklist, local-standard clocks and first timeline line together.

    Args:
        session: a writing session of ``ws``.
        ws: the workspace.
        child_id: who it is about.
        source: what kind of referrer told us.
        source_name: who told us, such as "Saltenby Primary".
        reason: why, in the referrer's or officer's words.
        area: town, for the team queue.
        received_on: local day the referral came; the clocks run from it. Today when left out.
        officer_id: who works on it; None leaves it in the team queue.
        team_id: the team it belongs to; the officer's own when left out.

    Raises:
        AccessRefused: the role may not take referrals.
        UserError: the child is not here, already has an open case, or no reference is left.
    """
    require(ws.actor, Permission.TAKE_REFERRALS, child_id)
    today = ws.time.today()
    session.flush()
    require_child(session, ws.actor, child_id, Permission.TAKE_REFERRALS)
    if session.get(Child, child_id) is None:
        raise UserError("This child is not on this laptop. Sync, then open the case. The referral is kept.")
    already = session.execute(
        select(Case.reference).where(Case.child_id == child_id, Case.status == CaseStatus.OPEN)
    ).scalar()
    if already:
        raise UserError(f"This child already has an open case, {already}. Add the referral to that case.")
    started = received_on or today
    opened = Case(
        id=new_id(),
        reference=take_reference(session, today.year),
        child_id=child_id,
        team_id=team_id or ws.actor.team_id,
        officer_id=officer_id,
        allocation=1 if officer_id else 0,
        stage=Stage.INITIAL_CHECKS,
        stage_since=started,
        opened_on=started,
        source=source,
        source_name=source_name,
        area=area,
        reason=reason,
    )
    session.add(opened)
    session.flush()
    enquiries.seed(session, opened.id)
    session.add_all(Clock(case_id=opened.id, rule=rule.id, started_on=started) for rule in clock_rules.opening_rules())
    title = f"Referral received from {source_name}" if source_name else "Case opened"
    session.add(_event(ws, opened.id, EventKind.REFERRAL, title, reason))
    if officer_id:
        session.add(_first_assignment(ws, opened.id, officer_id))
    return opened


def _first_assignment(ws: Workspace, case_id: str, officer_id: str) -> Assignment:
    return Assignment(
        case_id=case_id,
        officer_id=officer_id,
        by_id=ws.actor.user_id,
        number=1,
        reason="Opened by the officer" if officer_id == ws.actor.user_id else "Opened for the officer",
        assigned_at=ws.time.now(),
    )


def _event(ws: Workspace, case_id: str, kind: EventKind, title: str, body: str = "") -> CaseEvent:
    return CaseEvent(
        case_id=case_id, kind=kind, happened_at=ws.time.now(), title=title, body=body, actor_name=ws.actor.name
    )


def split_note(text: str, kind: EventKind) -> tuple[str, str]:
    """Return a title and a body for what was typed; together they are the words as first written.

    A short first line is the title. A long paragraph keeps its words whole under the kind's own name.
    """
    first, _, rest = text.partition("\n")
    if len(first.strip()) <= LONGEST_TITLE:
        return first.strip(), rest.strip("\n")
    return NOTE_KINDS.get(kind, "Note"), text


def add_note(
    ws: Workspace,
    case_id: str,
    *,
    text: str,
    kind: EventKind = EventKind.NOTE,
    happened_at: datetime | None = None,
    place: str = "",
    corrects_id: str | None = None,
) -> str:
    """Add a line to the timeline. Nothing on the timeline is ever changed: a correction is a later line.

    A sighting also moves the child's "last seen" forward. The draft of the note is dropped in the same transaction.

    Args:
        ws: the workspace.
        case_id: an open case.
        text: as typed.
        kind: note, call, visit, sighting or contact.
        happened_at: when it happened; now when left out.
        place: where a child was seen; for sightings.
        corrects_id: the earlier line this one corrects.

    Returns:
        The line's id.

    Raises:
        UserError: nothing typed, too much typed, a time in the future, or the case is closed or not here.
    """
    require(ws.actor, Permission.EDIT_CASES, case_id)
    if not text.strip():
        raise UserError("Type the note before you save it.", field="text")
    if len(text) > LONGEST_NOTE:
        raise UserError("This note is longer than 100,000 characters. Save it as a document instead.", field="text")
    if kind not in NOTE_KINDS:
        raise UserError("Choose note, call, visit, sighting or contact.", field="kind")
    if happened_at is not None and happened_at > ws.time.now():
        raise UserError("The time must be now or earlier.", field="happened_at")
    title, body = split_note(text.strip(), kind)
    with ws.write(f"Added a {NOTE_KINDS[kind].lower()}") as session:
        require_open(session, ws.actor, case_id, Permission.EDIT_CASES)
        event_id = new_id()
        values: dict[str, Any] = {
            "id": event_id,
            "case_id": case_id,
            "kind": kind,
            "happened_at": happened_at or ws.time.now(),
            "title": title,
            "body": body,
            "actor_name": ws.actor.name,
            "corrects_id": corrects_id,
        }
        if kind is EventKind.SIGHTING:
            session.add(CaseEvent(**values))
            _note_sighting(session, ws, case_id, values["happened_at"], place)
        else:
            # One row and nothing else: the recorder saves the cost of composing it as an object.
            BulkRecorder(session).insert(CaseEvent, [values])
        drafts.drop(session, drafts.note_key(case_id))
    return event_id


def _note_sighting(session: Session, ws: Workspace, case_id: str, seen_at: datetime, place: str) -> None:
    child = session.scalars(select(Child).join(Case, Case.child_id == Child.id).where(Case.id == case_id)).one()
    seen_on = to_london(seen_at).date()
    if child.last_seen_on is None or child.last_seen_on <= seen_on:
        child.last_seen_on = seen_on
        child.last_seen_where = place
        child.last_seen_by = ws.actor.name


def change_stage(ws: Workspace, case_id: str, stage: Stage, *, reason: str) -> None:
    """Move a case to another stage, with a line on the timeline.

    Args:
        ws: the workspace.
        case_id: an open case.
        stage: any but closed.
        reason: why; required.

    Raises:
        UserError: no reason, the same stage, closed by this way, or the case is closed.
    """
    require(ws.actor, Permission.EDIT_CASES, case_id)
    if not reason.strip():
        raise UserError("Say why the stage changes.", field="reason")
    if stage is Stage.CLOSED:
        raise UserError("A case is closed with an outcome. Choose “Close case”.", field="stage")
    with ws.write("Changed the stage") as session:
        require_open(session, ws.actor, case_id, Permission.EDIT_CASES)
        case = session.get_one(Case, case_id)
        if case.stage is stage:
            raise UserError(f"The case is already at {STAGE_WORDS[stage]}.", field="stage")
        title = f"Stage changed from {STAGE_WORDS[case.stage]} to {STAGE_WORDS[stage]}"
        case.stage = stage
        case.stage_since = ws.time.today()
        session.add(_event(ws, case_id, EventKind.STAGE, title, reason.strip()))


def close_case(ws: Workspace, case_id: str, *, outcome: str, evidence: str = "") -> None:
    """Close a case with its outcome and approval: never automatic, always a supervisor.

    Clocks still running are stopped with the closure as their reason.

    Args:
        ws: a supervisor's workspace.
        case_id: an open case.
        outcome: a key of ``OUTCOMES``.
        evidence: what shows it; required for moved, not located, died and opened in error.

    Raises:
        UserError: no such outcome, evidence missing, or the case is closed.
    """
    require(ws.actor, Permission.CLOSE_CASES, case_id)
    if outcome not in OUTCOMES:
        raise UserError("Choose how the case ended.", field="outcome")
    if outcome[0] in "MUDE" and not evidence.strip():
        raise UserError("Say what shows this outcome. It is required for this one.", field="evidence")
    today = ws.time.today()
    with ws.write("Closed the case") as session:
        require_open(session, ws.actor, case_id, Permission.CLOSE_CASES)
        case = session.get_one(Case, case_id)
        case.status, case.stage, case.stage_since, case.closed_on = CaseStatus.CLOSED, Stage.CLOSED, today, today
        session.add(
            Closure(
                case_id=case_id,
                outcome=outcome,
                evidence=evidence.strip(),
                proposed_by=ws.actor.user_id,
                proposed_on=today,
                approved_by=ws.actor.user_id,
                approved_on=today,
            )
        )
        running = select(Clock).where(Clock.case_id == case_id, Clock.met_on.is_(None), Clock.stopped_on.is_(None))
        for clock in session.scalars(running):
            clock.stopped_on, clock.stop_reason = today, "Case closed"
        session.add(_event(ws, case_id, EventKind.DECISION, f"Case closed: {OUTCOMES[outcome]}", evidence.strip()))


def reopen_case(ws: Workspace, case_id: str, *, reason: str) -> None:
    """Open a closed case again; its history and its number stay.

    Raises:
        UserError: no reason, or the case is not closed.
    """
    require(ws.actor, Permission.CLOSE_CASES, case_id)
    if not reason.strip():
        raise UserError("Say why the case is opened again.", field="reason")
    with ws.write("Reopened the case") as session:
        require_case(session, ws.actor, case_id, Permission.CLOSE_CASES)
        case = session.get(Case, case_id)
        if case is None or case.status is not CaseStatus.CLOSED:
            raise UserError("This case is not closed. Nothing was changed.")
        others = session.execute(
            select(func.count()).where(
                Case.child_id == case.child_id, Case.status == CaseStatus.OPEN, Case.id != case_id
            )
        ).scalar_one()
        if others:
            raise UserError("This child has another open case. Add to that case instead.")
        case.status, case.stage = CaseStatus.OPEN, Stage.INITIAL_CHECKS
        case.stage_since, case.closed_on = ws.time.today(), None
        session.add(_event(ws, case_id, EventKind.DECISION, "Case reopened", reason.strip()))
