"""The form of a letter: who it goes to, the template's own fields, and what is wrong, beside where it is wrong."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPlainTextEdit, QScrollArea, QVBoxLayout, QWidget

from app.views.kit.chips import SegmentedControl
from app.views.kit.date_field import DateField, parse_date
from app.views.kit.fields import FormField, Select
from app.views.kit.text import ElidedText
from app.views.letters.issues_panel import IssuesPanel
from app.views.letters.work import TemplateRow
from app.views.tokens import px

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.services.letters.compose import Composed, FieldState
    from app.services.letters.facts import Facts

SIZES = [("12", "Standard, 12 point"), ("16", "Large, 16"), ("18", "Large, 18")]
SOURCES = {"case": "From case", "council": "From council", "officer": "From your details", "letter": "", "typed": ""}
# What the fixed fields of the form fill or show, for errors and for clicks in the preview.
_SHOWN_BY = {
    "recipient_name": "send_to",
    "recipient_address": "send_to",
    "salutation": "send_to",
    "school_name": "send_to",
    "dfe_number": "send_to",
    "date_of_letter": "date_of_letter",
}

_IN_PANEL = ("recipient_address",)
"""Put right on the case or by another delivery, so it stands in the panel with its links."""


class LetterForm(QScrollArea):
    """A scrolling form.

    Signals:
        typed: (merge field, text), dates as ISO text.
        recipient_chosen, delivery_chosen: the key, the code.
        points_chosen: the size of the text.
        template_chosen: the id, where the list of templates is folded into the form.
        left: a field was left, so that what is typed can be kept.
    """

    typed = Signal(str, str)
    recipient_chosen = Signal(str)
    delivery_chosen = Signal(str)
    points_chosen = Signal(int)
    template_chosen = Signal(str)
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._fields: dict[str, FormField] = {}
        self._shown_for = ""
        body = QWidget()
        body.setProperty("fill", "none")
        self._column = QVBoxLayout(body)
        self._column.setContentsMargins(px(20), px(14), px(20), px(20))
        self._column.setSpacing(px(14))
        self.setWidget(body)
        self._make_fixed()
        self._lay_out()

    def _make_fixed(self) -> None:
        self.title = ElidedText("", "card", weight="strong")
        self.subtitle = ElidedText("", "secondary", ink="ink2")
        self.issues = IssuesPanel()
        self.template = Select("Template")
        self.template.setObjectName("template_choice")
        self.send_to = Select("Send to")
        self.send_to.setObjectName("send_to")
        self.delivery = Select("Delivered by")
        self.delivery.setObjectName("delivery")
        self.date = DateField("Date of letter")
        self.date.setObjectName("field_date_of_letter")
        self.points = SegmentedControl(SIZES, "Format")
        self.points.setObjectName("letter_format")
        self.template_field = FormField("Template", self.template)
        self._fields["send_to"] = FormField("Send to", self.send_to)
        self._fields["delivery"] = FormField("Delivered by", self.delivery)
        self._fields["date_of_letter"] = FormField("Date of letter", self.date)
        self._fields["format_points"] = FormField("Format", self.points)
        self.template.activated.connect(lambda _i: self.template_chosen.emit(self.template.currentData()))
        self.send_to.activated.connect(lambda _i: self.recipient_chosen.emit(self.send_to.currentData()))
        self.delivery.activated.connect(lambda _i: self.delivery_chosen.emit(self.delivery.currentData()))
        self.points.chosen.connect(lambda value: self.points_chosen.emit(int(value)))
        self._listen("date_of_letter", self.date)

    def _lay_out(self) -> None:
        head = QVBoxLayout()
        head.setSpacing(px(2))
        head.addWidget(self.title)
        head.addWidget(self.subtitle)
        self._column.addLayout(head)
        self._column.addWidget(self.template_field)
        self._column.addWidget(self.issues)
        self._column.addWidget(self._fields["send_to"])
        pair = QHBoxLayout()
        pair.setSpacing(px(12))
        pair.addWidget(self._fields["delivery"], 5, Qt.AlignmentFlag.AlignTop)
        pair.addWidget(self._fields["date_of_letter"], 6, Qt.AlignmentFlag.AlignTop)
        self._column.addLayout(pair)
        self._own = QVBoxLayout()
        self._own.setSpacing(px(14))
        self._column.addLayout(self._own)
        self._column.addWidget(self._fields["format_points"])
        self._column.addStretch(1)
        self.template_field.hide()

    # Filling

    def set_templates(self, rows: "Sequence[TemplateRow]") -> None:
        """Offer the templates where the list of them is folded away."""
        with QSignalBlocker(self.template):
            self.template.clear()
            for row in rows:
                if row.id:
                    self.template.addItem(row.title, row.id)

    def show_letter(self, facts: "Facts", composed: "Composed") -> None:
        """Show a letter; a field that is being typed in is left alone."""
        front = composed.template.front
        self.title.setText(front.title)
        self.subtitle.setText(f"{facts.child_name} · {facts.case_reference} · version {front.version}")
        if self._shown_for != composed.draft.letter_id:
            self._rebuild(facts, composed)
        self._choose(self.template, front.id)
        self._choose(self.send_to, composed.draft.recipient_key)
        self._choose(self.delivery, composed.draft.delivery)
        self.points.set_value(str(composed.draft.points))
        if not self.date.hasFocus():
            self.date.set_date(composed.dated_on)
        for state in composed.fields:
            self._show_state(state)
        self._show_issues(composed)

    def _rebuild(self, facts: "Facts", composed: "Composed") -> None:
        """Make the fields of another letter."""
        from app.services.letters.templates import DELIVERY_WORDS

        self._shown_for = composed.draft.letter_id
        front = composed.template.front
        self.send_to.clear()
        for reader in facts.recipients(front.audience):
            self.send_to.addItem(reader.label, reader.key)
        self.send_to.setPlaceholderText("Nobody on the case to write to" if not self.send_to.count() else "Choose")
        self.delivery.clear()
        for code in front.delivery:
            self.delivery.addItem(DELIVERY_WORDS[code], code)
        while (item := self._own.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for name in [name for name in self._fields if name not in _FIXED]:
            del self._fields[name]
        for state in composed.fields:
            self._add_field(state)
        self.verticalScrollBar().setValue(0)

    def _add_field(self, state: "FieldState") -> None:
        widget: QLineEdit | QPlainTextEdit
        if state.kind == "date":
            widget = DateField(state.label)
        elif state.kind == "lines":
            widget = QPlainTextEdit()
            widget.setTabChangesFocus(True)
            widget.setFixedHeight(px(84))
        else:
            widget = QLineEdit()
            widget.setMaxLength(300)
        widget.setObjectName(f"field_{state.name}")
        made = FormField(state.label, widget, state.hint, optional=not state.required)
        self._fields[state.name] = made
        self._own.addWidget(made)
        self._listen(state.name, widget)

    def _listen(self, name: str, widget: QLineEdit | QPlainTextEdit) -> None:
        if isinstance(widget, DateField):
            widget.textEdited.connect(lambda text: self.typed.emit(name, _as_iso(text)))
            widget.date_changed.connect(lambda day: self.typed.emit(name, day.isoformat()) if day else None)
            widget.editingFinished.connect(self.left)
        elif isinstance(widget, QLineEdit):
            widget.textEdited.connect(lambda text: self.typed.emit(name, text))
            widget.editingFinished.connect(self.left)
        else:
            widget.textChanged.connect(lambda: self.typed.emit(name, widget.toPlainText()))

    def _show_state(self, state: "FieldState") -> None:
        made = self._fields[state.name]
        widget = made.widget
        if not widget.hasFocus():
            with QSignalBlocker(widget):
                if isinstance(widget, DateField):
                    day = parse_date(state.text)
                    widget.set_date(day)
                    if day is None:
                        widget.setText(state.text)
                elif isinstance(widget, QLineEdit):
                    widget.setText(state.text)
                    widget.setCursorPosition(0)  # a long value is read from its beginning
                elif isinstance(widget, QPlainTextEdit) and widget.toPlainText() != state.text:
                    widget.setPlainText(state.text)
        made.set_source(SOURCES.get(state.source, ""))
        wrong = state.issue is not None and state.issue.level != "check"
        made.set_note("" if wrong else state.note)

    def _show_issues(self, composed: "Composed") -> None:
        """Put each error under its field; the rest goes to the panel on top."""
        errors: dict[str, str] = {}
        others = []
        for issue in composed.issues:
            place = self._place_of(issue.field) if issue.level == "fix" and issue.field not in _IN_PANEL else None
            if place is None:
                others.append(issue)
            else:
                errors.setdefault(place, issue.text)
        for name, made in self._fields.items():
            if made.error() != errors.get(name, ""):
                made.set_error(errors.get(name, ""))
        self.issues.show_issues(others)

    def _place_of(self, name: str | None) -> str | None:
        place = _SHOWN_BY.get(name or "", name or "")
        return place if place in self._fields else None

    def _choose(self, select: Select, value: str) -> None:
        select.setCurrentIndex(select.findData(value))

    # Moving about

    def focus_field(self, name: str | None) -> bool:
        """Put the focus where a value is typed; return whether there is such a place."""
        place = self._place_of(name)
        if place is None:
            return False
        made = self._fields[place]
        made.widget.setFocus(Qt.FocusReason.OtherFocusReason)
        self.ensureWidgetVisible(made)
        return True

    def can_show(self, name: str) -> bool:
        """Return whether a value can be changed here."""
        return self._place_of(name) is not None

    def focus_first(self) -> None:
        """Put the focus on the first field."""
        self.send_to.setFocus(Qt.FocusReason.OtherFocusReason)


_FIXED = ("send_to", "delivery", "date_of_letter", "format_points")


def _as_iso(text: str) -> str:
    day = parse_date(text)
    return day.isoformat() if day is not None else text.strip()
