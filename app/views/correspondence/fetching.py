"""Pages that are not on this laptop: fetched when a document is opened, with how far it is, and Cancel."""

import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.errors import RollcallError
from app.views.context import AppContext
from app.views.kit.buttons import QuietButton
from app.views.kit.feedback import ProgressPanel
from app.views.kit.text import Text
from app.views.sync_words import size_words
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.documents.listing import DocumentDetail
    from app.services.sync.fetching import Fetched

METERED = "The pages of this document are not on this laptop, and this network is metered."
STEPS = 1000


class FetchPanel(QWidget):
    """Stands where the pages will be.

    Signals:
        arrived: id of the document whose pages are here now.
    """

    arrived = Signal(str)
    _moved = Signal(str, int, int)

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("fetch_panel")
        self._context = context
        self._document_id = ""
        self._size = 0
        self._stop = threading.Event()
        self._busy = False
        self.words = Text("", "body", ink="ink2", wrap=True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.words.setObjectName("fetch_words")
        self.progress = ProgressPanel("Fetching the pages", cancellable=True)
        self.progress.setObjectName("fetch_progress")
        self.progress.cancelled.connect(self.cancel)
        self.again = QuietButton("Fetch the pages", "refresh-cw", compact=True)
        self.again.setObjectName("fetch_again")
        self.again.clicked.connect(self.fetch)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(20), px(16), px(20))
        column.setSpacing(px(12))
        column.addStretch(1)
        column.addWidget(self.words)
        column.addWidget(self.progress)
        column.addWidget(self.again, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        self._moved.connect(self._show_moved)

    def show_for(self, detail: "DocumentDetail") -> None:
        """Stand for a document whose pages are not here, and fetch them where that costs nothing."""
        if detail.id == self._document_id and self._busy:
            return
        self.leave()
        self._document_id, self._size = detail.id, detail.size
        if self._context.sync.status().metered:
            self._rest(METERED, f"Fetch {size_words(detail.size)} now")
        else:
            self.fetch()

    def leave(self) -> None:
        """Stop: another document is shown, or none. What has arrived is kept."""
        self._stop.set()
        self._document_id, self._busy = "", False

    def cancel(self) -> None:
        """Stop waiting; what has arrived is kept."""
        self._stop.set()

    def fetch(self) -> None:
        """Fetch the pages now, off the window's thread."""
        if not self._document_id or self._busy:
            return
        ws, asked, self._busy = self._context.ws, self._document_id, True
        stop = self._stop = threading.Event()
        self.words.hide()
        self.again.hide()
        self.progress.set_progress(0, 0, "Fetching the pages")
        self.progress.show()

        def moved(here: int, total: int) -> None:
            self._moved.emit(asked, here, total)

        def work() -> "Fetched":
            from app.services.sync import fetching

            return fetching.fetch_document(ws, asked, moved, stop.is_set)

        self._context.runner.run(
            self,
            work,
            lambda became: self._done(asked, became),
            lambda error: self._not_done(asked, error),
            lane="network",
        )

    def _show_moved(self, document_id: str, here: int, total: int) -> None:
        if document_id == self._document_id and self._busy:
            self.progress.set_progress(STEPS * here // max(1, total), STEPS)
            self.progress.count.setText(f"{size_words(here)} of {size_words(total)}")

    def _done(self, document_id: str, became: "Fetched") -> None:
        if document_id != self._document_id:
            return
        from app.services.sync.fetching import WORDS, Fetched

        self._busy = False
        if became is Fetched.HERE:
            self.progress.hide()
            self.arrived.emit(document_id)
        else:
            self._rest(WORDS[became], "" if became is Fetched.NOWHERE else "Fetch the pages")

    def _not_done(self, document_id: str, error: Exception) -> None:
        if document_id != self._document_id:
            return
        self._busy = False
        if isinstance(error, RollcallError):
            self._rest(error.message, "Fetch the pages")
        else:
            self._context.report_error(error)
            self._rest("The pages could not be fetched. The record is kept.", "Fetch the pages")

    def _rest(self, words: str, action: str) -> None:
        had_focus = self.isAncestorOf(self.focusWidget() or self)
        self.progress.hide()
        self.words.setText(words)
        self.words.show()
        self.again.set_text(action)
        self.again.setVisible(bool(action))
        if had_focus and action:
            self.again.setFocus(Qt.FocusReason.OtherFocusReason)
