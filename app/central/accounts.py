"""Local accounts, for authorities without an identity provider."""

import secrets
from datetime import timedelta
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Engine, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from app.central.tables import account
from app.central.tokens import Tokens, TrustError
from app.errors import UserError
from app.models import User
from app.services.sync.protocol import Token
from app.timesource import TimeSource

MOST_FAILED_SIGN_INS = 8
SIGN_IN_WAIT = timedelta(minutes=15)
MAX_PASSWORD_LENGTH = 1024


class Accounts:
    """Names and passwords."""

    def __init__(self, engine: Engine, tokens: Tokens, time: TimeSource) -> None:
        self._engine = engine
        self._tokens = tokens
        self._time = time
        self._hasher = PasswordHasher()

    @cached_property
    def _decoy_hash(self) -> str:
        """Checked when there is no such account, so that the answer takes as long as for one that exists."""
        return self._hasher.hash(secrets.token_urlsafe())

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
        return self._tokens.short_lived({"user": row.user_id, "use": "user"})

    def user_of(self, token: str) -> str:
        """Return the person a token is for.

        Raises:
            TrustError: the token is stale or forged.
        """
        return str(self._tokens.claims(token, "user")["user"])

    def _password_fits(self, stored: str, password: str) -> bool:
        try:
            return len(password) <= MAX_PASSWORD_LENGTH and self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
