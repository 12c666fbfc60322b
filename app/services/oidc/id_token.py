"""Checking an ID token (OpenID Connect Core 1.0, 3.1.3.7): who says it, for whom, in answer to what, and when."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from joserfc import jws
from joserfc.errors import JoseError

from app.services.oidc.faults import IdTokenRefused
from app.services.oidc.provider import Provider

SKEW = timedelta(minutes=3)
"""How far two clocks may be apart."""
LONGEST_TOKEN = 16 * 1024
FRESH = timedelta(minutes=15)
"""An ID token that answers a sign-in was issued within this time."""
_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ID token must fit.

    Attributes:
        client_id: this application's name at the provider.
        nonce: what it answers.
        also_for: further audiences that the authority named; any other is refused.
        skew: how far the clocks may be apart.
        most_age: how long ago the person may have proved who they are at the provider; None where any session there
            will do.
        must_say_when: whether a token without ``auth_time`` is refused for ``most_age``.
    """

    client_id: str
    nonce: str
    also_for: frozenset[str] = frozenset()
    skew: timedelta = SKEW
    most_age: timedelta | None = None
    must_say_when: bool = True


def check_id_token(
    token: str, provider: Provider, expected: Expected, now: datetime, *, access_token: str | None = None
) -> dict[str, Any]:
    """Return what an ID token says, all checks passed.

    Args:
        token: compact JWS.
        provider: whose keys count.
        expected: what it must fit.
        now: by a clock no further off than ``expected.skew``.
        access_token: when it came with one, to be compared with ``at_hash``.

    Raises:
        IdTokenRefused: the code says which check failed.
        ProviderAway: the keys could not be fetched.
    """
    claims, algorithm = _signed_claims(token, provider)
    if claims.get("iss") != provider.issuer:
        raise IdTokenRefused("issuer")
    _check_audience(claims, expected)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise IdTokenRefused("nonce")
    _check_times(claims, now, expected.skew)
    _check_age(claims, now, expected)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise IdTokenRefused("subject")
    if access_token is not None and "at_hash" in claims and claims["at_hash"] != token_hash(access_token, algorithm):
        raise IdTokenRefused("at-hash")
    return claims


def token_hash(access_token: str, algorithm: str) -> str:
    """Return the left half of an access token's hash, as ``at_hash`` has it."""
    digest = (hashlib.sha512 if algorithm == "EdDSA" else _HASHES[algorithm[-3:]])(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _signed_claims(token: str, provider: Provider) -> tuple[dict[str, Any], str]:
    if len(token) > LONGEST_TOKEN or token.count(".") != 2:
        raise IdTokenRefused("shape")
    header = _json(token.partition(".")[0])
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or "crit" in header or not isinstance(kid, str | None):
        raise IdTokenRefused("algorithm")
    # Keys come from the provider's own document only: jwk, jku, x5c and x5u of a header are never looked at.
    key = provider.key(kid, algorithm)
    try:
        signed = jws.deserialize_compact(token, key, algorithms=[algorithm])
    except (JoseError, ValueError) as error:
        raise IdTokenRefused("signature") from error
    return _decoded(signed.payload), algorithm


def _json(part: str) -> dict[str, Any]:
    try:
        return _decoded(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError as error:
        raise IdTokenRefused("shape") from error


def _decoded(data: bytes | None) -> dict[str, Any]:
    try:
        return msgspec.json.decode(data or b"", type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise IdTokenRefused("shape") from error


def _check_audience(claims: dict[str, Any], expected: Expected) -> None:
    stated = claims.get("aud")
    audiences = [stated] if isinstance(stated, str) else stated
    if not isinstance(audiences, list) or not all(isinstance(each, str) for each in audiences):
        raise IdTokenRefused("audience")
    if expected.client_id not in audiences or set(audiences) - {expected.client_id} - expected.also_for:
        raise IdTokenRefused("audience")
    authorised = claims.get("azp")
    if authorised is None and len(audiences) > 1:
        raise IdTokenRefused("azp")
    if authorised is not None and authorised != expected.client_id:
        raise IdTokenRefused("azp")


def _check_times(claims: dict[str, Any], now: datetime, skew: timedelta) -> None:
    at, allowed = now.timestamp(), skew.total_seconds()
    expires, issued = _number(claims.get("exp")), _number(claims.get("iat"))
    if expires is None or issued is None:
        raise IdTokenRefused("shape")
    if at >= expires + allowed or at - issued > FRESH.total_seconds() + allowed:
        raise IdTokenRefused("expired")
    not_before = _number(claims["nbf"]) if "nbf" in claims else issued
    if not_before is None:
        raise IdTokenRefused("shape")
    if max(issued, not_before) > at + allowed:
        raise IdTokenRefused("early")


def _check_age(claims: dict[str, Any], now: datetime, expected: Expected) -> None:
    """Refuse somebody whose session at the provider is older than is asked for: the browser may be another's by now."""
    if expected.most_age is None:
        return
    if "auth_time" not in claims:
        if expected.must_say_when:
            raise IdTokenRefused("auth-time")
        return
    proved = _number(claims["auth_time"])
    if proved is None:
        raise IdTokenRefused("shape")
    if now.timestamp() - proved > (expected.most_age + expected.skew).total_seconds():
        raise IdTokenRefused("too-old")


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e12 else None
