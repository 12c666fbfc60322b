"""UPN check letters against worked examples, and against every single slip."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services import upn
from app.services.upn import LETTERS, UpnState

WORKED = ["R201100018042", "M850000015001", "B850000015002", "Q850000015003", "D850000016014", "W850000017101"]
TEMPORARY = ["T20110001804V", "F85000001800A", "U85000001900K"]
DIGITS = "0123456789"
bodies = st.tuples(st.text(DIGITS, min_size=11, max_size=11), st.sampled_from(DIGITS) | st.sampled_from(LETTERS)).map(
    "".join
)


@pytest.mark.parametrize("number", WORKED + TEMPORARY)
def test_worked_examples_are_valid(number: str) -> None:
    checked = upn.check(number)
    assert checked.state is (UpnState.TEMPORARY if number in TEMPORARY else UpnState.VALID)
    assert (checked.message, checked.usable) == ("", True)


@given(bodies)
def test_the_letter_that_belongs_is_accepted_and_every_other_is_a_warning(body: str) -> None:
    right = upn.check_letter(body)
    for letter in LETTERS:
        checked = upn.check(letter + body)
        assert checked.usable
        assert (checked.state is UpnState.WRONG_LETTER) == (letter != right)
        assert (right in checked.message) == (letter != right)


@given(st.text(DIGITS, min_size=12, max_size=12), st.integers(0, 11), st.sampled_from(DIGITS))
def test_one_wrong_digit_is_always_noticed(body: str, at: int, digit: str) -> None:
    slip = body[:at] + digit + body[at + 1 :]
    # Weights 2 to 13 and differences 1 to 9 share no factor with 23, so the remainder always moves.
    assert (upn.check_letter(slip) == upn.check_letter(body)) == (slip == body)


@given(st.text(max_size=30))
def test_any_text_is_checked_without_an_exception(text: str) -> None:
    checked = upn.check(text)
    assert checked.usable == (checked.state in {UpnState.VALID, UpnState.TEMPORARY, UpnState.WRONG_LETTER})
    if checked.state is UpnState.WRONG_SHAPE:
        assert checked.message == (
            "UPN must be 1 letter, then 11 numbers, then a number or letter. Check for a missing digit."
        )


@pytest.mark.parametrize(
    "text",
    ["", "  ", "D85000001601", "D8500000160144", "I850000016014", "D85000001601S", "Ⅾ850000016014", "D٨50000016014"],
)
def test_what_has_not_the_shape_is_not_usable(text: str) -> None:
    assert not upn.check(text).usable


def test_case_spaces_and_dashes_do_not_matter() -> None:
    assert upn.check(" d850 0000-16014 ") == upn.check("D850000016014")


def test_a_body_of_another_shape_has_no_letter() -> None:
    for body in ("", "85000001601", "8500000160AB", "8500000160144"):
        with pytest.raises(ValueError, match="twelve characters"):
            upn.check_letter(body)
