"""The Today page: what is due, ticking tasks, what arrived."""

from datetime import date, timedelta

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget
from sqlalchemy import select

from app.models import Task
from app.services import today
from app.views.kit.feedback import Toast
from app.views.kit.rows import ROW_ROLE
from app.views.today_rows import RowsView

TUESDAY = date(2026, 11, 17)


@pytest.mark.parametrize(
    ("due", "on", "group"),
    [
        (TUESDAY - timedelta(days=1), TUESDAY, "overdue"),
        (TUESDAY, TUESDAY, "today"),
        (date(2026, 11, 22), TUESDAY, "week"),
        (date(2026, 11, 23), TUESDAY, None),
        (date(2026, 11, 23), date(2026, 11, 19), "next_week"),
        (date(2026, 11, 29), date(2026, 11, 22), "next_week"),
        (date(2026, 11, 30), date(2026, 11, 22), None),
    ],
)
def test_a_due_date_has_its_group(due, on, group):
    assert today.group_of(due, on) == group


def test_today_reads_clocks_tasks_visits_and_post(workspace, cases):
    view = today.read(workspace)
    assert [(line.child, line.group) for line in view.clocks] == [
        ("Isla Merrow", "overdue"),
        ("Zofia Halewicz", "today"),
        ("Rhys Pendleford", "today"),
        ("Noor Salvani", "week"),
        ("Caleb Ostwick", "week"),
        ("Mina Torabel", "week"),
        ("Tobias Fenwright", "week"),
    ]
    first = view.clocks[0]
    assert first.days_over == 1
    assert (first.day, first.of) == (11, 10)
    assert first.explanation
    assert (view.cases_due, view.cases_count) == (7, 7)
    assert len(view.tasks) == 4
    assert [visit.at_time for visit in view.visits] == ["10:15", "11:30"]
    assert view.visits[0].flags == ("visit_in_pairs",)
    assert view.documents_count == 3
    assert view.waiting_count >= 1


def test_somebody_elses_cases_are_not_on_my_page(supervisor_workspace):
    view = today.read(supervisor_workspace)
    assert view.clocks == ()
    assert view.cases_count == 0


def test_a_met_clock_is_gone(workspace, cases):
    from app.models import Clock

    with workspace.write("Met") as session:
        clock = session.scalars(select(Clock).where(Clock.case_id == cases["Merrow"])).one()
        clock.met_on = TUESDAY
    assert "Isla Merrow" not in [line.child for line in today.read(workspace).clocks]


def test_rows_are_spoken_whole(window, qtmodeltester):
    page = window.page()
    for model in (page.clock_model, page.task_model, page.document_model, page.visit_model):
        qtmodeltester.check(model)
    spoken = [page.clock_model.index(row).data() for row in range(page.clock_model.rowCount())]
    assert spoken[0] == "Overdue, 1"
    assert (
        spoken[1] == "1 day over, Isla Merrow, Year 5 · CME-2026-0412, Second home visit, Local standard, day 11 of 10"
    )
    assert page.task_model.index(0).data().startswith("Ring Aldermere GP surgery")


def test_enter_on_a_clock_opens_its_case(qtbot, window, cases, monkeypatch):
    asked = []
    monkeypatch.setattr(window.context, "navigate", lambda route, **given: asked.append((route, given)))
    page = window.page()
    page.clocks.setFocus()
    page.clocks.setCurrentIndex(page.clock_model.index(1))
    qtbot.keyClick(page.clocks, Qt.Key.Key_Return)
    assert asked == [("case", {"case_id": cases["Merrow"]})]
    page.clocks.setCurrentIndex(page.clock_model.index(0))
    qtbot.keyClick(page.clocks, Qt.Key.Key_Return)
    assert len(asked) == 1


def open_tasks(workspace) -> list[str]:
    with workspace.read() as session:
        return list(session.scalars(select(Task.text).where(Task.done_at.is_(None), Task.kind == "task")))


def test_space_ticks_a_task_and_undo_brings_it_back(qtbot, window, workspace, settled):
    page = window.page()
    page.tasks.setFocus()
    page.tasks.setCurrentIndex(page.task_model.index(0))
    text = page.task_model.index(0).data(ROW_ROLE).text
    qtbot.keyClick(page.tasks, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: page.task_model.rowCount() == 3)
    settled()
    assert text not in open_tasks(workspace)
    toast = window.findChild(Toast)
    toast.undo_button.click()
    qtbot.waitUntil(lambda: page.task_model.rowCount() == 4)
    settled()
    assert text in open_tasks(workspace)


def test_a_click_in_the_box_ticks_and_elsewhere_opens(qtbot, window, monkeypatch, settled):
    asked = []
    monkeypatch.setattr(window.context, "navigate", lambda route, **given: asked.append(route))
    page = window.page()
    row = page.tasks.visualRect(page.task_model.index(1))
    qtbot.mouseClick(page.tasks.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(200, row.center().y()))
    assert asked == ["case"]
    qtbot.mouseClick(page.tasks.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(25, row.center().y()))
    qtbot.waitUntil(lambda: page.task_model.rowCount() == 3)
    settled()


def test_a_change_elsewhere_shows_by_itself(qtbot, window, workspace, cases, settled):
    with workspace.write("Added a task") as session:
        session.add(Task(case_id=cases["Merrow"], user_id=workspace.actor.user_id, text="New", due_on=TUESDAY))
    qtbot.waitUntil(lambda: window.page().task_model.rowCount() == 5)
    settled()


def test_a_task_is_added_for_today(qtbot, window, workspace, monkeypatch, settled):
    monkeypatch.setattr(
        type(window.context.prompts), "ask_text", lambda _self, _owner, _title, _label, then: then("Ring Housing")
    )
    window.page().findChild(QWidget, "add_task").click()
    qtbot.waitUntil(lambda: window.page().task_model.rowCount() == 5)
    settled()
    assert "Ring Housing" in open_tasks(workspace)


def test_post_says_whose_it_may_be(qtbot, window, settled):
    page = window.page()
    settled()
    qtbot.waitUntil(lambda: any("match" in row.detail for row in page.document_model.rows()))
    told = {row.title: row.detail for row in page.document_model.rows()}
    assert told["Thornwick Academy: admitted"] == "Likely match: Zofia Halewicz"
    assert told["Handwritten letter, no address"] == "No match yet"


def test_an_empty_day_says_so(qtbot, context, settled):
    from app.views.today_page import TodayPage

    page = TodayPage(context)
    qtbot.addWidget(page)
    page.resize(1000, 700)
    page.show()
    page.open()
    settled()
    assert page.no_clocks.isVisible()
    assert page.no_clocks.label.text() == "Nothing is due this week."
    assert not page.clocks.isVisible()
    assert not page.visits_card.isVisible()


def test_lists_are_as_tall_as_their_rows(window):
    for view in window.page().findChildren(RowsView):
        if view.isVisible():
            last = view.model().index(view.model().rowCount() - 1, 0)
            assert view.visualRect(last).bottom() <= view.height() + 1
