"""The only place the clock is read, and how times and dates are shown.

Instants are UTC and aware. Dates are local: Europe/London.
"""

import sys
import time
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo


class BootReading(NamedTuple):
    """How long the machine has been running: a clock that nobody can set.

    Attributes:
        boot: names this start of the machine; empty where the system gives it no name.
        seconds: since that start, time asleep included.
    """

    boot: str
    seconds: float


class TimeSource(Protocol):
    """Something that knows what time it is."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""
        ...

    def today(self) -> date:
        """Return today's date in Europe/London."""
        ...

    def since_boot(self) -> BootReading:
        """Return how long the machine has been running."""
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

    def since_boot(self) -> BootReading:
        """Return how long the machine has been running."""
        return _since_boot()


class FrozenTime:
    """A clock that moves only when told to: for tests and for the demonstration's past."""

    def __init__(self, instant: datetime) -> None:
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=UTC)
        self._instant = instant
        self._boot = BootReading("frozen", 3600.0)

    def now(self) -> datetime:
        """Return the frozen instant."""
        return self._instant

    def today(self) -> date:
        """Return the frozen instant's London date."""
        return to_london(self._instant).date()

    def advance(self, **units: float) -> None:
        """Let time pass by the given ``timedelta`` units, e.g. ``advance(minutes=5)``."""
        passed = timedelta(**units)
        self._instant += passed
        self._boot = BootReading(self._boot.boot, self._boot.seconds + passed.total_seconds())

    def move_to(self, instant: datetime) -> None:
        """Set the clock to an instant (naive means UTC), as a person would: no time passes."""
        self._instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)

    def since_boot(self) -> BootReading:
        """Return how long the machine has been running."""
        return self._boot

    def restart(self, boot: str, seconds: float = 0.0) -> None:
        """Start the machine again.

        Args:
            boot: names the new start.
            seconds: how long ago it was.
        """
        self._boot = BootReading(boot, seconds)


def _since_boot() -> BootReading:
    if sys.platform == "win32":
        import ctypes

        ticks = ctypes.windll.kernel32.GetTickCount64
        ticks.restype = ctypes.c_uint64
        return BootReading("", ticks() / 1000)
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:  # not a Linux
        boot = ""
    return BootReading(boot, time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)))


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
