"""A child's episode of missing education, from the referral to the closure."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import IndexedRef, OptionalRef, Ref, UnindexedRef
from app.models.synced import MergeRule, Synced
from app.models.terms import (
    CaseStatus,
    EnquiryState,
    EventKind,
    ReferralSource,
    ReferralState,
    Stage,
)


class Referral(Synced):
    """Who told us, when and why. A draft keeps the form's answers as they were typed."""

    __tablename__ = "referral"
    subject_fields = ("case_id", "id")

    state: Mapped[ReferralState] = mapped_column(default=ReferralState.DRAFT, index=True)
    source: Mapped[ReferralSource | None]
    referrer_name: Mapped[str] = mapped_column(default="")
    referrer_organisation: Mapped[str] = mapped_column(default="")
    referrer_contact: Mapped[str] = mapped_column(default="")
    school_urn: Mapped[str] = mapped_column(default="")
    received_on: Mapped[date | None]
    reason: Mapped[str] = mapped_column(default="")
    answers: Mapped[dict[str, Any]]
    """The form by page and field; what became records is also in those records."""
    match_decision: Mapped[dict[str, Any]]
    """Which candidates were shown with which reasons, what the officer chose, and why."""
    child_id: Mapped[IndexedRef]
    case_id: Mapped[IndexedRef]
    import_batch: Mapped[str] = mapped_column(default="")
    """File name and row of an import, for the row-by-row report."""


class Case(Synced):
    """One episode of one child. The reference is final even when made offline (leased numbers)."""

    __tablename__ = "case"
    __table_args__ = (
        Index("ix_case_status_officer", "status", "officer_id"),
        # Few cases are restricted, and every reading and every change that arrives asks which.
        Index(
            "ix_case_restricted",
            "child_id",
            sqlite_where=text("restricted = 1"),
            postgresql_where=text("restricted"),
        ),
    )

    reference: Mapped[str] = mapped_column(unique=True)
    child_id: Mapped[Ref]
    team_id: Mapped[OptionalRef]
    officer_id: Mapped[OptionalRef]
    """None while the case waits in the team queue."""
    allocation: Mapped[int] = mapped_column(default=0)
    """Counts allocations, so that a stale one is seen and never overwrites."""
    status: Mapped[CaseStatus] = mapped_column(default=CaseStatus.OPEN)
    stage: Mapped[Stage] = mapped_column(default=Stage.INITIAL_CHECKS)
    stage_since: Mapped[date | None]
    opened_on: Mapped[date]
    closed_on: Mapped[date | None]
    source: Mapped[ReferralSource | None]
    source_name: Mapped[str] = mapped_column(default="")
    """Who told us, in words for the queue, such as "Saltenby Primary"."""
    area: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    restricted: Mapped[bool] = mapped_column(default=False)


class CaseEvent(Synced):
    """A line on the timeline. Append-only: a later event corrects an earlier one."""

    __tablename__ = "case_event"
    __table_args__ = (Index("ix_case_event_case_happened", "case_id", "happened_at"), {"sqlite_with_rowid": False})
    merge_rule = MergeRule.APPEND_ONLY
    subject_fields = ("case_id",)

    case_id: Mapped[UnindexedRef]
    kind: Mapped[EventKind]
    happened_at: Mapped[datetime]
    title: Mapped[str] = mapped_column(default="")
    body: Mapped[str] = mapped_column(default="")
    actor_name: Mapped[str] = mapped_column(default="")
    document_id: Mapped[OptionalRef]
    letter_id: Mapped[OptionalRef]
    corrects_id: Mapped[OptionalRef]


class Enquiry(Synced):
    """One line of the reasonable-enquiries checklist (domain process, section 3)."""

    __tablename__ = "enquiry"
    subject_fields = ("case_id",)

    case_id: Mapped[Ref]
    kind: Mapped[str]
    """Key into the checklist in resources/rules/enquiries.toml."""
    label: Mapped[str]
    by_school: Mapped[bool] = mapped_column(default=False)
    state: Mapped[EnquiryState] = mapped_column(default=EnquiryState.NOT_STARTED)
    position: Mapped[int] = mapped_column(default=0)
    asked_on: Mapped[date | None]
    due_on: Mapped[date | None]
    answered_on: Mapped[date | None]
    outcome: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    """Why it is not needed; required for NOT_NEEDED."""
    document_id: Mapped[OptionalRef]


class Task(Synced):
    """Something to do."""

    __tablename__ = "task"
    subject_fields = ("case_id", "id")

    case_id: Mapped[IndexedRef]
    user_id: Mapped[IndexedRef]
    text: Mapped[str]
    kind: Mapped[str] = mapped_column(default="task")
    """task or visit."""
    due_on: Mapped[date | None]
    at_time: Mapped[str] = mapped_column(default="")
    place: Mapped[str] = mapped_column(default="")
    done_at: Mapped[datetime | None]


class Clock(Synced):
    """A running deadline: which rule and when it was triggered. The due date is computed, never stored."""

    __tablename__ = "clock"
    subject_fields = ("case_id",)

    case_id: Mapped[Ref]
    rule: Mapped[str]
    """Key into resources/clocks/."""
    label: Mapped[str] = mapped_column(default="")
    started_on: Mapped[date]
    stopped_on: Mapped[date | None]
    stop_reason: Mapped[str] = mapped_column(default="")
    met_on: Mapped[date | None]


class Assignment(Synced):
    """A case given to an officer, by whom and why."""

    __tablename__ = "assignment"
    merge_rule = MergeRule.APPEND_ONLY
    subject_fields = ("case_id",)

    case_id: Mapped[Ref]
    officer_id: Mapped[Ref]
    by_id: Mapped[OptionalRef]
    number: Mapped[int]
    """The case's allocation count after this one; a duplicate number is a stale allocation."""
    reason: Mapped[str] = mapped_column(default="")
    assigned_at: Mapped[datetime]


class Closure(Synced):
    """How a case ended and who approved it. Never automatic."""

    __tablename__ = "closure"
    subject_fields = ("case_id",)

    case_id: Mapped[Ref]
    outcome: Mapped[str]
    evidence: Mapped[str] = mapped_column(default="")
    proposed_by: Mapped[OptionalRef]
    proposed_on: Mapped[date | None]
    approved_by: Mapped[OptionalRef]
    approved_on: Mapped[date | None]
