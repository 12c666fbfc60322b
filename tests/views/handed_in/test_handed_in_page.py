"""The page of work that was handed in: listed, opened, taken over in one's own name, set aside with a reason."""

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtWidgets import QPlainTextEdit
from pytestqt.qtbot import QtBot
from sqlalchemy import select

from app.models import CaseEvent, HandedIn
from app.models.terms import HandedInState
from app.services.workspace import Workspace
from app.views.handed_in.handed_in_page import HandedInPage
from app.views.handed_in.opened_card import OpenedCard
from app.views.main_window import MainWindow
from tests.sync.test_rescue import SECRET, add_note, dawn, open_case, ruth, set_role  # noqa: F401  (fixtures)
from tests.views.clipping import assert_nothing_clipped
from tests.views.windows import Open, settle, words

Sync = Callable[[Workspace], Any]


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    return ["rollcall", "-style", "Fusion"]


def page_of(window: MainWindow, qtbot: QtBot) -> HandedInPage:
    window.navigate("handed_in")
    settle(qtbot, window)
    page = window.findChild(HandedInPage)
    assert page is not None
    return page


def test_an_empty_page_says_what_would_be_here(supervisor_workspace: Workspace, window_of: Open, qtbot: QtBot) -> None:
    page = page_of(window_of(supervisor_workspace), qtbot)
    assert "Nothing was handed in" in words(page)
    assert not page.done.isVisible()
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
    assert "1 change by Dawn Ellery" in words(page)
    assert SECRET not in words(page), "nothing is known of it before it is opened"
    page.open_work(page.rows[0].row)
    settle(qtbot, window)
    card = page.findChild(OpenedCard)
    assert card is not None
    assert SECRET in words(page)
    assert card.take.text() == "Take over 1 change"
    assert_nothing_clipped(page)
    window.resize(700, 500)
    qtbot.wait(50)
    assert_nothing_clipped(page)
    page.primary_action()
    settle(qtbot, window)
    assert page.waiting.isVisible()
    assert "Taken over by Ruth Okonjo" in words(page)
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
    assert "central store" in page.trouble.accessibleName() or "central store" in words(page.trouble)
    page.set_aside(page.rows[0].row)
    assert page.close_panel(), "Esc closes the form"
    page.set_aside(page.rows[0].row)
    form = page.form
    assert form is not None
    form.findChildren(QPlainTextEdit)[0].setPlainText("Dawn told me on the telephone")
    form.submit()
    settle(qtbot, window)
    assert "Dawn told me on the telephone" in words(page)
