"""Notices when nobody uses the window, and when the machine slept."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QWindow

if TYPE_CHECKING:
    from app.timesource import TimeSource

CHECK_MS = 5000
_USE = frozenset(
    {
        QEvent.Type.KeyPress,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseMove,
        QEvent.Type.Wheel,
        QEvent.Type.TouchBegin,
        QEvent.Type.TabletPress,
        QEvent.Type.InputMethod,
    }
)


class IdleWatch(QObject):
    """Tells when a number of minutes passed without a key or the pointer.

    It listens on the windows that take the focus, where input arrives once, rather than on every event of every
    widget. Wall time is compared, so time asleep counts.

    Signals:
        idle: the time is up; tells once until ``start`` is called again.
    """

    idle = Signal()

    def __init__(self, time: "TimeSource", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._time = time
        self._limit_s = 300
        self._used_at = time.now()
        self._timer = QTimer(self)
        self._timer.setInterval(CHECK_MS)
        self._timer.timeout.connect(self.check)
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            application.focusWindowChanged.connect(self.watch)

    def set_minutes(self, minutes: int) -> None:
        """Set how long is too long."""
        self._limit_s = minutes * 60

    def start(self) -> None:
        """Count from now."""
        self._used_at = self._time.now()
        self._timer.start()

    def stop(self) -> None:
        """Count no more (the window is locked)."""
        self._timer.stop()

    def watch(self, window: QWindow | None) -> None:
        """Listen to a window's input too."""
        if window is not None:
            window.removeEventFilter(self)
            window.installEventFilter(self)

    def check(self) -> None:
        """Tell when the time is up."""
        if self._timer.isActive() and (self._time.now() - self._used_at).total_seconds() >= self._limit_s:
            self._timer.stop()
            self.idle.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Note use; every event goes on its way."""
        if event.type() in _USE:
            self._used_at = self._time.now()
        return False
