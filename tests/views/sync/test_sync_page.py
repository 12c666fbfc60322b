"""The Sync centre page on a real vault that syncs with a real central store."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.models import Case, Child, User
from app.services.sync.status import NoSync, SyncState, SyncStatus
from app.services.workspace import Workspace
from app.views import tokens
from app.views.context import AppContext
from app.views.start import make_application
from app.views.sync_page import SyncPage
from app.views.task_runner import TaskRunner
from app.views.theme import apply_theme
from tests.views.clipping import clipped


@pytest.fixture(scope="session")
def qapp() -> Any:
    return make_application()


def _raise(error: Exception) -> None:
    raise error


class Source:
    """Stands for background sync: says what it is told to, counts what it is asked."""

    def __init__(self) -> None:
        self.now = SyncStatus(SyncState.UP_TO_DATE)
        self.asked = 0
        self.listeners: list[Callable[[SyncStatus], None]] = []

    def status(self) -> SyncStatus:
        return self.now

    def on_status(self, callback: Callable[[SyncStatus], None]) -> None:
        self.listeners.append(callback)

    def sync_now(self) -> None:
        self.asked += 1

    def say(self, status: SyncStatus) -> None:
        self.now = status
        for listener in self.listeners:
            listener(status)


@pytest.fixture
def dawn(enrol_laptop: Callable[..., Any]) -> Workspace:
    return enrol_laptop("dawn").workspace()


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def page(qapp: Any, qtbot: QtBot, dawn: Workspace, source: Source) -> Iterator[SyncPage]:
    apply_theme(qapp, tokens.LIGHT)
    page = SyncPage(AppContext(dawn, TaskRunner(_raise), source))
    qtbot.addWidget(page)
    page.resize(1180, 760)
    page.show()
    yield page
    page.context.runner.close()


def settle(qtbot: QtBot, page: SyncPage) -> None:
    qtbot.waitUntil(lambda: not page.context.runner.pending_count() and not page._later.isActive(), timeout=10_000)


def open_case(ws: Workspace) -> str:
    with ws.write("Opened a case") as session:
        child = Child(forename="Isla", surname="Merrow", born_on=date(2017, 3, 14))
        session.add(child)
        session.flush()
        case = Case(reference="CME-2026-00412", child_id=child.id, opened_on=date(2026, 11, 2))
        session.add(case)
        session.flush()
        return case.id


def test_what_waits_is_listed_and_becomes_settled_after_a_sync(
    page: SyncPage, dawn: Workspace, qtbot: QtBot, sync_once: Callable[[Workspace], Any]
) -> None:
    case_id = open_case(dawn)
    page.open()
    settle(qtbot, page)
    (row,) = page.model.rows()
    assert (row.what, row.case, row.case_id, row.state) == (
        "Opened a case",
        "Isla Merrow, CME-2026-00412",
        case_id,
        "waiting",
    )
    assert page.facts["Waiting"].text() == "1"
    sync_once(dawn)
    page.open()
    settle(qtbot, page)
    assert not page.model.rows()
    assert page.facts["Waiting"].text() == "0"
    assert page.facts["Safe with a receipt"].text() == "1"
    assert page.facts["Last synced"].text() == "Today, 09:00"
    page.choice.set_value("recent")
    page._show_rows()
    assert page.model.rows()[0].state == "sent"


def test_a_refused_change_shows_its_reason_and_what_to_do(
    page: SyncPage, dawn: Workspace, qtbot: QtBot, sync_once: Callable[[Workspace], Any], central: Any
) -> None:
    with dawn.write("Changed a role") as session:
        session.get(User, central.people["dawn"]).role = "supervisor"
    sync_once(dawn)
    page.open()
    settle(qtbot, page)
    (row,) = page.model.rows()
    assert row.state == "refused"
    assert "Your role cannot manage people and laptops" in page.model.sentence(0)
    assert page.refused.isVisible()
    assert page.facts["To review"].text() == "1"
    assert "Your role cannot manage people and laptops" in page.details()


def test_sync_now_asks_and_states_show_in_words(page: SyncPage, source: Source, qtbot: QtBot) -> None:
    page.open()
    settle(qtbot, page)
    qtbot.mouseClick(page.sync_now, Qt.MouseButton.LeftButton)
    assert source.asked == 1
    source.say(SyncStatus(SyncState.SYNCING, 2, None, "Sending your changes", 1, 2))
    qtbot.waitUntil(lambda: page.words.text() == "Sending your changes: 1 of 2.")
    words = "Could not reach the central store. Your work is kept. Rollcall will try again at 09:20."
    source.say(SyncStatus(SyncState.OFFLINE, 2, None, words))
    qtbot.waitUntil(lambda: page.words.text() == words)
    settle(qtbot, page)


def test_details_for_it_name_nobody(page: SyncPage, dawn: Workspace, qtbot: QtBot) -> None:
    open_case(dawn)
    page.open()
    settle(qtbot, page)
    page.copy.click()
    text = QGuiApplication.clipboard().text()
    assert "Waiting: 1" in text
    for name in ("Isla", "Merrow", "Dawn", "Ellery", "00412"):
        assert name not in text


@pytest.mark.parametrize("width", [911, 640, 1180])
def test_nothing_is_cut_off(page: SyncPage, dawn: Workspace, qtbot: QtBot, width: int) -> None:
    open_case(dawn)
    page.resize(width, 460)
    page.open()
    settle(qtbot, page)
    qtbot.wait(1)
    assert clipped(page) == []


def test_a_laptop_without_a_central_store_says_so(qapp: Any, qtbot: QtBot, workspace: Workspace) -> None:
    page = SyncPage(AppContext(workspace, TaskRunner(_raise), NoSync()))
    qtbot.addWidget(page)
    page.show()
    page.open()
    settle(qtbot, page)
    assert not page.sync_now.isEnabled()
    assert "not enrolled" in page.context.sync.status().message


def test_the_report_of_a_rebuild_stays_to_be_read(page: SyncPage, qtbot: QtBot, dawn: Workspace) -> None:
    import msgspec

    from app.services.rescue.report import LAST
    from app.services.sync import facts
    from tests.views.shell.test_rescue_page import LONGEST

    page.open()
    qtbot.waitUntil(lambda: page.context.runner.pending_count() == 0)
    assert not page.rebuilt.isVisibleTo(page)
    with dawn.local_session() as session:
        facts.put(session, LAST, msgspec.json.encode(LONGEST).decode())
    page.open()
    qtbot.waitUntil(lambda: page.rebuilt.isVisibleTo(page))
    assert not page.rebuilt.words.isVisibleTo(page)
    page.rebuilt._link.activated.emit()
    assert "Lifeboat, saves from 18:04" in page.rebuilt.words.text()
    assert page.rebuilt.words.isVisibleTo(page)
    assert "Lifeboat, saves from 18:04" in page.details()
    for width in (1200, 640):
        page.resize(width, 700)
        page.show()
        qtbot.waitUntil(lambda: not clipped(page))
