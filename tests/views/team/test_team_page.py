"""The Team queue by keyboard: ticking, allocating, undoing, what is said when a case was taken meanwhile."""

from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot
from sqlalchemy import select

from app.models import Case, Conflict, Letter
from app.models.terms import LetterState
from app.services import allocation
from app.views import tokens
from app.views.kit.feedback import Banner
from app.views.team import columns
from app.views.team.model import QueueModel
from app.views.theme import apply_theme
from tests.views.clipping import clipped
from tests.views.team.conftest import Shown


def _officer_of(shown: Shown, key: str) -> str | None:
    with shown.ws.read() as session:
        return session.get_one(Case, shown.world.cases[key]).officer_id


def _names(shown: Shown) -> list[str]:
    return [row.name for row in shown.page.lists.model.rows()]


def test_space_ticks_ctrl_enter_allocates_and_the_toast_takes_it_back(shown: Shown, qtbot: QtBot) -> None:
    page, table = shown.page, shown.page.lists.table
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Space)
    assert page.lists.allocate_bar.officer.currentText() == "Samir Beltrane"
    assert page.lists.allocate_bar.button.text() == "Allocate 1 case"
    qtbot.keyClick(table, Qt.Key.Key_Down)
    qtbot.keyClick(table, Qt.Key.Key_Space)
    assert page.lists.allocate_bar.button.text() == "Allocate 2 cases"
    qtbot.waitUntil(lambda: "goes from 5 to 7 open cases" in _advice(shown))
    page.primary_action()
    shown.settle()
    assert _names(shown) == ["Lyra Vance-Holt", "Danil Petrosyuk", "Esme Corrigan"]
    assert _officer_of(shown, "amara") == _officer_of(shown, "jonah") == shown.world.users["samir"]
    words, undo = shown.toasts[-1]
    assert words == "2 cases allocated to Samir Beltrane"
    undo()
    shown.settle()
    assert _officer_of(shown, "amara") is None
    assert page.tiles.tiles["waiting"].count() == 5
    assert shown.toasts[-1][0] == "2 allocations taken back"


def test_a_case_taken_meanwhile_is_said_and_the_others_are_allocated(shown: Shown, qtbot: QtBot) -> None:
    page = shown.page
    amara, jonah = shown.world.cases["amara"], shown.world.cases["jonah"]
    page.lists.model.tick(0, on=True)
    page.lists.model.tick(1, on=True)
    page.context.records_changed.disconnect(page._records_changed)  # as if the page had not been told yet
    allocation.allocate(shown.ws, [amara], shown.world.users["tom"], expected={amara: 0})
    page.lists.allocate_bar.officer.setCurrentIndex(page.lists.allocate_bar.officer.findData(shown.world.users["gwen"]))
    page.allocate()
    shown.settle()
    assert _officer_of(shown, "amara") == shown.world.users["tom"]
    assert _officer_of(shown, "jonah") == shown.world.users["gwen"]
    banner = page.lists.findChild(Banner, "allocation_notice")
    assert banner is not None
    assert "1 case was left as it is" in banner.accessibleName()
    assert "Already allocated by Ruth Okonjo to Tom Hadlow." in banner.accessibleName()
    assert jonah not in {row.case_id for row in page.lists.model.rows()}


def test_an_allocation_elsewhere_refreshes_the_page_and_keeps_other_ticks(shown: Shown) -> None:
    page = shown.page
    amara = shown.world.cases["amara"]
    page.lists.model.tick(0, on=True)
    page.lists.model.tick(2, on=True)
    allocation.allocate(shown.ws, [amara], shown.world.users["tom"], expected={amara: 0})
    shown.settle()
    assert [row.name for row in page.lists.model.chosen()] == ["Lyra Vance-Holt"]
    assert page.lists.allocate_bar.button.text() == "Allocate 1 case"


def test_a_person_may_choose_another_officer_than_the_suggested_one(shown: Shown, qtbot: QtBot) -> None:
    bar = shown.page.lists.allocate_bar
    shown.page.lists.model.tick(0, on=True)
    bar.officer.setFocus()
    bar.officer.setCurrentIndex(bar.officer.findText("Gwen Arkley"))
    shown.page.lists.model.tick(1, on=True)
    assert bar.officer.currentText() == "Gwen Arkley"
    shown.page.lists.model.tick_all(on=False)
    shown.page.lists.model.tick(0, on=True)
    assert bar.officer.currentText() == "Samir Beltrane"


def test_nothing_can_be_allocated_before_a_case_is_ticked(shown: Shown) -> None:
    page = shown.page
    assert not page.lists.allocate_bar.button.isEnabled()
    page.primary_action()
    shown.settle()
    assert not shown.toasts


