"""A value as a card that is chosen like a radio button."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QRadioButton, QSizePolicy, QVBoxLayout, QWidget

from app.views.conflicts.marked_text import MarkedText
from app.views.kit.fields import paint_radio
from app.views.kit.paint import focus_ring, frame
from app.views.kit.text import Text
from app.views.theme import Themed
from app.views.tokens import RADIUS_CONTROL, current, px

if TYPE_CHECKING:
    from app.services.conflicts.shown import ShownValue


class ValueCard(Themed, QRadioButton):
    """One value with its mark, where it came from, and who wrote it when that is not said in the head.

    Args:
        value: what it shows.
        side: what its column is called, such as "Yours".
        choice: what is decided, for whoever listens.
        meta: author, time and laptop; empty where the head says it.
        enabled: whether this person may choose it.
    """

    def __init__(
        self,
        value: "ShownValue",
        side: str,
        choice: str,
        meta: str = "",
        *,
        enabled: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.value = value
        self.setObjectName(f"value_{value.key}")
        self._column = QVBoxLayout(self)
        self.words = MarkedText(value.words, value.marks)
        self._column.addWidget(self.words)
        for line in (value.note, meta, value.why_not):
            if line:
                text = Text(line, "meta", ink="ink3", wrap=True)
                text.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
                self._column.addWidget(text)
        self._column.addStretch(1)
        self.setAutoExclusive(False)
        self.setEnabled(enabled and bool(value.key) and not value.why_not)
        self.setAccessibleName(f"{choice}, {side}: {value.words}")
        differs = ", ".join(value.words[start:stop] for start, stop in value.marks)
        told = [value.note, meta, f"Different: {differs}" if differs else "", value.why_not]
        self.setAccessibleDescription(". ".join(part for part in told if part))
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self._column.setContentsMargins(px(40), px(8), px(12), px(8))
        self._column.setSpacing(px(2))
        self.updateGeometry()

    def hasHeightForWidth(self) -> bool:
        """Return that its words wrap."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height its words need at a width."""
        return max(self._column.heightForWidth(width), px(36))

    def sizeHint(self) -> QSize:
        """Return a usual width with the height for it."""
        width = px(240)
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        """Return what still shows words."""
        return QSize(px(120), self.heightForWidth(max(self.width(), px(120))))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Ask for the height again at another width."""
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.updateGeometry()

    def hitButton(self, pos: object) -> bool:
        """Take clicks anywhere on the card."""
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose with Enter too."""
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and plain:
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the box, the mark and the ring."""
        painter = QPainter(self)
        chosen = self.isChecked()
        fill = "accent_tint" if chosen else "hover" if self.underMouse() and self.isEnabled() else "surface"
        edge = "accent" if chosen else "edge" if self.isEnabled() else "hairline"
        width = px(2) if chosen else px(current().border_width)
        frame(painter, self.rect(), fill, edge, px(RADIUS_CONTROL), width)
        if self.isEnabled() or chosen:
            paint_radio(painter, QRect(px(12), px(9), px(18), px(18)), checked=chosen)
        if self.hasFocus():
            focus_ring(painter, self.rect().adjusted(px(2), px(2), -px(2), -px(2)))
