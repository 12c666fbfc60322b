"""The timeline of a case, page by page, and the documents on it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import CaseEvent, ChangeLine, ChangeSetRow, Document
from app.models.terms import ChangeState, EventKind
from app.services.access import Permission
from app.services.case_views import DocumentView, TimelineEvent
from app.services.documents.kinds import kind_label
from app.services.restriction import require_case
from app.services.workspace import Workspace
from app.timesource import to_london

TIMELINE_PAGE = 100


def documents_of(session: Session, case_id: str) -> tuple[DocumentView, ...]:
    """Return the documents of a case, newest first."""
    found = session.execute(
        select(*_DOCUMENT_COLUMNS).where(Document.case_id == case_id).order_by(Document.arrived_at.desc())
    )
    return tuple(_document_view(row) for row in found)


_DOCUMENT_COLUMNS = (
    Document.id,
    Document.sha256,
    Document.title,
    Document.kind,
    Document.sender,
    Document.received_on,
    Document.arrived_at,
    Document.page_count,
    Document.media_type,
    Document.sensitivity,
    Document.letter_id,
)


def _document_view(row: Any) -> DocumentView:
    return DocumentView(
        row.id,
        row.sha256,
        row.title or kind_label(row.kind),
        kind_label(row.kind) if row.kind else "",
        row.sender,
        row.received_on,
        row.arrived_at,
        row.page_count,
        row.media_type,
        row.sensitivity,
        row.letter_id,
    )


def timeline(
    ws: Workspace,
    case_id: str,
    *,
    kinds: Sequence[EventKind] = (),
    offset: int = 0,
    limit: int = TIMELINE_PAGE,
    oldest_first: bool = False,
) -> list[TimelineEvent]:
    """Return a page of the timeline.

    Args:
        ws: the workspace.
        case_id: the case.
        kinds: only these; empty means all.
        offset: how many lines to pass over.
        limit: the most lines returned.
        oldest_first: in the order in which things happened, instead of newest first.
    """
    with ws.read() as session:
        require_case(session, ws.actor, case_id, Permission.READ_CASES)
        query = select(CaseEvent).where(CaseEvent.case_id == case_id)
        if kinds:
            query = query.where(CaseEvent.kind.in_(kinds))
        happened, then = CaseEvent.happened_at, CaseEvent.id
        order = (happened.asc(), then.asc()) if oldest_first else (happened.desc(), then.desc())
        events = list(session.scalars(query.order_by(*order).offset(offset).limit(limit)))
        documents = _event_documents(session, {event.document_id for event in events})
        waiting = _waiting(session, [event.id for event in events])
        corrected = _titles(session, {event.corrects_id for event in events})
        return [_timeline_event(event, documents, waiting, corrected) for event in events]


def _timeline_event(
    event: CaseEvent, documents: dict[str, DocumentView], waiting: set[str], corrected: dict[str, str]
) -> TimelineEvent:
    local = to_london(event.happened_at)
    return TimelineEvent(
        id=event.id,
        kind=event.kind,
        happened_at=event.happened_at,
        day=local.date(),
        time=f"{local:%H:%M}",
        title=event.title,
        body=event.body,
        actor=event.actor_name,
        document=documents.get(event.document_id or ""),
        letter_id=event.letter_id,
        waiting=event.id in waiting,
        corrects=corrected.get(event.corrects_id or "", ""),
    )


def _event_documents(session: Session, ids: set[str | None]) -> dict[str, DocumentView]:
    wanted = [each for each in ids if each]
    if not wanted:
        return {}
    found = session.execute(select(*_DOCUMENT_COLUMNS).where(Document.id.in_(wanted)))
    return {row.id: _document_view(row) for row in found}


def _waiting(session: Session, rows: Sequence[str]) -> set[str]:
    query = (
        select(ChangeLine.row_id)
        .join(ChangeSetRow, ChangeSetRow.id == ChangeLine.change_set_id)
        .where(ChangeLine.row_id.in_(rows), ChangeSetRow.state == ChangeState.PENDING)
    )
    return set(session.scalars(query))


def _titles(session: Session, ids: set[str | None]) -> dict[str, str]:
    wanted = [each for each in ids if each]
    if not wanted:
        return {}
    return {
        row.id: row.title
        for row in session.execute(select(CaseEvent.id, CaseEvent.title).where(CaseEvent.id.in_(wanted)))
    }
