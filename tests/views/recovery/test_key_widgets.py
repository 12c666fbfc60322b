"""Typing, showing, printing and saving a recovery key; the bar that moves while keys are derived."""

import os
from pathlib import Path

import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QProgressBar

from app.services.vault.recovery_key import ALPHABET, RecoveryKey
from app.views.derivation import ALMOST, Cost, move_bar
from app.views.recovery import key_step as key_step_module
from app.views.recovery.key_field import RecoveryKeyField, bare, grouped
from app.views.recovery.key_shown import KeyShown
from app.views.recovery.key_step import KeyStep
from app.views.recovery.new_passphrase import NewPassphrase
from app.views.task_runner import TaskRunner

KEY = RecoveryKey("0123456789ABCDEFGHJKMNPQRS")


@pytest.fixture
def field(qtbot) -> RecoveryKeyField:
    made = RecoveryKeyField()
    qtbot.addWidget(made)
    made.resize(440, 120)
    made.show()
    return made


def test_groups_come_by_themselves_as_it_is_typed(qtbot, field):
    qtbot.keyClicks(field.line, "0123456789ab")
    assert field.line.text() == "0123-4567-89AB"
    assert field.line.cursorPosition() == len("0123-4567-89AB")


@pytest.mark.parametrize(
    "typed",
    ["0123 4567 89ab cdef ghjk mnpq rs", "o123.4567-89AB-CDEF-GHJK-MNPQ-RS", "0l234567", "OI23", "\u20110123"],
)
def test_look_alikes_separators_and_case_are_forgiven(qtbot, field, typed):
    QApplication.clipboard().setText(typed)  # pasted: not every keyboard has every hyphen
    field.line.paste()
    QApplication.clipboard().clear()
    assert set(field.line.text()) <= set(ALPHABET) | {"-"}
    assert field.line.text() == grouped(typed)


def test_the_whole_key_is_told_good_or_mistyped_at_its_last_character(qtbot, field):
    qtbot.keyClicks(field.line, KEY.text[:-1])
    assert field.field.error() == ""
    with qtbot.waitSignal(field.completed, check_params_cb=bool):
        qtbot.keyClicks(field.line, KEY.text[-1])
    assert field.field._note.label.text() == "The checksum fits."
    qtbot.keyClick(field.line, Qt.Key.Key_Backspace)
    qtbot.keyClicks(field.line, "0" if KEY.text[-1] != "0" else "1")
    assert "do not fit the rest" in field.field.error()


def test_any_one_wrong_character_is_told(field):
    wrong = 0
    for place, character in enumerate(KEY.text):
        if character == "-":
            continue
        other = ALPHABET[(ALPHABET.index(character) + 7) % 32]
        field.line.setText(KEY.text[:place] + other + KEY.text[place + 1 :])
        wrong += field.field.error() != ""
    assert wrong >= 27  # a checksum of ten bits passes over one slip in a thousand


def test_no_more_than_a_key_is_taken_and_what_is_pasted_is_bounded(qtbot, field):
    field.line.setText("")
    QApplication.clipboard().setText("  " + KEY.text.lower() + "\n" + "9" * 100_000)
    field.line.paste()
    assert field.line.text() == KEY.text
    QApplication.clipboard().clear()


def test_typing_in_the_middle_keeps_the_cursor_where_it_was(qtbot, field):
    qtbot.keyClicks(field.line, "01234567")
    field.line.setCursorPosition(2)
    qtbot.keyClicks(field.line, "Z")
    assert field.line.text() == "01Z2-3456-7"
    assert field.line.cursorPosition() == 3
    field.line.setCursorPosition(3)
    qtbot.keyClicks(field.line, "Y")
    assert field.line.text() == "01ZY-2345-67"
    assert bare(field.line.text()[: field.line.cursorPosition()]) == "01ZY"


def test_backspace_takes_a_hyphen_and_the_character_before_it(qtbot, field):
    qtbot.keyClicks(field.line, "01234")
    for left in ("0123", "012", "01", "0", ""):
        qtbot.keyClick(field.line, Qt.Key.Key_Backspace)
        assert bare(field.line.text()) == left


@given(st.text(max_size=300))
def test_grouping_never_fails_and_changes_nothing_the_second_time(text):
    once = grouped(text)
    assert grouped(once) == once
    assert len(bare(once)) <= 28


def test_a_screen_reader_is_given_the_key_character_by_character(qtbot):
    shown = KeyShown()
    qtbot.addWidget(shown)
    shown.show_key(KEY.groups)
    assert "Group 1: 0 1 2 3. Group 2: 4 5 6 7." in shown.accessibleName()
    shown.show_key(())
    assert shown.accessibleName() == "Recovery key"


@pytest.mark.parametrize(("width", "rows"), [(800, 1), (440, 2), (260, 4), (120, 7)])
def test_the_groups_fold_to_the_width(qtbot, width, rows):
    shown = KeyShown()
    qtbot.addWidget(shown)
    shown.show_key(KEY.groups)
    assert shown.heightForWidth(width) == rows * 48 + 16


