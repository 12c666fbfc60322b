from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import UserError
from app.services import clock_rules, clocks, working_days

RULES = clock_rules.load_rules()
COUNTED = sorted(rule.id for rule in RULES.values() if rule.counted)
DAYS = st.dates(date(2024, 9, 2), date(2027, 7, 1))


@pytest.mark.parametrize("rule_id", COUNTED)
def test_worked_dates_in_the_data_come_out_again(rule_id):
    rule = RULES[rule_id]
    assert rule.worked or not rule.in_force, f"{rule_id} has no worked date"
    for started, due in rule.worked:
        assert clocks.last_day(rule_id, started) == due


@pytest.mark.parametrize("rule_id", sorted(RULES))
def test_every_rule_names_its_law_source_and_mark(rule_id):
    rule = RULES[rule_id]
    assert rule.label
    assert rule.regimes
    assert all(regime.legal_basis for regime in rule.regimes)
    assert rule.source
    assert rule.mark in {"verified", "partly verified", "unverified"}
    assert rule.kind in clock_rules.BASIS_WORDS


def test_section_437_notice_served_on_3_march_ends_on_17_march():
    due = clocks.due_on("s437_notice", date(2027, 3, 3), date(2027, 3, 17))
    assert due.due_on == date(2027, 3, 17)
    assert (due.day, due.of) == (15, 15)
    assert due.statutory
    assert not due.provisional
    assert any("the day of the trigger is day 1" in line for line in due.explanation)
    assert any("Education Act 1996 s.437(2)" in line for line in due.explanation)


def test_second_home_visit_is_one_day_over_on_its_eleventh_school_day():
    due = clocks.due_on("local_second_home_visit", date(2026, 11, 2), date(2026, 11, 17))
    assert (due.due_on, due.day, due.of) == (date(2026, 11, 16), 11, 10)
    assert due.basis == "Local standard"
    assert not due.statutory


def test_half_term_is_skipped_and_named():
    due = clocks.due_on("pex_sixth_day", date(2026, 10, 21), date(2026, 10, 21))
    assert due.due_on == date(2026, 11, 4)
    assert "Not counted: Autumn half term, 26 October 2026 to 30 October 2026." in due.explanation
    assert any(line.startswith("Calendar: Marlshire") for line in due.explanation)


def test_a_count_beyond_the_calendar_is_provisional_and_says_so():
    due = clocks.due_on("fap_place", date(2027, 7, 15), date(2027, 7, 15))
    assert due.provisional
    assert any(line.startswith("Provisional") for line in due.explanation)
    assert due.due_on == date(2027, 8, 12)


def test_law_follows_the_date_of_the_trigger():
    rule = RULES["reg_deletion_return"]
    old, new = rule.regime(date(2024, 8, 18)), rule.regime(date(2024, 8, 19))
    assert old is not None
    assert old.legal_basis == "SI 2006/1751 reg 12(6)"
    assert new is not None
    assert new.legal_basis == "SI 2024/208 reg 13(4)-(6)"
    before = clocks.due_on("reg_deletion_return", date(2024, 8, 18), date(2024, 8, 18))
    assert any("SI 2006/1751" in line for line in before.explanation)


def test_a_rule_that_did_not_exist_on_the_day_says_so():
    due = clocks.due_on("pn_limit", date(2023, 1, 1), date(2023, 1, 2))
    assert any("no rule in force on that date" in line for line in due.explanation)


def test_law_not_in_force_cannot_be_started():
    startable = {rule.id for rule in clock_rules.startable()}
    assert "s437_notice" in startable
    assert not startable & {rule.id for rule in RULES.values() if rule.kind == "prospective"}


def test_a_gate_has_no_countdown_and_still_explains_itself():
    due = clocks.due_on("s447_consider_eso", date(2026, 11, 2), date(2026, 11, 3))
    assert due.due_on is None
    assert due.of == 0
    assert any("s.447(1)" in line for line in due.explanation)


def test_an_unknown_rule_is_refused_in_words():
    with pytest.raises(UserError, match="does not know this clock"):
        clocks.due_on("no_such_clock", date(2026, 1, 1), date(2026, 1, 1))


def test_a_local_label_replaces_the_rules_own():
    assert clocks.label_of("fap_place", "Place at Thornwick") == "Place at Thornwick"
    assert clocks.label_of("fap_place", "") == "Fair Access place due"
    assert clocks.label_of("from_the_future", "") == "from_the_future"


@given(started=DAYS, rule_id=st.sampled_from([r for r in COUNTED if RULES[r].unit == "school_days"]))
def test_school_day_clocks_end_on_a_school_day_after_exactly_their_length(started, rule_id):
    calendar = working_days.default_calendar()
    due = clocks.due_on(rule_id, started, started)
    assert due.due_on is not None
    assert calendar.why_not(due.due_on) == ""
    assert clocks.due_on(rule_id, started, due.due_on).day == due.of


@given(started=DAYS, later=st.integers(0, 40), rule_id=st.sampled_from(COUNTED))
def test_a_later_trigger_never_ends_earlier(started, later, rule_id):
    first = clocks.last_day(rule_id, started)
    second = clocks.last_day(rule_id, started + timedelta(days=later))
    assert first is not None
    assert second is not None
    assert started <= first <= second


@given(day=st.dates(date(2000, 1, 1), date(2100, 12, 31)), months=st.integers(0, 60))
def test_months_run_to_the_corresponding_date_or_the_months_last_day(day, months):
    end = clocks.add_months(day, months)
    assert (end.year * 12 + end.month) - (day.year * 12 + day.month) == months
    assert end.day == day.day or (end.day < day.day and (end + timedelta(days=1)).day == 1)


@given(day=DAYS, steps=st.integers(0, 60))
def test_day_number_never_goes_back(day, steps):
    today = clocks.due_on("fap_place", day, day + timedelta(days=steps)).day
    tomorrow = clocks.due_on("fap_place", day, day + timedelta(days=steps + 1)).day
    assert today <= tomorrow <= today + 1
