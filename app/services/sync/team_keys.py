"""The keys of teams: made by the first supervisor's laptop, handed on between supervisors, never lost.

A laptop's own sealing key follows from the seed of its signing key, so that it needs no keeping. A team's private key
is only ever in wraps: one for each laptop of a supervisor of the team, and one for the authority. When somebody who
could open it is no longer a supervisor there, a new key is made, and what is handed in from then on is sealed to that.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.ids import new_id
from app.logs import get_logger
from app.models import Device, DeviceKey, Team, TeamKey, TeamKeyWrap, User
from app.services.access import Permission, allowed, require
from app.services.signing import Signer, verified
from app.services.sync import facts
from app.services.vault.authority_wrap import is_public_key
from app.services.vault.keys import WrongSecretError
from app.services.vault.sealing import open_sealed, seal_to
from app.services.workspace import Actor, Workspace

_SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom work is sealed.

    Attributes:
        sealed_to: the id of the team's key, or ``authority:`` and its number.
        team_id: whose supervisors can open it; None for the authority.
        public_key: raw X25519.
    """

    sealed_to: str
    team_id: str | None
    public_key: bytes


def recipient(session: Session, team_id: str | None) -> Recipient | None:
    """Return to whom a team's work is sealed: the team's newest key, else the authority's, else nobody yet."""
    key = _newest(session, team_id) if team_id else None
    if key is not None and (raw := _raw(key.public_key)) is not None:
        return Recipient(key.id, team_id, raw)
    authority = _authority(session)
    return None if authority is None else Recipient(f"authority:{authority[0]}", None, authority[1])


def laptop_key(seed: bytes) -> X25519PrivateKey:
    """Return a laptop's sealing key, which follows from the seed of its signing key."""
    derived = HKDF(SHA256(), _SEED_BYTES, salt=None, info=b"rollcall laptop sealing 1").derive(seed)
    return X25519PrivateKey.from_private_bytes(derived)


def private_key(session: Session, team_key_id: str) -> X25519PrivateKey | None:
    """Return a team's private key, where this laptop has a wrap of it."""
    device = session.execute(select(DeviceKey.device_id, DeviceKey.private_key)).first()
    if device is None:
        return None
    sealed = session.scalars(
        select(TeamKeyWrap.sealed).where(
            TeamKeyWrap.team_key_id == team_key_id,
            TeamKeyWrap.device_id == device.device_id,
            TeamKeyWrap.sealed != "",
        )
    ).all()
    return opened_wrap(laptop_key(device.private_key), team_key_id, sealed)


def opened_wrap(own: X25519PrivateKey, team_key_id: str, sealed: Iterable[str]) -> X25519PrivateKey | None:
    """Return a team's private key from the first of some wraps that opens, or None."""
    for each in sealed:
        try:
            plain = open_sealed(own, bytes.fromhex(each), _wrap_of(team_key_id))
            return X25519PrivateKey.from_private_bytes(plain)
        except (WrongSecretError, ValueError):
            continue
    return None


