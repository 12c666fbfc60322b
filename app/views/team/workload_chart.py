"""The workload as bars: open, due this week, over, the agreed limit, and what an allocation would add."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.views.kit.paint import paint_text
from app.views.theme import Themed, colour, line_height, metrics
from app.views.tokens import current, px

if TYPE_CHECKING:
    from app.services.team_workload import Officer

_HEAD, _ROW, _BAR = 32, 43, 15
_NUMBERS = (62, 48, 52)
_LEGEND = (("Open", "chart_open"), ("Due", "chart_due"), ("Over", "chart_over"))


class WorkloadChart(Themed, QWidget):
    """Bars of the officers in the order given. The numbers stand beside them, so nothing rests on colour."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("workload_chart")
        self._officers: list[Officer] = []
        self._extra: dict[str, int] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setMinimumHeight(self.sizeHint().height())
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return room for every officer."""
        return QSize(px(320), px(_HEAD) + px(_ROW) * len(self._officers))

    def minimumSizeHint(self) -> QSize:
        """Return a width that still holds names, bars and numbers."""
        return QSize(px(280), self.sizeHint().height())

    def show_load(self, officers: Sequence["Officer"], extra: dict[str, int]) -> None:
        """Show officers, with so many more cases for some of them."""
        self._officers, self._extra = list(officers), dict(extra)
        self.setAccessibleName("Workload chart")
        self.setAccessibleDescription(" ".join(self.sentence(officer) for officer in self._officers))
        self.restyle()
        self.update()

    def sentence(self, officer: "Officer") -> str:
        """Return what one bar says."""
        more = self._extra.get(officer.user_id, 0)
        added = f", {more} more if you allocate" if more else ""
        limit = f", agreed limit {officer.limit}" if officer.limit is not None else ""
        return f"{officer.name}: {officer.open} open{added}, {officer.due} due this week, {officer.over} over{limit}."

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw head and bars."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        numbers = sum(px(width) for width in _NUMBERS)
        widest = max((metrics("secondary", "medium").horizontalAdvance(o.name) for o in self._officers), default=0)
        names = min(widest + px(10), int(self.width() * 0.36))
        bars = QRect(names, 0, self.width() - names - numbers, px(_HEAD))
        self._paint_head(painter, names, bars)
        most = max((max(o.open + self._extra.get(o.user_id, 0), o.limit or 0) for o in self._officers), default=1)
        unit = (bars.width() - px(6)) / max(1, most)
        for place, officer in enumerate(self._officers):
            top = px(_HEAD) + place * px(_ROW)
            painter.setPen(QPen(colour("hairline"), px(current().border_width)))
            painter.drawLine(0, top, self.width(), top)
            room = QRect(0, top, names - px(8), px(_ROW))
            self._paint_name(painter, room, officer)
            self._paint_bar(painter, bars.left(), top, unit, officer)
            self._paint_numbers(painter, bars.right(), top, officer)

    def _paint_head(self, painter: QPainter, names: int, bars: QRect) -> None:
        height = px(_HEAD)
        paint_text(painter, QRect(0, 0, names, height), "Officer", "meta", "medium", "ink2")
        painter.fillRect(QRect(bars.left(), height // 2 - px(7), px(2), px(14)), colour("ink"))
        room = QRect(bars.left() + px(8), 0, bars.width() - px(8), height)
        paint_text(painter, room, "Agreed limit", "meta", "medium", "ink2")
        right = bars.right()
        for (words, role), width in zip(_LEGEND, _NUMBERS, strict=True):
            right += px(width)
            box = QRect(right - px(width), 0, px(width), height)
            taken = paint_text(painter, box, words, "meta", "medium", "ink2", Qt.AlignmentFlag.AlignRight)
            mark = QRectF(right - taken - px(14), height / 2 - px(5), px(10), px(10))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(_brush(role))
            painter.drawRoundedRect(mark, 2, 2)

    def _paint_name(self, painter: QPainter, room: QRect, officer: "Officer") -> None:
        high, low = line_height("secondary"), line_height("meta") if officer.note else 0
        top = room.top() + (room.height() - high - low) // 2
        paint_text(painter, QRect(room.left(), top, room.width(), high), officer.name, "secondary", "medium")
        if officer.note:
            paint_text(painter, QRect(room.left(), top + high, room.width(), low), officer.note, "meta", ink="ink3")

    def _paint_bar(self, painter: QPainter, left: int, top: int, unit: float, officer: "Officer") -> None:
        height, middle = px(_BAR), top + px(_ROW) // 2
        x, upper = float(left), middle - height / 2
        over = min(officer.over, officer.open)
        due = min(officer.due, officer.open - over)
        painter.setPen(Qt.PenStyle.NoPen)
        for count, role in ((officer.open - due - over, "chart_open"), (due, "chart_due"), (over, "chart_over")):
            if count:
                width = max(float(px(2)), count * unit - px(2))
                painter.setBrush(_brush(role))
                painter.drawRect(QRectF(x, upper, width, height))
                x += width + px(2)
        more = self._extra.get(officer.user_id, 0)
        if more:
            box = QRectF(x + 0.5, upper + 0.5, max(float(px(6)), more * unit) - 1, height - 1)
            painter.setPen(QPen(colour("accent"), 1))
            painter.setBrush(QBrush(colour("accent"), Qt.BrushStyle.BDiagPattern))
            painter.drawRect(box)
        if officer.limit is not None:
            place = left + int(officer.limit * unit)
            painter.fillRect(QRect(place, middle - px(12), px(2), px(24)), colour("ink"))

    def _paint_numbers(self, painter: QPainter, right: int, top: int, officer: "Officer") -> None:
        more = self._extra.get(officer.user_id, 0)
        align = Qt.AlignmentFlag.AlignRight
        edge = right + px(_NUMBERS[0])
        box = QRect(right, top, px(_NUMBERS[0]), px(_ROW))
        if more:
            taken = paint_text(painter, box, f" +{more}", "body", "strong", "accent", align, tabular=True)
            box.setRight(edge - taken)
        paint_text(painter, box, str(officer.open), "body", "strong", align=align, tabular=True)
        for value, width in ((officer.due, _NUMBERS[1]), (officer.over, _NUMBERS[2])):
            box = QRect(edge, top, px(width), px(_ROW))
            paint_text(painter, box, str(value) if value else "–", align=align, tabular=True)
            edge += px(width)


def _brush(role: str) -> QBrush:
    # In the contrast theme the segments differ by pattern, not only by colour.
    if current().border_width > 1 and role == "chart_due":
        return QBrush(colour(role), Qt.BrushStyle.Dense4Pattern)
    return QBrush(colour(role))
