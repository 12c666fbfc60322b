"""Tables that only the central store has, beside the synced ones: its log, its trust and its bytes."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY

from app.models.base import NAMING

metadata = MetaData(naming_convention=NAMING)


def _id(name: str, *, primary_key: bool = False, nullable: bool = True) -> Column[str]:
    return Column(name, Uuid(as_uuid=False), primary_key=primary_key, nullable=nullable and not primary_key)


def _at(name: str, *, optional: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=optional)


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
    _id("change_set_id", primary_key=True),
    Column("revision", BigInteger, unique=True),
    _id("device_id", nullable=False),
    Column("sequence", BigInteger, nullable=False),
    _id("actor_id"),
    Column("made_at", Text, nullable=False),
    _at("received_at"),
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
    _id("row_id", primary_key=True),
    Column("revision", BigInteger, primary_key=True),
)
"""Which revisions touched a row: who wrote the value that a conflict keeps."""

device_credential = Table(
    "device_credential",
    metadata,
    _id("device_id", primary_key=True),
    _id("user_id", nullable=False),
    Column("public_key", Text, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    _at("enrolled_at"),
    _at("last_seen_at", optional=True),
    _at("revoked_at", optional=True),
    _at("import_until", optional=True),
)
"""``import_until``: to that moment the laptop may bring in records of any table in anybody's name."""

device_person = Table(
    "device_person",
    metadata,
    Column(
        "device_id",
        Uuid(as_uuid=False),
        ForeignKey("device_credential.device_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    _id("user_id", primary_key=True),
)
"""Whose changes a laptop may send: the person it was enrolled for, and others an administrator named."""

enrolment_code = Table(
    "enrolment_code",
    metadata,
    Column("code_hash", Text, primary_key=True),
    _id("user_id", nullable=False),
    _at("made_at"),
    _at("expires_at"),
    _at("used_at", optional=True),
    _id("used_by"),
)

account = Table(
    "account",
    metadata,
    _id("user_id", primary_key=True),
    Column("username", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("failed_count", Integer, nullable=False),
    _at("locked_until", optional=True),
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
    _id("device_id", nullable=False),
    _at("leased_at"),
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
    Column(
        "device_id",
        Uuid(as_uuid=False),
        ForeignKey("device_credential.device_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("vault_id", Text, primary_key=True),
    _at("first_seen_at"),
)
"""Which vault, by its random id, a laptop has: a recovery is only made for a vault that belongs to the laptop."""

recovery_issue = Table(
    "recovery_issue",
    metadata,
    _id("id", primary_key=True),
    _at("issued_at"),
    _id("device_id", nullable=False),
    Column("vault_id", Text, nullable=False),
    _id("issued_by", nullable=False),
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
    _id("device_id", primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    _at("received_at"),
)
"""The audit chains of all laptops, as they were countersigned; they outlive the laptops."""

audit_head = Table(
    "audit_head",
    metadata,
    _id("device_id", primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("at", Text, nullable=False),
    Column("receipt", LargeBinary, nullable=False),
)
"""How far each laptop's chain is countersigned."""

audit_alarm = Table(
    "audit_alarm",
    metadata,
    _id("device_id", primary_key=True),
    Column("known_sequence", BigInteger, primary_key=True),
    Column("stated_hash", LargeBinary, primary_key=True),
    Column("stated_sequence", BigInteger, nullable=False),
    Column("what", Text, nullable=False),
    _at("noticed_at"),
)
"""Heads that did not continue a laptop's chain: entries were edited or removed there, or the vault was put back."""
