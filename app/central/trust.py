"""Who is let in: one-time codes, laptops' keys, local accounts and short-lived tokens."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from app.central import records
from app.central.authority_key import AuthorityKeys
from app.central.checks import DeviceIdentity
from app.central.leases import lend
from app.central.recovery import note_vault
from app.central.signing_key import Identity
from app.central.store import Store
from app.central.tables import account, device_credential, device_person, enrolment_code
from app.errors import UserError
from app.models import Authority, User
from app.services.changes import Change
from app.services.signing import verified
from app.services.sync.protocol import (
    CodeAnswer,
    EnrolAnswer,
    EnrolRequest,
    Token,
    enrolment_statement,
    session_statement,
)
from app.services.wire import to_wire
from app.timesource import TimeSource

CODE_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""Letters and digits that are not mistaken for one another when read aloud."""
CODE_LENGTH = 12
CODE_LIFE = timedelta(hours=48)
TOKEN_LIFE = timedelta(minutes=15)
CHALLENGE_LIFE = timedelta(minutes=2)
MOST_FAILED_SIGN_INS = 8
SIGN_IN_WAIT = timedelta(minutes=15)
MAX_PASSWORD_LENGTH = 1024
_ALGORITHM = "Ed25519"
_ISSUER = "rollcall-central"


