"""What laptop and central store say to each other about trust: codes, keys, sessions, and the authority's key."""

from typing import Any

import msgspec


class MyCodeRequest(msgspec.Struct):
    """Ask, signed in, for a code to enrol a laptop of one's own."""


class MyCode(msgspec.Struct):
    """A one-time code."""

    code: str


class Lease(msgspec.Struct):
    """Numbers lent to one laptop, both ends inclusive."""

    year: int
    first: int
    last: int


class EnrolRequest(msgspec.Struct):
    """Spend a one-time code on a laptop's key.

    Attributes:
        proof: the laptop key's signature over :func:`enrolment_statement`.
        vault: the vault's random id, so that a recovery is only ever made for a vault that belongs to the laptop.
    """

    code: str
    device_id: str
    device_name: str
    public_key: str
    proof: bytes
    year: int
    vault: str = ""


class CodeRequest(msgspec.Struct):
    """Ask whether a code would be taken, without spending it."""

    code: str


class CodeAnswer(msgspec.Struct):
    """Whom a code is for."""

    user_id: str
    user_name: str
    authority_name: str


class AuthorityNotice(msgspec.Struct):
    """The public key of the authority that laptops seal their keys to, so that IT can recover one.

    Attributes:
        serial: counts up with each replacement; a laptop never goes back to an earlier one.
        public_key: raw X25519, 32 bytes.
        signature: the central store's, over :func:`authority_statement`.
    """

    serial: int
    public_key: bytes
    signature: bytes


class EnrolAnswer(msgspec.Struct):
    """What a laptop needs to start.

    Attributes:
        server_key: the public half of the key that signs receipts, base64.
        user: the person's own record in wire form, so that the laptop can be used before the first pull ends.
        authority: None from a store without such a key, or one that knows none.
    """

    server_key: str
    lease: Lease
    user: dict[str, Any]
    authority: AuthorityNotice | None = None


class ChallengeRequest(msgspec.Struct):
    """Ask for something to sign."""

    device_id: str


class Challenge(msgspec.Struct):
    """Something to sign."""

    challenge: str


class SessionRequest(msgspec.Struct):
    """A signed challenge.

    Attributes:
        vault: the vault's random id, as at enrolment.
    """

    challenge: str
    signature: bytes
    vault: str = ""


class SignInRequest(msgspec.Struct):
    """A local account's name and password."""

    username: str
    password: str


class Token(msgspec.Struct):
    """A short-lived token and how long it lives, in seconds.

    Attributes:
        authority: as at enrolment, for a laptop that was enrolled before there was such a key or that has an older one.
    """

    token: str
    expires_in: int
    authority: AuthorityNotice | None = None


def enrolment_statement(code: str, device_id: str, public_key: str) -> bytes:
    """Return what a laptop signs to prove that the key it registers is its own."""
    return b"rollcall enrolment 1\n" + "\n".join((code, device_id, public_key)).encode()


def authority_statement(serial: int, public_key: bytes) -> bytes:
    """Return what the central store signs for the authority's public key."""
    return b"rollcall authority key 1\n%d\n%s" % (serial, public_key.hex().encode())


def session_statement(challenge: str) -> bytes:
    """Return what a laptop signs to start a session."""
    return b"rollcall session 1\n" + challenge.encode()
