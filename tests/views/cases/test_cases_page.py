import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QMenu

from app.services import cases
from app.views.cases.case_table_model import PAGE_ROWS, CaseTableModel
from app.views.cases.cases_page import CasesPage
from app.views.cases.columns import COLUMNS, KEYS, due_words, when_words
from app.views.kit.chips import Chip
from app.views.kit.rows import ROW_ROLE
from tests.bench.data import fill
from tests.services.casework import add_child, open_isla

Q = Qt.Key


@pytest.fixture
def page(qtbot, context, scene, settled):
    made = CasesPage(context)
    qtbot.addWidget(made)
    made.resize(1400, 800)
    made.show()
    made.open()
    settled()
    yield made
    settled()


def names(page):
    return [page.model.row(number).name for number in range(page.model.rowCount())]


def chips(page):
    return [chip.text() for chip in page.findChildren(Chip) if chip.isVisible()]


def test_the_page_opens_on_my_open_cases_with_the_soonest_first(page):
    assert names(page) == ["Isla Merrow", "Finn Merrow"]
    assert page.head.title.text() == "My open cases"
    assert page.head.subtitle.text() == "2"
    assert chips(page) == ["Officer: Dawn Ellery"]
    assert page.table.currentIndex().row() == 0


def test_enter_opens_and_space_ticks(page, qtbot, went, scene):
    qtbot.keyClick(page.table, Q.Key_Space)
    assert page.model.ticked() == [scene.case_id]
    qtbot.keyClick(page.table, Q.Key_Space)
    assert page.model.ticked() == []
    qtbot.keyClick(page.table, Q.Key_Return)
    assert went[-1] == ("case", {"case_id": scene.case_id})


def test_ticked_cases_can_be_given_a_task_together(page, qtbot, context, settled, toasts, workspace):
    qtbot.keyClick(page.table, Q.Key_A, Qt.KeyboardModifier.ControlModifier)
    context.prompts.text = "Ring the surgery"
    qtbot.mouseClick(page.findChild(object, "bulk_task"), Qt.MouseButton.LeftButton)
    settled()
    assert toasts[-1][0] == "Task added to 2 cases"
    assert page.model.ticked() == []
    assert chips(page) == ["Officer: Dawn Ellery"]


def test_a_click_in_the_first_column_ticks_and_the_head_ticks_all(page, qtbot):
    cell = page.table.visualRect(page.model.index(1, 0)).center()
    qtbot.mouseClick(page.table.viewport(), Qt.MouseButton.LeftButton, pos=cell)
    assert len(page.model.ticked()) == 1
    assert page.table.head.ticks == Qt.CheckState.PartiallyChecked
    page.table.head.sectionClicked.emit(0)
    assert len(page.model.ticked()) == 2
    assert page.table.head.ticks == Qt.CheckState.Checked


def test_a_head_sorts_and_turns_round(page, settled):
    page.table.head.sectionClicked.emit(KEYS.index("child"))
    settled()
    assert names(page) == ["Finn Merrow", "Isla Merrow"]
    page.table.head.sectionClicked.emit(KEYS.index("child"))
    settled()
    assert names(page) == ["Isla Merrow", "Finn Merrow"]
    assert page.sort_button.text() == "Name, reversed"


def test_filters_narrow_count_and_clear(page, qtbot, settled):
    box = page.panel.findChild(object, "show_statutory")
    box.click()
    settled()
    assert names(page) == ["Isla Merrow"] or page.model.rowCount() == 0
    assert "Statutory clocks only" in chips(page)
    page.panel.clear.activated.emit()
    settled()
    assert names(page) == ["Isla Merrow", "Finn Merrow"]


def test_a_view_is_chosen_with_the_keyboard(page, qtbot, settled):
    views = page.panel.views
    views.setFocus()
    qtbot.keyClick(views, Q.Key_Down)
    qtbot.keyClick(views, Q.Key_Return)
    settled()
    assert page.head.title.text() == "Due this week"


def test_typing_finds_and_down_moves_into_the_table(page, qtbot, settled):
    page.find_here()
    qtbot.keyClicks(page.panel.search, "finn")
    settled()
    assert names(page) == ["Finn Merrow"]
    assert chips(page)[-1] == "“finn”"


def test_the_empty_state_names_the_filters_that_hide_everything(page, qtbot, settled, went):
    page.open(text="nobody at all")
    settled()
    assert page.empty.isVisible()
    assert page.empty.label.text() == "No case matches Officer: Dawn Ellery and “nobody at all”."
    qtbot.mouseClick(page.empty_action, Qt.MouseButton.LeftButton)
    settled()
    assert names(page) == ["Isla Merrow", "Finn Merrow"]


