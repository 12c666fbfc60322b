"""The correspondence tray: what waits, what was set aside, and linking a document to a case.

Nothing is filed by itself; a person confirms. Linking, its line on the timeline and the follow-up task are one
transaction, and can be undone: the timeline then gets a line that corrects the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import UserError
from app.models import Case, CaseEvent, CaseRow, Document, Letter, Task
from app.models.terms import DocumentState, EventKind
from app.services.access import Permission, require
from app.services.audit import Action
from app.services.documents.kinds import document_kinds, kind_label, titled
from app.services.documents.listing import (
    GONE,
    DocumentDetail,
    TrayCounts,
    TrayRow,
    case_called,
    counts,
    document,
    document_called,
    list_documents,
    of_case,
    require_document,
)
from app.services.documents.reading import PageMark
from app.services.documents.suggest import Candidate
from app.services.letters import code as letter_code
from app.services.open_case import require_open
from app.services.workspace import Workspace
from app.timesource import format_date

QUARTER_TURN = 90

__all__ = [
    "DocumentDetail",
    "LinkDone",
    "TrayCounts",
    "TrayRow",
    "case_called",
    "counts",
    "default_follow_up_on",
    "document",
    "document_called",
    "link",
    "list_documents",
    "not_for_us",
    "note_opened",
    "of_case",
    "put_back",
    "rotate",
    "set_aside",
    "undo_link",
    "unlink",
]


@dataclass(frozen=True, slots=True)
class LinkDone:
    """What a link made, so that it can be undone."""

    document_id: str
    case_id: str
    event_id: str
    task_id: str | None
    previous_state: DocumentState


def note_opened(ws: Workspace, document_id: str) -> None:
    """Record in the audit that the signed-in person read a document.

    Raises:
        AccessRefused: the person may not read it.
    """
    require(ws.actor, Permission.READ_CASES, document_id)
    with ws.read() as session:
        found = session.get(Document, document_id)
        if found is not None:
            require_document(session, ws, found, Permission.READ_CASES)
    ws.audit(Action.READ, "document", document_id)


def default_follow_up_on(today: date) -> date:
    """Return the day offered for a follow-up task: a week on, never at a weekend."""
    return date.fromordinal(today.toordinal() + 7 - max(0, today.weekday() - 4))


def link(
    ws: Workspace,
    document_id: str,
    case_id: str,
    *,
    kind: str,
    sender: str,
    received_on: date | None,
    follow_up_task: str = "",
    candidate: Candidate | None = None,
    marks: Sequence[PageMark] = (),
) -> LinkDone:
    """Put a document on a case, with its line on the timeline and, when asked for, a task; all or nothing.

    Args:
        ws: the workspace.
        document_id: a document that waits or was set aside.
        case_id: an open case.
        kind: key into ``resources/rules/document_kinds.toml``.
        sender: who it is from, in words.
        received_on: the day it came; today or earlier.
        follow_up_task: what to do next; empty adds no task.
        candidate: what was shown when the person decided; its reasons are kept with the document.
        marks: where those reasons stood.

    Raises:
        UserError: beside the field it belongs to; nothing was changed.
    """
    require(ws.actor, Permission.LINK_DOCUMENTS, document_id)
    if kind not in document_kinds():
        raise UserError("Choose what it is.", field="kind")
    if received_on is None or received_on > ws.time.today():
        raise UserError("Received must be today or earlier.", field="received_on")
    with ws.write("Linked a document") as session:
        require_open(session, ws.actor, case_id, Permission.LINK_DOCUMENTS)
        found = _waiting(session, ws, document_id)
        case = session.get_one(Case, case_id)
        previous = found.state
        found.state, found.case_id, found.child_id = DocumentState.LINKED, case.id, case.child_id
        found.kind, found.sender, found.received_on = kind, sender.strip(), received_on
        found.state_reason = ""
        found.title = titled(found.sender, kind) or found.title
        found.reading = {**found.reading, "link": _evidence(case_id, candidate, marks)}
        event = CaseEvent(
            case_id=case.id,
            kind=EventKind.DOCUMENT,
            happened_at=ws.time.now(),
            title=kind_label(kind),
            body=_event_body(found) + _answers(session, found),
            actor_name=ws.actor.name,
            document_id=found.id,
        )
        session.add(event)
        task = _task(ws, case.id, follow_up_task)
        if task is not None:
            session.add(task)
        session.flush()
        return LinkDone(found.id, case.id, event.id, task.id if task else None, previous)


def undo_link(ws: Workspace, done: LinkDone) -> None:
    """Take a document off the case again: it returns to the tray, the timeline says so, an untouched task goes.

    Raises:
        UserError: somebody has moved the document since.
    """
    require(ws.actor, Permission.LINK_DOCUMENTS)
    with ws.write("Undid the link of a document") as session:
        found = session.get(Document, done.document_id)
        if found is None or found.state is not DocumentState.LINKED or found.case_id != done.case_id:
            raise UserError("This document has been moved since. Open it to see where it is. Nothing was changed.")
        require_document(session, ws, found, Permission.LINK_DOCUMENTS)
        _unlink(ws, session, found, done.event_id, done.previous_state)
        task = session.get(Task, done.task_id) if done.task_id else None
        if task is not None and task.done_at is None:
            session.delete(task)


def unlink(ws: Workspace, document_id: str) -> None:
    """Take a linked document off its case and put it back in the tray; its line on the timeline is corrected.

    Raises:
        UserError: it is not linked.
    """
    require(ws.actor, Permission.LINK_DOCUMENTS)
    with ws.write("Took a document off a case") as session:
        found = session.get(Document, document_id)
        if found is None or found.state is not DocumentState.LINKED:
            raise UserError("This document is not linked to a case. Nothing was changed.")
        require_document(session, ws, found, Permission.LINK_DOCUMENTS)
        event_id = session.scalar(
            select(CaseEvent.id)
            .where(CaseEvent.document_id == document_id, CaseEvent.corrects_id.is_(None))
            .order_by(CaseEvent.happened_at.desc())
            .limit(1)
        )
        _unlink(ws, session, found, event_id, DocumentState.TO_LINK)


def set_aside(ws: Workspace, document_id: str, *, reason: str) -> None:
    """Set a document aside for now.

    Raises:
        UserError: no reason, or the document no longer waits.
    """
    require(ws.actor, Permission.LINK_DOCUMENTS, document_id)
    if not reason.strip():
        raise UserError("Say why it is set aside.", field="reason")
    _leave(ws, document_id, DocumentState.SET_ASIDE, reason.strip(), "Set a document aside")


def not_for_us(ws: Workspace, document_id: str, *, reason: str) -> None:
    """Record that a document is not for this service, and where it goes. Its bytes and record are kept for the audit.

    Raises:
        UserError: no reason, or the document no longer waits.
    """
    require(ws.actor, Permission.LINK_DOCUMENTS, document_id)
    if not reason.strip():
        raise UserError("Say where it goes, such as the school admissions team.", field="reason")
    _leave(ws, document_id, DocumentState.NOT_FOR_US, reason.strip(), "Marked a document as not for us")


def put_back(ws: Workspace, document_id: str) -> None:
    """Put a document that was set aside or is not for us back among those that wait."""
    require(ws.actor, Permission.LINK_DOCUMENTS)
    with ws.write("Put a document back in the tray") as session:
        found = session.get(Document, document_id)
        if found is not None:
            require_document(session, ws, found, Permission.LINK_DOCUMENTS)
        if found is None or found.state not in (DocumentState.SET_ASIDE, DocumentState.NOT_FOR_US):
            raise UserError("This document has been moved since. Open it to see where it is. Nothing was changed.")
        found.state, found.state_reason = DocumentState.TO_LINK, ""


def rotate(ws: Workspace, document_id: str, page: int, degrees: int) -> None:
    """Keep how a page is turned; the original bytes are never changed.

    Args:
        ws: the workspace.
        document_id: the document.
        page: from 0.
        degrees: clockwise from how it arrived; a multiple of 90.
    """
    require(ws.actor, Permission.LINK_DOCUMENTS)
    with ws.write("Turned a page") as session:
        found = session.get(Document, document_id)
        if found is None:
            raise UserError(GONE)
        require_document(session, ws, found, Permission.LINK_DOCUMENTS)
        turned = {**found.rotation, str(page): degrees // QUARTER_TURN * QUARTER_TURN % 360}
        found.rotation = {number: angle for number, angle in turned.items() if angle}


def _waiting(session: Session, ws: Workspace, document_id: str) -> Document:
    found = session.get(Document, document_id)
    if found is None:
        raise UserError(GONE)
    require_document(session, ws, found, Permission.LINK_DOCUMENTS)
    if found.state not in (DocumentState.TO_LINK, DocumentState.SET_ASIDE):
        row = session.get(CaseRow, found.case_id) if found.case_id else None
        where = f"is already on {row.reference}" if row else "has been moved since"
        raise UserError(f"This document {where}. Nothing was changed.")
    return found


def _leave(ws: Workspace, document_id: str, state: DocumentState, reason: str, why: str) -> None:
    with ws.write(why) as session:
        found = _waiting(session, ws, document_id)
        found.state, found.state_reason = state, reason


def _unlink(ws: Workspace, session: Session, found: Document, event_id: str | None, state: DocumentState) -> None:
    session.add(
        CaseEvent(
            case_id=found.case_id,
            kind=EventKind.DOCUMENT,
            happened_at=ws.time.now(),
            title=f"{kind_label(found.kind)}: link undone",
            body="The document does not belong to this case. It is back in Correspondence.",
            actor_name=ws.actor.name,
            corrects_id=event_id,
        )
    )
    found.state, found.case_id, found.child_id = state, None, None
    found.reading = {key: value for key, value in found.reading.items() if key != "link"}


def _task(ws: Workspace, case_id: str, text: str) -> Task | None:
    if not text.strip():
        return None
    due_on = default_follow_up_on(ws.time.today())
    return Task(case_id=case_id, user_id=ws.actor.user_id, text=text.strip(), due_on=due_on)


def _event_body(found: Document) -> str:
    pages = "1 page" if found.page_count == 1 else f"{found.page_count} pages"
    received = f"Received {format_date(found.received_on)}. " if found.received_on else ""
    return f"From {found.sender}. {received}{pages}." if found.sender else f"{received}{pages}."


def _answers(session: Session, found: Document) -> str:
    """Return which letters of ours the page answers, by the codes on it."""
    codes = (letter_code.parse(str(entry.get("text", ""))) for entry in found.reading.get("codes", ()))
    ids = {code.letter_id for code in codes if code is not None}
    if not ids:
        return ""
    query = select(Letter.reference).where(Letter.id.in_(ids), Letter.case_id == found.case_id)
    references = session.scalars(query.order_by(Letter.reference)).all()
    return f" Answers our letter {', '.join(references)}." if references else ""


def _evidence(case_id: str, candidate: Candidate | None, marks: Sequence[PageMark]) -> dict[str, Any]:
    """Return what the person decided on, to be kept: suggestions support a decision, they do not make it."""
    shown = candidate is not None and candidate.case_id == case_id
    return {
        "reasons": [reason.words for reason in candidate.reasons] if candidate is not None and shown else [],
        "marks": [{"number": mark.number, "page": mark.page, "box": list(mark.box)} for mark in marks] if shown else [],
    }
