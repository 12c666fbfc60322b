"""What the correspondence tray and a case's Documents tab show: rows, counts and one document in full."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.errors import UserError
from app.models import CaseRow, Document
from app.models.terms import DocumentState
from app.services.access import Permission, require
from app.services.documents.intake import FLAG_WORDS
from app.services.documents.kinds import kind_label
from app.services.restriction import Sight, require_case, require_child, sight_of
from app.services.workspace import Workspace

TRAY_STATES = (DocumentState.TO_LINK, DocumentState.SET_ASIDE, DocumentState.LINKED)
GONE = "This document is no longer here. Nothing was changed."
_SOURCE_WORDS = {"file": "Added", "drop": "Added", "scan": "Scanned", "email": "Email"}
_MEDIA_WORDS = {"image/jpeg": "Photo", "image/png": "Picture", "image/tiff": "Scan", "application/pdf": "PDF"}


@dataclass(frozen=True, slots=True)
class TrayRow:
    """One document in the tray.

    Attributes:
        about: what it is and how long, such as ``PDF, 2 pages``.
        detail: the case it is on, or why it was set aside; empty otherwise.
        here: whether its pages are on this laptop.
    """

    id: str
    sha256: str
    title: str
    about: str
    state: DocumentState
    detail: str
    source: str
    arrived_at: datetime
    page_count: int
    here: bool


@dataclass(frozen=True, slots=True)
class TrayCounts:
    """How many documents each part of the tray holds."""

    to_link: int
    set_aside: int
    linked: int


@dataclass(frozen=True, slots=True)
class DocumentDetail:
    """A document as its page shows it.

    Attributes:
        rotation: degrees clockwise by page, from 0.
        warnings: what a person should know of the file, in words.
        case_name: the child and reference it is linked to; empty when it is not.
        link_marks: the rings that were on the page when it was linked.
    """

    id: str
    sha256: str
    title: str
    media_type: str
    page_count: int
    size: int
    state: DocumentState
    state_reason: str
    case_id: str | None
    case_name: str
    kind: str
    sender: str
    received_on: date | None
    arrived_at: datetime
    text: str
    rotation: dict[int, int]
    warnings: tuple[str, ...]
    here: bool


def counts(ws: Workspace) -> TrayCounts:
    """Return how many documents wait, are set aside and are linked."""
    _may_read(ws)
    with ws.read() as session:
        rows = session.execute(
            select(Document.state, func.count())
            .where(Document.state.in_(TRAY_STATES), *_open(sight_of(session, ws.actor)))
            .group_by(Document.state)
        )
        found = {state: number for state, number in rows}
    return TrayCounts(*(found.get(state, 0) for state in TRAY_STATES))


def list_documents(ws: Workspace, state: DocumentState, limit: int = 500) -> tuple[TrayRow, ...]:
    """Return the documents in a state, the newest arrival first."""
    _may_read(ws)
    with ws.read() as session:
        rows = session.execute(
            _rows_query()
            .where(Document.state == state, *_open(sight_of(session, ws.actor)))
            .order_by(Document.arrived_at.desc(), Document.id)
            .limit(limit)
        ).all()
    return _tray_rows(ws, rows)


def of_case(ws: Workspace, case_id: str) -> tuple[TrayRow, ...]:
    """Return a case's documents, incoming and issued, the newest first."""
    with ws.read() as session:
        require_case(session, ws.actor, case_id, Permission.READ_CASES)
        rows = session.execute(
            _rows_query().where(Document.case_id == case_id).order_by(Document.arrived_at.desc(), Document.id)
        ).all()
    return _tray_rows(ws, rows)


def document(ws: Workspace, document_id: str) -> DocumentDetail:
    """Return one document. Call ``tray.note_opened`` when its pages are shown to a person.

    Raises:
        UserError: it is not on this laptop.
    """
    _may_read(ws)
    with ws.read() as session:
        found = session.get(Document, document_id)
        if found is None:
            raise UserError(GONE)
        require_document(session, ws, found, Permission.READ_CASES)
        row = session.get(CaseRow, found.case_id) if found.case_id else None
        return _detail(ws, found, f"{row.child_name}, {row.reference}" if row else "")


