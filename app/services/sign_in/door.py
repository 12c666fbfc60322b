"""The laptop's key at the central store's door: what is asked before anybody is signed in, and the proof of the key."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import select

from app.errors import UserError
from app.models import DeviceKey
from app.services.access import Permission, require
from app.services.signing import Signer
from app.services.sync import facts
from app.services.sync import sign_in_protocol as people
from app.services.sync.transport import HttpTransport
from app.services.workspace import Workspace

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Door:
    """Asks the central store in a laptop's name.

    Attributes:
        server: its address.
        device_id: this laptop; empty before it is enrolled.
        signer: its key.
    """

    server: str
    device_id: str
    signer: Signer

    def ask(self, path: str, message: object, kind: type[Answer]) -> Answer:
        """Ask what needs no token.

        Raises:
            CentralUnreachable: no answer.
            NotLetIn: refused.
        """
        transport = HttpTransport(self.server)
        try:
            return transport.call(path, message, kind, open_to_all=True)
        finally:
            transport.close()

    def way(self) -> people.Way:
        """Return how people sign in there."""
        return self.ask("/sign-in/way", people.WayRequest(), people.Way)

    def challenge(self) -> str:
        """Return what a sign-in answers."""
        start = people.SignInStart(self.device_id, self.signer.public_key)
        return self.ask("/sign-in/start", start, people.SignInChallenge).challenge

    def by_account(self, username: str, password: str, code: str) -> people.PersonSession:
        """Sign in with a local account."""
        challenge = self.challenge()
        proof = self.signer.sign(people.sign_in_statement(challenge, username))
        message = people.LocalSignIn(challenge, username, password, code, proof)
        return self.ask("/sign-in/account", message, people.PersonSession)

    def by_provider(self, challenge: str, id_token: str) -> people.PersonSession:
        """Sign in with an ID token that answers a challenge."""
        proof = self.signer.sign(people.sign_in_statement(challenge, id_token))
        message = people.ProviderSignIn(challenge, id_token, proof)
        return self.ask("/sign-in/provider", message, people.PersonSession)

    def renew(self, token: str) -> people.PersonSession:
        """Return the next tokens."""
        proof = self.signer.sign(people.refresh_statement(token))
        return self.ask("/sign-in/renew", people.RefreshRequest(token, proof), people.PersonSession)

    def end(self, token: str) -> None:
        """End a session."""
        proof = self.signer.sign(people.sign_out_statement(token))
        self.ask("/sign-in/end", people.SignOutRequest(token, proof), people.SignedOut)


@contextmanager
def as_person(door: Door, token: str) -> Iterator[HttpTransport]:
    """Yield a transport that speaks for a signed-in person."""
    transport = HttpTransport(door.server, token=token)
    try:
        yield transport
    finally:
        transport.close()


def door_of(ws: Workspace) -> Door:
    """Return the door of the central store this laptop is enrolled with.

    Raises:
        UserError: it is not enrolled.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        server = facts.get(session, facts.SERVER)
        key = session.execute(select(DeviceKey.device_id, DeviceKey.private_key)).first()
    if server is None or key is None:
        raise UserError("This laptop is not enrolled with a central store. Enrol it with the code you were given.")
    return Door(server, key.device_id, Signer(key.private_key))


def clock_words(now: datetime, there: float, allowed: timedelta) -> str:
    """Return what is to be said about this laptop's clock; empty when it is near enough.

    Args:
        now: by this laptop.
        there: by the central store, seconds since 1970.
        allowed: how far they may be apart.
    """
    ahead = now.timestamp() - there
    if abs(ahead) <= max(allowed.total_seconds(), 60.0):
        return ""
    minutes = round(abs(ahead) / 60)
    if minutes < 120:
        size = f"{max(1, minutes)} minute{'' if minutes <= 1 else 's'}"
    elif minutes < 48 * 60:
        size = f"{round(minutes / 60)} hours"
    else:
        size = f"{round(minutes / 1440)} days"
    way = "fast" if ahead > 0 else "slow"
    return f"The clock of this laptop is {size} {way}. Set it right, so that what you record has the right time."
