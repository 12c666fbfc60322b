"""Background sync: a thread that syncs soon after a change, now and then, and when asked; no window waits for it.

After a failure it waits longer each time, with jitter, so that many laptops do not come back at one moment.
"""

import random
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.errors import EnvironmentFault, RollcallError, UserError
from app.logs import get_logger
from app.models import ChangeSetRow
from app.models.terms import ChangeState
from app.services.conflicts import listing
from app.services.sync import facts
from app.services.sync.authority import keep_authority_key
from app.services.sync.client import SyncClient, pending_count
from app.services.sync.enrolment import enrolled, open_transport
from app.services.sync.faults import CentralUnreachable, NotLetIn
from app.services.sync.live import LiveFollower
from app.services.sync.status import SyncState, SyncStatus
from app.services.sync.telling import Answer, SyncProgress, SyncReport, Transport
from app.services.sync.transport import HttpTransport
from app.services.workspace import Actor, Workspace
from app.timesource import format_time

if TYPE_CHECKING:
    from app.services.vault import Vault

SOON_SECONDS = 1.5
"""From a change to its sync: an officer saving twice in a row sends once."""
FIRST_WAIT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 600.0
STOP_SECONDS = 3.0
_SIGN_IN_CODES = frozenset({"sign-in-needed", "sign-in-failed", "token-stale"})

Listener = Callable[[SyncStatus], None]


def start(vault: "Vault", ws: Workspace) -> "BackgroundSync | None":
    """Start syncing an enrolled workspace; None when it has no central store."""
    if not enrolled(ws):
        return None
    sync = BackgroundSync(
        ws, every_seconds=_chosen_seconds, after=lambda transport: keep_authority_key(vault, ws, transport.authority)
    )
    sync.start()
    sync.follow(LiveFollower(ws, sync.sync_now))
    return sync


def _chosen_seconds() -> float:
    """Return how often to sync, as the person chose it; read each time, so that a change counts at once."""
    from app.settings import Settings

    return 60.0 * int(Settings().get("sync_minutes"))


def wait_after(failures: int, chance: random.Random) -> float:
    """Return how long to wait after so many failures in a row, in seconds."""
    longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(failures - 1, 10))
    return longest * chance.uniform(0.75, 1.25)


