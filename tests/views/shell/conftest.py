"""The opened window on a real vault with invented people."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.services.sync.status import SyncState, SyncStatus
from app.services.vault import Vault
from app.services.workspace import Workspace
from app.settings import Settings
from app.timesource import FrozenTime
from app.views.context import AppContext
from app.views.frame import Frame
from app.views.main_window import MainWindow
from app.views.task_runner import TaskRunner
from app.views.theme import apply_theme, load_fonts
from app.views.tokens import LIGHT
from tests.views.shell.people import populate


class FakeSync:
    """Sync that says what the test tells it to."""

    def __init__(self) -> None:
        self.shown = SyncStatus(SyncState.OFFLINE, 7, datetime(2026, 11, 17, 8, 12, tzinfo=UTC))
        self.listeners: list[Callable[[SyncStatus], None]] = []
        self.asked = 0

    def status(self) -> SyncStatus:
        return self.shown

    def on_status(self, callback: Callable[[SyncStatus], None]) -> None:
        self.listeners.append(callback)

    def sync_now(self) -> None:
        self.asked += 1

    def say(self, status: SyncStatus) -> None:
        self.shown = status
        for listener in self.listeners:
            listener(status)


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    return ["rollcall", "-style", "Fusion"]


@pytest.fixture(autouse=True)
def themed(qapp: QApplication) -> Iterator[None]:
    """Every test starts in the light theme at 100 %, with Inter."""
    load_fonts()
    apply_theme(qapp, LIGHT)
    yield
    apply_theme(qapp, LIGHT)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "settings.json")


@pytest.fixture
def errors() -> list[Exception]:
    return []


@pytest.fixture
def runner(errors: list[Exception]) -> Iterator[TaskRunner]:
    made = TaskRunner(errors.append)
    yield made
    made.close()


@pytest.fixture
def sync() -> FakeSync:
    return FakeSync()


@pytest.fixture
def cases(workspace: Workspace) -> dict[str, str]:
    """Case ids by surname."""
    return populate(workspace)


@pytest.fixture
def context(
    workspace: Workspace, runner: TaskRunner, sync: FakeSync, settings: Settings, qapp: QApplication
) -> AppContext:
    return AppContext(workspace, runner, sync, settings=settings)


@pytest.fixture
def settled(qtbot: QtBot, runner: TaskRunner) -> Callable[[], None]:
    """Wait until no work is under way."""

    def wait() -> None:
        qtbot.waitUntil(lambda: runner.pending_count() == 0, timeout=10_000)
        QApplication.processEvents()

    return wait


@pytest.fixture
def window(
    qtbot: QtBot, context: AppContext, cases: dict[str, str], settled: Callable[[], None]
) -> Iterator[MainWindow]:
    made = MainWindow(context)
    qtbot.addWidget(made)
    made.resize(1440, 869)
    made.show()
    made.start()
    settled()
    yield made
    settled()


@pytest.fixture
def locked_vault(vault: Vault) -> Path:
    """A folder with a vault that holds cases, closed."""
    populate(vault.workspace())
    vault.close()
    return vault.folder


@pytest.fixture
def make_frame(
    qtbot: QtBot,
    settings: Settings,
    qapp: QApplication,
    frozen_time: FrozenTime,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[Path], Frame]]:
    monkeypatch.setattr("app.timesource.SystemTime", lambda: frozen_time)
    made: list[Frame] = []

    def make(folder: Path) -> Frame:
        frame = Frame(folder, settings)
        frame.resize(1440, 869)
        frame.show_first()
        made.append(frame)
        return frame

    yield make
    for frame in made:
        frame.close()
        frame.shut_down()
        frame.deleteLater()
    qapp.processEvents()
