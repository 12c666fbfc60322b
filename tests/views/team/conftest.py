"""The Team queue page on a real vault with the demonstration authority in it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.demo.world import World
from app.services.sync.status import NoSync
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from app.views import tokens
from app.views.context import AppContext
from app.views.start import make_application
from app.views.task_runner import TaskRunner
from app.views.team.team_page import TeamPage
from app.views.theme import apply_theme
from tests.marlshire import open_copy


@pytest.fixture(scope="session")
def qapp() -> Any:
    return make_application()


@dataclass(slots=True)
class Shown:
    """The page with what a test needs around it."""

    page: TeamPage
    context: AppContext
    world: World
    ws: Workspace
    settle: Callable[[], None]
    toasts: list[tuple[str, Any]]
    went: list[tuple[str, Any]]
    unexpected: list[Exception]


@pytest.fixture
def shown(qapp: Any, qtbot: QtBot, tmp_path: Path, frozen_time: FrozenTime) -> Iterator[Shown]:
    apply_theme(qapp, tokens.LIGHT)
    vault, ws, world = open_copy(tmp_path / "ruth", frozen_time)
    unexpected: list[Exception] = []
    runner = TaskRunner(unexpected.append)
    context = AppContext(ws, runner, NoSync())
    page = TeamPage(context)
    qtbot.addWidget(page)

    def settle() -> None:
        qtbot.waitUntil(lambda: not runner.pending_count() and not page._later.isActive(), timeout=10_000)
        assert not unexpected

    made = Shown(page, context, world, ws, settle, [], [], unexpected)
    context.toast_asked.connect(lambda text, undo: made.toasts.append((text, undo)))
    context.navigation_asked.connect(lambda route, arguments: made.went.append((route, arguments)))
    page.resize(1180, 800)
    page.show()
    page.open()
    settle()
    yield made
    runner.close()
    vault.close()
