"""How a row of the Cases table is drawn: the child on two lines, state tags, and a skeleton until a row is read."""

from datetime import date
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.views.cases.columns import GRAVE, KEYS, cell_text, changes_words, due_words
from app.views.icons import paint_icon
from app.views.kit.delegates import inks, two_lines
from app.views.kit.paint import frame, paint_check, paint_tag, paint_text
from app.views.kit.rows import ROW_ROLE
from app.views.theme import colour, metrics
from app.views.tokens import RADIUS_TAG, TALL_ROW_HEIGHT, current, px

if TYPE_CHECKING:
    from app.services.case_list import CaseListRow

Index = QModelIndex | QPersistentModelIndex


class CaseDelegate(QStyledItemDelegate):
    """Draws every column of the table.

    Attributes:
        folded: True in a narrow window: the stage moves into the child's second line.
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
        if key == "select":
            box = QRect(rect.left() + px(20), rect.center().y() - px(9), px(18), px(18))
            paint_check(painter, box, index.data(Qt.ItemDataRole.CheckStateRole))
        elif row is None:
            _skeleton(painter, rect, key)
        else:
            self._paint_cell(painter, rect, row, key, chosen, index.model().today)  # type: ignore[attr-defined]  # CaseTableModel
        if isinstance(view, QAbstractItemView) and view.hasFocus() and view.currentIndex().row() == index.row():
            _ring(painter, rect, key, view)
        painter.restore()

    def _paint_cell(
        self, painter: QPainter, rect: QRect, row: "CaseListRow", key: str, chosen: bool, today: date
    ) -> None:
        ink, ink2 = inks(chosen)
        room = rect.adjusted(px(4), 0, -px(8), 0)
        if key == "child":
            self._paint_child(painter, room, row, ink, ink2)
        elif row.masked and key == "due":
            pass
        elif key == "due":
            state, words = due_words(row.due_on, today)
            paint_tag(painter, room, state, words, ink if chosen else None)
        elif key == "unsynced":
            _paint_sync(painter, room, row, ink if chosen else None)
        elif key == "basis" and row.statutory:
            paint_tag(painter, room, "statutory", "Statutory", ink if chosen else None)
        else:
            text_ink = ink2 if key in {"area", "waiting", "basis"} else ink
            paint_text(painter, room, cell_text(row, key, today), "body", ink=text_ink)

    def _paint_child(self, painter: QPainter, room: QRect, row: "CaseListRow", ink: str, ink2: str) -> None:
        stage = "Restricted" if row.masked else row.stage
        parts = [row.age, stage if self.folded else "", row.reference, row.officer if row.masked else ""]
        detail = " · ".join(part for part in parts if part)
        flag_room = px(24) if row.flags or row.restricted else 0
        measure = metrics("body", "strong")
        name = measure.elidedText(row.name, Qt.TextElideMode.ElideRight, room.width() - flag_room)
        two_lines(painter, room, name, detail, ink=ink, ink2=ink2)
        if row.restricted:
            left = room.left() + measure.horizontalAdvance(name) + px(8)
            paint_icon(painter, QRect(left, room.top() + px(8), px(16), px(20)), "lock", ink2, px(14))
        elif row.flags:
            grave = any(flag in GRAVE for flag in row.flags)
            left = room.left() + measure.horizontalAdvance(name) + px(8)
            upper = QRect(left, room.top() + px(8), px(16), px(20))
            paint_icon(
                painter, upper, "shield-alert" if grave else "users-round", "danger" if grave else "warn", px(14)
            )


def _paint_sync(painter: QPainter, room: QRect, row: Any, ink: str | None) -> None:
    if row.conflicts:
        paint_tag(painter, room, "conflict", "To review")
    elif row.unsynced:
        paint_tag(painter, room, "unsynced", changes_words(row.unsynced), ink)


def _skeleton(painter: QPainter, rect: QRect, key: str) -> None:
    """Draw grey bars where words will be."""
    bar = QRect(rect.left() + px(4), rect.center().y() - px(5), max(px(24), rect.width() * 3 // 5), px(10))
    if key == "child":
        frame(painter, bar.translated(0, -px(9)), "hairline", None, px(RADIUS_TAG), 0)
        bar = QRect(bar.left(), bar.top() + px(9), bar.width() * 2 // 3, px(8))
    frame(painter, bar, "hairline", None, px(RADIUS_TAG), 0)


def _ring(painter: QPainter, rect: QRect, key: str, view: QAbstractItemView) -> None:
    """Draw this cell's part of the ring around the current row."""
    width = px(current().focus_width)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    edge = colour("focus")
    painter.fillRect(QRect(rect.left(), rect.top(), rect.width(), width), edge)
    painter.fillRect(QRect(rect.left(), rect.bottom() - width + 1, rect.width(), width), edge)
    if key == "select":
        painter.fillRect(QRect(rect.left(), rect.top(), width, rect.height()), edge)
    if rect.right() >= view.viewport().width() - 2:
        painter.fillRect(QRect(rect.right() - width + 1, rect.top(), width, rect.height()), edge)
