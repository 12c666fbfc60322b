"""A window of its own for each person of a scene: what tests of pages about several people share."""

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from app.services.sync.status import NoSync
from app.services.workspace import Workspace
from app.views.context import AppContext
from app.views.main_window import MainWindow
from app.views.task_runner import TaskRunner
from app.views.theme import apply_theme, load_fonts
from app.views.tokens import LIGHT

Open = Callable[[Workspace], MainWindow]


@pytest.fixture
def window_of(qapp: QApplication, qtbot: QtBot) -> Iterator[Open]:
    """Open windows; no error may have gone unsaid in any of them."""
    load_fonts()
    apply_theme(qapp, LIGHT)
    errors: list[Exception] = []
    runners: list[TaskRunner] = []

    def window_of(ws: Workspace) -> MainWindow:
        runners.append(TaskRunner(errors.append))
        window = MainWindow(AppContext(ws, runners[-1], NoSync()))
        qtbot.addWidget(window)
        window.resize(1440, 900)
        window.show()
        return window

    yield window_of
    for runner in runners:
        runner.close()
    assert not errors


def settle(qtbot: QtBot, window: MainWindow) -> None:
    """Wait until a window reads and writes nothing any more."""
    for _ in range(3):
        qtbot.waitUntil(lambda: window.context.runner.pending_count() == 0, timeout=20_000)
        qtbot.wait(60)


def words(widget: QWidget) -> str:
    """Return every label that is shown."""
    return " ".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())