def document_called(ws: Workspace, ending: str) -> str:
    """Return the id of the one document whose id is, or ends with, what was typed.

    Raises:
        UserError: none does, or several do.
    """
    _may_read(ws)
    wanted = ending.strip().lower()
    with ws.read() as session:
        query = select(Document.id).where(*_open(sight_of(session, ws.actor)))
        found = [known for known in session.scalars(query) if known.endswith(wanted)] if wanted else []
    if len(found) != 1:
        what = "several documents have ids that end" if found else "no document has an id that ends"
        raise UserError(f"On this laptop {what} like that. Use the whole id, as the list shows it.")
    return found[0]


def case_called(ws: Workspace, reference: str) -> str:
    """Return the id of the case with a reference.

    Raises:
        UserError: it is not on this laptop.
    """
    _may_read(ws)
    with ws.read() as session:
        shown = sight_of(session, ws.actor).shown_cases(CaseRow.case_id)
        found = session.scalar(select(CaseRow.case_id).where(CaseRow.reference == reference.strip().upper(), *shown))
    if found is None:
        raise UserError("This case is not on this laptop. Check the reference, or sync. Nothing was changed.")
    return found


def require_document(session: Session, ws: Workspace, document: Document, permission: Permission) -> None:
    """Refuse a document that is on a case, or about a child, this person may not open.

    Raises:
        AccessRefused: in words.
    """
    require(ws.actor, permission, document.id)
    if document.case_id is not None:
        require_case(session, ws.actor, document.case_id, permission)
    elif document.child_id is not None:
        require_child(session, ws.actor, document.child_id, permission)


def _open(sight: Sight) -> list[ColumnElement[bool]]:
    return sight.open_cases(Document.case_id)


def _may_read(ws: Workspace) -> None:
    require(ws.actor, Permission.READ_CASES)


def _rows_query() -> Any:
    return select(
        Document.id,
        Document.sha256,
        Document.title,
        Document.media_type,
        Document.page_count,
        Document.state,
        Document.state_reason,
        Document.source,
        Document.arrived_at,
        Document.kind,
        CaseRow.child_name,
        CaseRow.reference,
    ).outerjoin(CaseRow, CaseRow.case_id == Document.case_id)


def _tray_rows(ws: Workspace, rows: Sequence[Any]) -> tuple[TrayRow, ...]:
    here = ws.documents.complete_among(row.sha256 for row in rows)
    return tuple(_tray_row(row, here=row.sha256 in here) for row in rows)


def _tray_row(row: Any, *, here: bool) -> TrayRow:
    pages = "1 page" if row.page_count == 1 else f"{row.page_count} pages"
    linked = row.state is DocumentState.LINKED and row.child_name
    return TrayRow(
        id=row.id,
        sha256=row.sha256,
        title=row.title or kind_label(row.kind),
        about=f"{_MEDIA_WORDS.get(row.media_type, 'File')}, {pages}",
        state=row.state,
        detail=f"{row.child_name}, {row.reference}" if linked else row.state_reason,
        source=_SOURCE_WORDS.get(row.source, "Added"),
        arrived_at=row.arrived_at,
        page_count=row.page_count,
        here=here,
    )


def _detail(ws: Workspace, found: Document, case_name: str) -> DocumentDetail:
    return DocumentDetail(
        id=found.id,
        sha256=found.sha256,
        title=found.title or kind_label(found.kind),
        media_type=found.media_type,
        page_count=found.page_count,
        size=found.size,
        state=found.state,
        state_reason=found.state_reason,
        case_id=found.case_id,
        case_name=case_name,
        kind=found.kind,
        sender=found.sender,
        received_on=found.received_on,
        arrived_at=found.arrived_at,
        text=found.text,
        rotation={int(page): int(angle) for page, angle in (found.rotation or {}).items()},
        warnings=tuple(FLAG_WORDS[flag] for flag in (found.reading or {}).get("flags", ()) if flag in FLAG_WORDS),
        here=ws.documents.complete(found.sha256),
    )
