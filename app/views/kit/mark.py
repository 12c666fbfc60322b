"""The product's mark, drawn so that it takes the theme's colours."""

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QIcon, QPainter, QPainterPath, QPen, QPixmap

from app.views.kit.paint import frame
from app.views.theme import colour


def paint_mark(painter: QPainter, box: QRect) -> None:
    """Draw a register with a tick that fills a square."""
    side, left, top = box.width(), box.left(), box.top()
    frame(painter, box, "accent", None, side * 0.2, 0)
    painter.setPen(QPen(colour("on_accent"), side * 0.09, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    for height, end in ((0.31, 0.72), (0.5, 0.46), (0.69, 0.38)):
        level = top + side * height
        painter.drawLine(QPointF(left + side * 0.25, level), QPointF(left + side * end, level))
    tick = QPainterPath(QPointF(left + side * 0.5, top + side * 0.62))
    tick.lineTo(left + side * 0.6, top + side * 0.73)
    tick.lineTo(left + side * 0.79, top + side * 0.48)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(tick)


def window_icon() -> QIcon:
    """Return the mark as the window's icon."""
    picture = QPixmap(64, 64)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    paint_mark(painter, QRect(2, 2, 60, 60))
    painter.end()
    return QIcon(picture)
