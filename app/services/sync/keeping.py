"""What this laptop keeps sealed, so that a central store that was put back to a backup gets it again.

A store that is put back has forgotten what it took since then, and the laptops hand that back
(:mod:`app.services.sync.restored`). Two kinds of work are not here any more in a form that can be handed back: own work
on records that left (it is taken out of history, for nobody here may read it any longer), and work that went sealed to
the team. Both are kept sealed: the first to the store itself, which knew it, the second as it was handed in. Nobody can
read either on this laptop. They go after :data:`app.policy.RULES` ``kept_days``: older backups are not put back.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.orm import Session

from app.models import KeptSealed
from app.models.terms import ChangeState
from app.policy import policy
from app.services.access import Permission, require
from app.services.batches import batched
from app.services.capture import unit_of
from app.services.sync import facts
from app.services.sync.kept_sets import KeptSet, is_good_key, sealed_set
from app.services.sync.protocol import SignedSet
from app.services.sync.rescue_protocol import SealedPiece, digest_of
from app.services.sync.store_protocol import Epochs, EpochsRequest
from app.services.sync.telling import Transport
from app.services.workspace import Workspace

_KEPT: Any = KeptSealed.__table__
_STORE = "store:"
_BATCH = 400
_TAKEN = (ChangeState.ACCEPTED, ChangeState.CONFLICTED)


# -- the store's key -------------------------------------------------------------------------------------------------


def learn_key(ws: Workspace, transport: Transport) -> None:
    """Ask for the key to seal to, where this laptop does not know it yet.

    Raises:
        CentralUnreachable: it can be tried again.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        known = facts.get(session, facts.STORE_SEALING_KEY) is not None
    if known:
        return
    answer = transport.call("/epochs", EpochsRequest(), Epochs)
    with ws.local_session() as session:
        note_key(session, answer)


def note_key(session: Session, answer: Epochs) -> None:
    """Keep the key that a store tells, if it is signed by the key this laptop has known since it was enrolled."""
    if is_good_key(answer.sealing_key, answer.signature, facts.get(session, facts.SERVER_KEY) or ""):
        facts.put(session, facts.STORE_SEALING_KEY, answer.sealing_key.hex())


def store_key(session: Session) -> bytes:
    """Return the central store's key to seal to; empty where this laptop knows none."""
    return bytes.fromhex(facts.get(session, facts.STORE_SEALING_KEY) or "")


# -- keeping ---------------------------------------------------------------------------------------------------------


def keep_taken(session: Session, rows: Iterable[Any]) -> None:
    """Seal own change sets that are about to lose their content, in the session's transaction.

    Args:
        session: from ``Workspace.apply_session``.
        rows: of ``change_set``, with id, state, body, signature, revision and receipt; others than whole ones that
            the central store took are passed over.
    """
    key = store_key(session)
    if not key:
        return  # a store of the version before
    now = unit_of(session).time.now()
    values = [
        {
            "change_set_id": row.id,
            "kept_at": now,
            "sealed_to": _STORE + key.hex(),
            "digest": digest_of(row.body),
            "sealed": sealed_set(_as_taken(row), key),
        }
        for row in rows
        if _can_be_proven(row)
    ]
    if values:
        session.connection().execute(insert(_KEPT).prefix_with("OR REPLACE"), values)


def keep_handed_in(session: Session, pieces: Sequence[SealedPiece]) -> None:
    """Keep a change set as it was handed in, in the transaction that notes its receipt.

    Args:
        session: writing.
        pieces: all of them, of one change set.
    """
    row = {
        "change_set_id": pieces[0].id,
        "kept_at": unit_of(session).time.now(),
        "sealed_to": pieces[0].sealed_to,
        "digest": pieces[0].digest,
        "sealed": msgspec.msgpack.encode(pieces),
    }
    session.connection().execute(insert(_KEPT).prefix_with("OR REPLACE"), [row])


def forget_old(ws: Workspace) -> None:
    """Let what was kept go once no backup of its age is put back any more."""
    require(ws.actor, Permission.USE_LAPTOP)
    old = _KEPT.c.kept_at < ws.time.now() - timedelta(days=policy().kept_days)
    with ws.read() as session:
        if session.execute(select(_KEPT.c.change_set_id).where(old).limit(1)).first() is None:
            return
    with ws.local_session() as session:
        session.connection().execute(delete(_KEPT).where(old))


def keep_longer(session: Session, ids: Collection[str]) -> None:
    """Count the time anew for what was handed back: the store has it again, and may be put back again."""
    now = unit_of(session).time.now()
    for some in batched(ids, _BATCH):
        session.connection().execute(update(_KEPT).where(_KEPT.c.change_set_id.in_(some)).values(kept_at=now))


# -- handing back ----------------------------------------------------------------------------------------------------


def as_handed_back(connection: Connection, rows: Sequence[Any], key: bytes) -> dict[str, tuple[SignedSet, str]]:
    """Return own change sets as they go back to the store, each with the SHA-256 of what was signed.

    What the store took goes sealed with its receipt, so that it is not judged again. What was set aside, and what is
    here neither whole nor sealed, goes without a signature: it keeps its place in the order and is not merged.

    Args:
        connection: of the vault.
        rows: of ``change_set``, with id, state, body, signature, revision and receipt.
        key: the store's present one; empty for none.
    """
    bare = [row.id for row in rows if not row.signature and row.state is not ChangeState.CLEARED]
    kept = {each.change_set_id: each for each in _of(connection, bare) if each.sealed_to == _STORE + key.hex()}
    found: dict[str, tuple[SignedSet, str]] = {}
    for row in rows:
        sealed = kept.get(row.id)
        if sealed is not None:
            found[row.id] = SignedSet(bytes(sealed.sealed), b""), sealed.digest
        elif key and _can_be_proven(row):
            found[row.id] = SignedSet(sealed_set(_as_taken(row), key), b""), digest_of(row.body)
        else:
            set_aside = row.state is ChangeState.CLEARED
            found[row.id] = SignedSet(row.body, b"" if set_aside else row.signature), digest_of(row.body)
    return found


def pieces_of(connection: Connection, change_set_id: str) -> list[SealedPiece]:
    """Return a change set as it was handed in; nothing where that is not kept."""
    for each in _of(connection, [change_set_id]):
        if not each.sealed_to.startswith(_STORE):
            return msgspec.msgpack.decode(each.sealed, type=list[SealedPiece])
    return []


def _of(connection: Connection, ids: Collection[str]) -> list[Any]:
    found: list[Any] = []
    for some in batched(ids, _BATCH):
        found += connection.execute(select(_KEPT).where(_KEPT.c.change_set_id.in_(some))).all()
    return found


def _can_be_proven(row: Any) -> bool:
    return row.state in _TAKEN and bool(row.signature) and bool(row.receipt) and row.revision is not None


def _as_taken(row: Any) -> KeptSet:
    return KeptSet(row.body, row.signature, row.revision, str(row.state), row.receipt)
