"""The regime follows the deletion date; a code is never mapped by guess."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import UserError
from app.paths import RESOURCES
from app.services import grounds
from app.services.grounds import Ground, GroundQuery

LAST_OLD, FIRST_NEW = date(2024, 8, 18), date(2024, 8, 19)


@pytest.mark.parametrize(
    ("day", "regime"),
    [(date(2006, 9, 1), "PR2006"), (LAST_OLD, "PR2006"), (FIRST_NEW, "PR2024"), (date(2030, 1, 1), "PR2024")],
)
def test_the_regime_follows_the_deletion_date(day: date, regime: str) -> None:
    assert grounds.regime_for(day).id == regime


def test_a_day_before_every_regime_is_refused_in_words() -> None:
    with pytest.raises(UserError, match="Deletion date must be 1 September 2006 or later"):
        grounds.regime_for(date(2006, 8, 31))


def test_the_same_letter_means_different_things_in_the_two_regimes() -> None:
    old, new = grounds.lookup("8(1)(a)", LAST_OLD), grounds.lookup("9(1)(a)", FIRST_NEW)
    assert isinstance(old, Ground)
    assert isinstance(new, Ground)
    assert old.label != new.label


@pytest.mark.parametrize(
    ("code", "day", "words"),
    [
        ("8(1)(h)", FIRST_NEW, "ground of the 2006 Regulations, which did not apply on 19 August 2024"),
        ("9(1)(h)", LAST_OLD, "ground of the 2024 Regulations, which did not apply on 18 August 2024"),
        ("9(3)(o)", FIRST_NEW, "is not a ground in the 2024 Regulations"),
        ("other", FIRST_NEW, '"other" is not a ground'),
        ("h", FIRST_NEW, '"h" is not a ground'),
        ("  ", FIRST_NEW, "No ground was given"),
    ],
)
def test_what_is_not_in_the_regime_is_a_question(code: str, day: date, words: str) -> None:
    found = grounds.lookup(code, day)
    assert isinstance(found, GroundQuery)
    assert words in found.message
    assert "Ask the school" in found.message


@pytest.mark.parametrize("text", ["9(1)(h)", "9 1 h", "9.1.h", "Reg 9(1)(H)", "PR2024:9(1)(h)", "regulation 9(1)h."])
def test_the_ways_schools_write_a_code_are_one_code(text: str) -> None:
    assert grounds.normalise_code(text) == "9(1)(h)"


@given(st.text(max_size=40), st.dates(min_value=date(2006, 9, 1)))
def test_any_text_is_a_ground_of_its_regime_or_a_question(text: str, day: date) -> None:
    found = grounds.lookup(text, day)
    if isinstance(found, Ground):
        assert found.regime == grounds.regime_for(day).id
        assert grounds.find(found.regime, found.code) is found


def test_every_ground_keeps_its_marks_of_where_it_comes_from() -> None:
    book = json.loads((RESOURCES / "grounds" / "grounds.json").read_text("utf-8"))
    assert len(book["grounds"]) == 40
    for entry in book["grounds"]:
        found = grounds.find(entry["regime"], entry["code"])
        assert found is not None
        assert "verified" in found.source or "knowledge" in found.source
        assert found.fields == tuple(book["deletion_return"][entry["regime"]]["fields"])


def test_joint_enquiries_are_known() -> None:
    for code in ("9(1)(h)", "9(1)(i)"):
        found = grounds.lookup(code, FIRST_NEW)
        assert isinstance(found, Ground)
        assert found.needs_joint_enquiry
