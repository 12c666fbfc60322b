"""What an identity provider says of itself (OpenID Connect Discovery 1.0), and its keys, kept for a while."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from app.services.oidc.faults import IdTokenRefused, ProviderAway, nonsense
from app.services.oidc.web import Web, acceptable
from app.timesource import TimeSource

KEPT_FOR = timedelta(hours=1)
"""After this, document and keys are fetched again: a key that was withdrawn is believed no longer than this."""
KEPT_WITHOUT_ANSWER = timedelta(hours=12)
ASKED_AGAIN_AFTER = timedelta(seconds=30)
"""An unknown key has them fetched at once, but not more often than this: made-up key ids must not flood a provider."""
MOST_KEYS = 64
LEAST_RSA_BITS = 2048

PublicKey: TypeAlias = RSAKey | ECKey | OKPKey
_FITS: dict[str, tuple[type[RSAKey] | type[ECKey] | type[OKPKey], str | None]] = {
    "RS256": (RSAKey, None),
    "RS384": (RSAKey, None),
    "RS512": (RSAKey, None),
    "PS256": (RSAKey, None),
    "PS384": (RSAKey, None),
    "PS512": (RSAKey, None),
    "ES256": (ECKey, "P-256"),
    "ES384": (ECKey, "P-384"),
    "ES512": (ECKey, "P-521"),
    "EdDSA": (OKPKey, "Ed25519"),
}
ALGORITHMS = frozenset(_FITS)
"""Signatures by a private key that only the provider has. No ``none``, and no secret shared with a client."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a provider says of itself.

    Attributes:
        issuer: its name, compared to the letter.
        end_session: where signing out is done; empty where it offers none.
        names_itself: it puts its name into the answer to the browser (RFC 9207).
        ahead: how much its clock is ahead of this one's; None when it does not say.
    """

    issuer: str
    authorization: str
    token: str
    jwks: str
    end_session: str
    names_itself: bool
    ahead: timedelta | None


def describe(web: Web, issuer: str) -> Description:
    """Fetch and check a provider's description.

    Raises:
        ProviderAway: it does not answer, names another issuer, or offers no code flow with PKCE (S256).
    """
    fetched = web.get(issuer.rstrip("/") + "/.well-known/openid-configuration")
    value = fetched.value
    if fetched.status != 200 or value.get("issuer") != issuer:
        raise nonsense()
    addresses = [value.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    if not all(isinstance(address, str) and acceptable(address) for address in addresses):
        raise nonsense()
    if "code" not in _words(value.get("response_types_supported", ["code"])):
        raise nonsense()
    # A provider that lists methods without S256 would let a downgrade pass; one that lists none may still know it.
    if "S256" not in _words(value.get("code_challenge_methods_supported", ["S256"])):
        raise nonsense()
    end = value.get("end_session_endpoint")
    return Description(
        issuer=issuer,
        authorization=str(addresses[0]),
        token=str(addresses[1]),
        jwks=str(addresses[2]),
        end_session=end if isinstance(end, str) and acceptable(end) else "",
        names_itself=value.get("authorization_response_iss_parameter_supported") is True,
        ahead=fetched.ahead,
    )


def _words(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


class Provider:
    """One identity provider: its description and keys, fetched when needed. For several threads."""

    def __init__(self, issuer: str, time: TimeSource, web: Callable[[], Web] | None = None) -> None:
        self.issuer = issuer
        self._time = time
        self._web = web or (lambda: Web(time))
        self._lock = threading.Lock()
        self._description: Description | None = None
        self._keys: tuple[PublicKey, ...] = ()
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None

    def description(self) -> Description:
        """Return what it says of itself; fetched again after an hour.

        Raises:
            ProviderAway: it does not answer, and what is kept is too old.
        """
        with self._lock:
            self._renew(wanted=False)
            if self._description is None:
                raise nonsense()
            return self._description

    def key(self, kid: str | None, algorithm: str) -> PublicKey:
        """Return the key that a token names; keys are fetched again when it is not among them.

        Args:
            kid: the token's; None is good only where a single key fits.
            algorithm: the token's.

        Raises:
            IdTokenRefused: ``algorithm`` or ``key``.
            ProviderAway: it does not answer.
        """
        if algorithm not in ALGORITHMS:
            raise IdTokenRefused("algorithm")
        with self._lock:
            self._renew(wanted=False)
            found = self._matching(kid, algorithm)
            if found is None:
                self._renew(wanted=True)
                found = self._matching(kid, algorithm)
        if found is None:
            raise IdTokenRefused("key")
        return found

    def _matching(self, kid: str | None, algorithm: str) -> PublicKey | None:
        fitting = [key for key in self._keys if fits(key, algorithm)]
        named = [key for key in fitting if kid is None or key.as_dict(private=False).get("kid") == kid]
        return named[0] if len(named) == 1 else None

    def _renew(self, *, wanted: bool) -> None:
        now = self._time.now()
        age = now - self._fetched_at if self._fetched_at else None
        if age is not None and timedelta(0) <= age < KEPT_FOR and not wanted:
            return
        if age is not None and self._tried_at and timedelta(0) <= now - self._tried_at < ASKED_AGAIN_AFTER:
            return
        self._tried_at = now
        try:
            web = self._web()
            description = describe(web, self.issuer)
            keys = read_keys(web.get(description.jwks).value)
        except ProviderAway:
            if age is None or not timedelta(0) <= age < KEPT_WITHOUT_ANSWER:
                raise
            return
        self._description, self._keys, self._fetched_at = description, keys, now


def read_keys(document: dict[str, Any]) -> tuple[PublicKey, ...]:
    """Return the public keys of a JWKS that may sign; others are passed over.

    Raises:
        ProviderAway: it is not a JWKS, or one of unreasonable length.
    """
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise nonsense()
    keys = []
    for each in listed:
        if not isinstance(each, dict) or each.get("use", "sig") != "sig" or each.get("kty") not in ("RSA", "EC", "OKP"):
            continue
        # Whatever a key says it is for beyond its kind is not needed here, and an odd value must not cost the rest.
        plain = {name: each[name] for name in ("kty", "kid", "n", "e", "crv", "x", "y") if name in each}
        try:
            key = import_key(plain)
            weak = isinstance(key, RSAKey) and key.public_key.key_size < LEAST_RSA_BITS
        except (JoseError, ValueError, TypeError):
            continue
        if isinstance(key, RSAKey | ECKey | OKPKey) and not weak:
            keys.append(key)
    return tuple(keys)


def fits(key: PublicKey, algorithm: str) -> bool:
    """Return whether a key is of the kind that an algorithm needs."""
    kind, curve = _FITS[algorithm]
    return isinstance(key, kind) and (curve is None or key.as_dict(private=False).get("crv") == curve)
