"""The reasoning behind a date, in a small panel that Esc closes."""

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from app.views.kit.text import Text
from app.views.tokens import px


def show_explanation(title: str, lines: Sequence[str], under: QWidget) -> QFrame:
    """Show how a date was counted.

    Args:
        title: what is due.
        lines: trigger, rule, law, days left out and why, calendar.
        under: the control it belongs to.
    """
    popup = QFrame(under, Qt.WindowType.Popup)
    popup.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    popup.setProperty("kind", "popup")
    popup.setObjectName("explanation")
    popup.setAccessibleName(f"How the date of {title} is counted")
    column = QVBoxLayout(popup)
    column.setContentsMargins(px(16), px(12), px(16), px(14))
    column.setSpacing(px(6))
    column.addWidget(Text(title, "body", weight="strong"))
    for line in lines:
        words = Text(line, "secondary", ink="ink2", wrap=True, selectable=True)
        words.setFixedWidth(px(380))
        column.addWidget(words)
    popup.adjustSize()
    corner = under.mapToGlobal(QPoint(0, under.height() + px(4)))
    screen = under.screen().availableGeometry()
    left = max(screen.left(), min(corner.x(), screen.right() - popup.width()))
    top = corner.y() if corner.y() + popup.height() <= screen.bottom() else screen.bottom() - popup.height()
    popup.move(left, top)
    popup.show()
    popup.setFocus()
    return popup
