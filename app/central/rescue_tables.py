"""The central store's tables of work that was handed in sealed."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text

from app.central.columns import at_column, id_column, part_of
from app.central.tables import metadata

rescued_work = Table(
    "rescued_work",
    metadata,
    id_column("change_set_id", primary_key=True),
    id_column("device_id"),
    Column("sequence", BigInteger, nullable=False),
    id_column("actor_id", optional=True),
    Column("made_at", Text, nullable=False),
    Column("digest", Text, nullable=False),
    id_column("team_id", optional=True),
    Column("sealed_to", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("changes", Integer, nullable=False),
    Column("documents", Integer, nullable=False),
    Column("pieces", Integer, nullable=False),
    Column("complete", Boolean, nullable=False),
    at_column("received_at"),
    Column("receipt", LargeBinary, nullable=False),
)
"""Each change set that was handed in; ``receipt`` is empty until every piece is here."""

rescued_piece = Table(
    "rescued_piece",
    metadata,
    part_of("change_set_id", "rescued_work.change_set_id", primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

rescue_event = Table(
    "rescue_event",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    id_column("change_set_id", index=True),
    at_column("at"),
    id_column("device_id"),
    id_column("user_id", optional=True),
    Column("what", Text, nullable=False),
    Index("ix_rescue_event_at", "at"),
)
"""Who handed in, opened, took over or set aside what, and when; never changed, never removed."""

device_end = Table(
    "device_end",
    metadata,
    id_column("device_id", primary_key=True),
    Column("lost", Boolean, nullable=False),
    at_column("handed_in_at", optional=True),
    Column("handed_in", Integer, nullable=False),
)
"""A laptop that was revoked: whether it is lost, when it last handed something in, and how much."""

deletions_word = Table(
    "deletions_word",
    metadata,
    Column("revision", BigInteger, primary_key=True),
    id_column("user_id"),
    id_column("device_id"),
    at_column("at"),
)
"""Up to which revision a supervisor looked at large deletions and said that they are meant."""

RESCUE_TABLES = (rescued_work, rescued_piece, rescue_event, device_end, deletions_word)
