"""Signing people in: a challenge for one laptop's key, answered with an ID token or with a local account."""

import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from app.central.accounts import Accounts
from app.central.devices import is_uuid
from app.central.once import spend
from app.central.person_sessions import PersonSessions, Signed
from app.central.sign_in_settings import SignInConfiguration, SignInSettings
from app.central.sign_in_tables import person_identity
from app.central.tables import device_credential, device_person
from app.central.tokens import Tokens, TrustError
from app.logs import get_logger
from app.models import User
from app.services.oidc.faults import IdTokenRefused, ProviderAway
from app.services.oidc.id_token import Expected, check_id_token
from app.services.oidc.provider import Provider
from app.services.signing import verified
from app.services.sync.sign_in_protocol import (
    LOCAL,
    PROVIDER,
    LocalSignIn,
    PersonSession,
    ProviderSignIn,
    SignInChallenge,
    SignInStart,
    Way,
    nonce_of,
    sign_in_statement,
)
from app.timesource import TimeSource

CHALLENGE_LIFE = timedelta(minutes=10)
"""As long as somebody may take over a browser's page, a password and a telephone."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a challenge was made for."""

    device_id: str | None
    public_key: str


class SignIn:
    """Lets people in who prove who they are, on a laptop that proves its key."""

    def __init__(
        self,
        engine: Engine,
        tokens: Tokens,
        configuration: SignInConfiguration,
        sessions: PersonSessions,
        accounts: Accounts,
        time: TimeSource,
    ) -> None:
        self._engine = engine
        self._tokens = tokens
        self._configuration = configuration
        self._sessions = sessions
        self._accounts = accounts
        self._time = time
        self._lock = threading.Lock()
        self._provider: Provider | None = None

    def way(self) -> Way:
        """Return how people sign in here."""
        settings = self._configuration.read()
        now = self._time.now().timestamp()
        if settings.way == LOCAL:
            return Way(LOCAL, now, every_days=settings.every_days)
        return Way(
            PROVIDER,
            now,
            settings.issuer,
            settings.client_id,
            settings.scopes,
            settings.provider_name,
            settings.every_days,
            settings.skew_seconds,
            list(settings.also_for),
            settings.most_age_minutes * 60,
        )

    def start(self, request: SignInStart) -> SignInChallenge:
        """Return a challenge; says nothing about whether the laptop is known."""
        claims = {"device": request.device_id[:36], "key": request.public_key[:100], "use": "sign-in"}
        return SignInChallenge(self._tokens.issue(claims, CHALLENGE_LIFE))

    def by_provider(self, message: ProviderSignIn) -> PersonSession:
        """Sign somebody in with an ID token.

        Raises:
            TrustError: the challenge, the laptop or the token does not hold, or the person has no access.
        """
        settings = self._configuration.read()
        if settings.way != PROVIDER:
            raise TrustError("other-way", "People sign in here with a name and a password. Try again.")
        asked = self._asked(message.challenge, message.id_token, message.proof)
        expected = Expected(
            settings.client_id,
            nonce_of(message.challenge),
            frozenset(settings.also_for),
            settings.skew,
            settings.most_age,
        )
        try:
            claims = check_id_token(message.id_token, self._provider_of(settings), expected, self._time.now())
        except IdTokenRefused as refused:
            get_logger().warning("id token refused", kind=refused.code)
            raise self._refusal(refused, settings) from refused
        except ProviderAway as fault:
            raise TrustError("provider-away", fault.message) from fault
        with self._engine.begin() as connection:
            self._spend(connection, message.challenge)
            user_id = _person(connection, settings, claims, self._time)
            return self._begin(connection, Signed(user_id, asked.device_id, asked.public_key, PROVIDER), settings)

    def by_account(self, message: LocalSignIn, address: str = "") -> PersonSession:
        """Sign somebody in with a local account.

        Args:
            message: what was sent.
            address: where from; failed tries are counted for it too.

        Raises:
            TrustError: as for :meth:`by_provider`; one answer for a wrong name, password or code.
        """
        settings = self._configuration.read()
        if settings.way != LOCAL:
            raise TrustError("other-way", "People sign in here with the organisation's own sign-in. Try again.")
        asked = self._asked(message.challenge, message.username, message.proof)
        user_id = self._accounts.check(
            message.username,
            message.password,
            message.code,
            address=address,
            device_id=asked.device_id,
            needs_code=settings.needs_code,
        )
        with self._engine.begin() as connection:
            self._spend(connection, message.challenge)
            return self._begin(connection, Signed(user_id, asked.device_id, asked.public_key, LOCAL), settings)

    def unlink(self, user_id: str) -> None:
        """Forget which subject of the provider a person is."""
        with self._engine.begin() as connection:
            connection.execute(delete(person_identity).where(person_identity.c.user_id == user_id))

    def _refusal(self, refused: IdTokenRefused, settings: SignInSettings) -> TrustError:
        """Return why an ID token is not believed; where the two servers' clocks are to blame, that is said."""
        ahead = self._provider_of(settings).description().ahead
        if refused.code in ("expired", "early") and ahead is not None and abs(ahead) > settings.skew:
            minutes = round(abs(ahead).total_seconds() / 60)
            return TrustError(
                "clock",
                f"The clocks of the central store and of your organisation's sign-in are {minutes} minutes apart. "
                "Tell IT. Your work is kept.",
            )
        return TrustError("id-token", refused.message)

    def _asked(self, challenge: str, what: str, proof: bytes) -> _Asked:
        """Return what a challenge was for, its laptop's key proved."""
        claims = self._tokens.claims(challenge, "sign-in")
        device_id, key = str(claims["device"]), str(claims["key"])
        if not verified(key, sign_in_statement(challenge, what), proof):
            raise TrustError("bad-signature", "This laptop could not prove who it is. Ask your administrator.")
        if not device_id:
            return _Asked(None, key)
        with self._engine.connect() as connection:
            known = connection.execute(
                select(device_credential.c.public_key).where(
                    device_credential.c.device_id == (device_id if is_uuid(device_id) else None),
                    device_credential.c.revoked_at.is_(None),
                )
            ).scalar()
        if known != key:
            raise TrustError("bad-signature", "This laptop could not prove who it is. Ask your administrator.")
        return _Asked(device_id, key)

    def _spend(self, connection: Connection, challenge: str) -> None:
        now = self._time.now()
        if not spend(connection, "sign-in", challenge, now + CHALLENGE_LIFE, now):
            raise TrustError("token-stale", "This sign-in was used already. Sign in again.")

    def _begin(self, connection: Connection, signed: Signed, settings: SignInSettings) -> PersonSession:
        if signed.device_id is not None:
            theirs = connection.execute(
                select(device_person.c.user_id).where(
                    device_person.c.device_id == signed.device_id, device_person.c.user_id == signed.user_id
                )
            ).first()
            if theirs is None:
                raise TrustError(
                    "not-yours", "This laptop is enrolled for somebody else. Use your own, or ask your administrator."
                )
        return self._sessions.begin(connection, signed, settings)

    def _provider_of(self, settings: SignInSettings) -> Provider:
        with self._lock:
            if self._provider is None or self._provider.issuer != settings.issuer:
                self._provider = Provider(settings.issuer, self._time)
            return self._provider


