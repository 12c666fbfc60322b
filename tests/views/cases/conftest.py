"""The Cases and case pages on a real vault, in a window of their own or in the real one."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QWidget

from app.services.sync.status import NoSync
from app.services.workspace import Workspace
from app.views.context import AppContext
from app.views.task_runner import TaskRunner
from app.views.theme import apply_theme, load_fonts
from app.views.tokens import LIGHT
from tests.views.cases.scene import Scene, make_scene


class Answers:
    """Stands in for the platform's dialogs: answers at once with what the test prepared."""

    def __init__(self) -> None:
        self.text = ""
        self.asked: list[str] = []

    def ask_text(self, _owner: QWidget, title: str, _label: str, then: Callable[[str], object]) -> None:
        self.asked.append(title)
        if self.text:
            then(self.text)


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    return ["rollcall", "-style", "Fusion"]


@pytest.fixture(autouse=True)
def themed(qapp: QApplication) -> Iterator[None]:
    load_fonts()
    apply_theme(qapp, LIGHT)
    yield
    apply_theme(qapp, LIGHT)


@pytest.fixture
def errors() -> list[Exception]:
    return []


@pytest.fixture
def runner(errors: list[Exception]) -> Iterator[TaskRunner]:
    made = TaskRunner(errors.append)
    yield made
    made.close()


@pytest.fixture
def context(workspace: Workspace, runner: TaskRunner, qapp: QApplication) -> AppContext:
    return AppContext(workspace, runner, NoSync(), Answers())


@pytest.fixture
def went(context: AppContext) -> list[tuple[str, dict[str, Any]]]:
    """Where pages asked to go."""
    found: list[tuple[str, dict[str, Any]]] = []
    context.navigation_asked.connect(lambda route, arguments: found.append((route, arguments)))
    return found


@pytest.fixture
def toasts(context: AppContext) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    context.toast_asked.connect(lambda text, undo: found.append((text, undo)))
    return found


@pytest.fixture
def scene(workspace: Workspace) -> Scene:
    return make_scene(workspace)


@pytest.fixture
def settled(qtbot: Any, runner: TaskRunner, errors: list[Exception]) -> Callable[[], None]:
    """Wait until no work is under way and the timers that gather changes have run."""

    def wait() -> None:
        qtbot.wait(10)
        quiet = 0
        while quiet < 3:
            qtbot.waitUntil(lambda: runner.pending_count() == 0, timeout=10_000)
            qtbot.wait(60)
            quiet = quiet + 1 if runner.pending_count() == 0 else 0
        assert not errors

    return wait
