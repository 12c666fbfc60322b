"""What laptop and central store say to each other about records and documents: messages, versions, sizes, packing.

Messages are MessagePack in zstandard. Both directions are bounded before anything is decoded.
"""

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Any, TypeVar

import msgspec
import zstandard

from app.services.sync.audit_protocol import AuditAnswer as AuditAnswer
from app.services.sync.audit_protocol import AuditEntries as AuditEntries
from app.services.sync.audit_protocol import AuditPush as AuditPush
from app.services.sync.audit_protocol import AuditRequest as AuditRequest
from app.services.sync.audit_protocol import Whole

VERSION = 2
OLDEST_UNDERSTOOD = 1
VERSION_HISTORY: tuple[tuple[int, date, str], ...] = (
    (1, date(2026, 11, 24), "Push, pull, snapshot, documents by chunk, number leases, enrolment by code."),
    (2, date(2026, 11, 24), "Scope: a laptop holds its teams' records only. Sealed rescue, proof of equality."),
)
"""Each version with its date and what it changed; neighbours work together."""
VERSION_HEADER = "rollcall-protocol"
MEDIA_TYPE = "application/vnd.rollcall+zstd"

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""The most a message may unpack to."""
MAX_PACKED_BYTES = 24 * 1024 * 1024
"""The most a message may measure on the wire."""
MAX_CHANGE_SET_BYTES = 48 * 1024 * 1024
PAGE_BYTES = 4 * 1024 * 1024
"""A page of a pull, a snapshot or a push stops growing beyond this (one entry is always sent)."""
PAGE_ENTRIES = 2000
SNAPSHOT_ROWS = 5000
PUSH_SETS = 1000
CHUNKS_A_REQUEST = 16
"""The version before takes and gives half as many."""
AUDIT_ENTRIES = 5000
MAX_AUDIT_ENTRY_BYTES = 64 * 1024
LEASE_BLOCK = 50

ACCEPTED = "accepted"
CONFLICTED = "conflicted"
COUNTERSIGNED = "countersigned"
UNLINKED = "Entries of the audit of this laptop do not follow from one another."
"""Why entries are not countersigned that were tampered with before they ever arrived."""
REFUSED = "refused"
HELD = "held"
RESCUE = "rescue"
"""Not merged: whoever made it may not write there (any more). The laptop hands it in sealed to the team."""
FORGOTTEN = "?"
"""The life of a store that does not remember what a laptop had from it."""
PLACE_TAKEN = (
    "Another change has this one's place in the order of this laptop. "
    "The vault may have been restored from a backup. Ask your administrator."
)
"""Why a change set is not even judged; the laptop then fetches what it lacks and gives this one a place of its own."""

Message = TypeVar("Message")


class ProtocolError(Exception):
    """What arrived is not a message of this protocol."""


class SignedSet(msgspec.Struct, array_like=True):
    """One change set as it was signed."""

    body: bytes
    signature: bytes


class PushRequest(msgspec.Struct):
    """Change sets of one laptop, in its own order.

    Attributes:
        store: the life of the central store that the laptop knows (:mod:`app.services.sync.store_protocol`).
        confirmed: change sets that delete much, which a supervisor has looked at and means.
        then: what is asked after it in the same round trip; a store that does not know it answers the push alone.
    """

    sets: list[SignedSet]
    store: str = ""
    confirmed: list[str] = []
    then: "PullRequest | None" = None


class PushResult(msgspec.Struct, array_like=True):
    """What became of one change set.

    Attributes:
        id: of the change set; empty when it could not be read.
        state: accepted, conflicted, refused or held (nothing was done: an earlier one is missing).
        revision: the central revision it became.
        receipt: the central store's signature over :func:`receipt_statement`.
        reason: why it was refused, in words.
        team: whose supervisors deal with it, where it is to be handed in and the central store knows.
    """

    id: str
    state: str
    revision: int | None = None
    receipt: bytes = b""
    reason: str = ""
    team: str = ""


class PushAnswer(msgspec.Struct):
    """One result a change set, and the last of this laptop's sequence that the central store holds.

    Attributes:
        store: the life the central store is in; where it is not the one asked about, nothing was done.
        then: the answer to what was asked after it.
    """

    results: list[PushResult]
    last_sequence: int
    store: str = ""
    then: "PullAnswer | None" = None


class PullRequest(msgspec.Struct):
    """Ask for what came after a revision.

    Attributes:
        store: as in :class:`PushRequest`.
        audit: what is new of the laptop's audit chain, countersigned in the same round trip.
        prove: units to compare if there is anything new; None asks for no proof.
        known: revision and change set of the newest entry of the log that the laptop had: a store that was put back in
            its place does not know it, and answers ``FORGOTTEN``.
    """

    cursor: Whole
    limit: Whole = PAGE_ENTRIES
    store: str = ""
    audit: AuditPush | None = None
    prove: list[str] | None = None
    known: tuple[Whole, str] | None = None


class LogEntry(msgspec.Struct, array_like=True):
    """One revision of the central store.

    Attributes:
        body: the change set as it was signed; empty when the asking laptop made it.
        effective: JSON of the changes that really happened, where merging altered them; else empty.
    """

    revision: int
    change_set_id: str
    body: bytes
    signature: bytes
    effective: bytes = b""


class ScopeChange(msgspec.Struct):
    """What became of a laptop's scope between two revisions.

    Attributes:
        arrive: units to fetch whole with :class:`UnitsRequest`: new here, or something was linked to them.
        leave: units that this laptop may hold no longer; unsynced work on them is handed in before they go.
        gone: rows (table, id) that moved to a unit which is not held here.
    """

    arrive: list[str] = []
    leave: list[str] = []
    gone: list[tuple[str, str]] = []


class PullAnswer(msgspec.Struct):
    """Entries in revision order, from the cursor asked for: all that concern this laptop up to ``cursor``.

    Attributes:
        cursor: where to ask on from; may lie beyond the last entry, for what concerns others is left out.
        scope: what entered and left the laptop's scope up to ``cursor``; None from a store of version 1.
        store: as in :class:`PushAnswer`.
        audit: how far the laptop's chain is countersigned, where it sent something of it.
        hashes: of the units asked about and of those that the entries touch, as of ``head``: what equals there needs
            no question of its own. Empty for a unit that the laptop may not hold. Only with the last page.
    """

    entries: list[LogEntry]
    cursor: int
    head: int
    scope: ScopeChange | None = None
    store: str = ""
    audit: AuditAnswer | None = None
    hashes: list[tuple[str, bytes]] = []


class OwnSetsRequest(msgspec.Struct):
    """Asks for the laptop's own change sets after a place in its order: a vault that was put back lacks some."""

    after: Whole
    limit: Whole = PAGE_ENTRIES


