"""Labels that take their font and colour from the tokens."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from app.views.theme import Themed, colour, font, tinted
from app.views.tokens import current, px


class Text(Themed, QLabel):
    """A run of text by role, weight and ink token.

    Args:
        text: plain text (never interpreted as markup).
        role: meta, secondary, body, card, pane, page or name.
        weight: regular, medium or strong.
        ink: the colour token.
        wrap: break lines instead of keeping to one.
        selectable: can be selected and copied, with the keyboard too.
    """

    def __init__(
        self,
        text: str = "",
        role: str = "body",
        *,
        weight: str = "regular",
        ink: str = "ink",
        wrap: bool = False,
        tabular: bool = False,
        selectable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._role, self._weight, self._ink, self._tabular = role, weight, ink, tabular
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)
        self.setWordWrap(wrap)
        if wrap:
            policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
            policy.setHeightForWidth(True)
            self.setSizePolicy(policy)
        if selectable:
            self.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
        self.start_theming()

    def set_ink(self, ink: str) -> None:
        """Change the colour token."""
        self._ink = ink
        self.restyle()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFont(font(self._role, self._weight, tabular=self._tabular))
        tinted(self, self._ink)


class ElidedText(Text):
    """One line of text that ends in an ellipsis when there is no room; the whole is in its tooltip."""

    def __init__(self, text: str = "", role: str = "body", **options: object) -> None:
        super().__init__(text, role, **options)  # type: ignore[arg-type]  # the options of Text, passed on
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(px(40))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the text, shortened to the width."""
        painter = QPainter(self)
        painter.setPen(colour(self._ink))
        shown = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        self.setToolTip("" if shown == self.text() else self.text())
        painter.drawText(self.rect(), int(self.alignment() | Qt.AlignmentFlag.AlignVCenter), shown)


class Link(Themed, QLabel):
    """An action that looks like a link; it takes the focus and Enter or Space starts it."""

    activated = Signal()

    def __init__(self, text: str, role: str = "secondary", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._role = role
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(text)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFont(font(self._role, "medium"))
        tinted(self, "accent")
        self.setMinimumHeight(px(24))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Activate on a left click inside."""
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.activated.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Activate on Enter or Space."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.activated.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the text, underlined while it has the focus, with the focus ring."""
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            width = px(current().focus_width)
            painter.setPen(QPen(colour("focus"), width))
            painter.drawLine(0, self.height() - width, self.width(), self.height() - width)
