"""Telling a screen reader what changed on screen without the focus moving there."""

from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QWidget


def announce(widget: QWidget, words: str) -> None:
    """Have words read aloud, politely: after what is being read now.

    Args:
        widget: where they stand; nothing is said of what is not on screen.
        words: the words; nothing is said of none.
    """
    if words and widget.isVisible():
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(widget, words))
