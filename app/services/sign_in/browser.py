"""Signing in with the browser: the address to open, the wait, and the proof that is handed to the central store."""

from collections.abc import Callable
from datetime import timedelta

from app.logs import get_logger
from app.services.oidc.code_flow import Secrets, address_to_open, exchange, new_secrets
from app.services.oidc.faults import IdTokenRefused
from app.services.oidc.id_token import FRESH, Expected, check_id_token
from app.services.oidc.provider import Description, Provider
from app.services.oidc.web import Web
from app.services.sign_in.door import Door, clock_words
from app.services.sign_in.faults import SignInFailed
from app.services.sign_in.loopback import Loopback, Redirect
from app.services.sync.sign_in_protocol import PROVIDER, PersonSession, Way, nonce_of
from app.timesource import TimeSource

WAIT_SECONDS = 300.0
"""For name, password and telephone at the provider; well within the life of a challenge."""


class BrowserSignIn:
    """One sign-in with the browser. :meth:`finish` waits on a thread of its own; :meth:`cancel` ends it from any.

    Attributes:
        address: what the browser opens.
        clock: what is to be said about this laptop's clock; empty when it is right.
        provider_name: as people call it.
    """

    def __init__(self, door: Door, time: TimeSource, *, fresh: bool, way: Way | None = None) -> None:
        """Ask the central store and the provider, and start to listen.

        Args:
            door: of the central store, in this laptop's name.
            time: the clock.
            fresh: the person signs in again, even where the browser has a session.
            way: how people sign in there, where it is known already.

        Raises:
            SignInFailed: people sign in another way here, or no port is free.
            CentralUnreachable, NotLetIn: the central store.
            ProviderAway: the provider.
        """
        self._door, self._time = door, time
        self._way = way or door.way()
        if self._way.way != PROVIDER:
            raise SignInFailed("People sign in here with a name and a password.")
        skew = timedelta(seconds=min(self._way.skew_seconds, 600))
        self.clock = clock_words(time.now(), self._way.now, skew)
        self.provider_name = self._way.provider_name[:80]
        self._provider = Provider(self._way.issuer, time)
        self._description: Description = self._provider.description()
        self._challenge = door.challenge()
        self._fresh = fresh
        self._own: Secrets = new_secrets()
        self._skew = skew
        self._loopback = Loopback(self._own.state)
        self.address = address_to_open(
            self._description,
            self._way.client_id,
            self._loopback.address,
            nonce_of(self._challenge),
            self._way.scopes,
            self._own,
            fresh=fresh,
            most_age_seconds=self._way.most_age_seconds,
        )

    def cancel(self) -> None:
        """End the wait; from any thread."""
        self._loopback.cancel()

    def close(self) -> None:
        """Stop listening, where nobody will wait any more."""
        self._loopback.cancel()
        self._loopback.close()

    def finish(self, wait_seconds: float = WAIT_SECONDS, said: Callable[[str], object] | None = None) -> PersonSession:
        """Wait for the browser and sign in at the central store with what it brought.

        Args:
            wait_seconds: for the browser.
            said: told what is being done, in words.

        Raises:
            SignInEnded: cancelled, out of time, or turned down.
            SignInFailed, IdTokenRefused, ProviderAway: what came back is not believed, or nothing did.
            CentralUnreachable, NotLetIn: the central store.
        """
        say = said or (lambda _words: None)
        redirect = self._loopback.wait(wait_seconds)
        self._check_issuer(redirect)
        say("Checking your sign-in")
        web = Web(self._time)
        granted = exchange(
            web, self._description, self._way.client_id, self._loopback.address, redirect.code, self._own
        )
        # The provider's clock is what its token is dated by; how far this one is off was measured when it was asked.
        now = self._time.now() + (self._description.ahead or timedelta(0))
        try:
            check_id_token(granted.id_token, self._provider, self._expected(), now, access_token=granted.access_token)
        except IdTokenRefused as refused:
            get_logger().warning("id token refused", kind=refused.code)
            raise
        say("Signing in to the central store")
        return self._door.by_provider(self._challenge, granted.id_token)

    def _expected(self) -> Expected:
        """Return what the ID token must fit; one that answers a fresh sign-in is about a fresh one, where it says."""
        asked = timedelta(seconds=self._way.most_age_seconds) if self._way.most_age_seconds > 0 else None
        return Expected(
            self._way.client_id,
            nonce_of(self._challenge),
            frozenset(self._way.also_for),
            self._skew,
            min(asked or FRESH, FRESH) if self._fresh else asked,
            must_say_when=asked is not None,
        )

    def _check_issuer(self, redirect: Redirect) -> None:
        """Refuse an answer of another provider (RFC 9207: mix-up)."""
        if redirect.issuer is None and not self._description.names_itself:
            return
        if redirect.issuer != self._provider.issuer:
            raise SignInFailed("Another sign-in answered than the one that was asked. Tell your administrator.")
