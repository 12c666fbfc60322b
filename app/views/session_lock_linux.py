"""Linux: logind and the desktops' screen savers, over D-Bus. Nothing here waits for an answer."""

import os
import pwd
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from PySide6.QtCore import SLOT, QObject, Signal, Slot
from PySide6.QtDBus import QDBusConnection, QDBusMessage, QDBusPendingCallWatcher, QDBusVariant

LOGIND, LOGIND_PATH = "org.freedesktop.login1", "/org/freedesktop/login1"
MANAGER, SESSION = f"{LOGIND}.Manager", f"{LOGIND}.Session"
PROPERTIES = "org.freedesktop.DBus.Properties"
SCREEN_SAVERS = (
    "org.freedesktop.ScreenSaver",  # KDE, Xfce and others
    "org.gnome.ScreenSaver",
    "org.cinnamon.ScreenSaver",
    "org.mate.ScreenSaver",
)


def system_bus() -> QDBusConnection | None:
    """Return the system bus, or None when it does not answer."""
    bus = QDBusConnection.systemBus()
    return bus if bus.isConnected() else None


def session_bus() -> QDBusConnection | None:
    """Return the session's bus, or None when it does not answer."""
    bus = QDBusConnection.sessionBus()
    return bus if bus.isConnected() else None


class Logind(QObject):
    """Listens to logind.

    A lock is heeded when it is of any session of this person: a program of a desktop often runs outside the session
    that is locked (under ``user@.service``), so that asking which session it belongs to finds none.

    Signals:
        lock_asked: a session of this person was locked.
        sleep_asked: the machine waits for :meth:`let_go` before it sleeps or shuts down (5 seconds at most, usually).
    """

    lock_asked = Signal()
    sleep_asked = Signal()

    def __init__(self, bus: QDBusConnection, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("logind")
        self._bus = bus
        self._name = pwd.getpwuid(os.getuid()).pw_name if _has_name() else ""
        self._delay_lock: int | None = None
        self._is_leaving = False
        for path, interface, member, slot in (
            ("", SESSION, "Lock", "session_locked"),
            ("", PROPERTIES, "PropertiesChanged", "properties_changed"),
            (LOGIND_PATH, MANAGER, "PrepareForSleep", "leaving"),
            (LOGIND_PATH, MANAGER, "PrepareForShutdown", "leaving"),
        ):
            bus.connect(LOGIND, path, interface, member, self, _slot(slot))
        self.hold()

    def hold(self) -> None:
        """Ask logind to wait for us before it sleeps or shuts down."""
        if self._delay_lock is None:
            why = "Saving what is typed and locking"
            self._call(LOGIND_PATH, MANAGER, "Inhibit", ["sleep:shutdown", "Rollcall", why, "delay"], self._holds)

    def let_go(self) -> None:
        """Let the machine go on, where it waits for us."""
        if self._is_leaving:
            self._drop()

    def stop(self) -> None:
        """Let the machine go on whenever it likes."""
        self._drop()

    def _drop(self) -> None:
        if self._delay_lock is not None:
            with suppress(OSError):
                os.close(self._delay_lock)
            self._delay_lock = None

    def _holds(self, answer: QDBusMessage) -> None:
        given = answer.arguments()
        if answer.type() != QDBusMessage.MessageType.ReplyMessage or not given:
            return  # a logind that permits no delay: locking begins all the same, in a race with sleep
        held = os.dup(given[0].fileDescriptor())
        self._drop()
        self._delay_lock = held

    @Slot(QDBusMessage)
    def leaving(self, message: QDBusMessage) -> None:
        """Heed that the machine is about to sleep or shut down, or is back."""
        given = message.arguments()
        self._is_leaving = bool(given and given[0])
        if self._is_leaving:
            self.sleep_asked.emit()
        else:
            self.hold()

    @Slot(QDBusMessage)
    def session_locked(self, message: QDBusMessage) -> None:
        """Heed that a session was asked to lock."""
        self._if_ours(message.path())

    @Slot(QDBusMessage)
    def properties_changed(self, message: QDBusMessage) -> None:
        """Heed that a session says it is locked, for desktops that lock by themselves and tell logind."""
        given = message.arguments()
        if not given or given[0] != SESSION:
            return
        path = message.path()

        def heard(answer: QDBusMessage) -> None:
            if _value(answer) is True:
                self._if_ours(path)

        self._call(path, PROPERTIES, "Get", [SESSION, "LockedHint"], heard)

    def _if_ours(self, path: str) -> None:
        """Lock unless logind says that the session is somebody else's."""

        def heard(answer: QDBusMessage) -> None:
            name = _value(answer)
            if not name or not self._name or name == self._name:  # in doubt, lock
                self.lock_asked.emit()

        self._call(path, PROPERTIES, "Get", [SESSION, "Name"], heard)

    def _call(
        self, path: str, interface: str, member: str, given: list[Any], then: Callable[[QDBusMessage], object]
    ) -> None:
        message = QDBusMessage.createMethodCall(LOGIND, path, interface, member)
        message.setArguments(given)
        watcher = QDBusPendingCallWatcher(self._bus.asyncCall(message), self)

        def finished(done: QDBusPendingCallWatcher) -> None:
            then(done.reply())
            done.deleteLater()

        watcher.finished.connect(finished)


class ScreenSavers(QObject):
    """Listens to the desktops' screen savers.

    Signals:
        lock_asked: one has begun.
    """

    lock_asked = Signal()

    def __init__(self, bus: QDBusConnection, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("screen saver")
        for interface in SCREEN_SAVERS:
            # From anybody on this person's own bus: whoever is there could as well press Ctrl+L.
            bus.connect("", "", interface, "ActiveChanged", self, _slot("changed"))

    @Slot(QDBusMessage)
    def changed(self, message: QDBusMessage) -> None:
        """Heed that a screen saver has begun."""
        given = message.arguments()
        if given and given[0] is True:
            self.lock_asked.emit()


def _value(answer: QDBusMessage) -> Any:
    """Return a property's value, or None when there was no answer."""
    given = answer.arguments()
    if answer.type() != QDBusMessage.MessageType.ReplyMessage or not given:
        return None
    return given[0].variant() if isinstance(given[0], QDBusVariant) else given[0]


def _slot(name: str) -> Any:
    return SLOT(f"{name}(QDBusMessage)")  # text, whatever the stubs of PySide say: it refuses bytes


def _has_name() -> bool:
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:  # an account that the machine's list does not know
        return False
    return True
