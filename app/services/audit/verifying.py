"""Verifying a chain: every entry hashed again, and its length proven by seals, receipts, change sets and the lifeboat.

SQLite hands over thousands of entries in one value, on a thread of its own, while this one hashes those before: reading
and decrypting a row by itself costs several times as much as hashing it. Where anything does not fit, the part is
walked entry by entry, to say which and how.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from queue import Empty, Full, Queue
from typing import Any

from sqlalchemy.orm import Session

from app.services.audit.chain import GENESIS, Link
from app.services.audit.proofs import ProofReport, check_proofs
from app.services.audit.reading import body_sequence
from app.services.rows import connection_of, driver

PART = 32_768
"""Entries handed over at once: about 10 MB. In smaller parts the two threads would wait for each other more often."""
# Asked apart: SQLite finds one end of a key at once, but reads everything for both.
_ENDS = "SELECT (SELECT min(sequence) FROM audit_entry), (SELECT max(sequence) FROM audit_entry)"
# SQLite walks a range of the key in its order; were it ever another, the part would be walked entry by entry.
_PART = """
SELECT count(*), CAST(group_concat(body, x'0A') AS BLOB), CAST(group_concat(hash, '') AS BLOB)
FROM audit_entry WHERE sequence BETWEEN ? AND ?
"""
_ROWS = """
SELECT sequence, CAST(body AS BLOB), CAST(hash AS BLOB) FROM audit_entry WHERE sequence BETWEEN ? AND ?
ORDER BY sequence
"""
_BODIES_AFTER = "SELECT CAST(body AS BLOB) FROM audit_entry WHERE sequence > ? ORDER BY sequence"
_Part = tuple[int, int, int, bytes, bytes]
Progress = Callable[[int, int], object]
"""Told how many entries of how many are verified; returns False to stop."""


class FindingKind(StrEnum):
    """What was found."""

    EDITED = "edited"
    REMOVED = "removed"
    REORDERED = "reordered"
    ADDED = "added"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"
    UNPROVEN = "unproven"


FINDING_WORDS: dict[FindingKind, str] = {
    FindingKind.EDITED: "the entry was edited",
    FindingKind.REMOVED: "an entry was removed",
    FindingKind.REORDERED: "entries were reordered",
    FindingKind.ADDED: "an entry was added",
    FindingKind.TRUNCATED: "this entry and all after it were removed",
    FindingKind.REWRITTEN: "the chain was written again from here",
    FindingKind.UNPROVEN: "a proof of the chain's length does not fit or is missing",
}


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """Where a chain breaks.

    Attributes:
        sequence: the first entry that does not fit.
        what: in words.
        proof: what shows it, in words; empty when the chain itself does.
        proven_at: when the central store countersigned the entry as it was, or None when it did not yet.
    """

    sequence: int
    kind: FindingKind
    what: str
    proof: str = ""
    proven_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What a verification found.

    Attributes:
        entries: how many fit, from the first.
        head: hash of the last of them, hexadecimal.
        finding: the first of ``findings``, or None when everything fits.
        last: the number of the newest entry there is.
        proven_to, proven_at: the newest entry the central store countersigned, and when; 0 and None without one.
        stopped: whether somebody stopped it before the end.
    """

    entries: int
    head: str
    finding: AuditFinding | None
    findings: tuple[AuditFinding, ...] = ()
    last: int = 0
    proven_to: int = 0
    proven_at: datetime | None = None
    stopped: bool = False


class _StoppedError(Exception):
    """Somebody asked to stop."""


@dataclass(frozen=True, slots=True)
class _Break:
    sequence: int
    kind: FindingKind


def verify(session: Session, *, lifeboat: Iterable[Link] = (), progress: Progress | None = None) -> AuditResult:
    """Verify the whole chain.

    Args:
        session: a reading session; one consistent state is verified.
        lifeboat: entries that the lifeboat holds outside the database.
        progress: told after each part; returning False stops.

    Returns:
        What was found; never raises for what an entry holds.
    """
    connection = driver(connection_of(session))
    first, last = (end or 0 for end in connection.execute(_ENDS).fetchone())
    try:
        count, head, broken = _walk(connection, first, last, progress or (lambda _done, _total: True))
    except _StoppedError:
        return AuditResult(0, "", None, last=last, stopped=True)
    proofs = check_proofs(session, last, count, lifeboat)
    found = [_finding(broken.sequence, broken.kind, "", proofs)] if broken else []
    found += [_finding(sequence, FindingKind(kind), proof, proofs) for sequence, kind, proof in proofs.problems]
    found.sort(key=lambda finding: finding.sequence)
    return AuditResult(
        entries=count,
        head=head.hex(),
        finding=found[0] if found else None,
        findings=tuple(found),
        last=last,
        proven_to=proofs.proven_to,
        proven_at=proofs.proven_at,
    )


