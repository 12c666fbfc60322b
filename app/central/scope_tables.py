"""The central store's tables of scope: what every change touches, what every laptop holds, and what has to be told."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text

from app.central.columns import at_column, id_column, of_device
from app.central.tables import metadata

change_unit = Table(
    "change_unit",
    metadata,
    Column("revision", BigInteger, primary_key=True),
    id_column("unit", primary_key=True),
    Index("ix_change_unit_unit", "unit", "revision"),
)
"""The units each revision touched, and the marks of :mod:`app.central.places` for rows of no unit."""

change_part = Table(
    "change_part",
    metadata,
    Column("revision", BigInteger, primary_key=True),
    Column("parts", LargeBinary, nullable=False),
)
"""For revisions whose changes do not all belong to the same units: the units of each change, as JSON."""

scope_event = Table(
    "scope_event",
    metadata,
    Column("revision", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    id_column("subject"),
    Column("table_name", Text, nullable=False),
    id_column("row_id", optional=True),
    Index("ix_scope_event_revision", "revision"),
)
"""What a laptop that passes a revision has to look at again (kinds: :mod:`app.central.noting`)."""

scope_due = Table(
    "scope_due",
    metadata,
    id_column("unit", primary_key=True),
    at_column("due_at", primary_key=True),
    Index("ix_scope_due_due_at", "due_at"),
)
"""Moments at which who may see a unit changes by itself: an emergency ends."""

device_holding = Table(
    "device_holding",
    metadata,
    of_device(),
    id_column("unit", primary_key=True),
    Column("since", BigInteger, primary_key=True),
    Column("until", BigInteger),
    Index("ix_device_holding_open", "device_id", "unit", postgresql_where=Column("until", BigInteger).is_(None)),
)
"""Which units a laptop holds: at cursor c those with ``since <= c < until``; no ``until`` while it goes on."""

device_scope = Table(
    "device_scope",
    metadata,
    of_device(),
    Column("since", BigInteger, nullable=False),
)
"""Laptops whose holdings are kept. One that is not here was enrolled before there was scope, and holds everything."""

SCOPE_TABLES = (
    change_unit,
    change_part,
    scope_event,
    scope_due,
    device_holding,
    device_scope,
)
