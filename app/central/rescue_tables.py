"""The central store's tables of work that was handed in sealed."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, ForeignKey, Index, Integer, LargeBinary, Table, Text, Uuid

from app.central.tables import metadata

rescued_work = Table(
    "rescued_work",
    metadata,
    Column("change_set_id", Uuid(as_uuid=False), primary_key=True),
    Column("device_id", Uuid(as_uuid=False), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("actor_id", Uuid(as_uuid=False)),
    Column("made_at", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("team_id", Uuid(as_uuid=False)),
    Column("sealed_to", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("changes", Integer, nullable=False),
    Column("documents", Integer, nullable=False),
    Column("pieces", Integer, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("receipt", LargeBinary, nullable=False),
)
"""Each change set that was handed in; ``receipt`` is empty until every piece is here."""

rescued_piece = Table(
    "rescued_piece",
    metadata,
    Column(
        "change_set_id",
        Uuid(as_uuid=False),
        ForeignKey("rescued_work.change_set_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("place", Integer, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

rescue_event = Table(
    "rescue_event",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("change_set_id", Uuid(as_uuid=False), nullable=False, index=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("device_id", Uuid(as_uuid=False), nullable=False),
    Column("user_id", Uuid(as_uuid=False)),
    Column("what", Text, nullable=False),
    Index("ix_rescue_event_at", "at"),
)
"""Who handed in, opened, took over or set aside what, and when; never changed, never removed."""

device_end = Table(
    "device_end",
    metadata,
    Column("device_id", Uuid(as_uuid=False), primary_key=True),
    Column("lost", Boolean, nullable=False),
    Column("handed_in_at", DateTime(timezone=True)),
    Column("handed_in", Integer, nullable=False),
)
"""A laptop that was revoked: whether it is lost, when it last handed something in, and how much."""

deletions_word = Table(
    "deletions_word",
    metadata,
    Column("revision", BigInteger, primary_key=True),
    Column("user_id", Uuid(as_uuid=False), nullable=False),
    Column("device_id", Uuid(as_uuid=False), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
"""Up to which revision a supervisor looked at large deletions and said that they are meant."""

RESCUE_TABLES = (rescued_work, rescued_piece, rescue_event, device_end, deletions_word)
