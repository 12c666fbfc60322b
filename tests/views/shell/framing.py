"""The real frame on a real vault: how the tests of unlocking, locking and setting up make and use it."""

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.views.frame import Frame
from app.views.main_window import MainWindow
from app.views.unlock_page import UnlockPage
from tests.conftest import PASSPHRASE as OPENS


def unlock(qtbot: QtBot, frame: Frame, passphrase: str = OPENS) -> MainWindow:
    page = frame.centralWidget()
    assert isinstance(page, UnlockPage)
    with qtbot.waitSignal(frame.unlocked, timeout=10_000):
        qtbot.keyClicks(page.passphrase, passphrase)
        qtbot.keyClick(page.passphrase, Qt.Key.Key_Return)
    window = frame.centralWidget()
    assert isinstance(window, MainWindow)
    qtbot.waitUntil(lambda: frame.runner.pending_count() == 0, timeout=10_000)
    return window
