"""The reasonable-enquiries checklist: what was asked of whom, and with what result.

School and council enquire jointly before a not-found deletion (SI 2016/792 reg 4; SI 2024/208). The lines come from
``resources/rules/enquiries.toml``.
"""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.errors import UserError
from app.models import CaseEvent, Enquiry
from app.models.terms import EnquiryState, EventKind
from app.paths import RESOURCES
from app.services import clocks
from app.services.access import Permission, require
from app.services.open_case import require_open
from app.services.workspace import Workspace

ENQUIRIES = RESOURCES / "rules" / "enquiries.toml"
REPLY_CLOCK = "local_agency_reply"

STATE_WORDS: Final = MappingProxyType(
    {
        EnquiryState.NOT_STARTED: "Not started",
        EnquiryState.NOT_NEEDED: "Not needed",
        EnquiryState.PLANNED: "Planned",
        EnquiryState.SENT: "Asked",
        EnquiryState.CHASED: "Chased",
        EnquiryState.ANSWERED: "Answered",
        EnquiryState.NO_TRACE: "No trace",
        EnquiryState.REFUSED: "Refused",
        EnquiryState.EXPIRED: "No reply",
    }
)
DONE_STATES: Final = frozenset(
    {EnquiryState.NOT_NEEDED, EnquiryState.ANSWERED, EnquiryState.NO_TRACE, EnquiryState.REFUSED}
)
"""States that settle a line. "No trace" is a result; "no reply" is not."""


@dataclass(frozen=True, slots=True)
class EnquiryLine:
    """One line of the checklist as the law or practice gives it."""

    kind: str
    label: str
    detail: str
    by_school: bool
    standard: bool
    caution: str
    mark: str
    source: str


@dataclass(frozen=True, slots=True)
class EnquiryView:
    """One line on a case."""

    id: str
    kind: str
    label: str
    detail: str
    caution: str
    by_school: bool
    state: EnquiryState
    state_words: str
    done: bool
    asked_on: date | None
    due_on: date | None
    answered_on: date | None
    outcome: str
    reason: str
    document_id: str | None


@lru_cache(maxsize=1)
def checklist() -> tuple[EnquiryLine, ...]:
    """Return every line of the checklist in order."""
    entries = tomllib.loads(ENQUIRIES.read_text(encoding="utf-8"))["enquiry"]
    return tuple(
        EnquiryLine(
            kind=entry["kind"],
            label=entry["label"],
            detail=entry.get("detail", ""),
            by_school=entry["by"] == "school",
            standard=entry["standard"],
            caution=entry.get("caution", ""),
            mark=entry["mark"],
            source=entry["source"],
        )
        for entry in entries
    )


def line(kind: str) -> EnquiryLine | None:
    """Return a line of the checklist by its key."""
    return next((each for each in checklist() if each.kind == kind), None)


def seed(session: Session, case_id: str) -> None:
    """Put the standard lines on a new case, in the session's transaction."""
    standard = [each for each in checklist() if each.standard]
    session.add_all(
        Enquiry(case_id=case_id, kind=each.kind, label=each.label, by_school=each.by_school, position=place)
        for place, each in enumerate(standard)
    )


def add_enquiry(ws: Workspace, case_id: str, kind: str, label: str = "") -> str:
    """Add a line to a case's checklist.

    Args:
        ws: the workspace.
        case_id: the case.
        kind: key of the checklist, or ``other`` with a label.
        label: what is asked of whom, such as "Kingsholt Council"; the checklist's own words when empty.

    Returns:
        The new line's id.

    Raises:
        UserError: no label for a line that is not on the checklist, or the case is closed.
    """
    require(ws.actor, Permission.EDIT_CASES, case_id)
    known = line(kind)
    words = label.strip() or (known.label if known else "")
    if not words:
        raise UserError("Enter who or what to ask.", field="label")
    with ws.write("Added an enquiry") as session:
        require_open(session, ws.actor, case_id, Permission.EDIT_CASES)
        last = session.execute(
            select(func.coalesce(func.max(Enquiry.position), -1)).where(Enquiry.case_id == case_id)
        ).scalar_one()
        made = Enquiry(
            case_id=case_id,
            kind=kind,
            label=words,
            by_school=known.by_school if known else False,
            position=last + 1,
        )
        session.add(made)
        session.flush()
        return made.id


