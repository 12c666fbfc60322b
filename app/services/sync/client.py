"""One sync: push, pull, units, bytes of documents, case numbers, proof. Each step can be cut off and taken up again."""

from functools import partial

from sqlalchemy import select

from app.errors import EnvironmentFault
from app.logs import get_logger
from app.models import ReferenceLease
from app.models.terms import HandInReason
from app.services.access import Permission, require
from app.services.audit import Action
from app.services.sync import (
    arrivals,
    deletions,
    facts,
    first_pull,
    keeping,
    protocol,
    proving,
    recovery,
    rescue,
    restored,
    scope,
    standing,
    team_keys,
    trust_protocol,
    unit_history,
)
from app.services.sync.apply import VaultBehind
from app.services.sync.asking import LogQuestion
from app.services.sync.countersigning import countersign, kept_beside
from app.services.sync.document_wishes import Wishes
from app.services.sync.documents import move_documents
from app.services.sync.faults import Trouble, nonsense, troubled
from app.services.sync.pushing import Pusher, pending_count
from app.services.sync.receipts import ReceiptChecker
from app.services.sync.scope_protocol import HistoryRequest
from app.services.sync.telling import Progress, SyncProgress, SyncReport, Transport
from app.services.workspace import Workspace

__all__ = ["SyncClient", "keep_lease", "pending_count"]
LEASE_WHEN_UNDER = 20
_LIVES_A_SYNC = 3
"""How often the central store may turn out to have been put back while one sync is under way."""


