"""Locking drops everything: keys, connections, pages, floating windows, pictures and what was copied."""

import gc
import sys
import weakref
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QPixmap, QPixmapCache
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDialog,
    QLineEdit,
    QMenu,
    QMessageBox,
    QToolTip,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.policy import policy
from app.services import forgetting
from app.services.vault import Vault
from app.services.vault.keys import DataKeys
from app.services.workspace import Workspace
from app.views import clipboard, screen_capture
from app.views.case.inline_form import InlineForm
from app.views.clipboard import HINTS, OURS, ClipboardGuard
from app.views.frame import Frame
from app.views.laptop_card import LaptopCard
from app.views.main_window import MainWindow
from app.views.session_lock_windows import what_is_asked
from app.views.settings_page import SettingsPage
from app.views.unlock_page import UnlockPage
from tests.views.clipping import assert_nothing_clipped
from tests.views.shell.framing import unlock
from tests.views.shell.test_frame import words_on_screen

MakeFrame = Callable[[Path], Frame]


def lock(qtbot: QtBot, frame: Frame) -> None:
    with qtbot.waitSignal(frame.dropped, timeout=10_000):
        frame.lock()


def open_files(folder: Path) -> list[str]:
    """Return the files of a folder that this process holds open."""
    held = []
    for each in Path("/proc/self/fd").iterdir():
        try:
            name = str(each.readlink())
        except OSError:
            continue
        if name.startswith(str(folder)):
            held.append(Path(name.removesuffix(" (deleted)")).name)
    return sorted(held)


def living(kind: type) -> list[Any]:
    gc.collect()
    return [found for found in gc.get_objects() if type(found) is kind]


def test_no_vault_workspace_key_or_page_outlives_the_lock(qtbot, make_frame: MakeFrame, locked_vault) -> None:
    before = {kind: len(living(kind)) for kind in (Vault, Workspace, MainWindow)}
    frame = make_frame(locked_vault)
    window = unlock(qtbot, frame)
    opened = frame.opened
    assert opened is not None
    case_id = window.page().clock_model.rows()[1].line.case_id
    for route, arguments in (("cases", {}), ("case", {"case_id": case_id}), ("letter", {"case_id": case_id})):
        window.navigate(route, **arguments)
        qtbot.waitUntil(lambda: frame.runner.pending_count() == 0, timeout=10_000)
    opened.ws.documents  # noqa: B018  (opens the second database)
    engine = opened.vault.engine
    watched = [weakref.ref(each) for each in (opened, opened.vault, opened.ws, engine, window, window.page())]
    keys = opened.vault.keys
    key = keys.cases
    del opened, engine, window, keys
    lock(qtbot, frame)
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert [ref() for ref in watched] == [None] * len(watched)
    assert {kind: len(living(kind)) for kind in before} == before
    assert living(DataKeys) == []
    holders = [each for each in gc.get_referrers(key) if each is not sys._getframe() and not _is_frame(each)]
    assert holders == []


def _is_frame(each: object) -> bool:
    return type(each).__name__ in ("frame", "list_iterator", "list")


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_the_databases_are_closed_and_what_was_saved_a_moment_ago_is_whole(
    qtbot,
    make_frame: MakeFrame,
    locked_vault,
) -> None:
    frame = make_frame(locked_vault)
    unlock(qtbot, frame)
    opened = frame.opened
    assert opened is not None
    opened.ws.documents  # noqa: B018  (opens the second database)
    held = open_files(locked_vault)
    assert "cases.db" in held
    assert "documents.db" in held
    finished: list[int] = []
    opened_ws = opened.ws

    def slow_write(ws: Workspace = opened_ws) -> None:
        with ws.local_session() as session:
            session.connection().exec_driver_sql("SELECT count(*) FROM sqlite_master")
            finished.append(1)

    frame.runner.run(frame, slow_write, lambda _none: None)
    del opened
    lock(qtbot, frame)
    assert finished == [1]
    assert open_files(locked_vault) == []


