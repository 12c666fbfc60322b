"""The documents and the letters of a case: a list, and the pages of what is chosen."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QListView, QStackedLayout, QVBoxLayout, QWidget

from app.models.terms import LetterState
from app.timesource import format_date, to_london
from app.views.case.master_detail import MasterDetail
from app.views.correspondence.viewer import PageViewer
from app.views.kit.buttons import PlainButton, QuietButton
from app.views.kit.cards import EmptyState, rule
from app.views.kit.delegates import TwoLine, TwoLineDelegate
from app.views.kit.rows import RowModel
from app.views.kit.text import Text
from app.views.theme import Themed
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.case_views import CaseView, DocumentView, LetterView
    from app.views.context import AppContext

LETTER_ICONS = {
    LetterState.DRAFT: "pencil",
    LetterState.WAITING_APPROVAL: "stamp",
    LetterState.APPROVED: "badge-check",
    LetterState.ISSUED: "send",
    LetterState.RETURNED: "undo-2",
    LetterState.SUPERSEDED: "replace",
}


def document_lines(row: "DocumentView") -> TwoLine:
    """Return how a document is listed: from whom, what, when, how long, how sensitive."""
    pages = "1 page" if row.page_count == 1 else f"{row.page_count} pages"
    came = row.received_on or to_london(row.arrived_at).date()
    detail = [row.sender, row.kind, pages, format_date(came)]
    return TwoLine(row.title, " · ".join(part for part in detail if part), "file-text")


def letter_lines(row: "LetterView") -> TwoLine:
    """Return how a letter is listed: title, to whom, status and when a reply is due."""
    detail = [f"To {row.recipient}" if row.recipient else "", row.state_words]
    if row.dated_on:
        detail.append(format_date(row.dated_on))
    if row.reply_by:
        detail.append(f"reply by {row.reply_by.day} {row.reply_by:%b}")
    return TwoLine(row.title, " · ".join(part for part in detail if part), LETTER_ICONS[row.state])


class _ListAndPages(Themed, QWidget):
    """A list of things with pages, and the viewer.

    Signals:
        chosen: the row now chosen.
    """

    chosen = Signal(object)

    def __init__(
        self,
        context: "AppContext",
        name: str,
        describe: Callable[[Any], TwoLine],
        action: PlainButton,
        empty: str,
    ) -> None:
        super().__init__()
        self._key = ""
        self._loading = False
        self.rows: RowModel[Any] = RowModel(lambda row: ", ".join(_spoken(describe(row))), self)
        self.list = QListView()
        self.list.setObjectName(f"{name.lower()}_list")
        self.list.setAccessibleName(name)
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setModel(self.rows)
        self.list.setItemDelegate(TwoLineDelegate(describe, self.list, height=54, marker=True))
        self.list.selectionModel().currentChanged.connect(lambda now, _before: self._choose(now.row()))
        self.viewer = PageViewer(context)
        right = QWidget()
        # A stacked layout without a widget would show its first page as a window.
        self.pages = QStackedLayout(right)
        self.other = QWidget()
        self.other_column = QVBoxLayout(self.other)
        self.pages.addWidget(self.viewer)
        self.pages.addWidget(self.other)
        self.heading = Text(name, "card", weight="strong")
        head = QHBoxLayout()
        head.setContentsMargins(px(16), px(8), px(8), px(8))
        head.addWidget(self.heading, 1)
        head.addWidget(action)
        self.empty = EmptyState(empty)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(rule())
        column.addWidget(self.empty)
        column.addWidget(self.list, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(MasterDetail(left, right, share=(4, 6)))

    def show_rows(self, rows: Sequence[Any], *, shown: bool) -> None:
        """Show rows, keeping the chosen one; pages are read only while the tab is ``shown``."""
        ids = [row.id for row in rows]
        same = [row.id for row in self.rows.rows()] == ids and self.rows.rows() == list(rows)
        self.empty.setVisible(not rows)
        self.list.setVisible(bool(rows))
        if same:
            self._loading = self._loading or not shown
        else:
            self.list.selectionModel().blockSignals(True)
            self.rows.set_rows(rows)
            if ids:
                self.list.setCurrentIndex(self.rows.index(ids.index(self._key) if self._key in ids else 0))
            self.list.selectionModel().blockSignals(False)
            self._loading = True
        if shown and self._loading:
            self._choose(self.list.currentIndex().row())

    def choose(self, row_id: str) -> None:
        """Choose a row by id."""
        self._key = row_id
        ids = [row.id for row in self.rows.rows()]
        if row_id in ids:
            self.list.setCurrentIndex(self.rows.index(ids.index(row_id)))
            self._choose(ids.index(row_id))

    def _choose(self, place: int) -> None:
        rows = self.rows.rows()
        self._loading = False
        if 0 <= place < len(rows):
            self._key = rows[place].id
            self.chosen.emit(rows[place])
        else:
            self.viewer.clear("")

    def show_other(self, widget: QWidget) -> None:
        """Show a widget in place of pages."""
        while (item := self.other_column.takeAt(0)) is not None:
            inner = item.widget()
            if inner is not None:
                inner.hide()
                inner.deleteLater()
        self.other_column.addStretch(1)
        self.other_column.addWidget(widget)
        self.other_column.addStretch(1)
        self.pages.setCurrentWidget(self.other)

    def show_pages(self, document_id: str) -> None:
        """Show a document's pages."""
        self.pages.setCurrentWidget(self.viewer)
        self.viewer.show_document(document_id)


