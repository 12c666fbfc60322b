"""Which days count: working days of England, and school days from an authority's iCalendar term dates.

A school day is a weekday inside a term, not inside a holiday, not an INSET day and not a bank holiday. Where no
calendar covers a day, weekdays other than bank holidays stand in, and whoever counts is told so.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from app.errors import UserError
from app.paths import RESOURCES
from app.timesource import format_date

CALENDARS = RESOURCES / "calendars"
_MOST_BYTES = 1_000_000
_MOST_EVENTS = 5_000
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Span:
    """A run of days with a name; both ends are included."""

    name: str
    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class SchoolCalendar:
    """An authority's or a school's term dates.

    Attributes:
        name: as shown on screen beside a date that was counted with it.
        terms: when schools meet.
        closures: holidays inside terms and INSET days.
    """

    name: str
    terms: tuple[Span, ...]
    closures: tuple[Span, ...]
    _known: dict[date, str] = field(default_factory=dict, compare=False, hash=False, repr=False)

    def covers(self, day: date) -> bool:
        """Return whether the calendar says anything about a day, holidays between its terms included."""
        return bool(self.terms) and self.terms[0].first <= day <= self.terms[-1].last

    def why_not(self, day: date) -> str:
        """Return why a day is not a school day, or an empty string when it is one."""
        known = self._known.get(day)
        if known is None:
            known = self._known[day] = self._find_why_not(day)
        return known

    def _find_why_not(self, day: date) -> str:
        reason = why_not_working(day)
        if reason or not self.covers(day):
            return reason
        for closure in self.closures:
            if day in closure:
                return closure.name
        return "" if any(day in term for term in self.terms) else "School holiday"


@lru_cache(maxsize=64)
def bank_holidays(year: int) -> dict[date, str]:
    """Return the bank holidays of England in a year with their names."""
    import holidays  # late: it loads every country's rules

    return dict(holidays.country_holidays("GB", subdiv="ENG", years=year).items())


@lru_cache(maxsize=4096)
def why_not_working(day: date) -> str:
    """Return why a day is not a working day in England, or an empty string when it is one."""
    if day.weekday() >= _SATURDAY:
        return "Saturday or Sunday"
    holiday = bank_holidays(day.year).get(day)
    return f"Bank holiday ({holiday})" if holiday else ""


def next_working_day(day: date) -> date:
    """Return the day itself when it is a working day, else the first one after it."""
    while why_not_working(day):
        day += timedelta(days=1)
    return day


def read_calendar(content: bytes, name: str = "") -> SchoolCalendar:
    """Read term dates from an iCalendar file.

    Events are told apart by CATEGORIES: ``TERM`` holds school days; ``HOLIDAY`` and ``INSET`` take days out.

    Args:
        content: the file's bytes; at most 1 MB and 5,000 events.
        name: shown for the calendar when the file does not name itself.

    Raises:
        UserError: the file is too large, is not iCalendar, or holds no term.
    """
    from icalendar import Calendar  # late: only read once, when the first school day is counted

    if len(content) > _MOST_BYTES:
        raise UserError("This calendar is larger than 1 MB. Save the term dates alone. Nothing has changed.")
    try:
        calendar = Calendar.from_ical(content)
        events = calendar.walk("VEVENT")
    except (ValueError, IndexError, KeyError) as error:
        raise UserError("This file is not an iCalendar file. Choose an .ics file. Nothing has changed.") from error
    if len(events) > _MOST_EVENTS:
        raise UserError("This calendar has more than 5,000 events. Save the term dates alone. Nothing has changed.")
    spans: dict[str, list[Span]] = {"TERM": [], "HOLIDAY": [], "INSET": []}
    for event in events:
        kind = _category(event)
        if kind in spans:
            spans[kind].append(_span(event))
    if not spans["TERM"]:
        raise UserError("This calendar has no terms. Mark each term with the category TERM. Nothing has changed.")
    by_start = sorted(spans["TERM"], key=lambda span: span.first)
    closures = sorted(spans["HOLIDAY"] + spans["INSET"], key=lambda span: span.first)
    return SchoolCalendar(str(calendar.get("X-WR-CALNAME") or name), tuple(by_start), tuple(closures))


def _category(event: object) -> str:
    categories = event.get("CATEGORIES")  # type: ignore[attr-defined]  # icalendar has no types
    if categories is None:
        return ""
    cats = getattr(categories, "cats", None)
    return str(cats[0] if cats else categories).strip().upper()


def _span(event: object) -> Span:
    first = _as_day(event.decoded("DTSTART"))  # type: ignore[attr-defined]  # icalendar has no types
    if "DTEND" in event:  # type: ignore[operator]  # icalendar has no types
        # DTEND of an all-day event is the day after its last.
        last = _as_day(event.decoded("DTEND")) - timedelta(days=1)  # type: ignore[attr-defined]  # as above
    else:
        last = first
    return Span(str(event.get("SUMMARY", "")), first, max(first, last))  # type: ignore[attr-defined]  # as above


def _as_day(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


@lru_cache(maxsize=16)
def load_calendar(path: Path) -> SchoolCalendar:
    """Return the calendar in a file, read once."""
    return read_calendar(path.read_bytes(), path.stem)


def default_calendar() -> SchoolCalendar:
    """Return the authority's term dates: the only file in resources/calendars until an authority sends its own."""
    return load_calendar(CALENDARS / "marlshire.ics")


def describe_skipped(skipped: list[tuple[date, str]]) -> tuple[str, ...]:
    """Return one line for each reason why days were not counted.

    Args:
        skipped: days in order, each with its reason.
    """
    lines: list[str] = []
    weekend = sum(1 for _, reason in skipped if reason == "Saturday or Sunday")
    if weekend:
        lines.append(f"Not counted: {weekend} Saturdays and Sundays.")
    others = [(day, reason) for day, reason in skipped if reason != "Saturday or Sunday"]
    for reason, group in groupby(others, key=lambda pair: pair[1]):
        days = [day for day, _ in group]
        when = format_date(days[0]) if len(days) == 1 else f"{format_date(days[0])} to {format_date(days[-1])}"
        lines.append(f"Not counted: {reason}, {when}.")
    return tuple(lines)
