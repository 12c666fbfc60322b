"""Enrolled laptops: how they prove their key, what an administrator allows them, and how they are revoked."""

import re
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import Engine, Table, bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from app.central.authority_key import AuthorityKeys
from app.central.checks import DeviceIdentity
from app.central.limits import Limits
from app.central.noting import PERSON, Event
from app.central.once import spend
from app.central.person_sessions import PersonSessions
from app.central.recovery import note_vault
from app.central.rescue_tables import device_end
from app.central.store import Store
from app.central.tables import device_credential, device_person
from app.central.tokens import Tokens, TrustError
from app.errors import UserError
from app.models import User
from app.services.changes import Change
from app.services.signing import Signer, new_seed, verified
from app.services.sync.rescue_protocol import RescueToken, ended_statement, rescue_session_statement
from app.services.sync.trust_protocol import Token, session_statement
from app.services.wire import to_wire
from app.timesource import TimeSource

CHALLENGE_LIFE = timedelta(minutes=2)
_USERS = cast("Table", User.__table__)
_LAPTOP = (
    select(device_credential, _USERS.c.active)
    .join(_USERS, _USERS.c.id == device_credential.c.user_id)
    .where(device_credential.c.device_id == bindparam("laptop"))
)
"""Composed once: it is asked at every request."""