def test_a_double_order_is_carried_out_once(shown: Shown) -> None:
    shown.page.lists.model.tick(0, on=True)
    shown.page.primary_action()
    shown.page.primary_action()
    shown.settle()
    assert [words for words, _undo in shown.toasts] == ["Amara Oyelade allocated to Samir Beltrane"]


def test_ctrl_a_ticks_every_case_and_enter_opens_one(shown: Shown, qtbot: QtBot) -> None:
    table = shown.page.lists.table
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert len(shown.page.lists.model.chosen()) == 5
    qtbot.keyClick(table, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert not shown.page.lists.model.chosen()
    qtbot.keyClick(table, Qt.Key.Key_Return)
    assert shown.went == [("case", {"case_id": shown.world.cases["amara"]})]


def test_the_mouse_ticks_a_box_the_head_ticks_all_and_a_double_click_opens(shown: Shown, qtbot: QtBot) -> None:
    table, model = shown.page.lists.table, shown.page.lists.model
    middle = table.row_height() // 2
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(22, middle))
    assert [row.name for row in model.chosen()] == ["Amara Oyelade"]
    qtbot.mouseClick(table.horizontalHeader().viewport(), Qt.MouseButton.LeftButton, pos=QPoint(22, 15))
    assert len(model.chosen()) == 5
    qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(120, middle))
    assert shown.went[0][0] == "case"


def test_tiles_are_tabs_by_arrow_keys(shown: Shown, qtbot: QtBot) -> None:
    page = shown.page
    tile = page.tiles.tiles["waiting"]
    tile.setFocus()
    for key in ("overdue", "approvals", "closures", "conflicts", "conflicts"):
        qtbot.keyClick(page.tiles.tiles[page.tiles.value()], Qt.Key.Key_Right)
        assert page.tiles.value() == page.lists.key == key
    assert tile.accessibleName() == "Unallocated, 5. Oldest has waited 3 days"


def test_moving_an_overdue_case_asks_why(shown: Shown, qtbot: QtBot) -> None:
    page = shown.page
    page.tiles.tiles["overdue"].click()
    place = _names(shown).index("Isla Merrow")
    page.lists.model.tick(place, on=True)
    bar = page.lists.allocate_bar
    bar.officer.setCurrentIndex(bar.officer.findText("Samir Beltrane"))
    assert bar.button.text() == "Move 1 case"
    page.primary_action()
    shown.settle()
    banner = page.lists.findChild(Banner, "allocation_notice")
    assert banner is not None
    assert "Say why the case moves" in banner.accessibleName()
    assert _officer_of(shown, "isla") == shown.world.users["dawn"]
    qtbot.keyClicks(bar.reason, "Dawn is on leave")
    qtbot.keyClick(bar.reason, Qt.Key.Key_Return)
    shown.settle()
    assert _officer_of(shown, "isla") == shown.world.users["samir"]
    assert bar.reason.text() == ""


def test_move_cases_from_an_officer_over_the_limit_shows_theirs(shown: Shown) -> None:
    page = shown.page
    with shown.ws.write("Limit") as session:
        from app.models import User

        session.get_one(User, shown.world.users["priya"]).case_limit = 2
    shown.settle()
    button = page.workload.findChild(type(page.drawer), "move_cases")
    assert button is not None
    assert button.text() == "Move cases from Priya"
    button.click()
    assert page.lists.key == "overdue"
    assert {row.officer for row in page.lists.model.rows()} == {"Priya Lindqvist"}
    page.lists.filter.click()
    assert {row.officer for row in page.lists.model.rows()} > {"Priya Lindqvist"}


def test_letters_are_reviewed_except_ones_own(shown: Shown) -> None:
    with shown.ws.write("Asked") as session:
        for number, writer in ((1, "gwen"), (2, "ruth")):
            session.add(
                Letter(
                    case_id=shown.world.cases["imogen"],
                    number=number,
                    reference=f"CME-2026-00371/L{number}",
                    template="L01",
                    template_version="1",
                    title="First enquiry to parent",
                    state=LetterState.WAITING_APPROVAL,
                    values={},
                    created_by=shown.world.users[writer],
                )
            )
    shown.settle()
    page = shown.page
    assert page.approvals.isVisible()
    page.tiles.tiles["approvals"].click()
    table = page.lists.table
    own = [row.own for row in page.lists.model.rows()]
    table.setCurrentIndex(page.lists.model.index(own.index(True), 0))
    assert not page.lists.open_bar.open_button.isEnabled()
    page.primary_action()
    assert not shown.went
    table.setCurrentIndex(page.lists.model.index(own.index(False), 0))
    page.primary_action()
    assert shown.went[-1][0] == "letter"


