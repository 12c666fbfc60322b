"""Unlocking, locking and the end, in the real frame on a real vault."""

import json
from datetime import UTC, datetime

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QLineEdit, QWidget

from app.timesource import FrozenTime
from app.views import frame_shape
from app.views.frame import Frame
from app.views.idle import IdleWatch
from app.views.main_window import MainWindow
from app.views.unlock_page import UnlockPage
from app.views.vault_label import read_label
from tests.conftest import PASSPHRASE as OPENS
from tests.views.clipping import assert_nothing_clipped
from tests.views.shell.framing import unlock


def words_on_screen(root: QWidget) -> str:
    """Return every word that any widget of the application holds or shows."""
    parts = [label.text() for label in root.findChildren(QLabel)]
    parts += [line.text() for line in root.findChildren(QLineEdit)]
    parts += [widget.accessibleName() for widget in root.findChildren(QWidget)]
    return " ".join([*parts, root.windowTitle()])


def test_a_vault_opens_with_its_passphrase_and_shows_today(qtbot, make_frame, locked_vault):
    frame = make_frame(locked_vault)
    window = unlock(qtbot, frame)
    assert window.route() == "today"
    assert window.page().clock_model.rowCount() == 10
    assert frame.windowTitle().startswith("Today")


def test_unlocking_is_audited(qtbot, make_frame, locked_vault):
    from sqlalchemy import select

    from app.models import AuditEntry

    frame = make_frame(locked_vault)
    window = unlock(qtbot, frame)
    with window.context.ws.read() as session:
        assert "unlocked" in session.scalars(select(AuditEntry.action)).all()


def test_a_wrong_passphrase_says_how_many_tries_are_left_and_is_not_kept(qtbot, make_frame, locked_vault):
    frame = make_frame(locked_vault)
    page = frame.centralWidget()
    qtbot.keyClicks(page.passphrase, "wrong words entirely")
    page.button.click()
    assert page.passphrase.text() == ""
    assert not page.passphrase.isEnabled()
    qtbot.waitUntil(lambda: page.field.error() != "", timeout=10_000)
    assert page.field.error() == "Passphrase not recognised. 4 tries left before a 15 minute wait."
    assert page.passphrase.isEnabled()
    assert_nothing_clipped(page)


def test_an_empty_passphrase_is_not_a_try(qtbot, make_frame, locked_vault):
    page = make_frame(locked_vault).centralWidget()
    page.button.click()
    assert page.field.error() == "Enter your passphrase."
    assert not (locked_vault / "attempts.json").exists()


def test_locking_leaves_nothing_of_a_case_in_the_window(qtbot, qapp, make_frame, locked_vault):
    frame = make_frame(locked_vault)
    window = unlock(qtbot, frame)
    window.open_palette()
    before = words_on_screen(frame)
    assert "Isla" in " ".join([before, *[row.line.child for row in window.page().clock_model.rows() if row.line]])
    with qtbot.waitSignal(frame.locked):
        frame.lock()
    assert isinstance(frame.centralWidget(), UnlockPage)
    assert frame.opened is None
    assert frame.window_page is None
    qtbot.waitUntil(lambda: not frame.findChildren(MainWindow))
    for top in qapp.topLevelWidgets():
        if top.isVisible():
            assert "Merrow" not in words_on_screen(top)
            assert "Today" not in words_on_screen(top)
    assert QApplication.activePopupWidget() is None


def test_locking_closes_the_databases_and_drops_the_keys(qtbot, make_frame, locked_vault):
    frame = make_frame(locked_vault)
    unlock(qtbot, frame)
    opened = frame.opened
    frame.lock()
    qtbot.waitUntil(lambda: frame.runner.pending_count() == 0)
    assert opened.vault._keys is None
    assert opened.vault.engine.pool.checkedin() == 0


def test_a_locked_window_opens_again(qtbot, make_frame, locked_vault):
    frame = make_frame(locked_vault)
    unlock(qtbot, frame)
    frame.lock()
    window = unlock(qtbot, frame)
    assert window.route() == "today"


