"""The list itself: a table of two-line rows with tick boxes, all of it reachable by keyboard."""

from typing import Any

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from app.views.kit.paint import focus_ring, paint_check, paint_text
from app.views.kit.rows import ROW_ROLE
from app.views.team.model import QueueModel
from app.views.theme import Themed, colour
from app.views.tokens import current, px

Index = QModelIndex | QPersistentModelIndex
_TICK_WIDTH, _BOX = 46, 18


class _CellDelegate(QStyledItemDelegate):
    """Draws one cell: ground, hairline, then what its column draws."""

    def __init__(self, table: "QueueTable") -> None:
        super().__init__(table)
        self._table = table

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model = self._table.queue_model
        rect: QRect = option.rect
        painter.save()
        if model.ticks and model.is_ticked(index.row()):
            painter.fillRect(rect, colour("accent_tint"))
        painter.setPen(QPen(colour("hairline"), px(current().border_width)))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        column = model.column(index.column())
        if column is None:
            box = px(_BOX)
            place = QRect(rect.left() + px(16), rect.center().y() - box // 2, box, box)
            paint_check(painter, place, Qt.CheckState(index.data(Qt.ItemDataRole.CheckStateRole)))
        else:
            left = px(16) if index.column() == 0 else px(4)
            column.paint(painter, rect.adjusted(left, 0, -px(8), 0), index.data(ROW_ROLE), self._table.is_narrow())
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(px(80), self._table.row_height())


class _Header(QHeaderView):
    """Column titles; the first section ticks or unticks every row."""

    def __init__(self, table: "QueueTable") -> None:
        super().__init__(Qt.Orientation.Horizontal, table)
        self._table = table
        self.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setStretchLastSection(False)
        self.setSectionsClickable(False)
        self.setHighlightSections(False)
        self.setAccessibleName("Column titles")

    def sizeHint(self) -> QSize:
        return QSize(0, px(34))

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        model = self._table.queue_model
        painter.save()
        painter.fillRect(rect, colour("canvas"))
        painter.setPen(QPen(colour("hairline"), px(current().border_width)))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        column = model.column(section)
        if column is None:
            box = px(_BOX)
            place = QRect(rect.left() + px(16), rect.center().y() - box // 2, box, box)
            paint_check(painter, place, self._state(), enabled=model.rowCount() > 0)
        else:
            left = px(16) if section == 0 else px(4)
            paint_text(painter, rect.adjusted(left, 0, -px(4), 0), column.title, "meta", "strong", "ink2")
        painter.restore()

    def _state(self) -> Qt.CheckState:
        model = self._table.queue_model
        count = len(model.chosen())
        if count == 0:
            return Qt.CheckState.Unchecked
        return Qt.CheckState.Checked if count == model.rowCount() else Qt.CheckState.PartiallyChecked

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        model = self._table.queue_model
        if model.ticks and self.logicalIndexAt(event.position().toPoint()) == 0:
            model.tick_all(on=self._state() != Qt.CheckState.Checked)
        super().mouseReleaseEvent(event)


class QueueTable(Themed, QTableView):
    """One list.

    Space ticks the current row, Ctrl+A every row, Enter opens.

    Signals:
        opened: a row, by Enter or double click.
        moved: the current row has changed.
    """

    opened = Signal(object)
    moved = Signal()

    def __init__(self, name: str, model: QueueModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.queue_model = model
        self._narrow = False
        self.setModel(model)
        self.setItemDelegate(_CellDelegate(self))
        self.setHorizontalHeader(_Header(self))
        self.verticalHeader().hide()
        self.setShowGrid(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(name)
        model.ticked.connect(self._repaint)
        self._held: tuple[str | None, int, int] = (None, 0, 0)
        model.modelAboutToBeReset.connect(self._hold_place)
        model.modelReset.connect(self._keep_current)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.verticalHeader().setDefaultSectionSize(self.row_height())
        self._spread()

    def row_height(self) -> int:
        """Return the height of a row in pixels."""
        return px(56)

    def is_narrow(self) -> bool:
        """Return whether folding columns are hidden."""
        return self._narrow

    def current_row(self) -> Any:
        """Return the row with the focus, or None."""
        return self.queue_model.row(self.currentIndex().row())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the width out."""
        super().resizeEvent(event)
        self._spread()

    def _spread(self) -> None:
        model = self.queue_model
        width = self.viewport().width()
        every = [model.column(section) for section in range(model.columnCount())]
        self._narrow = width < sum(px(column.width if column else _TICK_WIDTH) for column in every)
        shown = {}
        for section, column in enumerate(every):
            hidden = column is not None and column.folds and self._narrow
            self.setColumnHidden(section, hidden)
            if not hidden:
                shown[section] = column
        fixed = {section: px(column.width if column else _TICK_WIDTH) for section, column in shown.items()}
        stretches = {section: column.stretch if column else 0 for section, column in shown.items()}
        spare, total = width - sum(fixed.values()), sum(stretches.values()) or 1
        left = width
        for section, least in fixed.items():
            share = spare * stretches[section] // total
            last = section == max(fixed)
            self.setColumnWidth(section, max(px(44), left if last else least + share))
            left -= self.columnWidth(section)

    def _hold_place(self) -> None:
        row = self.currentIndex().row()
        self._held = (self.queue_model.key_of(row), row, self.verticalScrollBar().value())

    def _keep_current(self) -> None:
        """Stay on the row that was current, wherever it stands now, and where the list was scrolled to."""
        key, row, scrolled = self._held
        if self.queue_model.rowCount():
            found = self.queue_model.place_of(key)
            place = found if found >= 0 else max(0, min(row, self.queue_model.rowCount() - 1))
            self.selectionModel().setCurrentIndex(
                self.queue_model.index(place, 0), QItemSelectionModel.SelectionFlag.NoUpdate
            )
            self.updateGeometries()
            self.verticalScrollBar().setValue(scrolled)
        self.moved.emit()

    def _repaint(self) -> None:
        self.horizontalHeader().viewport().update()
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Tick, tick all, open; leave the arrows to the table, along rows only."""
        model, row = self.queue_model, self.currentIndex().row()
        key = event.key()
        if model.ticks and event.matches(QKeySequence.StandardKey.SelectAll):
            model.tick_all(on=len(model.chosen()) < model.rowCount())
        elif model.ticks and key == Qt.Key.Key_Space and 0 <= row < model.rowCount():
            model.tick(row, on=not model.is_ticked(row))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            if model.row(row) is not None:
                self.opened.emit(model.row(row))
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            event.ignore()
        else:
            super().keyPressEvent(event)

    def currentChanged(self, new: Index, old: Index) -> None:
        """Repaint the ring, and tell the page."""
        super().currentChanged(new, old)
        self.viewport().update()
        self.moved.emit()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Tick where the box is."""
        super().mouseReleaseEvent(event)
        index = self.indexAt(event.position().toPoint())
        model = self.queue_model
        if event.button() == Qt.MouseButton.LeftButton and index.isValid() and model.column(index.column()) is None:
            model.tick(index.row(), on=not model.is_ticked(index.row()))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open a row, except on its box."""
        index = self.indexAt(event.position().toPoint())
        model = self.queue_model
        if index.isValid() and model.column(index.column()) is not None:
            self.opened.emit(model.row(index.row()))

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show which row the keyboard is on."""
        super().focusInEvent(event)
        if not self.currentIndex().isValid() and self.queue_model.rowCount():
            self.setCurrentIndex(self.queue_model.index(0, 0))
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the rows, then the ring round the current one."""
        super().paintEvent(event)
        index = self.currentIndex()
        if self.hasFocus() and index.isValid():
            top = self.rowViewportPosition(index.row())
            row = QRect(0, top, self.viewport().width(), self.rowHeight(index.row()))
            focus_ring(QPainter(self.viewport()), row, 0)
