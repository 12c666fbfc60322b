"""One sync: push, pull, bytes of documents, case numbers. Every step can be cut off and taken up again."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from app.logs import get_logger
from app.models import SYNCED_TABLES, ChangeSetRow, ReferenceLease
from app.models.terms import ChangeState
from app.services import projection_rebuild
from app.services.access import Permission, require
from app.services.audit import Action
from app.services.sync import facts, protocol, recovery
from app.services.sync.apply import VaultBehind, apply_entries, apply_snapshot_page, keep_history
from app.services.sync.countersigning import countersign
from app.services.sync.documents import move_documents
from app.services.sync.faults import CentralUnreachable, nonsense
from app.services.sync.receipts import ReceiptChecker
from app.services.sync.telling import Progress, SyncProgress, SyncReport, Transport
from app.services.workspace import Workspace

LEASE_WHEN_UNDER = 20
_DONE = "done"
_HISTORY_PAGES_A_SYNC = 5


class _Place(msgspec.Struct):
    """Where a first pull stands; no table means that all rows are here."""

    revision: int
    table: str | None = next(iter(SYNCED_TABLES))
    after: str | None = None

    def beyond(self, other: "_Place") -> bool:
        """Return whether this is further on than another, so that a first pull always ends."""
        tables = list(SYNCED_TABLES)
        if self.table is None:
            return True
        if self.table not in tables or other.table is None:
            return False
        here, there = tables.index(self.table), tables.index(other.table)
        return here > there or (here == there and (self.after or "") > (other.after or ""))


class SyncClient:
    """Syncs one vault. Not for two threads at once."""

    def __init__(self, ws: Workspace, transport: Transport, progress: Progress | None = None) -> None:
        self._ws = ws
        self._transport = transport
        self._progress = progress or (lambda _progress: None)
        self._device = ws.actor.device_id
        self._sets_a_push = protocol.PUSH_SETS
        self._place_taken = False
        with ws.read() as session:
            self._receipts = ReceiptChecker(facts.get(session, facts.SERVER_KEY) or "")

    def run(self) -> SyncReport:
        """Do everything once.

        Raises:
            CentralUnreachable: it can be tried again; what was done stays done.
            NotLetIn: the laptop must be let in first.
            TooManyDeletions: the fuse.
        """
        report = SyncReport()
        with self._ws.read() as session:
            behind = recovery.is_behind(session)
        if behind:
            self.catch_up(report)
        self.push(report)
        self.pull(report)
        if self._place_taken:
            self.catch_up(report)
            self.push(report)
        self.renew_leases()
        move_documents(self._ws, self._transport, report, self._progress)
        self._fetch_history()
        if report.pushed or report.received or report.refused or report.rows:
            self._ws.audit(Action.SYNCED, detail={"revision": report.revision})
        countersign(self._ws, self._transport, report)
        with self._ws.local_session() as session:
            facts.put(session, facts.LAST_SYNCED, self._ws.time.now().isoformat())
        self._ws.tidy()
        get_logger().info("synced", count=report.pushed + report.received, revision=report.revision)
        return report

    # -- push ----------------------------------------------------------------------------------------------------

    def push(self, report: SyncReport) -> None:
        """Send what waits, in order, in pieces; a lost answer is asked for again."""
        after, sent = self._first_waiting() - 1, 0
        total = self._waiting_count()
        rewound = False
        while rows := self._next_sets(after):
            self._progress(SyncProgress("Sending your changes", sent, total))
            request = protocol.PushRequest([protocol.SignedSet(row.body, row.signature) for row in rows])
            try:
                answer = self._transport.call("/push", request, protocol.PushAnswer)
            except CentralUnreachable as fault:
                if not fault.slow or len(rows) == 1:
                    raise
                self._sets_a_push = max(1, len(rows) // 4)
                continue
            if len(answer.results) != len(rows):
                raise nonsense()
            held = self._note_results(rows, answer.results, report)
            if held:
                # The central store lacks an earlier one (it may have been restored): send again from there, once.
                if rewound or answer.last_sequence >= rows[0].sequence:
                    raise nonsense()
                rewound, after = True, answer.last_sequence
                continue
            after = rows[-1].sequence
            sent += len(rows)
        self._progress(SyncProgress("Sending your changes", total, total))

    def _first_waiting(self) -> int:
        with self._ws.read() as session:
            first = session.execute(
                select(ChangeSetRow.sequence)
                .where(ChangeSetRow.state == ChangeState.PENDING)
                .order_by(ChangeSetRow.sequence)
                .limit(1)
            ).scalar()
        return first if first is not None else 2**62

    def _waiting_count(self) -> int:
        with self._ws.read() as session:
            return pending_count(session)

    def _next_sets(self, after: int) -> Sequence[Any]:
        columns = ChangeSetRow
        with self._ws.read() as session:
            rows = session.execute(
                select(columns.id, columns.sequence, columns.body, columns.signature)
                .where(columns.device_id == self._device, columns.sequence > after)
                .order_by(columns.sequence)
                .limit(self._sets_a_push)
            ).all()
        return rows[: protocol.page(rows, [len(row.body) + 100 for row in rows])]

    def _note_results(self, rows: Sequence[Any], results: Sequence[protocol.PushResult], report: SyncReport) -> bool:
        values, held = [], False
        for row, result in zip(rows, results, strict=True):
            if result.id != row.id:
                raise nonsense()
            if result.state == protocol.HELD:
                held = True
                continue
            if result.reason == protocol.PLACE_TAKEN:
                self._place_taken = True
                continue
            values.append(self._judged(row, result))
            report.pushed += result.state != protocol.REFUSED
            report.conflicted += result.state == protocol.CONFLICTED
            if result.state == protocol.REFUSED:
                report.refused += 1
                report.reasons.append(result.reason[:300])
        if values:
            statement = (
                update(ChangeSetRow.__table__)  # type: ignore[arg-type]  # mapped to a Table
                .where(ChangeSetRow.__table__.c.id == bindparam("set_id"))
                .values({name: bindparam(name) for name in ("state", "revision", "receipt", "refusal")})
            )
            with self._ws.local_session() as session:
                session.connection().execute(statement, values)
        return held

    def _judged(self, row: Any, result: protocol.PushResult) -> dict[str, Any]:
        """Return the outbox columns of an answered change set; an acceptance without a true receipt is none."""
        if result.state not in (protocol.ACCEPTED, protocol.CONFLICTED, protocol.REFUSED):
            raise nonsense()
        if result.state != protocol.REFUSED:
            statement = protocol.receipt_statement(row.body, result.revision or 0, result.state)
            if not self._receipts.fits(statement, result.receipt):
                raise nonsense()
        return {
            "set_id": row.id,
            "state": ChangeState(result.state),
            "revision": result.revision,
            "receipt": result.receipt or None,
            "refusal": result.reason[:300],
        }

    # -- pull ----------------------------------------------------------------------------------------------------

    def pull(self, report: SyncReport) -> None:
        """Bring this vault to the central store's newest revision."""
        self.first_pull(report)
        try:
            self._pull_log(report)
        except VaultBehind:
            self.catch_up(report)
            self.push(report)

    def catch_up(self, report: SyncReport) -> None:
        """Bring back what a vault that was put back or rebuilt lacks, before anything of it is sent."""
        self._place_taken = False
        report.own += recovery.fetch_own_sets(self._ws, self._transport, self._receipts, self._progress)
        self.first_pull(report)
        try:
            self._pull_log(report, own_too=True)
        except VaultBehind as error:
            raise nonsense() from error
        with self._ws.apply_session() as session:
            recovery.settle(session, self._device)

    def _pull_log(self, report: SyncReport, *, own_too: bool = False) -> None:
        with self._ws.read() as session:
            cursor = facts.cursor(session)
        started_at, more = cursor, True
        while more:
            answer = self._transport.call("/pull", protocol.PullRequest(cursor), protocol.PullAnswer)
            if answer.entries:
                with self._ws.apply_session() as session:
                    report.received += apply_entries(session, answer.entries, self._device, own_too=own_too)
                if answer.entries[-1].revision <= cursor:
                    raise nonsense()
                cursor = answer.entries[-1].revision
            more = bool(answer.entries) and cursor < answer.head
            self._progress(SyncProgress("Fetching changes", cursor - started_at, answer.head - started_at))
        report.revision = cursor

    def first_pull(self, report: SyncReport) -> None:
        """Fetch the snapshot if this vault has none yet, from where the last attempt stopped."""
        with self._ws.read() as session:
            stored = facts.get(session, facts.FIRST_PULL)
        if stored == _DONE:
            return
        start = self._transport.call("/snapshot/start", protocol.SnapshotStartRequest(), protocol.SnapshotStart)
        place = msgspec.json.decode(stored, type=_Place) if stored else _Place(start.revision)
        total = sum(count for _, count in start.tables)
        while place.table is not None:
            request = protocol.SnapshotRequest(place.table, place.after)
            answer = self._transport.call("/snapshot/rows", request, protocol.SnapshotAnswer)
            following = _Place(place.revision, answer.next_table, answer.next_after)
            if not following.beyond(place):
                raise nonsense()
            with self._ws.apply_session() as session:
                for page in answer.pages:
                    report.rows += apply_snapshot_page(session, page, self._device)
                facts.put(session, facts.FIRST_PULL, msgspec.json.encode(following).decode())
            place = following
            self._progress(SyncProgress("Fetching records", report.rows, max(total, report.rows)))
        with self._ws.apply_session() as session:
            projection_rebuild.rebuild(session)
            facts.put(session, facts.CURSOR, str(place.revision))
            facts.put(session, facts.FIRST_PULL, _DONE)
            facts.put(session, facts.HISTORY_FROM, f"0:{place.revision}")

    def _fetch_history(self) -> None:
        """Fetch, a little each time, the log that the snapshot stood for, so that history reaches back."""
        for _ in range(_HISTORY_PAGES_A_SYNC):
            with self._ws.read() as session:
                stored = facts.get(session, facts.HISTORY_FROM)
            if not stored:
                return
            at, _, end = (int(part) if part.isdigit() else 0 for part in stored.partition(":"))
            limit = min(protocol.PAGE_ENTRIES, end - at)
            entries: list[protocol.LogEntry] = []
            if limit > 0:
                answer = self._transport.call("/pull", protocol.PullRequest(at, limit), protocol.PullAnswer)
                entries = [entry for entry in answer.entries if entry.revision <= end]
            with self._ws.apply_session() as session:
                keep_history(session, entries, self._device)
                if entries and entries[-1].revision < end:
                    facts.put(session, facts.HISTORY_FROM, f"{entries[-1].revision}:{end}")
                else:
                    facts.forget(session, facts.HISTORY_FROM)

    # -- case numbers --------------------------------------------------------------------------------------------

    def renew_leases(self) -> None:
        """Borrow case numbers when this year's run low."""
        year = self._ws.time.today().year
        with self._ws.read() as session:
            leases = session.execute(
                select(ReferenceLease.last, ReferenceLease.next).where(ReferenceLease.year == year)
            ).all()
        if sum(max(0, lease.last - lease.next + 1) for lease in leases) >= LEASE_WHEN_UNDER:
            return
        lease = self._transport.call("/lease", protocol.LeaseRequest(year), protocol.Lease)
        keep_lease(self._ws, lease, year)


def keep_lease(ws: Workspace, lease: protocol.Lease, year: int) -> None:
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


def pending_count(session: Session) -> int:
    """Return how many change sets wait for a receipt."""
    from sqlalchemy import func

    return int(
        session.execute(
            select(func.count()).select_from(ChangeSetRow).where(ChangeSetRow.state == ChangeState.PENDING)
        ).scalar_one()
    )
