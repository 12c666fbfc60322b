"""The table of audit entries: how a row is drawn, keys, and which columns there is room for."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from app.views.audit.audit_model import COLUMNS, KEYS, AuditModel, detail_words, when_words
from app.views.kit.delegates import inks, two_lines
from app.views.kit.paint import frame, paint_tag, paint_text, tag_size
from app.views.kit.rows import ROW_ROLE
from app.views.theme import Themed, colour
from app.views.tokens import RADIUS_TAG, TALL_ROW_HEIGHT, current, px

if TYPE_CHECKING:
    from app.services.audit_trail import AuditRow

Index = QModelIndex | QPersistentModelIndex
LEAST_WHAT_WIDTH = 260
GIVES_WAY = ("entry", "who")
"""Columns in the order in which they are left out when there is no room; who then stands in line two."""


class AuditDelegate(QStyledItemDelegate):
    """Draws every column.

    Attributes:
        folded: True in a narrow window: who stands in the second line of what.
    """

    folded = False

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the height of a row."""
        return QSize(px(48), px(TALL_ROW_HEIGHT))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw the ground, then the cell."""
        painter.save()
        rect: QRect = option.rect
        view = option.widget
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen:
            painter.fillRect(rect, colour("selection"))
        painter.setPen(QPen(colour("hairline"), px(current().border_width)))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        row = index.data(ROW_ROLE)
        key = KEYS[index.column()]
        if row is None:
            bar = QRect(rect.left() + px(20), rect.center().y() - px(5), max(px(24), rect.width() // 2), px(10))
            frame(painter, bar, "hairline", None, px(RADIUS_TAG), 0)
        else:
            left = px(20) if key == "when" else px(4)
            self._paint_cell(painter, rect.adjusted(left, 0, -px(12), 0), row, key, chosen)
        if isinstance(view, QAbstractItemView) and view.hasFocus() and view.currentIndex().row() == index.row():
            width = px(current().focus_width)
            painter.fillRect(QRect(rect.left(), rect.top(), rect.width(), width), colour("focus"))
            painter.fillRect(QRect(rect.left(), rect.bottom() - width + 1, rect.width(), width), colour("focus"))
        painter.restore()

    def _paint_cell(self, painter: QPainter, room: QRect, row: "AuditRow", key: str, chosen: bool) -> None:
        ink, ink2 = inks(chosen)
        if key == "when":
            two_lines(painter, room, *when_words(row), ink=ink, ink2=ink2)
        elif key == "who":
            paint_text(painter, room, row.who, "body", ink=ink)
        elif key == "entry":
            align = Qt.AlignmentFlag.AlignRight
            paint_text(painter, room, f"{row.sequence:,}", "secondary", ink=ink2, align=align, tabular=True)
        else:
            self._paint_what(painter, room, row, ink, ink2, chosen)

    def _paint_what(self, painter: QPainter, room: QRect, row: "AuditRow", ink: str, ink2: str, chosen: bool) -> None:
        detail = " · ".join(part for part in (row.who if self.folded else "", detail_words(row)) if part)
        if not row.refusal:
            two_lines(painter, room, row.action, detail, ink=ink, ink2=ink2)
            return
        size = tag_size("danger", row.action)
        tag = QRect(room.left(), room.top(), min(size.width(), room.width()), room.height())
        paint_tag(painter, tag, "danger", row.action, ink if chosen else None)
        rest = room.adjusted(size.width() + px(10), 0, 0, 0)
        paint_text(painter, rest, detail, "secondary", ink=ink2)


class AuditTable(Themed, QTableView):
    """The table.

    Signals:
        opened: a case's id, by Enter or double click on an entry about it.
    """

    opened = Signal(str)

    def __init__(self, model: AuditModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._delegate = AuditDelegate(self)
        self.setObjectName("audit_table")
        self.setAccessibleName("Audit entries")
        self.setModel(model)
        self.setItemDelegate(self._delegate)
        self.setShowGrid(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head = _Head(self)
        self.setHorizontalHeader(head)
        head.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head.setSectionResizeMode(KEYS.index("what"), QHeaderView.ResizeMode.Stretch)
        self.doubleClicked.connect(lambda index: self._open(index.row()))
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.verticalHeader().setDefaultSectionSize(px(TALL_ROW_HEIGHT))
        self.verticalScrollBar().setSingleStep(px(TALL_ROW_HEIGHT) // 2)
        self.fit_columns()

    def fit_columns(self) -> None:
        """Show the columns there is room for; what was done always keeps enough."""
        room = self.viewport().width()
        widths = {column.key: px(column.width) for column in COLUMNS}
        for key in GIVES_WAY:
            if sum(widths.values()) + px(LEAST_WHAT_WIDTH) <= room:
                break
            widths.pop(key, None)
        for place, column in enumerate(COLUMNS):
            self.setColumnHidden(place, column.key not in widths)
            if column.width:
                self.setColumnWidth(place, px(column.width))
        self._delegate.folded = "who" not in widths
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the columns to the new width."""
        super().resizeEvent(event)
        self.fit_columns()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens the case, Home and End go to the ends."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self._open(self.currentIndex().row())
        elif event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self.go_to(0 if event.key() == Qt.Key.Key_Home else self._model.rowCount() - 1)
        else:
            super().keyPressEvent(event)

    def go_to(self, row: int) -> None:
        """Make a row the current one."""
        if 0 <= row < self._model.rowCount():
            self.setCurrentIndex(self._model.index(row, KEYS.index("what")))

    def _open(self, number: int) -> None:
        row = self._model.row(number) if 0 <= number < self._model.rowCount() else None
        if row is not None and row.case_id is not None:
            self.opened.emit(row.case_id)


class _Head(QHeaderView):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setSectionsClickable(False)
        self.setHighlightSections(False)

    def sizeHint(self) -> QSize:
        return QSize(px(100), px(36))

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        painter.save()
        painter.fillRect(rect, colour("canvas"))
        line = px(current().border_width)
        painter.fillRect(QRect(rect.left(), rect.bottom() - line + 1, rect.width(), line), colour("hairline"))
        column = COLUMNS[section]
        room = rect.adjusted(px(20) if column.key == "when" else px(4), 0, -px(12), 0)
        align = Qt.AlignmentFlag.AlignRight if column.key == "entry" else Qt.AlignmentFlag.AlignLeft
        paint_text(painter, room, column.words, "meta", "strong", "ink2", align=align)
        painter.restore()
