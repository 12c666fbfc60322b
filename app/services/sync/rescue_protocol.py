"""What laptop and central store say to each other about work that is handed in sealed.

A change set travels as one package (:mod:`app.services.sync.packages`), cut into pieces, each sealed to the team's key
or the authority's. The central store sees who, when, which laptop, which team and how many changes; nothing else.
"""

import hashlib

import msgspec

from app.services.sync.trust_protocol import AuthorityNotice

RESCUED = "rescued"
"""The central store has every piece, and its receipt says so."""
MORE = "more"
"""It has this piece and waits for others."""
PIECE_BYTES = 2 * 1024 * 1024
MOST_PIECES = 4096
MAX_SEALED_BYTES = PIECE_BYTES + 1024
PIECES_A_REQUEST = 200


class SealedPiece(msgspec.Struct, array_like=True):
    """One piece of one change set.

    Attributes:
        id, sequence, actor, made_at: of the change set; ``sequence`` is its place in the laptop's order.
        digest: SHA-256 of the change set's bytes, in hexadecimal; the receipt is for these.
        team_id: whose supervisors can open it; None where only the authority can.
        sealed_to: the id of the team's key, or ``authority:`` and the number of the authority's key.
        why: one of :class:`app.models.terms.HandInReason`.
        changes, documents: how many.
        place, pieces: which piece this is, from 0, and how many there are.
    """

    id: str
    sequence: int
    actor: str | None
    made_at: str
    digest: str
    team_id: str | None
    sealed_to: str
    why: str
    changes: int
    documents: int
    place: int
    pieces: int
    sealed: bytes


class HandInRequest(msgspec.Struct):
    """Pieces in the laptop's order."""

    pieces: list[SealedPiece]


class HandInResult(msgspec.Struct, array_like=True):
    """What became of a piece.

    Attributes:
        state: rescued, more, held (an earlier change set is missing), or how the change set was answered before.
        revision: where it had been merged.
        receipt: over :func:`rescue_statement`, or the one it was given when it was merged.
    """

    id: str
    state: str
    revision: int | None = None
    receipt: bytes = b""
    reason: str = ""


class HandInAnswer(msgspec.Struct):
    """One result a piece, and the last of this laptop's sequence that the central store holds."""

    results: list[HandInResult]
    last_sequence: int


class FetchPiece(msgspec.Struct):
    """A supervisor's laptop asks for a piece of what was handed in; the first asking is an opening."""

    id: str
    place: int = 0
    user_id: str = ""


class FetchedPiece(msgspec.Struct):
    """A piece, and what it takes to open it and to know it for what the author signed.

    Attributes:
        public_key: of the laptop that made the change set, Ed25519 in base64.
    """

    device_id: str
    public_key: str
    digest: str
    sealed_to: str
    pieces: int
    sealed: bytes


class RescueSession(msgspec.Struct):
    """A signed challenge of a laptop that may do nothing any more but hand in its work."""

    challenge: str
    signature: bytes


class RescueToken(msgspec.Struct):
    """What lets a laptop hand in its work and nothing else.

    Attributes:
        token, expires_in: as in a session.
        word: the central store's signature over :func:`ended_statement`: this laptop may not sync any more.
        lost: it was reported lost.
        authority: the authority's key, to seal to where a team has none.
    """

    token: str
    expires_in: int
    word: bytes
    lost: bool = False
    authority: AuthorityNotice | None = None


class DeletionsQuestion(msgspec.Struct):
    """Ask whether a supervisor has looked at what a laptop is asked to delete, up to a revision."""

    revision: int


class DeletionsWord(msgspec.Struct):
    """A supervisor's word on deletions.

    Attributes:
        revision: up to which revision they were looked at and are meant; 0 where nobody has said so.
    """

    revision: int
    user_id: str = ""


def rescue_statement(change_set_id: str, digest: str) -> bytes:
    """Return what the central store signs for work that was handed in."""
    return b"rollcall rescue receipt 1\n%s\n%s" % (change_set_id.encode(), digest.encode())


def rescue_session_statement(challenge: str) -> bytes:
    """Return what a laptop signs to be let in to hand in its work, and to nothing else."""
    return b"rollcall rescue session 1\n" + challenge.encode()


def ended_statement(device_id: str, challenge: str) -> bytes:
    """Return what the central store signs to tell a laptop that it may not sync any more."""
    return b"rollcall laptop ended 1\n%s\n%s" % (device_id.encode(), challenge.encode())


def bound_to(change_set_id: str, digest: str, place: int, pieces: int) -> bytes:
    """Return what a sealed piece is tied to: nothing of it can be put in another's place."""
    return b"rollcall handed in 1\n%s\n%s\n%d/%d" % (change_set_id.encode(), digest.encode(), place, pieces)


def digest_of(body: bytes) -> str:
    """Return the hash by which a change set is known without being read."""
    return hashlib.sha256(body).hexdigest()
