"""Proofs of how far a chain reached: taking away the newest entries leaves a shorter chain that fits in itself.

- The **device's seal** is renewed with every entry that changed no record (a reading, a print, an unlock), in the same
  transaction. An entry about a change needs none: its change set, itself signed and numbered, says that it was there.
- The **central store's receipt** is its signature on the head it was last sent. The last of each day is kept, so an
  entry is proven from the day it was countersigned, also against whoever holds this laptop's own keys.
- The **lifeboat** holds the entries since the last sync outside the database.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from app.services.audit.chain import Link
from app.services.rows import connection_of, driver
from app.services.signing import Signer

DEVICE, CENTRAL = "device", "central"
_KEEP = "INSERT OR REPLACE INTO audit_anchor (kind, day, sequence, hash, at, signature) VALUES (?, ?, ?, ?, ?, ?)"
_READ = "SELECT kind, sequence, hash, at, signature FROM audit_anchor ORDER BY sequence, kind"


@dataclass(frozen=True, slots=True)
class Anchor:
    """One proof.

    Attributes:
        kind: ``DEVICE`` or ``CENTRAL``.
        at: ISO 8601, as it was signed.
    """

    kind: str
    sequence: int
    hash: bytes
    at: str
    signature: bytes


def seal_statement(device_id: str, sequence: int, head: bytes, at: str) -> bytes:
    """Return what a device signs for its own chain."""
    return b"rollcall audit seal 1\n" + _place(device_id, sequence, head, at)


def receipt_statement(device_id: str, sequence: int, head: bytes, at: str) -> bytes:
    """Return what the central store signs for the head of a device's chain."""
    return b"rollcall audit receipt 1\n" + _place(device_id, sequence, head, at)


def seal(session: Session, link: Link, *, device_id: str, signer: Signer, at: datetime) -> None:
    """Renew the device's seal, in the session's transaction."""
    when = at.astimezone(UTC).isoformat(timespec="microseconds")
    signature = signer.sign(seal_statement(device_id, link.sequence, link.hash, when))
    _keep(session, Anchor(DEVICE, link.sequence, link.hash, when, signature), "")


def keep_receipt(session: Session, anchor: Anchor) -> None:
    """Keep a receipt of the central store; the last of each day stays."""
    _keep(session, anchor, anchor.at[:10])


def anchors(session: Session) -> list[Anchor]:
    """Return every proof, by how far it reaches."""
    found = driver(connection_of(session)).execute(_READ)
    return [
        Anchor(str(kind), int(sequence), bytes(head), str(at), bytes(signature))
        for kind, sequence, head, at, signature in found
    ]


def _keep(session: Session, anchor: Anchor, day: str) -> None:
    values = (anchor.kind, day, anchor.sequence, anchor.hash, anchor.at, anchor.signature)
    driver(connection_of(session)).execute(_KEEP, values)


def _place(device_id: str, sequence: int, head: bytes, at: str) -> bytes:
    return f"{device_id}\n{sequence}\n{head.hex()}\n{at}".encode()
