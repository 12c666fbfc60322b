"""Short-lived tokens that this store signs, and the refusal that everybody who is not let in is given."""

import base64
import secrets
from datetime import timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from app.central.signing_key import Identity
from app.services.sync.trust_protocol import Token
from app.timesource import TimeSource

TOKEN_LIFE = timedelta(minutes=15)
_ALGORITHM = "Ed25519"
_ISSUER = "rollcall-central"


class TrustError(Exception):
    """Not let in.

    Attributes:
        code: for the program.
        message: for the person.
        retry_after: seconds until it may be asked again, where that is what it is about.
    """

    def __init__(self, code: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.retry_after = retry_after


class Tokens:
    """Signs and reads this store's tokens; every worker process has the same key."""

    def __init__(self, identity: Identity, time: TimeSource) -> None:
        self._time = time
        self._key = OKPKey.import_key(_jwk(identity))

    def short_lived(self, claims: dict[str, Any]) -> Token:
        """Return a token as laptops are given it."""
        return Token(self.issue(claims, TOKEN_LIFE), int(TOKEN_LIFE.total_seconds()))

    def issue(self, claims: dict[str, Any], life: timedelta) -> str:
        """Return a signed token.

        Args:
            claims: what it says, ``use`` among them.
            life: from now.
        """
        now = self._time.now()
        whole = {
            **claims,
            "iss": _ISSUER,
            "jti": secrets.token_hex(16),
            "iat": int(now.timestamp()),
            "exp": int((now + life).timestamp()),
        }
        return jwt.encode({"alg": _ALGORITHM}, whole, self._key, algorithms=[_ALGORITHM])

    def claims(self, token: str, use: str) -> dict[str, Any]:
        """Return what a token says.

        Raises:
            TrustError: stale, forged, or for another use.
        """
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
