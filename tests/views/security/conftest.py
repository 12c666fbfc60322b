"""The real frame, opened on a real vault with a recovery key."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.views.frame import Frame
from app.views.security.security_page import SecurityPage
from tests.views.recovery.conftest import key, locked, machine
from tests.views.shell.conftest import make_frame, qapp_args, settings, themed
from tests.views.shell.framing import unlock

__all__ = ["key", "locked", "machine", "make_frame", "qapp_args", "settings", "themed"]


@pytest.fixture
def frame(make_frame: Callable[[Path], Frame], locked: Path) -> Frame:
    return make_frame(locked)


@pytest.fixture
def page(qtbot: QtBot, frame: Frame) -> SecurityPage:
    """The page, reached from Settings as a person does."""
    window = unlock(qtbot, frame)
    window.navigate("settings")
    window.page().security.click()
    page = window.page()
    assert isinstance(page, SecurityPage)
    qtbot.waitUntil(lambda: frame.runner.pending_count() == 0, timeout=10_000)
    return page
