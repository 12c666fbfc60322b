"""Moving the bytes of documents: only chunks that the other side lacks, in any order, taken up where they stopped.

One request carries at most one chunk of each document, so that a connection that breaks costs none of them more than
that; on a slow network it carries one chunk in all. A content counts as safe in the central store only when the store
itself says that it holds it whole.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from time import monotonic

from app.logs import get_logger
from app.services.access import Permission, require
from app.services.documents.store import CHUNK_BYTES, DocumentStore, Made
from app.services.sync import document_wishes as wishes_of
from app.services.sync import protocol
from app.services.sync.document_mending import mend
from app.services.sync.document_protocol import Offered, Taken
from app.services.sync.document_wishes import BOTH, LATER, MOST_A_SYNC, Unsettled, Wishes
from app.services.sync.faults import nonsense
from app.services.sync.telling import Progress, SyncProgress, SyncReport, Transport
from app.services.workspace import Workspace

DOCUMENTS_A_STEP = 50
PHASE = "Moving documents"
_QUICK_SECONDS = 1.0
Moved = Callable[[int], object]
"""Told how many bytes have just arrived or gone."""


def move_documents(
    ws: Workspace,
    transport: Transport,
    report: SyncReport,
    progress: Progress | None = None,
    wishes: Wishes | None = None,
) -> None:
    """Send the bytes that only this laptop has, and fetch those it lacks and wants.

    Args:
        ws: the vault.
        transport: to the central store.
        report: counts are added to it.
        progress: told how many documents are settled.
        wishes: what may move.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    wishes = wishes or Wishes()
    if not wishes.wait:
        mend(ws, transport)
    with ws.read() as session:
        found = wishes_of.unsettled(session, ws.time, wishes)
    if wishes.wait:
        report.documents_waiting = sum(row.wanted and not row.asked for row in found)
        found = [row for row in found if row.asked]
    if not found:
        return
    moving = _sorted_out(ws, found)
    done, pace = 0, Pace()
    for some in _pieces(moving, DOCUMENTS_A_STEP):
        _settle(ws, transport, some, report, pace)
        done += len(some)
        if progress is not None:
            progress(SyncProgress(PHASE, done, len(moving)))


def _sorted_out(ws: Workspace, found: Sequence[Unsettled]) -> list[Unsettled]:
    """Return what moves now, and note what stays in the central store until it is wanted."""
    here = ws.documents.complete_among(row.sha256 for row in found)
    later = [row.sha256 for row in found if not row.wanted and row.sha256 not in here]
    if later:
        with ws.local_session() as session:
            wishes_of.note(session, later, LATER)
    return [row for row in found if row.wanted or row.sha256 in here][:MOST_A_SYNC]


def _settle(ws: Workspace, transport: Transport, some: Sequence[Unsettled], report: SyncReport, pace: "Pace") -> None:
    store = ws.documents
    whole = store.complete_among(row.sha256 for row in some)
    here = [row.sha256 for row in some if row.sha256 in whole]
    safe = send(store, transport, here, report, pace)
    # On a full disk what only this laptop has still goes out; what it lacks waits for room.
    lacking = [] if ws.room().in_use else [row.sha256 for row in some if row.sha256 not in whole]
    fetched = fetch(store, transport, lacking, report, pace=pace)
    with ws.local_session() as session:
        wishes_of.note(session, [*safe, *fetched], BOTH)
        wishes_of.answered(session, [*here, *fetched])


def held_by_central(transport: Transport, sha256s: Sequence[str]) -> dict[str, protocol.Manifest]:
    """Return those of some contents that the central store says it holds whole."""
    if not sha256s:
        return {}
    found = transport.call("/documents/find", protocol.FindManifests(list(sha256s)), protocol.Manifests).manifests
    if not {manifest.sha256 for manifest in found}.issubset(sha256s):
        raise nonsense()
    return {manifest.sha256: manifest for manifest in found}


# -- up ------------------------------------------------------------------------------------------------------------


def send(
    store: DocumentStore,
    transport: Transport,
    sha256s: Sequence[str],
    report: SyncReport,
    pace: "Pace | None" = None,
) -> list[str]:
    """Send what the central store lacks of some contents.

    Returns:
        Those that it holds whole now, by its own word.
    """
    made = store.manifests(sha256s)
    manifests = [protocol.Manifest(each.sha256, each.size, each.media_type, [*each.hashes]) for each in made.values()]
    if not manifests:
        return []
    answer = transport.call("/documents/offer", protocol.OfferDocuments(manifests), Offered)
    if not {hash_ for manifest in manifests for hash_ in manifest.chunks}.issuperset(answer.hashes):
        raise nonsense()
    whole = _among(answer.whole, made)
    lacking = {manifest.sha256: set(answer.hashes).intersection(manifest.chunks) for manifest in manifests}
    ready = [sha256 for sha256, hashes in lacking.items() if not hashes and sha256 not in whole]
    for some in _Load(answer.hashes, manifests, pace or Pace()):
        chunks = store.get_chunks(some)
        bad = set(some) - {hash_ for hash_, _ in chunks}
        for sha256 in [sha256 for sha256, hashes in lacking.items() if hashes & bad]:
            get_logger().error("damaged chunk not sent")
            store.forget_damaged(sha256)
            del lacking[sha256]
        for hashes in lacking.values():
            hashes.difference_update(some)
        finished = [*ready, *(sha256 for sha256, hashes in lacking.items() if not hashes and sha256 not in ready)]
        taken = transport.call("/documents/put", protocol.PutChunks(chunks, finished), Taken)
        whole |= _among(taken.whole, finished)
        report.bytes_sent += sum(len(data) for _, data in chunks)
        lacking = {sha256: hashes for sha256, hashes in lacking.items() if hashes}
        ready = []
    whole |= set(held_by_central(transport, [sha256 for sha256 in made if sha256 not in whole]))
    report.documents_sent += sum(bool(set(answer.hashes).intersection(made[sha256].hashes)) for sha256 in whole)
    return [sha256 for sha256 in made if sha256 in whole]


