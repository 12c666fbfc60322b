"""Enrolled laptops: how they prove their key, what an administrator allows them, and how they are revoked."""

import re
from datetime import timedelta

from sqlalchemy import Engine, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from app.central.authority_key import AuthorityKeys
from app.central.checks import DeviceIdentity
from app.central.recovery import note_vault
from app.central.store import Store
from app.central.tables import device_credential, device_person
from app.central.tokens import Tokens, TrustError
from app.errors import UserError
from app.models import User
from app.services.changes import Change
from app.services.signing import verified
from app.services.sync.protocol import Token, session_statement
from app.services.wire import to_wire
from app.timesource import TimeSource

CHALLENGE_LIFE = timedelta(minutes=2)


class Devices:
    """Lets laptops in that prove their key."""

    def __init__(
        self, engine: Engine, tokens: Tokens, store: Store, authority: AuthorityKeys, time: TimeSource
    ) -> None:
        self._engine = engine
        self._tokens = tokens
        self._store = store
        self._authority = authority
        self._time = time

    def allow_person(self, device_id: str, user_id: str) -> None:
        """Let a laptop send a second person's changes (a shared laptop, or a demonstration)."""
        with self._engine.begin() as connection:
            connection.execute(
                upsert(device_person).values(device_id=device_id, user_id=user_id).on_conflict_do_nothing()
            )

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

    def revoke(self, device_id: str) -> None:
        """Let a laptop in no more.

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
            self._store.record_in(connection, [change], "Revoked a laptop")

    def challenge(self, device_id: str) -> str:
        """Return something for a laptop to sign; says nothing about whether the laptop is known."""
        return self._tokens.issue({"device": device_id, "use": "challenge"}, CHALLENGE_LIFE)

    def start_session(self, challenge: str, signature: bytes, vault_id: str = "") -> Token:
        """Return a token for a laptop that signed a challenge, and the authority's key for it to seal to.

        Raises:
            TrustError: unknown or revoked laptop, stale challenge or wrong signature.
        """
        claims = self._tokens.claims(challenge, "challenge")
        device = self._device(str(claims["device"]))
        if not verified(device.public_key, session_statement(challenge), signature):
            raise TrustError("bad-signature", "This laptop could not prove who it is. Ask your administrator.")
        token = self._tokens.short_lived({"device": device.device_id, "use": "device"})
        with self._engine.begin() as connection:
            note_vault(connection, device.device_id, vault_id, self._time.now())
            token.authority = self._authority.notice(connection)
        return token

    def device_of(self, token: str) -> DeviceIdentity:
        """Return the laptop a token is for.

        Raises:
            TrustError: the token is stale or forged, or the laptop was revoked since.
        """
        return self._device(str(self._tokens.claims(token, "device")["device"]))

    def _device(self, device_id: str) -> DeviceIdentity:
        if not is_uuid(device_id):
            raise TrustError("device-unknown", "This laptop is not enrolled here. Ask your administrator.")
        with self._engine.connect() as connection:
            row = connection.execute(
                select(device_credential, User.active)
                .join(User, User.id == device_credential.c.user_id)
                .where(device_credential.c.device_id == device_id)
            ).first()
        if row is None:
            raise TrustError("device-unknown", "This laptop is not enrolled here. Ask your administrator.")
        if row.revoked_at is not None or not row.active:
            raise TrustError(
                "device-revoked", "This laptop may no longer sync. Your work is kept on it. Ask your administrator."
            )
        importing = row.import_until is not None and row.import_until > self._time.now()
        return DeviceIdentity(row.device_id, row.user_id, row.public_key, importing)


def is_uuid(value: str) -> bool:
    """Return whether something is written as an id is."""
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value) is not None