class SyncClient:
    """Syncs one vault. Not for two threads at once."""

    def __init__(
        self, ws: Workspace, transport: Transport, progress: Progress | None = None, wishes: Wishes | None = None
    ) -> None:
        self._ws = ws
        self._wishes = wishes
        self._transport = transport
        self._progress = progress or (lambda _progress: None)
        self._device = ws.actor.device_id
        self._life = restored.known_life(ws)
        self._was_let_in = False
        with ws.read() as session:
            self._receipts = ReceiptChecker(facts.get(session, facts.SERVER_KEY) or "")
        self._question = LogQuestion(ws, transport, lambda: self._life)
        self._pusher = Pusher(
            ws, transport, self._receipts, self._progress, lambda: self._life, self._check_life, self._question
        )

    def run(self) -> SyncReport:
        """Do everything once.

        Raises:
            CentralUnreachable: it can be tried again; what was done stays done.
            NotLetIn: the laptop must be let in first.
            TooManyDeletions: the fuse.
        """
        report = SyncReport()
        try:
            for _ in range(_LIVES_A_SYNC):
                try:
                    self._do_everything(report)
                except restored.StoreRestored:
                    self._life = restored.hand_back(self._ws, self._transport, self._receipts, self._progress)
                else:
                    return report
            raise troubled(Trouble.BUSY)
        except EnvironmentFault:
            self._note_contact()
            raise

    def _do_everything(self, report: SyncReport) -> None:
        self._exchange(report)
        with self._ws.read() as session:
            now, year = self._ws.time.now(), self._ws.time.today().year
            due = standing.due(session, now, year, proving.WHOLE_EVERY)
        if due.numbers < LEASE_WHEN_UNDER:
            self.renew_leases()
        if due.documents:
            move_documents(self._ws, self._transport, report, self._progress, self._wishes)
        if due.leaving:  # Bytes are sent before what they belong to may leave.
            scope.let_go_what_may_go(self._ws, self._transport, report)
        if due.history:
            self._fetch_history()
        if due.proof:
            proving.prove_after_sync(self._ws, self._transport, report, self._progress, self._question.told)
            keeping.forget_old(self._ws)  # at least once an hour
        self._close(report)
        self._ws.tidy()
        get_logger().info("synced", count=report.pushed + report.received, revision=report.revision)

    def _close(self, report: SyncReport) -> None:
        """Note that the sync went through, and keep what the central store countersigned: in one transaction."""
        moved = report.pushed or report.received or report.refused or report.rows
        alone, beside = self._question.alone, self._question.audit
        if alone:
            if moved:
                self._ws.audit(Action.SYNCED, detail={"revision": report.revision})
            countersign(self._ws, self._transport, report)
        with self._ws.local_session() as session:
            settled = beside is None or kept_beside(session, self._device, *beside)
            if moved and not alone:
                self._ws.audit(Action.SYNCED, detail={"revision": report.revision})
            facts.put(session, facts.LAST_SYNCED, self._ws.time.now().isoformat())
        if not settled:
            countersign(self._ws, self._transport, report, beside)

    def _note_contact(self) -> None:
        """Note, where a sync was cut off, that the central store had let this laptop in."""
        if self._was_let_in:
            with self._ws.local_session() as session:
                facts.put(session, facts.CONTACT, self._ws.time.now().isoformat())

    def prove_all(self) -> SyncReport:
        """Compare everything here with the central store now, and heal what differs.

        Raises:
            CentralUnreachable: it can be tried again.
        """
        report = SyncReport()
        proving.prove_all(self._ws, self._transport, report, self._progress)
        return report

    def _exchange(self, report: SyncReport) -> None:
        with self._ws.read() as session:
            behind = recovery.is_behind(session)
        if behind:
            self.catch_up(report)
        self.push(report)
        self.pull(report)
        if self._pusher.place_taken:
            self.catch_up(report)
            self.push(report)
        if team_keys.tend(self._ws):
            self.push(report)

    def _check_life(self, answered: str) -> None:
        """Compare the life of the store that answered with the one this laptop knows.

        Raises:
            StoreRestored: it is another one.
        """
        self._was_let_in = True
        if answered in ("", self._life):
            return  # a store of the version before says none
        if self._life:
            raise restored.StoreRestored
        self._life = restored.take_up(self._ws, self._transport)

    def push(self, report: SyncReport) -> None:
        """Send what waits, in order, in pieces; a lost answer is asked for again. What may not go in is handed in."""
        self._pusher.push(report)
        if self._pusher.to_hand_in:
            self._question.forget()
            done = rescue.hand_in(
                self._ws, self._transport, self._pusher.to_hand_in, HandInReason.NO_ACCESS, self._pusher.teams
            )
            report.handed_in += len(done.handed_in)

    def pull(self, report: SyncReport) -> None:
        """Bring this vault to the central store's newest revision, and fetch what entered its scope."""
        self.first_pull(report)
        try:
            self._pull_log(report)
        except VaultBehind:
            self.catch_up(report)
            self.push(report)
        arrivals.fetch(self._ws, self._transport, report, self._progress)

    def catch_up(self, report: SyncReport) -> None:
        """Bring back what a vault that was put back or rebuilt lacks, before anything of it is sent."""
        self._pusher.place_taken = False
        report.own += recovery.fetch_own_sets(self._ws, self._transport, self._receipts, self._progress)
        self.first_pull(report)
        try:
            self._pull_log(report, own_too=True)
        except VaultBehind as error:
            raise nonsense() from error
        with self._ws.apply_session() as session:
            recovery.settle(session, self._device)

    def first_pull(self, report: SyncReport) -> None:
        """Fetch the snapshot if this vault has none yet, from where the last attempt stopped."""
        first_pull.fetch(self._ws, self._transport, report, self._progress, lambda: self._push_meanwhile(report))

    def _push_meanwhile(self, report: SyncReport) -> None:
        """Send what the person did during a long first pull; a vault that is catching up sends nothing yet."""
        with self._ws.read() as session:
            waits = pending_count(session) > 0 and not recovery.is_behind(session)
        if waits:
            self.push(report)

    def _pull_log(self, report: SyncReport, *, own_too: bool = False) -> None:
        with self._ws.read() as session:
            cursor, scoped = facts.cursor(session), facts.get(session, facts.SCOPED) is not None
        started_at, more = cursor, True
        while more:
            answer = self._question.ask(cursor)
            self._check_life(answer.store)
            following = answer.cursor if answer.scope is not None else _last_revision(answer, cursor)
            if following < cursor or (following == cursor and cursor < answer.head and answer.entries):
                raise nonsense()
            if following > cursor or _says_more(answer, scoped=scoped):
                take = partial(scope.take_answer, answer=answer, device_id=self._device, own_too=own_too)
                report.received += deletions.applied(self._ws, self._transport, following, take)
            more = following > cursor and following < answer.head
            cursor = following
            self._progress(SyncProgress("Fetching changes", cursor - started_at, answer.head - started_at))
        report.revision = cursor

    def _fetch_history(self) -> None:
        """Fetch, a little each time, the log that the rows here stood for, so that history reaches back."""
        unit_history.fetch(self._ws, self._transport)
        for _ in range(unit_history.PAGES_A_SYNC):
            with self._ws.read() as session:
                stored = facts.get(session, facts.HISTORY_FROM)
                scoped = facts.get(session, facts.SCOPED) is not None
            if not stored:
                return
            at, _, end = (int(part) if part.isdigit() else 0 for part in stored.partition(":"))
            entries: list[protocol.LogEntry] = []
            following = end
            if at < end:
                answer = self._ask_history(at, end, scoped=scoped)
                entries = [entry for entry in answer.entries if entry.revision <= end]
                following = answer.cursor if scoped else _last_revision(answer, end)
            with self._ws.apply_session() as session:
                unit_history.keep(session, entries, self._device)
                if at < following < end:
                    facts.put(session, facts.HISTORY_FROM, f"{following}:{end}")
                else:
                    facts.forget(session, facts.HISTORY_FROM)

    def _ask_history(self, at: int, end: int, *, scoped: bool) -> protocol.PullAnswer:
        """Ask for a page of the log that the first pull stood for: of all that is held here, where there is scope."""
        limit = min(protocol.PAGE_ENTRIES, end - at)
        if scoped:
            request = HistoryRequest([], at, end, limit)
            return self._transport.call("/units/history", request, protocol.PullAnswer)
        answer = self._transport.call("/pull", protocol.PullRequest(at, limit, self._life), protocol.PullAnswer)
        self._check_life(answer.store)
        return answer

    def renew_leases(self) -> None:
        """Borrow case numbers when this year's run low."""
        year = self._ws.time.today().year
        with self._ws.read() as session:
            leases = session.execute(
                select(ReferenceLease.last, ReferenceLease.next).where(ReferenceLease.year == year)
            ).all()
        if sum(max(0, lease.last - lease.next + 1) for lease in leases) >= LEASE_WHEN_UNDER:
            return
        lease = self._transport.call("/lease", protocol.LeaseRequest(year), trust_protocol.Lease)
        keep_lease(self._ws, lease, year)


def _last_revision(answer: protocol.PullAnswer, cursor: int) -> int:
    return answer.entries[-1].revision if answer.entries else cursor


def _says_more(answer: protocol.PullAnswer, *, scoped: bool) -> bool:
    """Return whether an answer says something of scope, though there was nothing new in the log.

    That the store keeps to scope at all is news to a vault that does not know it yet (``scoped``).
    """
    told = answer.scope
    return told is not None and (not scoped or bool(told.arrive or told.leave or told.gone))


def keep_lease(ws: Workspace, lease: trust_protocol.Lease, year: int) -> None:
    """Keep a borrowed block of numbers.

    Raises:
        CentralUnreachable: it is not a block of that year.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    if lease.year != year or not 0 < lease.first <= lease.last < lease.first + 100_000:
        raise nonsense()
    with ws.local_session() as session:
        known = session.get(ReferenceLease, (lease.year, lease.first))
        if known is None:
            session.add(ReferenceLease(year=lease.year, first=lease.first, last=lease.last, next=lease.first))
