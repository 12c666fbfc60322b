"""The demonstration's days: counted in working days from the day it is built, so nothing falls on a Sunday."""

from datetime import date, datetime, time, timedelta

from app.services.working_days import why_not_working
from app.timesource import TimeSource, london

_AUTUMN = 9
_PICTURES_SCHOOL_YEAR = 2026


class Days:
    """Dates around one present moment.

    Attributes:
        now: the moment everything is relative to; nothing recorded is later.
        today: its date in London.
    """

    def __init__(self, source: TimeSource) -> None:
        self.now: datetime = source.now()
        self.today: date = source.today()
        school_year = self.today.year if self.today.month >= _AUTUMN else self.today.year - 1
        self._years = school_year - _PICTURES_SCHOOL_YEAR

    def working(self, offset: int) -> date:
        """Return the date that many working days after (or before) today; 0 is today, whatever day it is."""
        day, step = self.today, 1 if offset > 0 else -1
        for _ in range(abs(offset)):
            day += timedelta(days=step)
            while why_not_working(day):
                day += timedelta(days=step)
        return day

    def ago(self, days: int) -> date:
        """Return the date that many calendar days before today."""
        return self.today - timedelta(days=days)

    def moment(self, day: date, at: str) -> datetime:
        """Return London wall time on a day as an instant, never later than now."""
        hour, minute = at.split(":")
        wanted = datetime.combine(day, time(int(hour), int(minute)), london())
        return min(wanted, self.now - timedelta(minutes=1))

    def born(self, day: date) -> date:
        """Move a date of birth with the school year, so that ages and year groups stay as in the pictures."""
        return day.replace(year=day.year + self._years) if self._years else day
