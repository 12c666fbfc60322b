"""The seven steps at the left: which is open, which are answered, and what waits elsewhere."""

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.views.icons import paint_icon
from app.views.kit.cards import rule
from app.views.kit.form import IconLabel
from app.views.kit.paint import focus_ring
from app.views.kit.text import Link, Text
from app.views.theme import Themed, colour, font
from app.views.tokens import current, px

WIDE, NARROW, SHORT_BELOW = 226, 52, 470


class StepButton(Themed, QAbstractButton):
    """One step: a numbered circle (or a tick) and its words."""

    def __init__(self, number: int, words: str) -> None:
        super().__init__()
        self._number, self._words = number, words
        self._done = self._attention = self._narrow = self._ring = False
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.toggled.connect(self._announce)
        self._announce()
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFont(font("body", "medium"))
        self.updateGeometry()

    def set_state(self, *, done: bool, attention: bool) -> None:
        """Show whether the step is answered, or something in it must be put right."""
        self._done, self._attention = done, attention
        self._announce()
        self.update()

    def set_narrow(self, narrow: bool) -> None:
        """Show the circle alone, with the words as its tooltip."""
        self._narrow = narrow
        self.setToolTip(f"{self._number}. {self._words}" if narrow else "")
        self.updateGeometry()
        self.update()

    def _announce(self, *_: object) -> None:
        state = "open" if self.isChecked() else "needs attention" if self._attention else "done" if self._done else ""
        words = f"Step {self._number} of 7, {self._words}"
        self.setAccessibleName(f"{words}, {state}" if state else words)

    def sizeHint(self) -> QSize:
        """Return room for circle and words."""
        words = 0 if self._narrow else px(10) + self.fontMetrics().horizontalAdvance(self._words) + px(12)
        return QSize(px(NARROW if self._narrow else 16) + (0 if self._narrow else px(22)) + words, px(38))

    def minimumSizeHint(self) -> QSize:
        """Return the same height and room for the circle."""
        return QSize(px(NARROW), px(34))

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring when the keyboard brought the focus."""
        self._ring = event.reason() != Qt.FocusReason.MouseFocusReason
        super().focusInEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the row."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.isChecked():
            painter.fillRect(self.rect(), colour("accent_tint"))
            painter.fillRect(QRect(0, 0, px(3), self.height()), colour("accent"))
        size = px(20)
        circle = QRect(px(16), (self.height() - size) // 2, size, size)
        self._paint_mark(painter, circle)
        if not self._narrow:
            painter.setFont(font("body", "strong" if self.isChecked() else "medium"))
            painter.setPen(colour("ink" if self.isChecked() else "ink2"))
            words = self.rect().adjusted(circle.right() + px(11), 0, -px(4), 0)
            shown = painter.fontMetrics().elidedText(self._words, Qt.TextElideMode.ElideRight, words.width())
            painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), shown)
        if self.hasFocus() and self._ring:
            focus_ring(painter, self.rect())

    def _paint_mark(self, painter: QPainter, circle: QRect) -> None:
        if self._attention and not self.isChecked():
            paint_icon(painter, circle, "octagon-alert", "danger", px(20))
            return
        if self._done and not self.isChecked():
            paint_icon(painter, circle, "circle-check-big", "ok", px(20))
            return
        filled = self.isChecked()
        painter.setBrush(colour("accent") if filled else Qt.BrushStyle.NoBrush)
        pen = painter.pen()
        pen.setColor(colour("accent" if filled else "edge"))
        pen.setWidth(px(current().border_width))
        painter.setPen(pen)
        painter.drawEllipse(circle.adjusted(1, 1, -1, -1))
        painter.setFont(font("meta", "strong"))
        painter.setPen(colour("on_accent" if filled else "ink2"))
        painter.drawText(circle, Qt.AlignmentFlag.AlignCenter, str(self._number))


class StepRail(Themed, QWidget):
    """The column of steps.

    Signals:
        chosen: a step's key, by mouse or keyboard.
        others_asked: the other waiting referrals.
        import_asked: bring in a list instead.
    """

    chosen = Signal(str)
    others_asked = Signal()
    import_asked = Signal()

    def __init__(self, steps: dict[str, str]) -> None:
        super().__init__()
        self.setObjectName("step_rail")
        self.setProperty("fill", "surface")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, px(14), 0, px(12))
        column.setSpacing(0)
        self.heading = Text("New referral", "pane", weight="strong")
        self.heading.setContentsMargins(px(16), 0, px(8), px(10))
        column.addWidget(self.heading)
        self.buttons: dict[str, StepButton] = {}
        for number, (key, words) in enumerate(steps.items(), start=1):
            button = StepButton(number, words)
            button.setObjectName(f"step_{key}")
            button.clicked.connect(lambda _on, key=key: self.chosen.emit(key))
            self.buttons[key] = button
            column.addWidget(button)
        column.addStretch(1)
        self._foot = self._make_foot()
        column.addWidget(self._foot)
        self.start_theming()

    def _make_foot(self) -> QWidget:
        foot = QWidget()
        column = QVBoxLayout(foot)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(6))
        self.others = Link("Other referrals")
        self.others.setObjectName("other_referrals")
        self.others.activated.connect(self.others_asked)
        self.imports = Link("Import a list or a CTF file")
        self.imports.setObjectName("import_instead")
        self.imports.activated.connect(self.import_asked)
        for link in (self.others, self.imports):
            row = QHBoxLayout()
            row.setContentsMargins(px(16), 0, px(8), 0)
            row.addWidget(link)
            row.addStretch(1)
            column.addLayout(row)
        column.addWidget(rule())
        saved = QHBoxLayout()
        saved.setContentsMargins(px(16), px(6), px(12), 0)
        saved.setSpacing(px(8))
        saved.addWidget(IconLabel("laptop", "ink2"), 0, Qt.AlignmentFlag.AlignTop)
        words = "Saved on this laptop as you go. You can close this and come back."
        self.saved = Text(words, "meta", ink="ink2", wrap=True)
        saved.addWidget(self.saved, 1)
        column.addLayout(saved)
        return foot

    def minimumSizeHint(self) -> QSize:
        """Return the height of the steps alone: low windows hide the rest."""
        return QSize(px(NARROW), px(34) * len(self.buttons) + px(26))

    def restyle(self) -> None:
        """Follow the theme."""
        self.set_narrow(self._is_narrow())

    def _is_narrow(self) -> bool:
        return self.heading.isHidden() and bool(self.buttons)

    def set_narrow(self, narrow: bool) -> None:
        """Show circles alone, for narrow windows; the links are then in the page's own head."""
        self.setFixedWidth(px(NARROW if narrow else WIDE))
        self.heading.setVisible(not narrow)
        self._foot.setVisible(not narrow)
        for button in self.buttons.values():
            button.set_narrow(narrow)

    def set_short(self, short: bool) -> None:
        """Hide the words at the foot in low windows, so that the steps stay whole."""
        self._foot.setVisible(not short and not self._is_narrow())

    def set_current(self, key: str) -> None:
        """Mark the open step, without a signal."""
        self.buttons[key].setChecked(True)

    def set_others(self, count: int) -> None:
        """Show how many other referrals wait."""
        self.others.setText(f"Other referrals ({count})" if count else "Other referrals")
        self.others.setAccessibleName(self.others.text())
