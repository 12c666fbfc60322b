"""Background sync: a thread that syncs soon after a change, now and then, when asked, and when the network is back.

No window waits for it. After a failure it waits longer each time, with jitter, so that many laptops do not come back
at one moment.
"""

import random
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.errors import EnvironmentFault, RollcallError, UserError
from app.logs import get_logger
from app.models import ChangeSetRow
from app.models.terms import ChangeState, Role
from app.services.access import Permission, allowed
from app.services.conflicts import listing
from app.services.sync import facts, revocation, run_history
from app.services.sync.authority import keep_authority_key
from app.services.sync.client import SyncClient, pending_count
from app.services.sync.document_wishes import Wishes
from app.services.sync.enrolment import enrolled, open_transport
from app.services.sync.faults import CentralUnreachable, NotLetIn, Trouble
from app.services.sync.live import LiveFollower
from app.services.sync.network import UNKNOWN, NetworkState, NetworkWatch
from app.services.sync.run_history import note_run
from app.services.sync.status import SyncState, SyncStatus
from app.services.sync.stopping import Stoppable, StoppedError
from app.services.sync.telling import SyncProgress, SyncReport
from app.services.sync.transport import LOOPBACK, HttpTransport
from app.services.workspace import Workspace
from app.timesource import format_time

if TYPE_CHECKING:
    from app.services.vault import Vault

SOON_SECONDS = 1.5
"""From a change to its sync: an officer saving twice in a row sends once."""
FIRST_WAIT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 600.0
STOP_SECONDS = 3.0
RETURN_SECONDS = (0.2, 2.0)
"""From the network's return to the next sync."""
PORTAL_SECONDS = 60.0
"""Somebody signs in on the network's page within a minute or two, and nothing may tell that they did."""
_CHANGING = (
    Permission.EDIT_CASES,
    Permission.TAKE_REFERRALS,
    Permission.LINK_DOCUMENTS,
    Permission.WRITE_LETTERS,
    Permission.RESTRICT_CASES,
    Permission.REVIEW_ACCESS,
    Permission.IMPORT_REFERENCE,
    Permission.MANAGE_PEOPLE,
)
_SIGN_IN_CODES = frozenset({"sign-in-needed", "sign-in-failed", "token-stale"})
Listener = Callable[[SyncStatus], None]


def start(vault: "Vault", ws: Workspace) -> "BackgroundSync | None":
    """Start syncing an enrolled workspace; None when it has no central store."""
    if not enrolled(ws):
        return None
    sync = BackgroundSync(
        ws,
        every_seconds=_chosen_seconds,
        after=lambda transport: keep_authority_key(vault, ws, transport.authority),
        wishes=_chosen_wishes,
    )
    sync.watch(NetworkWatch(sync.heed))
    sync.start()
    sync.follow(LiveFollower(ws, sync.sync_now))
    return sync


def _chosen_seconds() -> float:
    """Return how often to sync, as the person chose it; read each time, so that a change counts at once."""
    from app.settings import Settings

    return 60.0 * int(Settings().get("sync_minutes"))


