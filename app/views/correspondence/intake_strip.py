"""The strip over the panes: files being added, and afterwards each file that was kept out and why."""

from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.views.context import AppContext
from app.views.kit.cards import rule
from app.views.kit.feedback import Banner, ProgressPanel
from app.views.theme import Themed, tinted
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.documents.intake import IntakeReport

FILE_KINDS = "Pages (*.pdf *.png *.jpg *.jpeg *.tif *.tiff);;All files (*)"
_MOST_NAMED = 12


class IntakeStrip(Themed, QWidget):
    """Adds batches of files off the window's thread, one after another.

    Signals:
        finished: the ``IntakeReport`` of a batch.
    """

    finished = Signal(object)
    _moved = Signal(int, int)

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._stop = Event()
        self._waiting: list[tuple[list[Path], str]] = []
        self._running = False
        self.panel = ProgressPanel("Adding files", cancellable=True)
        self.panel.cancelled.connect(self._stop.set)
        self.progress = QWidget()
        inner = QVBoxLayout(self.progress)
        inner.setContentsMargins(px(16), px(10), px(16), px(10))
        inner.addWidget(self.panel)
        self.progress.hide()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(self.progress)
        self._line = rule()
        self._column.addWidget(self._line)
        self._line.hide()
        self._moved.connect(self._show_progress, Qt.ConnectionType.QueuedConnection)
        self.destroyed.connect(self._stop.set)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        tinted(self, "ink", "surface")

    def choose(self, owner: QWidget) -> None:
        """Ask for files and add them."""
        self._context.prompts.choose_files(owner, "Add files", FILE_KINDS, lambda paths: self.add(paths, "file"))

    def add(self, paths: list[Path], source: str) -> None:
        """Add files; a batch that arrives while another runs waits for it."""
        if not paths:
            return
        if self._running:
            self._waiting.append((paths, source))
            return
        self._running = True
        self._stop.clear()
        self._clear_banners()
        self._show_progress(0, len(paths))
        self.progress.show()
        self._line.show()
        ws, stop, moved = self._context.ws, self._stop, self._moved.emit

        def work() -> "IntakeReport":
            from app.services.documents import intake

            return intake.add_files(ws, paths, source=source, progress=moved, stop=stop.is_set)

        self._context.runner.run(self, work, self._done, self._failed, lane="cpu")

    def banners(self) -> list[Banner]:
        """Return the banners shown."""
        return [banner for banner in self.findChildren(Banner) if banner.isVisibleTo(self)]

    def _show_progress(self, done: int, total: int) -> None:
        if self._running:
            words = "Adding a file" if total == 1 else f"Adding {total} files"
            self.panel.set_progress(done, total, words)

    def _done(self, report: "IntakeReport") -> None:
        self._end()
        if report.refused:
            count = len(report.refused)
            was = "1 file was" if count == 1 else f"{count} files were"
            title = f"{was} not added. Nothing was changed by {'it' if count == 1 else 'them'}."
            self._say("warn", title, [f"{refused.name}: {refused.message}" for refused in report.refused])
        known = [f"{added.name}: {added.known}" for added in report.added if added.known]
        if known:
            self._say("info", "Already here", known)
        self.finished.emit(report)
        self._next()

    def _failed(self, error: Exception) -> None:
        self._end()
        self._context.report_error(error)
        self._next()

    def _end(self) -> None:
        self._running = False
        self.progress.hide()
        self._line.hide()

    def _next(self) -> None:
        if self._waiting:
            paths, source = self._waiting.pop(0)
            self.add(paths, source)

    def _say(self, kind: str, title: str, lines: list[str]) -> None:
        shown = lines[:_MOST_NAMED]
        if len(lines) > _MOST_NAMED:
            shown.append(f"and {len(lines) - _MOST_NAMED} more")
        banner = Banner(kind, "\n".join(shown), title=title, closable=True)
        banner.setObjectName("intake_banner")
        self._column.addWidget(banner)

    def _clear_banners(self) -> None:
        for banner in self.findChildren(Banner):
            banner.hide()
            banner.deleteLater()
