"""Tables of one vault only: outbox, history, audit chain, cursors and the projections that lists are read from.

None of these is synced. Projections can be dropped and rebuilt from the records at any time.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, String, Uuid, cast, func, text, type_coerce
from sqlalchemy.orm import Mapped, column_property, mapped_column
from sqlalchemy.types import TypeEngine

from app.models.base import Base, Key, OptionalRef, Ref, UtcDateTime
from app.models.terms import ChangeState


class ChangeSetRow(Base):
    """One commit's changes: outbox entry, and history ever after.

    ``body`` is the exact signed wire form (canonical JSON of ``app.services.capture.ChangeSet``).
    """

    __tablename__ = "change_set"
    __table_args__ = (
        # Few wait at any time; the many that are done need no entry here.
        Index("ix_change_set_waiting", "sequence", sqlite_where=text("state = 'pending'")),
        Index("ix_change_set_refused", "sequence", sqlite_where=text("state = 'refused'")),
        Index("uq_change_set_device_sequence", "device_id", "sequence", unique=True),
    )

    id: Mapped[Key]
    device_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))
    sequence: Mapped[int]
    """The device's own order, from 1 without gaps; for a received set, the sender's."""
    actor_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    actor_name: Mapped[str] = mapped_column(default="")
    made_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(default="")
    base_revision: Mapped[int] = mapped_column(default=0)
    body: Mapped[bytes]
    signature: Mapped[bytes]
    state: Mapped[ChangeState] = mapped_column(default=ChangeState.PENDING)
    revision: Mapped[int | None]
    receipt: Mapped[bytes | None]
    refusal: Mapped[str] = mapped_column(default="")


class ClearedChange(Base):
    """What a person did about a change set that the central store refused."""

    __tablename__ = "cleared_change"

    change_set_id: Mapped[Key]
    at: Mapped[datetime]
    by_id: Mapped[OptionalRef]
    by_name: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    """Why it was set aside; empty where it was sent again."""
    sent_again_as: Mapped[OptionalRef]


class KeptSealed(Base):
    """Work of this laptop that it can no longer read, or that went to the team: kept sealed, to be handed back.

    A central store that is put back to a backup has forgotten what it took since then. What this laptop strips from
    its history when records leave is therefore first sealed to the store, and what it hands in is kept as it was
    sealed to the team, until no backup that old is put back any more (:mod:`app.services.sync.keeping`).
    """

    __tablename__ = "kept_sealed"

    change_set_id: Mapped[Key]
    kept_at: Mapped[datetime]
    sealed_to: Mapped[str]
    """``store:`` and its sealing key in hexadecimal; of handed-in work the team's key or the authority's."""
    digest: Mapped[str]
    """SHA-256 of the change set's signed bytes, in hexadecimal."""
    sealed: Mapped[bytes]


class ChangeLine(Base):
    """Which row of which subject a change set touched: the index of history and of "not synced"."""

    __tablename__ = "change_line"
    __table_args__ = (
        Index("ix_change_line_subject", "subject_id"),
        # One tree instead of a table and an index: every save writes here.
        {"sqlite_with_rowid": False},
    )

    change_set_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    table_name: Mapped[str]
    row_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))
    subject_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    op: Mapped[str]


def _said(body: Any, name: str, kind: TypeEngine[Any] | None = None) -> Any:
    """Return what an entry's body says under a name, as the given type of column would hold it."""
    said = func.json_extract(cast(body, String), f"$.{name}")
    if isinstance(kind, UtcDateTime):
        said = func.replace(func.substr(said, 1, 26), "T", " ")
    elif isinstance(kind, Uuid):
        said = func.replace(said, "-", "")
    return column_property(type_coerce(said, kind or String()))


class AuditEntry(Base):
    """A link of this device's audit chain: each hash covers the one before.

    Only ``sequence``, ``body`` and ``hash`` are stored; the rest is read out of the body whenever it is asked for, so
    nothing stands beside what is hashed, and a save writes nothing twice.
    """

    __tablename__ = "audit_entry"

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[bytes] = mapped_column()
    """Canonical JSON (``app.services.audit.chain.Entry``): the very bytes that are hashed."""
    hash: Mapped[bytes]
    at: Mapped[datetime] = _said(body, "at", UtcDateTime())
    actor_id: Mapped[str | None] = _said(body, "actor_id", Uuid(as_uuid=False))
    actor_name: Mapped[str] = _said(body, "actor_name")
    action: Mapped[str] = _said(body, "action")
    subject_table: Mapped[str] = _said(body, "subject_table")
    subject_id: Mapped[str | None] = _said(body, "subject_id", Uuid(as_uuid=False))
    detail: Mapped[str] = _said(body, "detail")
    """Canonical JSON; no free text about a child."""


class AuditAnchor(Base):
    """A proof of how far the chain reached: this device's own seal, or the central store's receipt."""

    __tablename__ = "audit_anchor"

    kind: Mapped[str] = mapped_column(primary_key=True)
    """device or central"""
    day: Mapped[str] = mapped_column(primary_key=True)
    """Of the central store's receipts the last of each day is kept; of the device's own seals only the newest ('')."""
    sequence: Mapped[int]
    hash: Mapped[bytes]
    at: Mapped[str]
    """ISO 8601, as it was signed."""
    signature: Mapped[bytes]


class AuditLine(Base):
    """What the audit page filters by. A projection of the chain, brought up to date when the page is opened.

    It is read from end to end (a tenth of a second for a million entries): indexes would cost more than they save.
    """

    __tablename__ = "audit_line"

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    action: Mapped[str]
    subject_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))


