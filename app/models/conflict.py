"""Two different values for one field: both are kept and a person decides."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import IndexedRef, OptionalRef, Ref
from app.models.synced import Synced
from app.models.terms import ConflictState

WHOLE_ROW = "*"
"""The field of a conflict in which one side deleted the row."""


class Conflict(Synced):
    """Raised by the central store in merging; the record keeps ``kept`` until somebody chooses."""

    __tablename__ = "conflict"
    subject_fields = ("subject_id",)

    table_name: Mapped[str]
    row_id: Mapped[Ref]
    subject_id: Mapped[IndexedRef]
    field: Mapped[str]
    """The column, or "*" when one side deleted the row."""
    before: Mapped[Any] = mapped_column(JSON)
    kept: Mapped[Any] = mapped_column(JSON)
    kept_by: Mapped[OptionalRef]
    kept_at: Mapped[datetime | None]
    offered: Mapped[Any] = mapped_column(JSON)
    """The value that came second and is waiting here."""
    offered_by: Mapped[OptionalRef]
    offered_at: Mapped[datetime]
    change_set_id: Mapped[OptionalRef]
    state: Mapped[ConflictState] = mapped_column(default=ConflictState.OPEN, index=True)
    chosen: Mapped[Any] = mapped_column(JSON)
    decided_by: Mapped[OptionalRef]
    decided_at: Mapped[datetime | None]
