"""Six-digit codes of local accounts (TOTP, RFC 6238), and recovery codes for when the telephone is lost."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from app.central.sign_in_tables import account_factor, recovery_code
from app.central.signing_key import Identity
from app.errors import UserError
from app.models import Authority, User
from app.services.sync.sign_in_protocol import SecondStep
from app.timesource import TimeSource

STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20
"""RFC 4226 asks for 160 bits; SHA-1 is what every authenticator understands, and is sound in an HMAC."""
STEPS_APART = 1
RECOVERY_CODES = 10
_RECOVERY_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
_RECOVERY_LENGTH = 10


class SecondSteps:
    """Sets up and checks six-digit codes."""

    def __init__(self, engine: Engine, identity: Identity, time: TimeSource) -> None:
        self._engine = engine
        self._time = time
        # Whoever reads a copy of this one table cannot make codes; the key of the store is elsewhere in it.
        self._sealer = AESGCM(hashlib.sha256(b"rollcall second step 1\n" + identity.seed).digest())

    def begin(self, user_id: str) -> SecondStep:
        """Make a new secret for a person; it counts once a code of it was typed back.

        Raises:
            UserError: there is no such person.
        """
        secret = secrets.token_bytes(SECRET_BYTES)
        nonce = secrets.token_bytes(12)
        sealed = nonce + self._sealer.encrypt(nonce, secret, user_id.encode())
        with self._engine.begin() as connection:
            username = connection.execute(select(User.username).where(User.id == user_id)).scalar()
            if username is None:
                raise UserError("There is no such person. Nothing was changed.")
            authority = connection.execute(select(Authority.name).limit(1)).scalar() or ""
            values = {"secret": sealed, "confirmed": False, "last_step": 0}
            statement = upsert(account_factor).values(user_id=user_id, **values)
            known = connection.execute(
                select(account_factor.c.confirmed).where(account_factor.c.user_id == user_id)
            ).scalar()
            if known:
                raise UserError("There is a second step already. Turn it off first. Nothing was changed.")
            connection.execute(statement.on_conflict_do_update(index_elements=[account_factor.c.user_id], set_=values))
        uri = _totp(secret).get_provisioning_uri(username, f"Rollcall {authority}".strip())
        return SecondStep(uri, base64.b32encode(secret).decode())

    def confirm(self, user_id: str, code: str) -> list[str]:
        """Turn the second step on with a code of the new secret; return the recovery codes, shown once.

        Raises:
            UserError: the code does not fit; nothing was changed.
        """
        with self._engine.begin() as connection:
            row = self._row(connection, user_id)
            step = None if row is None or row.confirmed else self._step(row, user_id, code)
            if step is None:
                raise UserError("This code does not fit. Type the newest one that your telephone shows.", "code")
            connection.execute(
                update(account_factor).where(account_factor.c.user_id == user_id).values(confirmed=True, last_step=step)
            )
            return _new_recovery_codes(connection, user_id)

    def remove(self, user_id: str) -> bool:
        """Turn the second step off; return whether there was one."""
        with self._engine.begin() as connection:
            connection.execute(delete(recovery_code).where(recovery_code.c.user_id == user_id))
            return connection.execute(delete(account_factor).where(account_factor.c.user_id == user_id)).rowcount == 1

    def asked_of(self, connection: Connection, user_id: str) -> bool:
        """Return whether a person's account has a second step."""
        row = self._row(connection, user_id)
        return row is not None and bool(row.confirmed)

    def spend(self, connection: Connection, user_id: str, code: str) -> bool:
        """Return whether a code fits; a code that fitted works no second time."""
        row = self._row(connection, user_id)
        if row is None or not row.confirmed:
            return False
        step = self._step(row, user_id, code)
        if step is not None:
            connection.execute(update(account_factor).where(account_factor.c.user_id == user_id).values(last_step=step))
            return True
        done = connection.execute(
            update(recovery_code)
            .where(
                recovery_code.c.user_id == user_id,
                recovery_code.c.code_hash == _recovery_hash(user_id, code),
                recovery_code.c.used_at.is_(None),
            )
            .values(used_at=self._time.now())
        )
        return done.rowcount == 1

    def _row(self, connection: Connection, user_id: str) -> Any:
        return connection.execute(
            select(account_factor).where(account_factor.c.user_id == user_id).with_for_update()
        ).first()

    def _step(self, row: Any, user_id: str, code: str) -> int | None:
        """Return the step a code is of, if it is near enough and newer than the last one that was used."""
        plain = "".join(code.split())
        if len(plain) != DIGITS or not plain.isascii() or not plain.isdigit():
            return None
        secret = self._sealer.decrypt(row.secret[:12], row.secret[12:], user_id.encode())
        totp = _totp(secret)
        here = int(self._time.now().timestamp()) // STEP_SECONDS
        found = None
        for step in range(here - STEPS_APART, here + STEPS_APART + 1):
            fits = hmac.compare_digest(totp.generate(step * STEP_SECONDS), plain.encode())
            if fits and step > row.last_step:
                found = step
        return found


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), STEP_SECONDS)


def _new_recovery_codes(connection: Connection, user_id: str) -> list[str]:
    made = ["".join(secrets.choice(_RECOVERY_ALPHABET) for _ in range(_RECOVERY_LENGTH)) for _ in range(RECOVERY_CODES)]
    connection.execute(delete(recovery_code).where(recovery_code.c.user_id == user_id))
    connection.execute(
        insert(recovery_code), [{"user_id": user_id, "code_hash": _recovery_hash(user_id, each)} for each in made]
    )
    return [f"{each[:5]}-{each[5:]}" for each in made]


def _recovery_hash(user_id: str, code: str) -> bytes:
    # 49 random bits, ten to a person, each tried at most a few times an hour: no slow hash is needed.
    plain = "".join(char for char in code.upper() if char.isalnum())[:40]
    return hashlib.sha256(f"rollcall recovery code\n{user_id}\n{plain}".encode()).digest()


def rows_of(codes: Sequence[str]) -> str:
    """Return recovery codes as they are printed: two a line."""
    return "\n".join("   ".join(codes[start : start + 2]) for start in range(0, len(codes), 2))
