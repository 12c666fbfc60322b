"""The authorisation code flow with PKCE (RFC 6749, 7636, 8252): the address to open, and the code's exchange."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from app.services.oidc.faults import IdTokenRefused, nonsense
from app.services.oidc.provider import Description
from app.services.oidc.web import Web

LONGEST_CODE = 4096


@dataclass(frozen=True, slots=True)
class Secrets:
    """What one sign-in keeps to itself until it ends.

    Attributes:
        state: comes back with the redirect.
        verifier: proves to the provider that who exchanges the code is who asked for it.
    """

    state: str
    verifier: str

    @property
    def challenge(self) -> str:
        """The verifier's hash (S256)."""
        digest = hashlib.sha256(self.verifier.encode("ascii")).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Granted:
    """What a provider gave for a code.

    Attributes:
        access_token: only to be compared with the ID token's ``at_hash``; never used or kept.
    """

    id_token: str
    access_token: str | None


def new_secrets() -> Secrets:
    """Return state and verifier for one sign-in, 256 bits each."""
    return Secrets(secrets.token_urlsafe(32), secrets.token_urlsafe(32))


def address_to_open(
    description: Description,
    client_id: str,
    redirect: str,
    nonce: str,
    scopes: str,
    own: Secrets,
    *,
    fresh: bool,
    most_age_seconds: int = 0,
) -> str:
    """Return where the browser goes.

    Args:
        description: of the provider.
        client_id: this application's name there.
        redirect: where the browser comes back to.
        nonce: stands in the ID token afterwards.
        scopes: ``openid`` and others, separated by spaces.
        own: this sign-in's.
        fresh: the person signs in again, even where the browser has a session.
        most_age_seconds: how old that session may be; 0 where it does not matter.
    """
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect,
        "scope": scopes,
        "state": own.state,
        "nonce": nonce,
        "code_challenge": own.challenge,
        "code_challenge_method": "S256",
    }
    if fresh:
        asked |= {"prompt": "login", "max_age": "0"}
    elif most_age_seconds:
        asked["max_age"] = str(most_age_seconds)
    joint = "&" if urlsplit(description.authorization).query else "?"
    return f"{description.authorization}{joint}{urlencode(asked)}"


def exchange(web: Web, description: Description, client_id: str, redirect: str, code: str, own: Secrets) -> Granted:
    """Exchange a code for an ID token.

    Raises:
        ProviderAway: no answer, or none of a provider.
        IdTokenRefused: ``code``: the provider does not take it (spent, expired, or another's).
    """
    form = {
        "grant_type": "authorization_code",
        "code": code[:LONGEST_CODE],
        "redirect_uri": redirect,
        "client_id": client_id,
        "code_verifier": own.verifier,
    }
    answer = web.post(description.token, form)
    if answer.status != 200:
        if isinstance(answer.value.get("error"), str):
            raise IdTokenRefused("code")
        raise nonsense()
    id_token, access_token = answer.value.get("id_token"), answer.value.get("access_token")
    if not isinstance(id_token, str) or not isinstance(access_token, str | None):
        raise nonsense()
    return Granted(id_token, access_token)
