"""The table of cases: keys, header, and which columns there is room for."""

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView, QWidget

from app.views.cases.case_delegate import CaseDelegate
from app.views.cases.case_table_model import CaseTableModel
from app.views.cases.columns import COLUMNS, KEYS
from app.views.icons import paint_icon
from app.views.kit.paint import paint_check, paint_text
from app.views.theme import Themed, colour
from app.views.tokens import TALL_ROW_HEIGHT, current, px

LEAST_CHILD_WIDTH = 190
GIVES_WAY: tuple[str, ...] = ("basis", "waiting", "area", "officer", "school", "activity", "unsynced", "stage")
"""Columns in the order in which they are left out when there is no room; the stage then moves into line two."""


class CaseHeader(QHeaderView):
    """Column heads with the sort arrow and the tick for all.

    Signals:
        sort_asked: a column's key.
        tick_all_asked: whether to tick every case.
    """

    sort_asked = Signal(str)
    tick_all_asked = Signal(bool)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.sort, self.descending = "due", False
        self.ticks = Qt.CheckState.Unchecked
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.sectionClicked.connect(self._click)

    def sizeHint(self) -> QSize:
        """Return the height of the heads."""
        return QSize(px(100), px(36))

    def _click(self, section: int) -> None:
        column = COLUMNS[section]
        if column.key == "select":
            self.tick_all_asked.emit(self.ticks != Qt.CheckState.Checked)
        elif column.sortable:
            self.sort_asked.emit(column.key)

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        """Draw one head."""
        painter.save()
        painter.fillRect(rect, colour("canvas"))
        line = px(current().border_width)
        painter.fillRect(QRect(rect.left(), rect.bottom() - line + 1, rect.width(), line), colour("hairline"))
        column = COLUMNS[section]
        if column.key == "select":
            box = QRect(rect.left() + px(20), rect.center().y() - px(9), px(18), px(18))
            paint_check(painter, box, self.ticks)
        else:
            room = rect.adjusted(px(4), 0, -px(4), 0)
            taken = paint_text(painter, room, column.words, "meta", "strong", "ink2")
            if column.key == self.sort:
                arrow = QRect(room.left() + taken + px(5), room.top(), px(14), room.height())
                paint_icon(painter, arrow, "arrow-down" if self.descending else "arrow-up", "ink2", px(13))
        painter.restore()


class CaseTable(Themed, QTableView):
    """The table.

    Signals:
        opened: a case's id, by Enter or double click.
        folded: whether the stage had to move into the child's second line.
    """

    opened = Signal(str)
    folded = Signal(bool)

    def __init__(self, model: CaseTableModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._wanted = {column.key for column in COLUMNS if column.shown}
        self._delegate = CaseDelegate(self)
        self.head = CaseHeader(self)
        self.setObjectName("case_table")
        self.setAccessibleName("Cases")
        self.setHorizontalHeader(self.head)
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
        self.head.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.head.setSectionResizeMode(KEYS.index("child"), QHeaderView.ResizeMode.Stretch)
        self.doubleClicked.connect(lambda index: self._open(index.row()))
        self.head.tick_all_asked.connect(model.tick_all)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.verticalHeader().setDefaultSectionSize(px(TALL_ROW_HEIGHT))
        self.verticalScrollBar().setSingleStep(px(TALL_ROW_HEIGHT) // 2)
        self.fit_columns()

    def columns(self) -> set[str]:
        """Return the keys of the columns the person wants to see."""
        return set(self._wanted)

    def set_column(self, key: str, on: bool) -> None:
        """Switch an optional column on or off."""
        self._wanted = self._wanted | {key} if on else self._wanted - {key}
        self.fit_columns()

    def fit_columns(self) -> None:
        """Show the wanted columns there is room for; the child always keeps enough."""
        room = self.viewport().width()
        widths = {column.key: px(column.width) for column in COLUMNS if column.key in self._wanted}
        for key in GIVES_WAY:
            if sum(widths.values()) + px(LEAST_CHILD_WIDTH) <= room:
                break
            widths.pop(key, None)
        for place, column in enumerate(COLUMNS):
            self.setColumnHidden(place, column.key not in widths)
            if column.width:
                self.setColumnWidth(place, px(column.width))
        folds = "stage" not in widths
        if folds != self._delegate.folded:
            self._delegate.folded = folds
            self.viewport().update()
            self.folded.emit(folds)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the columns to the new width."""
        super().resizeEvent(event)
        self.fit_columns()

    def show_ticks(self, ticked: int) -> None:
        """Show in the head whether none, some or all are ticked."""
        total = self._model.rowCount()
        state = Qt.CheckState
        self.head.ticks = (
            state.Unchecked if not ticked else state.Checked if ticked == total else state.PartiallyChecked
        )
        self.head.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens, Space ticks, Ctrl+A ticks all, Home and End go to the ends."""
        row = self.currentIndex().row()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self._open(row)
        elif event.key() == Qt.Key.Key_Space and not event.modifiers():
            self._model.toggle(row)
        elif event.key() == Qt.Key.Key_A and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            self._model.tick_all(ticked=True)
        elif event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End):
            last = self._model.rowCount() - 1
            self.go_to(0 if event.key() == Qt.Key.Key_Home else last)
        else:
            super().keyPressEvent(event)

    def go_to(self, row: int) -> None:
        """Make a row the current one."""
        if 0 <= row < self._model.rowCount():
            self.setCurrentIndex(self._model.index(row, KEYS.index("child")))

    def _open(self, row: int) -> None:
        case_id = self._model.case_id(row)
        if case_id is not None:
            self.opened.emit(case_id)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Tick with a click in the first column."""
        index = self.indexAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and index.isValid() and KEYS[index.column()] == "select":
            self._model.toggle(index.row())
        super().mouseReleaseEvent(event)
