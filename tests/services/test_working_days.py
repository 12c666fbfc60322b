from datetime import date

import pytest

from app.errors import UserError
from app.services import working_days

CROWD = "BEGIN:VCALENDAR\r\n" + "BEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\n" * 5_001 + "END:VCALENDAR\r\n"
TERM = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n"
    "DTSTART;VALUE=DATE:20260901\r\nDTEND;VALUE=DATE:20261002\r\nSUMMARY:Autumn\r\nCATEGORIES:{kind}\r\n"
    "END:VEVENT\r\nEND:VCALENDAR\r\n"
)


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        (date(2026, 11, 3), ""),
        (date(2026, 11, 7), "Saturday or Sunday"),
        (date(2026, 12, 25), "Bank holiday (Christmas Day)"),
        (date(2026, 10, 27), "Autumn half term"),
        (date(2027, 1, 4), "INSET day"),
        (date(2026, 8, 4), "School holiday"),
        (date(2027, 5, 3), "Bank holiday (May Day)"),
    ],
)
def test_each_day_says_why_it_is_not_a_school_day(day, reason):
    assert working_days.default_calendar().why_not(day) == reason


def test_days_outside_the_calendar_fall_back_to_weekdays():
    calendar = working_days.default_calendar()
    assert not calendar.covers(date(2030, 6, 4))
    assert calendar.why_not(date(2030, 6, 4)) == ""


def test_next_working_day_steps_over_christmas():
    assert working_days.next_working_day(date(2026, 12, 25)) == date(2026, 12, 29)
    assert working_days.next_working_day(date(2026, 12, 24)) == date(2026, 12, 24)


def test_the_last_day_of_a_term_is_the_day_before_dtend():
    calendar = working_days.read_calendar(TERM.format(kind="TERM").encode(), "Test")
    assert calendar.name == "Test"
    assert calendar.terms[0].last == date(2026, 10, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a calendar", "not an iCalendar file"),
        (b"", "not an iCalendar file"),
        (TERM.format(kind="HOLIDAY").encode(), "no terms"),
        (b"x" * 1_000_001, "larger than 1 MB"),
        (
            ("BEGIN:VCALENDAR\r\n" + "BEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\n" * 5_001 + "END:VCALENDAR\r\n").encode(),
            "5,000",
        ),
    ],
    ids=["text", "empty", "no term", "too large", "too many events"],
)
def test_a_bad_calendar_is_refused_in_words(content, message):
    with pytest.raises(UserError, match=message):
        working_days.read_calendar(content)