def test_nobody_with_cases_is_told_so_and_can_start_a_referral(qtbot, context, settled, went):
    page = CasesPage(context)
    qtbot.addWidget(page)
    page.show()
    page.open(view="mine")
    settled()
    assert page.empty.label.text() == "You have no open cases."
    qtbot.mouseClick(page.empty_action, Qt.MouseButton.LeftButton)
    assert went[-1][0] == "referral"


def test_a_change_elsewhere_shows_without_losing_the_place(page, workspace, settled, scene):
    page.table.go_to(1)
    cases.add_note(workspace, scene.case_id, text="Seen by a neighbour")
    settled()
    assert page.model.row(0).last_activity == "Seen by a neighbour"
    assert page.model.row(page.table.currentIndex().row()).name == "Finn Merrow"


def test_columns_are_chosen_from_the_menu(page, qtbot):
    page._open_columns()
    menu = page.findChild(QMenu)
    officer = next(action for action in menu.actions() if action.text() == "Officer")
    officer.trigger()
    assert not page.table.isColumnHidden(KEYS.index("officer")) or page.table.viewport().width() < 1200
    assert "officer" in page.table.columns()
    menu.close()


WIDTHS = [(1400, False, True), (1000, False, False), (480, True, False)]


@pytest.mark.parametrize(("width", "folded", "filters_shown"), WIDTHS)
def test_the_page_folds_to_its_width(page, qtbot, settled, width, folded, filters_shown):
    page.setMinimumWidth(1)  # alone, a page would not be made narrower than its parts; in the window it is
    page.resize(width, 500)
    QApplication.processEvents()
    assert page.table._delegate.folded is folded
    assert page.panel.isVisible() is filters_shown
    assert page.filters_button.isVisible() is not filters_shown
    if not filters_shown:
        qtbot.mouseClick(page.filters_button, Qt.MouseButton.LeftButton)
        assert page.panel.isVisible()
        assert page.close_panel()
        assert not page.panel.isVisible()
        assert not page.close_panel()


def test_rows_are_read_by_the_page_and_placeholders_stand_in(qtbot, context, workspace, settled, qtmodeltester):
    fill(workspace, 400, 300, officers=1)
    model = CaseTableModel(context)
    with qtbot.waitSignal(model.loaded):
        model.load(cases.CaseQuery(view="all"))
    assert model.rowCount() == 270
    assert model.row(0) is not None
    last = model.rowCount() - 1
    assert model.data(model.index(last, 1), ROW_ROLE) is None
    assert model.data(model.index(last, 1), Qt.ItemDataRole.AccessibleTextRole) == "Loading"
    settled()
    row = model.row(last)
    assert row is not None
    assert row.case_id == model.case_id(last)
    qtmodeltester.check(model, force_py=True)
    settled()
    assert last // PAGE_ROWS in model._pages


def test_every_cell_and_row_has_words(page):
    for column in range(len(COLUMNS)):
        assert page.model.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.AccessibleTextRole)
    sentence = page.model.index(0, 1).data(Qt.ItemDataRole.AccessibleTextRole)
    assert sentence.startswith("Isla Merrow, 9, Year 5, CME-2026-00001. Initial checks. 1 day over: Second home visit")
    assert "Visit in pairs" in sentence
    assert "not synced" in sentence


def test_the_flag_and_the_overdue_tag_are_painted_in_their_colours(page):
    picture = page.table.viewport().grab().toImage()
    from app.views.theme import colour

    seen = {picture.pixelColor(x, y).name() for x in range(0, picture.width(), 2) for y in range(0, 60, 2)}
    assert QColor(colour("danger_tint")).name() in seen


def test_a_case_that_left_this_laptop_is_shown_as_such_until_the_next_reading(qtbot, context, workspace, settled):
    open_isla(workspace)
    add_child(workspace, "Other")
    model = CaseTableModel(context)
    with qtbot.waitSignal(model.loaded):
        model.load(cases.CaseQuery(view="all"))
    model._ids.append("0190b8a0-0000-7000-8000-000000000000")
    model._pages.clear()
    model.row(1)
    settled()
    assert model.row(1).name == "No longer on this laptop"


def test_dates_in_words(frozen_time):
    from datetime import date, timedelta

    today = date(2026, 11, 17)
    assert due_words(date(2026, 11, 16), today) == ("overdue", "1 day over")
    assert due_words(date(2026, 11, 10), today) == ("overdue", "7 days over")
    assert due_words(today, today) == ("due", "Due today")
    assert due_words(date(2026, 11, 18), today) == ("later", "Wed 18 Nov")
    assert due_words(date(2027, 1, 8), today) == ("later", "8 January 2027")
    assert due_words(None, today) == ("none", "Nothing due")
    now = frozen_time.now()
    assert when_words(now, today) == "today"
    assert when_words(now - timedelta(days=1), today) == "yesterday"
    assert when_words(now - timedelta(days=4), today) == "Fri 13"
    assert when_words(now - timedelta(days=30), today) == "18 Oct"
