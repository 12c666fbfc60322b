"""How the timeline is drawn: an icon in a circle on the line, the title, the words, and a card for a document."""

from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QAbstractItemView, QStyledItemDelegate, QStyleOptionViewItem

from app.views.case.timeline_rows import ICONS, ON_TINT, DayHead, document_words
from app.views.icons import paint_icon
from app.views.kit.delegates import two_lines
from app.views.kit.paint import focus_ring, frame, paint_tag, paint_text, tag_size
from app.views.kit.rows import ROW_ROLE
from app.views.theme import colour, font, line_height
from app.views.tokens import RADIUS_CARD, RADIUS_TAG, current, px

Index = QModelIndex | QPersistentModelIndex
CIRCLE, GUTTER = 30, 44
DAY_HEIGHT, CARD_HEIGHT, CARD_WIDTH = 34, 58, 430
BOTTOM_GAP, MOST_BODY_LINES = 10, 40
_WRAP = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)


def body_height(text: str, width: int) -> int:
    """Return the height of wrapped words, at most ``MOST_BODY_LINES`` lines."""
    if not text:
        return 0
    measure = QFontMetrics(font("body"))
    needed = measure.boundingRect(QRect(0, 0, max(width, px(80)), 100_000), _WRAP, text).height()
    return min(needed, measure.lineSpacing() * MOST_BODY_LINES)


def text_width(view_width: int) -> int:
    """Return the width of the words in a view: a readable line, never the whole of a wide window."""
    return min(view_width - px(GUTTER) - px(12), px(720))


class TimelineDelegate(QStyledItemDelegate):
    """Draws rows of the timeline."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the height that the row's words need at the view's width."""
        row = index.data(ROW_ROLE)
        view = option.widget
        width = view.viewport().width() if isinstance(view, QAbstractItemView) else px(600)
        if row is None or isinstance(row, DayHead):
            return QSize(px(80), px(DAY_HEIGHT))
        height = max(line_height("body") + px(4), px(CIRCLE)) + body_height(row.body, text_width(width))
        if row.corrects:
            height += line_height("secondary") + px(2)
        if row.document is not None:
            height += px(CARD_HEIGHT) + px(8)
        if row.waiting:
            height += tag_size("unsynced", "x").height() + px(4)
        return QSize(px(80), height + px(BOTTOM_GAP))

    def card_rect(self, rect: QRect, row: Any) -> QRect:
        """Return where a line's document card is inside its row."""
        top = rect.top() + max(line_height("body") + px(4), px(CIRCLE)) + px(4)
        if row.corrects:
            top += line_height("secondary") + px(2)
        top += body_height(row.body, text_width(rect.width()))
        width = min(px(CARD_WIDTH), rect.width() - px(GUTTER) - px(8))
        return QRect(rect.left() + px(GUTTER), top, width, px(CARD_HEIGHT))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw a day head or a line."""
        row = index.data(ROW_ROLE)
        rect: QRect = option.rect
        painter.save()
        if isinstance(row, DayHead):
            words = rect.adjusted(px(GUTTER), px(8), 0, 0)
            paint_text(painter, words, row.words, "meta", "strong", "ink2")
            self._line(painter, rect, index, px(0))
        elif row is not None:
            self._line(painter, rect, index, px(CIRCLE) + px(2))
            self._paint_event(painter, rect, row)
            view = option.widget
            if isinstance(view, QAbstractItemView) and view.hasFocus() and view.currentIndex() == index:
                focus_ring(painter, rect.adjusted(0, 0, -px(2), -px(4)))
        painter.restore()

    def _line(self, painter: QPainter, rect: QRect, index: Index, start: int) -> None:
        """Draw the line that joins this row to the next, but not past the last nor above the first."""
        model = index.model()
        if isinstance(index.data(ROW_ROLE), DayHead) and index.row() == 0:
            return
        if index.row() + 1 >= model.rowCount():
            return
        middle = rect.left() + px(CIRCLE) // 2
        painter.setPen(QPen(colour("hairline"), px(current().border_width)))
        painter.drawLine(QPoint(middle, rect.top() + start), QPoint(middle, rect.bottom() + 1))

    def _paint_event(self, painter: QPainter, rect: QRect, row: Any) -> None:
        circle = QRect(rect.left(), rect.top(), px(CIRCLE), px(CIRCLE))
        tinted = row.kind in ON_TINT
        fill, edge = ("accent_tint", None) if tinted else ("surface", "hairline")
        frame(painter, circle, fill, edge, px(CIRCLE) / 2, 1)
        paint_icon(painter, circle, ICONS.get(row.kind, "message-square"), "accent" if tinted else "ink2", px(15))
        top = rect.top() + (px(CIRCLE) - line_height("body") - px(4)) // 2
        head = QRect(rect.left() + px(GUTTER), top, rect.width() - px(GUTTER) - px(8), line_height("body") + px(4))
        meta = f"{row.actor} · {row.time}" if row.actor else row.time
        taken = paint_text(painter, head, meta, "meta", ink="ink3", align=Qt.AlignmentFlag.AlignRight, tabular=True)
        paint_text(painter, head.adjusted(0, 0, -taken - px(12), 0), row.title or "Note", "body", "strong")
        below = rect.top() + max(line_height("body") + px(4), px(CIRCLE))
        left = rect.left() + px(GUTTER)
        if row.corrects:
            words = QRect(left, below, text_width(rect.width()), line_height("secondary"))
            paint_text(painter, words, f"Corrects: {row.corrects}", "secondary", "medium", "ink2")
            below += line_height("secondary") + px(2)
        if row.body:
            height = body_height(row.body, text_width(rect.width()))
            painter.setFont(font("body"))
            painter.setPen(colour("ink2"))
            painter.drawText(QRect(left, below, text_width(rect.width()), height), _WRAP, row.body)
            below += height
        if row.document is not None:
            self._paint_card(painter, self.card_rect(rect, row), row)
            below = self.card_rect(rect, row).bottom() + px(4)
        if row.waiting:
            size = tag_size("unsynced", "x")
            tag = QRect(left, below + px(2), rect.width() - px(GUTTER), size.height())
            paint_tag(painter, tag, "unsynced", "On this laptop, waiting to sync")

    def _paint_card(self, painter: QPainter, rect: QRect, row: Any) -> None:
        frame(painter, rect, "surface", "hairline", px(RADIUS_CARD), px(current().border_width))
        page = QRect(rect.left() + px(10), rect.top() + px(8), px(30), rect.height() - px(16))
        frame(painter, page, "surface", "hairline", px(RADIUS_TAG), 1)
        for line in range(5):
            y = page.top() + px(7) + line * px(6)
            width = page.width() - px(10) if line else page.width() // 2
            painter.fillRect(QRect(page.left() + px(5), y, width, 1 if line else 2), colour("ink3" if line else "ink2"))
        words = rect.adjusted(px(52), 0, -px(36), 0)
        two_lines(painter, words, row.document.title, document_words(row), ink2="ink3", weight="regular")
        chevron = QRect(rect.right() - px(30), rect.top(), px(18), rect.height())
        paint_icon(painter, chevron, "chevron-right", "ink2", px(16))