def test_a_dialog_goes_with_the_lock(qtbot, make_frame, locked_vault):
    frame = make_frame(locked_vault)
    window = unlock(qtbot, frame)
    confirmed = []
    window.context.prompts.confirm(
        window, "Remove?", "Isla Merrow's letter is removed.", "Remove", lambda: confirmed.append(1)
    )
    dialog = window.findChild(QDialog)
    assert dialog.isVisible()
    frame.lock()
    assert not dialog.isVisible()
    assert confirmed == []


def test_what_is_being_typed_is_saved_before_the_lock(qtbot, make_frame, locked_vault):
    frame = make_frame(locked_vault)
    window = unlock(qtbot, frame)
    saved = []
    window.context.flush_drafts.connect(lambda: saved.append(frame.opened is not None))
    frame.lock()
    assert saved == [True]


def test_the_window_locks_when_nobody_used_it_for_the_set_time(qtbot, make_frame, locked_vault, settings, frozen_time):
    settings.set("lock_minutes", 1)
    frame = make_frame(locked_vault)
    unlock(qtbot, frame)
    frozen_time.advance(seconds=50)
    frame.idle.check()
    assert frame.opened is not None
    frozen_time.advance(seconds=11)
    frame.idle.check()
    assert frame.opened is None


def test_the_unlock_page_names_the_laptop_and_no_person(make_frame, locked_vault):
    frame = make_frame(locked_vault)
    assert "Test laptop" in frame.centralWidget().device.text()
    assert "Dawn" not in words_on_screen(frame)


def test_a_damaged_header_still_shows_the_unlock_page(tmp_path, make_frame):
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "vault.json").write_text("{", encoding="utf-8")
    assert read_label(folder).name == ""
    assert isinstance(make_frame(folder).centralWidget(), UnlockPage)


def test_where_the_window_was_is_kept(make_frame, locked_vault, settings):
    frame = make_frame(locked_vault)
    frame.resize(710, 500)
    frame.close()
    assert settings.get("window_geometry")
    again = Frame(locked_vault, settings)
    assert again.size().width() == 710
    again.shut_down()
    again.deleteLater()


def test_a_change_of_theme_in_the_settings_reaches_the_window(qtbot, make_frame, locked_vault, settings):
    frame = make_frame(locked_vault)
    window = unlock(qtbot, frame)
    settings.set("theme", "dark")
    settings.set("text_size", 115)
    window.context.appearance_changed.emit()
    from app.views.tokens import DARK, current, text_scale

    assert current() is DARK
    assert text_scale() == 115


def test_caps_lock_is_noticed(qtbot, make_frame, locked_vault):
    page = make_frame(locked_vault).centralWidget()

    def type_letter(text: str, modifier: Qt.KeyboardModifier) -> None:
        event = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_A, modifier, text)
        QApplication.sendEvent(page.passphrase, event)

    type_letter("A", Qt.KeyboardModifier.ShiftModifier)
    assert not page.caps.isVisible()
    type_letter("A", Qt.KeyboardModifier.NoModifier)
    assert page.caps.isVisible()
    type_letter("a", Qt.KeyboardModifier.NoModifier)
    assert not page.caps.isVisible()


def test_the_passphrase_can_be_shown_and_is_hidden_again_when_sent(qtbot, make_frame, locked_vault):
    page = make_frame(locked_vault).centralWidget()
    qtbot.keyClicks(page.passphrase, "seven")
    page.passphrase.button.click()
    assert page.passphrase.echoMode() == QLineEdit.EchoMode.Normal
    page.button.click()
    assert page.passphrase.echoMode() == QLineEdit.EchoMode.Password
    qtbot.waitUntil(lambda: page.field.error() != "", timeout=10_000)


def test_time_asleep_counts_as_unused(qtbot):
    time = FrozenTime(datetime(2026, 11, 17, 9, 0, tzinfo=UTC))
    watch = IdleWatch(time)
    told = []
    watch.idle.connect(lambda: told.append(1))
    watch.set_minutes(5)
    watch.start()
    time.advance(minutes=4)
    watch.check()
    assert not told
    time.advance(hours=8)
    watch.check()
    watch.check()
    assert told == [1]


def test_nothing_secret_is_in_the_settings(make_frame, locked_vault, settings, qtbot):
    frame = make_frame(locked_vault)
    unlock(qtbot, frame)
    frame.close()
    stored = json.dumps(settings._values)
    assert OPENS not in stored
    assert "Merrow" not in stored
    assert frame_shape.SMALLEST == (640, 360)