def tend(ws: Workspace) -> bool:
    """Do what this laptop owes its teams' keys: make, ask, hand on, and replace. Nothing where nothing is owed.

    Returns:
        Whether something was written that should be sent.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    if not allowed(ws.actor.role, Permission.TAKE_OVER_WORK):
        return False
    with ws.read() as session:
        owed = _Tending(session, ws.actor).owed()
    if not owed:
        return False
    with ws.write("Looked after the team's key") as session:
        again = _Tending(session, ws.actor).owed()
        for row in again:
            session.merge(row)
    get_logger().info("team keys tended", count=len(again))
    return bool(again)


class _Tending:
    """What one supervisor's laptop owes, as records to write."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor
        device = session.execute(select(DeviceKey.device_id, DeviceKey.private_key)).one()
        self._device_id: str = device.device_id
        self._signer = Signer(device.private_key)
        self._own = laptop_key(device.private_key)
        self._authority = _authority(session)

    def owed(self) -> list[TeamKey | TeamKeyWrap]:
        """Return new and changed records, nothing of them written.

        As the records know the person now: somebody who was moved while signed in would else make keys for a team
        that they left.
        """
        person = self._session.get(User, self._actor.user_id) if self._actor.user_id else None
        if person is None or not person.active or not allowed(person.role, Permission.TAKE_OVER_WORK):
            return []
        if person.team_id:
            teams: Iterable[str] = [person.team_id]
        else:
            teams = self._session.scalars(select(Team.id)).all()
        return [row for team_id in teams for row in self._of_team(team_id)]

    def _of_team(self, team_id: str) -> list[TeamKey | TeamKeyWrap]:
        newest = _newest(self._session, team_id)
        if newest is None:
            return self._new_key(team_id, 1, [])
        rows: list[TeamKey | TeamKeyWrap] = []
        keys = self._session.scalars(select(TeamKey).where(TeamKey.team_id == team_id)).all()
        for key in keys:
            wraps = self._wraps(key.id)
            private = private_key(self._session, key.id)
            if private is None:
                rows += self._asking(key.id, wraps)
                continue
            seed = private.private_bytes_raw()
            for wrap in wraps:
                if wrap.device_id and not wrap.sealed and self._entitled(wrap, team_id):
                    rows.append(_filled(wrap, seed))
            rows += self._for_authority(key.id, seed, wraps)
            if key.id == newest.id:
                rows += self._replacement(team_id, key.serial, wraps)
        return rows

    def _replacement(self, team_id: str, serial: int, wraps: Sequence[TeamKeyWrap]) -> list[TeamKey | TeamKeyWrap]:
        """Return a new key where somebody who has this one may have it no more."""
        holders = [wrap for wrap in wraps if wrap.device_id and wrap.sealed]
        good = [wrap for wrap in holders if self._entitled(wrap, team_id)]
        return [] if len(good) == len(holders) else self._new_key(team_id, serial + 1, good)

    def _new_key(self, team_id: str, serial: int, others: Sequence[TeamKeyWrap]) -> list[TeamKey | TeamKeyWrap]:
        private = X25519PrivateKey.generate()
        seed, public = private.private_bytes_raw(), private.public_key().public_bytes_raw()
        key = TeamKey(id=new_id(), team_id=team_id, serial=serial, public_key=public.hex())
        wraps = [_filled(wrap, seed, key.id) for wrap in others if wrap.device_id != self._device_id]
        own = self._ask(key.id)
        return [key, _filled(own, seed), *wraps, *self._for_authority(key.id, seed, [])]

    def _asking(self, key_id: str, wraps: Sequence[TeamKeyWrap]) -> list[TeamKeyWrap]:
        asked = any(wrap.device_id == self._device_id for wrap in wraps)
        return [] if asked else [self._ask(key_id)]

    def _ask(self, key_id: str) -> TeamKeyWrap:
        public = self._own.public_key().public_bytes_raw().hex()
        proof = self._signer.sign(_sealing_statement(self._device_id, public)).hex()
        return TeamKeyWrap(
            id=new_id(), team_key_id=key_id, device_id=self._device_id, public_key=public, proof=proof, sealed=""
        )

    def _for_authority(self, key_id: str, seed: bytes, wraps: Sequence[TeamKeyWrap]) -> list[TeamKeyWrap]:
        if self._authority is None:
            return []
        public = self._authority[1]
        if any(wrap.device_id is None and wrap.public_key == public.hex() for wrap in wraps):
            return []
        wrap = TeamKeyWrap(
            id=new_id(), team_key_id=key_id, device_id=None, public_key=public.hex(), proof="", sealed=""
        )
        return [_filled(wrap, seed)]

    def _entitled(self, wrap: TeamKeyWrap, team_id: str) -> bool:
        """Return whether a wrap is asked for by a laptop, not revoked, of an active supervisor of the team."""
        row = self._session.execute(
            select(Device.public_key, Device.revoked_at, User.role, User.team_id, User.active)
            .join(User, User.id == Device.user_id)
            .where(Device.id == wrap.device_id)
        ).first()
        if row is None or row.revoked_at is not None or not row.active:
            return False
        if not allowed(row.role, Permission.TAKE_OVER_WORK) or row.team_id not in (None, team_id):
            return False
        statement = _sealing_statement(str(wrap.device_id), wrap.public_key)
        return _raw(wrap.public_key) is not None and verified(row.public_key, statement, _bytes(wrap.proof))

    def _wraps(self, key_id: str) -> Sequence[TeamKeyWrap]:
        return self._session.scalars(select(TeamKeyWrap).where(TeamKeyWrap.team_key_id == key_id)).all()


def _filled(wrap: TeamKeyWrap, seed: bytes, key_id: str = "") -> TeamKeyWrap:
    """Return a wrap with the private key in it; a copy for another key where one is named."""
    target = key_id or wrap.team_key_id
    return TeamKeyWrap(
        id=new_id() if key_id else wrap.id,
        team_key_id=target,
        device_id=wrap.device_id,
        public_key=wrap.public_key,
        proof=wrap.proof,
        sealed=seal_to(bytes.fromhex(wrap.public_key), seed, _wrap_of(target)).hex(),
        created_at=None if key_id else wrap.created_at,
        created_by=None if key_id else wrap.created_by,
    )


def _newest(session: Session, team_id: str) -> TeamKey | None:
    query = select(TeamKey).where(TeamKey.team_id == team_id).order_by(TeamKey.serial.desc(), TeamKey.id).limit(1)
    return session.scalars(query).first()


def _authority(session: Session) -> tuple[int, bytes] | None:
    """Return the number and public half of the authority's key, as the central store signed it."""
    serial, _, known = (facts.get(session, facts.AUTHORITY_KEY) or "").partition(":")
    raw = _raw(known)
    return (int(serial), raw) if raw is not None and serial.isdigit() else None


def _raw(text: str) -> bytes | None:
    raw = _bytes(text)
    return raw if is_public_key(raw) else None


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _wrap_of(team_key_id: str) -> bytes:
    return b"rollcall team key 1\n" + team_key_id.encode()


def _sealing_statement(device_id: str, public_key: str) -> bytes:
    return b"rollcall laptop sealing key 1\n%s\n%s" % (device_id.encode(), public_key.encode())
