"""The Sync centre page on a real vault that syncs with a real central store."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot
from sqlalchemy import select

from app.models import Case, CaseEvent, Child, Document, User
from app.models.terms import EventKind, Role
from app.services.sync import centre, facts, fetching
from app.services.sync.fetching import Fetched
from app.services.sync.run_history import note_run
from app.services.sync.status import NoSync, SyncState, SyncStatus
from app.services.workspace import Workspace
from app.views import tokens
from app.views.context import AppContext
from app.views.start import make_application
from app.views.sync_page import SyncPage
from app.views.task_runner import TaskRunner
from app.views.theme import apply_theme
from tests.sync.test_documents_moving import add_document
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
    ws: Workspace = enrol_laptop("dawn").workspace()
    return ws


@pytest.fixture
def source() -> Source:
    return Source()


def _page(qapp: Any, qtbot: QtBot, ws: Workspace, source: Source) -> Iterator[SyncPage]:
    apply_theme(qapp, tokens.LIGHT)
    page = SyncPage(AppContext(ws, TaskRunner(_raise), source))
    qtbot.addWidget(page)
    page.resize(1180, 760)
    page.show()
    yield page
    page.context.runner.close()


@pytest.fixture
def page(qapp: Any, qtbot: QtBot, dawn: Workspace, source: Source) -> Iterator[SyncPage]:
    yield from _page(qapp, qtbot, dawn, source)


@pytest.fixture
def quiet_page(qapp: Any, qtbot: QtBot, workspace: Workspace, source: Source) -> Iterator[SyncPage]:
    """The page on a vault that knows a central store which is never asked: enough where nothing is sent."""
    with workspace.local_session() as session:
        facts.put(session, facts.SERVER, "http://127.0.0.1:9")
    yield from _page(qapp, qtbot, workspace, source)


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
    (row,) = page.lists.model.rows()
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
    assert not page.lists.model.rows()
    assert page.facts["Waiting"].text() == "0"
    assert page.facts["Safe with a receipt"].text() == "1"
    assert page.facts["Last synced"].text() == "Today, 09:00"
    page.lists.show_list("recent")
    assert page.lists.model.rows()[0].state == "sent"


def test_a_refused_change_shows_its_reason_and_what_to_do(
    page: SyncPage, dawn: Workspace, qtbot: QtBot, sync_once: Callable[[Workspace], Any], central: Any
) -> None:
    with dawn.write("Changed a role") as session:
        session.get_one(User, central.people["dawn"]).role = Role.SUPERVISOR
    sync_once(dawn)
    page.open()
    settle(qtbot, page)
    assert not page.lists.model.rows()  # it does not wait: it was judged
    page.lists.show_list("refused")
    settle(qtbot, page)
    (row,) = page.lists.model.rows()
    assert row.state == "refused"
    assert "Your role cannot manage people and laptops" in page.lists.model.sentence(0)
    assert page.refused.isVisible()
    assert page.facts["To review"].text() == "1"
    assert "Your role cannot manage people and laptops" in page.lists.panel.reason.text()
    assert page.lists.panel.advice.text()
    shown: list[Exception] = []
    page.context.error_reported.connect(shown.append)
    page.lists.panel.hand_in.click()
    qtbot.waitUntil(lambda: bool(shown), timeout=10_000)
    assert "has a key yet" in str(shown[0]), "no supervisor's laptop has synced: it stays in the tray"
    assert page.lists.panel.hand_in.isEnabled()
    page.lists.panel._set_aside("Recorded by the administrator")
    qtbot.waitUntil(lambda: not page.refused.isVisible(), timeout=10_000)
    settle(qtbot, page)
    assert page.facts["To review"].text() == "0"


def test_sync_now_asks_and_states_show_in_words(quiet_page: SyncPage, source: Source, qtbot: QtBot) -> None:
    page = quiet_page
    page.open()
    settle(qtbot, page)
    page.sync_now.click()
    assert source.asked == 1
    source.say(SyncStatus(SyncState.SYNCING, 2, None, "Sending your changes", 1, 2))
    qtbot.waitUntil(lambda: page.words.text() == "Sending your changes: 1 of 2.")
    words = "Could not reach the central store. Your work is kept. Rollcall will try again at 09:20."
    source.say(SyncStatus(SyncState.OFFLINE, 2, None, words))
    qtbot.waitUntil(lambda: page.words.text() == words)
    settle(qtbot, page)


def test_details_for_it_name_nobody_but_say_what_it_needs(
    page: SyncPage, dawn: Workspace, qtbot: QtBot, central: Any, sync_once: Callable[[Workspace], Any]
) -> None:
    """Names, references and what people typed are everywhere in the vault; none of it comes into the text."""
    open_case(dawn)
    with dawn.write("Changed a role of Zenobia Quillfeather") as session:
        session.get_one(User, central.people["dawn"]).role = Role.SUPERVISOR
    sync_once(dawn)
    add_document(dawn, b"%PDF", title="School report of Isla Merrow", sender="Thornwick Academy")
    with dawn.write("Rang about Isla Merrow") as session:
        session.add(CaseEvent(case_id=case_of(dawn), kind=EventKind.NOTE, happened_at=dawn.time.now(), body="Isla"))
    page.open()
    settle(qtbot, page)
    page.copy.click()
    settle(qtbot, page)
    text = QGuiApplication.clipboard().text()
    for line in ("Waiting: 2", "Refused: 1", f"Central store: {central.url}", f"Laptop: {dawn.actor.device_id}"):
        assert line in text
    assert "Protocol: 2" in text
    for name in ("Isla", "Merrow", "Dawn", "Ellery", "00412", "Zenobia", "Quillfeather", "Thornwick", "report", "Rang"):
        assert name not in text


def case_of(ws: Workspace) -> str:
    with ws.read() as session:
        return session.scalars(select(Case.id)).one()


def test_receipts_by_case_and_the_history_of_syncs_are_read_when_they_are_chosen(
    page: SyncPage, dawn: Workspace, qtbot: QtBot, sync_once: Callable[[Workspace], Any]
) -> None:
    case_id = open_case(dawn)
    page.open()
    page.lists.show_list("cases")
    settle(qtbot, page)
    (row,) = page.lists.case_model.rows()
    assert (row.case_id, row.words, row.safe) == (case_id, "1 change waits on this laptop", False)
    started = dawn.time.now()
    note_run(dawn, started, "done", sync_once(dawn))
    for _ in range(3):
        note_run(dawn, started, "offline", None, "no-answer")
    page.open()
    settle(qtbot, page)
    (row,) = page.lists.case_model.rows()
    assert (row.words, row.safe) == ("Safe in the central store", True)
    page.lists.show_list("history")
    settle(qtbot, page)
    failed, done = page.lists.run_model.rows()
    assert (failed.outcome, failed.times, failed.trouble, done.outcome, done.sent) == (
        "offline",
        3,
        "no-answer",
        "done",
        1,
    )
    assert "3 times until" in page.lists.run_model.sentence(0)


def test_room_is_made_by_letting_go_what_the_central_store_holds(
    page: SyncPage, dawn: Workspace, qtbot: QtBot, sync_once: Callable[[Workspace], Any]
) -> None:
    old = dawn.time.now() - timedelta(days=120)
    data = b"%PDF" + bytes(range(256)) * 1000
    sha256 = add_document(dawn, data, arrived_at=old)
    kept = add_document(dawn, b"%PDF newer")
    sync_once(dawn)
    unsent = add_document(dawn, b"%PDF not sent yet", arrived_at=old)
    page.open()
    settle(qtbot, page)
    assert page.storage.words.text().startswith("1 document, 250 KB, can be let go.")
    assert page.storage.facts["Pages on this laptop"].text() == "3 documents"
    page.storage._start(90)
    qtbot.waitUntil(lambda: not dawn.documents.complete(sha256), timeout=10_000)
    settle(qtbot, page)
    assert page.storage.facts["Only in the central store"].text() == "1 document"
    assert dawn.documents.complete(kept)
    assert dawn.documents.complete(unsent)
    assert not page.storage.let_go.isEnabled()
    sync_once(dawn)
    assert not dawn.documents.complete(sha256)  # it comes back when somebody opens it, and not before
    with dawn.read() as session:
        document_id = session.scalars(select(Document.id).where(Document.sha256 == sha256)).one()
    steps: list[tuple[int, int]] = []
    assert fetching.fetch_document(dawn, document_id, lambda here, total: steps.append((here, total))) is Fetched.HERE
    assert dawn.documents.get(sha256) == data
    assert steps[-1] == (len(data), len(data))


def test_nothing_is_cut_off(quiet_page: SyncPage, workspace: Workspace, qtbot: QtBot) -> None:
    """580 is what the smallest window leaves beside the rail."""
    open_case(workspace)
    quiet_page.open()
    settle(qtbot, quiet_page)
    for width in (1180, 911, 580):
        quiet_page.resize(width, 460)
        qtbot.waitUntil(lambda: not clipped(quiet_page), timeout=3000)


def test_a_long_list_says_that_it_is_not_all_of_it(quiet_page: SyncPage, workspace: Workspace, qtbot: QtBot) -> None:
    open_case(workspace)
    quiet_page.open()
    settle(qtbot, quiet_page)
    assert quiet_page.lists.subtitle is not None
    assert not quiet_page.lists.subtitle.text()
    quiet_page.lists.set_view(replace(centre.sync_view(workspace), pending_count=1200))
    assert quiet_page.lists.subtitle.text().endswith(" of 1,200")


def test_a_laptop_without_a_central_store_says_so(qapp: Any, qtbot: QtBot, workspace: Workspace) -> None:
    page = SyncPage(AppContext(workspace, TaskRunner(_raise), NoSync()))
    qtbot.addWidget(page)
    page.show()
    page.open()
    settle(qtbot, page)
    assert not page.sync_now.isEnabled()
    assert "not enrolled" in page.context.sync.status().message


def test_the_report_of_a_rebuild_stays_to_be_read(quiet_page: SyncPage, qtbot: QtBot, workspace: Workspace) -> None:
    import msgspec

    from app.services.rescue.report import LAST
    from tests.views.shell.test_rescue_page import LONGEST

    page = quiet_page
    page.open()
    qtbot.waitUntil(lambda: page.context.runner.pending_count() == 0)
    assert not page.rebuilt.isVisibleTo(page)
    with workspace.local_session() as session:
        facts.put(session, LAST, msgspec.json.encode(LONGEST).decode())
    page.open()
    qtbot.waitUntil(lambda: page.rebuilt.isVisibleTo(page))
    assert not page.rebuilt.words.isVisibleTo(page)
    page.rebuilt._link.activated.emit()
    assert "Lifeboat, saves from 18:04" in page.rebuilt.words.text()
    assert page.rebuilt.words.isVisibleTo(page)
    for width in (1200, 640):
        page.resize(width, 700)
        page.show()
        qtbot.waitUntil(lambda: not clipped(page))