def _spoken(shown: TwoLine) -> list[str]:
    return [part for part in (shown.title, shown.detail) if part]


class DocumentsTab(_ListAndPages):
    """Documents linked to the case."""

    def __init__(self, context: "AppContext") -> None:
        add = PlainButton("Add documents", "plus", compact=True)
        add.setObjectName("add_documents")
        add.clicked.connect(lambda: context.navigate("correspondence"))
        words = "No document is linked to this case. Link one in Correspondence."
        super().__init__(context, "Documents", document_lines, add, words)
        self.chosen.connect(lambda row: self.show_pages(row.id))

    def show_case(self, view: "CaseView", *, shown: bool) -> None:
        """Show a case's documents."""
        self.show_rows(view.documents, shown=shown)


class LettersTab(_ListAndPages):
    """Letters of the case."""

    def __init__(self, context: "AppContext") -> None:
        self._context = context
        self._case_id = ""
        write = PlainButton("Write letter", "mail", compact=True)
        write.setObjectName("write_letter_here")
        write.clicked.connect(lambda: context.navigate("letter", case_id=self._case_id))
        self.write_button = write
        super().__init__(context, "Letters", letter_lines, write, "No letter has been written on this case.")
        self.chosen.connect(self._show)

    def show_case(self, view: "CaseView", *, shown: bool) -> None:
        """Show a case's letters."""
        self._case_id = view.identity.case_id
        self.write_button.setVisible(view.editable)
        self.show_rows(view.letters, shown=shown)

    def _show(self, row: "LetterView") -> None:
        if row.document_id:
            self.show_pages(row.document_id)
            return
        box = QWidget()
        column = QVBoxLayout(box)
        words = "This letter is still a draft." if row.state is LetterState.DRAFT else f"{row.state_words}."
        column.addWidget(Text(words, ink="ink2"), 0, Qt.AlignmentFlag.AlignHCenter)
        go_on = QuietButton("Open the letter", "pencil-line")
        go_on.setObjectName("open_letter")
        go_on.clicked.connect(lambda: self._context.navigate("letter", case_id=self._case_id, letter_id=row.id))
        column.addWidget(go_on, 0, Qt.AlignmentFlag.AlignHCenter)
        self.show_other(box)
