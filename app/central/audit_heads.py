"""The laptops' audit chains: kept here entry by entry, checked to continue, and countersigned at every sync.

What was countersigned cannot be taken back on a laptop, not even by somebody who holds its keys: a head that does not
continue the chain that is known here is refused and noticed as an alarm, and the laptop is handed the proof.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects.postgresql import insert

from app.central.checks import DeviceIdentity
from app.central.signing_key import Identity
from app.central.tables import audit_alarm, audit_entry, audit_head
from app.logs import get_logger
from app.services.audit.anchors import receipt_statement
from app.services.audit.chain import GENESIS, entry_hash
from app.services.audit.reading import read_entry
from app.services.sync import protocol
from app.services.sync.protocol import AuditAnswer, AuditEntries, AuditPush, ProtocolError
from app.timesource import TimeSource

CUT_SHORT = "The audit of this laptop ends before what the central store has countersigned."
DIFFERS = "The audit of this laptop is not the one that the central store has countersigned."


@dataclass(frozen=True, slots=True)
class AuditHead:
    """How far a laptop's chain is countersigned."""

    device_id: str
    sequence: int
    hash: bytes
    at: str


@dataclass(frozen=True, slots=True)
class AuditAlarm:
    """A head that did not continue a laptop's chain."""

    device_id: str
    known_sequence: int
    stated_sequence: int
    what: str
    noticed_at: datetime


@dataclass(frozen=True, slots=True)
class _Known:
    sequence: int
    hash: bytes
    at: str
    receipt: bytes

    def answer(self, state: str, reason: str = "") -> AuditAnswer:
        return AuditAnswer(state, self.sequence, self.hash, self.at, self.receipt, reason)


