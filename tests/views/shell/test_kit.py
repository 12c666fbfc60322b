"""The widgets pages are made of."""

from datetime import date

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QListView, QVBoxLayout, QWidget

from app.views.kit.buttons import IconButton, PrimaryButton, QuietButton, hint_text
from app.views.kit.cards import Card, EmptyState, PageHeader
from app.views.kit.chips import Chip, SegmentedControl
from app.views.kit.date_field import DateField, parse_date
from app.views.kit.delegates import TwoLine, TwoLineDelegate
from app.views.kit.feedback import Banner, ProgressPanel, Toast
from app.views.kit.fields import Check, FormField, Radio, SearchField, Select
from app.views.kit.page_preview import PagePreview
from app.views.kit.rows import ROW_ROLE, RowModel
from app.views.kit.tags import StateTag
from app.views.kit.text import Link, Text
from app.views.theme import apply_theme
from app.views.tokens import CONTRAST, DARK, LIGHT
from tests.views.clipping import assert_nothing_clipped


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("17/11/2026", date(2026, 11, 17)),
        ("17.11.2026", date(2026, 11, 17)),
        ("2026-11-17", date(2026, 11, 17)),
        ("17 Nov 2026", date(2026, 11, 17)),
        ("Tuesday 17  November 2026", date(2026, 11, 17)),
        ("1st sept 2013", date(2013, 9, 1)),
        ("31/02/2026", None),
        ("11/17/2026", None),
        ("yesterday", None),
        ("", None),
        ("9" * 5000, None),
    ],
)
def test_a_date_is_understood_day_before_month_or_not_at_all(typed, meant):
    assert parse_date(typed) == meant


def test_a_date_field_shows_what_it_understood_in_words(qtbot):
    field = DateField("Born")
    qtbot.addWidget(field)
    seen = []
    field.date_changed.connect(seen.append)
    qtbot.keyClicks(field, "3/5/2013")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert field.value() == date(2013, 5, 3)
    assert field.text() == "3 May 2013"
    assert seen[-1] == date(2013, 5, 3)
    field.clear()
    qtbot.keyClicks(field, "nonsense")
    assert field.value() is None
    assert not field.is_blank()


def test_a_primary_button_shows_its_keys_and_answers_to_them(qtbot):
    page = QWidget()
    column = QVBoxLayout(page)
    button = PrimaryButton("New referral", "plus", "Ctrl+N")
    column.addWidget(button)
    qtbot.addWidget(page)
    page.show()
    assert hint_text("Ctrl+N") == "Ctrl N"
    assert hint_text("Ctrl+Return") == "Ctrl ↵"
    with qtbot.waitSignal(button.clicked):
        qtbot.keyClick(button, Qt.Key.Key_Space)
    assert button.sizeHint().width() > PrimaryButton("New referral", "plus").sizeHint().width()


def test_a_disabled_button_does_nothing(qtbot):
    button = QuietButton("Start")
    qtbot.addWidget(button)
    pressed = []
    button.clicked.connect(lambda: pressed.append(1))
    button.setEnabled(False)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not pressed


def test_an_icon_button_says_its_name(qtbot):
    button = IconButton("arrow-left", "Back", "Alt+Left")
    qtbot.addWidget(button)
    assert button.accessibleName() == "Back"
    assert "Back" in button.toolTip()


def test_segments_move_with_the_arrow_keys_and_say_what_is_chosen(qtbot):
    control = SegmentedControl([("a", "Chart"), ("b", "Table")], "View")
    qtbot.addWidget(control)
    with qtbot.waitSignal(control.chosen) as chosen:
        qtbot.keyClick(control, Qt.Key.Key_Right)
    assert chosen.args == ["b"]
    assert control.accessibleName() == "View: Table"
    control.set_value("a")
    assert control.value() == "a"


def test_a_filter_chip_is_removed_with_delete_or_a_click(qtbot):
    chip = Chip("Officer: Dawn Ellery", removable=True)
    qtbot.addWidget(chip)
    removed = []
    chip.removed.connect(lambda: removed.append(1))
    qtbot.keyClick(chip, Qt.Key.Key_Delete)
    qtbot.mouseClick(chip, Qt.MouseButton.LeftButton)
    assert len(removed) == 2


def test_an_error_stands_beside_its_field_and_is_read_with_it(qtbot):
    line = QLineEdit()
    field = FormField("UPN", line, "13 characters")
    qtbot.addWidget(field)
    field.show()
    assert field.error() == ""
    field.set_error("Check for a missing digit.")
    assert field.error() == "Check for a missing digit."
    assert line.accessibleName() == "UPN"
    assert line.accessibleDescription() == "Check for a missing digit."
    assert line.property("invalid") is True
    field.set_error("")
    assert line.accessibleDescription() == "13 characters"
    assert line.property("invalid") is False


