"""Delegates that draw rows: background, selection, hairline and focus are the same everywhere."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.views.icons import paint_icon
from app.views.kit.paint import focus_ring, paint_tag, paint_text, tag_size
from app.views.kit.rows import ROW_ROLE
from app.views.theme import colour, line_height
from app.views.tokens import ROW_HEIGHT, current, px

Index = QModelIndex | QPersistentModelIndex


class RowDelegate(QStyledItemDelegate):
    """Draws the ground of a row and leaves its content to ``paint_row``.

    Args:
        height: of a row, in pixels at 100 %.
        marker: draws the accent bar at the left of a selected row, as lists of views do.
        hairline: draws the rule under each row.
    """

    def __init__(
        self, parent: QObject | None = None, *, height: int = ROW_HEIGHT, marker: bool = False, hairline: bool = True
    ) -> None:
        super().__init__(parent)
        self._height, self._marker, self._hairline = height, marker, hairline

    def row_height(self, row: Any) -> int:
        """Return the height of one row in pixels at the text size in use."""
        return px(self._height)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the height of the row; the view decides the width."""
        return QSize(px(80), self.row_height(index.data(ROW_ROLE)))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw the ground, then the row."""
        painter.save()
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(rect, colour("selection"))
            if self._marker:
                painter.fillRect(QRect(rect.left(), rect.top(), px(3), rect.height()), colour("accent"))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, colour("hover"))
        if self._hairline:
            painter.setPen(QPen(colour("hairline"), px(current().border_width)))
            painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        self.paint_row(painter, rect, index.data(ROW_ROLE), selected)
        view = option.widget
        focused = isinstance(view, QAbstractItemView) and view.hasFocus() and view.currentIndex() == index
        if focused:
            focus_ring(painter, rect, 0, ring_role(selected))
        painter.restore()

    def paint_row(self, painter: QPainter, rect: QRect, row: Any, selected: bool) -> None:
        """Draw one row. ``selected`` rows use ``on_selection`` and ``on_selection2`` for their inks."""


@dataclass(frozen=True, slots=True)
class TwoLine:
    """What a two-line row shows.

    Attributes:
        title, detail: the first and second line.
        icon: a Lucide name at the left.
        meta: words at the right.
        state, state_text: a state tag at the right (see ``kit.paint.STATES``).
    """

    title: str
    detail: str = ""
    icon: str | None = None
    meta: str = ""
    state: str | None = None
    state_text: str = ""


class TwoLineDelegate(RowDelegate):
    """Draws rows of two lines: ``TwoLineDelegate(lambda row: TwoLine(row.title, row.detail), parent)``."""

    def __init__(
        self,
        describe: Callable[[Any], TwoLine],
        parent: QObject | None = None,
        *,
        height: int = 52,
        marker: bool = False,
        strong: bool = False,
        hairline: bool = True,
    ) -> None:
        super().__init__(parent, height=height, marker=marker, hairline=hairline)
        self._describe = describe
        self._weight = "strong" if strong else "regular"

    def paint_row(self, painter: QPainter, rect: QRect, row: Any, selected: bool) -> None:
        """Draw the lines, icon, words and tag."""
        shown = self._describe(row)
        ink, ink2 = inks(selected)
        room = rect.adjusted(px(16), 0, -px(16), 0)
        if shown.icon:
            paint_icon(painter, QRect(room.left(), room.top(), px(18), room.height()), shown.icon, ink2, px(18))
            room.setLeft(room.left() + px(18) + px(12))
        if shown.state:
            width = tag_size(shown.state, shown.state_text).width()
            box = QRect(room.right() - width, room.top(), width, room.height())
            paint_tag(painter, box, shown.state, shown.state_text, ink if selected else None)
            room.setRight(box.left() - px(12))
        if shown.meta:
            align = Qt.AlignmentFlag.AlignRight
            taken = paint_text(painter, room, shown.meta, "secondary", ink=ink2, align=align, tabular=True)
            room.setRight(room.right() - taken - px(12))
        two_lines(painter, room, shown.title, shown.detail, ink=ink, ink2=ink2, weight=self._weight)


def ring_role(selected: bool) -> str:
    """Return the token of a row's focus ring; the contrast theme's yellow would vanish on its white selection."""
    return "on_selection" if selected and current().border_width > 1 else "focus"


def inks(selected: bool) -> tuple[str, str]:
    """Return the tokens for the first and second line of a row."""
    return ("on_selection", "on_selection2") if selected else ("ink", "ink3")


def two_lines(
    painter: QPainter,
    rect: QRect,
    first: str,
    second: str,
    *,
    ink: str = "ink",
    ink2: str = "ink3",
    weight: str = "strong",
) -> QRect:
    """Draw a title with a smaller line under it, centred upright; return the rectangle of the second line."""
    top_height, low_height = line_height("body"), line_height("meta") + px(1)
    if not second:
        paint_text(painter, rect, first, weight=weight, ink=ink)
        return QRect()
    top = rect.top() + (rect.height() - top_height - low_height) // 2
    paint_text(painter, QRect(rect.left(), top, rect.width(), top_height), first, weight=weight, ink=ink)
    low = QRect(rect.left(), top + top_height, rect.width(), low_height)
    paint_text(painter, low, second, "meta", ink=ink2)
    return low
