"""The only place the clock is read, and how times and dates are shown.

Instants are UTC and aware. Dates are local: Europe/London.
"""

import time
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Protocol
from zoneinfo import ZoneInfo


class TimeSource(Protocol):
    """Something that knows what time it is."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""
        ...

    def today(self) -> date:
        """Return today's date in Europe/London."""
        ...


@cache
def london() -> ZoneInfo:
    """Return the zone in which dates and times are shown."""
    return ZoneInfo("Europe/London")


def to_london(instant: datetime) -> datetime:
    """Return an aware instant as London wall time."""
    return instant.astimezone(london())


class SystemTime:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the current instant in UTC."""
        return datetime.now(UTC)  # noqa: TID251  (the one permitted reading of the clock)

    def today(self) -> date:
        """Return today in Europe/London."""
        return to_london(self.now()).date()


class FrozenTime:
    """A clock that moves only when told to: for tests and for the demonstration's past."""

    def __init__(self, instant: datetime) -> None:
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=UTC)
        self._instant = instant

    def now(self) -> datetime:
        """Return the frozen instant."""
        return self._instant

    def today(self) -> date:
        """Return the frozen instant's London date."""
        return to_london(self._instant).date()

    def advance(self, **units: float) -> None:
        """Move forward by the given ``timedelta`` units, e.g. ``advance(minutes=5)``."""
        self._instant += timedelta(**units)

    def move_to(self, instant: datetime) -> None:
        """Set the clock to an instant (naive means UTC)."""
        self._instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def format_date(day: date) -> str:
    """Return a date as letters and screens write it: ``17 November 2026``."""
    return f"{day.day} {day:%B %Y}"


def format_weekday(day: date) -> str:
    """Return ``Tuesday 17 November 2026``."""
    return f"{day:%A} {format_date(day)}"


def format_short(day: date) -> str:
    """Return ``Tue 17 Nov``."""
    return f"{day:%a} {day.day} {day:%b}"


def format_time(instant: datetime) -> str:
    """Return London wall time as ``08:31``."""
    return f"{to_london(instant):%H:%M}"


class Stopwatch:
    """Measures elapsed seconds: ``with Stopwatch() as watch: ...`` then ``watch.seconds``."""

    seconds: float = 0.0

    def __enter__(self) -> "Stopwatch":
        self._started = time.perf_counter()
        return self

    def __exit__(self, *exc: object) -> None:
        self.seconds = time.perf_counter() - self._started
