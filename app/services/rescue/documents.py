"""Document bytes out of a damaged ``documents.db``: every piece that its own hash proves is taken over."""

import hashlib
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, select

from app.errors import EnvironmentFault, RollcallError
from app.models import Document, SyncState
from app.services.documents.store import ContentDamaged, DocumentStore
from app.services.locking import WRITING
from app.services.rescue.copies import QUIET, quietly
from app.services.vault.database import connect

BOTH = "document:"
"""Prefix of the facts in ``sync_state`` that name contents known to be on both sides."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Contents whose bytes are not here.

    Attributes:
        at_central: hashes known to be in the central store: they come with the next sync.
        nowhere: ids of documents that no source has.
    """

    at_central: tuple[str, ...]
    nowhere: tuple[str, ...]


def hashes_of(engine: Engine) -> list[str]:
    """Return the content hashes of all documents on record."""
    with engine.connect() as connection:
        found = connection.execute(select(Document.sha256).where(Document.sha256 != "").distinct()).scalars()
        return list(found)


def salvage(source: Path, key: bytes, store: DocumentStore, sha256s: Iterable[str]) -> int:
    """Take over what the store lacks and a damaged copy still has.

    Args:
        source: a copy of the damaged file.
        key: of both.
        store: the new one.
        sha256s: the contents on record.

    Returns:
        How many contents became complete.
    """
    try:
        connection = connect(source, key, pragmas=QUIET)
    except RollcallError:
        return 0
    done = 0
    with closing(connection):
        for sha256 in sha256s:
            if not store.complete(sha256) and _take(connection, store, sha256):
                done += 1
    return done


def missing(cases: Engine, store: DocumentStore) -> Missing:
    """Return which documents' bytes are not, or not rightly, here, and have them fetched again by the next sync."""
    with cases.connect() as connection:
        rows = connection.execute(select(Document.id, Document.sha256).where(Document.sha256 != "")).all()
        settled = set(
            connection.execute(select(SyncState.name).where(SyncState.name.startswith(BOTH, autoescape=True))).scalars()
        )
    here = store.complete_among([row.sha256 for row in rows])
    lacking = [row for row in rows if row.sha256 not in here]
    at_central = tuple(dict.fromkeys(row.sha256 for row in lacking if BOTH + row.sha256 in settled))
    nowhere = tuple(row.id for row in lacking if BOTH + row.sha256 not in settled)
    if at_central:
        with cases.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
            for sha256 in at_central:
                connection.execute(delete(SyncState).where(SyncState.name == BOTH + sha256))
    return Missing(at_central, nowhere)


def _take(connection: Any, store: DocumentStore, sha256: str) -> bool:
    found = quietly(connection, "SELECT size, media_type FROM content WHERE sha256 = ?", (sha256,))
    hashes = [
        row[0]
        for row in quietly(connection, "SELECT hash FROM content_chunk WHERE sha256 = ? ORDER BY position", (sha256,))
    ]
    if not found or not hashes:
        return False
    size, media_type = found[0]
    try:
        store.add_manifest(sha256, size, media_type, hashes)
        for hash_ in store.missing_chunks(hashes):
            data = _chunk(connection, hash_)
            if data is not None:
                store.put_chunk(hash_, data)
        if not store.complete(sha256):
            return False
        store.get(sha256)
    except (ContentDamaged, EnvironmentFault, ValueError):
        return False
    return True


def _chunk(connection: Any, hash_: str) -> bytes | None:
    """Return a piece that its hash proves, by its index or, where that is damaged, by looking at every row."""
    rows = quietly(connection, "SELECT data FROM chunk WHERE hash = ?", (hash_,)) or quietly(
        connection, "SELECT data FROM chunk NOT INDEXED WHERE hash = ?", (hash_,)
    )
    for (data,) in rows:
        if hashlib.sha256(data).hexdigest() == hash_:
            return bytes(data)
    return None