class AuditHeads:
    """Keeps and countersigns. Any number of processes may run one each on the same database."""

    def __init__(self, engine: Engine, identity: Identity, time: TimeSource) -> None:
        self._engine, self._signer, self._time = engine, identity.signer, time

    def countersign(self, device: DeviceIdentity, push: AuditPush) -> AuditAnswer:
        """Take entries that continue a laptop's chain, and sign the new head.

        Entries that are known already and are the same change nothing, so a retry is harmless.

        Raises:
            ProtocolError: too many entries, or too large ones; nothing was done.
        """
        _check(push)
        with self._engine.begin() as connection:
            known = self._known(connection, device.device_id)
            if push.after > known.sequence:
                return known.answer(protocol.HELD)
            what = self._misfit(connection, device.device_id, known, push)
            if what is not None:
                self._alarm(connection, device.device_id, known, push, what)
                return known.answer(protocol.REFUSED, what)
            links = _linked(push)[known.sequence - push.after :]
            return self._keep(connection, device.device_id, known, links).answer(protocol.COUNTERSIGNED)

    def entries(self, device_id: str, after: int) -> AuditEntries:
        """Return entries of a laptop's chain after a place, as many as fit a page."""
        with self._engine.connect() as connection:
            bodies = list(
                connection.execute(
                    select(audit_entry.c.body)
                    .where(audit_entry.c.device_id == device_id, audit_entry.c.sequence > after)
                    .order_by(audit_entry.c.sequence)
                    .limit(protocol.AUDIT_ENTRIES)
                ).scalars()
            )
        return AuditEntries(bodies[: protocol.page(bodies, [len(body) + 20 for body in bodies])])

    def heads(self) -> list[AuditHead]:
        """Return how far each laptop's chain is countersigned."""
        with self._engine.connect() as connection:
            found = connection.execute(
                select(audit_head.c.device_id, audit_head.c.sequence, audit_head.c.hash, audit_head.c.at)
                .where(audit_head.c.sequence > 0)
                .order_by(audit_head.c.at.desc())
            )
            return [AuditHead(*row) for row in found]

    def alarms(self) -> list[AuditAlarm]:
        """Return every head that did not fit, newest first."""
        table = audit_alarm.c
        columns = (table.device_id, table.known_sequence, table.stated_sequence, table.what, table.noticed_at)
        with self._engine.connect() as connection:
            return [AuditAlarm(*row) for row in connection.execute(select(*columns).order_by(table.noticed_at.desc()))]

    def broken_at(self, device_id: str) -> int | None:
        """Return the first entry kept here that does not fit, or None: the central store's own copy is verified too."""
        previous, expected = GENESIS, 1
        with self._engine.connect().execution_options(yield_per=5000) as connection:
            found = connection.execute(
                select(audit_entry.c.sequence, audit_entry.c.body, audit_entry.c.hash)
                .where(audit_entry.c.device_id == device_id)
                .order_by(audit_entry.c.sequence)
            )
            with closing(found):
                for sequence, body, stored in found:
                    previous = entry_hash(previous, body)
                    if sequence != expected or previous != stored:
                        return expected
                    expected += 1
            head = connection.execute(
                select(audit_head.c.sequence, audit_head.c.hash).where(audit_head.c.device_id == device_id)
            ).first()
        fits = head is None or (head.sequence, head.hash) == (expected - 1, previous)
        return None if fits else expected

    def _known(self, connection: Connection, device_id: str) -> _Known:
        """Return the head, locked to the end of the transaction."""
        new = {"device_id": device_id, "sequence": 0, "hash": GENESIS, "at": "", "receipt": b""}
        connection.execute(insert(audit_head).values(new).on_conflict_do_nothing())
        row = connection.execute(
            select(audit_head.c.sequence, audit_head.c.hash, audit_head.c.at, audit_head.c.receipt)
            .where(audit_head.c.device_id == device_id)
            .with_for_update()
        ).one()
        return _Known(row.sequence, row.hash, row.at, row.receipt)

    def _misfit(self, connection: Connection, device_id: str, known: _Known, push: AuditPush) -> str | None:
        """Return why entries do not continue what is known, or None."""
        links = _linked(push)
        if (links[-1][2] if links else push.after_hash) != push.hash or not _in_order(push):
            return protocol.UNLINKED
        if push.head < known.sequence:
            return CUT_SHORT
        stated = {push.after: push.after_hash, **{sequence: made for sequence, _body, made in links}}
        table = audit_entry.c
        shared = [sequence for sequence in stated if 0 < sequence <= known.sequence]
        kept = dict(
            connection.execute(
                select(table.sequence, table.hash).where(
                    table.device_id == device_id, table.sequence.between(min(shared, default=0), max(shared, default=0))
                )
            ).all()
        )
        same = all(stated[sequence] == kept.get(sequence) for sequence in shared)
        return None if same and (push.after or push.after_hash == GENESIS) else DIFFERS

    def _keep(
        self, connection: Connection, device_id: str, known: _Known, links: Sequence[tuple[int, bytes, bytes]]
    ) -> _Known:
        if not links:
            return known
        now = self._time.now()
        connection.execute(
            insert(audit_entry),
            [
                {"device_id": device_id, "sequence": sequence, "body": body, "hash": made, "received_at": now}
                for sequence, body, made in links
            ],
        )
        sequence, _body, head = links[-1]
        at = now.isoformat(timespec="microseconds")
        receipt = self._signer.sign(receipt_statement(device_id, sequence, head, at))
        connection.execute(
            audit_head.update()
            .where(audit_head.c.device_id == device_id)
            .values(sequence=sequence, hash=head, at=at, receipt=receipt)
        )
        return _Known(sequence, head, at, receipt)

    def _alarm(self, connection: Connection, device_id: str, known: _Known, push: AuditPush, what: str) -> None:
        row = {
            "device_id": device_id,
            "known_sequence": known.sequence,
            "stated_hash": push.after_hash,
            "stated_sequence": push.head,
            "what": what,
            "noticed_at": self._time.now(),
        }
        connection.execute(insert(audit_alarm).values(row).on_conflict_do_nothing())
        get_logger().error("audit chain does not continue", table="audit_entry", count=known.sequence)

    def count(self) -> int:
        """Return how many entries are kept, of all laptops."""
        with self._engine.connect() as connection:
            return int(connection.execute(select(func.coalesce(func.sum(audit_head.c.sequence), 0))).scalar_one())


def _check(push: AuditPush) -> None:
    if len(push.bodies) > protocol.AUDIT_ENTRIES or push.after < 0 or len(push.after_hash) != len(GENESIS):
        raise ProtocolError("not entries of an audit chain")
    if any(len(body) > protocol.MAX_AUDIT_ENTRY_BYTES for body in push.bodies):
        raise ProtocolError("an entry of an audit chain is too large")


def _in_order(push: AuditPush) -> bool:
    """Return whether every entry says that it stands where it stands."""
    read = (read_entry(body) for body in push.bodies)
    return all(entry is not None and entry.sequence == number for number, entry in enumerate(read, push.after + 1))


def _linked(push: AuditPush) -> list[tuple[int, bytes, bytes]]:
    links, previous = [], push.after_hash
    for number, body in enumerate(push.bodies, start=push.after + 1):
        previous = entry_hash(previous, body)
        links.append((number, body, previous))
    return links