class OwnSet(msgspec.Struct, array_like=True):
    """A change set of the asking laptop, as the central store holds and judged it."""

    id: str
    sequence: int
    state: str
    revision: int | None
    body: bytes
    signature: bytes
    receipt: bytes
    reason: str = ""


class OwnSets(msgspec.Struct):
    """Own change sets in the laptop's order, and the last place the central store holds."""

    sets: list[OwnSet]
    last_sequence: int


class SnapshotStart(msgspec.Struct):
    """What a first pull will bring, and the revision from which the log continues.

    Attributes:
        tables: with how many rows of each are to come.
        first_units: what the person needs first (their own cases, most urgent first): fetched whole before the tables.
    """

    revision: int
    tables: list[tuple[str, int]]
    first_units: list[str] = []


class SnapshotRequest(msgspec.Struct):
    """Ask for rows in table order and key order, from a table on and after a key."""

    table: str
    after: str | None = None
    limit: Whole = SNAPSHOT_ROWS


class SnapshotPage(msgspec.Struct):
    """Rows as a JSON list of lists in the order of ``columns``.

    Attributes:
        after: key of the last row.
    """

    table: str
    columns: list[str]
    rows: bytes
    count: int
    after: str | None


class SnapshotAnswer(msgspec.Struct):
    """As many pages as fit, and where to ask on from.

    Attributes:
        next_table: None when everything was sent.
    """

    pages: list[SnapshotPage]
    next_table: str | None
    next_after: str | None


class Manifest(msgspec.Struct):
    """Which chunks make a document's bytes."""

    sha256: str
    size: Whole
    media_type: str
    chunks: list[str]


class OfferDocuments(msgspec.Struct):
    """Say which bytes this laptop could send."""

    manifests: list[Manifest]


class MissingChunks(msgspec.Struct):
    """Which chunks are wanted."""

    hashes: list[str]


class Chunks(msgspec.Struct):
    """Bytes by hash."""

    chunks: list[tuple[str, bytes]]


class PutChunks(msgspec.Struct):
    """Bytes by hash, and which contents should be whole with them."""

    chunks: list[tuple[str, bytes]]
    finished: list[str] = []


class SnapshotStartRequest(msgspec.Struct):
    """Ask what a first pull will bring."""


class FindManifests(msgspec.Struct):
    """Ask what makes up documents."""

    sha256s: list[str]


class Manifests(msgspec.Struct):
    """What the central store holds whole."""

    manifests: list[Manifest]


class LeaseRequest(msgspec.Struct):
    """Ask for a block of case numbers."""

    year: Whole


class Problem(msgspec.Struct):
    """Why a request was not done.

    Attributes:
        code: for the program, such as ``code-expired``.
        message: for the person.
    """

    code: str
    message: str


def pack(message: object) -> bytes:
    """Return a message as it travels."""
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(msgspec.msgpack.encode(message))


def unpack(kind: type[Message], data: bytes) -> Message:
    """Return the message in bytes from outside.

    Raises:
        ProtocolError: too large, damaged, cut short, or not such a message.
    """
    if len(data) > MAX_PACKED_BYTES:
        raise ProtocolError("too large")
    try:
        parameters = zstandard.get_frame_parameters(data)
        if not 0 < parameters.content_size <= MAX_MESSAGE_BYTES:
            raise ProtocolError("too large when unpacked")
        plain = zstandard.ZstdDecompressor().decompress(data, max_output_size=MAX_MESSAGE_BYTES)
        return msgspec.msgpack.decode(plain, type=kind)
    except (zstandard.ZstdError, msgspec.MsgspecError, RecursionError) as error:
        raise ProtocolError("not a message") from error


def receipt_statement(body: bytes, revision: int, state: str) -> bytes:
    """Return what the central store signs for an accepted change set: its hash, its revision, how it went in."""
    return receipt_statement_of(hashlib.sha256(body).hexdigest(), revision, state)


def receipt_statement_of(digest: str, revision: int, state: str) -> bytes:
    """Return :func:`receipt_statement` of a change set of which only the SHA-256 is known, in hexadecimal."""
    return b"rollcall receipt 1\n%s\n%d\n%s" % (digest.encode(), revision, state.encode())


def page(items: Sequence[Any], sizes: Sequence[int], limit_bytes: int = PAGE_BYTES) -> int:
    """Return how many leading items fit a page; at least one where there is one."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if total > limit_bytes and count:
            return count
    return len(items)
