"""Tables of signing in: people's sessions, second factors, what may be used once, and how often somebody tried."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from app.central.columns import at_column, id_column, part_of
from app.central.tables import metadata

person_session = Table(
    "person_session",
    metadata,
    id_column("id", primary_key=True),
    id_column("user_id"),
    id_column("device_id", optional=True),
    Column("public_key", Text, nullable=False),
    Column("way", Text, nullable=False),
    at_column("began_at"),
    at_column("ends_at"),
    at_column("ended_at", optional=True),
    Column("why", Text, nullable=False),
    Index("ix_person_session_device_id", "device_id"),
    Index("ix_person_session_user_id", "user_id"),
)
"""One sign-in of a person on a laptop, and all tokens that came of it.

``public_key`` is the laptop's: every renewal is signed with it. ``device_id`` is absent before the laptop is enrolled.
"""

refresh_token = Table(
    "refresh_token",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    part_of("session_id", "person_session.id"),
    Column("step", Integer, nullable=False),
    at_column("spent_at", optional=True),
    Index("ix_refresh_token_session_id", "session_id"),
)
"""Tokens that renew a session, by hash; each works once. The next one follows from the session's id and the step."""

used_once = Table(
    "used_once",
    metadata,
    Column("what", LargeBinary, primary_key=True),
    at_column("until", index=True),
)
"""Challenges and ID tokens that were answered; kept until they would be refused as stale anyway."""

person_identity = Table(
    "person_identity",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    id_column("user_id"),
    at_column("linked_at"),
    Index("uq_person_identity_user_id", "issuer", "user_id", unique=True),
)
"""Which person a provider's subject is: an e-mail address that changes hands does not bring a person's access along."""

account_factor = Table(
    "account_factor",
    metadata,
    id_column("user_id", primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("last_step", BigInteger, nullable=False),
)
"""The secret of a person's six-digit codes, sealed, and the last step whose code was taken."""

recovery_code = Table(
    "recovery_code",
    metadata,
    id_column("user_id", primary_key=True),
    Column("code_hash", LargeBinary, primary_key=True),
    at_column("used_at", optional=True),
)
"""Codes for when the telephone is lost; each works once."""

failed_tries = Table(
    "failed_tries",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    at_column("last_at"),
    at_column("locked_until", optional=True),
)
"""How often signing in failed, by a hash of the name or the address: a name that nobody has is counted alike."""

rate_bucket = Table(
    "rate_bucket",
    metadata,
    Column("key", Text, primary_key=True),
    Column("tokens", Double, nullable=False),
    at_column("at", index=True),
    prefixes=["UNLOGGED"],
)
"""What each address and each laptop may still ask for, shared by all worker processes. A crash may lose it."""

SIGN_IN_TABLES = (
    person_session,
    refresh_token,
    used_once,
    person_identity,
    account_factor,
    recovery_code,
    failed_tries,
    rate_bucket,
)
