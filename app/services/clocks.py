"""When a clock ends, and why: computed from its rule, its trigger and the calendars, never stored.

Legal basis: each rule names its own (``resources/clocks``). The law follows the date of the trigger.
"""

import calendar as month_calendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Clock, Task
from app.services import clock_rules
from app.services.clock_rules import ClockRule
from app.services.working_days import (
    SchoolCalendar,
    default_calendar,
    describe_skipped,
    next_working_day,
    why_not_working,
)
from app.timesource import format_date, format_weekday

_MOST_STEPS = 3_000
"""A count of school days longer than about eight years is a mistake in the data."""
_MONTHS = {"months": 1, "calendar_months": 1, "years": 12}
_DAYS = {"days": 1, "weeks": 7}
_UNIT_WORDS = {
    "days": ("day", "days"),
    "school_days": ("school day", "school days"),
    "working_days": ("working day", "working days"),
    "weeks": ("week", "weeks"),
    "months": ("month", "months"),
    "calendar_months": ("calendar month", "calendar months"),
    "years": ("year", "years"),
    "hours": ("hour", "hours"),
}


@dataclass(frozen=True, slots=True)
class DueDate:
    """A deadline that explains itself.

    Attributes:
        due_on: the last day, inclusive; None where the rule has no countdown.
        day: which day today is, in the rule's own unit (11 of 10 when overdue).
        of: the length in that unit; 0 where the rule has no countdown.
        basis: "Statutory", "Local standard" and the like.
        provisional: True when no calendar covers every day counted.
        explanation: trigger, rule, law, days counted, days left out and why, calendar used.
    """

    due_on: date | None
    day: int
    of: int
    basis: str
    statutory: bool
    provisional: bool
    explanation: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NextDue:
    """The first thing due on a case: a task or an unmet clock."""

    on: date
    what: str
    statutory: bool


@dataclass(frozen=True, slots=True)
class _Count:
    last: date
    provisional: bool
    skipped: tuple[tuple[date, str], ...]


def _why_not(unit: str, calendar: SchoolCalendar, day: date) -> str:
    return calendar.why_not(day) if unit == "school_days" else why_not_working(day)


def _count_days(rule: ClockRule, started_on: date, calendar: SchoolCalendar) -> _Count:
    """Step through school or working days until the rule's length is reached."""
    length = rule.length or 0
    day = started_on if rule.counts_trigger_day else started_on + timedelta(days=1)
    counted, skipped, provisional = 0, [], False
    for _ in range(_MOST_STEPS):
        reason = _why_not(rule.unit, calendar, day)
        if rule.unit == "school_days" and not calendar.covers(day):
            provisional = True
        if reason:
            skipped.append((day, reason))
        else:
            counted += 1
            if counted >= length:
                break
        day += timedelta(days=1)
    return _Count(day, provisional, tuple(skipped))


def add_months(day: date, months: int) -> date:
    """Return the corresponding date so many months on, or that month's last day when it has no such date."""
    index = day.month - 1 + months
    year, month = day.year + index // 12, index % 12 + 1
    return date(year, month, min(day.day, month_calendar.monthrange(year, month)[1]))


def _plain_last_day(rule: ClockRule, started_on: date) -> date:
    length = rule.length or 0
    if rule.unit in _MONTHS:
        return add_months(started_on, length * _MONTHS[rule.unit])
    if rule.unit == "hours":
        # Only the day of the trigger is kept, so the last whole day inside the hours is shown.
        return started_on + timedelta(hours=length)
    if rule.unit == "immediate":
        return started_on
    days = length * _DAYS[rule.unit]
    # Day of the trigger is day 1, so day 15 is 14 later.
    return started_on + timedelta(days=days - 1 if rule.counts_trigger_day else days)


@lru_cache(maxsize=8192)
def _last_day(rule: ClockRule, started_on: date, calendar: SchoolCalendar) -> _Count:
    if rule.unit in {"school_days", "working_days"}:
        return _count_days(rule, started_on, calendar)
    last = _plain_last_day(rule, started_on)
    rolled = next_working_day(last) if rule.rolls else last
    skipped = tuple(
        (last + timedelta(days=offset), why_not_working(last + timedelta(days=offset)))
        for offset in range((rolled - last).days)
    )
    return _Count(rolled, False, skipped)


def last_day(rule_id: str, started_on: date, calendar: SchoolCalendar | None = None) -> date | None:
    """Return the last day of a clock, inclusive, or None where its rule has no countdown.

    Args:
        rule_id: key into ``resources/clocks``.
        started_on: local day of the trigger.
        calendar: term dates; the authority's own when left out.
    """
    rule = clock_rules.rule(rule_id)
    return _last_day(rule, started_on, calendar or default_calendar()).last if rule.counted else None


