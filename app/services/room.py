"""How much room the disk has left, and what waits when it is short."""

from dataclasses import dataclass
from typing import Protocol

from app.errors import EnvironmentFault


@dataclass(frozen=True, slots=True)
class RoomState:
    """Room on the vault's disk.

    Attributes:
        free: bytes that can still be written.
        short: people should be told.
        in_use: the reserve has been let go: saving, locking and syncing go on, large things wait.
        words: for a banner; empty when there is room.
    """

    free: int
    short: bool = False
    in_use: bool = False
    words: str = ""


class Room(Protocol):
    """Looks after the room on a vault's disk."""

    def before_write(self) -> None:
        """Let the reserve go when the disk is nearly full."""
        ...

    def let_go(self) -> None:
        """Let the reserve go: something did not fit."""
        ...

    def state(self) -> RoomState:
        """Return how much room there is now."""
        ...


class DiskFull(EnvironmentFault):
    """There is no room for this; what is there stays."""


def room_words(free: int) -> str:
    """Return the words for little room."""
    size = f"{free // 1_000_000} MB" if free >= 1_000_000 else "less than 1 MB"
    return f"This laptop has {size} left. Sync, then remove old visit packs. Nothing has been deleted."


def full_fault(free: int) -> DiskFull:
    """Return the fault of a save that did not fit."""
    return DiskFull(f"{room_words(free)} This was not saved. What you typed is kept: save it again.")


def is_full(error: BaseException) -> bool:
    """Return whether a save failed because the disk has no room: SQLite's own words, wrapped by SQLAlchemy or not."""
    cause = getattr(error, "orig", None) or error
    return type(cause).__name__ == "OperationalError" and "is full" in str(cause)
