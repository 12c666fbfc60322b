"""Work that laptops hand in sealed: kept as it came, in each laptop's own order, with a receipt; opened by supervisors.

The central store cannot read it. It knows who made it, when, on which laptop, for which team and how many changes it
holds, and says so to the team's supervisors with a record that syncs like any other (``handed_in``).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from app.central.checks import DeviceIdentity
from app.central.rescue_tables import device_end, rescue_event, rescued_piece, rescued_work
from app.central.signing_key import Identity
from app.central.store import Store, lock_revision
from app.central.tables import change_log, device_credential, device_person
from app.central.tokens import TrustError
from app.models import Device, HandedIn, Team, User
from app.models.terms import HandInReason
from app.services.access import Permission, allowed
from app.services.changes import Change
from app.services.sync.protocol import ACCEPTED, CONFLICTED, HELD, RESCUE, ProtocolError
from app.services.sync.receipts import issue
from app.services.sync.rescue_protocol import (
    MAX_SEALED_BYTES,
    MORE,
    MOST_PIECES,
    PIECES_A_REQUEST,
    RESCUED,
    FetchedPiece,
    FetchPiece,
    HandInAnswer,
    HandInRequest,
    HandInResult,
    SealedPiece,
    rescue_statement,
)
from app.services.wire import insert_fields
from app.timesource import TimeSource

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(slots=True)
class _Taking:
    """One request's work: what is answered, and what became whole."""

    last: int
    results: list[HandInResult] = field(default_factory=list)
    whole: list[tuple[int, SealedPiece]] = field(default_factory=list)
    """Places in ``results`` that wait for a receipt, with the piece that made the change set whole."""


