"""What the fuse stopped, in the Sync centre: a supervisor sees of which cases how much would go, and decides."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import msgspec
import pytest
from pytestqt.qtbot import QtBot
from sqlalchemy import select

from app.models import AuditEntry, Case, Child
from app.services.sync import facts
from app.services.sync.status import NoSync
from app.services.workspace import Workspace
from app.views.context import AppContext
from app.views.prompts import Prompts
from app.views.start import make_application
from app.views.sync_page import SyncPage
from app.views.task_runner import TaskRunner
from tests.views.clipping import clipped


@pytest.fixture(scope="session")
def qapp() -> Any:
    return make_application()


class SaysYes(Prompts):
    """Answers the question that is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def confirm(self, owner: Any, title: str, text: str, verb: str, then: Any, *, danger: bool = False) -> None:
        self.asked.append(title)
        then()


Open = Callable[[Workspace], SyncPage]


@pytest.fixture
def errors() -> list[Exception]:
    return []


@pytest.fixture
def page_of(qapp: Any, qtbot: QtBot, errors: list[Exception]) -> Iterator[Open]:
    runners = []

    def page_of(ws: Workspace) -> SyncPage:
        runners.append(TaskRunner(errors.append))
        page = SyncPage(AppContext(ws, runners[-1], NoSync(), SaysYes()))
        page.context.error_reported.connect(errors.append)
        qtbot.addWidget(page)
        page.resize(580, 700)  # what the smallest window leaves beside the rail
        page.show()
        page.open()
        settle(qtbot, page)
        return page

    yield page_of
    for runner in runners:
        runner.close()


def settle(qtbot: QtBot, page: SyncPage) -> None:
    qtbot.waitUntil(lambda: not page.context.runner.pending_count() and not page._later.isActive(), timeout=10_000)


def stop_deletions(ws: Workspace) -> str:
    """Note what the fuse notes when it stops a page that deletes records of one case and of a child not held here."""
    with ws.write("Opened a case") as session:
        child = Child(forename="Bartholomew", surname="Fitzgerald-Winterbottom", born_on=date(2017, 3, 14))
        session.add(child)
        session.flush()
        case = Case(reference="CME-2026-00412", child_id=child.id, opened_on=date(2026, 11, 2))
        session.add(case)
        session.flush()
        child_id, case_id = child.id, case.id
    kept = {
        "revision": 40,
        "counts": {"task": 61, "case_event": 1204},
        "children": [(child_id, 1265)],
        "child_count": 2,
    }
    with ws.local_session() as session:
        facts.put(session, "fuse_tripped", msgspec.json.encode(kept).decode())
    return case_id


def test_a_supervisor_sees_what_would_go_and_keeps_it(
    supervisor_workspace: Workspace, page_of: Open, qtbot: QtBot, errors: list[Exception]
) -> None:
    case_id = stop_deletions(supervisor_workspace)
    page = page_of(supervisor_workspace)
    card = page.fuse
    assert card.isVisible()
    assert card.kinds.text() == "Task: 61 records · Timeline: 1,204 records"
    assert card.model.sentence(0).startswith("Bartholomew Fitzgerald-Winterbottom, CME-2026-00412")
    assert card.more.text() == "And records of 1 child more whose cases are not shown here."
    assert not clipped(page)
    went: list[Any] = []
    page.context.navigation_asked.connect(lambda route, arguments: went.append((route, arguments)))
    card.table.opened.emit(card.model.row(0))
    assert went == [("case", {"case_id": case_id})]
    card.keep.click()
    settle(qtbot, page)
    assert card.advice.text().startswith("Ruth Okonjo said on 17 November 2026 at 09:00 that these records are to be")
    assert not card.keep.isVisible()
    assert card.confirm.isVisible(), "a decision can be changed"
    with supervisor_workspace.read() as session:
        assert "declined deletions" in session.scalars(select(AuditEntry.action)).all()
    assert not errors


def test_confirming_asks_first_and_what_goes_wrong_leaves_it_as_it_is(
    supervisor_workspace: Workspace, page_of: Open, qtbot: QtBot, errors: list[Exception]
) -> None:
    stop_deletions(supervisor_workspace)
    page = page_of(supervisor_workspace)
    page.fuse.confirm.click()
    settle(qtbot, page)
    assert page.context.prompts.asked == ["Delete 1,265 records?"]  # type: ignore[attr-defined]  # SaysYes
    assert "not enrolled" in str(errors[0])
    assert page.fuse.isVisible()
    assert page.fuse.confirm.isEnabled()


def test_a_caseworker_is_told_whom_to_ask_and_decides_nothing(workspace: Workspace, page_of: Open) -> None:
    stop_deletions(workspace)
    card = page_of(workspace).fuse
    assert card.isVisible()
    assert card.advice.text().startswith("Ask a supervisor")
    assert not card.confirm.isVisible()
    assert not card.keep.isVisible()


def test_there_is_no_such_card_while_nothing_is_stopped(workspace: Workspace, page_of: Open) -> None:
    assert not page_of(workspace).fuse.isVisible()
