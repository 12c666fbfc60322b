"""Looks for text that does not fit: what a person would see cut off."""

from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QScrollArea,
    QWidget,
)

from app.views.kit.text import ElidedText

SLACK = 1
SMALLEST_TARGET = 24


def clipped(root: QWidget) -> list[str]:
    """Return a line for every visible label, button, field or choice under a widget that does not fit."""
    QApplication.sendPostedEvents()
    QApplication.processEvents()
    found = []
    for widget in [root, *root.findChildren(QWidget)]:
        if widget.isVisibleTo(root) and widget.isVisible():
            found += [f"{_name(widget)}: {why}" for why in _faults(widget, root)]
    return found


def assert_nothing_clipped(root: QWidget) -> None:
    """Fail with a list of everything that is cut off under a shown widget."""
    assert root.isVisible(), "show the widget first"
    found = clipped(root)
    assert not found, "cut off:\n" + "\n".join(found)


def _faults(widget: QWidget, root: QWidget) -> list[str]:
    faults = []
    if isinstance(widget, QLabel) and widget.text() and not isinstance(widget, ElidedText):
        faults += _label(widget)
    elif isinstance(widget, QAbstractButton):
        # A button of an icon alone may be smaller than it would like, but no smaller than a target (WCAG 2.5.8).
        needed = widget.minimumSizeHint() if widget.text() else QSize(SMALLEST_TARGET, SMALLEST_TARGET)
        if widget.width() + SLACK < needed.width() or widget.height() + SLACK < needed.height():
            faults.append(f"needs {needed.toTuple()}, has {widget.size().toTuple()}")
    elif isinstance(widget, (QLineEdit, QComboBox)):
        needed_height = widget.fontMetrics().height() + 4
        if widget.height() + SLACK < needed_height:
            faults.append(f"needs a height of {needed_height}, has {widget.height()}")
    if faults or isinstance(widget, (QLabel, QAbstractButton, QLineEdit, QComboBox)):
        faults += _outside(widget, root)
    if isinstance(widget, QScrollArea) and widget.widget() is not None:
        inner, view = widget.widget().width(), widget.viewport().width()
        if inner > view + SLACK and not widget.horizontalScrollBar().isVisible():
            faults.append(f"content is {inner} wide in a view of {view} that does not scroll sideways")
    return faults


def _label(label: QLabel) -> list[str]:
    if label.wordWrap():
        needed = label.heightForWidth(label.width())
        return [f"needs a height of {needed}, has {label.height()}"] if label.height() + SLACK < needed else []
    needed_size = label.minimumSizeHint()
    if label.width() + SLACK < needed_size.width() or label.height() + SLACK < needed_size.height():
        return [f"needs {needed_size.toTuple()}, has {label.size().toTuple()}"]
    return []


def _outside(widget: QWidget, root: QWidget) -> list[str]:
    """Return a fault when a widget sticks out of an ancestor that does not scroll."""
    ancestor = widget.parentWidget()
    while ancestor is not None and widget is not root and not widget.isWindow():
        scroll = ancestor.parentWidget()
        if isinstance(scroll, QAbstractScrollArea) and scroll.viewport() is ancestor:
            return []
        box = QRect(widget.mapTo(ancestor, QPoint(0, 0)), widget.size())
        if not ancestor.rect().adjusted(-SLACK, -SLACK, SLACK, SLACK).contains(box):
            return [f"sticks out of {_name(ancestor)}: {box.getRect()} in {ancestor.size().toTuple()}"]
        if ancestor is root or ancestor.isWindow():
            return []
        ancestor = ancestor.parentWidget()
    return []


def _name(widget: QWidget) -> str:
    words = getattr(widget, "text", None)
    shown = words() if callable(words) else ""
    return f"{type(widget).__name__} {widget.objectName() or shown or widget.accessibleName()!r}"
