"""Moving about in the opened window with the keyboard; what it says and to whom."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from app.errors import EnvironmentFault, UserError
from app.models import CaseRow
from app.services.sync.status import SyncState, SyncStatus
from app.views.errors_shown import describe
from app.views.kit.feedback import Banner, Toast
from app.views.kit.rows import ROW_ROLE
from app.views.main_window import MainWindow
from app.views.palette import Palette
from app.views.sync_pill import SyncPopover
from app.views.theme import apply_theme
from app.views.tokens import CONTRAST, DARK, LIGHT
from tests.views.clipping import assert_nothing_clipped

SHELL_ROUTES = ("today", "settings")


def open_palette(qtbot, window) -> Palette:
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    popup = QApplication.activePopupWidget()
    assert isinstance(popup, Palette)
    return popup


def raised(error: Exception) -> Exception:
    """Return an error with a traceback, as code that failed has."""
    try:
        raise error
    except type(error) as caught:
        return caught


def names_in(palette: Palette) -> list[str]:
    return [row.command.name for row in palette.model.rows() if row.command is not None]


def test_today_opens_first_and_is_lit_on_the_rail(window):
    assert window.route() == "today"
    assert window.rail.main.currentIndex().data(ROW_ROLE).route == "today"


def test_the_window_is_named_after_the_page(qtbot, window):
    with qtbot.waitSignal(window.title_changed) as said:
        window.navigate("settings")
    assert said.args[0].startswith("Settings")


def test_ctrl_and_a_figure_open_the_rail_in_order(qtbot, window):
    place = [window.rail.route_at(n) for n in range(1, 10)].index("settings") + 1
    qtbot.keyClick(window, Qt.Key(Qt.Key.Key_0 + place), Qt.KeyboardModifier.ControlModifier)
    assert window.route() == "settings"


def test_back_and_forward_follow_where_the_person_has_been(qtbot, window):
    window.navigate("settings")
    qtbot.keyClick(window, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert window.route() == "today"
    assert not window.top_bar.back.isEnabled()
    qtbot.keyClick(window, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert window.route() == "settings"
    window.back()
    window.navigate("settings")
    assert not window.top_bar.forward.isEnabled()


def test_going_where_one_is_adds_nothing_to_the_history(window):
    window.navigate("today")
    assert not window.top_bar.back.isEnabled()


def test_a_page_this_role_may_not_see_is_neither_on_the_rail_nor_opened(window):
    assert window.rail.route_at(1) == "today"
    assert "team" not in [window.rail.route_at(n) for n in range(1, 12)]
    window.navigate("team")
    assert window.route() == "today"


def test_the_arrow_keys_walk_the_rail_over_headings_and_enter_opens(qtbot, window):
    window.rail.main.setFocus()
    rows = window.rail.main.model().rowCount()
    for _ in range(rows):
        qtbot.keyClick(window.rail.main, Qt.Key.Key_Down)
    assert window.rail.foot.hasFocus()
    seen = window.rail.foot.currentIndex().data(ROW_ROLE)
    assert seen.route == "sync"
    qtbot.keyClick(window.rail.foot, Qt.Key.Key_Down)
    qtbot.keyClick(window.rail.foot, Qt.Key.Key_Return)
    assert window.route() == "settings"


def test_f6_visits_every_part_of_the_window_and_comes_round(qtbot, window):
    seen = []
    for _ in range(8):
        qtbot.keyClick(window, Qt.Key.Key_F6)
        seen.append(QApplication.focusWidget())
    assert window.rail.main in seen
    assert window.top_bar.command in seen
    assert window.page().clocks in seen
    assert len(set(seen)) < len(seen)


def test_the_palette_finds_a_child_by_the_start_of_a_name_and_opens_the_case(qtbot, window, settled, monkeypatch):
    asked = []
    monkeypatch.setattr(window.context, "navigate", lambda route, **given: asked.append((route, given)))
    palette = open_palette(qtbot, window)
    qtbot.keyClicks(palette.line, "merr")
    qtbot.waitUntil(lambda: "Isla Merrow" in names_in(palette))
    assert palette.list.currentIndex().data(ROW_ROLE).command.name == "Isla Merrow"
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(asked))
    assert asked[0][0] == "case"
    assert set(asked[0][1]) == {"case_id"}


def test_a_quick_enter_opens_what_was_typed_and_never_a_recent_case(qtbot, window, settled, monkeypatch):
    asked = []
    monkeypatch.setattr(window.context, "navigate", lambda route, **given: asked.append(given["case_id"]))
    palette = open_palette(qtbot, window)
    qtbot.waitUntil(lambda: "Isla Merrow" in names_in(palette))
    shown = palette.list.currentIndex().data(ROW_ROLE).command.name
    typed = "Torabel" if shown != "Mina Torabel" else "Merrow"
    qtbot.keyClicks(palette.line, typed)
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(asked))
    with window.context.ws.read() as session:
        assert typed in session.get_one(CaseRow, asked[0]).child_name


def test_the_palette_runs_commands_and_shows_their_keys(qtbot, window, sync):
    palette = open_palette(qtbot, window)
    qtbot.keyClicks(palette.line, "sync n")
    assert names_in(palette) == ["Sync now"]
    assert "Ctrl Shift Y" in palette.list.currentIndex().data()
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: sync.asked == 1)


def test_the_palette_moves_with_the_arrows_and_closes_on_escape(qtbot, window):
    palette = open_palette(qtbot, window)
    qtbot.waitUntil(lambda: len(names_in(palette)) > 4)
    first = palette.list.currentIndex().row()
    qtbot.keyClick(palette.line, Qt.Key.Key_Down)
    assert palette.list.currentIndex().row() > first
    qtbot.keyClick(palette.line, Qt.Key.Key_Up)
    assert palette.list.currentIndex().row() == first
    qtbot.keyClicks(palette.line, "zzzz")
    assert names_in(palette) == []
    qtbot.keyClick(palette.line, Qt.Key.Key_Escape)
    assert palette.line.text() == ""
    qtbot.keyClick(palette.line, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: QApplication.activePopupWidget() is None)


def test_every_command_of_the_palette_is_spoken(qtbot, window, settled, qtmodeltester):
    palette = open_palette(qtbot, window)
    settled()
    qtmodeltester.check(palette.model)
    for row in range(palette.model.rowCount()):
        assert palette.model.index(row).data(Qt.ItemDataRole.AccessibleTextRole)
    palette.close()


def test_the_pill_follows_sync_from_any_thread_in_words(qtbot, window, sync):
    pill = window.top_bar.pill
    assert pill.words() == "Offline · 7 changes kept"
    sync.say(SyncStatus(SyncState.SYNCING, 7, done_count=3, total_count=7))
    qtbot.waitUntil(lambda: pill.words() == "Syncing 3 of 7")
    sync.say(SyncStatus(SyncState.REVIEW, review_count=2))
    qtbot.waitUntil(lambda: pill.words() == "2 changes to review")
    assert pill.accessibleName() == "Sync: 2 changes to review"


def test_the_popover_explains_and_syncs_now(qtbot, window, sync):
    window.top_bar.pill.click()
    popover = QApplication.activePopupWidget()
    assert isinstance(popover, SyncPopover)
    assert_nothing_clipped(popover)
    popover.now_button.click()
    assert sync.asked == 1


def test_help_opens_at_the_side_and_escape_closes_it(qtbot, window):
    qtbot.keyClick(window, Qt.Key.Key_F1)
    assert window.help.isVisible()
    assert "overdue first" in window.help.words.toPlainText()
    qtbot.keyClick(window, Qt.Key.Key_Slash, Qt.KeyboardModifier.ControlModifier)
    assert "Ctrl K" in window.help.words.toPlainText()
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.help.isVisible()


def test_in_a_narrow_window_help_stands_alone(qtbot, window):
    window.resize(800, 600)
    window.toggle_help()
    assert not window.stack.isVisible()
    window.close_help()
    assert window.stack.isVisible()


def test_ctrl_l_asks_to_lock(qtbot, window):
    with qtbot.waitSignal(window.lock_asked):
        qtbot.keyClick(window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)


def test_an_unexpected_error_is_calm_has_a_reference_and_quotes_nothing(window, caplog):
    window.show_error(raised(KeyError("Isla Merrow")))
    banner = window.findChild(Banner, "error_banner")
    words = banner.label.text()
    assert "Your work is kept" in words
    assert "Isla" not in words
    assert "reference" in words
    window.clear_error()


def test_what_a_person_can_put_right_is_said_in_its_own_words(window):
    assert describe(UserError("Enter a date.")).text == "Enter a date."
    assert describe(UserError("Enter a date.")).details == ""
    assert describe(EnvironmentFault("You are offline.")).kind == "offline"


def test_details_for_it_hold_where_and_never_what(window):
    shown = describe(raised(ValueError("Q999401723006")))
    assert "ValueError" in shown.details
    assert "test_main_window.py" in shown.details
    assert "Q9994" not in shown.details


def test_a_page_that_cannot_open_leaves_the_one_before(window, monkeypatch):
    def broken(*_given):
        raise RuntimeError("no")

    monkeypatch.setattr("app.views.pages.build", broken)
    window.navigate("settings")
    assert window.route() == "today"
    assert window.findChild(Banner, "error_banner") is not None


def test_one_toast_at_a_time(qtbot, window):
    window.context.toast("One", None)
    window.context.toast("Two", None)
    qtbot.waitUntil(lambda: len(window.findChildren(Toast)) == 1)


def test_badges_count_what_needs_this_person(window, settled):
    settled()
    counts = {row.route: row.count for row in window.rail._models[0].rows()}
    assert counts["correspondence"] == 3
    index = next(i for i, row in enumerate(window.rail._models[0].rows()) if row.route == "correspondence")
    assert window.rail._models[0].index(index).data(Qt.ItemDataRole.AccessibleTextRole) == "Correspondence, 3 new"


CONTROLS = (QAbstractButton, QAbstractItemView, QLineEdit, QComboBox, QPlainTextEdit, QTextEdit)


def nameless(root: QWidget) -> list[str]:
    """Return every control that takes the focus and has neither words nor an accessible name."""
    return [
        f"{type(widget).__name__} {widget.objectName()}"
        for widget in root.findChildren(QWidget)
        if isinstance(widget, CONTROLS)
        and widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and not widget.accessibleName()
        and not (isinstance(widget, QAbstractButton) and widget.text())
    ]


@pytest.mark.parametrize("route", SHELL_ROUTES)
def test_every_control_has_a_name(window, route):
    window.navigate(route)
    window.toggle_help()
    assert nameless(window) == []


@pytest.mark.parametrize("route", SHELL_ROUTES)
@pytest.mark.parametrize(
    ("width", "height", "scale"),
    [
        (1440, 869, 100),
        (1280, 720, 115),
        (1100, 700, 130),
        (911, 512, 100),
        (911, 512, 130),
        (911, 512, 150),
        (640, 360, 100),
    ],
)
def test_nothing_is_cut_off(qapp, qtbot, window, settled, route, width, height, scale):
    apply_theme(qapp, LIGHT, scale)
    window.resize(width, height)
    window.navigate(route)
    settled()
    qtbot.wait(20)
    assert window.width() == width
    assert_nothing_clipped(window)


@pytest.mark.parametrize("tokens", [DARK, CONTRAST], ids=lambda tokens: tokens.name)
def test_the_theme_changes_at_once_everywhere(qapp, window, settled, tokens):
    before = window.grab().toImage()
    apply_theme(qapp, tokens)
    settled()
    after = window.grab().toImage()
    for spot in ((3, 400), (700, 20), (700, 850)):
        assert before.pixelColor(*spot) != after.pixelColor(*spot), spot
    assert_nothing_clipped(window)


def test_settings_apply_at_once_and_can_be_reset(qtbot, window, settings):
    window.navigate("settings")
    page = window.page()
    with qtbot.waitSignal(window.context.appearance_changed):
        qtbot.keyClick(page.theme, Qt.Key.Key_Right)
    assert settings.get("theme") == "light"
    page.reset.click()
    assert settings.get("theme") == "system"
    assert page.theme.value() == "system"


def test_the_rail_folds_to_icons_with_tooltips(window):
    assert not window.rail.is_narrow()
    window.resize(1000, 700)
    assert window.rail.is_narrow()
    assert isinstance(window, MainWindow)
