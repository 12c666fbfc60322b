"""A letter: which template and version, the merged values, and where it stands."""

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import OptionalRef, Ref
from app.models.synced import Synced
from app.models.terms import LetterState


class Letter(Synced):
    """Issued text is frozen with its hash; a correction is a new letter that supersedes this one."""

    __tablename__ = "letter"
    subject_fields = ("case_id",)

    case_id: Mapped[Ref]
    number: Mapped[int]
    """Within the case: the 4 of CME-2026-00377/L4."""
    reference: Mapped[str] = mapped_column(index=True)
    template: Mapped[str]
    template_version: Mapped[str]
    title: Mapped[str]
    state: Mapped[LetterState] = mapped_column(default=LetterState.DRAFT, index=True)
    recipient_kind: Mapped[str] = mapped_column(default="person")
    """person or school."""
    recipient_id: Mapped[OptionalRef]
    recipient_name: Mapped[str] = mapped_column(default="")
    values: Mapped[dict[str, Any]]
    """Every merge value as it stood, typed by the form or taken from the case."""
    format_points: Mapped[int] = mapped_column(default=12)
    delivery: Mapped[str] = mapped_column(default="P1")
    dated_on: Mapped[date | None]
    reply_by: Mapped[date | None]
    issued_at: Mapped[datetime | None]
    issued_by: Mapped[OptionalRef]
    document_id: Mapped[OptionalRef]
    sha256: Mapped[str] = mapped_column(default="")
    """Of the issued PDF."""
    supersedes_id: Mapped[OptionalRef]
    """The issued letter that this one corrects."""
