"""Neither is right: the fields in which another value is typed."""

from datetime import date
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from app.views.kit.date_field import DateField
from app.views.kit.fields import FormField, Select
from app.views.kit.text import Text
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.conflicts.shown import ShownChoice, TypedField

TEXT_HEIGHT = 64


class TypedForm(QWidget):
    """One field or several, as the choice needs.

    Signals:
        edited: something was typed.
    """

    edited = Signal()

    def __init__(self, choice: "ShownChoice") -> None:
        super().__init__()
        self.setObjectName("typed_form")
        self._fields: dict[str, QWidget] = {}
        self._started = {field.name: field.value for field in choice.typed}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        for field in choice.typed:
            widget = self._make(field)
            widget.setObjectName(f"typed_{field.name}")
            self._fields[field.name] = widget
            column.addWidget(FormField(field.label, widget))
            widget.setAccessibleName(f"{choice.title}: {field.label}")
        self.error = Text("", "secondary", weight="medium", ink="danger", wrap=True)
        self.error.hide()
        column.addWidget(self.error)

    def _make(self, field: "TypedField") -> QWidget:
        if field.kind == "date":
            made = DateField(field.label, _day(field.value))
            made.date_changed.connect(self.edited)
            made.textEdited.connect(self.edited)
            return made
        if field.kind == "choice":
            select = Select(field.label)
            if not field.required:
                select.addItem("Not recorded", "")
            for value, words in field.options:
                select.addItem(words, value)
            select.setCurrentIndex(max(0, select.findData(field.value)))
            select.activated.connect(self.edited)
            return select
        if field.kind == "text":
            text = QPlainTextEdit(field.value)
            text.setFixedHeight(px(TEXT_HEIGHT))
            text.setTabChangesFocus(True)
            text.textChanged.connect(self.edited)
            return text
        line = QLineEdit(field.value)
        line.textEdited.connect(self.edited)
        return line

    def values(self) -> dict[str, str]:
        """Return what the fields say, by name, as a decision takes it."""
        return {name: _text(widget) for name, widget in self._fields.items()}

    def changed(self) -> bool:
        """Return whether anything differs from what the record says."""
        return self.values() != self._started

    def set_values(self, values: dict[str, str]) -> None:
        """Show what was typed before."""
        for name, text in values.items():
            widget = self._fields.get(name)
            if isinstance(widget, DateField):
                widget.set_date(_day(text))
                if _day(text) is None:
                    widget.setText(text)
            elif isinstance(widget, Select):
                widget.setCurrentIndex(max(0, widget.findData(text)))
            elif isinstance(widget, QPlainTextEdit):
                widget.setPlainText(text)
            elif isinstance(widget, QLineEdit):
                widget.setText(text)

    def say(self, message: str) -> None:
        """Show what is wrong, or nothing."""
        self.error.setText(message)
        self.error.setVisible(bool(message))

    def focus(self) -> None:
        """Put the keyboard into the first field."""
        first = next(iter(self._fields.values()), None)
        if first is not None:
            first.setFocus()


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _text(widget: QWidget) -> str:
    if isinstance(widget, DateField):
        value = widget.value()
        return value.isoformat() if value is not None else widget.text().strip()
    if isinstance(widget, Select):
        return str(widget.currentData() or "")
    if isinstance(widget, QPlainTextEdit):
        return widget.toPlainText()
    return widget.text() if isinstance(widget, QLineEdit) else ""
