"""What sync has to say about itself: the words of the pill, and where pages read them from."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from app.timesource import to_london


class SyncState(StrEnum):
    """The states of the sync pill."""

    UP_TO_DATE = "up_to_date"
    SYNCING = "syncing"
    WAITING = "waiting"
    OFFLINE = "offline"
    REVIEW = "review"
    SIGN_IN = "sign_in"
    FAILED = "failed"
    READ_ONLY = "read_only"
    ENDED = "ended"
    """This laptop may not sync any more, and what it had not sent is with the team."""


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """One state of sync, whole.

    Attributes:
        state: what the pill shows.
        pending_count: change sets on this laptop without a receipt.
        last_synced_at: when the last sync finished, UTC.
        message: a sentence for the popover, e.g. when it will try again; may be empty.
        done_count, total_count: while syncing, how far.
        review_count: changes that a person has to look at: choices, and what the central store did not take.
        refused_count: how many of these were not taken.
        note: what else is to be said, e.g. that documents wait for another network; may be empty.
        trouble: a code for IT of what stood between; empty when the last sync went through.
        metered: the network costs by the byte.
    """

    state: SyncState
    pending_count: int = 0
    last_synced_at: datetime | None = None
    message: str = ""
    done_count: int = 0
    total_count: int = 0
    review_count: int = 0
    note: str = ""
    trouble: str = ""
    metered: bool = False
    refused_count: int = 0

    @property
    def choice_count(self) -> int:
        """How many values there are for a person to choose between."""
        return self.review_count - self.refused_count

    def words(self) -> str:
        """Return the pill's words, e.g. ``Offline · 7 changes kept``."""
        match self.state:
            case SyncState.UP_TO_DATE:
                at = f" · {to_london(self.last_synced_at):%H:%M}" if self.last_synced_at else ""
                return f"Up to date{at}"
            case SyncState.SYNCING:
                return f"Syncing {self.done_count:,} of {self.total_count:,}" if self.total_count else "Syncing"
            case SyncState.WAITING:
                return f"Waiting · {changes(self.pending_count)}"
            case SyncState.OFFLINE:
                return f"Offline · {changes(self.pending_count)} kept" if self.pending_count else "Offline"
            case SyncState.REVIEW:
                return f"{changes(self.review_count)} to review"
            case SyncState.SIGN_IN:
                return "Sign in to sync"
            case SyncState.FAILED:
                return "Could not sync"
            case SyncState.READ_ONLY:
                return "Read only"
            case SyncState.ENDED:
                return "Access ended"

    def short_words(self) -> str:
        """Return the pill's words for a narrow window."""
        if self.state is SyncState.OFFLINE and self.pending_count:
            return f"Offline · {self.pending_count:,} kept"
        if self.state is SyncState.WAITING:
            return f"{self.pending_count:,} waiting"
        return self.words()

    def sentence(self) -> str:
        """Return what the popover and Today say in a full sentence."""
        kept = f"{changes(self.pending_count)} {'is' if self.pending_count == 1 else 'are'} kept"
        match self.state:
            case SyncState.UP_TO_DATE:
                return "Everything you have recorded is in the central store."
            case SyncState.SYNCING:
                return "Your changes are on their way to the central store."
            case SyncState.WAITING:
                return f"{kept} safely here and will sync shortly."
            case SyncState.OFFLINE:
                if not self.pending_count:
                    if self.last_synced_at is None:
                        return self.message or "This laptop has not synced yet."
                    return "You are offline. Everything you have recorded is in the central store."
                return f"{kept} safely here. They will sync when you next connect."
            case SyncState.REVIEW:
                return self._to_review()
            case SyncState.SIGN_IN:
                return self._to_sign_in()
            case SyncState.FAILED:
                return "Could not reach the central store. Your work is kept. Rollcall will try again."
            case SyncState.READ_ONLY:
                return "This laptop can read but not change records."
            case SyncState.ENDED:
                return self.message

    def _to_sign_in(self) -> str:
        if not self.pending_count:
            return "Sign in to sync. Everything you have recorded is in the central store."
        are = "is" if self.pending_count == 1 else "are"
        return f"Sign in to sync. Your {changes(self.pending_count)} {are} kept until you do."

    def _to_review(self) -> str:
        are = "1 change is" if self.refused_count == 1 else f"{self.refused_count:,} changes are"
        refused = f"{are} not in the central store, and kept here. The Sync centre says why and what to do."
        if not self.choice_count:
            return refused
        choice = "Someone else changed the same thing. Both are kept. Choose which to show."
        return f"{choice} {refused}" if self.refused_count else choice


def changes(count: int) -> str:
    """Return ``1 change`` or ``1,200 changes``."""
    return "1 change" if count == 1 else f"{count:,} changes"


class SyncSource(Protocol):
    """Where the window reads sync from; background sync implements it."""

    def status(self) -> SyncStatus:
        """Return the state now."""
        ...

    def on_status(self, callback: Callable[[SyncStatus], None]) -> None:
        """Call back with every new state, on whatever thread it arises."""
        ...

    def sync_now(self) -> None:
        """Ask for a sync at once; returns at once."""
        ...


class NoSync:
    """Stands where a vault is not enrolled with a central store: nothing waits, nothing is sent."""

    def status(self) -> SyncStatus:
        """Return that there is no connection to wait for."""
        return SyncStatus(SyncState.OFFLINE, message="This laptop is not enrolled with a central store.")

    def on_status(self, callback: Callable[[SyncStatus], None]) -> None:
        """Take the callback; the state never changes."""

    def sync_now(self) -> None:
        """Do nothing: there is nowhere to send to."""