def _among(named: Sequence[str], known: Iterable[str]) -> set[str]:
    found = set(named)
    if not found.issubset(known):
        raise nonsense()
    return found


# -- down ----------------------------------------------------------------------------------------------------------


def fetch(
    store: DocumentStore,
    transport: Transport,
    sha256s: Sequence[str],
    report: SyncReport,
    moved: Moved = lambda _bytes: None,
    pace: "Pace | None" = None,
) -> list[str]:
    """Fetch what is missing here of some contents; one that arrives damaged does not stop the others.

    Returns:
        Those that are here whole and fit their hash.
    """
    fetched: list[str] = []
    found = held_by_central(transport, sha256s)
    manifests = [found[sha256] for sha256 in sha256s if sha256 in found]
    made = [Made(manifest.sha256, manifest.size, manifest.media_type, manifest.chunks) for manifest in manifests]
    false = set(store.add_manifests(made))
    for sha256 in false:
        # What was noted here before is false, or what came now is; neither is kept.
        _drop(store, sha256, report)
    manifests = [manifest for manifest in manifests if manifest.sha256 not in false]
    waiting = [hash_ for manifest in manifests for hash_ in manifest.chunks]
    missing, pace = store.missing_chunks(waiting), pace or Pace()
    while missing:
        left = [
            hash_
            for some in _Load(missing, manifests, pace)
            for hash_ in _fetch_group(store, transport, some, report, moved)
        ]
        missing = left if len(left) < len(missing) else []
    whole = store.complete_among(manifest.sha256 for manifest in manifests)
    for manifest in manifests:
        if manifest.sha256 not in whole:
            continue
        # One chunk was checked when it arrived; several are each right, and must make the right whole.
        if manifest.chunks == [manifest.sha256] or store.fits(manifest.sha256):
            fetched.append(manifest.sha256)
        else:
            _drop(store, manifest.sha256, report)
    report.documents_fetched += len(fetched)
    return fetched


def _fetch_group(
    store: DocumentStore, transport: Transport, hashes: Sequence[str], report: SyncReport, moved: Moved
) -> list[str]:
    """Fetch chunks, and return those that the answer left out: a store of the version before gives fewer at once."""
    wanted = set(hashes)
    answer = transport.call("/documents/get", protocol.MissingChunks(list(hashes)), protocol.Chunks)
    if any(hash_ not in wanted or len(data) > CHUNK_BYTES for hash_, data in answer.chunks):
        raise nonsense()
    damaged = set(store.put_chunks(answer.chunks))
    if damaged:
        report.documents_damaged += len(damaged)
        get_logger().error("damaged chunks arrived", count=len(damaged))
    size = sum(len(data) for hash_, data in answer.chunks if hash_ not in damaged)
    report.bytes_fetched += size
    moved(size)
    told = {hash_ for hash_, _ in answer.chunks}
    return [hash_ for hash_ in hashes if hash_ not in told]


def _drop(store: DocumentStore, sha256: str, report: SyncReport) -> None:
    report.documents_damaged += 1
    get_logger().error("damaged document dropped")
    store.remove([sha256])


# -- pieces --------------------------------------------------------------------------------------------------------


class Pace:
    """How many chunks go together: it follows how fast the last group went.

    The first goes alone. While a group takes no longer than ``_QUICK_SECONDS`` the next may be twice as large; after
    one that took longer they go one by one again, so that a weak network is not asked for more than it can carry.
    """

    def __init__(self) -> None:
        self.most = 1

    def note(self, seconds: float) -> None:
        """Take note of how long a group took."""
        self.most = min(protocol.CHUNKS_A_REQUEST, self.most * 2) if seconds <= _QUICK_SECONDS else 1


class _Load:
    """Chunks in the groups in which they travel, each as large as the pace allows."""

    def __init__(self, hashes: Sequence[str], manifests: Iterable[protocol.Manifest], pace: Pace) -> None:
        self._sizes: dict[str, int] = {}
        self._owners: dict[str, str] = {}
        places: dict[str, int] = {}
        for manifest in manifests:
            # All but the last chunk of a content are full.
            for place, hash_ in enumerate(manifest.chunks):
                self._sizes[hash_] = min(CHUNK_BYTES, manifest.size - place * CHUNK_BYTES)
                self._owners.setdefault(hash_, manifest.sha256)
                places.setdefault(hash_, place)
        # One of each document in turn.
        self._waiting = deque(sorted(hashes, key=lambda hash_: places.get(hash_, 0)))
        self._pace = pace

    def __iter__(self) -> Iterator[list[str]]:
        """Yield groups; the time until the next is asked for is how long one took."""
        while self._waiting:
            group = self._next_group()
            started = monotonic()
            yield group
            self._pace.note(monotonic() - started)

    def _next_group(self) -> list[str]:
        group: list[str] = []
        owners: set[str] = set()
        total = 0
        while self._waiting and len(group) < protocol.CHUNKS_A_REQUEST:
            hash_ = self._waiting[0]
            size, owner = self._sizes.get(hash_, CHUNK_BYTES), self._owners.get(hash_, "")
            most = CHUNK_BYTES if owner in owners else self._pace.most * CHUNK_BYTES
            if group and total + size > most:
                break
            group.append(self._waiting.popleft())
            owners.add(owner)
            total += size
        return group


def _pieces(items: Sequence[Unsettled], size: int) -> Iterator[Sequence[Unsettled]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
