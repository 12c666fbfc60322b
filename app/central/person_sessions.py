"""People's sessions on laptops: a short-lived token, and a renewal that works once and is bound to the laptop's key.

A renewal token that is used a second time is in other hands: the whole session ends. One exception, as answers get
lost on the way: the same laptop may ask again for a short while, as long as nobody has used what it was answered; it
is answered the same.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from app.central.sign_in_settings import SignInConfiguration, SignInSettings
from app.central.sign_in_tables import person_session, refresh_token
from app.central.signing_key import Identity
from app.central.tokens import TOKEN_LIFE, Tokens, TrustError
from app.ids import new_id
from app.models import User
from app.services.signing import Signer, new_seed, verified
from app.services.sync.sign_in_protocol import PersonSession, SignedOut, refresh_statement, sign_out_statement
from app.timesource import TimeSource

FRESH = timedelta(minutes=15)
ASKED_AGAIN = timedelta(minutes=2)
"""For so long after it was spent a renewal may be asked for again by the laptop it belongs to."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Somebody who has proved who they are.

    Attributes:
        device_id: None before the laptop is enrolled; then there is no renewal.
        public_key: the laptop's.
    """

    user_id: str
    device_id: str | None
    public_key: str
    way: str


class PersonSessions:
    """Begins, renews and ends people's sessions."""

    def __init__(
        self,
        engine: Engine,
        identity: Identity,
        tokens: Tokens,
        configuration: SignInConfiguration,
        time: TimeSource,
    ) -> None:
        self._engine = engine
        self._tokens = tokens
        self._configuration = configuration
        self._time = time
        self._secret = hashlib.sha256(b"rollcall renewal tokens 1\n" + identity.seed).digest()
        self._decoy = Signer(new_seed()).public_key

    def begin(self, connection: Connection, signed: Signed, settings: SignInSettings) -> PersonSession:
        """Begin a session of somebody who has proved who they are."""
        now, session_id = self._time.now(), new_id()
        ends = now + timedelta(days=settings.session_days) if signed.device_id else now + TOKEN_LIFE
        connection.execute(
            insert(person_session).values(
                id=session_id,
                user_id=signed.user_id,
                device_id=signed.device_id,
                public_key=signed.public_key,
                way=signed.way,
                began_at=now,
                ends_at=ends,
                why="",
            )
        )
        renewal = self._next(connection, session_id, 0) if signed.device_id else ""
        return self._answer(connection, self._row(connection, session_id), renewal)

    def renew(self, token: str, proof: bytes) -> PersonSession:
        """Spend a renewal token on the next tokens.

        Raises:
            TrustError: ``sign-in-needed``, whatever the reason; nothing tells a wrong token from an old one.
        """
        refused = TrustError("sign-in-needed", "Sign in again. Your work is kept until you do.")
        now = self._time.now()
        answer: PersonSession | None = None
        with self._engine.begin() as connection:
            found = self._find(connection, token)
            key = found.public_key if found else self._decoy
            right = verified(key, refresh_statement(token), proof)
            if found is None or found.ended_at is not None or found.ends_at <= now:
                pass
            elif not right:
                _end(connection, found.id, now, "a renewal came from another laptop")
            elif found.spent_at is None:
                connection.execute(
                    update(refresh_token).where(refresh_token.c.token_hash == _hash(token)).values(spent_at=now)
                )
                answer = self._answer(connection, found, self._next(connection, found.id, found.step + 1))
            elif now - found.spent_at <= ASKED_AGAIN and self._unused(connection, found.id, found.step + 1):
                answer = self._answer(connection, found, self._token(found.id, found.step + 1))
            else:
                _end(connection, found.id, now, "a spent renewal was used again")
        # Raised after the transaction: that the session ended must stay.
        if answer is None:
            raise refused
        return answer

    def end(self, token: str, proof: bytes) -> SignedOut:
        """End a session. The answer is the same whether there was one."""
        with self._engine.begin() as connection:
            found = self._find(connection, token)
            right = verified(found.public_key if found else self._decoy, sign_out_statement(token), proof)
            if found is not None and right:
                _end(connection, found.id, self._time.now(), "signed out")
        return SignedOut()

    def end_all(self, *, user_id: str | None = None, device_id: str | None = None, why: str) -> int:
        """End every session of a person or of a laptop; return how many."""
        query = update(person_session).where(person_session.c.ended_at.is_(None))
        if user_id is not None:
            query = query.where(person_session.c.user_id == user_id)
        if device_id is not None:
            query = query.where(person_session.c.device_id == device_id)
        with self._engine.begin() as connection:
            return connection.execute(query.values(ended_at=self._time.now(), why=why)).rowcount

    def user_of(self, token: str) -> str:
        """Return the person a token is for.

        Raises:
            TrustError: stale or forged, the session has ended, or the person works here no longer.
        """
        claims = self._tokens.claims(token, "user")
        user_id, session_id = str(claims["user"]), claims.get("session")
        stale = TrustError("token-stale", "The session has ended. Sign in again.")
        with self._engine.connect() as connection:
            active = connection.execute(select(User.active).where(User.id == user_id)).scalar()
            if active is not True:
                raise stale
            if session_id is not None and self._row(connection, str(session_id)).ended_at is not None:
                raise stale
        return user_id

    def fresh_user_of(self, token: str) -> str:
        """Return the person a token is for, who signed in a moment ago: for what a laptop left open must not do.

        Raises:
            TrustError: as :meth:`user_of`; ``sign-in-needed``: the sign-in is not fresh.
        """
        user_id = self.user_of(token)
        session_id = self._tokens.claims(token, "user").get("session")
        if session_id is None:
            return user_id  # issued by a sign-in itself, for some minutes
        with self._engine.connect() as connection:
            began = self._row(connection, str(session_id)).began_at
        if self._time.now() - began > FRESH:
            raise TrustError("sign-in-needed", "Sign in again first. Your work is kept.")
        return user_id

    def check_device(self, connection: Connection, device_id: str) -> None:
        """Refuse a laptop whose person has not signed in for as long as the authority allows.

        Raises:
            TrustError: ``sign-in-needed``.
        """
        days = self._configuration.read().every_days
        if not days:
            return
        last = connection.execute(
            select(func.max(person_session.c.began_at)).where(
                person_session.c.device_id == device_id, person_session.c.ended_at.is_(None)
            )
        ).scalar()
        if last is None or last < self._time.now() - timedelta(days=days):
            raise TrustError("sign-in-needed", "Sign in to sync. Your work is kept until you do.")

    # -- tokens --------------------------------------------------------------------------------------------------

    def _next(self, connection: Connection, session_id: str, step: int) -> str:
        token = self._token(session_id, step)
        connection.execute(insert(refresh_token).values(token_hash=_hash(token), session_id=session_id, step=step))
        return token

    def _token(self, session_id: str, step: int) -> str:
        digest = hmac.new(self._secret, f"{session_id}\n{step}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _unused(self, connection: Connection, session_id: str, step: int) -> bool:
        spent = connection.execute(
            select(refresh_token.c.spent_at).where(
                refresh_token.c.session_id == session_id, refresh_token.c.step == step
            )
        ).first()
        return spent is not None and spent.spent_at is None

    def _find(self, connection: Connection, token: str) -> Any:
        return connection.execute(
            select(person_session, refresh_token.c.step, refresh_token.c.spent_at, User.active)
            .join(refresh_token, refresh_token.c.session_id == person_session.c.id)
            .join(User, User.id == person_session.c.user_id)
            .where(refresh_token.c.token_hash == _hash(token), User.active.is_(True))
            .with_for_update(of=person_session)
        ).first()

    def _row(self, connection: Connection, session_id: str) -> Any:
        return connection.execute(select(person_session).where(person_session.c.id == session_id)).one()

    def _answer(self, connection: Connection, row: Any, renewal: str) -> PersonSession:
        name = connection.execute(select(User.name).where(User.id == row.user_id)).scalar_one()
        token = self._tokens.short_lived({"user": row.user_id, "session": row.id, "use": "user"})
        began, ends = row.began_at.timestamp(), row.ends_at.timestamp()
        every = self._configuration.read().every_days
        return PersonSession(token.token, token.expires_in, renewal, row.user_id, name, row.way, began, ends, every)


def _hash(token: str) -> bytes:
    return hashlib.sha256(b"rollcall renewal\n" + token[:200].encode()).digest()


def _end(connection: Connection, session_id: str, now: datetime, why: str) -> None:
    connection.execute(
        update(person_session)
        .where(person_session.c.id == session_id, person_session.c.ended_at.is_(None))
        .values(ended_at=now, why=why)
    )
