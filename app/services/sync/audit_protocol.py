"""What laptop and central store say to each other about the audit chain of a laptop."""

from typing import Annotated

import msgspec

Whole = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
"""A number from outside that a column of the database holds."""


class AuditPush(msgspec.Struct):
    """Entries of a laptop's audit chain, in order, for the central store to keep and countersign.

    Attributes:
        after, after_hash: the entry they follow; 0 and 32 zero bytes before the first.
        bodies: canonical bytes, as they were hashed.
        hash: of the last of them.
        head: the number of the laptop's newest entry, sent or not.
    """

    after: Whole
    after_hash: bytes
    bodies: list[bytes]
    hash: bytes
    head: Whole


class AuditAnswer(msgspec.Struct):
    """How far the central store holds a laptop's chain.

    Attributes:
        state: ``COUNTERSIGNED``; ``HELD`` (it lacks entries before these); or ``REFUSED`` (they do not continue it).
        sequence, hash, at: the newest entry it holds and when it countersigned it; 0 and empty before the first.
        receipt: its signature over :func:`app.services.audit.anchors.receipt_statement` of these.
        reason: why it refused, in words.
    """

    state: str
    sequence: int
    hash: bytes
    at: str
    receipt: bytes
    reason: str = ""


class AuditRequest(msgspec.Struct):
    """Asks for entries of the laptop's own chain after a place: a vault that was put back lacks some."""

    after: Whole


class AuditEntries(msgspec.Struct):
    """Entries of the asking laptop's chain, in order, from the place asked for."""

    bodies: list[bytes]
