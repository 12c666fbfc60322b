"""The page numbers under a document: the arrow keys move along them."""

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QFrame,
    QListView,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.views.kit.delegates import Index
from app.views.kit.paint import focus_ring, frame, paint_text
from app.views.kit.rows import ROW_ROLE, RowModel
from app.views.theme import Themed
from app.views.tokens import RADIUS_CONTROL, current, px

_MOST_SHOWN = 8
_WIDTH, _HEIGHT = 32, 28


class PageStrip(Themed, QListView):
    """A small box for each page.

    Signals:
        chosen: a page the person moved to, from 0.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.numbers = RowModel[int](lambda number: f"Page {number}", self)
        self._quiet = False
        self.setObjectName("page_numbers")
        self.setAccessibleName("Pages")
        self.setFlow(QListView.Flow.LeftToRight)
        self.setModel(self.numbers)
        self.setItemDelegate(_NumberDelegate(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setProperty("fill", "none")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.selectionModel().currentChanged.connect(self._moved)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFixedHeight(px(_HEIGHT))
        self._fit()

    def set_count(self, count: int) -> None:
        """Show so many pages; none is chosen."""
        self.numbers.set_rows(list(range(1, count + 1)))
        self._fit()

    def set_page(self, page: int) -> None:
        """Choose a page, from 0, without a signal."""
        self._quiet = True
        index = self.numbers.index(page)
        self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self.scrollTo(index)
        self._quiet = False

    def _moved(self, index: QModelIndex, _before: QModelIndex) -> None:
        if index.isValid() and not self._quiet:
            self.chosen.emit(index.row())

    def _fit(self) -> None:
        count = self.numbers.rowCount()
        self.setFixedWidth(min(count, _MOST_SHOWN) * px(_WIDTH))


class _NumberDelegate(QStyledItemDelegate):
    """A page number in a small box."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the box and the gap after it."""
        return QSize(px(_WIDTH), px(_HEIGHT))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw the box and the number."""
        painter.save()
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        box = QRect(rect.left(), rect.top() + px(1), px(27), px(26))
        selected = bool(state & QStyle.StateFlag.State_Selected)
        fill, edge, ink = ("accent", "accent", "on_accent") if selected else ("surface", "edge", "ink")
        frame(painter, box, fill, edge, px(RADIUS_CONTROL - 2), px(current().border_width))
        weight = "strong" if selected else "medium"
        paint_text(painter, box, str(index.data(ROW_ROLE)), "meta", weight, ink, Qt.AlignmentFlag.AlignHCenter)
        if state & QStyle.StateFlag.State_HasFocus:
            focus_ring(painter, box.adjusted(-px(1), -px(1), px(1), px(1)))
        painter.restore()
