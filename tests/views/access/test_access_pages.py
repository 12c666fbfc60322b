"""What people of each role see: a restricted case that is closed to them, its list, and what waits for a decision."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.models import BreakGlass, CaseAccess, InterestDeclared
from app.models.terms import Role
from app.services import break_glass, case_list, named_list
from app.services.role_matrix import ROLE_NAMES, role_matrix
from app.services.vault import Vault
from app.services.workspace import Workspace
from app.views.case.inline_form import InlineForm
from app.views.cases.columns import cell_text, sentence
from app.views.main_window import MainWindow
from tests.views.access.people import People, declare, make_people
from tests.views.windows import Open, settle, words

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    return ["rollcall", "-style", "Fusion"]


@pytest.fixture
def people(workspace: Workspace, vault: Vault) -> People:
    return make_people(workspace, vault)


def open_case(qtbot: QtBot, window: MainWindow, case_id: str) -> Any:
    window.navigate("case", case_id=case_id)
    settle(qtbot, window)
    return window.page()


def stored(ws: Workspace, model: Any) -> list[Any]:
    from sqlalchemy import select

    with ws.read() as session:
        return list(session.scalars(select(model)))


def test_a_closed_case_shows_the_name_the_officer_and_whom_to_ask(
    people: People, window_of: Open, qtbot: QtBot
) -> None:
    page = open_case(qtbot, window_of(people.dot), people.case_id)
    shown = words(page)
    assert "Isla Merrow" in shown
    assert "CME-2026-00001 · Officer: Dawn Ellery" in shown
    assert "Ask Dawn Ellery or a supervisor for access" in shown
    assert not any(secret in shown for secret in ("Q999401723006", "Saltenby", "Carla", "14 March"))
    assert page.closed.ask_button.isVisible()
    assert page.closed.emergency_button.isVisible()


def test_asking_for_access_tells_a_supervisor_and_says_so(people: People, window_of: Open, qtbot: QtBot) -> None:
    window = window_of(people.dot)
    closed = open_case(qtbot, window, people.case_id).closed
    closed.ask_button.click()
    form = closed._form
    form.submit()
    settle(qtbot, window)
    assert "Say why" in words(form)
    form.widgets["reason"].setPlainText("Covering for Dawn")
    form.submit()
    settle(qtbot, window)
    assert "You have asked for access" in closed.words.text()
    assert not closed.ask_button.isVisible()
    head = window_of(people.ruth)
    head.navigate("access")
    settle(qtbot, head)
    (row,) = head.page().rows
    assert "Dot Ashby asks for access" in words(row)
    row.first_button.click()
    settle(qtbot, head)
    assert head.page().rows == []
    page = open_case(qtbot, window, people.case_id)
    assert page.view is not None
    assert not page.closed.isVisible()


def test_an_emergency_opens_the_case_says_until_when_and_closes_by_itself(
    people: People, window_of: Open, qtbot: QtBot, frozen_time: Any
) -> None:
    window = window_of(people.dot)
    page = open_case(qtbot, window, people.case_id)
    page.closed.emergency_button.click()
    form = page.closed._form
    form.widgets["reason"].setPlainText("Police ask about her tonight")
    form.submit()
    settle(qtbot, window)
    assert page.view is not None
    assert "Open to you in an emergency until 13:00. A supervisor will review it." in words(page)
    frozen_time.advance(hours=4)
    page.read_again()
    settle(qtbot, window)
    assert page.view is None
    assert page.closed.isVisible()
    assert "Q999401723006" not in words(page)
    page.primary_action()
    assert page.closed.isVisible()


def test_a_supervisor_restricts_adds_and_removes_people(people: People, window_of: Open, qtbot: QtBot) -> None:
    window = window_of(people.ruth)
    page = open_case(qtbot, window, people.case_id)
    assert "Restricted. Only people on its list may open this case." in words(page)
    page.actions_of.restrict()
    settle(qtbot, window)
    panel = page.form_slot.form
    assert "Dawn Ellery (officer)" in words(panel)
    panel.widgets["person"].setCurrentIndex(panel.widgets["person"].findText("Dot Ashby"))
    panel.widgets["reason"].setText("Duty this week")
    panel.submit()
    settle(qtbot, window)
    assert page.form_slot.form is panel
    assert "Duty this week" in words(panel)
    panel._remove(people.dot.actor.user_id)
    settle(qtbot, window)
    assert "Duty this week" not in words(panel)
    panel.end_button.click()
    settle(qtbot, window)
    ending = panel.findChildren(InlineForm)[-1]
    ending.widgets["reason"].setPlainText("The colleague has left")
    ending.submit()
    settle(qtbot, window)
    assert not page.view.restricted
    assert all(row.ended_at for row in stored(people.ruth, CaseAccess))


def test_declaring_a_conflict_of_interest_hides_the_case_and_leaves_the_page(
    people: People, window_of: Open, qtbot: QtBot
) -> None:
    window = window_of(people.dawn)
    page = open_case(qtbot, window, people.case_id)
    page.actions_of.declare_interest()
    page.form_slot.form.submit()
    settle(qtbot, window)
    assert window.route() == "cases"
    assert len(stored(people.dawn, InterestDeclared)) == 1
    page = open_case(qtbot, window, people.case_id)
    assert "You have declared a conflict of interest" in words(page)
    assert "Isla" not in words(page)
    assert not page.closed.ask_button.isVisible()


def test_what_waits_stands_in_the_team_queue_and_is_reviewed_on_its_page(
    people: People, window_of: Open, qtbot: QtBot
) -> None:
    break_glass.open_in_emergency(people.dot, people.case_id, reason="Police ask about her tonight")
    declare(people)
    window = window_of(people.ruth)
    window.navigate("team")
    settle(qtbot, window)
    assert "2 things about access wait for you" in words(window.page().access)
    window.navigate("access")
    settle(qtbot, window)
    page = window.page()
    assert [row.alert.kind for row in page.rows] == ["emergency", "interest"]
    page.rows[0].first_button.click()
    page.form.widgets["reason"].setPlainText("Rightly opened")
    page.form.submit()
    settle(qtbot, window)
    assert [row.alert.kind for row in page.rows] == ["interest"]
    assert stored(people.ruth, BreakGlass)[0].review == "Rightly opened"


def test_nobody_is_offered_a_review_of_their_own(people: People, window_of: Open, qtbot: QtBot) -> None:
    named_list.remove_person(people.ruth, people.case_id, people.ruth.actor.user_id or "")
    break_glass.open_in_emergency(people.ruth, people.case_id, reason="Nobody else is here now")
    window = window_of(people.ruth)
    window.navigate("access")
    settle(qtbot, window)
    (row,) = window.page().rows
    assert row.first_button is None
    assert "another supervisor reviews it" in words(row)


@pytest.mark.parametrize(
    ("who", "there", "not_there"),
    [
        ("dot", {"today", "cases", "correspondence", "letters"}, {"team", "access", "roles"}),
        ("ruth", {"today", "cases", "team", "access"}, {"roles"}),
        ("gita", {"today", "cases", "access"}, {"team", "letters", "correspondence", "roles"}),
        ("ana", {"sync"}, {"today", "cases", "team", "access", "roles", "letters", "correspondence"}),
        ("ada", {"roles", "sync"}, {"today", "cases", "team", "access", "letters", "correspondence"}),
    ],
)
def test_pages_are_there_for_those_who_may_and_for_nobody_else(
    people: People, window_of: Open, qtbot: QtBot, who: str, there: set[str], not_there: set[str]
) -> None:
    from app.views.pages import rail_pages

    window = window_of(getattr(people, who))
    shown = {spec.route for spec in rail_pages(window.allowed)}
    assert there <= shown
    assert not not_there & shown
    window.start()
    settle(qtbot, window)
    assert window.route() in shown
    for route in not_there | ({"case"} if "cases" in not_there else set()):
        window.navigate(route)
        assert window.route() != route


def test_a_masked_row_of_the_table_says_nothing_more(people: People) -> None:
    (row,) = case_list.rows(people.dot, [people.case_id])
    today = people.dot.time.today()
    assert sentence(row, today) == "Isla Merrow, CME-2026-00001. Restricted. Officer: Dawn Ellery"
    assert cell_text(row, "stage", today) == "Restricted"
    for key in ("due", "activity", "school", "unsynced", "area", "waiting", "basis"):
        assert cell_text(row, key, today) == ""


def test_the_matrix_on_the_screen_is_the_matrix(people: People, window_of: Open, qtbot: QtBot) -> None:
    window = window_of(people.ada)
    window.navigate("roles")
    model = window.page().matrix.model()
    matrix = role_matrix()
    assert model.rowCount() == len(matrix.rows)
    assert model.columnCount() == len(ROLE_NAMES) + 1
    auditor = 1 + list(ROLE_NAMES).index(Role.AUDITOR)
    held = [model.index(row, 0).data() for row in range(model.rowCount()) if model.index(row, auditor).data()]
    assert held == ["Use Rollcall", "Read the audit"]


@pytest.mark.parametrize(
    ("factor", "text_size", "theme"), [("1", 100, "light"), ("1.25", 125, "dark"), ("2", 100, "light")]
)
def test_nothing_is_cut_off_at_a_scale_factor(factor: str, text_size: int, theme: str) -> None:
    environment = dict(os.environ, QT_SCALE_FACTOR=factor, QT_QPA_PLATFORM="offscreen")
    environment["QT_SCALE_FACTOR_ROUNDING_POLICY"] = "PassThrough"
    shown = subprocess.run(
        [sys.executable, "-m", "tests.views.access.scaled", str(text_size), theme],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert shown.returncode == 0, shown.stdout + shown.stderr[-2000:]


def test_the_heading_of_a_closed_case_names_it_by_reference_only(people: People, window_of: Open, qtbot: QtBot) -> None:
    window = window_of(people.dot)
    page = open_case(qtbot, window, people.case_id)
    assert (page.title, page.window_title) == ("CME-2026-00001", "CME-2026-00001")
    assert page.breadcrumb == [("Cases", "cases"), ("CME-2026-00001", None)]