class Answers:
    """Answers the question where to save at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.suggested = ""

    def save_file(self, _owner, _title, suggested, _kinds, then) -> None:
        self.suggested = suggested
        then(self.path)


class TestSheet:
    @pytest.fixture
    def runner(self):
        errors = []
        made = TaskRunner(errors.append)
        yield made
        made.close()
        assert not errors

    @pytest.fixture
    def step(self, qtbot, runner, tmp_path) -> KeyStep:
        made = KeyStep(runner, tmp_path / "vault", "ML-0417", Answers(tmp_path / "sheet.pdf"))
        made._key = KEY
        qtbot.addWidget(made)
        made.show_key()
        made.show()
        return made

    def test_it_is_saved_where_asked_for_this_person_alone_and_the_laptop_itself_is_warned_of(
        self, qtbot, step, tmp_path
    ):
        step.save.click()
        qtbot.waitUntil(lambda: step.told.isVisible(), timeout=10_000)
        path = tmp_path / "sheet.pdf"
        document = pypdfium2.PdfDocument(path)
        assert len(document) == 1
        document.close()
        assert "on the laptop itself" in step.told.label.text()
        assert step._prompts.suggested == "Rollcall recovery sheet.pdf"
        if os.name == "posix":
            assert path.stat().st_mode & 0o077 == 0
        assert [each.name for each in tmp_path.iterdir()] == ["sheet.pdf"]

    def test_another_disk_is_not_warned_of(self, qtbot, step, monkeypatch):
        disks = iter((1, 2))
        monkeypatch.setattr("app.views.recovery.sheet_work._device", lambda _path: next(disks))
        step.save.click()
        qtbot.waitUntil(lambda: step.told.isVisible(), timeout=10_000)
        assert step.told.label.text() == key_step_module.SAVED

    def test_a_place_that_takes_no_file_is_said_and_asked_again(self, qtbot, step, tmp_path):
        step._prompts.path = tmp_path / "not there" / "sheet.pdf"
        step.save.click()
        qtbot.waitUntil(lambda: step.told.isVisible(), timeout=10_000)
        assert "could not be saved there" in step.told.label.text()
        assert step.save.isEnabled()

    def test_it_is_printed_from_memory_under_a_name_that_says_nothing(self, qtbot, step, tmp_path, monkeypatch):
        printed = []
        monkeypatch.setattr("app.views.letters.printing.has_printer", lambda: True)

        def take(_owner, sheets, name, _failed):
            printed.append((sheets, name))

        monkeypatch.setattr("app.views.letters.printing.ask_and_print", take)
        step.print.click()
        qtbot.waitUntil(lambda: bool(printed), timeout=10_000)
        sheets, name = printed[0]
        assert name == "Rollcall recovery sheet"
        assert sheets.pdf.startswith(b"%PDF")
        assert list(tmp_path.iterdir()) == []

    def test_without_a_printer_the_other_ways_are_named(self, step, monkeypatch):
        monkeypatch.setattr("app.views.letters.printing.has_printer", lambda: False)
        step.print.click()
        assert step.told.label.text() == key_step_module.NO_PRINTER

    def test_it_forgets_the_key(self, step):
        step.forget()
        assert step._key is None
        assert step.shown._groups == ()


class TestBar:
    def test_it_moves_to_almost_full_in_the_time_expected_and_waits_there(self, qtbot):
        bar = QProgressBar()
        qtbot.addWidget(bar)
        bar.show()
        move_bar(bar, 0.2)
        qtbot.waitUntil(lambda: 0 < bar.value() < ALMOST)
        qtbot.waitUntil(lambda: bar.value() == ALMOST)
        qtbot.wait(150)
        assert bar.value() == ALMOST

    def test_without_a_measurement_it_is_only_busy(self, qtbot):
        bar = QProgressBar()
        qtbot.addWidget(bar)
        move_bar(bar, 0)
        assert bar.maximum() == 0

    def test_a_second_start_begins_anew(self, qtbot):
        bar = QProgressBar()
        qtbot.addWidget(bar)
        bar.show()
        move_bar(bar, 0.05)
        qtbot.waitUntil(lambda: bar.value() == ALMOST)
        move_bar(bar, 60)
        qtbot.wait(100)
        assert bar.value() < 50

    def test_cost_and_speed_give_the_time_back(self):
        cost = Cost(65_536, 6)
        assert cost.seconds(cost.rate(0.5)) == pytest.approx(0.5, rel=0.01)
        assert Cost(0, 0).rate(0.5) == 0
        assert Cost(0, 0).seconds(1000) == 0


def test_what_changes_without_the_focus_moving_is_read_aloud(qtbot, field, monkeypatch):
    said = []
    monkeypatch.setattr(
        "app.views.kit.announce.QAccessible.updateAccessibility", lambda event: said.append(event.message())
    )
    passphrase = NewPassphrase()
    qtbot.addWidget(passphrase)
    passphrase.show()
    qtbot.keyClicks(passphrase.first, "seven")
    qtbot.waitUntil(lambda: "7 more characters needed." in said)
    qtbot.keyClicks(field.line, KEY.text)
    assert "The checksum fits." in said
    field.is_whole()
    field.line.clear()
    field.is_whole()
    assert "Type the recovery key." in said
