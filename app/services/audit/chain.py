"""Writing the chain: every entry's hash covers the one before, so nothing can be edited or taken out unseen.

An entry is stored as the very bytes that are hashed (canonical JSON: keys sorted, no spaces, UTF-8), its place and its
hash: SHA-256(previous hash || body), where the first entry follows 32 zero bytes. Filters read generated columns, so
there is no second copy of anything that could be edited apart from what is hashed.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from app.services.rows import connection_of, driver

GENESIS = bytes(32)
_LINKS = "rollcall_audit_links"
_LAST = "SELECT sequence, hash FROM audit_entry ORDER BY sequence DESC LIMIT 1"
_INSERT = "INSERT INTO audit_entry (sequence, body, hash) VALUES (?, ?, ?)"
_details = msgspec.json.Encoder(order="deterministic")
_bodies = msgspec.json.Encoder()


class Entry(msgspec.Struct, frozen=True):
    """What an entry says. Field names stand in the order of the alphabet: that is the canonical order.

    Attributes:
        at: UTC, ISO 8601 with microseconds.
        detail: canonical JSON of counts, ids and keyed digests; no free text about a child.
        sequence: from 1, without gaps.
        subject_table, subject_id: the record it is about, when it is about one.
    """

    action: str
    actor_id: str | None
    actor_name: str
    at: str
    detail: str
    sequence: int
    subject_id: str | None
    subject_table: str


@dataclass(frozen=True, slots=True)
class Link:
    """An entry in the chain.

    Attributes:
        body: the canonical bytes of an :class:`Entry`.
        hash: 32 bytes.
    """

    sequence: int
    body: bytes
    hash: bytes


def encode_entry(entry: Entry) -> bytes:
    """Return the canonical bytes of an entry."""
    return _bodies.encode(entry)


def entry_hash(previous: bytes, body: bytes) -> bytes:
    """Return the hash that links an entry to the one before."""
    return hashlib.sha256(previous + body).digest()


def append(
    session: Session,
    *,
    at: datetime,
    actor_id: str | None,
    actor_name: str,
    action: str,
    subject_table: str = "",
    subject_id: str | None = None,
    detail: dict[str, Any] | str | None = None,
) -> Link:
    """Add an entry to the chain, in the session's transaction.

    Args:
        session: a writing session.
        at: when.
        actor_id: who, by id.
        actor_name: who, as shown.
        action: a value of :class:`app.services.audit.actions.Action`.
        subject_table: what kind of record.
        subject_id: which record.
        detail: counts, ids and keyed digests only (or JSON of them); no free text about a child.

    Returns:
        The entry as it stands in the chain; also among :func:`links_of` of the session.
    """
    connection = driver(connection_of(session))
    last = connection.execute(_LAST).fetchone()
    sequence, previous = (last[0] + 1, last[1]) if last else (1, GENESIS)
    when = at.astimezone(UTC).isoformat(timespec="microseconds")
    text = detail if isinstance(detail, str) else _details.encode(detail).decode() if detail else ""
    body = encode_entry(Entry(str(action), actor_id, actor_name, when, text, sequence, subject_id, subject_table))
    link = Link(sequence, body, entry_hash(previous, body))
    connection.execute(_INSERT, (sequence, body, link.hash))
    session.info.setdefault(_LINKS, []).append(link)
    return link


def links_of(session: Session) -> list[Link]:
    """Return the entries that the session's transaction has added, oldest first."""
    found: list[Link] = session.info.get(_LINKS, [])
    return found