def test_locking_is_audited_and_a_disk_that_is_full_does_not_stop_it(
    qtbot,
    make_frame: MakeFrame,
    locked_vault,
    monkeypatch,
) -> None:
    from sqlalchemy import select

    from app.models import AuditEntry

    frame = make_frame(locked_vault)
    unlock(qtbot, frame)
    lock(qtbot, frame)
    window = unlock(qtbot, frame)
    with window.context.ws.read() as session:
        assert "locked" in session.scalars(select(AuditEntry.action)).all()

    def full(*_given: object, **_named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Workspace, "audit", full)
    del window
    lock(qtbot, frame)
    assert frame.opened is None


def test_nothing_floats_over_a_locked_window(qtbot, qapp, make_frame: MakeFrame, locked_vault) -> None:
    frame = make_frame(locked_vault)
    window = unlock(qtbot, frame)
    window.toggle_help()
    window.open_palette()
    menu = QMenu("Isla Merrow", window)
    menu.addAction("Isla Merrow")
    menu.popup(window.mapToGlobal(window.rect().center()))
    orphan = QMenu()
    orphan.addAction("Isla Merrow")
    orphan.popup(window.mapToGlobal(window.rect().center()))
    outer = QDialog(window)
    inner = QMessageBox(outer)
    inner.setText("Isla Merrow")
    for dialog in (outer, inner):
        dialog.open()
    stubborn = StubbornDialog(window)
    stubborn.open()
    choice = QComboBox(window)
    choice.addItems(["Isla Merrow"])
    choice.show()
    choice.showPopup()
    QToolTip.showText(window.mapToGlobal(window.rect().center()), "Isla Merrow", window)
    key = QPixmapCache.insert("a page of Isla's", QPixmap(10, 10))
    assert key
    frame.lock()
    qtbot.waitUntil(lambda: not frame.findChildren(MainWindow))
    shown = [top for top in qapp.topLevelWidgets() if top.isVisible() and top is not frame]
    assert [words_on_screen(top) for top in shown if "Merrow" in words_on_screen(top)] == []
    assert [type(top).__name__ for top in shown] == []
    assert isinstance(frame.centralWidget(), UnlockPage)
    assert frame.windowTitle() == "Rollcall"
    assert not QPixmapCache.find("a page of Isla's", QPixmap())
    assert not QToolTip.isVisible() or not QToolTip.text()


class StubbornDialog(QDialog):
    """Does not want to close."""

    def closeEvent(self, event: QEvent) -> None:  # noqa: N802
        event.ignore()


def test_two_frames_in_one_program_lock_each_for_itself(
    qtbot,
    make_frame: MakeFrame,
    locked_vault,
    make_vault,
) -> None:
    first = make_frame(locked_vault)
    unlock(qtbot, first)
    dialog = QDialog(first)
    dialog.open()
    other = make_vault("second")
    other.close()
    second = make_frame(other.folder)
    unlock(qtbot, second)
    second.lock()
    assert dialog.isVisible()
    assert first.opened is not None
    first.lock()
    assert not dialog.isVisible()


# What is typed


def test_words_typed_a_moment_before_the_lock_are_back_on_the_same_page(
    qtbot,
    make_frame: MakeFrame,
    locked_vault,
) -> None:
    frame = make_frame(locked_vault)
    window = unlock(qtbot, frame)
    case_id = window.page().clock_model.rows()[1].line.case_id
    window.navigate("case", case_id=case_id)
    qtbot.waitUntil(lambda: frame.runner.pending_count() == 0, timeout=10_000)
    composer = window.page().timeline.composer
    composer.begin()
    qtbot.keyClicks(composer.editor, "Nobody answered, the curtains")
    lock(qtbot, frame)
    window = unlock(qtbot, frame)
    assert window.route() == "case"
    assert window.place().arguments["case_id"] == case_id
    qtbot.waitUntil(lambda: window.page().timeline.composer.editor.toPlainText() != "", timeout=10_000)
    assert window.page().timeline.composer.editor.toPlainText() == "Nobody answered, the curtains"