def test_a_stale_allocation_is_shown_and_left_as_it_is(shown: Shown, qtbot: QtBot) -> None:
    with shown.ws.write("Merged") as session:
        session.add(
            Conflict(
                table_name="case",
                row_id=shown.world.cases["isla"],
                subject_id=shown.world.cases["isla"],
                field="officer_id",
                before=None,
                kept=shown.world.users["dawn"],
                kept_by=shown.world.users["ruth"],
                offered=shown.world.users["tom"],
                offered_by=shown.world.users["priya"],
                offered_at=shown.ws.time.now(),
                chosen=None,
            )
        )
    shown.settle()
    page = shown.page
    page.tiles.tiles["conflicts"].click()
    assert "Already allocated to Dawn Ellery" in page.lists.model.sentence(0)
    assert page.lists.open_bar.leave.isVisible()
    qtbot.mouseClick(page.lists.open_bar.leave, Qt.MouseButton.LeftButton)
    shown.settle()
    assert page.lists.model.rowCount() == 0
    with shown.ws.read() as session:
        assert session.scalars(select(Conflict.state)).one().value == "resolved"


def test_each_row_is_a_whole_sentence(shown: Shown) -> None:
    index = shown.page.lists.model.index(2, 0)
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == (
        "Lyra Vance-Holt, 9, Year 5, CME-2026-00423. Waiting: 1 day. From Kingsholt Council, Kingsholt. "
        "Child protection plan. Suggested: Dawn Ellery, Covers Kingsholt. Not ticked."
    )


def test_the_chart_has_a_table_twin_with_the_same_numbers(shown: Shown, qtbot: QtBot) -> None:
    panel = shown.page.workload
    assert "Samir Beltrane: 5 open, 2 due this week, 1 over, agreed limit 34." in panel.chart.accessibleDescription()
    panel.choice.setFocus()
    qtbot.keyClick(panel.choice, Qt.Key.Key_Right)
    assert panel.table.isVisible()
    sentences = [panel.table_model.sentence(row) for row in range(panel.table_model.rowCount())]
    assert "Samir Beltrane. 5 open. 2 due this week. 1 overdue. agreed limit 34." in sentences


def test_the_panel_is_a_drawer_in_a_narrow_window_and_esc_closes_it(shown: Shown, qtbot: QtBot) -> None:
    page = shown.page
    page.resize(760, 500)
    assert page.drawer.isVisible()
    assert not page.workload.isVisible()
    qtbot.mouseClick(page.drawer, Qt.MouseButton.LeftButton)
    assert page.workload.isVisible()
    assert not page.lists.isVisible()
    assert page.close_panel()
    assert page.lists.isVisible()
    assert not page.close_panel()


@pytest.mark.parametrize("key", ["waiting", "overdue", "approvals", "closures", "conflicts"])
def test_the_models_are_sound(qapp: Any, shown: Shown, key: str) -> None:
    model = shown.page.lists.models[key]
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    rows = model.rows()
    model.set_rows([])
    model.set_rows(rows)
    if model.ticks and rows:
        assert model.setData(model.index(0, 0), Qt.CheckState.Checked, Qt.ItemDataRole.CheckStateRole)
        assert model.index(0, 0).data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
        model.tick_all(on=True)
        model.set_rows(rows[1:])
        assert len(model.chosen()) == len(rows) - 1
    assert not model.setData(model.index(0, 1), Qt.CheckState.Checked, Qt.ItemDataRole.CheckStateRole)
    tester.deleteLater()


def test_an_empty_list_says_so() -> None:
    model = QueueModel(columns.WAITING, "case_id", ticks=True)
    assert (model.rowCount(), model.chosen(), model.row(0)) == (0, [], None)
    assert model.data(model.index(0, 0)) is None


@pytest.mark.parametrize("scale", [100, 130, 150])
@pytest.mark.parametrize("size", [(1232, 852), (863, 464), (960, 700)])
def test_nothing_is_clipped(qapp: Any, shown: Shown, scale: int, size: tuple[int, int], qtbot: QtBot) -> None:
    apply_theme(qapp, tokens.LIGHT, scale)
    page = shown.page
    page.resize(*size)
    page.lists.model.tick(0, on=True)
    qtbot.wait(20)
    for key in ("waiting", "overdue", "closures"):
        page.tiles.tiles[key].click()
        qtbot.wait(5)
        assert clipped(page) == []
    apply_theme(qapp, tokens.LIGHT)


def _advice(shown: Shown) -> str:
    from app.views.kit.text import Text

    return " ".join(label.text() for label in shown.page.workload.findChildren(Text) if label.isVisible())
