"""The keeper's states, brought to the window's thread as a page shows them; and the banner over every page."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.views.context import AppContext
from app.views.kit.feedback import Banner

if TYPE_CHECKING:
    from app.services.backup.keeper import BackupStatus
    from app.services.backup.overview import BackupOverview


class BackupRelay(QObject):
    """Tells of every new state.

    Signals:
        arrived: a ``BackupOverview``.
    """

    arrived = Signal(object)
    _came = Signal(object)

    def __init__(self, context: AppContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._came.connect(self._show)
        if context.backups is not None:
            stop = context.backups.on_status(self._take)
            self.destroyed.connect(lambda _gone=None: stop())

    def overview(self) -> "BackupOverview | None":
        """Return the page for the state now; None without a keeper."""
        if self._context.backups is None:
            return None
        return self._worded(self._context.backups.status())

    def _take(self, status: "BackupStatus") -> None:
        try:
            self._came.emit(status)
        except RuntimeError:
            return  # the window is gone

    def _show(self, status: "BackupStatus") -> None:
        self.arrived.emit(self._worded(status))

    def _worded(self, status: "BackupStatus") -> "BackupOverview":
        from app.services.backup.overview import overview

        return overview(status, self._context.ws.time.now())


class BackupNotice(QWidget):
    """Over the page: a backup that was damaged, or one that was due and could not be made."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("backup_notice")
        self.context = context
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.words = ""
        self._closed = ""
        self._relay = BackupRelay(context, self)
        self._relay.arrived.connect(self._show)
        self.hide()

    def _show(self, found: "BackupOverview") -> None:
        if found.running:
            return
        words = found.alarm or found.problem
        if words == self.words:
            return
        self.words = words
        while (item := self._column.takeAt(0)) is not None:
            old = item.widget()
            if old is not None:
                old.hide()
                old.deleteLater()
        if words and words != self._closed:
            actions = [("Open backups", self._open)]
            banner = Banner("warn", words, actions, closable=True)
            banner.closed.connect(self._close)
            self._column.addWidget(banner)
        self.setVisible(self._column.count() > 0)

    def _open(self) -> None:
        self._close()  # the page says it too
        self.context.navigate("backups")

    def _close(self) -> None:
        self._closed = self.words
        self.hide()