def record(
    ws: Workspace,
    enquiry_id: str,
    state: EnquiryState,
    *,
    outcome: str = "",
    reason: str = "",
    on: date | None = None,
    document_id: str | None = None,
) -> None:
    """Record where an enquiry stands.

    Asking starts the reply window of the local standard; a result is put on the timeline.

    Args:
        ws: the workspace.
        enquiry_id: the line.
        state: the new state.
        outcome: what was found, in the officer's words.
        reason: why it is not needed; required for that state alone.
        on: local day it was asked or answered, or is planned for; today when left out.
        document_id: the evidence, where there is a document.

    Raises:
        UserError: "not needed" without a reason, an answer without an outcome, a day in the future, or a closed case.
    """
    require(ws.actor, Permission.EDIT_CASES, enquiry_id)
    today = ws.time.today()
    day = on or today
    if day > today and state is not EnquiryState.PLANNED:
        raise UserError("The date must be today or earlier.", field="on")
    if state is EnquiryState.NOT_NEEDED and not reason.strip():
        raise UserError("Say why this enquiry is not needed.", field="reason")
    if state is EnquiryState.ANSWERED and not outcome.strip():
        raise UserError("Say what the answer was. If nothing was found, choose “No trace”.", field="outcome")
    with ws.write(f"Enquiry: {STATE_WORDS[state].lower()}") as session:
        enquiry = session.get(Enquiry, enquiry_id)
        if enquiry is None:
            raise UserError("This enquiry is no longer on the case. Nothing was changed.")
        require_open(session, ws.actor, enquiry.case_id, Permission.EDIT_CASES)
        _apply(enquiry, state, outcome.strip(), reason.strip(), day, document_id)
        if state in DONE_STATES:
            session.add(_event(ws, enquiry))


def _apply(
    enquiry: Enquiry, state: EnquiryState, outcome: str, reason: str, day: date, document_id: str | None
) -> None:
    enquiry.state = state
    enquiry.reason = reason if state is EnquiryState.NOT_NEEDED else ""
    if outcome or state not in DONE_STATES:
        enquiry.outcome = outcome
    if document_id is not None:
        enquiry.document_id = document_id
    if state in {EnquiryState.SENT, EnquiryState.CHASED}:
        enquiry.asked_on = enquiry.asked_on or day
        enquiry.due_on = clocks.last_day(REPLY_CLOCK, day)
        enquiry.answered_on = None
    elif state is EnquiryState.PLANNED:
        enquiry.due_on = day
    elif state in DONE_STATES and state is not EnquiryState.NOT_NEEDED:
        enquiry.answered_on = day


def _event(ws: Workspace, enquiry: Enquiry) -> CaseEvent:
    body = enquiry.reason if enquiry.state is EnquiryState.NOT_NEEDED else enquiry.outcome
    return CaseEvent(
        case_id=enquiry.case_id,
        kind=EventKind.NOTE,
        happened_at=ws.time.now(),
        title=f"{enquiry.label}: {STATE_WORDS[enquiry.state].lower()}",
        body=body,
        actor_name=ws.actor.name,
        document_id=enquiry.document_id,
    )


def of_case(session: Session, case_id: str) -> tuple[EnquiryView, ...]:
    """Return a case's lines: outstanding first, those due soonest at the top, then the settled ones."""
    found = session.scalars(select(Enquiry).where(Enquiry.case_id == case_id).order_by(Enquiry.position, Enquiry.id))
    views = [_as_view(each) for each in found]
    return tuple(sorted(views, key=lambda each: (each.done, each.due_on is None, each.due_on or date.max)))


def _as_view(enquiry: Enquiry) -> EnquiryView:
    known = line(enquiry.kind)
    return EnquiryView(
        id=enquiry.id,
        kind=enquiry.kind,
        label=enquiry.label,
        detail=known.detail if known else "",
        caution=known.caution if known else "",
        by_school=enquiry.by_school,
        state=enquiry.state,
        state_words=STATE_WORDS[enquiry.state],
        done=enquiry.state in DONE_STATES,
        asked_on=enquiry.asked_on,
        due_on=enquiry.due_on,
        answered_on=enquiry.answered_on,
        outcome=enquiry.outcome,
        reason=enquiry.reason,
        document_id=enquiry.document_id,
    )
