"""A vault that has not seen its central store for too long asks for a fresh sign-in before it opens.

IT's policy sets the days (``offline_days``). Setting the clock back does not help: what counts is the newest moment
this vault has ever seen, and how long the machine has been running since, which nobody can set. What is on the laptop
is kept, encrypted, however long it stays shut.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import UserError
from app.models import AuditEntry
from app.policy import policy
from app.services.access import Permission, require
from app.services.audit import Action
from app.services.sync import facts
from app.services.sync.client import pending_count
from app.services.sync.enrolment import open_transport
from app.services.workspace import Workspace
from app.timesource import format_date, to_london

if TYPE_CHECKING:
    from app.services.vault import Vault

FRESH = timedelta(minutes=15)
"""How long ago a person may have signed in to count as doing so now."""
_SEEN = "newest_seen"
"""The fact in which a vault keeps the newest moment it has seen: JSON of :class:`_Seen`."""


class _Seen(msgspec.Struct):
    """The newest moment seen, and how long away the vault was then.

    Attributes:
        at: by the clock on the wall, ISO.
        last: the contact that was counted from, ISO.
        away: seconds since then, at least.
        boot, seconds: the machine's start and how long it had been running.
    """

    at: str
    last: str
    away: float
    boot: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Shut:
    """Why a vault stays shut.

    Attributes:
        last: the last contact, UTC.
        days_away, days_allowed: how long it is, and how long it may be.
        pending_count: change sets on this laptop that wait to be sent.
        words: what happened, what to do, what is kept.
    """

    last: datetime
    days_away: int
    days_allowed: int
    pending_count: int
    words: str


class OfflineTooLong(UserError):
    """The vault stays shut until it has seen its central store.

    Attributes:
        shut: why.
    """

    def __init__(self, shut: Shut) -> None:
        super().__init__(shut.words)
        self.shut = shut


def shut(ws: Workspace) -> Shut | None:
    """Return why this vault stays shut, or None. Notes the newest moment seen, so that it only ever grows.

    A vault without a central store, or one that never came to the end of a sync, is left alone.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        last = _last_contact(session)
        enrolled = facts.get(session, facts.SERVER) is not None
        seen = _seen(session)
        newest_entry = session.execute(select(AuditEntry.at).order_by(AuditEntry.sequence.desc()).limit(1)).scalar()
        waiting = pending_count(session)
    if last is None or not enrolled:
        return None
    away = _away(ws, last, seen, newest_entry)
    _note(ws, last, seen, away)
    limit = timedelta(days=policy().offline_days)
    return None if away < limit else Shut(last, away.days, limit.days, waiting, _words(last, away, limit, waiting))


def of_vault(vault: "Vault") -> Shut | None:
    """Return why an opened vault should not be used, or None: for those who have no workspace yet."""
    return shut(vault.system_workspace()) if vault.device_id is not None else None


def prove(ws: Workspace) -> None:
    """Prove this laptop to its central store: the first half of what opens it again.

    Raises:
        CentralUnreachable: no connection; the vault stays shut.
        NotLetIn: the laptop may not sync any more, for one.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    transport = open_transport(ws)
    try:
        transport.new_token()
    finally:
        transport.close()


def let_in(ws: Workspace, signed_in: Callable[[Workspace, timedelta], bool] | None = None) -> None:
    """Let the vault open, once the laptop was proven and the person has just signed in.

    Args:
        ws: the vault's.
        signed_in: whether its person signed in within a time; the sign-in's own answer by default.

    Raises:
        UserError: nobody has signed in just now.
        CentralUnreachable, NotLetIn: as for :func:`prove`.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    from app.services.sign_in.sessions import signed_in_within

    if not (signed_in or signed_in_within)(ws, FRESH):
        raise UserError("Sign in first. Your records are kept, encrypted.")
    prove(ws)
    with ws.local_session() as session:
        facts.put(session, facts.CONTACT, ws.time.now().isoformat())
        facts.forget(session, _SEEN)
    ws.audit(Action.SHOWN_AGAIN)


def _last_contact(session: Session) -> datetime | None:
    stored = [facts.get(session, name) for name in (facts.LAST_SYNCED, facts.CONTACT)]
    return max((datetime.fromisoformat(each) for each in stored if each), default=None)


def _away(ws: Workspace, last: datetime, seen: _Seen | None, newest_entry: datetime | None) -> timedelta:
    """Return how long ago the last contact was, at least, by everything that is known."""
    candidates = [ws.time.now() - last]
    if newest_entry is not None:
        candidates.append(newest_entry - last)
    if seen is not None:
        candidates.append(datetime.fromisoformat(seen.at) - last)
        if seen.last == last.isoformat():
            boot = ws.time.since_boot()
            ran_on = boot.boot == seen.boot and boot.seconds >= seen.seconds
            # Another start of the machine: it has been running since then, and was off for who knows how long.
            since = boot.seconds - seen.seconds if ran_on else boot.seconds
            candidates.append(timedelta(seconds=seen.away + max(0.0, since)))
    return max(candidates)


def _note(ws: Workspace, last: datetime, seen: _Seen | None, away: timedelta) -> None:
    boot = ws.time.since_boot()
    newest = max([ws.time.now(), *([datetime.fromisoformat(seen.at)] if seen else [])])
    now = _Seen(newest.isoformat(), last.isoformat(), away.total_seconds(), boot.boot, boot.seconds)
    if seen is not None and seen.last == now.last and 0 <= now.away - seen.away < 60 and seen.boot == now.boot:
        return
    with ws.local_session() as session:
        facts.put(session, _SEEN, msgspec.json.encode(now).decode())


def _seen(session: Session) -> _Seen | None:
    stored = facts.get(session, _SEEN)
    if not stored:
        return None
    try:
        found = msgspec.json.decode(stored, type=_Seen)
        datetime.fromisoformat(found.at)
    except (msgspec.MsgspecError, ValueError):
        return None
    return found


def _words(last: datetime, away: timedelta, limit: timedelta, waiting: int) -> str:
    kept = "Your records are kept, encrypted."
    if waiting:
        changes = "1 change that was not sent is" if waiting == 1 else f"{waiting} changes that were not sent are"
        kept = f"{changes} kept, and so are your records, encrypted."
    return (
        f"This laptop last reached the central store on {format_date(to_london(last).date())}, {away.days} days ago. "
        f"Your organisation allows {limit.days}. Connect to the network and sign in to open it. {kept}"
    )
