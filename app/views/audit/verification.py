"""Verifying from the audit page: progress with Cancel, the outcome in words, and a report to keep."""

from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from app.views.kit.feedback import Banner, ProgressPanel
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.audit import AuditResult
    from app.views.context import AppContext


class Verification(QWidget):
    """Nothing until it is started; then progress; then what was found.

    Signals:
        running: it started or ended.
        done: it ended; the audit has one entry more.
    """

    running = Signal(bool)
    done = Signal()
    _counted = Signal(int, int)

    def __init__(self, context: "AppContext") -> None:
        super().__init__()
        self._context = context
        self._stop = Event()
        self._result: AuditResult | None = None
        self.banner: Banner | None = None
        self.refused: Banner | None = None
        self.progress = ProgressPanel("Verifying the audit", cancellable=True)
        self.progress.cancelled.connect(self._stop.set)
        self.progress.hide()
        self._counted.connect(self.progress.set_progress, Qt.ConnectionType.QueuedConnection)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(px(8))
        self._column.addWidget(self.progress)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)

    def start(self) -> None:
        """Verify the whole audit of this laptop off the window's thread."""
        from app.services import audit_trail

        self._stop.clear()
        self._put(None)
        self.progress.set_progress(0, 0)
        self.progress.show()
        self.running.emit(True)
        ws, stop, counted = self._context.ws, self._stop, self._counted

        def told(done: int, total: int) -> bool:
            counted.emit(done, total)
            return not stop.is_set()

        self._context.runner.run(self, lambda: audit_trail.check(ws, told), self._show, self._fail, lane="cpu")

    def show_refusal(self, reason: str) -> None:
        """Say that the central store does not countersign this audit; an empty reason says nothing."""
        if self.refused is not None:
            self._column.removeWidget(self.refused)
            self.refused.deleteLater()
            self.refused = None
        if reason:
            words = f"{reason} Verify it and save the report for your administrator. Nothing more is countersigned."
            self.refused = Banner("warn", words)
            self._column.addWidget(self.refused)

    def _show(self, result: "AuditResult") -> None:
        from app.services.audit_trail.checking import result_words

        self.progress.hide()
        self.running.emit(False)
        self._result = result
        kind = "info" if result.stopped else "error" if result.finding is not None else "ok"
        actions = [] if result.stopped else [("Save the report", self._ask_where)]
        self._put(Banner(kind, result_words(result), actions, closable=True))
        self.done.emit()

    def _fail(self, error: Exception) -> None:
        self.progress.hide()
        self.running.emit(False)
        self._context.report_error(error)

    def _put(self, banner: Banner | None) -> None:
        if self.banner is not None:
            self._column.removeWidget(self.banner)
            self.banner.hide()
            self.banner.deleteLater()
        self.banner = banner
        if banner is not None:
            self._column.addWidget(banner)

    def _ask_where(self) -> None:
        self._context.prompts.save_file(self, "Save the report", "audit-report.txt", "Text (*.txt)", self._save)

    def _save(self, path: Path) -> None:
        from app.services import audit_trail

        ws, result = self._context.ws, self._result
        if result is None:
            return
        self._context.runner.run(
            self,
            lambda: audit_trail.save_report(ws, result, path),
            lambda _none: self._context.toast(f"Saved {path.name}."),
        )
