"""Local accounts, for authorities without an identity provider: Argon2id, a second step, and waits that grow."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from app.central import tries
from app.central.second_step import SecondSteps
from app.central.tables import account, device_person
from app.central.tokens import Tokens, TrustError
from app.errors import UserError
from app.logs import get_logger
from app.models import Authority, User
from app.services.sync.trust_protocol import Token
from app.services.vault import passphrase
from app.timesource import TimeSource

LEAST_LENGTH = 12
MAX_PASSWORD_LENGTH = 1024
AT_ONCE = 4
"""Passwords that one worker process checks at the same time; each takes 64 MiB for a moment."""
QUEUE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One local account, for the command line."""

    username: str
    name: str
    second_step: bool
    active: bool


class Accounts:
    """Names, passwords and second steps."""

    def __init__(self, engine: Engine, tokens: Tokens, steps: SecondSteps, time: TimeSource) -> None:
        self._engine = engine
        self._tokens = tokens
        self._steps = steps
        self._time = time
        self._hasher = PasswordHasher()
        self._places = threading.BoundedSemaphore(AT_ONCE)

    @cached_property
    def _decoy_hash(self) -> str:
        """Checked when there is no such account, so that the answer takes as long as for one that exists."""
        return self._hasher.hash(secrets.token_urlsafe())

    def set_password(self, user_id: str, password: str) -> None:
        """Give a person a local account, or a new password.

        Raises:
            UserError: the password is short or easily guessed, or the person unknown.
        """
        if not LEAST_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
            raise UserError("Use at least 12 characters. A few unrelated words work well.", "password")
        with self._engine.begin() as connection:
            row = connection.execute(select(User.username, User.name).where(User.id == user_id)).first()
            if row is None:
                raise UserError("There is no such person. Nothing was changed.")
            council = connection.execute(select(Authority.name).limit(1)).scalar() or ""
            passphrase.check(password, (row.username, row.name, council), least_length=LEAST_LENGTH)
            values = {"password_hash": self._hasher.hash(password), "failed_count": 0, "locked_until": None}
            connection.execute(
                upsert(account)
                .values(user_id=user_id, username=row.username, **values)
                .on_conflict_do_update(index_elements=[account.c.user_id], set_={"username": row.username, **values})
            )
            self._forgive(connection, user_id, row.username)

    def unlock(self, user_id: str) -> None:
        """Let a person try again at once.

        Raises:
            UserError: there is no such account.
        """
        with self._engine.begin() as connection:
            username = connection.execute(select(account.c.username).where(account.c.user_id == user_id)).scalar()
            if username is None:
                raise UserError("This person has no local account. Nothing was changed.")
            self._forgive(connection, user_id, username)

    def remove(self, user_id: str) -> None:
        """Take a person's local account away.

        Raises:
            UserError: there is none.
        """
        with self._engine.begin() as connection:
            if connection.execute(delete(account).where(account.c.user_id == user_id)).rowcount != 1:
                raise UserError("This person has no local account. Nothing was changed.")
        self._steps.remove(user_id)

    def all(self) -> list[AccountRow]:
        """Return the local accounts by name."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(account.c.user_id, account.c.username, User.name, User.active)
                .join(User, User.id == account.c.user_id)
                .order_by(account.c.username)
            ).all()
            return [
                AccountRow(row.username, row.name, self._steps.asked_of(connection, row.user_id), row.active)
                for row in rows
            ]

    def sign_in(self, username: str, password: str, address: str = "") -> Token:
        """Return a person's token, without a session on a laptop.

        Raises:
            TrustError: as for :meth:`check`; an account with a second step is never let in this way.
        """
        user_id = self.check(username, password, "", address=address)
        return self._tokens.short_lived({"user": user_id, "use": "user"})

    def check(
        self,
        username: str,
        password: str,
        code: str,
        *,
        address: str = "",
        device_id: str | None = None,
        needs_code: bool = False,
    ) -> str:
        """Return the id of the person whose account name, password and code fit.

        Args:
            username: as it was typed.
            password: as it was typed.
            code: six digits or a recovery code; empty where there is no second step.
            address: where from.
            device_id: a laptop that proved its key.
            needs_code: accounts without a second step are not let in.

        Raises:
            TrustError: wrong name, password or code (one answer for all), or too many tries.
        """
        now, under = self._time.now(), tries.counted(username, device_id, address)
        found = None
        with self._place(), self._engine.begin() as connection:
            tries.begin(connection, under, now)
            row: Any = connection.execute(
                select(account.c.user_id, account.c.password_hash, User.active)
                .join(User, User.id == account.c.user_id)
                .where(account.c.username == username.strip()[:200])
            ).first()
            right = self._password_fits(row.password_hash if row else self._decoy_hash, password)
            if row is not None and right and row.active:
                found = self._second(connection, row.user_id, code, needs_code=needs_code)
            tries.note(connection, under, now, right=found is not None)
            if found is not None and self._hasher.check_needs_rehash(row.password_hash):
                connection.execute(
                    update(account).where(account.c.user_id == found).values(password_hash=self._hasher.hash(password))
                )
        # Raised after the transaction: the count must stay.
        if found is None:
            raise TrustError("sign-in-failed", "Name, password or code not recognised. Check all three and try again.")
        return found

    def _second(self, connection: Any, user_id: str, code: str, *, needs_code: bool) -> str | None:
        if self._steps.asked_of(connection, user_id):
            return user_id if self._steps.spend(connection, user_id, code) else None
        if needs_code:
            get_logger().warning("sign-in without second step")
            return None
        return user_id

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Wait for one's turn, before a connection to the database is held."""
        if not self._places.acquire(timeout=QUEUE_SECONDS):
            raise TrustError("too-many", "Many people are signing in. Try again in a moment.", retry_after=5)
        try:
            yield
        finally:
            self._places.release()

    def _forgive(self, connection: Any, user_id: str, username: str) -> None:
        tries.forgive(connection, username)
        laptops = connection.execute(select(device_person.c.device_id).where(device_person.c.user_id == user_id))
        tries.forgive_on(connection, username, [row.device_id for row in laptops])

    def _password_fits(self, stored: str, password: str) -> bool:
        try:
            return len(password) <= MAX_PASSWORD_LENGTH and self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
