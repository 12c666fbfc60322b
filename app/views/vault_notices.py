"""What people are told about their vault wherever they are: little room on the disk, a second copy that lags."""

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.views.context import AppContext
from app.views.kit.feedback import Banner

LOOK_EVERY_MS, LOOK_AFTER_MS = 60_000, 2_000


class VaultNotices(QWidget):
    """Banners over the page; nothing when all is well. One that was closed stays closed until its matter changes."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._shown: dict[str, Banner] = {}
        self.setObjectName("vault_notices")
        self.hide()
        self._regular, self._soon = QTimer(self), QTimer(self)
        self._soon.setSingleShot(True)
        for timer in (self._regular, self._soon):
            timer.timeout.connect(self.look)
        self._regular.start(LOOK_EVERY_MS)
        context.records_changed.connect(self._something_changed)
        self.look()

    def look(self) -> None:
        """Ask the vault, off the window's thread, and show what it says."""
        ws = self.context.ws

        def ask() -> tuple[tuple[str, str], ...]:
            from app.services import offline_limit

            return (*ws.notices(), *offline_limit.notices(ws))

        self.context.runner.run(self, ask, self._show, lambda _error: None)

    def _something_changed(self, _tables: object) -> None:
        if not self._soon.isActive():
            self._soon.start(LOOK_AFTER_MS)

    def _show(self, notices: tuple[tuple[str, str], ...]) -> None:
        said = dict(notices)
        for matter in [matter for matter in self._shown if matter not in said]:
            banner = self._shown.pop(matter)
            banner.hide()
            banner.deleteLater()
        for matter, words in notices:
            known = self._shown.get(matter)
            if known is not None:
                known.set_text(words)
                continue
            banner = Banner("warn", words, closable=True)
            banner.setObjectName(f"vault_notice_{matter}")
            self._shown[matter] = banner
            self._column.addWidget(banner)
        self.setVisible(bool(self._shown))