class Rescues:
    """Takes and gives out what was handed in."""

    def __init__(self, engine: Engine, identity: Identity, store: Store, time: TimeSource) -> None:
        self._engine = engine
        self._signer = identity.signer
        self._store = store
        self._time = time

    def hand_in(self, device: DeviceIdentity, request: HandInRequest) -> HandInAnswer:
        """Keep sealed pieces of a laptop; what is whole is answered with a receipt. Sending again is harmless.

        Args:
            device: proved; may be revoked.
            request: in the laptop's own order.

        Raises:
            ProtocolError: something is not a piece; nothing was done.
        """
        _check(request.pieces)
        with self._engine.begin() as connection:
            lock_revision(connection)
            last = connection.execute(
                select(device_credential.c.last_sequence).where(device_credential.c.device_id == device.device_id)
            ).scalar_one()
            taking = _Taking(int(last))
            for piece in request.pieces:
                taking.results.append(self._take(connection, device, piece, taking))
            self._finish(connection, device, taking)
        return HandInAnswer(taking.results, taking.last)

    def _take(
        self, connection: Connection, device: DeviceIdentity, piece: SealedPiece, taking: _Taking
    ) -> HandInResult:
        known = connection.execute(select(rescued_work).where(rescued_work.c.change_set_id == piece.id)).first()
        if known is not None and known.device_id != device.device_id:
            raise ProtocolError("a change set of another laptop")
        if known is not None and known.complete:
            if any(each.id == piece.id for _, each in taking.whole):
                return HandInResult(piece.id, MORE)
            return HandInResult(piece.id, RESCUED, receipt=bytes(known.receipt))
        log = connection.execute(
            select(change_log.c.state, change_log.c.revision, change_log.c.receipt, change_log.c.device_id).where(
                change_log.c.change_set_id == piece.id
            )
        ).first()
        if log is not None and log.device_id != device.device_id:
            raise ProtocolError("a change set of another laptop")
        if log is not None and log.state in (ACCEPTED, CONFLICTED):
            # Its answer was lost: it is merged, and nothing of it needs rescuing.
            return HandInResult(piece.id, log.state, log.revision, bytes(log.receipt))
        if log is None and piece.sequence > taking.last + 1:
            return HandInResult(piece.id, HELD)
        self._keep(connection, device, piece, known)
        stored = connection.execute(
            select(func.count()).select_from(rescued_piece).where(rescued_piece.c.change_set_id == piece.id)
        ).scalar_one()
        if stored < piece.pieces:
            return HandInResult(piece.id, MORE)
        self._settle_place(connection, device, piece, taking, is_known=log is not None)
        return HandInResult(piece.id, RESCUED)

    def _keep(self, connection: Connection, device: DeviceIdentity, piece: SealedPiece, known: Any) -> None:
        described = {
            "sequence": piece.sequence,
            "actor_id": piece.actor,
            "made_at": piece.made_at,
            "digest": piece.digest,
            "team_id": piece.team_id,
            "sealed_to": piece.sealed_to,
            "why": piece.why,
            "changes": piece.changes,
            "documents": piece.documents,
            "pieces": piece.pieces,
        }
        if known is not None and any(getattr(known, name) != value for name, value in described.items()):
            # Sealed anew, to another key say, after it was cut off: pieces of two sealings do not go together.
            connection.execute(delete(rescued_work).where(rescued_work.c.change_set_id == piece.id))
            known = None
        if known is None:
            connection.execute(
                insert(rescued_work).values(
                    change_set_id=piece.id,
                    device_id=device.device_id,
                    complete=False,
                    received_at=self._time.now(),
                    receipt=b"",
                    **described,
                )
            )
        kept = upsert(rescued_piece).values(change_set_id=piece.id, place=piece.place, sealed=piece.sealed)
        connection.execute(
            kept.on_conflict_do_update(
                index_elements=[rescued_piece.c.change_set_id, rescued_piece.c.place], set_={"sealed": piece.sealed}
            )
        )

    def _settle_place(
        self, connection: Connection, device: DeviceIdentity, piece: SealedPiece, taking: _Taking, *, is_known: bool
    ) -> None:
        """Note that a change set is whole, and give it its place in the laptop's order."""
        taking.whole.append((len(taking.results), piece))
        connection.execute(
            update(rescued_work)
            .where(rescued_work.c.change_set_id == piece.id)
            .values(complete=True, received_at=self._time.now())
        )
        if not is_known and piece.sequence == taking.last + 1:
            taking.last = piece.sequence
            connection.execute(
                insert(change_log).values(
                    change_set_id=piece.id,
                    device_id=device.device_id,
                    sequence=piece.sequence,
                    actor_id=piece.actor,
                    made_at=piece.made_at,
                    received_at=self._time.now(),
                    state=RESCUED,
                    refusal="",
                    body=b"",
                    signature=b"",
                    effective=b"",
                    receipt=b"",
                )
            )
        # Otherwise its place is taken (the vault had been put back): it is kept all the same, without a line there.

    def _finish(self, connection: Connection, device: DeviceIdentity, taking: _Taking) -> None:
        now = self._time.now()
        connection.execute(
            update(device_credential)
            .where(device_credential.c.device_id == device.device_id)
            .values(last_sequence=taking.last, last_seen_at=now)
        )
        if not taking.whole:
            return
        receipts = issue(self._signer, [rescue_statement(piece.id, piece.digest) for _, piece in taking.whole])
        for (place, piece), receipt in zip(taking.whole, receipts, strict=True):
            taking.results[place] = HandInResult(piece.id, RESCUED, receipt=receipt)
            connection.execute(
                update(rescued_work).where(rescued_work.c.change_set_id == piece.id).values(receipt=receipt)
            )
            to_hand_in = change_log.c.state.in_((RESCUE, RESCUED))
            connection.execute(
                update(change_log)
                .where(change_log.c.change_set_id == piece.id, to_hand_in)
                .values(state=RESCUED, receipt=receipt)
            )
            self.note(connection, piece.id, device.device_id, piece.actor, "handed in")
        self._count_for_ended(connection, device.device_id, len(taking.whole))
        # After the store was put back, another laptop may have given back that it was told of already.
        told = told_of(connection, [piece.id for _, piece in taking.whole])
        changes = [_told(piece, device.device_id, now) for _, piece in taking.whole if piece.id not in told]
        if changes:
            self._store.record_in(connection, changes, "Work was handed in")

    def _count_for_ended(self, connection: Connection, device_id: str, count: int) -> None:
        connection.execute(
            update(device_end)
            .where(device_end.c.device_id == device_id)
            .values(handed_in=device_end.c.handed_in + count, handed_in_at=self._time.now())
        )

    def note(self, connection: Connection, change_set_id: str, device_id: str, user_id: str | None, what: str) -> None:
        """Write down who did what with something that was handed in."""
        connection.execute(
            insert(rescue_event).values(
                change_set_id=change_set_id, at=self._time.now(), device_id=device_id, user_id=user_id, what=what
            )
        )

    def fetch(self, device: DeviceIdentity, request: FetchPiece) -> FetchedPiece:
        """Return a piece to a supervisor of its team; asking for the first is written down as an opening.

        Raises:
            TrustError: the person may not, or there is no such work; one answer for both.
        """
        no = TrustError("not-yours", "You cannot open this work. It is kept. Ask a supervisor of its team.")
        if not _ID.fullmatch(request.id) or not 0 <= request.place < MOST_PIECES:
            raise no
        user_id = request.user_id or device.user_id
        with self._engine.begin() as connection:
            team = team_of(connection, device, user_id)
            query = (
                select(rescued_work, device_credential.c.public_key, rescued_piece.c.sealed)
                .join(device_credential, device_credential.c.device_id == rescued_work.c.device_id)
                .join(rescued_piece, rescued_piece.c.change_set_id == rescued_work.c.change_set_id)
                .where(rescued_work.c.change_set_id == request.id, rescued_work.c.complete)
                .where(rescued_piece.c.place == request.place)
            )
            row = connection.execute(query).first()
            if team is None or row is None or (team and row.team_id != team):
                raise no
            if request.place == 0:
                self.note(connection, request.id, device.device_id, user_id, "opened")
        return FetchedPiece(row.device_id, row.public_key, row.digest, row.sealed_to, row.pieces, bytes(row.sealed))

    def listed(self) -> list[dict[str, Any]]:
        """Return everything that was handed in, newest first: who, when, which laptop, which team; never what."""
        opened = (
            select(rescue_event.c.change_set_id, func.count().label("times"))
            .where(rescue_event.c.what == "opened")
            .group_by(rescue_event.c.change_set_id)
            .subquery()
        )
        settler = User.__table__.alias("settler")
        query = (
            select(
                rescued_work.c.change_set_id.label("id"),
                rescued_work.c.received_at,
                rescued_work.c.made_at,
                rescued_work.c.why,
                rescued_work.c.changes,
                rescued_work.c.documents,
                rescued_work.c.complete,
                rescued_work.c.sealed_to,
                User.name.label("author"),
                Device.name.label("laptop"),
                Team.name.label("team"),
                func.coalesce(HandedIn.state, "waiting").label("state"),
                settler.c.name.label("settled_by"),
                HandedIn.settled_at,
                func.coalesce(opened.c.times, 0).label("opened"),
            )
            .join(Device, Device.id == rescued_work.c.device_id, isouter=True)
            .join(User, User.id == rescued_work.c.actor_id, isouter=True)
            .join(Team, Team.id == rescued_work.c.team_id, isouter=True)
            .join(HandedIn, HandedIn.id == rescued_work.c.change_set_id, isouter=True)
            .join(settler, settler.c.id == HandedIn.settled_by, isouter=True)
            .join(opened, opened.c.change_set_id == rescued_work.c.change_set_id, isouter=True)
            .order_by(rescued_work.c.received_at.desc())
        )
        with self._engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]


