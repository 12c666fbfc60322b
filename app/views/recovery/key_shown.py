"""A recovery key on screen: seven numbered groups, large, read aloud character by character."""

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.views.kit.paint import frame
from app.views.recovery.key_font import key_font
from app.views.theme import Themed, colour, font
from app.views.tokens import RADIUS_CONTROL, current, px

_SIZE, _CELL, _GROUP, _GAP, _ROW = 22, 18, 4, 20, 48


class KeyShown(Themed, QWidget):
    """Draws the groups, as many to a row as fit.

    Signals:
        entered: Enter was pressed on it.
    """

    entered = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._groups: tuple[str, ...] = ()
        self.setObjectName("recovery_key_shown")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # so that a screen reader comes to it
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.start_theming()

    def show_key(self, groups: tuple[str, ...]) -> None:
        """Show a key; no groups forget it."""
        self._groups = groups
        spelled = ". ".join(f"Group {number}: {' '.join(group)}" for number, group in enumerate(groups, 1))
        self.setAccessibleName(f"Recovery key. {spelled}" if groups else "Recovery key")
        self.updateGeometry()
        self.update()

    def restyle(self) -> None:
        """Follow the theme."""
        self.updateGeometry()
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go on with Enter."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()
        else:
            super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        """Return room for four groups to a row."""
        return QSize(self._wide(4), self.heightForWidth(self._wide(4)))

    def minimumSizeHint(self) -> QSize:
        """Return room for one group to a row."""
        return QSize(self._wide(1), px(_ROW) + 2 * px(8))

    def heightForWidth(self, width: int) -> int:
        """Return the height of all rows."""
        a_row = self._a_row(width)
        rows = -(-max(len(self._groups), 1) // a_row)
        return rows * px(_ROW) + 2 * px(8)

    def _wide(self, groups: int) -> int:
        return groups * _GROUP * px(_CELL) + (groups - 1) * px(_GAP) + 2 * px(14)

    def _a_row(self, width: int) -> int:
        return next((many for many in (7, 4, 2) if self._wide(many) <= width), 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the box, the numbers and the characters."""
        painter = QPainter(self)
        edge = "focus" if self.hasFocus() else "edge"
        frame(painter, self.rect(), "surface", edge, px(RADIUS_CONTROL), px(current().border_width))
        a_row = self._a_row(self.width())
        left = (self.width() - self._wide(min(a_row, max(len(self._groups), 1)))) // 2 + px(14)
        face = key_font(_SIZE)
        ascent = QFontMetrics(face).ascent()
        for place, group in enumerate(self._groups):
            x = left + (place % a_row) * (_GROUP * px(_CELL) + px(_GAP))
            top = px(8) + (place // a_row) * px(_ROW)
            painter.setFont(font("meta"))
            painter.setPen(colour("ink3"))
            painter.drawText(QRect(x, top, px(40), px(16)), int(Qt.AlignmentFlag.AlignVCenter), f" {place + 1}")
            painter.setFont(face)
            painter.setPen(colour("ink"))
            for number, character in enumerate(group):
                width = painter.fontMetrics().horizontalAdvance(character)
                painter.drawText(x + number * px(_CELL) + (px(_CELL) - width) // 2, top + px(16) + ascent, character)
