"""Fields of one step in two columns where there is room: answers in, answers out, problems beside the field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from app.views.kit.date_field import DateField
from app.views.kit.fields import Check, Select
from app.views.kit.form import FormField
from app.views.tokens import px

TWO_COLUMNS_FROM = 540
NOT_KNOWN = "not_known"


@dataclass(frozen=True, slots=True)
class Ask:
    """One question.

    Attributes:
        name: the answer's name.
        kind: line, text, date or choice.
        choices: (value, words) of a choice.
        unknown: words of a "Not known" box under the field, or empty for none.
        wide: takes both columns.
        lines: height of a text, in lines.
    """

    name: str
    label: str
    kind: str = "line"
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    optional: bool = False
    unknown: str = ""
    wide: bool = False
    lines: int = 3


class AnswerGrid(QWidget):
    """Shows questions.

    Signals:
        edited: a person changed an answer; its name.
    """

    edited = Signal(str)

    def __init__(self, questions: Sequence[Ask]) -> None:
        super().__init__()
        self._questions = list(questions)
        self._columns = 0
        self._hidden: set[str] = set()
        self.fields: dict[str, FormField] = {}
        self.widgets: dict[str, QWidget] = {}
        self.unknown: dict[str, Check] = {}
        self._cells: dict[str, QWidget] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(px(16))
        self._grid.setVerticalSpacing(px(14))
        for question in questions:
            self._add(question, _widget_for(question))
        self._arrange()

    def put(self, name: str, widget: QWidget) -> None:
        """Use another widget for a question (a school picker); it must be put before it is shown."""
        question = next(one for one in self._questions if one.name == name)
        old = self._cells.pop(name)
        self._grid.removeWidget(old)
        old.hide()
        old.deleteLater()
        self._add(question, widget)
        self._columns = 0
        self._arrange()

    def _add(self, question: Ask, widget: QWidget) -> None:
        name = question.name
        widget.setObjectName(f"answer_{name}")
        field = FormField(question.label, widget, question.hint, optional=question.optional)
        self.widgets[name], self.fields[name] = widget, field
        cell: QWidget = field
        if question.unknown:
            box = Check(question.unknown)
            box.setObjectName(f"unknown_{name}")
            box.setAccessibleName(f"{question.label}: {question.unknown}")
            box.toggled.connect(lambda on, name=name: self._unknown_toggled(name, on))
            self.unknown[name] = box
            cell = QWidget()
            column = QVBoxLayout(cell)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(px(4))
            column.addWidget(field)
            column.addWidget(box)
        self._cells[name] = cell
        self._listen(name, widget)

    def _listen(self, name: str, widget: QWidget) -> None:
        def changed(*_: object) -> None:
            self.edited.emit(name)

        if isinstance(widget, DateField):
            widget.textEdited.connect(changed)
            widget.date_changed.connect(changed)
        elif isinstance(widget, QLineEdit):
            widget.textEdited.connect(changed)
        elif isinstance(widget, QPlainTextEdit):
            widget.textChanged.connect(changed)
        elif isinstance(widget, Select):
            widget.activated.connect(changed)

    def _unknown_toggled(self, name: str, on: bool) -> None:
        self.widgets[name].setEnabled(not on)
        self.edited.emit(name)

    # Values

    def values(self) -> dict[str, str]:
        """Return every answer: dates in ISO form where they are understood, else as typed."""
        return {name: value_of(widget) for name, widget in self.widgets.items()}

    def is_unknown(self, name: str) -> bool:
        """Return whether "Not known" is ticked."""
        return self.unknown[name].isChecked()

    def set_values(self, values: Mapping[str, str], unknown: Sequence[str] = ()) -> None:
        """Show answers, without a signal."""
        self.blockSignals(True)
        for name, value in values.items():
            if name in self.widgets:
                show_value(self.widgets[name], value)
        for name, box in self.unknown.items():
            box.setChecked(name in unknown)
            self.widgets[name].setEnabled(name not in unknown)
        self.blockSignals(False)

    def set_shown(self, name: str, shown: bool) -> None:
        """Show or hide a question."""
        before = set(self._hidden)
        if shown:
            self._hidden.discard(name)
        else:
            self._hidden.add(name)
        if self._hidden != before:
            self._columns = 0
            self._arrange()

    def set_error(self, name: str, message: str) -> bool:
        """Show what is wrong beside a field; return whether the field is here."""
        if name not in self.fields:
            return False
        self.fields[name].set_error(message)
        return True

    def clear_errors(self) -> None:
        """Take all errors off."""
        for field in self.fields.values():
            field.set_error("")

    def focus(self, name: str = "") -> None:
        """Put the keyboard on a field, or on the first."""
        wanted = name or next(one.name for one in self._questions if one.name not in self._hidden)
        self.widgets[wanted].setFocus(Qt.FocusReason.OtherFocusReason)

    # Layout

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Use two columns where there is room."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        columns = 2 if self.width() >= px(TWO_COLUMNS_FROM) else 1
        if columns == self._columns:
            return
        self._columns = columns
        for cell in self._cells.values():
            self._grid.removeWidget(cell)
        row = place = 0
        previous: QWidget | None = None
        for question in self._questions:
            cell = self._cells[question.name]
            if question.name in self._hidden:
                cell.hide()
                continue
            wide = question.wide or question.kind == "text" or columns == 1
            if wide and place:
                row, place = row + 1, 0
            self._grid.addWidget(cell, row, place, 1, columns if wide else 1, Qt.AlignmentFlag.AlignTop)
            cell.show()  # only now: shown without a parent it would be a window for a moment
            place = 0 if wide else (place + 1) % columns
            row += 0 if place else 1
            widget = self.widgets[question.name]
            if previous is not None:
                QWidget.setTabOrder(previous, widget)
            previous = self.unknown.get(question.name, widget)
            if previous is not widget:
                QWidget.setTabOrder(widget, previous)
        for column in range(2):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)


def value_of(widget: QWidget) -> str:
    """Return a widget's answer as text."""
    if isinstance(widget, DateField):
        found = widget.value()
        return found.isoformat() if found is not None else widget.text().strip()
    if isinstance(widget, QLineEdit):
        return widget.text()
    if isinstance(widget, QPlainTextEdit):
        return widget.toPlainText()
    if isinstance(widget, Select):
        return str(widget.currentData() or "")
    return str(getattr(widget, "text_value", lambda: "")())


def show_value(widget: QWidget, value: str) -> None:
    """Show an answer in a widget."""
    if isinstance(widget, DateField):
        from app.services.referral_form import day

        found = day(value)
        widget.set_date(found)
        if found is None:
            widget.setText(value)
    elif isinstance(widget, QLineEdit):
        widget.setText(value)
    elif isinstance(widget, QPlainTextEdit):
        widget.setPlainText(value)
    elif isinstance(widget, Select):
        widget.setCurrentIndex(max(0, widget.findData(value)))


def _widget_for(question: Ask) -> QWidget:
    if question.kind == "text":
        text = QPlainTextEdit()
        text.setTabChangesFocus(True)
        text.setFixedHeight(px(16 + 20 * question.lines))
        return text
    if question.kind == "date":
        return DateField(question.label)
    if question.kind == "choice":
        choice = Select(question.label)
        for value, words in question.choices:
            choice.addItem(words, value)
        return choice
    return QLineEdit()
