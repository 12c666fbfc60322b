"""Sending what this laptop did: in its own order, in pieces, each answered for good or sent again."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from app.models import ChangeSetRow
from app.models.terms import ChangeState
from app.services.changes import decode
from app.services.sync import confirming, keeping, protocol, restored, scope, standing
from app.services.sync.asking import LogQuestion
from app.services.sync.faults import CentralUnreachable, nonsense
from app.services.sync.receipts import ReceiptChecker
from app.services.sync.rescue_protocol import RESCUED, digest_of, rescue_statement
from app.services.sync.telling import Progress, SyncProgress, SyncReport, Transport
from app.services.workspace import Workspace

_TAKEN = (protocol.ACCEPTED, protocol.CONFLICTED)
_SETS: Any = ChangeSetRow.__table__
_SENT = ("id", "sequence", "body", "signature", "state", "revision", "receipt")


class Pusher:
    """Pushes one vault's outbox.

    Attributes:
        place_taken: a change set has a place in the laptop's order that another one has at the central store.
        to_hand_in: change sets that were judged and not merged: whoever made them may not write there (any more).
            They wait here until they are handed in sealed.
        teams: by change set to hand in, whose supervisors deal with it, where the central store said so.
    """

    def __init__(
        self,
        ws: Workspace,
        transport: Transport,
        receipts: ReceiptChecker,
        progress: Progress,
        life: Callable[[], str],
        check_life: Callable[[str], None],
        question: LogQuestion,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            ws: whose outbox.
            transport: to the central store.
            receipts: checks its receipts.
            progress: told how far it is.
            life: the life of the store that this laptop knows.
            check_life: compares it with the one that answered.
            question: is asked beside the last of what waits.
        """
        self._ws, self._transport, self._receipts, self._progress = ws, transport, receipts, progress
        self._life, self._check_life, self._question = life, check_life, question
        self._device = ws.actor.device_id
        self._sets_a_push = protocol.PUSH_SETS
        self.place_taken = False
        self.to_hand_in: list[str] = []
        self._digests: dict[str, str] = {}
        self._gave_back = False
        self.teams: dict[str, str] = {}

    def push(self, report: SyncReport) -> None:
        """Send what waits, in order, in pieces; a lost answer is asked for again."""
        with self._ws.read() as session:
            total, first = standing.waiting(session)
            confirmed = confirming.confirmed(session) if total else frozenset()
        after, sent, rewound = first - 1, 0, False
        self.to_hand_in, self._digests = [], {}
        if not total:
            return
        while rows := self._next_sets(after):
            self._progress(SyncProgress("Sending your changes", sent, total))
            sets = self._as_sent(rows)
            meant = [row.id for row in rows if row.id in confirmed]
            request = protocol.PushRequest(sets, self._life(), meant)
            if sent + len(rows) >= total:
                request.then = self._question.beside()
            try:
                answer = self._transport.call("/push", request, protocol.PushAnswer)
            except CentralUnreachable as fault:
                if not fault.slow or len(rows) == 1:
                    raise
                self._sets_a_push = max(1, len(rows) // 4)
                continue
            self._check_life(answer.store)
            if len(answer.results) != len(rows):
                raise nonsense()
            held = self._note_results(rows, answer.results, report)
            if held:
                # The central store lacks an earlier one: it was put back, and is given back all that it lost, once.
                if rewound or self._gave_back or answer.last_sequence >= rows[0].sequence:
                    raise nonsense()
                if self._life():
                    self._gave_back = True
                    raise restored.StoreRestored
                rewound, after = True, answer.last_sequence
                continue
            self._question.take(request, answer)
            after = rows[-1].sequence
            sent += len(rows)
        self._progress(SyncProgress("Sending your changes", total, total))

    def _as_sent(self, rows: Sequence[Any]) -> list[protocol.SignedSet]:
        """Return change sets as they travel: one whose content left this laptop goes as it is kept sealed."""
        sets = [protocol.SignedSet(row.body, row.signature) for row in rows]
        bare = [row for row in rows if not row.signature]
        if bare:
            with self._ws.read() as session:
                kept = keeping.as_handed_back(session.connection(), bare, keeping.store_key(session))
            self._digests |= {set_id: digest for set_id, (_, digest) in kept.items()}
            sets = [kept[row.id][0] if row.id in kept else each for row, each in zip(rows, sets, strict=True)]
        return sets

    def _next_sets(self, after: int) -> Sequence[Any]:
        columns = ChangeSetRow
        with self._ws.read() as session:
            rows = session.execute(
                select(*(getattr(columns, name) for name in _SENT))
                .where(columns.device_id == self._device, columns.sequence > after)
                .order_by(columns.sequence)
                .limit(self._sets_a_push)
            ).all()
        return rows[: protocol.page(rows, [len(row.body) + 100 for row in rows])]

    def _note_results(self, rows: Sequence[Any], results: Sequence[protocol.PushResult], report: SyncReport) -> bool:
        values, held, taken = [], False, []
        for row, result in zip(rows, results, strict=True):
            if result.id != row.id:
                raise nonsense()
            if result.state == protocol.HELD:
                held = True
            elif result.reason == protocol.PLACE_TAKEN:
                self.place_taken = True
            elif result.state == protocol.RESCUE:
                self.to_hand_in.append(row.id)
                self.teams |= {row.id: result.team} if result.team else {}
            else:
                values.append(self._judged(row, result))
                _count(report, result)
                taken += [row.body] if result.state in _TAKEN else []
        if values:
            statement = (
                update(_SETS)
                .where(_SETS.c.id == bindparam("set_id"))
                .values({name: bindparam(name) for name in ("state", "revision", "receipt", "refusal")})
            )
            with self._ws.local_session() as session:
                session.connection().execute(statement, values)
                scope.touched(session, [change for body in taken for change in decode(body).changes])
        return held

    def _judged(self, row: Any, result: protocol.PushResult) -> dict[str, Any]:
        """Return the outbox columns of an answered change set; an acceptance without a true receipt is none."""
        if result.state not in (*_TAKEN, protocol.REFUSED, RESCUED):
            raise nonsense()
        if result.state != protocol.REFUSED:
            digest = self._digests.get(row.id) or digest_of(row.body)
            statement = protocol.receipt_statement_of(digest, result.revision or 0, result.state)
            if result.state == RESCUED:
                statement = rescue_statement(row.id, digest)
            if not self._receipts.fits(statement, result.receipt):
                raise nonsense()
        return {
            "set_id": row.id,
            "state": ChangeState(result.state),
            "revision": result.revision,
            "receipt": result.receipt or None,
            "refusal": result.reason[:300],
        }


def _count(report: SyncReport, result: protocol.PushResult) -> None:
    report.pushed += result.state != protocol.REFUSED
    report.conflicted += result.state == protocol.CONFLICTED
    if result.state == protocol.REFUSED:
        report.refused += 1
        report.reasons.append(result.reason[:300])


def pending_count(session: Session) -> int:
    """Return how many change sets wait for a receipt."""
    return standing.waiting(session)[0]
