"""Controls of forms: search line, choice, tick box and radio; ``FormField`` puts a label and an error around one."""

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLineEdit,
    QRadioButton,
    QSizePolicy,
    QWidget,
)

from app.views.icons import paint_icon
from app.views.kit.form import FormField as FormField
from app.views.kit.form import IconLabel as IconLabel
from app.views.kit.paint import focus_ring, frame, key_hint, key_hint_size, paint_check
from app.views.theme import Themed, colour, font, metrics
from app.views.tokens import CONTROL_HEIGHT, RADIUS_CONTROL, current, px


class SearchField(Themed, QLineEdit):
    """A line with a magnifier; Esc clears it, Down asks to move into the results.

    Signals:
        moved_down: Down was pressed.
    """

    moved_down = Signal()

    def __init__(self, placeholder: str, keys: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keys = keys
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(placeholder)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFont(font("secondary"))
        right = key_hint_size(self._keys).width() + px(6) if self._keys else 0
        self.setTextMargins(px(22), 0, right, 0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Clear on Esc, move on Down."""
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        elif event.key() == Qt.Key.Key_Down:
            self.moved_down.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the line, the magnifier and the key hint."""
        super().paintEvent(event)
        painter = QPainter(self)
        paint_icon(painter, QRect(px(10), 0, px(16), self.height()), "search", "ink3", px(16))
        if self._keys and not self.text():
            size = key_hint_size(self._keys)
            box = QRect(self.width() - size.width() - px(8), (self.height() - size.height()) // 2, *size.toTuple())
            key_hint(painter, box, self._keys, "ink3", "hairline")


class Select(Themed, QComboBox):
    """A choice from a list, drawn from the tokens; the wheel does not change it unless it has the focus."""

    def __init__(self, name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMaxVisibleItems(12)
        view = self.view()
        if view is not None:
            view.setAccessibleName(f"{name}, choices" if name else "Choices")
        self.installEventFilter(self)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFont(font("body"))
        self.updateGeometry()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the page scroll under an unfocused choice."""
        if event.type() == QEvent.Type.Wheel and not self.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def sizeHint(self) -> QSize:
        """Return room for the longest choice."""
        measure = metrics("body")
        longest = max((measure.horizontalAdvance(self.itemText(i)) for i in range(self.count())), default=px(80))
        return QSize(min(longest, px(360)) + px(10) + px(36), max(px(CONTROL_HEIGHT), measure.height() + px(8)))

    def minimumSizeHint(self) -> QSize:
        """Return a width that still shows a word."""
        return QSize(px(96), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the box, the choice and the chevron."""
        painter = QPainter(self)
        invalid = bool(self.property("invalid"))
        enabled = self.isEnabled()
        edge = "danger" if invalid else "edge" if enabled else "hairline"
        frame(
            painter,
            self.rect(),
            "surface" if enabled else "canvas",
            edge,
            px(RADIUS_CONTROL),
            px(current().border_width),
        )
        painter.setFont(self.font())
        text = self.currentText() or self.placeholderText()
        shown_ink = "ink" if self.currentText() and enabled else "ink3"
        painter.setPen(colour(shown_ink))
        room = self.rect().adjusted(px(11), 0, -px(32), 0)
        shown = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), shown)
        chevron = QRect(self.width() - px(28), 0, px(18), self.height())
        paint_icon(painter, chevron, "chevron-down", "ink2", px(16))
        if self.hasFocus():
            focus_ring(painter, self.rect())


class Check(Themed, QCheckBox):
    """A tick box with its words."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._role = "body"
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFont(font(self._role))
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return room for box and words."""
        width = px(18) + (px(9) + self.fontMetrics().horizontalAdvance(self.text()) + 2 if self.text() else 0)
        return QSize(width + px(4), max(px(28), self.fontMetrics().height() + px(6)))

    def minimumSizeHint(self) -> QSize:
        """Return the same."""
        return self.sizeHint()

    def hitButton(self, pos: object) -> bool:
        """Take clicks anywhere on the control."""
        return True

    def _mark_rect(self) -> QRect:
        return QRect(px(2), (self.height() - px(18)) // 2, px(18), px(18))

    def _paint_mark(self, painter: QPainter, box: QRect) -> None:
        paint_check(painter, box, self.checkState(), enabled=self.isEnabled())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw box and words."""
        painter = QPainter(self)
        box = self._mark_rect()
        self._paint_mark(painter, box)
        _paint_words(self, painter, box)


class Radio(Themed, QRadioButton):
    """One choice of several with its words."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFont(font("body"))
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return room for mark and words."""
        width = px(18) + (px(9) + self.fontMetrics().horizontalAdvance(self.text()) + 2 if self.text() else 0)
        return QSize(width + px(4), max(px(28), self.fontMetrics().height() + px(6)))

    def minimumSizeHint(self) -> QSize:
        """Return the same."""
        return self.sizeHint()

    def hitButton(self, pos: object) -> bool:
        """Take clicks anywhere on the control."""
        return True

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw mark and words."""
        painter = QPainter(self)
        box = QRect(px(2), (self.height() - px(18)) // 2, px(18), px(18))
        paint_radio(painter, box, checked=self.isChecked())
        _paint_words(self, painter, box)


def paint_radio(painter: QPainter, box: QRect, *, checked: bool) -> None:
    """Draw a radio mark that fills a square."""
    frame(painter, box, "surface", "accent" if checked else "edge", box.width() / 2, px(current().border_width))
    if checked:
        inset = box.width() // 4 + 1
        frame(painter, box.adjusted(inset, inset, -inset, -inset), "accent", None, box.width() / 2, 0)


def _paint_words(control: QCheckBox | QRadioButton, painter: QPainter, box: QRect) -> None:
    painter.setFont(control.font())
    painter.setPen(QPen(colour("ink" if control.isEnabled() else "ink3")))
    words = control.rect().adjusted(box.right() + px(9), 0, 0, 0)
    painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), control.text())
    if control.hasFocus():
        focus_ring(painter, box.adjusted(-px(2), -px(2), px(2), px(2)))
