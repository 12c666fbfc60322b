"""Putting a backup back from the window: it closes, swaps the files and opens again; a damaged one changes nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from sqlalchemy import select

from app.models import Child
from app.services.backup.listing import list_backups
from app.services.backup.make import back_up
from app.services.backup.manifest import Reason
from app.services.vault import Vault
from app.timesource import FrozenTime
from app.views.backups import restore_page
from app.views.frame import Frame
from app.views.kit.feedback import Toast
from app.views.unlock_page import UnlockPage
from tests.conftest import PASSPHRASE
from tests.services.casework import add_child
from tests.views.shell.people import populate

MakeFrame = Callable[[Path], Frame]


class Agrees:
    """Says yes to every question, and keeps it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def confirm(
        self, _owner: QWidget, title: str, _text: str, _verb: str, then: Callable[[], object], *, danger: bool
    ) -> None:
        assert danger
        self.asked.append(title)
        then()


@pytest.fixture
def backed_up(vault: Vault, frozen_time: FrozenTime) -> Path:
    """A closed vault with a backup and a child who came after it."""
    ws = vault.workspace()
    populate(ws)
    assert ws.documents
    back_up(vault.folder, vault.keys, vault.engine, time=frozen_time, reason=Reason.DAILY)
    frozen_time.advance(hours=2)
    add_child(ws, "Tobias", "Quillmere")
    vault.close()
    return vault.folder


@pytest.fixture
def opened(make_frame: MakeFrame, backed_up: Path, qtbot: QtBot) -> Frame:
    frame = make_frame(backed_up)
    page = frame.centralWidget()
    assert isinstance(page, UnlockPage)
    page.unlock_asked.emit(PASSPHRASE)
    qtbot.waitUntil(lambda: frame.window_page is not None, timeout=30_000)
    return frame


def backups_page(frame: Frame, qtbot: QtBot) -> Any:
    assert frame.window_page is not None
    frame.window_page.context.prompts = Agrees()  # type: ignore[assignment]  # a stand-in
    frame.window_page.navigate("backups")
    page = frame.window_page.page()
    qtbot.waitUntil(lambda: page.model.rowCount() >= 1 and page.restore.isEnabled(), timeout=30_000)
    return page


def test_a_backup_is_put_back_and_newer_work_is_there_again(opened: Frame, qtbot: QtBot, backed_up: Path) -> None:
    page = backups_page(opened, qtbot)
    before = opened.opened
    qtbot.mouseClick(page.restore, Qt.MouseButton.LeftButton)
    assert opened.opened is None
    assert isinstance(opened.centralWidget(), restore_page.RestorePage)
    qtbot.waitUntil(lambda: opened.window_page is not None, timeout=30_000)
    assert opened.opened is not before
    assert opened.window_page is not None
    assert opened.window_page.route() == "backups"
    (toast,) = opened.window_page.findChildren(Toast)
    assert toast.accessibleName() == (
        "The backup is back. 1 change made after it was written again. What was there is set aside."
    )
    assert opened.opened is not None
    with opened.opened.ws.read() as session:
        assert session.scalars(select(Child).where(Child.surname == "Quillmere")).one()
    assert list((backed_up / "set-aside").glob("*/cases.db"))


def test_a_damaged_backup_is_refused_and_the_vault_is_as_it_was(opened: Frame, qtbot: QtBot, backed_up: Path) -> None:
    page = backups_page(opened, qtbot)
    path = list_backups(backed_up)[0].folder / "cases.db"
    path.write_bytes(path.read_bytes()[:-1])
    page.table.opened.emit(page.model.rows()[0])
    qtbot.waitUntil(lambda: isinstance(opened.centralWidget(), UnlockPage), timeout=30_000)
    unlock = opened.centralWidget()
    assert isinstance(unlock, UnlockPage)
    assert not (backed_up / "set-aside").exists()
    unlock.unlock_asked.emit(PASSPHRASE)
    qtbot.waitUntil(lambda: opened.window_page is not None, timeout=30_000)