def _chosen_wishes(metered: bool) -> Wishes:
    """Return which bytes of documents may move, as the person chose."""
    from app.settings import Settings

    chosen = Settings()
    return Wishes(int(chosen.get("documents_days")), wait=metered and not chosen.get("documents_metered"))


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
        wishes: Callable[[bool], Wishes] | None = None,
        return_seconds: tuple[float, float] = RETURN_SECONDS,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            ws: what is synced.
            every_seconds: how often; read each time.
            soon_seconds: how long after a change.
            chance: for the jitter.
            after: done on the sync's thread after each sync that went through.
            wishes: which bytes of documents may move, on a network that costs by the byte or not; asked each time.
            return_seconds: how long after the network came back, at least and at most.
        """
        self._ws = ws
        self._after = after or (lambda _transport: None)
        self._wishes = wishes or (lambda metered: Wishes(wait=metered))
        self._return_seconds = return_seconds
        self._network = UNKNOWN
        self._watch: NetworkWatch | None = None
        self._every, self._soon = every_seconds, soon_seconds
        self._chance = chance or random.Random()
        self._turn = threading.Condition()
        self._asked = True
        self._changed = self._returned = False
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

    def watch(self, network: NetworkWatch) -> None:
        """Start to watch the network; it stops with the sync."""
        self._watch = network
        network.start()

    def heed(self, network: NetworkState) -> None:
        """Take what is known of the network: back, and the sync runs soon; gone, and that is said at once."""
        before, self._network = self._network, network
        if not network.connected:
            if before.connected and not self._on_this_machine():
                self._publish(self._told(SyncState.OFFLINE, trouble=Trouble.NO_ANSWER))
            return
        came_back = before.portal > network.portal or before.metered > network.metered or not before.connected
        if self._failures or came_back:
            with self._turn:
                self._returned = True
                self._turn.notify()

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
        if self._watch is not None:
            self._watch.stop()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(STOP_SECONDS)

    # -- the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        delay = 0.0
        while self._wait(delay):
            try:
                delay = self._sync_once()
            except StoppedError:
                return
            except Exception as error:  # noqa: BLE001  (the thread must live; the log says what and where)
                if self._stopping:
                    return
                get_logger().error("sync failed", exc=error)
                self._failures += 1
                words = "Sync met an error. Your work is kept."
                delay = self._tell_failure(SyncState.FAILED, words, trouble=type(error).__name__)

    def _wait(self, seconds: float) -> bool:
        """Wait until it is time, something changed, the network is back or somebody asked; False when stopping."""
        with self._turn:
            self._turn.wait_for(lambda: self._hurried() or self._changed, timeout=seconds)
            if self._changed and not self._hurried():
                # Offline work does not shorten the wait; it only grows the count.
                self._turn.wait_for(self._hurried, timeout=seconds if self._failures else self._soon)
            if self._returned:
                # Many laptops come back with one network: not all at one moment.
                spread = self._chance.uniform(*self._return_seconds)
                self._turn.wait_for(lambda: self._asked or self._stopping, timeout=spread)
            self._asked = self._changed = self._returned = False
            return not self._stopping

    def _hurried(self) -> bool:
        return self._asked or self._returned or self._stopping

    def _sync_once(self) -> float:
        self._publish(self._told(SyncState.SYNCING))
        started_at = self._ws.time.now()
        try:
            report = self._carry_out()
        except CentralUnreachable as fault:
            state = SyncState.OFFLINE if fault.offline else SyncState.FAILED
            at_most = PORTAL_SECONDS if fault.trouble is Trouble.PORTAL else LONGEST_WAIT_SECONDS * 2
            return self._failed(started_at, state, fault, fault.trouble, fault.wait_seconds or 0.0, at_most)
        except NotLetIn as fault:
            if ended := revocation.words_when_ended(self._ws, fault):
                self._publish(self._told(SyncState.ENDED, ended))
                return LONGEST_WAIT_SECONDS
            state = SyncState.SIGN_IN if fault.code in _SIGN_IN_CODES else SyncState.FAILED
            return self._failed(started_at, state, fault, fault.code)
        except (EnvironmentFault, UserError) as fault:
            return self._failed(started_at, SyncState.FAILED, fault, type(fault).__name__)
        self._failures = 0
        note_run(self._ws, started_at, run_history.DONE, report)
        self._publish(self._resting_status(report))
        return self._every() * self._chance.uniform(0.9, 1.1)

    def _carry_out(self) -> SyncReport:
        transport = open_transport(self._ws)
        try:
            stoppable = Stoppable(transport, lambda: self._stopping)
            wishes = self._wishes(self._network.metered)
            report = SyncClient(self._ws, stoppable, self._note_progress, wishes).run()
            if not self._stopping:
                self._after(transport)
            return report
        finally:
            transport.close()

    def _failed(
        self,
        started_at: datetime,
        state: SyncState,
        fault: RollcallError,
        trouble: str,
        at_least: float = 0.0,
        at_most: float = LONGEST_WAIT_SECONDS * 2,
    ) -> float:
        self._failures += 1
        note_run(self._ws, started_at, str(state), None, trouble)
        return self._tell_failure(state, fault.message, trouble=trouble, at_least=at_least, at_most=at_most)

    def _tell_failure(
        self, state: SyncState, message: str, *, trouble: str, at_least: float = 0.0, at_most: float = 1e9
    ) -> float:
        delay = max(min(wait_after(self._failures, self._chance), at_most), at_least * self._chance.uniform(1.0, 1.25))
        again = self._ws.time.now() + timedelta(seconds=delay)
        words = f"{message} Rollcall will try again at {format_time(again)}."
        self._publish(self._told(state, words, trouble=trouble))
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
        message = self._status.message if kept else ""
        self._publish(replace(self._status, state=state, pending_count=self._pending(), message=message))

    def _note_progress(self, progress: SyncProgress) -> None:
        if self._stopping:
            raise StoppedError
        if progress.total:
            self._publish(
                replace(
                    self._status,
                    state=SyncState.SYNCING,
                    message=progress.phase,
                    done_count=progress.done,
                    total_count=progress.total,
                )
            )

    def _resting_status(self, report: SyncReport | None = None) -> SyncStatus:
        with self._ws.read() as session:
            pending = pending_count(session)
            refused = _refused_count(session)
            review = listing.review_count(session, self._ws.actor) + refused
            stored = facts.get(session, facts.LAST_SYNCED)
        last = datetime.fromisoformat(stored) if stored else None
        metered = self._network.metered
        told = SyncStatus(
            SyncState.UP_TO_DATE if last or report else SyncState.SYNCING,
            pending,
            last,
            "",
            0,
            0,
            review,
            note=_waiting_words(report),
            metered=metered,
            refused_count=refused,
        )
        if pending:
            return replace(told, state=SyncState.WAITING)
        if review:
            return replace(told, state=SyncState.REVIEW)
        if not may_change(self._ws.actor.role):
            return replace(told, state=SyncState.READ_ONLY)
        return told

    def _told(self, state: SyncState, message: str = "", *, trouble: str = "") -> SyncStatus:
        """Return a state with what is known beside it."""
        known = self._status
        return SyncStatus(
            state,
            self._pending(),
            known.last_synced_at,
            message,
            review_count=known.review_count,
            refused_count=known.refused_count,
            trouble=str(trouble),
            metered=self._network.metered,
        )

    def _on_this_machine(self) -> bool:
        """Return whether the central store is on this machine, where no network is needed."""
        with self._ws.read() as session:
            server = facts.get(session, facts.SERVER) or ""
        return urlsplit(server).hostname in LOOPBACK

    def _pending(self) -> int:
        with self._ws.read() as session:
            return pending_count(session)

    def _publish(self, status: SyncStatus) -> None:
        if status == self._status or self._stopping:
            return
        self._status = status
        for listener in list(self._listeners):
            listener(status)


def may_change(role: Role) -> bool:
    """Return whether a role changes anything at all; the others see that they only read."""
    return any(allowed(role, permission) for permission in _CHANGING)


def _waiting_words(report: SyncReport | None) -> str:
    if report is None or not report.documents_waiting:
        return ""
    count = report.documents_waiting
    documents = "1 document waits" if count == 1 else f"{count} documents wait"
    return f"This network is metered. Records sync, and {documents} for another network."


def _refused_count(session: Session) -> int:
    refused = select(func.count()).select_from(ChangeSetRow).where(ChangeSetRow.state == ChangeState.REFUSED)
    return int(session.execute(refused).scalar_one())