class BackgroundSync:
    """Syncs one workspace from a thread of its own (a ``SyncSource`` for the window)."""

    def __init__(
        self,
        ws: Workspace,
        *,
        every_seconds: Callable[[], float],
        soon_seconds: float = SOON_SECONDS,
        chance: random.Random | None = None,
        after: Callable[[HttpTransport], object] | None = None,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            ws: what is synced.
            every_seconds: how often; read each time.
            soon_seconds: how long after a change.
            chance: for the jitter.
            after: done on the sync's thread after each sync that went through.
        """
        self._ws = ws
        self._after = after or (lambda _transport: None)
        self._every, self._soon = every_seconds, soon_seconds
        self._chance = chance or random.Random()
        self._turn = threading.Condition()
        self._asked = True
        self._changed = False
        self._stopping = False
        self._failures = 0
        self._live: LiveFollower | None = None
        self._listeners: list[Listener] = []
        self._status = self._resting_status()
        self._thread = threading.Thread(target=self._run, name="sync", daemon=True)
        self._forget_changes = ws.on_change(self._note_change)

    # -- what the window uses ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread; it syncs at once."""
        self._thread.start()

    def follow(self, live: LiveFollower) -> None:
        """Start to follow the central store's live queue; it stops with the sync."""
        self._live = live
        live.start()

    def status(self) -> SyncStatus:
        """Return the state now."""
        return self._status

    def on_status(self, callback: Listener) -> None:
        """Call back with every new state, on whatever thread it arises."""
        self._listeners.append(callback)

    def sync_now(self) -> None:
        """Ask for a sync at once; returns at once."""
        with self._turn:
            self._asked = True
            self._turn.notify()

    def stop(self) -> None:
        """Stop: a sync that is under way ends at its next step, and whatever it did is kept."""
        self._forget_changes()
        with self._turn:
            self._stopping = True
            self._turn.notify()
        self._listeners.clear()
        if self._live is not None:
            self._live.stop()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(STOP_SECONDS)

    # -- the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        delay = 0.0
        while self._wait(delay):
            try:
                delay = self._sync_once()
            except _StoppedError:
                return
            except Exception as error:  # noqa: BLE001  (the thread must live; the log says what and where)
                if self._stopping:
                    return
                get_logger().error("sync failed", exc=error)
                self._failures += 1
                delay = self._tell_failure(SyncState.FAILED, "Sync met an error. Your work is kept.")

    def _wait(self, seconds: float) -> bool:
        """Wait until it is time, something changed or somebody asked; False when stopping."""
        with self._turn:
            self._turn.wait_for(lambda: self._asked or self._changed or self._stopping, timeout=seconds)
            hurried = self._asked
            if self._changed and not hurried:
                if self._failures:
                    # Offline work does not shorten the wait; it only grows the count.
                    self._changed = False
                    self._turn.wait_for(lambda: self._asked or self._stopping, timeout=seconds)
                else:
                    self._turn.wait_for(lambda: self._asked or self._stopping, timeout=self._soon)
            self._asked = self._changed = False
            return not self._stopping

    def _sync_once(self) -> float:
        self._publish(SyncStatus(SyncState.SYNCING, self._pending(), self._status.last_synced_at))
        transport = open_transport(self._ws)
        try:
            report = SyncClient(self._ws, _Stoppable(transport, lambda: self._stopping), self._note_progress).run()
            if not self._stopping:
                self._after(transport)
        except CentralUnreachable as fault:
            self._failures += 1
            state = SyncState.OFFLINE if fault.offline else SyncState.FAILED
            return self._tell_failure(state, fault.message, at_least=fault.wait_seconds or 0.0)
        except NotLetIn as fault:
            self._failures += 1
            state = SyncState.SIGN_IN if fault.code in _SIGN_IN_CODES else SyncState.FAILED
            return self._tell_failure(state, fault.message)
        except (EnvironmentFault, UserError) as fault:
            self._failures += 1
            return self._tell_failure(SyncState.FAILED, fault.message)
        finally:
            transport.close()
        self._failures = 0
        self._publish(self._resting_status(report))
        return self._every() * self._chance.uniform(0.9, 1.1)

    def _tell_failure(self, state: SyncState, message: str, *, at_least: float = 0.0) -> float:
        delay = max(wait_after(self._failures, self._chance), at_least)
        again = self._ws.time.now() + timedelta(seconds=delay)
        words = f"{message} Rollcall will try again at {format_time(again)}."
        self._publish(SyncStatus(state, self._pending(), self._status.last_synced_at, words))
        return delay

    # -- states --------------------------------------------------------------------------------------------------

    def _note_change(self, _tables: frozenset[str]) -> None:
        if threading.current_thread() is self._thread:
            return  # what a pull wrote needs no sending
        with self._turn:
            self._changed = True
            self._turn.notify()
        resting = self._status.state
        if resting is SyncState.SYNCING:
            return
        kept = resting in (SyncState.OFFLINE, SyncState.FAILED, SyncState.SIGN_IN)
        state = resting if kept else SyncState.WAITING
        self._publish(
            SyncStatus(
                state,
                self._pending(),
                self._status.last_synced_at,
                self._status.message if kept else "",
                review_count=self._status.review_count,
            )
        )

    def _note_progress(self, progress: SyncProgress) -> None:
        if self._stopping:
            raise _StoppedError
        if progress.total:
            self._publish(
                SyncStatus(
                    SyncState.SYNCING,
                    self._status.pending_count,
                    self._status.last_synced_at,
                    progress.phase,
                    progress.done,
                    progress.total,
                )
            )

    def _resting_status(self, report: SyncReport | None = None) -> SyncStatus:
        with self._ws.read() as session:
            pending = pending_count(session)
            review = review_count(session, self._ws.actor)
            stored = facts.get(session, facts.LAST_SYNCED)
        last = datetime.fromisoformat(stored) if stored else None
        if pending:
            return SyncStatus(SyncState.WAITING, pending, last, review_count=review)
        if review:
            return SyncStatus(SyncState.REVIEW, 0, last, review_count=review)
        state = SyncState.UP_TO_DATE if last or report else SyncState.SYNCING
        return SyncStatus(state, 0, last)

    def _pending(self) -> int:
        with self._ws.read() as session:
            return pending_count(session)

    def _publish(self, status: SyncStatus) -> None:
        if status == self._status or self._stopping:
            return
        self._status = status
        for listener in list(self._listeners):
            listener(status)


class _StoppedError(RollcallError):
    """The window was locked or closed in the middle of a sync."""

    def __init__(self) -> None:
        super().__init__("Stopped.")


class _Stoppable:
    """A transport that carries nothing more once sync is stopping."""

    def __init__(self, transport: Transport, stopping: Callable[[], bool]) -> None:
        self._transport, self._stopping = transport, stopping

    def call(self, path: str, message: object, kind: type[Answer]) -> Answer:
        """Send a message unless stopping; an answer that comes too late is not acted on."""
        if self._stopping():
            raise _StoppedError
        answer = self._transport.call(path, message, kind)
        if self._stopping():
            raise _StoppedError
        return answer


def review_count(session: Session, actor: Actor) -> int:
    """Return how many changes a person has to look at: choices that are theirs to see, and refused change sets."""
    conflicts = listing.review_count(session, actor)
    refused = session.execute(
        select(func.count()).select_from(ChangeSetRow).where(ChangeSetRow.state == ChangeState.REFUSED)
    ).scalar_one()
    return int(conflicts) + int(refused)
