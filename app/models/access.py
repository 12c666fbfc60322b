"""Who may see a restricted case, who opened one in an emergency, who asked, and who said they must not see one."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import IndexedRef, OptionalRef, Ref, UnindexedRef
from app.models.synced import Synced


class CaseAccess(Synced):
    """A name on the list of a restricted case. Ended, never deleted, so that history says who could read it when."""

    __tablename__ = "case_access"
    subject_fields = ("case_id",)

    case_id: Mapped[Ref]
    user_id: Mapped[Ref]
    granted_by: Mapped[OptionalRef]
    granted_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(default="")
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[OptionalRef]


class BreakGlass(Synced):
    """A restricted case opened in an emergency: why, until when, and what a supervisor said about it afterwards."""

    __tablename__ = "break_glass"
    subject_fields = ("case_id",)

    case_id: Mapped[Ref]
    user_id: Mapped[Ref]
    reason: Mapped[str]
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]
    reviewed_by: Mapped[OptionalRef]
    reviewed_at: Mapped[datetime | None]
    review: Mapped[str] = mapped_column(default="")


class AccessRequest(Synced):
    """Somebody who is not on the list of a restricted case asks to be put on it."""

    __tablename__ = "access_request"
    subject_fields = ("case_id",)

    case_id: Mapped[Ref]
    user_id: Mapped[Ref]
    reason: Mapped[str] = mapped_column(default="")
    asked_at: Mapped[datetime]
    granted: Mapped[bool | None]
    """None while nobody has answered."""
    decided_by: Mapped[OptionalRef]
    decided_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(default="")


class InterestDeclared(Synced):
    """A person who must not work on a case or with a child, by their own declaration: kin, a neighbour, a friend."""

    __tablename__ = "interest_declared"
    __table_args__ = (Index("ix_interest_declared_user", "user_id", "ended_at"),)
    subject_fields = ("case_id", "child_id")

    user_id: Mapped[UnindexedRef]
    case_id: Mapped[IndexedRef]
    child_id: Mapped[IndexedRef]
    """One of the two: a child's counts for every case of that child."""
    reason: Mapped[str] = mapped_column(default="")
    declared_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[OptionalRef]
    end_reason: Mapped[str] = mapped_column(default="")
