"""The real window on a real vault; file dialogs answer by themselves."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.services.sync.status import NoSync
from app.services.workspace import Workspace
from app.settings import Settings
from app.views.context import AppContext
from app.views.correspondence import tray_feed
from app.views.correspondence.correspondence_page import CorrespondencePage
from app.views.main_window import MainWindow
from app.views.prompts import Prompts
from app.views.task_runner import TaskRunner
from app.views.theme import apply_theme, load_fonts
from app.views.tokens import LIGHT
from tests.services.documents.conftest import Family, family  # noqa: F401  (a fixture)


class ScriptedPrompts(Prompts):
    """Chooses the files it was told to."""

    def __init__(self) -> None:
        self.files: list[Path] = []

    def choose_files(self, owner: Any, title: str, kinds: str, then: Callable[[list[Path]], object], **_: Any) -> None:
        assert "*.pdf" in kinds
        then(self.files)


class Stage:
    """The window, its page and what was said."""

    def __init__(self, window: MainWindow, context: AppContext, errors: list[Exception], qtbot: QtBot) -> None:
        self.window, self.context, self.errors, self._qtbot = window, context, errors, qtbot
        self.toasts: list[tuple[str, Any]] = []
        context.toast_asked.connect(lambda text, undo: self.toasts.append((text, undo)))
        self.prompts: ScriptedPrompts = context.prompts  # type: ignore[assignment]  # made in the fixture below

    @property
    def page(self) -> CorrespondencePage:
        page = self.window.page()
        assert isinstance(page, CorrespondencePage)
        return page

    def open(self, **arguments: Any) -> CorrespondencePage:
        self.window.navigate("correspondence", **arguments)
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until nothing is under way, also what the last results started."""
        for _ in range(4):
            if self.window.route() == "correspondence":
                self._qtbot.waitUntil(lambda: not self.page.feed.is_gathering())
            self._qtbot.waitUntil(lambda: self.context.runner.pending_count() == 0, timeout=20_000)
            QApplication.processEvents()
        self._qtbot.waitUntil(lambda: self.context.runner.pending_count() == 0, timeout=20_000)


@pytest.fixture
def make_stage(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Stage]]:
    monkeypatch.setattr(tray_feed, "_GATHER_MS", 5)
    load_fonts()
    apply_theme(qapp, LIGHT, 100)
    made: list[tuple[MainWindow, TaskRunner, QObject]] = []

    def make(ws: Workspace, size: tuple[int, int] = (1440, 900), text_scale: int = 100) -> Stage:
        apply_theme(qapp, LIGHT, text_scale)
        errors: list[Exception] = []
        runner = TaskRunner(errors.append)
        context = AppContext(
            ws, runner, NoSync(), prompts=ScriptedPrompts(), settings=Settings(tmp_path / "settings.json")
        )
        context.error_reported.connect(errors.append)
        window = MainWindow(context)
        qtbot.addWidget(window)
        window.resize(*size)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(lambda: QApplication.activeWindow() is window)  # shortcuts work only then
        made.append((window, runner, context))
        return Stage(window, context, errors, qtbot)

    yield make
    for window, runner, _context in made:
        runner.forget_all()
        runner.close()
        window.close()
    apply_theme(qapp, LIGHT, 100)


@pytest.fixture
def stage(make_stage: Callable[..., Stage], workspace: Workspace, family: Family) -> Stage:  # noqa: F811  (a fixture)
    """A caseworker's window with Zofia's and Kit's cases, and nothing in the tray."""
    return make_stage(workspace)
