"""Hears when the operating system locks the session, sleeps or shuts down.

Linux, over D-Bus: ``logind`` on the system bus (the session's ``Lock`` signal, its ``LockedHint`` and ``Active``, and
``PrepareForSleep``), and the screen savers of the desktops on the session bus as a second source, for desktops that
lock without telling logind. Sleep waits for the lock: a delay lock is held and let go once the keys are dropped.
Windows: session notifications and power broadcasts (:mod:`app.views.session_lock_windows`). macOS has neither here:
idle time, which counts sleep, locks there.
"""

import os
import sys
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app import logs


class SessionWatch(QObject):
    """Tells when Rollcall has to lock because the machine does.

    Signals:
        lock_asked: lock now.
        sleep_asked: lock now; the machine goes to sleep or down when :meth:`locked` is called, or in a few seconds.
    """

    lock_asked = Signal()
    sleep_asked = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._sources: list[QObject] = []

    def start(self) -> None:
        """Begin to listen; what is not there is done without."""
        if self._sources:
            return
        try:
            if sys.platform == "win32":
                self._start_windows()
            elif sys.platform == "linux":
                self._start_linux()
        except Exception as error:  # noqa: BLE001  (idle time still locks; nobody is kept from their cases)
            logs.get_logger().error("session_not_watched", exc=error)

    def locked(self) -> None:
        """Say that keys and connections are dropped, so that the machine may sleep."""
        for source in self._sources:
            let_go = getattr(source, "let_go", None)
            if let_go is not None:
                let_go()

    def sources(self) -> list[str]:
        """Return what is listened to, in words for the settings page."""
        return [str(source.objectName()) for source in self._sources]

    def stop(self) -> None:
        """Listen no more."""
        for source in self._sources:
            stop = getattr(source, "stop", None)
            if stop is not None:
                stop()
            source.deleteLater()
        self._sources.clear()

    def _start_linux(self) -> None:
        system, session = has_system_bus(), has_session_bus()
        if not (system or session):
            return
        try:
            from app.views import session_lock_linux as linux
        except ImportError:  # a system without the D-Bus library: idle time still locks
            return
        if system and (bus := linux.system_bus()) is not None:
            logind = linux.Logind(bus, self)
            logind.lock_asked.connect(self.lock_asked)
            logind.sleep_asked.connect(self.sleep_asked)
            self._sources.append(logind)
        if session and (bus := linux.session_bus()) is not None:
            saver = linux.ScreenSavers(bus, self)
            saver.lock_asked.connect(self.lock_asked)
            self._sources.append(saver)

    def _start_windows(self) -> None:
        from app.views.session_lock_windows import SessionWindow

        window = SessionWindow()
        window.lock_asked.connect(self.lock_asked)
        window.sleep_asked.connect(self.sleep_asked)
        self._sources.append(window)


def has_system_bus() -> bool:
    """Return whether there is a system bus to ask; Qt is not asked, because it would start one or complain."""
    if os.environ.get("DBUS_SYSTEM_BUS_ADDRESS"):
        return True
    return any(Path(place).exists() for place in ("/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket"))


def has_session_bus() -> bool:
    """Return whether this session has a bus that runs already."""
    folder = os.environ.get("XDG_RUNTIME_DIR")
    return bool(os.environ.get("DBUS_SESSION_BUS_ADDRESS") or (folder and (Path(folder) / "bus").exists()))
