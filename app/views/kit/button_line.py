"""A line of text with one button inside, at its right."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from app.views.kit.buttons import IconButton
from app.views.tokens import px


class ButtonLine(QLineEdit):
    """The line; ``button`` is reached with Tab after it.

    Args:
        icon: a Lucide name for the button.
        name: what the button does.
    """

    def __init__(self, icon: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = IconButton(icon, name)
        self.button.setParent(self)
        self.button.setCursor(Qt.CursorShape.ArrowCursor)
        self.setTextMargins(0, 0, px(26), 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the button at the right."""
        super().resizeEvent(event)
        side = self.height() - px(2)
        self.button.setGeometry(self.width() - side - px(1), px(1), side, side)
