"""A labelled form field: label above, hint under it, error in words beside what is wrong."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.views.icons import paint_icon
from app.views.kit.text import Text
from app.views.theme import Themed
from app.views.tokens import px


class FormField(QWidget):
    """A labelled field.

    Args:
        label: what to type, in words.
        widget: the control; it gets the label (and the error, when there is one) as its accessible name.
        hint: a line under the label.
        source: where the value came from, at the right of the label, e.g. ``From case``.
        optional: shows ``(optional)`` after the label.
    """

    def __init__(
        self,
        label: str,
        widget: QWidget,
        hint: str = "",
        error: str = "",
        source: str = "",
        *,
        optional: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.widget = widget
        self._label = f"{label} (optional)" if optional else label
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(4))
        head = QHBoxLayout()
        head.setSpacing(px(8))
        self.label = Text(self._label, "secondary", weight="strong")
        self.label.setBuddy(widget)
        self.source = Text(source, "meta", ink="ink3")
        head.addWidget(self.label, 1)
        head.addWidget(self.source)
        column.addLayout(head)
        self.hint = Text(hint, "secondary", ink="ink3", wrap=True)
        column.addWidget(self.hint)
        column.addWidget(widget)
        self._column = column
        # Made when first needed: most fields never have an error, and the unlock window is in a hurry.
        self._error: _Note | None = None
        self._note: _Note | None = None
        self.hint.setVisible(bool(hint))
        widget.setAccessibleName(self._label)
        widget.setAccessibleDescription(hint)
        if error:
            self.set_error(error)

    def set_error(self, message: str) -> None:
        """Show what is wrong in words, or nothing when the message is empty."""
        if self._error is None:
            if not message:
                return
            self._error = _Note("octagon-alert", "danger")
            self._column.insertWidget(self._column.indexOf(self.widget) + 1, self._error)
        self._error.set_text(message)
        self._error.setVisible(bool(message))
        self.widget.setProperty("invalid", bool(message))
        self.widget.style().unpolish(self.widget)
        self.widget.style().polish(self.widget)
        self.widget.setAccessibleName(self._label)
        self.widget.setAccessibleDescription(message or self.hint.text())
        if message:
            from app.views.kit.announce import announce  # late: the unlock window has no error when it is painted

            announce(self.widget, message)

    def error(self) -> str:
        """Return the error shown, or an empty string."""
        return self._error.label.text() if self._error is not None else ""

    def set_note(self, text: str) -> None:
        """Show a good-news line under the field, e.g. what a date gives."""
        if self._note is None:
            self._note = _Note("circle-check", "ok")
            self._column.addWidget(self._note)
        self._note.set_text(text)
        self._note.setVisible(bool(text))

    def set_source(self, text: str) -> None:
        """Show where the value came from."""
        self.source.setText(text)


class _Note(QWidget):
    def __init__(self, name: str, ink: str) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(6))
        self._mark = IconLabel(name, ink)
        self.label = Text("", "secondary", weight="medium", ink=ink, wrap=True)
        row.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.label, 1)

    def set_text(self, text: str) -> None:
        self.label.setText(text)


class IconLabel(Themed, QWidget):
    """An icon that is only decoration (the words stand beside it)."""

    def __init__(self, name: str, ink: str = "ink2", size: int = 16, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._ink, self._size = name, ink, size
        self.start_theming()

    def set_icon(self, name: str, ink: str) -> None:
        """Show another icon."""
        self._name, self._ink = name, ink
        self.update()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFixedSize(px(self._size), px(self._size) + px(2))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the icon."""
        paint_icon(QPainter(self), self.rect(), self._name, self._ink, px(self._size))