def test_a_form_half_filled_in_is_said_to_be_kept_and_comes_back_when_it_is_opened_again(
    qtbot, make_frame: MakeFrame, locked_vault
) -> None:
    frame = make_frame(locked_vault)
    window = unlock(qtbot, frame)
    case_id = window.page().clock_model.rows()[1].line.case_id
    quiet = lambda: qtbot.waitUntil(lambda: frame.runner.pending_count() == 0, timeout=10_000)  # noqa: E731
    window.navigate("case", case_id=case_id)
    quiet()
    window.page().choose_tab("enquiries")
    window.page().actions_of.book_visit()
    form = window.page().findChild(InlineForm)
    quiet()
    qtbot.keyClicks(form.widgets["place"], "Behind the chapel")
    form.widgets["due_on"].selectAll()
    qtbot.keyClicks(form.widgets["due_on"], "19 Nov")
    del form
    lock(qtbot, frame)
    window = unlock(qtbot, frame)
    quiet()
    assert window.page().strip.current == "enquiries"
    assert "Not finished: Book a visit." in words_on_screen(window.page())
    window.page().actions_of.book_visit()
    form = window.page().findChild(InlineForm)
    quiet()
    assert form.value("place").endswith("Behind the chapel")
    assert form.widgets["due_on"].text() == "19 Nov"
    assert "What you had typed is back." in words_on_screen(form)
    form.cancelled.emit()
    quiet()
    window.page().read_again()
    quiet()
    assert "Not finished" not in words_on_screen(window.page())


@pytest.mark.parametrize(
    ("route", "arguments", "field", "typed"),
    [
        ("letter", {"template": "L01"}, "field_last_school", "Saltmarsh Juniors"),
        ("referral", {}, "answer_contact", "01632 960817"),
        ("correspondence", {}, "sender", "Saltenby Academy"),
    ],
)
def test_a_page_half_filled_in_is_back_as_it_was(
    qtbot, make_frame: MakeFrame, locked_vault, route: str, arguments: dict[str, Any], field: str, typed: str
) -> None:
    frame = make_frame(locked_vault)
    window = unlock(qtbot, frame)
    if route == "letter":
        arguments = {**arguments, "case_id": window.page().clock_model.rows()[1].line.case_id}

    def line() -> QLineEdit | None:
        page = frame.window_page.page() if frame.window_page is not None else None
        found = page.findChild(QLineEdit, field) if page is not None else None
        return found if found is not None and found.isVisible() and not frame.runner.pending_count() else None

    window.navigate(route, **arguments)
    qtbot.waitUntil(lambda: line() is not None, timeout=15_000)
    line().clear()
    qtbot.keyClicks(line(), typed)
    lock(qtbot, frame)
    window = unlock(qtbot, frame)
    assert window.route() == route
    qtbot.waitUntil(lambda: line() is not None and line().text() == typed, timeout=15_000)


def test_somebody_else_does_not_come_back_to_that_page(qtbot, make_frame: MakeFrame, locked_vault) -> None:
    frame = make_frame(locked_vault)
    window = unlock(qtbot, frame)
    window.navigate("cases")
    qtbot.waitUntil(lambda: frame.runner.pending_count() == 0, timeout=10_000)
    lock(qtbot, frame)
    frame._was_at = ("another person", frame._was_at[1])
    assert unlock(qtbot, frame).route() == "today"


