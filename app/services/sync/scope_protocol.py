"""What laptop and central store say to each other about scope: which records a laptop holds, and if they are equal.

A **unit** is one child with everything recorded about it: names, family, addresses, cases, notes, documents, letters.
Units arrive whole and leave whole. Rows that belong to no unit (people, teams, schools, codes, what is not linked yet)
go to every laptop whose role may read them.
"""

import msgspec

from app.services.sync.protocol import SnapshotPage


class UnitsRequest(msgspec.Struct):
    """Ask for units whole; as many as fit are sent, the rest is asked for again."""

    units: list[str]


class UnitsAnswer(msgspec.Struct):
    """Every row of some units, as of one revision.

    Attributes:
        whole: the units that are complete with these pages, in the order asked for.
        closed: units that this laptop may not hold (any more), or that do not exist.
        revision: as of which the rows are; the log after it is applied on top.
    """

    pages: list[SnapshotPage]
    whole: list[str]
    closed: list[str]
    revision: int


class HistoryRequest(msgspec.Struct):
    """Ask for what the log says of units that arrived whole, between two revisions: their history."""

    units: list[str]
    after: int
    until: int
    limit: int


class ProofRequest(msgspec.Struct):
    """Ask whether units are the same on both sides.

    Attributes:
        cursor: the revision this laptop is at.
        units: each with its hash (:func:`app.services.sync.proof.unit_hash`).
        whole_scope: hash over every unit held, or empty when only some are asked about.
    """

    cursor: int
    units: list[tuple[str, bytes]]
    whole_scope: bytes = b""


class ProofAnswer(msgspec.Struct):
    """What differs.

    Attributes:
        head: the newest revision; where it is not the laptop's, nothing was compared.
        differ: units that are not the same here.
        leave: units that the laptop may not hold.
        same_scope: False when the laptop holds other units than it should; ``units`` then lists all it should hold.
    """

    head: int
    differ: list[str]
    leave: list[str]
    same_scope: bool = True
    units: list[str] = []