class Devices:
    """Lets laptops in that prove their key."""

    def __init__(
        self,
        engine: Engine,
        tokens: Tokens,
        store: Store,
        authority: AuthorityKeys,
        sessions: PersonSessions,
        limits: Limits,
        time: TimeSource,
    ) -> None:
        self._engine = engine
        self._tokens = tokens
        self._store = store
        self._authority = authority
        self._sessions = sessions
        self._limits = limits
        self._decoy = Signer(new_seed()).public_key
        self._time = time

    def allow_person(self, device_id: str, user_id: str) -> None:
        """Let a laptop send a second person's changes (a shared laptop, or a demonstration)."""
        with self._engine.begin() as connection:
            added = connection.execute(
                upsert(device_person).values(device_id=device_id, user_id=user_id).on_conflict_do_nothing()
            )
            if added.rowcount:
                self._store.tell(connection, [Event(PERSON, device_id)])

    def allow_import(self, device_id: str, life: timedelta = timedelta(hours=24)) -> None:
        """Let a laptop bring in an authority's existing records, in the names of those who made them, for a while.

        Raises:
            UserError: there is no such laptop.
        """
        with self._engine.begin() as connection:
            done = connection.execute(
                update(device_credential)
                .where(device_credential.c.device_id == device_id)
                .values(import_until=self._time.now() + life)
            )
            if done.rowcount != 1:
                raise UserError("There is no such laptop. Nothing was changed.")

    def revoke(self, device_id: str, *, lost: bool = False) -> None:
        """Let a laptop in no more; at its next contact it hands in what it has not sent, and destroys its keys.

        Args:
            device_id: which.
            lost: it is out of its officer's hands.

        Raises:
            UserError: there is no such laptop, or it is revoked already.
        """
        now = self._time.now()
        with self._engine.begin() as connection:
            done = connection.execute(
                update(device_credential)
                .where(device_credential.c.device_id == device_id, device_credential.c.revoked_at.is_(None))
                .values(revoked_at=now)
            )
            if done.rowcount != 1:
                raise UserError("There is no such laptop, or it is revoked already. Nothing was changed.")
            change = Change("device", device_id, "update", {"revoked_at": [None, to_wire(now)]})
            connection.execute(insert(device_end).values(device_id=device_id, lost=lost, handed_in=0))
            self._store.record_in(connection, [change], "Reported a laptop lost" if lost else "Revoked a laptop")
        self._sessions.end_all(device_id=device_id, why="the laptop was revoked")

    def challenge(self, device_id: str) -> str:
        """Return something for a laptop to sign; says nothing about whether the laptop is known."""
        return self._tokens.issue({"device": device_id, "use": "challenge"}, CHALLENGE_LIFE)

    def start_session(self, challenge: str, signature: bytes, vault_id: str = "") -> Token:
        """Return a token for a laptop that signed a challenge, and the authority's key for it to seal to.

        A laptop that is not known is answered as one with a wrong key, after the same work; that it was revoked is
        said to nobody but the laptop itself.

        Raises:
            TrustError: unknown or revoked laptop, stale or used challenge, wrong signature, or the authority asks its
                person to sign in first.
        """
        claims = self._tokens.claims(challenge, "challenge")
        device_id, now = str(claims["device"]), self._time.now()
        row = self._row(device_id)
        if not verified(row.public_key if row else self._decoy, session_statement(challenge), signature) or row is None:
            raise TrustError("bad-signature", "This laptop could not prove who it is. Ask your administrator.")
        device = self._let_in(row)
        token = self._tokens.short_lived({"device": device.device_id, "use": "device"})
        with self._engine.begin() as connection:
            if not spend(connection, "challenge", challenge, now + CHALLENGE_LIFE, now):
                raise TrustError("token-stale", "The session has ended. Rollcall starts a new one by itself.")
            self._sessions.check_device(connection, device.device_id)
            note_vault(connection, device.device_id, vault_id, now)
            seen = update(device_credential).where(device_credential.c.device_id == device.device_id)
            connection.execute(seen.values(last_seen_at=now))
            token.authority = self._authority.notice(connection)
        return token

    def device_of(self, token: str) -> DeviceIdentity:
        """Return the laptop a token is for.

        Raises:
            TrustError: the token is stale or forged, the laptop was revoked since, or it asks too much at once.
        """
        device_id = str(self._tokens.claims(token, "device")["device"])
        self._limits.count_laptop(device_id)
        return self._device(device_id)

    def start_rescue(self, challenge: str, signature: bytes) -> RescueToken:
        """Return a token for a laptop that may not sync any more to hand in its work, and the word that it may not.

        The word is signed: a laptop destroys its keys on nothing less.

        Raises:
            TrustError: unknown laptop, one that may sync, stale challenge or wrong signature.
        """
        device_id = str(self._tokens.claims(challenge, "challenge")["device"])
        row = self._find(device_id)
        if not verified(row.public_key, rescue_session_statement(challenge), signature):
            raise TrustError("bad-signature", "This laptop could not prove who it is. Ask your administrator.")
        if row.revoked_at is None and row.active:
            raise TrustError("device-welcome", "This laptop may sync. Nothing was handed in.")
        token = self._tokens.short_lived({"device": device_id, "use": "rescue"})
        now = self._time.now()
        with self._engine.begin() as connection:
            if not spend(connection, "challenge", challenge, now + CHALLENGE_LIFE, now):
                raise TrustError("token-stale", "The session has ended. Rollcall starts a new one by itself.")
            notice = self._authority.notice(connection)
            lost = connection.execute(select(device_end.c.lost).where(device_end.c.device_id == device_id)).scalar()
        word = self._store.identity.signer.sign(ended_statement(device_id, challenge))
        return RescueToken(token.token, token.expires_in, word, bool(lost), notice)

    def rescuer_of(self, token: str) -> DeviceIdentity:
        """Return the laptop that hands in work: one that may sync, or one that may do nothing else any more.

        Raises:
            TrustError: the token is stale, forged, or lets in to neither.
        """
        try:
            return self.device_of(token)
        except TrustError as error:
            if error.code != "token-stale":
                raise
        row = self._find(str(self._tokens.claims(token, "rescue")["device"]))
        return DeviceIdentity(row.device_id, row.user_id, row.public_key)

    def _device(self, device_id: str) -> DeviceIdentity:
        return self._let_in(self._find(device_id))

    def _find(self, device_id: str) -> Any:
        row = self._row(device_id)
        if row is None:
            raise TrustError("device-unknown", "This laptop is not enrolled here. Ask your administrator.")
        return row

    def _row(self, device_id: str) -> Any:
        if not is_uuid(device_id):
            raise TrustError("device-unknown", "This laptop is not enrolled here. Ask your administrator.")
        with self._engine.connect() as connection:
            return connection.execute(_LAPTOP, {"laptop": device_id}).first()

    def _let_in(self, row: Any) -> DeviceIdentity:
        if row.revoked_at is not None or not row.active:
            raise TrustError(
                "device-revoked", "This laptop may no longer sync. Your work is kept on it. Ask your administrator."
            )
        importing = row.import_until is not None and row.import_until > self._time.now()
        return DeviceIdentity(row.device_id, row.user_id, row.public_key, importing)


def is_uuid(value: str) -> bool:
    """Return whether something is written as an id is."""
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value) is not None
