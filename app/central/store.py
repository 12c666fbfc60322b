"""What laptops push: change sets merged in each laptop's own order, whole or not at all, each answered for good."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import DeadlockDetected
from sqlalchemy import (
    Connection,
    Engine,
    Text,
    cast,
    func,
    select,
    text,
    update,
)
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from app.central import records
from app.central.batch import Batch
from app.central.checks import DeviceIdentity, Incoming, Judge, NoLonger, read, shape_refusal
from app.central.copying import copy_in
from app.central.document_claims import note_claims
from app.central.kept_sets import opened
from app.central.noting import Event, Note, follow, write_notes
from app.central.places import REFERENCE, Places
from app.central.signing_key import Identity
from app.central.tables import change_log, change_touch, device_credential, revision_counter
from app.errors import BugError
from app.ids import new_id
from app.services.changes import Change, ChangeSet, encode
from app.services.sync.fuse import too_many_deletions
from app.services.sync.protocol import (
    HELD,
    PLACE_TAKEN,
    REFUSED,
    RESCUE,
    PushAnswer,
    PushResult,
    SignedSet,
    receipt_statement,
)
from app.services.sync.receipts import issue
from app.timesource import TimeSource

_TOO_MANY = "This change would delete a large share of the records. Ask a supervisor to look and confirm it."
CHANNEL = "rollcall_revision"
"""PostgreSQL notifies on it of each new revision, with its number and nothing else."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line for the log."""

    incoming: Incoming
    result: PushResult
    effective: bytes = b""
    touched: Collection[str] = ()
    note: Note | None = None


class FuseError(Exception):
    """A change set would delete more than a small share of a table."""