def told_of(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Return those of some change sets of which teams are told that they were handed in."""
    return set(connection.scalars(select(HandedIn.id).where(HandedIn.id.in_(ids))))


def team_of(connection: Connection, device: DeviceIdentity, user_id: str) -> str | None:
    """Return the team whose work a person on a laptop may open: empty for every team, None for none."""
    if not _ID.fullmatch(user_id):
        return None
    row = connection.execute(
        select(User.role, User.team_id, User.active)
        .join(device_person, device_person.c.user_id == User.id)
        .where(device_person.c.device_id == device.device_id, User.id == user_id)
    ).first()
    if row is None or not row.active or not allowed(row.role, Permission.TAKE_OVER_WORK):
        return None
    return row.team_id or ""


def _told(piece: SealedPiece, device_id: str, now: datetime) -> Change:
    row = {
        "id": piece.id,
        "created_at": now,
        "created_by": piece.actor,
        "team_id": piece.team_id,
        "device_id": device_id,
        "author_id": piece.actor,
        "made_at": datetime.fromisoformat(piece.made_at),
        "handed_in_at": now,
        "why": HandInReason(piece.why),
        "changes": piece.changes,
        "documents": piece.documents,
    }
    return Change("handed_in", piece.id, "insert", insert_fields("handed_in", row))


def _check(pieces: Sequence[SealedPiece]) -> None:
    if not 0 < len(pieces) <= PIECES_A_REQUEST:
        raise ProtocolError("no pieces, or too many")
    for piece in pieces:
        ids = [piece.id, *(each for each in (piece.actor, piece.team_id) if each is not None)]
        numbers = (piece.sequence - 1, piece.changes, piece.documents, piece.place)
        if (
            not all(_ID.fullmatch(each) for each in ids)
            or not _DIGEST.fullmatch(piece.digest)
            or not all(0 <= number < 2**31 for number in numbers)
            or not piece.place < piece.pieces <= MOST_PIECES
            or not 0 < len(piece.sealed) <= MAX_SEALED_BYTES
            or len(piece.sealed_to) > 80
            or "\x00" in piece.sealed_to
            or piece.why not in set(HandInReason)
        ):
            raise ProtocolError("not a sealed piece")
        try:
            made_at = datetime.fromisoformat(piece.made_at)
        except ValueError as error:
            raise ProtocolError("not an instant") from error
        if made_at.tzinfo is None:
            raise ProtocolError("an instant without a zone")
