"""The rows of the tray: headings by arrival, and documents with a small picture of the first page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPen
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.views.icons import paint_icon
from app.views.kit.delegates import Index
from app.views.kit.paint import STATES, focus_ring, paint_text
from app.views.kit.rows import ROW_ROLE, RowModel
from app.views.theme import colour, font, line_height
from app.views.tokens import current, px

if TYPE_CHECKING:
    from app.services.documents.listing import TrayRow

_ROW_HEIGHT, _HEADING_HEIGHT = 92, 34
_THUMB_WIDTH, _THUMB_HEIGHT = 53, 70


@dataclass(frozen=True, slots=True)
class TrayLine:
    """A heading (``row`` is None) or a document.

    Attributes:
        state, state_words: what is known of its match, or the case it is on.
    """

    heading: str
    row: "TrayRow | None" = None
    state: str = ""
    state_words: str = ""


class TrayModel(RowModel[TrayLine]):
    """Lines whose headings cannot be selected."""

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        """Return what can be done with a line."""
        line = self.row(index)
        return super().flags(index) if line is not None and line.row is not None else Qt.ItemFlag.NoItemFlags

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what any list of rows does, and the whole title as a tooltip."""
        if role == Qt.ItemDataRole.ToolTipRole:
            line = self.row(index)
            return line.row.title if line is not None and line.row is not None else None
        return super().data(index, role)

    def set_matches(self, matches: dict[str, tuple[str, str]]) -> None:
        """Put the words of each match on its line; the selection stays."""
        lines = [
            TrayLine("", line.row, *matches[line.row.id]) if line.row is not None and line.row.id in matches else line
            for line in self._rows
        ]
        self._rows = lines
        if lines:
            self.dataChanged.emit(self.index(0), self.index(len(lines) - 1))


def sentence(line: TrayLine) -> str:
    """Return what a screen reader says for a line."""
    if line.row is None:
        return line.heading
    return ". ".join(part for part in (line.row.title, line.row.about, line.state_words) if part)


class TrayDelegate(QStyledItemDelegate):
    """Draws headings, and documents with their first page, title, length and match."""

    def __init__(self, view: QAbstractItemView, thumbnail: "Callable[[TrayRow], QImage | None]") -> None:
        super().__init__(view)
        self._view, self._thumbnail = view, thumbnail

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the height of a heading or a document."""
        line: TrayLine = index.data(ROW_ROLE)
        if line.row is None:
            return QSize(px(80), max(px(_HEADING_HEIGHT), line_height("meta") + px(16)))
        text = 2 * line_height("body") + 2 * line_height("meta") + px(20)
        return QSize(px(80), max(px(_ROW_HEIGHT), text))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one line."""
        painter.save()
        line: TrayLine = index.data(ROW_ROLE)
        rect: QRect = option.rect
        if line.row is None:
            room = rect.adjusted(px(16), px(8), -px(8), 0)
            paint_text(painter, room, line.heading, "meta", "strong", "ink2")
        else:
            state: QStyle.StateFlag = option.state
            self._paint_document(painter, rect, line, line.row, state)
        painter.restore()

    def _paint_document(
        self, painter: QPainter, rect: QRect, line: TrayLine, row: "TrayRow", state: QStyle.StateFlag
    ) -> None:
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(rect, colour("selection"))
            painter.fillRect(QRect(rect.left(), rect.top(), px(3), rect.height()), colour("accent"))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, colour("hover"))
        box = QRect(rect.left() + px(16), rect.top() + px(10), px(_THUMB_WIDTH), px(_THUMB_HEIGHT))
        _paint_thumbnail(painter, box, self._thumbnail(row))
        ink, ink2 = ("on_selection", "on_selection2") if selected else ("ink", "ink3")
        room = rect.adjusted(px(16 + _THUMB_WIDTH + 12), px(9), -px(12), -px(6))
        top = room.top() + _paint_title(painter, room, row.title, ink)
        second = QRect(room.left(), top, room.width(), line_height("meta"))
        paint_text(painter, second, row.about, "meta", ink=ink2)
        if line.state_words:
            third = QRect(room.left(), top + line_height("meta") + px(3), room.width(), line_height("meta"))
            _paint_state(painter, third, line, ink if selected and current().border_width > 1 else None)
        if state & QStyle.StateFlag.State_HasFocus and self._view.hasFocus():
            focus_ring(painter, rect, 0)


def _paint_thumbnail(painter: QPainter, box: QRect, image: QImage | None) -> None:
    painter.fillRect(box, colour("paper"))
    if image is not None and not image.isNull():
        # The top of a page says most; a wide one is shown whole.
        share = min(image.height(), image.width() * box.height() // box.width())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(box, image, QRect(0, 0, image.width(), share))
    painter.setPen(QPen(colour("edge"), px(current().border_width)))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(box)


def _paint_title(painter: QPainter, room: QRect, title: str, ink: str) -> int:
    """Draw a title on up to two lines; return the height it took."""
    painter.setFont(font("body", "strong"))
    measure = painter.fontMetrics()
    height = line_height("body")
    first, rest = title, ""
    words = title.split()
    count = len(words)
    while count > 1 and measure.elidedText(first, Qt.TextElideMode.ElideRight, room.width()) != first:
        count -= 1
        first, rest = " ".join(words[:count]), " ".join(words[count:])
    paint_text(painter, QRect(room.left(), room.top(), room.width(), height), first, "body", "strong", ink)
    if not rest:
        return height
    paint_text(painter, QRect(room.left(), room.top() + height, room.width(), height), rest, "body", "strong", ink)
    return 2 * height


def _paint_state(painter: QPainter, room: QRect, line: TrayLine, ink: str | None) -> None:
    name, own, _tint = STATES.get(line.state, STATES["none"])
    if line.state == "none":
        name = "circle-question-mark"
    inked = ink or own
    paint_icon(painter, QRect(room.left(), room.top(), px(14), room.height()), name, inked, px(14))
    words = room.adjusted(px(19), 0, 0, 0)
    paint_text(painter, words, line.state_words, "meta", "medium" if line.state == "none" else "strong", inked)
