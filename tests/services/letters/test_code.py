import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ids import new_id
from app.services.letters import code


@given(st.uuids())
def test_every_code_reads_back_to_its_letter(letter_id: uuid.UUID) -> None:
    assert code.parse(code.make(str(letter_id))) == code.LetterCode(letter_id=str(letter_id))


def test_spaces_and_lower_case_are_allowed() -> None:
    letter_id = new_id()
    assert code.parse(f"  {code.make(letter_id).lower()}\n") == code.LetterCode(letter_id=letter_id)


@given(st.uuids(), st.integers(min_value=4, max_value=29), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_one_wrong_character_is_nearly_always_refused_and_never_read_as_the_same_letter(
    letter_id: uuid.UUID, position: int, wrong: str
) -> None:
    right = code.make(str(letter_id))
    changed = right[:position] + wrong + right[position + 1 :]
    if changed != right:
        assert code.parse(changed) != code.LetterCode(letter_id=str(letter_id))


def test_a_wrong_check_is_refused() -> None:
    right = code.make("01890a5d-ac96-774b-bcce-b302099a8057")
    for last in "0123456789ABCDEFGHJKMNPQRSTVWXYZ":
        if last != right[-1]:
            assert code.parse(right[:-1] + last) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "RC1",
        "RC2:00000000000000000000000000:0000",
        "https://example.org",
        "RC1:" + "Z" * 26 + ":0000",
        "R" * 10_000,
    ],
)
def test_other_text_is_no_code(text: str) -> None:
    assert code.parse(text) is None


def test_the_code_is_stable_because_printed_paper_does_not_change() -> None:
    assert code.make("01890a5d-ac96-774b-bcce-b302099a8057") == "RC1:01H455VB4PEX5VSKNK084SN02Q:AFDA"


def test_a_token_beyond_an_id_is_refused_even_with_a_right_check() -> None:
    token = "Z" * 26
    assert code.parse(f"RC1:{token}:{code._check(token)}") is None