def _finding(sequence: int, kind: FindingKind, proof: str, proofs: ProofReport) -> AuditFinding:
    return AuditFinding(sequence, kind, FINDING_WORDS[kind], proof, proofs.proven_since(sequence))


# -- the chain -------------------------------------------------------------------------------------------------------


def _walk(connection: Any, first: int, last: int, progress: Progress) -> tuple[int, bytes, _Break | None]:
    """Return how many entries fit, the hash of the last of them, and where the chain breaks."""
    if first < 1 and last:
        return 0, GENESIS, _Break(first, FindingKind.ADDED)
    previous = GENESIS
    for start, end, count, bodies, hashes in _parts(connection, last):
        following = _hash_part(previous, count, bodies, hashes) if count == end - start + 1 else None
        if following is None:
            reached, following, broken = _walk_entries(connection, start, end, previous)
            if broken is not None:
                return reached, following, broken
        previous = following
        if progress(end, last) is False:
            raise _StoppedError
    return last, previous, None


def _hash_part(previous: bytes, count: int, bodies: bytes, hashes: bytes) -> bytes | None:
    """Return the hash after a part, or None when something in it does not fit."""
    sha256 = hashlib.sha256
    made = [previous := sha256(previous + body).digest() for body in bodies.split(b"\n")]
    fits = len(made) == count and b"".join(made) == hashes
    return previous if fits else None


def _walk_entries(connection: Any, start: int, end: int, previous: bytes) -> tuple[int, bytes, _Break | None]:
    expected = start
    for sequence, body, stored in connection.execute(_ROWS, (start, end)):
        if sequence != expected:
            return expected - 1, previous, _Break(expected, FindingKind.REMOVED)
        following = hashlib.sha256(previous + body).digest()
        if following != stored:
            return expected - 1, previous, _Break(expected, _how(connection, expected, body))
        previous, expected = following, expected + 1
    return expected - 1, previous, _Break(expected, FindingKind.REMOVED) if expected <= end else None


def _how(connection: Any, expected: int, body: bytes) -> FindingKind:
    """Return what was done to an entry whose hash does not fit."""
    said = body_sequence(body)
    if said is None or said == expected:
        return FindingKind.EDITED
    # Another entry stands in this one's place. Is this one anywhere else?
    for (other,) in connection.execute(_BODIES_AFTER, (expected,)):
        if body_sequence(other) == expected:
            return FindingKind.REORDERED
    return FindingKind.REMOVED if said > expected else FindingKind.ADDED


def _parts(connection: Any, last: int) -> Iterator[_Part]:
    """Yield the chain in parts, each read while the one before is hashed."""
    if last <= PART:
        yield from (_part(connection, start, last) for start in range(1, last + 1, PART))
        return
    ready: Queue[_Part | BaseException | None] = Queue(maxsize=2)
    stopping = threading.Event()

    def read() -> None:
        try:
            for start in range(1, last + 1, PART):
                if not _offer(ready, _part(connection, start, last), stopping):
                    return
            _offer(ready, None, stopping)
        except BaseException as error:  # noqa: BLE001  (raised again on the thread that waits for it)
            _offer(ready, error, stopping)

    thread = threading.Thread(target=read, name="audit-reader", daemon=True)
    thread.start()
    try:
        while (part := ready.get()) is not None:
            if isinstance(part, BaseException):
                raise part
            yield part
    finally:
        stopping.set()
        _empty(ready)
        thread.join()


def _part(connection: Any, start: int, last: int) -> _Part:
    end = min(start + PART - 1, last)
    count, bodies, hashes = connection.execute(_PART, (start, end)).fetchone()
    return start, end, count, bodies or b"", hashes or b""


def _offer(ready: "Queue[Any]", item: object, stopping: threading.Event) -> bool:
    while not stopping.is_set():
        try:
            ready.put(item, timeout=0.1)
        except Full:
            continue
        return True
    return False


def _empty(ready: "Queue[Any]") -> None:
    try:
        while True:
            ready.get_nowait()
    except Empty:
        return
