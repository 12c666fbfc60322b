"""What laptop and central store say to each other about the store itself: which life it is in, and what it lost.

A central store that is restored from a backup forgets what came after it, though laptops hold receipts for that. So
each life of the store has a name of its own (an *epoch*), begun at a revision. A laptop says in which life it last
spoke with the store; when that is not the store's, nothing is done and the laptop asks for the lives there were. What
it holds with a later revision than the last they share it hands back, in the old order, signed as it was.
"""

from typing import Annotated, Final

import msgspec

from app.services.sync.audit_protocol import Whole
from app.services.sync.protocol import SignedSet

MOST_KNOWN: Final = 200


class KnownEntry(msgspec.Struct, array_like=True):
    """An entry of the log as a laptop knows it.

    Attributes:
        digest: SHA-256 of the change set's signed bytes, in hexadecimal.
        state, receipt: of the laptop's own, how it went in, with the store's signature on that; else empty.
    """

    revision: Whole
    id: str
    digest: str = ""
    state: str = ""
    receipt: bytes = b""


class EpochsRequest(msgspec.Struct):
    """Ask for the lives of the central store.

    Attributes:
        life: the one the laptop last spoke with.
        known: some of the log as it knows it, oldest first: where the store has other entries there it was put back
            without its knowing. It believes that only of its own receipts.
    """

    life: str = ""
    known: Annotated[list[KnownEntry], msgspec.Meta(max_length=MOST_KNOWN)] = []


class Epochs(msgspec.Struct):
    """The lives of the central store, oldest first, each with the revision it began after.

    Attributes:
        sealing_key: raw X25519; what a laptop can no longer read it keeps sealed to this (empty from a store of the
            version before).
        agreed: the last revision up to which what the laptop knows is in the log; None where all of it is.
        signature: the store's, over :func:`app.services.sync.kept_sets.sealing_statement`.
    """

    epochs: list[tuple[str, int]]
    sealing_key: bytes = b""
    signature: bytes = b""
    agreed: int | None = None


class HandBackRequest(msgspec.Struct):
    """Change sets that the store had accepted and may have lost, of any laptop, in the order of their revisions.

    One that its laptop can no longer read stands there sealed (:mod:`app.services.sync.kept_sets`).
    """

    sets: list[SignedSet]
