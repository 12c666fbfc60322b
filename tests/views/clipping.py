"""Finds words that a window cuts off: labels and buttons smaller than what they say, children outside their parents."""

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QAbstractButton, QAbstractScrollArea, QLabel, QLineEdit, QWidget

from app.views.kit.text import ElidedText

_SLACK = 1
"""Pixels lost to rounding at fractional scales."""


def clipped(window: QWidget) -> list[str]:
    """Return one line for each visible label or button of a window whose words do not fit.

    What is elided on purpose (``ElidedText``) and what a scroll area can bring into view is left out.
    """
    found = []
    for widget in window.findChildren(QWidget):
        if not widget.isVisibleTo(window) or widget.visibleRegion().isEmpty() and _scrolls(widget, window):
            continue
        found += _too_small(widget)
        found += _outside(widget, window)
    return found


def _too_small(widget: QWidget) -> list[str]:
    if isinstance(widget, ElidedText | QLineEdit):
        return []
    if isinstance(widget, QLabel) and widget.text() and not widget.pixmap():
        return _label_too_small(widget)
    if isinstance(widget, QAbstractButton) and widget.text():
        needed = widget.minimumSizeHint()
        if widget.width() + _SLACK < needed.width() or widget.height() + _SLACK < needed.height():
            return [f"button {widget.text()!r}: {widget.size().toTuple()} < {needed.toTuple()}"]
    return []


def _label_too_small(label: QLabel) -> list[str]:
    flags = int(Qt.TextFlag.TextWordWrap) if label.wordWrap() else 0
    room = label.contentsRect()
    needed = label.fontMetrics().boundingRect(QRect(0, 0, max(1, room.width()), 10_000), flags, label.text())
    if needed.width() > room.width() + _SLACK or needed.height() > room.height() + _SLACK:
        return [f"label {label.text()!r}: {room.size().toTuple()} < {needed.size().toTuple()}"]
    return []


def _outside(widget: QWidget, window: QWidget) -> list[str]:
    """A widget that takes the focus must lie inside its parents, unless a scroll area can bring it into view."""
    if widget.focusPolicy() == Qt.FocusPolicy.NoFocus or _scrolls(widget, window):
        return []
    place = QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())
    inside = window.rect().adjusted(-_SLACK, -_SLACK, _SLACK, _SLACK)
    if inside.contains(place) or widget.window() is not window.window():
        return []
    return [
        f"{type(widget).__name__} {widget.accessibleName() or widget.objectName()!r} lies outside: {place.getRect()}"
    ]


def _scrolls(widget: QWidget, window: QWidget) -> bool:
    parent = widget.parentWidget()
    while parent is not None and parent is not window:
        if isinstance(parent, QAbstractScrollArea) and widget is not parent.viewport():
            return True
        parent = parent.parentWidget()
    return False
