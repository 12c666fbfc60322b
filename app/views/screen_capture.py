"""Keeps Rollcall's windows out of recordings and shared screens, where IT's policy asks and the system can.

Windows can (``SetWindowDisplayAffinity``; from Windows 10 2004 the window is left out, before that it is black). X11
has no such thing, and under Wayland no program says it of its own windows: there each recording asks the person.
Written after Microsoft's documentation; not yet tried on Windows.
"""

import ctypes
import sys
from typing import Any

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QGuiApplication, QWindow

from app.policy import policy

EXCLUDE_FROM_CAPTURE, MONITOR = 0x11, 0x1


def can_exclude() -> bool:
    """Return whether this system can keep a window out of recordings."""
    return sys.platform == "win32"


def words() -> str:
    """Return what holds on this laptop, a sentence for the settings page."""
    asked = policy().screen_capture == "excluded"
    if asked and can_exclude():
        return "Other programs cannot record or share Rollcall’s windows."
    if asked:
        return "Your organisation asks that Rollcall is not recorded. This system has no way to prevent it: take care."
    return "Other programs can record the screen and share it. Lock Rollcall before you share yours."


def start(application: QGuiApplication) -> "CaptureGuard | None":
    """Keep every window out of recordings from now on, where it is asked for and can be."""
    if policy().screen_capture != "excluded" or not can_exclude():
        return None
    return CaptureGuard(application)


class CaptureGuard(QObject):
    """Excludes each window as it is shown: pages, dialogs, menus and tooltips alike."""

    def __init__(self, application: QGuiApplication) -> None:
        super().__init__(application)
        self._set_affinity: Any = _library("user32").SetWindowDisplayAffinity
        for window in application.topLevelWindows():
            self.exclude(window)
        application.installEventFilter(self)

    def exclude(self, window: QWindow) -> bool:
        """Keep a window out of recordings; return whether the system agreed."""
        handle = ctypes.c_void_p(int(window.winId()))
        # An older Windows does not know the first and takes the second.
        return any(self._set_affinity(handle, ctypes.c_uint32(how)) for how in (EXCLUDE_FROM_CAPTURE, MONITOR))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Exclude a window that is about to show."""
        if event.type() == QEvent.Type.Show and isinstance(watched, QWindow) and watched.isTopLevel():
            self.exclude(watched)
        return False


def _library(name: str) -> Any:
    return getattr(ctypes, "WinDLL")(name)  # noqa: B009  (only there on Windows, where mypy does not look)
