"""The page of work that was handed in: listed, opened, taken over in one's own name, set aside with a reason."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot
from sqlalchemy import select

from app.models import CaseEvent, HandedIn
from app.models.terms import HandedInState
from app.services.sync.status import NoSync
from app.services.workspace import Workspace
from app.views.context import AppContext
from app.views.handed_in.handed_in_page import HandedInPage
from app.views.handed_in.opened_card import OpenedCard
from app.views.main_window import MainWindow
from app.views.task_runner import TaskRunner
from app.views.theme import apply_theme, load_fonts
from app.views.tokens import LIGHT
from tests.sync.test_rescue import SECRET, add_note, dawn, open_case, ruth, set_role  # noqa: F401  (fixtures)
from tests.views.clipping import assert_nothing_clipped

Sync = Callable[[Workspace], Any]
Open = Callable[[Workspace], MainWindow]


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    return ["rollcall", "-style", "Fusion"]


@pytest.fixture
def window_of(qapp: QApplication, qtbot: QtBot) -> Iterator[Open]:
    load_fonts()
    apply_theme(qapp, LIGHT)
    errors: list[Exception] = []
    runners: list[TaskRunner] = []

    def window_of(ws: Workspace) -> MainWindow:
        runners.append(TaskRunner(errors.append))
        window = MainWindow(AppContext(ws, runners[-1], NoSync()))
        qtbot.addWidget(window)
        window.resize(1366, 768)
        window.show()
        return window

    yield window_of
    for runner in runners:
        runner.close()
    assert not errors


def settle(qtbot: QtBot, window: MainWindow) -> None:
    for _ in range(3):
        qtbot.waitUntil(lambda: window.context.runner.pending_count() == 0, timeout=20_000)
        qtbot.wait(60)


def shown(page: QWidget) -> str:
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def page_of(window: MainWindow, qtbot: QtBot) -> HandedInPage:
    window.navigate("handed_in")
    settle(qtbot, window)
    page = window.findChild(HandedInPage)
    assert page is not None
    return page


def test_an_empty_page_says_what_would_be_here(ruth: Workspace, window_of: Open, qtbot: QtBot) -> None:  # noqa: F811
    page = page_of(window_of(ruth), qtbot)
    assert "Nothing was handed in" in shown(page)
    assert not page.settled.isVisible()
    assert_nothing_clipped(page)


def test_a_note_is_opened_read_and_taken_over(
    ruth: Workspace,  # noqa: F811
    dawn: Workspace,  # noqa: F811
    central: Any,
    sync_once: Sync,
    window_of: Open,
    qtbot: QtBot,
) -> None:
    _, case_id = open_case(dawn)
    sync_once(dawn)
    add_note(dawn, case_id)
    set_role(central, "dawn", "caseworker", "inclusion")
    sync_once(dawn), sync_once(ruth)
    window = window_of(ruth)
    page = page_of(window, qtbot)
    assert "1 change by Dawn Ellery" in shown(page)
    assert SECRET not in shown(page), "nothing is known of it before it is opened"
    page.open_work(page.rows[0].row)
    settle(qtbot, window)
    card = page.findChild(OpenedCard)
    assert card is not None
    assert SECRET in shown(page)
    assert card.take.text() == "Take over 1 change"
    assert_nothing_clipped(page)
    window.resize(700, 500)
    qtbot.wait(50)
    assert_nothing_clipped(page)
    page.primary_action()
    settle(qtbot, window)
    assert page.waiting.isVisible()
    assert "Taken over by Ruth Okonjo" in shown(page)
    with ruth.read() as session:
        assert session.scalars(select(CaseEvent.body)).all() == [SECRET]
        assert session.scalars(select(HandedIn.state)).one() is HandedInState.TAKEN_OVER


def test_setting_aside_asks_why_and_says_when_the_central_store_cannot_be_reached(
    ruth: Workspace,  # noqa: F811
    dawn: Workspace,  # noqa: F811
    central: Any,
    sync_once: Sync,
    window_of: Open,
    qtbot: QtBot,
) -> None:
    _, case_id = open_case(dawn)
    sync_once(dawn)
    add_note(dawn, case_id)
    set_role(central, "dawn", "caseworker", "inclusion")
    sync_once(dawn), sync_once(ruth)
    central.stop()
    window = window_of(ruth)
    page = page_of(window, qtbot)
    page.open_work(page.rows[0].row)
    settle(qtbot, window)
    assert page.trouble.isVisible()
    assert "central store" in page.trouble.accessibleName() or "central store" in shown(page.trouble)
    page.set_aside(page.rows[0].row)
    assert page.close_panel(), "Esc closes the form"
    page.set_aside(page.rows[0].row)
    form = page.form
    assert form is not None
    form.findChildren(QPlainTextEdit)[0].setPlainText("Dawn told me on the telephone")
    form.submit()
    settle(qtbot, window)
    assert "Dawn told me on the telephone" in shown(page)
