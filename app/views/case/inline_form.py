"""A short form inside a page: labelled fields, one primary button, errors beside what is wrong."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from app.errors import UserError
from app.views.kit.buttons import PrimaryButton, QuietButton
from app.views.kit.date_field import DateField
from app.views.kit.fields import Check, FormField, Select
from app.views.kit.text import Text
from app.views.tokens import px

if TYPE_CHECKING:
    from app.views.context import AppContext

TWO_COLUMNS_FROM = 560


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form.

    Attributes:
        name: as the service calls it; errors find their way by it.
        kind: line, text, date, choice or check.
        choices: (value, words) of a choice.
        value: what it starts with.
        wide: takes the whole width of a form in two columns.
        only_for: (field, values): shown only while another field has one of these values.
    """

    name: str
    label: str
    kind: str = "line"
    choices: tuple[tuple[str, str], ...] = ()
    value: Any = ""
    hint: str = ""
    optional: bool = False
    wide: bool = False
    only_for: tuple[str, tuple[str, ...]] | None = None


class InlineForm(QWidget):
    """Shows fields and hands their values to a service.

    Signals:
        done: the service's result.
        cancelled: Cancel was pressed, or Esc.
    """

    done = Signal(object)
    cancelled = Signal()

    def __init__(
        self,
        context: "AppContext",
        title: str,
        fields: Sequence[Field],
        words: str,
        work: Callable[[Mapping[str, Any]], Any],
        *,
        explain: str = "",
    ) -> None:
        """Make a form.

        Args:
            context: where the work runs.
            title: what the form is for.
            fields: in order.
            words: of the primary button.
            work: takes the values off the window's thread.
            explain: a sentence under the title.
        """
        super().__init__()
        self.setObjectName("inline_form")
        self.setAccessibleName(title)
        self._context, self._work, self._fields = context, work, list(fields)
        self._busy = False
        self.widgets: dict[str, QWidget] = {}
        self.fields: dict[str, FormField] = {}
        self._cells: dict[str, QWidget] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(10))
        column.addWidget(Text(title, "card", weight="strong"))
        if explain:
            column.addWidget(Text(explain, "secondary", ink="ink2", wrap=True))
        self._told = Text("", "secondary", ink="ink3", wrap=True)
        self._told.hide()
        column.addWidget(self._told)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(px(16))
        self._grid.setVerticalSpacing(px(10))
        column.addLayout(self._grid)
        for field in fields:
            self._add(field)
        self.error = Text("", "secondary", weight="medium", ink="danger", wrap=True)
        self.error.hide()
        column.addWidget(self.error)
        self.submit_button = PrimaryButton(words, None, "Ctrl+Return", answers=False)
        self.submit_button.setObjectName("form_submit")
        self.cancel_button = QuietButton("Cancel")
        self.cancel_button.setObjectName("form_cancel")
        buttons = QHBoxLayout()
        buttons.setSpacing(px(8))
        buttons.addWidget(self.submit_button)
        buttons.addWidget(self.cancel_button)
        buttons.addStretch(1)
        column.addLayout(buttons)
        self.submit_button.clicked.connect(self.submit)
        self.cancel_button.clicked.connect(self.cancelled)
        self._columns = 0
        self._arrange()

    def _add(self, field: Field) -> None:
        widget = _widget_for(field)
        widget.setObjectName(f"field_{field.name}")
        widget.installEventFilter(self)
        self.widgets[field.name] = widget
        if field.kind == "check":
            widget.setParent(self)
            self._cells[field.name] = widget
        else:
            # With a parent from the start: shown without one, it would be a window for a moment.
            cell = FormField(field.label, widget, field.hint, optional=field.optional, parent=self)
            self.fields[field.name] = cell
            self._cells[field.name] = cell
        if isinstance(widget, Select):
            widget.currentIndexChanged.connect(self._arrange_shown)

    def _arrange_shown(self, *_: object) -> None:
        self._columns = 0
        self._arrange()

    def _arrange(self) -> None:
        columns = 2 if self.width() >= px(TWO_COLUMNS_FROM) else 1
        if columns == self._columns:
            return
        self._columns = columns
        for cell in self._cells.values():
            self._grid.removeWidget(cell)
        row = place = 0
        for field in self._fields:
            cell = self._cells[field.name]
            shown = self._is_wanted(field)
            cell.setVisible(shown)
            if not shown:
                continue
            wide = field.wide or field.kind == "text" or columns == 1
            if wide and place:
                row, place = row + 1, 0
            align = Qt.AlignmentFlag.AlignBottom if field.kind == "check" else Qt.AlignmentFlag.AlignTop
            self._grid.addWidget(cell, row, place, 1, 2 if wide and columns > 1 else 1, align)
            place = 0 if wide else (place + 1) % columns
            row += 0 if place else 1

    def _is_wanted(self, field: Field) -> bool:
        if field.only_for is None:
            return True
        other, values = field.only_for
        return self.value(other) in values

    def resizeEvent(self, event: Any) -> None:
        """Use two columns where there is room."""
        super().resizeEvent(event)
        self._arrange()

    def value(self, name: str) -> Any:
        """Return a field's value: text, date or None, a choice's value, or whether a box is ticked."""
        widget = self.widgets[name]
        if isinstance(widget, Select):
            return widget.currentData()
        if isinstance(widget, Check):
            return widget.isChecked()
        if isinstance(widget, DateField):
            return widget.value()
        if isinstance(widget, QPlainTextEdit):
            return widget.toPlainText()
        return widget.text() if isinstance(widget, QLineEdit) else None

    def tell(self, words: str) -> None:
        """Say something under the title, such as that a draft is back."""
        self._told.setText(words)
        self._told.setVisible(bool(words))

    def focus_first(self) -> None:
        """Put the cursor into the first field."""
        for field in self._fields:
            if self._is_wanted(field):
                self.widgets[field.name].setFocus()
                return

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Ctrl+Enter and, in a line, Enter submit; Esc cancels."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            held = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            if enter and (held or isinstance(watched, QLineEdit)):
                self.submit()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.cancelled.emit()
                return True
        return super().eventFilter(watched, event)

    def submit(self) -> None:
        """Hand the values to the service; what is wrong is said beside its field and nothing typed is lost."""
        if self._busy or not self._dates_are_dates():
            return
        for cell in self.fields.values():
            cell.set_error("")
        self.error.hide()
        values = {field.name: self.value(field.name) for field in self._fields if self._is_wanted(field)}
        self._busy = True
        self.submit_button.setEnabled(False)
        self._context.runner.run(self, lambda: self._work(values), self._finish, self._fail)

    def _dates_are_dates(self) -> bool:
        for name, widget in self.widgets.items():
            if isinstance(widget, DateField) and widget.value() is None and not widget.is_blank():
                self.fields[name].set_error("Enter a date, such as 17 November 2026.")
                widget.setFocus()
                return False
        return True

    def _finish(self, result: object) -> None:
        self._busy = False
        self.submit_button.setEnabled(True)
        self.done.emit(result)

    def _fail(self, error: Exception) -> None:
        self._busy = False
        self.submit_button.setEnabled(True)
        if not isinstance(error, UserError):
            self._context.report_error(error)
            return
        cell = self.fields.get(error.field or "")
        if cell is not None:
            cell.set_error(error.message)
            cell.widget.setFocus()
        else:
            self.error.setText(error.message)
            self.error.show()


def _widget_for(field: Field) -> QWidget:
    if field.kind == "text":
        text = QPlainTextEdit(str(field.value or ""))
        text.setTabChangesFocus(True)
        text.setFixedHeight(px(76))
        return text
    if field.kind == "date":
        return DateField(field.label, field.value if isinstance(field.value, date) else None)
    if field.kind == "check":
        box = Check(field.label)
        box.setChecked(bool(field.value))
        return box
    if field.kind == "choice":
        choice = Select(field.label)
        for value, words in field.choices:
            choice.addItem(words, value)
        choice.setCurrentIndex(max(0, choice.findData(field.value)))
        return choice
    return QLineEdit(str(field.value or ""))
