"""What laptop and central store say to each other about people: which way to sign in, and their sessions."""

import base64
import hashlib

import msgspec

PROVIDER, LOCAL = "provider", "local"


class WayRequest(msgspec.Struct):
    """Ask which way people sign in here. Needs no token."""


class Way(msgspec.Struct):
    """How people sign in here.

    Attributes:
        way: ``provider`` or ``local``.
        issuer, client_id, scopes: of the identity provider.
        provider_name: as people call it, such as "Marlshire sign-in".
        every_days: a laptop's person signs in again after so many days; 0 for never.
        skew_seconds: how far clocks may be apart.
        also_for: audiences that an ID token may have beside the client id.
        most_age_seconds: how long ago the person may have proved who they are at the provider; 0 where any session
            there will do.
        now: seconds since 1970 by the central store's clock.
    """

    way: str
    now: float
    issuer: str = ""
    client_id: str = ""
    scopes: str = ""
    provider_name: str = ""
    every_days: int = 0
    skew_seconds: int = 180
    also_for: list[str] = []
    most_age_seconds: int = 0


class SignInStart(msgspec.Struct):
    """Ask for a challenge for one laptop's key, before a person signs in on it.

    Attributes:
        device_id: the laptop; empty before it is enrolled.
        public_key: its key, base64.
    """

    device_id: str
    public_key: str


class SignInChallenge(msgspec.Struct):
    """What a sign-in answers. Its hash is the nonce that the identity provider puts into the ID token."""

    challenge: str


class ProviderSignIn(msgspec.Struct):
    """An ID token that answers a challenge, and the laptop key's signature over :func:`sign_in_statement`."""

    challenge: str
    id_token: str
    proof: bytes


class LocalSignIn(msgspec.Struct):
    """A local account's name, password and six-digit code, answering a challenge.

    Attributes:
        code: six digits, or a recovery code; empty where the account has no second step.
        proof: as for :class:`ProviderSignIn`, over name and challenge.
    """

    challenge: str
    username: str
    password: str
    code: str
    proof: bytes


class PersonSession(msgspec.Struct):
    """A person is signed in on this laptop.

    Attributes:
        token: short-lived; says who asks.
        expires_in: seconds.
        refresh_token: gets the next; works once. Empty before the laptop is enrolled.
        user_id, user_name: who it is.
        signed_in_at: seconds since 1970, by the central store's clock.
        ends_at: as ``signed_in_at``; when the person signs in again.
        every_days: the authority asks for the next sign-in after so many days; 0 for never.
    """

    token: str
    expires_in: int
    refresh_token: str
    user_id: str
    user_name: str
    way: str
    signed_in_at: float
    ends_at: float
    every_days: int = 0


class RefreshRequest(msgspec.Struct):
    """Ask for the next tokens; signed by the laptop over :func:`refresh_statement`."""

    refresh_token: str
    proof: bytes


class SignOutRequest(msgspec.Struct):
    """End a session; signed by the laptop over :func:`sign_out_statement`."""

    refresh_token: str
    proof: bytes


class SignedOut(msgspec.Struct):
    """The session is over, if there was one."""


class SecondStepRequest(msgspec.Struct):
    """Ask, signed in, for a second step: six-digit codes by an application on a telephone."""


class SecondStep(msgspec.Struct):
    """A new second step, which counts once a code of it was typed back.

    Attributes:
        uri: for the QR code (``otpauth://``).
        secret: the same in letters, for typing.
    """

    uri: str
    secret: str


class SecondStepProof(msgspec.Struct):
    """A code of the new second step."""

    code: str


class RecoveryCodes(msgspec.Struct):
    """Codes for when the telephone is lost; shown once, each works once."""

    codes: list[str]


def nonce_of(challenge: str) -> str:
    """Return what an ID token that answers a challenge holds as its nonce."""
    digest = hashlib.sha256(b"rollcall sign-in nonce 1\n" + challenge.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def sign_in_statement(challenge: str, what: str) -> bytes:
    """Return what a laptop signs when a person signs in on it: the challenge, and the ID token or the name."""
    return b"rollcall sign-in 1\n%s\n%s" % (_hash(challenge), _hash(what))


def refresh_statement(token: str) -> bytes:
    """Return what a laptop signs to get the next tokens."""
    return b"rollcall refresh 1\n" + _hash(token)


def sign_out_statement(token: str) -> bytes:
    """Return what a laptop signs to end a session."""
    return b"rollcall sign-out 1\n" + _hash(token)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).hexdigest().encode()
