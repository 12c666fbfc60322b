"""When Rollcall locks by itself, and that nothing of a record stays in any window when it does."""

from collections.abc import Callable
from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QPixmapCache, QWindow
from PySide6.QtWidgets import QApplication, QMainWindow, QToolTip, QWhatsThis, QWidget

from app.views.idle import IdleWatch
from app.views.session_lock import SessionWatch

if TYPE_CHECKING:
    from app.timesource import TimeSource
    from app.views.opening import Opened
    from app.views.task_runner import TaskRunner

SLEEP_WAIT_S = 1.5
"""How long the answer to a machine that sleeps upon it (Windows, which waits 2 s) waits for the keys to go."""


class LockWatch(QObject):
    """Asks for a lock when nobody uses the window, when the session is locked and when the machine sleeps.

    Signals:
        lock_asked: lock now.
        sleep_asked: lock now, and :meth:`dropped` is awaited.
    """

    lock_asked = Signal()
    sleep_asked = Signal()

    def __init__(self, time: "TimeSource", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.idle = IdleWatch(time, self)
        self.session = SessionWatch(self)
        self.idle.idle.connect(self.lock_asked)
        self.session.lock_asked.connect(self.lock_asked)
        self.session.sleep_asked.connect(self.sleep_asked)

    def opened(self, minutes: int, window: QWindow | None) -> None:
        """Begin: the window is open and in use."""
        self.idle.watch(window)
        self.idle.set_minutes(minutes)
        self.idle.start()
        self.session.start()

    def locked(self) -> None:
        """Count no idle time: the window is locked. The session is listened to all the same."""
        self.idle.stop()

    def dropped(self) -> None:
        """Say that keys and connections are gone, so that the machine may sleep."""
        self.session.locked()


def drop(opened: "Opened", runner: "TaskRunner", owner: QObject, then: Callable[[], object]) -> Event:
    """Close a vault in the lane of writes, so that whatever was saved a moment ago is whole first.

    Args:
        opened: the vault.
        runner: has the lanes.
        owner: the frame.
        then: called on the window's thread once keys and connections are dropped.

    Returns:
        Set when they are.
    """
    from app.services.audit import Action
    from app.services.forgetting import forget_words
    from app.views import opening

    gone = Event()

    def close() -> None:
        try:
            with suppress(Exception):  # a full disk does not keep a window from locking
                opened.ws.audit(Action.LOCKED)
            opening.close(opened)
            forget_words()
        finally:
            gone.set()

    runner.run(owner, close, lambda _none: then(), lambda _error: then())
    return gone


def show_nothing(frame: QMainWindow) -> None:
    """Close every popup, dialog and floating window over a frame, and drop pictures that Qt keeps.

    Windows of another frame (the demonstration has two laptops in one program) stay.
    """
    QToolTip.hideText()
    QWhatsThis.leaveWhatsThisMode()
    while (popup := QApplication.activePopupWidget()) is not None:
        popup.close()
        if popup is QApplication.activePopupWidget():
            break  # one that will not close is hidden with the rest below
    for widget in QApplication.topLevelWidgets():
        if widget is not frame and _floats_over(frame, widget):
            widget.close()
            widget.hide()  # whatever it thinks of being closed; who owns it deletes it, with the page
    QPixmapCache.clear()


def _floats_over(frame: QMainWindow, widget: QWidget) -> bool:
    owner = widget.parentWidget()
    if owner is None:
        return widget.windowType() not in (Qt.WindowType.Widget, Qt.WindowType.Window, Qt.WindowType.Desktop)
    while owner is not None and owner is not frame:
        owner = owner.parentWidget()
    return owner is frame
