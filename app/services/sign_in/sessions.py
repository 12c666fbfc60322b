"""Who is signed in on this laptop: kept in the vault only, renewed when it is needed, ended when asked."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec
from sqlalchemy.orm import Session

from app.errors import EnvironmentFault, UserError
from app.services.access import Permission, require
from app.services.sign_in.door import Door, clock_words, door_of
from app.services.sync import facts
from app.services.sync import sign_in_protocol as people
from app.services.sync.faults import NotLetIn
from app.services.workspace import Workspace
from app.timesource import TimeSource

if TYPE_CHECKING:
    from app.services.sign_in.browser import BrowserSignIn

SESSION = "person_session"
"""The fact in which the vault keeps the session: JSON of :class:`_Kept`."""


class _Kept(msgspec.Struct):
    user_id: str
    user_name: str
    way: str
    refresh_token: str
    signed_in_at: float
    ends_at: float
    every_days: int = 0
    provider_name: str = ""


@dataclass(frozen=True, slots=True)
class SignInWay:
    """How people sign in here, for the page.

    Attributes:
        way: ``provider`` or ``local``.
        provider_name: as people call it; may be empty.
        clock: what is to be said about this laptop's clock; empty when it is right.
    """

    way: str
    provider_name: str
    clock: str


@dataclass(frozen=True, slots=True)
class SignInState:
    """Who is signed in, as this laptop knows it.

    Attributes:
        enrolled: whether there is a central store to sign in to.
        signed_in: whether somebody is.
        name: who; empty when nobody is.
        way: ``provider`` or ``local``; empty when nobody is.
        since: from when, UTC.
        until: to when at most, UTC.
        words: one sentence for the settings.
    """

    enrolled: bool
    signed_in: bool
    name: str
    way: str
    since: datetime | None
    until: datetime | None
    words: str


@dataclass(frozen=True, slots=True)
class SignedOut:
    """Nobody is signed in any more.

    Attributes:
        told: whether the central store knows; otherwise the session ends there by itself.
        address: of the provider's page that ends the session in the browser; empty where there is none.
    """

    told: bool
    address: str


def state(ws: Workspace) -> SignInState:
    """Return who is signed in, as this laptop knows it; asks nobody."""
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        enrolled = facts.get(session, facts.SERVER) is not None
        kept = _kept(session)
    until = _ends(kept) if kept else None
    if kept is None or until is None or until <= ws.time.now():
        words = "Nobody is signed in to the central store." if enrolled else "There is no central store to sign in to."
        return SignInState(enrolled, False, "", "", None, None, words)
    by = f" with {kept.provider_name}" if kept.provider_name else ""
    since = _at(kept.signed_in_at)
    return SignInState(enrolled, True, kept.user_name, kept.way, since, until, f"{kept.user_name} is signed in{by}.")


def signed_in_within(ws: Workspace, span: timedelta) -> bool:
    """Return whether this vault's person signed in within a time, as this laptop knows it."""
    found = state(ws)
    return found.since is not None and ws.time.now() - found.since < span


def way(ws: Workspace) -> SignInWay:
    """Ask the central store how people sign in.

    Raises:
        CentralUnreachable: no answer.
        UserError: this laptop is not enrolled.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    return way_of(door_of(ws), ws.time)


def way_of(door: Door, time: TimeSource) -> SignInWay:
    """Ask at a door how people sign in.

    Raises:
        CentralUnreachable: no answer.
    """
    found = door.way()
    allowed = timedelta(seconds=min(found.skew_seconds, 600))
    return SignInWay(found.way, found.provider_name[:80], clock_words(time.now(), found.now, allowed))


def begin_in_browser(ws: Workspace, *, fresh: bool = True) -> "BrowserSignIn":
    """Prepare signing in with the browser; its ``address`` is to be opened, then :func:`finish_in_browser` waits.

    Raises:
        SignInFailed, ProviderAway, CentralUnreachable, NotLetIn: in words.
    """
    from app.services.sign_in.browser import BrowserSignIn

    require(ws.actor, Permission.USE_LAPTOP)
    return BrowserSignIn(door_of(ws), ws.time, fresh=fresh)


def finish_in_browser(ws: Workspace, sign_in: "BrowserSignIn", wait_seconds: float | None = None) -> SignInState:
    """Wait for the browser and keep the session.

    Raises:
        As :meth:`BrowserSignIn.finish`; who was signed in before still is.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    answer = sign_in.finish() if wait_seconds is None else sign_in.finish(wait_seconds)
    _keep(ws, answer, sign_in.provider_name)
    return state(ws)


