"""The audit chain of one device: every entry's hash covers the one before, so nothing can be edited or taken out.

The chain proves that entries were not edited, removed from the middle or reordered. An entry is hashed as
SHA-256(previous hash || canonical JSON of the entry).
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from app.models import AuditEntry
from app.services.rows import connection_of, driver, insert_into

GENESIS = bytes(32)
_encoder = msgspec.json.Encoder(order="deterministic")
_TABLE = cast("Table", AuditEntry.__table__)
_LAST = "SELECT sequence, hash FROM audit_entry ORDER BY sequence DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """Where a chain breaks.

    Attributes:
        sequence: the first entry that does not fit.
        what: edited, removed or reordered, in words.
    """

    sequence: int
    what: str


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What a verification found."""

    entries: int
    head: str
    finding: AuditFinding | None


def entry_hash(previous: bytes, entry: dict[str, Any]) -> bytes:
    """Return the hash that links an entry to the one before."""
    return hashlib.sha256(previous + _encoder.encode(entry)).digest()


def append(
    session: Session,
    *,
    at: datetime,
    actor_id: str | None,
    actor_name: str,
    action: str,
    subject_table: str = "",
    subject_id: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add an entry to the chain, in the session's transaction.

    Args:
        session: a writing session.
        at: when.
        actor_id: who, by id.
        actor_name: who, as shown.
        action: what was done, as a short verb phrase such as ``case read``.
        subject_table: what kind of record.
        subject_id: which record.
        detail: counts and ids only; no free text about a child.
    """
    connection = connection_of(session)
    last = driver(connection).execute(_LAST).fetchone()
    sequence, previous = (last[0] + 1, last[1]) if last else (1, GENESIS)
    text = _encoder.encode(detail).decode() if detail else ""
    entry = _canonical(sequence, at, actor_id, actor_name, action, subject_table, subject_id, text)
    stored = {**entry, "at": at, "previous": previous, "hash": entry_hash(previous, entry)}
    insert_into(_TABLE)(connection, [stored])


def verify(session: Session) -> AuditResult:
    """Walk the whole chain and return where, if anywhere, it breaks."""
    previous, expected = GENESIS, 1
    rows = session.execute(select(AuditEntry).order_by(AuditEntry.sequence).execution_options(yield_per=1000))
    for entry in rows.scalars():
        if entry.sequence != expected:
            return AuditResult(expected - 1, previous.hex(), AuditFinding(expected, "an entry was removed"))
        if entry.previous != previous:
            return AuditResult(expected - 1, previous.hex(), AuditFinding(expected, "entries were reordered"))
        canonical = _canonical(
            entry.sequence,
            entry.at,
            entry.actor_id,
            entry.actor_name,
            entry.action,
            entry.subject_table,
            entry.subject_id,
            entry.detail,
        )
        if entry_hash(previous, canonical) != entry.hash:
            return AuditResult(expected - 1, previous.hex(), AuditFinding(expected, "the entry was edited"))
        previous, expected = entry.hash, expected + 1
    return AuditResult(expected - 1, previous.hex(), None)


def _canonical(
    sequence: int,
    at: datetime,
    actor_id: str | None,
    actor_name: str,
    action: str,
    subject_table: str,
    subject_id: str | None,
    detail: str,
) -> dict[str, Any]:
    return {
        "sequence": sequence,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor_id": actor_id,
        "actor_name": actor_name,
        "action": action,
        "subject_table": subject_table,
        "subject_id": subject_id,
        "detail": detail,
    }