@lru_cache(maxsize=8192)
def _day_number(rule: ClockRule, started_on: date, today: date, calendar: SchoolCalendar) -> int:
    """Return which day of the clock today is, in the rule's unit."""
    if today < started_on:
        return 0
    elapsed = (today - started_on).days
    if rule.unit not in {"school_days", "working_days"}:
        if rule.unit in _MONTHS:
            return elapsed // 30
        if rule.unit == "hours":
            return elapsed * 24
        return (elapsed + (1 if rule.counts_trigger_day else 0)) // _DAYS.get(rule.unit, 1)
    first = 0 if rule.counts_trigger_day else 1
    steps = range(first, min(elapsed, _MOST_STEPS) + 1)
    return sum(1 for step in steps if not _why_not(rule.unit, calendar, started_on + timedelta(days=step)))


def due_on(
    rule_id: str, started_on: date, today: date, calendar: SchoolCalendar | None = None, *, label: str = ""
) -> DueDate:
    """Return when a clock ends, which day today is, and the reasoning.

    Args:
        rule_id: key into ``resources/clocks``.
        started_on: local day of the trigger.
        today: local date.
        calendar: term dates; the authority's own when left out.
        label: what this clock is called on the case, when not the rule's own label.

    Raises:
        UserError: the rule is not known to this version.
    """
    rule = clock_rules.rule(rule_id)
    terms = calendar or default_calendar()
    if not rule.counted:
        return DueDate(
            None, 0, 0, rule.basis, rule.statutory, False, (*_opening_lines(rule, started_on), rule.counting)
        )
    count = _last_day(rule, started_on, terms)
    return DueDate(
        due_on=count.last,
        day=_day_number(rule, started_on, today, terms),
        of=rule.length or 0,
        basis=rule.basis,
        statutory=rule.statutory,
        provisional=count.provisional,
        explanation=_explain(rule, started_on, count, terms, label),
    )


def _opening_lines(rule: ClockRule, started_on: date) -> tuple[str, ...]:
    regime = rule.regime(started_on)
    law = regime.legal_basis if regime else "no rule in force on that date"
    return (f"Trigger: {rule.trigger}, {format_date(started_on)}.", f"Basis: {law} ({rule.mark}).")


def _explain(rule: ClockRule, started_on: date, count: _Count, calendar: SchoolCalendar, label: str) -> tuple[str, ...]:
    first = "the day of the trigger is day 1" if rule.counts_trigger_day else "the day after the trigger is day 1"
    if rule.unit == "immediate":
        length = "Length: at once."
    else:
        one, many = _UNIT_WORDS[rule.unit]
        length = f"Length: {rule.length} {one if rule.length == 1 else many}; {first}."
    lines = [f"{label or rule.label}: last day {format_weekday(count.last)}.", *_opening_lines(rule, started_on)]
    lines += [length, *describe_skipped(list(count.skipped))]
    if rule.unit == "school_days":
        lines.append(f"Calendar: {calendar.name}.")
    if count.provisional:
        lines.append("Provisional: no term dates cover every day counted. Weekdays stand in for school days.")
    return tuple(lines)


def label_of(rule_id: str, label: str) -> str:
    """Return what a clock is called: its own words, else its rule's, else the key."""
    if label:
        return label
    found = clock_rules.load_rules().get(rule_id)
    return found.label if found else rule_id


def next_due(session: Session, case_ids: Iterable[str]) -> dict[str, NextDue]:
    """Return the first open task or unmet clock of each case that has one.

    Args:
        session: of the vault; two queries whatever the number of cases (in blocks of 500).
        case_ids: cases to look at.
    """
    first: dict[str, NextDue] = {}
    ids = list(case_ids)
    for start in range(0, len(ids), 500):
        block = ids[start : start + 500]
        for case_id, due in _open_items(session, block):
            known = first.get(case_id)
            # On the same day the law comes before a local standard.
            if known is None or (due.on, not due.statutory) < (known.on, not known.statutory):
                first[case_id] = due
    return first


def _open_items(session: Session, case_ids: Sequence[str]) -> Iterable[tuple[str, NextDue]]:
    tasks = select(Task.case_id, Task.due_on, Task.text).where(
        Task.case_id.in_(case_ids), Task.done_at.is_(None), Task.due_on.is_not(None)
    )
    for case_id, due, text in session.execute(tasks):
        if case_id is not None and due is not None:
            yield case_id, NextDue(due, text, statutory=False)
    clocks = select(Clock.case_id, Clock.rule, Clock.label, Clock.started_on).where(
        Clock.case_id.in_(case_ids), Clock.met_on.is_(None), Clock.stopped_on.is_(None)
    )
    for case_id, rule_id, label, started_on in session.execute(clocks):
        rule = clock_rules.load_rules().get(rule_id)
        last = last_day(rule_id, started_on) if rule else None
        if rule and last:
            yield case_id, NextDue(last, label_of(rule_id, label), rule.statutory)
