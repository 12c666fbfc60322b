"""The small named facts of a vault's sync, kept in ``sync_state``."""

from collections.abc import Iterable

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from app.models import SyncState
from app.services.capture import CURSOR
from app.services.journal import IDENTITY_FACTS, passage_of
from app.services.rows import connection_of, driver

SERVER = "server"
SERVER_KEY = "server_key"
AUTHORITY_KEY = "authority_key"
"""The authority's key that this vault is sealed to: its number, a colon, the public half in hexadecimal."""
LAST_SYNCED = "last_synced_at"
CONTACT = "last_contact_at"
"""When the central store last let this laptop in without a whole sync."""
FIRST_PULL = "first_pull"
"""Where a first pull stands: JSON of the snapshot's revision, table and key; ``done`` afterwards."""
AUDIT_REFUSED = "audit_refused"
"""Why the central store did not countersign this laptop's audit, in words; absent when it does."""
HISTORY_FROM = "history_from"
"""The revision below which the log has not been fetched yet; the snapshot stood for it."""
BEHIND = "behind"
"""Set while this vault may lack change sets of its own that the central store has: it was put back or rebuilt."""
STORE_SEALING_KEY = "store_sealing_key"
"""The central store's key that :mod:`app.services.sync.keeping` seals to, in hexadecimal."""
STORE = "store"
"""The lives of the central store as this vault knows them (:mod:`app.services.sync.restored`), as JSON."""
NEWEST_ENTRY = "newest_entry"
"""The newest entry of the log that this laptop had: its revision, a colon, its change set."""
RESTORED = "restored"
"""What is being handed back to a restored central store, as JSON; absent otherwise."""
SCOPED = "scoped"
"""Set once the central store has told what this laptop holds: it can be asked for units and for proof."""
PROOF_DUE = "proof_due"
"""From when the hour counts after which everything here is compared with the central store."""
PROOF = "proof"
"""What the last comparison of everything found (:class:`app.services.sync.proving.LastProof`), as JSON."""
PROOF_PLACE = "proof_place"
"""The last child of the share that was compared last."""
HANDED_IN = "handed in"
"""Where the bytes of a document are that went sealed to the team."""
DOCUMENT_PREFIX = "document:"
"""Followed by a hash: where its bytes are (see :mod:`app.services.sync.document_wishes`)."""

_GET = "SELECT value FROM sync_state WHERE name = ?"

__all__ = ["CURSOR"]


def get(session: Session, name: str) -> str | None:
    """Return a fact, or None."""
    # Asked a dozen times in a sync that finds nothing to do: composing the statement took longer than the network.
    row = driver(connection_of(session)).execute(_GET, (name,)).fetchone()
    return str(row[0]) if row else None


def put(session: Session, name: str, value: str) -> None:
    """Write a fact."""
    session.connection().execute(insert(SyncState).prefix_with("OR REPLACE"), {"name": name, "value": value})
    if name in IDENTITY_FACTS and (passage := passage_of(session)) is not None:
        passage.identity_changed()


def put_many(session: Session, names: Iterable[str], value: str) -> None:
    """Write the same value under many names."""
    rows = [{"name": name, "value": value} for name in names]
    if rows:
        session.connection().execute(insert(SyncState).prefix_with("OR REPLACE"), rows)


def forget(session: Session, name: str) -> None:
    """Remove a fact."""
    session.connection().execute(delete(SyncState).where(SyncState.name == name))


def forget_many(session: Session, names: Iterable[str]) -> None:
    """Remove facts."""
    wanted = list(names)
    for start in range(0, len(wanted), 500):
        session.connection().execute(delete(SyncState).where(SyncState.name.in_(wanted[start : start + 500])))


def cursor(session: Session) -> int:
    """Return the newest central revision this vault has applied."""
    return int(get(session, CURSOR) or 0)