def test_a_lock_while_unlocking_ends_locked(qtbot, make_frame: MakeFrame, locked_vault) -> None:
    from tests.conftest import PASSPHRASE

    frame = make_frame(locked_vault)
    page = frame.centralWidget()
    qtbot.keyClicks(page.passphrase, PASSPHRASE)
    with qtbot.waitSignal(frame.dropped, timeout=10_000):
        page.button.click()
        frame.lock()
    assert frame.opened is None
    assert isinstance(frame.centralWidget(), UnlockPage)
    assert unlock(qtbot, frame).route() == "today"


def test_ctrl_l_locks(qtbot, make_frame: MakeFrame, locked_vault) -> None:
    frame = make_frame(locked_vault)
    window = unlock(qtbot, frame)
    frame.activateWindow()
    with qtbot.waitSignal(frame.locked):
        qtbot.keyClick(window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)


def test_the_title_names_a_case_by_its_reference(qtbot, make_frame: MakeFrame, locked_vault) -> None:
    frame = make_frame(locked_vault)
    window = unlock(qtbot, frame)
    line = window.page().clock_model.rows()[1].line
    for route in ("case", "letter"):
        window.navigate(route, case_id=line.case_id)
        qtbot.waitUntil(lambda: frame.runner.pending_count() == 0, timeout=10_000)
        for word in line.child.split():
            assert word not in frame.windowTitle()
    window.navigate("case", case_id=line.case_id)
    qtbot.waitUntil(lambda: frame.windowTitle().startswith("CME-2026-"), timeout=10_000)


# The clipboard


class Guard(ClipboardGuard):
    """Off screen there are no other programs; this says whether one has taken the clipboard."""

    ours = True

    def owns(self, mode: Any) -> bool:
        return self.ours and bool(self._board.mimeData(mode) and self._board.mimeData(mode).formats())


@pytest.fixture
def guard(qapp: QApplication) -> Guard:
    return Guard(qapp)


def test_what_a_field_copies_is_marked_and_goes_after_half_a_minute(qtbot, qapp, guard: Guard) -> None:
    board = qapp.clipboard()
    field = QLineEdit("Isla Merrow")
    qtbot.addWidget(field)
    field.selectAll()
    field.copy()
    assert board.text() == "Isla Merrow"
    assert [name for name in HINTS if not board.mimeData().hasFormat(name)] == []
    timer = guard._timers[board.Mode.Clipboard]
    assert timer.isActive()
    assert timer.interval() == policy().clipboard_seconds * 1000 == 30_000
    timer.timeout.emit()
    assert board.text() == ""


def test_what_another_program_put_there_since_stays(qapp, guard: Guard) -> None:
    clipboard.copy("Isla Merrow")
    guard.ours = False
    qapp.clipboard().setText("from elsewhere")
    assert not guard._timers[qapp.clipboard().Mode.Clipboard].isActive()
    guard.clear_now()
    assert qapp.clipboard().text() == "from elsewhere"


def test_windows_histories_are_asked_in_the_words_that_windows_knows() -> None:
    marked = clipboard._marked("x")
    name = 'application/x-qt-windows-mime;value="ExcludeClipboardContentFromMonitorProcessing"'
    assert marked.hasFormat(name)
    assert bytes(
        marked.data(name.replace("ExcludeClipboardContentFromMonitorProcessing", "CanIncludeInClipboardHistory")).data()
    ) == bytes(4)
    assert bytes(marked.data("x-kde-passwordManagerHint").data()) == b"secret"


def test_a_lock_and_the_end_clear_the_clipboard(qtbot, qapp, make_frame: MakeFrame, locked_vault) -> None:
    frame = make_frame(locked_vault)
    unlock(qtbot, frame)
    frame._clipboard = Guard(frame)
    clipboard.copy("Isla Merrow")
    assert qapp.clipboard().mimeData().hasFormat(OURS)
    frame.lock()
    assert qapp.clipboard().text() == ""
    clipboard.copy("Isla Merrow")
    frame.shut_down()
    assert qapp.clipboard().text() == ""


# Memory