def test_a_choice_is_not_changed_by_the_wheel_unless_it_has_the_focus(qtbot):
    choice = Select("Served by")
    choice.addItems(["Post", "By hand"])
    qtbot.addWidget(choice)
    choice.show()
    event = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(0, -120), QPoint(0, -120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(choice, event)
    assert choice.currentIndex() == 0


def test_a_search_line_clears_on_escape_and_moves_down(qtbot):
    line = SearchField("Find a template")
    qtbot.addWidget(line)
    qtbot.keyClicks(line, "first")
    with qtbot.waitSignal(line.moved_down):
        qtbot.keyClick(line, Qt.Key.Key_Down)
    qtbot.keyClick(line, Qt.Key.Key_Escape)
    assert line.text() == ""


def test_a_state_is_always_an_icon_and_a_word(qtbot):
    tag = StateTag("overdue", "1 day over")
    qtbot.addWidget(tag)
    assert tag.accessibleName() == "1 day over"
    with pytest.raises(KeyError):
        tag.set_state("purple", "x")


def test_a_link_is_reached_and_started_with_the_keyboard(qtbot):
    link = Link("Open tray")
    qtbot.addWidget(link)
    assert link.focusPolicy() & Qt.FocusPolicy.TabFocus
    with qtbot.waitSignal(link.activated):
        qtbot.keyClick(link, Qt.Key.Key_Return)


def test_markup_in_a_label_is_shown_not_followed(qtbot):
    label = Text("<b>Isla</b>")
    qtbot.addWidget(label)
    assert label.textFormat() == Qt.TextFormat.PlainText


def test_a_banner_offers_what_can_be_done(qtbot):
    done = []
    banner = Banner(
        "warn", "No address.", [("Add her address", lambda: done.append(1))], title="1 thing", closable=True
    )
    qtbot.addWidget(banner)
    banner.show()
    link = banner.findChild(Link)
    link.activated.emit()
    assert done == [1]
    with qtbot.waitSignal(banner.closed):
        banner.findChild(IconButton).click()
    assert not banner.isVisible()


def test_a_toast_undoes_and_goes(qtbot):
    page, undone = QWidget(), []
    page.resize(600, 300)
    qtbot.addWidget(page)
    page.show()
    toast = Toast(page, "Case closed.", lambda: undone.append(1))
    toast.popup()
    assert page.rect().contains(toast.geometry())
    toast.undo_button.click()
    assert undone == [1]
    qtbot.waitUntil(lambda: not page.findChildren(Toast))


def test_progress_counts(qtbot):
    panel = ProgressPanel("Getting your cases", cancellable=True)
    qtbot.addWidget(panel)
    panel.set_progress(1200, 10_000)
    assert panel.count.text() == "1,200 of 10,000"
    assert panel.bar.maximum() == 10_000


def test_rows_keep_to_the_model_rules(qtbot, qtmodeltester):
    model = RowModel(lambda row: f"{row.title}, {row.detail}")
    rows = [TwoLine("Isla Merrow", "Year 5"), TwoLine("Zofia Halewicz", "Year 8")]
    model.set_rows(rows)
    qtmodeltester.check(model)
    assert model.index(0).data() == "Isla Merrow, Year 5"
    assert model.index(1).data(Qt.ItemDataRole.AccessibleTextRole) == "Zofia Halewicz, Year 8"
    assert model.index(1).data(ROW_ROLE) is rows[1]
    model.set_rows([])
    assert model.rowCount() == 0


def pages(count: int) -> list[QImage]:
    made = []
    for _ in range(count):
        image = QImage(210, 297, QImage.Format.Format_RGB32)
        image.fill(Qt.GlobalColor.white)
        made.append(image)
    return made


def test_pages_are_shown_zoomed_marked_and_clicked(qtbot):
    view = PagePreview()
    qtbot.addWidget(view)
    view.resize(400, 500)
    view.show()
    view.set_pages(pages(3))
    assert view.page_count() == 3
    view.set_marks([(0, 0.1, 0.1, 0.2, 0.05), (9, 0, 0, 1, 1)])
    view.set_zoom(100)
    assert view.zoom() == 100
    view.step_zoom(1)
    assert view.zoom() == 120
    view.set_zoom(100_000)
    assert view.zoom() == 400
    seen = []
    view.page_changed.connect(seen.append)
    view.set_zoom(100)
    view.show_page(2)
    assert seen
    assert seen[-1] == 2


@pytest.mark.parametrize("tokens", [LIGHT, DARK, CONTRAST], ids=lambda tokens: tokens.name)
@pytest.mark.parametrize("scale", [100, 150])
def test_everything_fits_in_every_theme_and_text_size_and_follows_a_change(qtbot, qapp, tokens, scale):
    page = QWidget()
    column = QVBoxLayout(page)
    column.addWidget(PageHeader("Today", "Tuesday 17 November 2026", [PrimaryButton("New referral", "plus", "Ctrl+N")]))
    card = Card("Clocks", "7 of your 31 cases", QuietButton("All clocks"))
    inner = card.padded()
    for control in (Check("How to reply"), Radio("Same"), StateTag("due", "Due today"), Chip("Notes")):
        inner.addWidget(control)
    inner.addWidget(FormField("Reply by", DateField("Reply by", date(2026, 12, 4)), "At least 15 days", "Too soon."))
    inner.addWidget(EmptyState("Nothing is due this week."))
    model = RowModel(lambda row: row.title)
    model.set_rows([TwoLine("Isla Merrow", "Year 5", "file-text", "2 pages", "overdue", "1 day over")])
    view = QListView()
    view.setModel(model)
    view.setItemDelegate(TwoLineDelegate(lambda row: row, view))
    view.setCurrentIndex(model.index(0))
    inner.addWidget(view)
    column.addWidget(card)
    qtbot.addWidget(page)
    page.resize(1000, 1000)
    page.show()
    before = page.grab().toImage().pixelColor(2, 2)
    apply_theme(qapp, tokens, scale)
    qtbot.wait(20)
    assert_nothing_clipped(page)
    after = page.grab().toImage().pixelColor(2, 2)
    assert (before == after) == (tokens is LIGHT)


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space])
def test_a_button_is_pressed_with_enter_as_with_space(qtbot, key):
    button = QuietButton("Save")
    qtbot.addWidget(button)
    button.show()
    with qtbot.waitSignal(button.clicked, timeout=1000):
        qtbot.keyClick(button, key)


def test_enter_with_control_is_left_to_the_page(qtbot):
    button = QuietButton("Save")
    qtbot.addWidget(button)
    button.show()
    with qtbot.assertNotEmitted(button.clicked):
        qtbot.keyClick(button, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
