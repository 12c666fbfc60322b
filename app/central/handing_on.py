"""Sealed work that no supervisor's laptop opens is sealed anew to a team, by whoever holds the authority's key.

That is work which was handed in before its team had a key, and work sealed to a team whose laptops are all lost. The
package is opened in memory, checked to be what its author signed, and sealed to the team's newest key; nobody at this
end reads it. It is on record before the team can open it: who, when, which work and why.
"""

from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import Connection, Engine, delete, insert, select, update

from app.central.authority_key import AuthorityKeys
from app.central.devices import is_uuid
from app.central.recovery import MOST_REASON, administrator_id
from app.central.rescue import Rescues
from app.central.rescue_tables import rescued_piece, rescued_work
from app.central.store import Store, lock_revision
from app.central.tables import device_credential
from app.errors import UserError
from app.models import HandedIn, Team, TeamKey, TeamKeyWrap
from app.models.terms import HandedInState
from app.services.changes import Change
from app.services.sync.packages import Package, UnopenedError, opened, sealed_pieces
from app.services.sync.team_keys import opened_wrap
from app.services.vault.authority_wrap import AuthorityKey, fingerprint, is_public_key

_AUTHORITY = "authority:"
_CHANGED = "This work was handed on or settled meanwhile. Nothing was changed."


@dataclass(frozen=True, slots=True)
class Request:
    """What the holder of the authority's key asks for.

    Attributes:
        work_id: as the ``rescues`` command lists it.
        team: whose supervisors shall deal with it, by name.
        reason: why, in words, for the record.
        by: the username of who asks: an administrator.
    """

    work_id: str
    team: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class HandingOn:
    """Seals work anew."""

    engine: Engine
    rescues: Rescues
    store: Store
    authority: AuthorityKeys

    def hand_on(self, request: Request, key: AuthorityKey) -> int:
        """Seal one change set that was handed in to a team's key.

        Args:
            request: who asks, which work, to whom and why.
            key: the authority's, with its private half.

        Returns:
            The line in the change log.

        Raises:
            UserError: says what does not fit; nothing was changed.
            UnopenedError: it does not open with this key, or is not what its author signed; nothing was changed.
        """
        reason = " ".join(request.reason.split())
        if not reason or len(reason) > MOST_REASON:
            raise UserError(f"Give a reason of up to {MOST_REASON} characters. Nothing was changed.", "reason")
        with self.engine.connect() as connection:
            actor_id = administrator_id(connection, request.by)
            work = _work(connection, request.work_id)
            team_id, team_key = _team(connection, request.team)
            package = self._opened(connection, work, key)
        sealed = sealed_pieces(package, work.change_set_id, bytes.fromhex(team_key.public_key))
        with self.engine.begin() as connection:
            lock_revision(connection)
            mine = rescued_work.c.change_set_id == work.change_set_id
            told = update(rescued_work).where(mine, rescued_work.c.sealed_to == work.sealed_to)
            sealed_to = {"team_id": team_id, "sealed_to": team_key.id, "pieces": len(sealed)}
            if connection.execute(told.values(sealed_to)).rowcount != 1 or _settled(connection, work.change_set_id):
                raise UserError(_CHANGED)
            connection.execute(delete(rescued_piece).where(rescued_piece.c.change_set_id == work.change_set_id))
            rows = [
                {"change_set_id": work.change_set_id, "place": place, "sealed": each}
                for place, each in enumerate(sealed)
            ]
            connection.execute(insert(rescued_piece), rows)
            self.rescues.note(connection, work.change_set_id, work.device_id, actor_id, f"handed on: {reason}")
            change = Change("handed_in", work.change_set_id, "update", {"team_id": [work.team_id, team_id]})
            return self.store.record_in(connection, [change], "Handed work on to a team", actor_id)

    def _opened(self, connection: Connection, work: Any, key: AuthorityKey) -> Package:
        known = {each.serial: each.public_key for each in self.authority.all()}
        if key.public_key not in known.values():
            raise UserError("This key file is of another central store. Nothing was opened.", "key")
        private: X25519PrivateKey | None = key.private
        if work.sealed_to.startswith(_AUTHORITY):
            serial = work.sealed_to.removeprefix(_AUTHORITY)
            needed = known.get(int(serial)) if serial.isdigit() else None
            if needed != key.public_key:
                which = fingerprint(needed) if needed else "one that this store does not know"
                raise UserError(f"This work is sealed to another authority key: {which}. Nothing was opened.", "key")
        else:
            private = _team_private(connection, work.sealed_to, key)
        if private is None:
            raise UnopenedError(
                "This work is sealed to a team's key, and this authority key does not open that. It is kept."
            )
        pieces = connection.scalars(
            select(rescued_piece.c.sealed)
            .where(rescued_piece.c.change_set_id == work.change_set_id)
            .order_by(rescued_piece.c.place)
        )
        return opened([bytes(each) for each in pieces], work.change_set_id, work.digest, private, work.public_key)


def _work(connection: Connection, work_id: str) -> Any:
    query = (
        select(rescued_work, device_credential.c.public_key)
        .join(device_credential, device_credential.c.device_id == rescued_work.c.device_id)
        .where(rescued_work.c.change_set_id == work_id, rescued_work.c.complete)
    )
    row = connection.execute(query).first() if is_uuid(work_id) else None
    if row is None:
        raise UserError("There is no such work, or not all of it is here yet. See the rescues command.", "work")
    if _settled(connection, work_id):
        raise UserError(_CHANGED)
    return row


def _settled(connection: Connection, work_id: str) -> bool:
    state = connection.execute(select(HandedIn.state).where(HandedIn.id == work_id)).scalar()
    return state not in (None, HandedInState.WAITING)


def _team(connection: Connection, name: str) -> tuple[str, Any]:
    """Return a team's id and its newest key."""
    teams = connection.scalars(select(Team.id).where(Team.name == name)).all()
    if len(teams) != 1:
        raise UserError(f"There is no team called {name}. Nothing was changed.", "team")
    key = connection.execute(
        select(TeamKey.id, TeamKey.public_key)
        .where(TeamKey.team_id == teams[0])
        .order_by(TeamKey.serial.desc(), TeamKey.id)
        .limit(1)
    ).first()
    if key is None or not is_public_key(bytes.fromhex(key.public_key)):
        raise UserError(
            f"{name} has no key yet. It is made when a supervisor of the team syncs. Nothing was changed.", "team"
        )
    return teams[0], key


def _team_private(connection: Connection, team_key_id: str, key: AuthorityKey) -> X25519PrivateKey | None:
    """Return a team's private key from the wrap that is sealed to the authority."""
    if not is_uuid(team_key_id):
        return None
    wraps = connection.scalars(
        select(TeamKeyWrap.sealed).where(
            TeamKeyWrap.team_key_id == team_key_id,
            TeamKeyWrap.device_id.is_(None),
            TeamKeyWrap.public_key == key.public_key.hex(),
        )
    ).all()
    return opened_wrap(key.private, team_key_id, wraps)