class Store:
    """Takes what laptops push. Any number of processes may run one each on the same database."""

    def __init__(self, engine: Engine, identity: Identity, time: TimeSource) -> None:
        self.engine = engine
        self.identity = identity
        self.time = time
        self._signer = identity.signer

    def push(self, device: DeviceIdentity, sets: Sequence[SignedSet], confirmed: Collection[str] = ()) -> PushAnswer:
        """Take change sets of one laptop.

        Args:
            device: proved.
            sets: in the laptop's own order.
            confirmed: those whose deletions a person looked at; believed of people who may confirm them.

        Returns:
            One result a change set, the same for one sent again, and the last sequence number held.

        Raises:
            ProtocolError: something is not a change set of this laptop; nothing was done.
        """
        plain, places = opened(self.identity, sets)
        incoming = [read(device, signed) for signed in plain]
        taken = {incoming[place].change_set.id for place in places}
        try:
            return self._push(device, incoming, confirmed, taken)
        except OperationalError as error:
            if not isinstance(error.orig, DeadlockDetected):
                raise
            # With a migration, which takes the tables' locks in its own order: nothing was done, so once more.
            return self._push(device, incoming, confirmed, taken)

    def _push(
        self,
        device: DeviceIdentity,
        incoming: Sequence[Incoming],
        confirmed: Collection[str],
        taken: Collection[str],
    ) -> PushAnswer:
        with self.engine.begin() as connection:
            revision = lock_revision(connection)
            last = self._last_sequence(connection, device.device_id)
            answers = _known_answers(connection, [each.change_set.id for each in incoming])
            judge = Judge(connection, device, self.time.now(), taken)
            due: list[Incoming] = []
            for each in incoming:
                change_set = each.change_set
                if change_set.id in answers:
                    continue
                if change_set.sequence <= last:
                    answers[change_set.id] = PushResult(
                        change_set.id,
                        REFUSED,
                        reason=PLACE_TAKEN,
                    )
                elif change_set.sequence == last + 1:
                    due.append(each)
                    last += 1
            meant = {each.change_set.id for each in due if each.change_set.id in confirmed and judge.may_confirm(each)}
            meant |= set(taken)
            entries = self._take(connection, judge, due, revision, meant)
            self._log(connection, entries)
            answers |= {entry.result.id: entry.result for entry in entries}
            connection.execute(
                update(device_credential)
                .where(device_credential.c.device_id == device.device_id)
                .values(last_sequence=last, last_seen_at=self.time.now())
            )
        held = (each.change_set.id for each in incoming)
        return PushAnswer([answers.get(set_id) or PushResult(set_id, HELD) for set_id in held], last)

    def record(self, changes: Sequence[Change], reason: str, actor_id: str | None = None) -> int:
        """Make changes of the store's own: people, teams, laptops. They reach laptops like any other.

        Returns:
            The revision.

        Raises:
            BugError: the changes do not fit their tables.
        """
        if shape_refusal(changes) is not None:
            raise BugError("A change of the central store's own does not fit its table. Nothing was changed.")
        with self.engine.begin() as connection:
            return self.record_in(connection, changes, reason, actor_id)

    def record_in(
        self,
        connection: Connection,
        changes: Sequence[Change],
        reason: str,
        actor_id: str | None = None,
        *,
        set_id: str | None = None,
    ) -> int:
        """Do what :meth:`record` does, in a transaction that is already open.

        Args:
            connection, changes, reason, actor_id: as there.
            set_id: of a change set that was recorded before and lost when the store was restored.
        """
        revision = lock_revision(connection)
        own = self.identity.device_id
        last = connection.execute(
            select(change_log.c.sequence)
            .where(change_log.c.device_id == own)
            .order_by(change_log.c.sequence.desc())
            .limit(1)
        ).scalar()
        change_set = ChangeSet(
            id=set_id or new_id(),
            device=own,
            sequence=(last or 0) + 1,
            actor=actor_id,
            made_at=self.time.now().isoformat(),
            reason=reason,
            base=revision,
            changes=list(changes),
        )
        body = encode(change_set)
        incoming = Incoming(change_set, SignedSet(body, self._signer.sign(body)))
        self._log(connection, self._apply(connection, [incoming], revision))
        return revision + 1

    def tell(self, connection: Connection, events: Iterable[Event]) -> int:
        """Make a revision without changes, at which laptops look again at what they may hold.

        Args:
            connection: in a transaction.
            events: what changed otherwise: time passed, or a laptop was given to somebody.

        Returns:
            The revision.
        """
        revision = self.record_in(connection, [], "Looked again at who may see what")
        write_notes(connection, [(revision, Note(units={REFERENCE}, events=dict.fromkeys(events)))])
        return revision

    def _take(
        self, connection: Connection, judge: Judge, due: Sequence[Incoming], revision: int, meant: Collection[str]
    ) -> list[_Entry]:
        """Judge and merge change sets; one that the database refuses does not take the others with it."""
        refusals = judge.refusals(due)
        good = [each for each in due if refusals[each.change_set.id] is None]
        applied: dict[str, _Entry] = {}
        try:
            with connection.begin_nested():
                known = judge.stored_places
                applied = {entry.result.id: entry for entry in self._apply(connection, good, revision, known=known)}
        except (IntegrityError, DataError, FuseError):
            for each in good:
                entry = self._apply_alone(connection, each, revision, meant=each.change_set.id in meant)
                applied[entry.result.id] = entry
                revision += entry.result.revision is not None
        return [applied.get(each.change_set.id) or _refused(each, refusals[each.change_set.id] or "") for each in due]

    def _apply_alone(self, connection: Connection, incoming: Incoming, revision: int, *, meant: bool) -> _Entry:
        try:
            with connection.begin_nested():
                return self._apply(connection, [incoming], revision, meant=meant)[0]
        except IntegrityError:
            return _refused(incoming, "A record with this reference or name is already in the central store.")
        except DataError:
            return _refused(incoming, "The central store cannot hold part of this change, such as a hidden character.")
        except FuseError:
            return _refused(
                incoming,
                "This change would delete a large share of the records. Ask a supervisor to look and confirm it.",
            )

    def _apply(
        self,
        connection: Connection,
        sets: Sequence[Incoming],
        revision: int,
        *,
        meant: bool = False,
        known: Places | None = None,
    ) -> list[_Entry]:
        if not sets:
            return []
        batch = Batch(connection, self.time.now(), known)
        batch.load([each.change_set for each in sets])
        outcomes = [batch.merge(each.change_set) for each in sets]
        if not meant:
            self._check_fuse(connection, batch, sets)
        batch.write()
        follow(connection, [outcome.note for outcome in outcomes])
        revisions = range(revision + 1, revision + 1 + len(sets))
        statements = [
            receipt_statement(each.signed.body, number, outcome.state)
            for each, outcome, number in zip(sets, outcomes, revisions, strict=True)
        ]
        return [
            _Entry(
                each,
                PushResult(each.change_set.id, outcome.state, number, receipt),
                outcome.effective,
                outcome.touched,
                outcome.note,
            )
            for each, outcome, number, receipt in zip(
                sets, outcomes, revisions, issue(self._signer, statements), strict=True
            )
        ]

    def _check_fuse(self, connection: Connection, batch: Batch, sets: Sequence[Incoming]) -> None:
        tables = {change.table for each in sets for change in each.change_set.changes if change.op == "delete"}
        for table in tables:
            if too_many_deletions(batch.deleted_count(table), records.count(connection, table)):
                raise FuseError

    def _last_sequence(self, connection: Connection, device_id: str) -> int:
        return int(
            connection.execute(
                select(device_credential.c.last_sequence).where(device_credential.c.device_id == device_id)
            ).scalar_one()
        )

    def _log(self, connection: Connection, entries: Sequence[_Entry]) -> None:
        if not entries:
            return
        received_at = self.time.now()
        copy_in(connection, change_log, [_log_row(entry, received_at) for entry in entries])
        touches = [(UUID(row), entry.result.revision) for entry in entries for row in entry.touched]
        copy_in(connection, change_touch, touches)
        write_notes(connection, [(entry.result.revision or 0, entry.note) for entry in entries if entry.note])
        note_claims(connection, [(e.incoming.change_set, e.result.revision) for e in entries if e.result.revision])
        newest = max((entry.result.revision or 0 for entry in entries), default=0)
        if newest:
            # Told with the commit, in the same statement: nobody hears of a revision that is rolled back.
            told = func.pg_notify(CHANNEL, cast(revision_counter.c.value, Text))
            connection.execute(update(revision_counter).values(value=newest).returning(told))