class SyncState(Base):
    """Small named facts of this vault's sync: cursor, server address, last success."""

    __tablename__ = "sync_state"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class DeviceKey(Base):
    """This laptop's identity and the private half of its signing key; only ever inside the encrypted vault."""

    __tablename__ = "device_key"

    device_id: Mapped[Key]
    name: Mapped[str]
    private_key: Mapped[bytes]
    """Ed25519 seed, 32 bytes."""


class ReferenceLease(Base):
    """A block of case numbers lent by the central store, so that a reference made offline is final."""

    __tablename__ = "reference_lease"

    year: Mapped[int] = mapped_column(primary_key=True)
    first: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int]
    next: Mapped[int]


class CaseRow(Base):
    """One row a case for the Cases table: sorting and filtering stay in SQL. A projection, rebuilt at will."""

    __tablename__ = "case_row"
    __table_args__ = (
        Index("ix_case_row_officer_due", "status", "officer_id", "next_due_on"),
        Index("ix_case_row_due", "status", "next_due_on"),
        Index("ix_case_row_child", "child_id"),
    )

    case_id: Mapped[Key]
    child_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))
    reference: Mapped[str] = mapped_column(index=True)
    child_name: Mapped[str]
    name_folded: Mapped[str] = mapped_column(index=True)
    born_on: Mapped[date | None]
    year_group: Mapped[str] = mapped_column(default="")
    status: Mapped[str]
    stage: Mapped[str]
    stage_since: Mapped[date | None]
    opened_on: Mapped[date]
    closed_on: Mapped[date | None]
    officer_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    officer_name: Mapped[str] = mapped_column(default="")
    team_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    area: Mapped[str] = mapped_column(default="")
    source_name: Mapped[str] = mapped_column(default="")
    next_due_on: Mapped[date | None]
    next_due_what: Mapped[str] = mapped_column(default="")
    next_due_statutory: Mapped[bool] = mapped_column(default=False)
    last_activity_at: Mapped[datetime | None]
    last_activity: Mapped[str] = mapped_column(default="")
    last_school: Mapped[str] = mapped_column(default="")
    flags: Mapped[str] = mapped_column(default="")
    """Active safety flag kinds, separated by commas."""
    restricted: Mapped[bool] = mapped_column(default=False)
    """The child has a restricted case: this one or another."""


class Draft(Base):
    """Words typed and not yet part of a record, kept through locks and crashes."""

    __tablename__ = "draft"

    key: Mapped[str] = mapped_column(primary_key=True)
    """What is being written, such as ``note:<case id>``."""
    user_id: Mapped[Ref]
    text: Mapped[str]
    saved_at: Mapped[datetime]


class SearchRow(Base):
    """Which record a row of the full-text index stands for. A projection, rebuilt at will."""

    __tablename__ = "search_row"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    """child"""
    subject_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), unique=True)


class UnitArriving(Base):
    """A unit (one child with everything recorded) that is to be fetched whole: new here, or not equal here.

    Written in the transaction that moves the cursor, so that a crash at any moment loses no arrival.
    """

    __tablename__ = "unit_arriving"

    unit_id: Mapped[Key]
    position: Mapped[int]
    """The order of fetching: the smaller first."""
    cause: Mapped[str]
    """scope or healing."""


class UnitLeaving(Base):
    """A unit that this laptop may hold no longer; it goes once nothing that was done to it waits for a receipt."""

    __tablename__ = "unit_leaving"

    unit_id: Mapped[Key]
    told_at: Mapped[datetime]
    """When the central store first said so: a large part of a vault only goes when it says so again later."""
    confirmed: Mapped[bool] = mapped_column(default=False)


class RowLeaving(Base):
    """A row that moved to a unit which is not held here."""

    __tablename__ = "row_leaving"

    table_name: Mapped[str] = mapped_column(primary_key=True)
    row_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True)


class BytesLeaving(Base):
    """A document's content whose record has left; its bytes are in another database and go after it."""

    __tablename__ = "bytes_leaving"

    sha256: Mapped[str] = mapped_column(primary_key=True)


class UnitHistory(Base):
    """A unit whose rows are here and whose earlier history is still to be fetched."""

    __tablename__ = "unit_history"

    unit_id: Mapped[Key]
    until: Mapped[int]
    """The revision up to which the rows stood for the log."""
    after: Mapped[int] = mapped_column(default=0)
    """The revision up to which that history is here already."""


class UnitTouched(Base):
    """A unit that was changed, here or by a pull, since it was last proven equal to the central store's."""

    __tablename__ = "unit_touched"

    unit_id: Mapped[Key]


class SyncRun(Base):
    """How a sync went; several in a row that did nothing, or failed alike, are one row. The oldest rows go."""

    __tablename__ = "sync_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    """Of the last of them."""
    times: Mapped[int] = mapped_column(default=1)
    outcome: Mapped[str]
    """done, offline, sign_in or failed"""
    trouble: Mapped[str] = mapped_column(default="")
    """A code for IT."""
    sent: Mapped[int] = mapped_column(default=0)
    received: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    documents: Mapped[int] = mapped_column(default=0)
    bytes_sent: Mapped[int] = mapped_column(default=0)
    bytes_fetched: Mapped[int] = mapped_column(default=0)
    """Of documents."""


LOCAL_TABLES = tuple(
    mapped.__tablename__
    for mapped in (
        ChangeSetRow,
        ClearedChange,
        KeptSealed,
        ChangeLine,
        AuditEntry,
        AuditAnchor,
        AuditLine,
        SyncState,
        DeviceKey,
        ReferenceLease,
        CaseRow,
        Draft,
        SearchRow,
        UnitArriving,
        UnitLeaving,
        RowLeaving,
        BytesLeaving,
        UnitHistory,
        UnitTouched,
        SyncRun,
    )
)
