"""Moving the bytes of documents: only chunks that the other side lacks, in any order, taken up where they stopped."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Document, SyncState
from app.services.access import Permission, require
from app.services.documents.store import CHUNK_BYTES, ContentDamaged, DocumentStore
from app.services.sync import facts, protocol
from app.services.sync.faults import nonsense
from app.services.sync.telling import Progress, SyncProgress, SyncReport, Transport
from app.services.workspace import Workspace

DOCUMENTS_A_STEP = 20
MAX_DOCUMENTS_A_SYNC = 2000


def move_documents(ws: Workspace, transport: Transport, report: SyncReport, progress: Progress | None = None) -> None:
    """Send the bytes that only this laptop has, and fetch those it lacks.

    Args:
        ws: the vault.
        transport: to the central store.
        report: counts are added to it.
        progress: told how many documents are settled.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        unsettled = _unsettled(session)
    if not unsettled:
        return
    store, done = ws.documents, 0
    for some in _pieces(unsettled, DOCUMENTS_A_STEP):
        here = [sha256 for sha256 in some if store.complete(sha256)]
        sent = _send(store, transport, here)
        # On a full disk what only this laptop has still goes out; what it lacks waits for room.
        lacking = [] if ws.room().in_use else [sha256 for sha256 in some if sha256 not in set(here)]
        fetched = _fetch(store, transport, lacking)
        report.documents_sent += sent
        report.documents_fetched += len(fetched)
        with ws.local_session() as session:
            facts.put_many(session, [facts.DOCUMENT_PREFIX + sha256 for sha256 in (*here, *fetched)], "both")
        done += len(some)
        if progress is not None:
            progress(SyncProgress("Moving documents", done, len(unsettled)))


def _unsettled(session: Session) -> list[str]:
    """Return the hashes of documents whose bytes are not known to be on both sides, newest first."""
    settled = select(SyncState.name).where(SyncState.name == facts.DOCUMENT_PREFIX + Document.sha256)
    query = (
        select(Document.sha256)
        .where(~settled.exists(), Document.sha256 != "")
        .order_by(Document.arrived_at.desc())
        .limit(MAX_DOCUMENTS_A_SYNC)
    )
    return list(dict.fromkeys(session.scalars(query)))


def _send(store: DocumentStore, transport: Transport, sha256s: Sequence[str]) -> int:
    manifests = []
    for sha256 in sha256s:
        content = store.describe(sha256)
        if content is not None:
            hashes = store.chunk_hashes(sha256)
            manifests.append(protocol.Manifest(sha256, content.size, content.media_type, hashes))
    if not manifests:
        return 0
    missing = transport.call("/documents/offer", protocol.OfferDocuments(manifests), protocol.MissingChunks).hashes
    offered = {hash_ for manifest in manifests for hash_ in manifest.chunks}
    if not offered.issuperset(missing):
        raise nonsense()
    lacking = set(missing)
    sending = [manifest.sha256 for manifest in manifests if lacking.intersection(manifest.chunks)]
    batches = list(_pieces(missing, protocol.CHUNKS_A_REQUEST))
    for place, some in enumerate(batches, start=1):
        chunks = [(hash_, store.get_chunk(hash_)) for hash_ in some]
        finished = sending if place == len(batches) else []
        transport.call("/documents/put", protocol.PutChunks(chunks, finished), protocol.Done)
    return len(sending)


def _fetch(store: DocumentStore, transport: Transport, sha256s: Sequence[str]) -> list[str]:
    if not sha256s:
        return []
    asked = set(sha256s)
    found = transport.call("/documents/find", protocol.FindManifests(list(sha256s)), protocol.Manifests).manifests
    fetched = []
    for manifest in found:
        if manifest.sha256 not in asked:
            raise nonsense()
        store.add_manifest(manifest.sha256, manifest.size, manifest.media_type, manifest.chunks)
        for some in _pieces(store.missing_chunks(manifest.chunks), protocol.CHUNKS_A_REQUEST):
            answer = transport.call("/documents/get", protocol.MissingChunks(list(some)), protocol.Chunks)
            wanted = set(some)
            for hash_, data in answer.chunks:
                if hash_ not in wanted or len(data) > CHUNK_BYTES:
                    raise nonsense()
                store.put_chunk(hash_, data)
        if not store.complete(manifest.sha256):
            continue
        try:
            store.get(manifest.sha256)
        except ContentDamaged:
            store.forget_damaged(manifest.sha256)
            continue
        fetched.append(manifest.sha256)
    return fetched


def _pieces(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
