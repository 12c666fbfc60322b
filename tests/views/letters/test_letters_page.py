"""The list of letters: groups, search, opening and discarding."""

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from app.services.letters import letters, listing
from app.views import tokens
from app.views.theme import apply_theme
from tests.services.letters.world import first_letter
from tests.views.clipping import clipped
from tests.views.letters.conftest import Shown


@pytest.fixture
def two(shown: Shown) -> Any:
    """One sent letter and one draft."""
    letters.issue(shown.ws, first_letter(shown.ws, shown.case_id))
    letters.keep(shown.ws, first_letter(shown.ws, shown.case_id, "L05"))
    return shown.open("letters")


def test_drafts_come_first_and_sent_letters_are_one_chip_away(shown: Shown, two: Any, qtbot: QtBot) -> None:
    QAbstractItemModelTester(two.model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    assert [chip.text() for chip in two.chips.values() if chip.isVisibleTo(two)] == ["Drafts 1", "Sent 1"]
    assert [row.title for row in two.model.rows()] == ["Enquiry to school"]
    qtbot.keyClick(two.chips["sent"], Qt.Key.Key_Space)
    assert [row.title for row in two.model.rows()] == ["First enquiry to parent"]
    assert not two.discard.isVisibleTo(two), "what was sent cannot be discarded"
    said = two.model.data(two.model.index(0, 0), Qt.ItemDataRole.AccessibleTextRole)
    assert said == (
        "First enquiry to parent, about Rhys Pendleford, to Mr Gareth Pendleford, CME-2026-00001/L1, Sent, "
        "reply by 27 November 2026"
    )


def test_enter_and_ctrl_enter_open_the_letter(shown: Shown, two: Any, qtbot: QtBot) -> None:
    line = two.model.rows()[0]
    two.view.setFocus()
    qtbot.keyClick(two.view, Qt.Key.Key_Return)
    shown.settle()
    assert shown.went[-1] == ("letter", {"letter_id": line.letter_id})
    shown.open("letters")
    qtbot.keyClick(shown.window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    shown.settle()
    assert shown.went[-1] == ("letter", {"letter_id": line.letter_id})


def test_search_narrows_the_list_and_says_when_nothing_is_left(shown: Shown, two: Any, qtbot: QtBot) -> None:
    two.find_here()
    qtbot.keyClicks(two.search, "carrow")
    assert len(two.model.rows()) == 1
    qtbot.keyClicks(two.search, "x")
    assert two.model.rows() == []
    assert two._empty.label.text() == "No letter matches. Change the words above."


def test_a_draft_is_discarded_after_asking(shown: Shown, two: Any) -> None:
    two.discard.click()
    shown.settle()
    assert shown.answers.asked == ["Discard this draft? Discard draft"]
    assert [line.state_words for line in listing.letters(shown.ws)] == ["Sent"]
    assert two._empty.label.text().startswith("No drafts.")
    assert shown.toasts == ["Draft discarded"]


def test_the_list_follows_new_letters(shown: Shown, two: Any, qtbot: QtBot) -> None:
    letters.keep(shown.ws, first_letter(shown.ws, shown.case_id))
    qtbot.waitUntil(lambda: len(two.model.rows()) == 2, timeout=5000)


@pytest.mark.parametrize(
    ("scale", "size"), [(100, (1440, 869)), (130, (1024, 640)), (150, (911, 512)), (100, (640, 400))]
)
def test_nothing_is_cut_off(shown: Shown, two: Any, qapp: Any, qtbot: QtBot, scale: int, size: tuple[int, int]) -> None:
    apply_theme(qapp, tokens.LIGHT, scale)
    shown.window.resize(*size)
    qtbot.waitUntil(lambda: shown.window.size().toTuple() == size, timeout=2000)
    shown.settle()
    assert clipped(two) == []
