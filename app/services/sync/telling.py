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
        received: change sets from elsewhere.
        rows: rows of a first pull.
        own: this laptop's own change sets that it had lost and has again.
        documents_sent, documents_fetched: contents whose bytes moved.
        revision: the newest central revision this vault holds.
    """

    pushed: int = 0
    conflicted: int = 0
    refused: int = 0
    received: int = 0
    rows: int = 0
    own: int = 0
    documents_sent: int = 0
    documents_fetched: int = 0
    revision: int = 0
    reasons: list[str] = field(default_factory=list)


Progress = Callable[[SyncProgress], None]