def _person(connection: Connection, settings: SignInSettings, claims: dict[str, Any], time: TimeSource) -> str:
    """Return whose a provider's subject is; the first time it is linked by the claim that the authority named."""
    unknown = TrustError(
        "no-access", "You signed in, but Rollcall does not know you. Ask your administrator to add you."
    )
    subject = str(claims["sub"])
    table = person_identity.c
    linked = connection.execute(
        select(User.id, User.active)
        .join(person_identity, table.user_id == User.id)
        .where(table.issuer == settings.issuer, table.subject == subject)
    ).first()
    if linked is not None:
        if not linked.active:
            raise unknown
        return str(linked.id)
    named = claims.get(settings.claim)
    if not isinstance(named, str) or not named.strip():
        raise unknown
    if settings.claim == "email" and claims.get("email_verified") is not True:
        raise unknown
    found = connection.execute(
        select(User.id, User.active).where(
            func.lower(User.email if settings.claim == "email" else User.username) == named.strip().lower()
        )
    ).all()
    if len(found) != 1 or not found[0].active:
        raise unknown
    link = insert(person_identity).values(
        issuer=settings.issuer, subject=subject, user_id=found[0].id, linked_at=time.now()
    )
    # Somebody else's subject is linked to this person already: a name that changed hands.
    if connection.execute(link.on_conflict_do_nothing().returning(table.user_id)).first() is None:
        raise unknown
    return str(found[0].id)
