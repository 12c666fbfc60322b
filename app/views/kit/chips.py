"""Chips (filters) and segmented controls (one choice of few)."""

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from app.views.icons import paint_icon
from app.views.kit.paint import focus_ring, frame
from app.views.theme import Themed, colour, font, metrics
from app.views.tokens import COMPACT_HEIGHT, RADIUS_CONTROL, RADIUS_PILL, current, px


class Chip(Themed, QAbstractButton):
    """A pill that is on or off, or (``removable``) a filter in force with a cross.

    Signals:
        removed: the cross was clicked, or Delete pressed.
    """

    removed = Signal()

    def __init__(self, text: str, *, removable: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._removable = removable
        self._ring = False
        self.setText(text)
        self.setAccessibleName(f"{text}, remove" if removable else text)
        self.setCheckable(not removable)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        if removable:
            self.clicked.connect(self.removed)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFont(font("secondary", "strong"))
        self.updateGeometry()

    def set_text(self, text: str) -> None:
        """Change the words, e.g. their count."""
        self.setText(text)
        self.setAccessibleName(f"{text}, remove" if self._removable else text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return room for the words and the cross."""
        width = metrics("secondary", "strong").horizontalAdvance(self.text()) + 1 + 2 * px(12)
        height = max(px(COMPACT_HEIGHT), self.fontMetrics().height() + px(8))
        return QSize(width + (px(18) if self._removable else 0), height)

    def minimumSizeHint(self) -> QSize:
        """Return the same."""
        return self.sizeHint()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring when the keyboard brought the focus."""
        self._ring = event.reason() != Qt.FocusReason.MouseFocusReason
        super().focusInEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Remove on Delete or Backspace."""
        if self._removable and event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removed.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the pill."""
        painter = QPainter(self)
        radius = min(px(RADIUS_PILL), self.height() / 2)
        width = px(current().border_width)
        if self._removable:
            edge = "accent" if current().border_width > 1 else None
            fill, ink = "accent_tint", "accent"
        elif self.isChecked():
            fill, edge, ink = "strong", "strong", "on_strong"
        else:
            fill, edge, ink = "surface", "edge", "ink2"
        frame(painter, self.rect(), fill, edge, radius, width)
        painter.setFont(self.font())
        painter.setPen(colour(ink))
        flags = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        painter.drawText(self.rect().adjusted(px(12), 0, 0, 0), flags, self.text())
        if self._removable:
            cross = QRect(self.width() - px(26), 0, px(14), self.height())
            paint_icon(painter, cross, "x", ink, px(14))
        if self.hasFocus() and self._ring:
            focus_ring(painter, self.rect(), RADIUS_PILL)


class SegmentedControl(Themed, QWidget):
    """A row of joined choices; the arrow keys move between them.

    Signals:
        chosen: the value of the new choice, by mouse or keyboard (not by ``set_value``).
    """

    chosen = Signal(str)

    def __init__(self, choices: list[tuple[str, str]], name: str, parent: QWidget | None = None) -> None:
        """Make the control.

        Args:
            choices: (value, words) in order; the first is chosen.
            name: what it chooses, read aloud.
            parent: the owner.
        """
        super().__init__(parent)
        self._choices = choices
        self._index = 0
        self._name = name
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._announce()
        self.start_theming()

    def value(self) -> str:
        """Return the chosen value."""
        return self._choices[self._index][0]

    def set_value(self, value: str) -> None:
        """Choose without a signal."""
        self._index = next((i for i, choice in enumerate(self._choices) if choice[0] == value), self._index)
        self._announce()
        self.update()

    def _announce(self) -> None:
        self.setAccessibleName(f"{self._name}: {self._choices[self._index][1]}")

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFont(font("secondary", "strong"))
        self.updateGeometry()

    def _widths(self) -> list[int]:
        measure = metrics("secondary", "strong")
        return [measure.horizontalAdvance(words) + 1 + 2 * px(12) for _value, words in self._choices]

    def sizeHint(self) -> QSize:
        """Return room for every choice."""
        return QSize(sum(self._widths()), max(px(COMPACT_HEIGHT), self.fontMetrics().height() + px(8)))

    def minimumSizeHint(self) -> QSize:
        """Return the same."""
        return self.sizeHint()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move on Left and Right."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if step:
            self._choose(max(0, min(len(self._choices) - 1, self._index + step)))
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose what was clicked."""
        left = 0
        for index, width in enumerate(self._widths()):
            if left <= event.position().x() < left + width:
                self._choose(index)
            left += width

    def _choose(self, index: int) -> None:
        if index != self._index:
            self._index = index
            self._announce()
            self.update()
            self.chosen.emit(self.value())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the choices."""
        painter = QPainter(self)
        radius, width = px(RADIUS_CONTROL), px(current().border_width)
        frame(painter, self.rect(), "surface", "edge", radius, width)
        left = 0
        for index, room in enumerate(self._widths()):
            box = QRect(left, 0, room, self.height())
            chosen = index == self._index
            if chosen:
                frame(painter, box, "strong", "strong", radius, width)
            elif index and index - 1 != self._index:
                painter.setPen(colour("hairline"))
                painter.drawLine(left, px(1), left, self.height() - px(2))
            painter.setFont(font("secondary", "strong" if chosen else "regular"))
            painter.setPen(colour("on_strong" if chosen else "ink2"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._choices[index][1])
            left += room
        if self.hasFocus():
            focus_ring(painter, self.rect())
