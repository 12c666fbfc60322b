"""What a sync is handed and what it tells: the transport it speaks through, how far it is, what it did."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

Answer = TypeVar("Answer")


class Transport(Protocol):
    """What carries messages: :class:`app.services.sync.transport.HttpTransport`."""

    def call(self, path: str, message: object, kind: type[Answer]) -> Answer:
        """Send a message and return the answer."""
        ...


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """How far a sync is.

    Attributes:
        phase: what is being done, in words.
        done: how many of ``total``; total is 0 when it is not known.
    """

    phase: str
    done: int
    total: int


@dataclass(slots=True)
class SyncReport:
    """What a sync did.

    Attributes:
        pushed: change sets the central store took.
        conflicted: those of them with a field that a person must choose.
        refused: change sets it refused; they stay on the laptop.
        handed_in: change sets that went sealed to the team; whoever made them may not write there (any more).
        received: change sets from elsewhere.
        rows: rows of a first pull.
        own: this laptop's own change sets that it had lost and has again.
        documents_sent, documents_fetched: contents whose bytes moved.
        documents_waiting: contents that wait for a network that does not cost by the byte.
        documents_damaged: pieces that arrived damaged and were not kept.
        bytes_sent, bytes_fetched: bytes of documents that moved.
        arrived_units: children whose records entered this laptop's scope and are here whole.
        left_units: children whose records left it and are gone from here.
        waiting_units: children whose records are to leave and stay, for something of them is only here.
        held_back_units: children whose records are to leave and stay until the central store says so again.
        checked_units: children whose records were compared with the central store's.
        healed_units: of those, how many differed here and were fetched again.
        unequal_units: of those, how many still differ.
        checked_whole: whether everything here was compared.
        revision: the newest central revision this vault holds.
    """

    pushed: int = 0
    conflicted: int = 0
    refused: int = 0
    handed_in: int = 0
    received: int = 0
    rows: int = 0
    own: int = 0
    documents_sent: int = 0
    documents_fetched: int = 0
    documents_waiting: int = 0
    documents_damaged: int = 0
    bytes_sent: int = 0
    bytes_fetched: int = 0
    arrived_units: int = 0
    left_units: int = 0
    waiting_units: int = 0
    held_back_units: int = 0
    checked_units: int = 0
    healed_units: int = 0
    unequal_units: int = 0
    checked_whole: bool = False
    revision: int = 0
    reasons: list[str] = field(default_factory=list)


Progress = Callable[[SyncProgress], None]