class TrustError(Exception):
    """Not let in.

    Attributes:
        code: for the program.
        message: for the person.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class _Code:
    code_hash: str
    user_id: str
    user: dict[str, Any]

    @property
    def user_name(self) -> str:
        """What the person is called."""
        return str(self.user["name"])


class Trust:
    """Decides who is let in."""

    def __init__(self, engine: Engine, identity: Identity, store: Store, time: TimeSource) -> None:
        self._engine = engine
        self._identity = identity
        self._store = store
        self._authority = AuthorityKeys(engine, identity, time)
        self._time = time
        self._key = OKPKey.import_key(_jwk(identity))
        self._hasher = PasswordHasher()

    @cached_property
    def _decoy_hash(self) -> str:
        """Checked when there is no such account, so that the answer takes as long as for one that exists."""
        return self._hasher.hash(secrets.token_urlsafe())

    # -- one-time codes ------------------------------------------------------------------------------------------

    def make_code(self, user_id: str, life: timedelta = CODE_LIFE) -> str:
        """Return a new one-time code for a person; only its hash is kept.

        Raises:
            UserError: there is no such active person.
        """
        code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
        now = self._time.now()
        with self._engine.begin() as connection:
            if connection.execute(select(User.active).where(User.id == user_id)).scalar() is not True:
                raise UserError("There is no such active person. Add them first. No code was made.")
            connection.execute(
                insert(enrolment_code).values(
                    code_hash=_code_hash(code), user_id=user_id, made_at=now, expires_at=now + life
                )
            )
        return "-".join(code[start : start + 4] for start in range(0, CODE_LENGTH, 4))

    def check_code(self, code: str) -> CodeAnswer:
        """Return whom a code is for, without spending it.

        Raises:
            TrustError: unknown, spent or expired.
        """
        with self._engine.connect() as connection:
            found = self._find_code(connection, code)
            authority = connection.execute(select(Authority.name).limit(1)).scalar()
        return CodeAnswer(found.user_id, found.user_name, authority or "")

    def enrol(self, request: EnrolRequest) -> EnrolAnswer:
        """Spend a code on a laptop's key, and lend it case numbers.

        Raises:
            TrustError: the code is unknown, spent or expired, or the key was not proved.
        """
        statement = enrolment_statement(request.code, request.device_id, request.public_key)
        if not verified(request.public_key, statement, request.proof):
            raise TrustError("bad-proof", "The laptop could not prove its key. Try again with the same code.")
        now = self._time.now()
        name = " ".join(request.device_name.split())[:80] or "Laptop"
        with self._engine.begin() as connection:
            found = self._find_code(connection, request.code, lock=True)
            known = connection.execute(
                select(device_credential.c.device_id).where(device_credential.c.device_id == request.device_id)
            ).scalar()
            if known is not None:
                raise TrustError("device-known", "This laptop is enrolled already. Nothing was changed.")
            self._store.record_in(
                connection, [_device_change(request, name, found.user_id, now)], "Enrolled a laptop", found.user_id
            )
            connection.execute(
                insert(device_credential).values(
                    device_id=request.device_id,
                    user_id=found.user_id,
                    public_key=request.public_key,
                    last_sequence=0,
                    enrolled_at=now,
                )
            )
            connection.execute(insert(device_person).values(device_id=request.device_id, user_id=found.user_id))
            note_vault(connection, request.device_id, request.vault, now)
            connection.execute(
                update(enrolment_code)
                .where(enrolment_code.c.code_hash == found.code_hash)
                .values(used_at=now, used_by=request.device_id)
            )
            lease = lend(connection, request.device_id, request.year, now)
            notice = self._authority.notice(connection)
        return EnrolAnswer(self._identity.signer.public_key, lease, found.user, notice)

    def _find_code(self, connection: Connection, code: str, *, lock: bool = False) -> _Code:
        query = (
            select(enrolment_code, User.active)
            .join(User, User.id == enrolment_code.c.user_id)
            .where(enrolment_code.c.code_hash == _code_hash(code))
        )
        row = connection.execute(query.with_for_update(of=enrolment_code) if lock else query).first()
        if row is None or not row.active:
            raise TrustError("code-unknown", "This code is not known. Check it, or ask for a new one.")
        if row.used_at is not None:
            raise TrustError("code-spent", "This code has been used. Each code works once. Ask for a new one.")
        if row.expires_at <= self._time.now():
            raise TrustError("code-expired", "This code has expired. Ask for a new one.")
        user = records.load(connection, User.__tablename__, [row.user_id])[row.user_id]
        return _Code(row.code_hash, row.user_id, user)

    # -- laptops -------------------------------------------------------------------------------------------------

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
        return self._token({"device": device_id, "use": "challenge"}, CHALLENGE_LIFE)

    def start_session(self, challenge: str, signature: bytes, vault_id: str = "") -> Token:
        """Return a token for a laptop that signed a challenge, and the authority's key for it to seal to.

        Raises:
            TrustError: unknown or revoked laptop, stale challenge or wrong signature.
        """
        claims = self._claims(challenge, "challenge")
        device = self._device(str(claims["device"]))
        if not verified(device.public_key, session_statement(challenge), signature):
            raise TrustError("bad-signature", "This laptop could not prove who it is. Ask your administrator.")
        token = self._life_token({"device": device.device_id, "use": "device"})
        with self._engine.begin() as connection:
            note_vault(connection, device.device_id, vault_id, self._time.now())
            token.authority = self._authority.notice(connection)
        return token

    def device_of(self, token: str) -> DeviceIdentity:
        """Return the laptop a token is for.

        Raises:
            TrustError: the token is stale or forged, or the laptop was revoked since.
        """
        return self._device(str(self._claims(token, "device")["device"]))

    def _device(self, device_id: str) -> DeviceIdentity:
        if not _is_uuid(device_id):
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

    # -- local accounts ------------------------------------------------------------------------------------------

    def set_password(self, user_id: str, password: str) -> None:
        """Give a person a local account, or a new password.

        Raises:
            UserError: the password is short or the person unknown.
        """
        if not 12 <= len(password) <= MAX_PASSWORD_LENGTH:
            raise UserError("Use at least 12 characters. A few unrelated words work well.", "password")
        with self._engine.begin() as connection:
            username = connection.execute(select(User.username).where(User.id == user_id)).scalar()
            if username is None:
                raise UserError("There is no such person. Nothing was changed.")
            values = {"password_hash": self._hasher.hash(password), "failed_count": 0, "locked_until": None}
            connection.execute(
                upsert(account)
                .values(user_id=user_id, username=username, **values)
                .on_conflict_do_update(index_elements=[account.c.user_id], set_={"username": username, **values})
            )

    def sign_in(self, username: str, password: str) -> Token:
        """Return a person's token.

        Raises:
            TrustError: wrong name or password (one answer for both), or too many tries.
        """
        wrong = TrustError("sign-in-failed", "Name or password not recognised. Check both and try again.")
        now = self._time.now()
        with self._engine.begin() as connection:
            row = connection.execute(
                select(account, User.active)
                .join(User, User.id == account.c.user_id)
                .where(account.c.username == username)
                .with_for_update(of=account)
            ).first()
            locked = row is not None and row.locked_until is not None and row.locked_until > now
            right = self._password_fits(row.password_hash if row else self._decoy_hash, password)
            if row is not None and not locked:
                failed = 0 if right else row.failed_count + 1
                lock = now + SIGN_IN_WAIT if failed >= MOST_FAILED_SIGN_INS else None
                connection.execute(
                    update(account)
                    .where(account.c.user_id == row.user_id)
                    .values(failed_count=0 if lock else failed, locked_until=lock)
                )
        if row is None or locked or not right or not row.active:
            raise wrong
        return self._life_token({"user": row.user_id, "use": "user"})

    def user_of(self, token: str) -> str:
        """Return the person a token is for.

        Raises:
            TrustError: the token is stale or forged.
        """
        return str(self._claims(token, "user")["user"])

    def _password_fits(self, stored: str, password: str) -> bool:
        try:
            return len(password) <= MAX_PASSWORD_LENGTH and self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    # -- tokens --------------------------------------------------------------------------------------------------

    def _life_token(self, claims: dict[str, Any]) -> Token:
        return Token(self._token(claims, TOKEN_LIFE), int(TOKEN_LIFE.total_seconds()))

    def _token(self, claims: dict[str, Any], life: timedelta) -> str:
        now = self._time.now()
        whole = {
            **claims,
            "iss": _ISSUER,
            "jti": secrets.token_hex(8),
            "iat": int(now.timestamp()),
            "exp": int((now + life).timestamp()),
        }
        return jwt.encode({"alg": _ALGORITHM}, whole, self._key, algorithms=[_ALGORITHM])

    def _claims(self, token: str, use: str) -> dict[str, Any]:
        stale = TrustError("token-stale", "The session has ended. Rollcall starts a new one by itself.")
        try:
            claims = jwt.decode(token, self._key, algorithms=[_ALGORITHM]).claims
        except (JoseError, ValueError) as error:
            raise stale from error
        expires = claims.get("exp")
        in_time = isinstance(expires, int) and expires > self._time.now().timestamp()
        if claims.get("iss") != _ISSUER or claims.get("use") != use or not in_time:
            raise stale
        return claims


def _jwk(identity: Identity) -> dict[str, str | list[str]]:
    public = base64.b64decode(identity.signer.public_key)
    return {"kty": "OKP", "crv": "Ed25519", "d": _base64url(identity.seed), "x": _base64url(public)}


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _code_hash(code: str) -> str:
    plain = "".join(char for char in code.upper() if char.isalnum())[:64]
    return hashlib.sha256(b"rollcall enrolment code\n" + plain.encode()).hexdigest()


def _is_uuid(value: str) -> bool:
    import re

    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value) is not None


def _device_change(request: EnrolRequest, name: str, user_id: str, now: datetime) -> Change:
    values = {
        "id": request.device_id,
        "created_at": to_wire(now),
        "created_by": user_id,
        "name": name,
        "public_key": request.public_key,
        "user_id": user_id,
        "enrolled_at": to_wire(now),
    }
    return Change("device", request.device_id, "insert", {key: [None, value] for key, value in values.items()})
