"""Ages and school years in England, from a date of birth."""

from datetime import date

_RECEPTION_AGE = 4
_LAST_YEAR = 13
_SCHOOL_YEAR_STARTS = 9
"""Month: a school year runs from 1 September to 31 August."""


def age_on(born_on: date | None, day: date) -> int | None:
    """Return completed years on a day, or None without a date of birth."""
    if born_on is None or born_on > day:
        return None
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))


def school_year(born_on: date | None, day: date) -> str:
    """Return the national curriculum year on a day, such as ``Year 5`` or ``Reception``.

    Children start Reception in the September after their fourth birthday. Empty without a date of birth, before
    nursery age and after Year 13.
    """
    if born_on is None:
        return ""
    cohort = born_on.year + (born_on.month >= _SCHOOL_YEAR_STARTS)
    started = day.year - (day.month < _SCHOOL_YEAR_STARTS)
    number = started - cohort - _RECEPTION_AGE
    if number in (-2, -1):
        return "Nursery"
    if number == 0:
        return "Reception"
    return f"Year {number}" if 0 < number <= _LAST_YEAR else ""


def age_words(born_on: date | None, day: date, year_group: str = "", described: str = "") -> str:
    """Return age and year for a list: ``9, Year 5``; what was said where no date is known.

    Args:
        born_on: date of birth.
        day: the day it is shown.
        year_group: as a school gave it, used where it cannot be computed.
        described: such as "about 9 years old".
    """
    age = age_on(born_on, day)
    year = school_year(born_on, day) or (f"Year {year_group}" if year_group.isdigit() else year_group)
    first = str(age) if age is not None else described
    return ", ".join(part for part in (first, year) if part) or "Age not known"