def lock_revision(connection: Connection) -> int:
    """Return the newest revision and hold the counter's lock to the end of the transaction.

    Writers queue here, so a revision is never visible before the one below it.
    """
    return int(connection.execute(text("SELECT value FROM revision_counter FOR UPDATE")).scalar_one())


def _known_answers(connection: Connection, ids: Sequence[str]) -> dict[str, PushResult]:
    columns = change_log.c
    rows = connection.execute(
        select(columns.change_set_id, columns.state, columns.revision, columns.receipt, columns.refusal).where(
            columns.change_set_id.in_(ids)
        )
    )
    return {
        row.change_set_id: PushResult(row.change_set_id, row.state, row.revision, bytes(row.receipt), row.refusal)
        for row in rows
    }


def _refused(incoming: Incoming, reason: str) -> _Entry:
    if isinstance(reason, NoLonger):
        # What is to be handed in sealed is not kept in the open: the line keeps its place in the laptop's order.
        sealed_later = Incoming(incoming.change_set, SignedSet(b"", b""))
        return _Entry(sealed_later, PushResult(incoming.change_set.id, RESCUE, reason=str(reason), team=reason.team))
    return _Entry(incoming, PushResult(incoming.change_set.id, REFUSED, reason=reason))


def _log_row(entry: _Entry, received_at: datetime) -> tuple[Any, ...]:
    change_set, result = entry.incoming.change_set, entry.result
    return (
        UUID(change_set.id),
        result.revision,
        UUID(change_set.device),
        change_set.sequence,
        UUID(change_set.actor) if change_set.actor else None,
        change_set.made_at,
        received_at,
        result.state,
        result.reason,
        entry.incoming.signed.body,
        entry.incoming.signed.signature,
        entry.effective,
        result.receipt,
    )
