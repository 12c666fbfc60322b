"""A supervisor's queue follows a real central store by itself, and what the supervisor is doing meanwhile stays."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.models import Case, Child
from app.services.sync.background import BackgroundSync
from app.services.sync.live import LiveFollower
from app.services.workspace import Workspace
from app.views.context import AppContext
from app.views.task_runner import TaskRunner
from app.views.team.team_page import TeamPage

PATIENCE_MS = 20_000


def open_cases(ws: Workspace, first: int, count: int) -> None:
    """Open cases that nobody has yet; an earlier number has waited longer and stands higher."""
    with ws.write("Opened cases") as session:
        for number in range(first, first + count):
            child = Child(forename="Isla", surname=f"Merrow {number:02}", born_on=date(2017, 3, 14))
            session.add(child)
            session.flush()
            opened_on = date(2026, 10, 1 + number)
            reference = f"CME-2026-{number:05}"
            session.add(Case(reference=reference, child_id=child.id, opened_on=opened_on, team_id=ws.actor.team_id))


@pytest.fixture
def dawn(enrol_laptop: Callable[..., Any], sync_once: Callable[[Workspace], Any]) -> Workspace:
    ws: Workspace = enrol_laptop("dawn").workspace()
    open_cases(ws, 10, 16)
    sync_once(ws)
    return ws


@pytest.fixture
def page(qapp: Any, qtbot: QtBot, dawn: Workspace, enrol_laptop: Callable[..., Any]) -> Iterator[TeamPage]:
    ruth = enrol_laptop("ruth").workspace()
    sync = BackgroundSync(ruth, every_seconds=lambda: 3600.0)
    sync.start()
    sync.follow(LiveFollower(ruth, sync.sync_now))
    errors: list[Exception] = []
    runner = TaskRunner(errors.append)
    page = TeamPage(AppContext(ruth, runner, sync))
    qtbot.addWidget(page)
    page.resize(1100, 620)
    page.show()
    page.open()
    yield page
    sync.stop()
    runner.close()
    assert not errors


def test_a_colleagues_case_appears_and_ticks_place_and_scrolling_stay(
    page: TeamPage, dawn: Workspace, qtbot: QtBot, sync_once: Callable[[Workspace], Any]
) -> None:
    model, table = page.lists.model, page.lists.table
    qtbot.waitUntil(lambda: model.rowCount() == 16, timeout=PATIENCE_MS)
    table.setFocus()
    table.setCurrentIndex(model.index(12, 0))
    model.tick(11, on=True)
    here, current, ticked = table.verticalScrollBar().value(), table.current_row().case_id, model.chosen()[0].case_id
    assert here > 0
    open_cases(dawn, 1, 1)
    sync_once(dawn)
    qtbot.waitUntil(lambda: model.rowCount() == 17, timeout=PATIENCE_MS)
    assert model.rows()[0].name.endswith("Merrow 01"), "it has waited longest and stands above all others"
    assert table.current_row().case_id == current
    assert [row.case_id for row in model.chosen()] == [ticked]
    assert table.verticalScrollBar().value() == here
