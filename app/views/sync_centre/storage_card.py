"""What the vault takes up on this laptop, and making room."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.views.context import AppContext
from app.views.kit.buttons import QuietButton
from app.views.kit.cards import Card
from app.views.kit.facts import Facts
from app.views.kit.feedback import ProgressPanel
from app.views.kit.fields import Select
from app.views.kit.text import Text
from app.views.sync_words import size_words
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.sync.storage import StorageView

DAYS = (30, 90, 180, 365)
"""As :data:`app.services.sync.storage.CHOICES`, so that the field has its width before anything is read."""
FACTS = ("Records", "Documents", "Pages on this laptop", "Only in the central store", "Room left")
WHAT = (
    "The records stay, and the pages come back when you open the document. Only what the central store holds whole is "
    "let go."
)
_NONE = "Nothing can be let go: every document here is newer, or is not in the central store yet."


class StorageCard(Card):
    """Sizes of both databases, room left, and letting bytes go that are safe in the central store."""

    _moved = Signal(int, int)

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__("Storage", parent=parent)
        self.setObjectName("storage_card")
        self._context = context
        self._can_go: dict[int, tuple[int, int]] = {}
        column = self.padded()
        self.facts = Facts(FACTS)
        column.addWidget(self.facts)
        self.days = Select("Which documents to let go")
        self.days.setObjectName("let_go_days")
        for days in DAYS:
            self.days.addItem(f"Older than {days} days", days)
        self.days.setCurrentIndex(DAYS.index(90))
        self.days.activated.connect(lambda _place: self._show_choice())
        self.let_go = QuietButton("Make room", "archive", compact=True)
        self.let_go.setObjectName("let_go")
        self.let_go.clicked.connect(self._ask)
        self.words = Text(_NONE, "secondary", ink="ink2", wrap=True)
        self.words.setObjectName("let_go_words")
        self._row = QWidget()
        row = QHBoxLayout(self._row)
        row.setContentsMargins(0, px(4), 0, 0)
        row.setSpacing(px(8))
        row.addWidget(self.days, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.let_go, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addStretch(1)
        column.addWidget(self._row)
        column.addWidget(self.words)
        self.progress = ProgressPanel("Making room")
        self.progress.hide()
        column.addWidget(self.progress)
        self._moved.connect(lambda done, total: self.progress.set_progress(done, total))

    def refresh(self) -> None:
        """Read the sizes, off the window's thread."""
        ws = self._context.ws

        def work() -> "StorageView":
            from app.services.sync import storage

            return storage.storage_view(ws)

        self._context.runner.run(self, work, self.show_storage)

    def show_storage(self, view: "StorageView") -> None:
        """Show what was read."""
        self.facts.set_fact("Records", size_words(view.records_bytes))
        self.facts.set_fact("Documents", size_words(view.documents_bytes))
        self.facts.set_fact("Pages on this laptop", _documents(view.here))
        self.facts.set_fact("Only in the central store", _documents(view.elsewhere))
        self.facts.set_fact("Room left", size_words(view.free_bytes) if view.free_bytes < 1 << 60 else "Enough")
        self._can_go = {days: (count, size) for days, count, size in view.can_go}
        self._show_choice()

    def _show_choice(self) -> None:
        count, size = self._can_go.get(self.days.currentData(), (0, 0))
        self.let_go.setEnabled(count > 0)
        self.words.setText(f"{_documents(count)}, {size_words(size)}, can be let go. {WHAT}" if count else _NONE)

    def _ask(self) -> None:
        days = int(self.days.currentData())
        count, size = self._can_go.get(days, (0, 0))
        self._context.prompts.confirm(
            self,
            f"Let the pages of {_documents(count)} go?",
            f"This makes about {size_words(size)} of room. {WHAT}",
            "Make room",
            lambda: self._start(days),
        )

    def _start(self, days: int) -> None:
        ws = self._context.ws
        self.let_go.setEnabled(False)
        self.progress.set_progress(0, 0, "Making room")
        self.progress.show()

        def work() -> int:
            from app.services.sync import storage

            return storage.let_documents_go(ws, days, self._moved.emit)

        self._context.runner.run(self, work, self._done, self._not_done, lane="network")

    def _done(self, freed: int) -> None:
        self.progress.hide()
        self._context.toast(f"{size_words(freed)} of pages were let go. They come back when you open the document.")
        self.refresh()

    def _not_done(self, error: Exception) -> None:
        self.progress.hide()
        self.refresh()
        self._context.report_error(error)


def _documents(count: int) -> str:
    return "1 document" if count == 1 else f"{count} documents"