def sign_in_with_account(ws: Workspace, username: str, password: str, code: str = "") -> SignInState:
    """Sign in with a local account.

    Args:
        ws: the vault.
        username: the account's.
        password: the account's.
        code: six digits or a recovery code; empty where the account has no second step.

    Raises:
        UserError: not let in, in words.
        CentralUnreachable: no answer, or too many tries; it says how long to wait.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    if not username.strip():
        raise UserError("Enter your username.", "username")
    if not password:
        raise UserError("Enter your password.", "password")
    try:
        answer = door_of(ws).by_account(username.strip(), password, code.strip())
    except NotLetIn as fault:
        raise UserError(fault.message, "password") from fault
    _keep(ws, answer)
    return state(ws)


def person_token(ws: Workspace) -> str:
    """Return a token that says who asks, good for some minutes; the session is renewed for it.

    Raises:
        NotLetIn: ``sign-in-needed``: nobody is signed in, or no longer.
        CentralUnreachable: no answer; the session is kept.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        kept = _kept(session)
    needed = NotLetIn("Sign in first. Your work is kept.", "sign-in-needed")
    if kept is None:
        raise needed
    try:
        answer = door_of(ws).renew(kept.refresh_token)
    except NotLetIn as fault:
        if fault.code == "sign-in-needed":
            _forget(ws)
        raise
    if answer.user_id != kept.user_id:
        _forget(ws)
        raise needed
    _keep(ws, answer, kept.provider_name)
    return answer.token


def sign_out(ws: Workspace) -> SignedOut:
    """End the session here and at the central store; what is recorded on this laptop stays.

    Returns:
        Whether the central store was told, and where the browser's own session ends.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        kept = _kept(session)
    if kept is None:
        return SignedOut(True, "")
    # First here: whatever the network does, nobody is signed in on this laptop after this.
    _forget(ws)
    told, address = False, ""
    with suppress(EnvironmentFault):
        door = door_of(ws)
        door.end(kept.refresh_token)
        told = True
        found = door.way()
        if kept.way == people.PROVIDER and found.way == people.PROVIDER:
            address = _end_address(ws, found)
    return SignedOut(told, address)


def _end_address(ws: Workspace, found: people.Way) -> str:
    from app.services.oidc.provider import Provider

    end = Provider(found.issuer, ws.time).description().end_session
    # No ID token was kept that could be shown as a hint; the provider asks the person instead.
    return f"{end}{'&' if '?' in end else '?'}{urlencode({'client_id': found.client_id})}" if end else ""


def _keep(ws: Workspace, answer: people.PersonSession, provider_name: str = "") -> None:
    kept = _Kept(
        answer.user_id,
        answer.user_name[:200],
        answer.way,
        answer.refresh_token,
        answer.signed_in_at,
        answer.ends_at,
        answer.every_days,
        provider_name,
    )
    with ws.local_session() as session:
        facts.put(session, SESSION, msgspec.json.encode(kept).decode())


def _forget(ws: Workspace) -> None:
    with ws.local_session() as session:
        facts.forget(session, SESSION)


def _kept(session: Session) -> _Kept | None:
    stored = facts.get(session, SESSION)
    if not stored:
        return None
    try:
        return msgspec.json.decode(stored, type=_Kept)
    except msgspec.MsgspecError:
        return None


def _ends(kept: _Kept) -> datetime:
    ends = _at(kept.ends_at)
    return min(ends, _at(kept.signed_in_at) + timedelta(days=kept.every_days)) if kept.every_days else ends


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(max(0.0, min(seconds, 4e9)), UTC)