def test_caches_that_may_hold_words_are_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    from app.models import folding

    @lru_cache(maxsize=8)
    def greet(name: str) -> str:
        return f"Dear {name}"

    class Holder:
        @staticmethod
        @lru_cache(maxsize=8)
        def inside(name: str) -> str:
            return name

    Holder.__module__ = folding.__name__
    monkeypatch.setattr(folding, "greet", greet, raising=False)
    monkeypatch.setattr(folding, "Holder", Holder, raising=False)
    greet("Isla Merrow")
    Holder.inside("Isla Merrow")
    assert forgetting.forget_words() >= 2
    assert greet.cache_info().currsize == Holder.inside.cache_info().currsize == 0


# The machine


@pytest.mark.parametrize(
    ("message", "w_param", "asked"),
    [(0x02B1, 7, "lock"), (0x02B1, 8, ""), (0x02B1, 2, "lock"), (0x02B1, 4, "lock"), (0x02B1, 1, ""),
     (0x02B1, 6, "lock"),
     (0x0218, 4, "sleep"), (0x0218, 7, ""), (0x0218, 0x12, ""), (0x0011, 0, "sleep"), (0x0100, 7, "")],
)  # fmt: skip
def test_windows_messages_are_understood(message: int, w_param: int, asked: str) -> None:
    assert what_is_asked(message, w_param) == asked


def test_screen_capture_is_prevented_where_the_system_can_and_the_policy_asks(
    qapp, qtbot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[int, int]] = []

    class User32:
        @staticmethod
        def SetWindowDisplayAffinity(handle: Any, how: Any) -> int:  # noqa: N802
            asked.append((handle.value, how.value))
            return int(how.value == 1)  # an older Windows, which knows only the second way

    monkeypatch.setattr(screen_capture, "_library", lambda _name: User32)
    monkeypatch.setattr(screen_capture, "can_exclude", lambda: True)
    assert screen_capture.start(qapp) is None  # nobody asks
    (tmp_path / "policy.toml").write_text('screen_capture = "excluded"')
    monkeypatch.setenv("ROLLCALL_POLICY", str(tmp_path / "policy.toml"))
    policy.cache_clear()
    try:
        guard = screen_capture.start(qapp)
        assert guard is not None
        window = QWidget()
        qtbot.addWidget(window)
        window.show()
        handle = int(window.winId())
        assert asked[-2:] == [(handle, 0x11), (handle, 0x1)]
        qapp.removeEventFilter(guard)
    finally:
        policy.cache_clear()


# What the settings page says


@pytest.fixture
def managed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "policy.toml").write_text(
        'lock_minutes_most = 3\nservers = ["https://cme.marlshire.example"]\noffline_days = "x"\n'
    )
    monkeypatch.setenv("ROLLCALL_POLICY", str(tmp_path / "policy.toml"))
    policy.cache_clear()
    yield
    policy.cache_clear()


@pytest.mark.usefixtures("managed")
def test_the_settings_say_what_it_has_set_and_offer_no_more(qtbot, context) -> None:
    page = SettingsPage(context)
    qtbot.addWidget(page)
    page.resize(900, 1100)
    page.show()
    page.open()
    offered = [page.lock_minutes.itemData(place) for place in range(page.lock_minutes.count())]
    assert offered == [1, 2, 3]
    words = words_on_screen(page)
    assert words.count("Set by your organisation") == 2
    assert "https://cme.marlshire.example" in words
    assert "offline_days must be a whole number from 1 to 365. Until then it counts as 14." in words
    page.reset.click()
    assert context.settings.get("lock_minutes") == 3
    assert_nothing_clipped(page)


def test_without_a_policy_the_settings_say_so(qtbot) -> None:
    card = LaptopCard()
    qtbot.addWidget(card)
    assert "Your organisation has set nothing here." in words_on_screen(card)
    assert card.findChild(QWidget, "policy_problems") is None
