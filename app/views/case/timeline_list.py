"""The list of the timeline."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListView, QMenu

from app.views import clipboard
from app.views.case.timeline_delegate import TimelineDelegate
from app.views.case.timeline_rows import DayHead, sentence, with_days
from app.views.kit.rows import RowModel
from app.views.theme import Themed
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.case_views import TimelineEvent


class TimelineList(Themed, QListView):
    """Day heads and lines; Enter or a click on a card opens its document or letter.

    Signals:
        document_asked: a document's id.
        letter_asked: a letter's id.
        correction_asked: the line that is to be corrected.
        end_reached: the last row came into view.
    """

    document_asked = Signal(str)
    letter_asked = Signal(str)
    correction_asked = Signal(object)
    end_reached = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.rows: RowModel[DayHead | TimelineEvent] = RowModel(sentence, self)
        self._delegate = TimelineDelegate(self)
        self.setModel(self.rows)
        self.setItemDelegate(self._delegate)
        self.setObjectName("timeline")
        self.setAccessibleName("Timeline")
        self.setProperty("fill", "none")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setMouseTracking(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._open_menu)
        self.verticalScrollBar().valueChanged.connect(self._note_scroll)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.verticalScrollBar().setSingleStep(px(24))
        self.doItemsLayout()

    def show_events(self, events: "Sequence[TimelineEvent]", today: date) -> None:
        """Show events, newest first, keeping the place in the list."""
        keep = self.verticalScrollBar().value()
        self.rows.set_rows(list(with_days(events, today)))
        self.verticalScrollBar().setValue(keep)

    def _note_scroll(self, value: int) -> None:
        if value >= self.verticalScrollBar().maximum() - px(200):
            self.end_reached.emit()

    def event_at_current(self) -> Any:
        """Return the line with the focus, or None."""
        row = self.rows.row(self.currentIndex())
        return None if isinstance(row, DayHead) else row

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens, Ctrl+C copies, the menu key shows the menu."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self._open(self.event_at_current())
        elif event.matches(QKeySequence.StandardKey.Copy):
            row = self.rows.row(self.currentIndex())
            if row is not None:
                clipboard.copy(sentence(row))
        else:
            super().keyPressEvent(event)

    def _open(self, row: Any) -> None:
        if row is None:
            return
        if row.document is not None:
            self.document_asked.emit(row.document.id)
        elif row.letter_id:
            self.letter_asked.emit(row.letter_id)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Open a document whose card was clicked."""
        index = self.indexAt(event.position().toPoint())
        row = self.rows.row(index)
        if event.button() == Qt.MouseButton.LeftButton and row is not None and not isinstance(row, DayHead):
            on_card = row.document is not None and self._delegate.card_rect(self.visualRect(index), row).contains(
                event.position().toPoint()
            )
            if on_card or (row.letter_id and row.document is None):
                self._open(row)
        super().mouseReleaseEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show a hand over what opens."""
        point = event.position().toPoint()
        index = self.indexAt(point)
        row = self.rows.row(index)
        opens = (
            row is not None
            and not isinstance(row, DayHead)
            and row.document is not None
            and self._delegate.card_rect(self.visualRect(index), row).contains(point)
        )
        shape = Qt.CursorShape.PointingHandCursor if opens else Qt.CursorShape.ArrowCursor
        self.viewport().setCursor(shape)
        super().mouseMoveEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Put the arrow back."""
        self.viewport().setCursor(Qt.CursorShape.ArrowCursor)
        super().leaveEvent(event)

    def _open_menu(self, point: Any) -> None:
        row = self.rows.row(self.indexAt(point)) if self.indexAt(point).isValid() else self.event_at_current()
        if row is None or isinstance(row, DayHead):
            return
        menu = QMenu(self)
        if row.document is not None or row.letter_id:
            menu.addAction("Open").triggered.connect(lambda: self._open(row))
        copy = menu.addAction("Copy text")
        copy.triggered.connect(lambda: clipboard.copy(sentence(row)))
        menu.addAction("Correct this entry").triggered.connect(lambda: self.correction_asked.emit(row))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.viewport().mapToGlobal(point))
