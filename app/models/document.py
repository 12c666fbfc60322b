"""What is known of a document; its bytes live in documents.db by hash."""

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import IndexedRef
from app.models.synced import Synced
from app.models.terms import DocumentState


class Document(Synced):
    """A page set: incoming correspondence, or an outgoing letter as sent."""

    __tablename__ = "document"
    subject_fields = ("case_id", "id")

    sha256: Mapped[str] = mapped_column(index=True)
    """Of the original bytes, lower-case hexadecimal."""
    size: Mapped[int]
    media_type: Mapped[str]
    page_count: Mapped[int]
    state: Mapped[DocumentState] = mapped_column(default=DocumentState.TO_LINK, index=True)
    case_id: Mapped[IndexedRef]
    child_id: Mapped[IndexedRef]
    letter_id: Mapped[IndexedRef]
    title: Mapped[str] = mapped_column(default="")
    kind: Mapped[str] = mapped_column(default="")
    """What it is: key into resources/rules/document_kinds.toml."""
    sender: Mapped[str] = mapped_column(default="")
    received_on: Mapped[date | None]
    arrived_at: Mapped[datetime]
    source: Mapped[str] = mapped_column(default="file")
    """file, drop, scan, email."""
    text: Mapped[str] = mapped_column(default="")
    """Text layer or reading, for search and for suggestions."""
    reading: Mapped[dict[str, Any]]
    """Codes found, and where evidence stands on the page: page, box in page fractions."""
    rotation: Mapped[dict[str, Any]]
    """Degrees by page number; the original bytes are never changed."""
    sensitivity: Mapped[str] = mapped_column(default="OFFICIAL-SENSITIVE")
    state_reason: Mapped[str] = mapped_column(default="")
    """Why it was set aside or is not for us."""
    paper_destroy_on: Mapped[date | None]
    dms_reference: Mapped[str] = mapped_column(default="")
