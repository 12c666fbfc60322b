"""The letter pages in the real window, on a real vault with one invented family."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pypdfium2 import PdfDocument
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.services.sync.status import NoSync
from app.services.workspace import Workspace
from app.views import tokens
from app.views.context import AppContext
from app.views.letters import printing
from app.views.main_window import MainWindow
from app.views.start import make_application
from app.views.task_runner import TaskRunner
from app.views.theme import apply_theme
from tests.services.letters.world import open_rhys


@pytest.fixture(scope="session")
def qapp() -> Any:
    return make_application()


@dataclass(slots=True)
class Answers:
    """Prompts that answer yes at once and remember what was asked."""

    asked: list[str] = field(default_factory=list)

    def confirm(
        self, _owner: QWidget, title: str, _text: str, verb: str, then: Callable[[], object], **_more: Any
    ) -> None:
        self.asked.append(f"{title} {verb}")
        then()


@dataclass(slots=True)
class Shown:
    """The window with what a test needs around it."""

    window: MainWindow
    context: AppContext
    ws: Workspace
    case_id: str
    settle: Callable[[], None]
    answers: Answers
    toasts: list[str]
    went: list[tuple[str, Any]]
    unexpected: list[Exception]
    printed: list[int]

    @property
    def page(self) -> Any:
        return self.window.page()

    def open(self, route: str = "letter", **arguments: Any) -> Any:
        self.window.navigate(route, **arguments)
        self.settle()
        return self.page

    def find(self, name: str) -> Any:
        found = self.page.findChild(QWidget, name)
        assert found is not None, name
        return found


@pytest.fixture
def shown(qapp: Any, qtbot: QtBot, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    apply_theme(qapp, tokens.LIGHT)
    printed: list[int] = []
    monkeypatch.setattr(printing, "has_printer", lambda: True)
    monkeypatch.setattr(
        printing, "ask_and_print", lambda _owner, sheets, _name, _failed: printed.append(len(PdfDocument(sheets.pdf)))
    )
    unexpected: list[Exception] = []
    runner = TaskRunner(unexpected.append)
    answers = Answers()
    context = AppContext(workspace, runner, NoSync(), answers)  # type: ignore[arg-type]
    case_id = open_rhys(workspace)
    window = MainWindow(context)
    qtbot.addWidget(window)
    window.resize(1440, 869)
    window.show()

    def settle() -> None:
        def quiet() -> bool:
            page = window.page()
            timers = [getattr(page, name, None) for name in ("_settle", "_keep_later", "_later")]
            return not runner.pending_count() and not any(timer is not None and timer.isActive() for timer in timers)

        qtbot.waitUntil(quiet, timeout=15_000)

    made = Shown(window, context, workspace, case_id, settle, answers, [], [], unexpected, printed)
    context.toast_asked.connect(lambda text, _undo: made.toasts.append(text))
    context.navigation_asked.connect(lambda route, arguments: made.went.append((route, arguments)))
    context.error_reported.connect(unexpected.append)
    yield made
    # The window is gone by now; work that it started must end before the vault is closed.
    runner.close()
    apply_theme(qapp, tokens.LIGHT)
