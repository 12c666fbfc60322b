"""Tables that only the central store has, beside the synced ones: its log, its trust and its bytes."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY

from app.central.columns import at_column, id_column, of_device
from app.models.base import NAMING

metadata = MetaData(naming_convention=NAMING)


fact = Table(
    "central_fact",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""Named facts: this store's own device id and the seed of its signing key."""

revision_counter = Table(
    "revision_counter",
    metadata,
    Column("single", Boolean, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""One row. Every writer holds its lock to the end, so revisions become visible in order and without gaps."""

change_log = Table(
    "change_log",
    metadata,
    id_column("change_set_id", primary_key=True),
    Column("revision", BigInteger, unique=True),
    id_column("device_id"),
    Column("sequence", BigInteger, nullable=False),
    id_column("actor_id", optional=True),
    Column("made_at", Text, nullable=False),
    at_column("received_at"),
    Column("state", Text, nullable=False),
    Column("refusal", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("effective", LargeBinary, nullable=False),
    Column("receipt", LargeBinary, nullable=False),
    UniqueConstraint("device_id", "sequence"),
)
"""Every change set that reached the store, as it was signed; refused ones too, without a revision."""

change_touch = Table(
    "change_touch",
    metadata,
    id_column("row_id", primary_key=True),
    Column("revision", BigInteger, primary_key=True),
)
"""Which revisions touched a row: who wrote the value that a conflict keeps."""

device_credential = Table(
    "device_credential",
    metadata,
    id_column("device_id", primary_key=True),
    id_column("user_id"),
    Column("public_key", Text, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    at_column("enrolled_at"),
    at_column("last_seen_at", optional=True),
    at_column("revoked_at", optional=True),
    at_column("import_until", optional=True),
)
"""``import_until``: to that moment the laptop may bring in records of any table in anybody's name."""

device_person = Table(
    "device_person",
    metadata,
    of_device(),
    id_column("user_id", primary_key=True),
)
"""Whose changes a laptop may send: the person it was enrolled for, and others an administrator named."""

enrolment_code = Table(
    "enrolment_code",
    metadata,
    Column("code_hash", Text, primary_key=True),
    id_column("user_id"),
    at_column("made_at"),
    at_column("expires_at"),
    at_column("used_at", optional=True),
    id_column("used_by", optional=True),
)

account = Table(
    "account",
    metadata,
    id_column("user_id", primary_key=True),
    Column("username", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("failed_count", Integer, nullable=False),
    at_column("locked_until", optional=True),
)
"""Local accounts, for authorities without an identity provider."""

number_counter = Table(
    "number_counter",
    metadata,
    Column("year", Integer, primary_key=True),
    Column("next", Integer, nullable=False),
)

number_lease = Table(
    "number_lease",
    metadata,
    Column("year", Integer, primary_key=True),
    Column("first", Integer, primary_key=True),
    Column("last", Integer, nullable=False),
    id_column("device_id"),
    at_column("leased_at"),
)
"""Blocks of case numbers lent to laptops; never lent twice, never taken back."""

document_content = Table(
    "document_content",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("chunk_hashes", ARRAY(Text), nullable=False),
    Column("complete", Boolean, nullable=False),
    Index("ix_document_content_complete", "complete"),
)

document_chunk = Table(
    "document_chunk",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

device_vault = Table(
    "device_vault",
    metadata,
    of_device(),
    Column("vault_id", Text, primary_key=True),
    at_column("first_seen_at"),
)
"""Which vault, by its random id, a laptop has: a recovery is only made for a vault that belongs to the laptop."""

recovery_issue = Table(
    "recovery_issue",
    metadata,
    id_column("id", primary_key=True),
    at_column("issued_at"),
    id_column("device_id"),
    Column("vault_id", Text, nullable=False),
    id_column("issued_by"),
    Column("system_account", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("key_fingerprint", Text, nullable=False),
    Column("file_sha256", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
)
"""Each use of the authority's key: who, when, which laptop, why. ``revision`` is its line in the change log."""

audit_entry = Table(
    "audit_entry",
    metadata,
    id_column("device_id", primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    at_column("received_at"),
)
"""The audit chains of all laptops, as they were countersigned; they outlive the laptops."""

audit_head = Table(
    "audit_head",
    metadata,
    id_column("device_id", primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("at", Text, nullable=False),
    Column("receipt", LargeBinary, nullable=False),
)
"""How far each laptop's chain is countersigned."""

audit_alarm = Table(
    "audit_alarm",
    metadata,
    id_column("device_id", primary_key=True),
    Column("known_sequence", BigInteger, primary_key=True),
    Column("stated_hash", LargeBinary, primary_key=True),
    Column("stated_sequence", BigInteger, nullable=False),
    Column("what", Text, nullable=False),
    at_column("noticed_at"),
)
"""Heads that did not continue a laptop's chain: entries were edited or removed there, or the vault was put back."""
