"""How often signing in failed, and who has to wait: by name and laptop, and by address, the same whether it exists.

Failures are counted by a hash of what was typed, so that a name that nobody has locks like one that somebody has, with
the same words after the same number of tries. A laptop that proves its key is counted for itself: strangers who try a
person's name do not lock that person out of their own laptop.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from app.central.sign_in_tables import failed_tries
from app.central.tokens import TrustError

FORGOTTEN_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Limit:
    """When a count locks.

    Attributes:
        most: failures that are let pass; the next wait doubles with each failure beyond.
        first_wait: after ``most`` failures.
        longest_wait: however many there were.
    """

    most: int
    first_wait: timedelta
    longest_wait: timedelta

    def wait(self, count: int) -> timedelta | None:
        """Return how long to wait after so many failures; None for not at all."""
        if count < self.most:
            return None
        doubled: int = 2 ** min(count - self.most, 16)
        return min(self.longest_wait, self.first_wait * doubled)


NAME = Limit(8, timedelta(minutes=15), timedelta(hours=12))
ADDRESS = Limit(60, timedelta(minutes=5), timedelta(hours=1))
"""Wider: a whole council may come from one address."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What one sign-in is counted under."""

    key: bytes
    limit: Limit


def counted(username: str, device_id: str | None, address: str) -> tuple[Counted, ...]:
    """Return what a sign-in is counted under: the name (on a proven laptop, the name there), and the address."""
    name = f"name\n{username.strip().lower()[:200]}\n{device_id or ''}"
    under = [Counted(_key(name), NAME)]
    if address:
        under.append(Counted(_key(f"address\n{address[:100]}"), ADDRESS))
    return tuple(under)


def too_many(wait: timedelta) -> TrustError:
    """Return the refusal of somebody who has to wait."""
    seconds = max(1, int(wait.total_seconds()) + 1)
    minutes = -(-seconds // 60)
    words = "a minute" if minutes == 1 else f"{minutes} minutes"
    return TrustError("too-many", f"Too many tries. Wait {words}, then try again.", retry_after=seconds)


def begin(connection: Connection, under: Iterable[Counted], now: datetime) -> None:
    """Take hold of the counts, so that tries at once are counted one after another.

    Raises:
        TrustError: ``too-many``.
    """
    table = failed_tries.c
    longest = timedelta(0)
    for each in sorted(under, key=lambda one: one.key):
        connection.execute(insert(failed_tries).values(key=each.key, failures=0, last_at=now).on_conflict_do_nothing())
        row: Any = connection.execute(select(failed_tries).where(table.key == each.key).with_for_update()).one()
        if row.locked_until is not None and row.locked_until > now:
            longest = max(longest, row.locked_until - now)
    if longest:
        raise too_many(longest)


def note(connection: Connection, under: Iterable[Counted], now: datetime, *, right: bool) -> None:
    """Count a try that was let through by :func:`begin`. Being right forgives the name, not the address."""
    table = failed_tries.c
    for each in under:
        if right and each.limit is NAME:
            connection.execute(delete(failed_tries).where(table.key == each.key))
        elif not right:
            row = connection.execute(select(table.failures, table.last_at).where(table.key == each.key)).one()
            count = 1 if now - row.last_at > FORGOTTEN_AFTER else row.failures + 1
            wait = each.limit.wait(count)
            connection.execute(
                update(failed_tries)
                .where(table.key == each.key)
                .values(failures=count, last_at=now, locked_until=now + wait if wait else None)
            )


def forgive(connection: Connection, username: str) -> None:
    """Let a name try again at once, on laptops that are not enrolled; the proven ones are forgiven by their key."""
    for each in counted(username, None, ""):
        connection.execute(delete(failed_tries).where(failed_tries.c.key == each.key))


def forgive_on(connection: Connection, username: str, device_ids: Iterable[str]) -> None:
    """Let a name try again at once on these laptops."""
    for device_id in device_ids:
        for each in counted(username, device_id, ""):
            connection.execute(delete(failed_tries).where(failed_tries.c.key == each.key))


def _key(what: str) -> bytes:
    return hashlib.sha256(b"rollcall tries\n" + what.encode()).digest()
