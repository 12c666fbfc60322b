"""Windows: session notifications and power broadcasts, taken by a hidden window of their own.

A hidden window, because Qt hands every message of a window that overrides ``nativeEvent`` to Python, and the visible
one gets thousands. Written after Microsoft's documentation, its decoding tested; not yet tried on Windows.
"""

import ctypes
from ctypes import wintypes
from typing import Any

from PySide6.QtCore import QByteArray, Qt, Signal
from PySide6.QtWidgets import QWidget

WM_QUERYENDSESSION, WM_POWERBROADCAST, WM_WTSSESSION_CHANGE = 0x0011, 0x0218, 0x02B1
PBT_APMSUSPEND = 0x4
WTS_CONSOLE_DISCONNECT, WTS_REMOTE_DISCONNECT, WTS_SESSION_LOGOFF, WTS_SESSION_LOCK = 0x2, 0x4, 0x6, 0x7
NOTIFY_FOR_THIS_SESSION = 0
LOCKING = frozenset({WTS_CONSOLE_DISCONNECT, WTS_REMOTE_DISCONNECT, WTS_SESSION_LOGOFF, WTS_SESSION_LOCK})


class Message(ctypes.Structure):
    """The beginning of Windows' ``MSG``."""

    _fields_ = (
        ("window", ctypes.c_void_p),
        ("message", ctypes.c_uint32),
        ("w_param", ctypes.c_size_t),
        ("l_param", ctypes.c_ssize_t),
    )


def what_is_asked(message: int, w_param: int) -> str:
    """Return what a window message asks of Rollcall.

    Returns:
        "lock", "sleep" (lock before this message is answered), or an empty text.
    """
    if message == WM_WTSSESSION_CHANGE and w_param in LOCKING:
        return "lock"
    if (message == WM_POWERBROADCAST and w_param == PBT_APMSUSPEND) or message == WM_QUERYENDSESSION:
        return "sleep"
    return ""


class SessionWindow(QWidget):
    """A window that is never shown and hears what happens to the session.

    Signals:
        lock_asked: the session was locked, left or logged off.
        sleep_asked: the machine sleeps, or the session ends, as soon as the message is answered.
    """

    lock_asked = Signal()
    sleep_asked = Signal()

    def __init__(self) -> None:
        super().__init__(None, Qt.WindowType.Tool)
        self.setObjectName("Windows session")
        self.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
        self._handle = int(self.winId())
        self._registered = bool(
            _library("wtsapi32").WTSRegisterSessionNotification(
                wintypes.HWND(self._handle), wintypes.DWORD(NOTIFY_FOR_THIS_SESSION)
            )
        )

    def nativeEvent(self, kind: QByteArray | bytes | bytearray | memoryview, message: int) -> Any:
        """Heed a message; every message goes on its way."""
        if QByteArray(kind).data() == b"windows_generic_MSG":
            heard = Message.from_address(int(message))
            asked = what_is_asked(heard.message, heard.w_param)
            if asked == "lock":
                self.lock_asked.emit()
            elif asked == "sleep":
                self.sleep_asked.emit()
        return False, 0

    def stop(self) -> None:
        """Hear no more."""
        if self._registered:
            _library("wtsapi32").WTSUnRegisterSessionNotification(wintypes.HWND(self._handle))
            self._registered = False


def _library(name: str) -> Any:
    return getattr(ctypes, "WinDLL")(name)  # noqa: B009  (only there on Windows, where mypy does not look)
