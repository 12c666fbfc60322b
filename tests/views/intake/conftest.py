"""The intake pages in the real window, on a real vault."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.services.sync.status import NoSync
from app.services.workspace import Workspace
from app.views import tokens
from app.views.context import AppContext
from app.views.main_window import MainWindow
from app.views.start import make_application
from app.views.task_runner import TaskRunner
from app.views.theme import apply_theme

SAMPLES = Path(__file__).parents[2] / "services" / "exchange" / "samples"


class Prompts:
    """Answers dialogs from a script."""

    def __init__(self) -> None:
        self.files: list[Path] = []
        self.save_to: Path | None = None
        self.reason = ""

    def choose_files(self, owner: QWidget, title: str, kinds: str, then: Any, *, many: bool = True) -> None:
        if self.files:
            then(self.files)

    def save_file(self, owner: QWidget, title: str, suggested: str, kinds: str, then: Any) -> None:
        if self.save_to is not None:
            then(self.save_to)

    def ask_text(self, owner: QWidget, title: str, label: str, then: Any) -> None:
        if self.reason:
            then(self.reason)


@dataclass(slots=True)
class Window:
    """The window with what a test needs around it."""

    window: MainWindow
    context: AppContext
    ws: Workspace
    prompts: Prompts
    settle: Callable[[], None]
    unexpected: list[Exception] = field(default_factory=list)
    toasts: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def page(self) -> Any:
        return self.window.page()

    def go(self, route: str, **arguments: Any) -> None:
        self.context.navigate(route, **arguments)
        self.settle()

    def find(self, name: str) -> Any:
        found = self.window.findChild(QWidget, name)
        assert found is not None, name
        return found

    def type(self, name: str, text: str) -> None:
        widget = self.find(name)
        widget.setFocus()
        type_into(widget, text)


def type_into(widget: QWidget, text: str) -> None:
    """Type a text; what no key of a plain keyboard gives arrives as an input method sends it."""
    for char in text:
        if char.isascii():
            QTest.keyClick(widget, char)
        else:
            none = Qt.KeyboardModifier.NoModifier
            QApplication.sendEvent(widget, QKeyEvent(QKeyEvent.Type.KeyPress, 0, none, char))


@pytest.fixture(scope="session")
def qapp() -> Any:
    return make_application()


@pytest.fixture
def shown(qapp: Any, qtbot: QtBot, workspace: Workspace) -> Iterator[Window]:
    apply_theme(qapp, tokens.LIGHT)
    unexpected: list[Exception] = []
    runner = TaskRunner(unexpected.append)
    prompts = Prompts()
    context = AppContext(workspace, runner, NoSync(), prompts)  # type: ignore[arg-type]  # a stand-in
    window = MainWindow(context)
    runner.on_unexpected = unexpected.append
    qtbot.addWidget(window)

    def settle() -> None:
        qtbot.waitUntil(lambda: not runner.pending_count(), timeout=10_000)
        for _ in range(4):  # layouts that follow from what was delivered, and from each other
            QApplication.processEvents()
        assert not unexpected

    made = Window(window, context, workspace, prompts, settle, unexpected)
    context.toast_asked.connect(lambda text, undo: made.toasts.append((text, undo)))
    window.resize(1440, 900)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    yield made
    runner.close()
    apply_theme(qapp, tokens.LIGHT)
