"""The hands of the journey: they do what an officer does, by key and mouse, and wait for what the window shows."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QInputMethodEvent, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QWidget

from app.errors import RollcallError
from app.views.frame import Frame
from app.views.kit.feedback import Toast

Found = TypeVar("Found", bound=QWidget)
NO_KEYS = Qt.KeyboardModifier.NoModifier
CTRL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
PATIENCE_S = 90.0
_STILL_MS = 150


class JourneyError(RollcallError):
    """The journey did not find what it waited for."""


class Hands:
    """One person at one window.

    Attributes:
        frame: the window.
        pictures: where screenshots go.
    """

    def __init__(self, frame: Frame, pictures: "Pictures") -> None:
        self.frame = frame
        self.pictures = pictures

    # Looking

    def wait(self, until: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
        """Let the window run until something is true, and return it.

        Raises:
            JourneyError: it did not come true.
        """
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            found = until()
            if found:
                return found
            QTest.qWait(15)
        picture = self.pictures.take(self.frame, "stopped-here")
        raise JourneyError(f"The journey waited for: {what}. See {picture.name}.")

    def settle(self) -> None:
        """Wait until the window has no work under way."""
        self.wait(lambda: not self.frame.runner.pending_count(), "the window to finish its work")
        QTest.qWait(60)

    def find(self, kind: type[Found], name: str) -> Found:
        """Return a visible widget by its object name."""

        def look() -> Found | None:
            return next((found for found in self.frame.findChildren(kind, name) if found.isVisible()), None)

        found: Found = self.wait(look, f"{name} on screen")
        return found

    @property
    def page(self) -> Any:
        """The page shown."""
        window = self.frame.window_page
        if window is None:
            raise JourneyError("The window is locked.")
        return window.page()

    def on_page(self, name: str) -> Any:
        """Wait for a page by its object name and return it."""
        page = self.wait(lambda: self.page if self.page.objectName() == name else None, name)
        self.settle()
        return page

    # Doing

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = NO_KEYS, on: QWidget | None = None) -> None:
        """Press a key, on a widget or on whatever has the keyboard."""
        self._come_forward()
        QTest.keyClick(on or QApplication.focusWidget() or self.frame, key, modifiers)
        QTest.qWait(10)

    def write(self, widget: QWidget, text: str) -> None:
        """Click into a field and type."""
        self._come_forward()
        widget.setFocus(Qt.FocusReason.MouseFocusReason)
        for character in text:
            if character == "\n":
                QTest.keyClick(widget, Qt.Key.Key_Return)
            elif character.isascii():
                QTest.keyClicks(widget, character)
            else:
                # No key makes this letter everywhere; it comes as an input method would send it.
                typed = QInputMethodEvent()
                typed.setCommitString(character)
                QApplication.sendEvent(widget, typed)
        QTest.qWait(10)

    def click(self, widget: QWidget, at: QPoint | None = None) -> None:
        """Click a widget with the mouse."""
        self._come_forward()
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, NO_KEYS, at or widget.rect().center())
        QTest.qWait(10)

    def choose(self, select: QComboBox, words: str) -> None:
        """Choose from a list with the arrow keys."""
        self._come_forward()
        select.setFocus(Qt.FocusReason.TabFocusReason)
        if select.currentText().startswith(words):
            return
        QTest.keyClick(select, Qt.Key.Key_Home)
        for _ in range(select.count()):
            if select.currentText().startswith(words):
                return
            QTest.keyClick(select, Qt.Key.Key_Down)
        self.wait(lambda: select.currentText().startswith(words), f"“{words}” in a list", 1)

    def drop(self, path: Path, on: QWidget) -> None:
        """Drag a file from elsewhere and drop it on a widget."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        place = on.rect().center()
        copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
        QApplication.sendEvent(on, QDragEnterEvent(place, copy, data, left, NO_KEYS))
        QTest.qWait(30)
        QApplication.sendEvent(on, QDropEvent(QPointF(place), copy, data, left, NO_KEYS))

    def go(self, route: str) -> None:
        """Go to a page that has no key of its own, as the palette does."""
        window = self.frame.window_page
        if window is not None:
            window.navigate(route)
        self.settle()

    def go_to(self, route: str, **arguments: Any) -> None:
        """Go to a page with something to show on it, as a link does."""
        window = self.frame.window_page
        if window is not None:
            window.navigate(route, **arguments)
        self.settle()

    def shot(self, name: str, *, toast: bool = False) -> Path:
        """Take a screenshot once the window is still.

        Args:
            name: in the file's name.
            toast: leave what was just done on the picture; otherwise it is closed, as if its 8 seconds had passed.
        """
        self.settle()
        QTest.qWait(_STILL_MS)  # some lists are read a moment after their page is shown
        self.settle()
        if not toast:
            for shown in self.frame.findChildren(Toast):
                shown.close()
        return self.pictures.take(self.frame, name)

    def _come_forward(self) -> None:
        # A popup of the window is in front already; raising the window would close it.
        if QApplication.activePopupWidget() is None and not self.frame.isActiveWindow():
            self.frame.come_forward()
            QTest.qWaitForWindowActive(self.frame, 2000)


class Pictures:
    """Numbered screenshots in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: list[str] = []

    def take(self, frame: QWidget, name: str) -> Path:
        """Save what a window shows as the next picture."""
        path = self.folder / f"{len(self.names) + 1:02d}-{name}.png"
        frame.grab().save(str(path))
        self.names.append(path.name)
        return path

    def take_over(self, frame: QWidget, popup: QWidget, name: str) -> Path:
        """Save a window with a popup of its own drawn over it, as a screen would show them."""
        path = self.folder / f"{len(self.names) + 1:02d}-{name}.png"
        picture = frame.grab()
        painter = QPainter(picture)
        painter.drawPixmap(popup.mapTo(frame, QPoint(0, 0)), popup.grab())
        painter.end()
        picture.save(str(path))
        self.names.append(path.name)
        return path


class StrayWindows(QObject):
    """Notes every widget that is shown as a window of its own: on a real screen it would flash, and take the focus.

    Attributes:
        seen: class and object names.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  (Qt's name)
        """Look at what is shown."""
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            meant = isinstance(watched, Frame) or watched.windowType() in (Qt.WindowType.Popup, Qt.WindowType.ToolTip)
            if not meant:
                self.seen.add(f"{type(watched).__name__} {watched.objectName()}".strip())
        return False
