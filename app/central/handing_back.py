"""What a restored store gets back from laptops: change sets it had accepted, signed as they were.

Any laptop may bring what any other made: the maker's signature is on it, and it is judged with the maker's rights. So
work is not lost with the one laptop that made it. A laptop's own work comes sealed to the store, with the receipt that
the store had given for it (:mod:`app.central.kept_sets`), and is not judged again. The store's own change sets come
back too (people, teams, laptops let in and revoked), since its own signature is on them; they restore who is let in.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from app.central.checks import DeviceIdentity, read, shape_refusal
from app.central.kept_sets import opened
from app.central.rescue import told_of
from app.central.store import Store
from app.central.tables import change_log, device_credential, device_person
from app.errors import BugError
from app.models import HandedIn
from app.services.changes import Change, ChangeSet, decode
from app.services.signing import verified
from app.services.sync.protocol import HELD, REFUSED, ProtocolError, PushAnswer, PushResult, SignedSet

_NOT_OURS = "The signature of this change does not fit."


class HandedBack:
    """Takes what laptops hand back."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store

    def take(self, sets: Sequence[SignedSet]) -> PushAnswer:
        """Take change sets that the store had accepted and may have lost.

        Args:
            sets: in the order of their revisions.

        Returns:
            One result a change set: as for a push; held where the maker is not let in, or an earlier one of the same
            maker is missing, so that its maker has to send it.

        Raises:
            ProtocolError: something is not a change set.
        """
        plain, _ = opened(self._store.identity, sets)
        devices = [_decoded(signed).device for signed in plain]
        results: list[PushResult] = []
        own = self._store.identity.device_id
        for device_id, group in groupby(range(len(sets)), key=devices.__getitem__):
            theirs = list(group)
            if device_id == own:
                results += [self._own(plain[place]) for place in theirs]
            elif (maker := self._maker(device_id)) is None:
                results += [PushResult(_decoded(plain[place]).id, HELD) for place in theirs]
            else:
                results += self._store.push(maker, [sets[place] for place in theirs]).results
        return PushAnswer(results, 0)

    def _maker(self, device_id: str) -> DeviceIdentity | None:
        columns = device_credential.c
        with self._engine.connect() as connection:
            row = connection.execute(
                select(columns.device_id, columns.user_id, columns.public_key).where(
                    columns.device_id == device_id, columns.revoked_at.is_(None)
                )
            ).first()
        return DeviceIdentity(row.device_id, row.user_id, row.public_key) if row is not None else None

    def _own(self, signed: SignedSet) -> PushResult:
        """Record one of the store's own change sets again, under its old id."""
        identity = self._store.identity
        incoming = read(DeviceIdentity(identity.device_id, "", identity.signer.public_key), signed)
        change_set = incoming.change_set
        if not verified(identity.signer.public_key, signed.body, signed.signature):
            return PushResult(change_set.id, REFUSED, reason=_NOT_OURS)
        if shape_refusal(change_set.changes) is not None:
            return PushResult(change_set.id, HELD)
        with self._engine.begin() as connection:
            known = _answer(connection, change_set.id)
            if known is not None:
                return known
            changes = _without_told(connection, change_set.changes)
            self._store.record_in(connection, changes, change_set.reason, change_set.actor, set_id=change_set.id)
            for change in change_set.changes:
                if change.table == "device":
                    _let_in(connection, change, datetime.fromisoformat(change_set.made_at))
            answer = _answer(connection, change_set.id)
        if answer is None:
            raise BugError("A change that was just recorded is not in the log.")
        return answer


def _decoded(signed: SignedSet) -> ChangeSet:
    try:
        return decode(signed.body)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("a change set cannot be read") from error


def _answer(connection: Connection, set_id: str) -> PushResult | None:
    columns = change_log.c
    row = connection.execute(
        select(columns.state, columns.revision, columns.receipt, columns.refusal).where(columns.change_set_id == set_id)
    ).first()
    return PushResult(set_id, row.state, row.revision, bytes(row.receipt), row.refusal) if row is not None else None


def _without_told(connection: Connection, changes: Sequence[Change]) -> list[Change]:
    """Return changes without what was told again meanwhile: a laptop handed its work in to the team once more."""
    told = told_of(connection, [change.row for change in changes if change.table == HandedIn.__tablename__])
    return [change for change in changes if change.op != "insert" or change.row not in told]


def _let_in(connection: Connection, change: Change, made_at: datetime) -> None:
    """Restore who is let in, from the store's own record of letting a laptop in or revoking it."""
    new = {name: pair[1] for name, pair in change.fields.items()}
    if change.op == "insert" and new.get("public_key") and new.get("user_id"):
        values = {"device_id": change.row, "user_id": new["user_id"], "public_key": new["public_key"]}
        connection.execute(
            upsert(device_credential).values(**values, last_sequence=0, enrolled_at=made_at).on_conflict_do_nothing()
        )
        connection.execute(
            upsert(device_person).values(device_id=change.row, user_id=new["user_id"]).on_conflict_do_nothing()
        )
    if new.get("revoked_at"):
        connection.execute(
            update(device_credential)
            .where(device_credential.c.device_id == change.row, device_credential.c.revoked_at.is_(None))
            .values(revoked_at=datetime.fromisoformat(new["revoked_at"]))
        )
