"""The recovery sheet: one page that can be read without Rollcall."""

import re
from datetime import date

import pypdfium2
import pytest

from app.services.recovery_sheet import RecoverySheet, draw_sheet
from app.services.vault.recovery_key import RecoveryKey

KEY = RecoveryKey("0123456789ABCDEFGHJKMNPQRS")


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return draw_sheet(RecoverySheet(KEY.groups, "Marlshire laptop ML-0417", date(2026, 11, 17)))


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    try:
        assert len(document) == 1
        return document[0].get_textpage().get_text_range()
    finally:
        document.close()


def test_it_is_one_page_of_a4(pdf):
    document = pypdfium2.PdfDocument(pdf)
    width, height = document[0].get_size()
    document.close()
    assert (round(width), round(height)) == (595, 842)


def test_the_key_stands_in_it_group_by_group_and_can_be_typed_back(pdf):
    text = re.sub(r"\s", "", text_of(pdf))
    rows = "1234" + "".join(KEY.groups[:4]), "567" + "".join(KEY.groups[4:])
    found = [group for group in KEY.groups if group in text]
    assert found == list(KEY.groups), rows
    assert RecoveryKey.parse("-".join(found)) == KEY


def test_it_says_which_laptop_when_and_what_to_do_with_it(pdf):
    text = " ".join(text_of(pdf).split())
    for words in (
        "Marlshire laptop ML-0417", "17 November 2026", "Lock it away", "Do not photograph it", "Never carry the two",
        "last two characters check the rest", "stops working at once",
    ):  # fmt: skip
        assert words in text


def test_nothing_on_it_runs_off_the_page_or_is_small(pdf):
    document = pypdfium2.PdfDocument(pdf)
    page = document[0]
    width, height = page.get_size()
    for item in page.get_objects():
        left, bottom, right, top = item.get_bounds()
        assert left >= 50
        assert right <= width - 50
        assert bottom >= 50
        assert top <= height - 50
    document.close()


def test_its_fonts_travel_with_it(pdf):
    assert pdf.count(b"/FontFile2") == 2


def test_a_laptop_without_a_name_and_one_with_a_long_one_still_fit():
    for name in ("", "x" * 300):
        assert text_of(draw_sheet(RecoverySheet(KEY.groups, name, date(2026, 11, 17))))


def test_the_key_does_not_show_in_a_repr():
    shown = repr(RecoverySheet(KEY.groups, "ML-0417", date(2026, 11, 17)))
    assert not any(group in shown for group in KEY.groups)
