"""The right pane of Correspondence: whose document it is, what it is, and what to do with it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from app.errors import UserError
from app.views.correspondence.choice import Choice
from app.views.correspondence.form_parts import FollowUp, Outcome
from app.views.kit.cards import rule
from app.views.kit.date_field import DateField
from app.views.kit.feedback import Banner
from app.views.kit.fields import FormField, Select
from app.views.kit.text import Link, Text
from app.views.theme import Themed, tinted
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.documents.kinds import DocumentKind
    from app.services.documents.listing import DocumentDetail
    from app.services.documents.suggest import Candidate, Suggestions

_EXCERPT = 420
_UNPIN_BELOW = 420
"""Pixels: in a lower window the buttons scroll with the form."""


@dataclass(frozen=True, slots=True)
class FormValues:
    """What the person filled in.

    Attributes:
        follow_up: the task's words; empty when none is wanted.
    """

    candidate: "Candidate | None"
    kind: str
    sender: str
    received_on: date | None
    follow_up: str


class LinkForm(Themed, QWidget):
    """Usable from the moment a document is shown, also while its text is being compared.

    Signals:
        link_asked: True to open the next document afterwards.
        left: ("set_aside" or "not_for_us", reason).
        put_back_asked, copy_asked: the links of those names.
        case_asked: the id of a case to open.
        edited: the person changed something.
    """

    link_asked = Signal(bool)
    left = Signal(str, str)
    put_back_asked = Signal()
    copy_asked = Signal()
    case_asked = Signal(str)
    edited = Signal()

    def __init__(self, kinds: "Sequence[DocumentKind]", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kinds = {kind.key: kind for kind in kinds}
        self.detail: DocumentDetail | None = None
        self.state_slot = QVBoxLayout()
        self.choice = Choice()
        self.choice.open_asked.connect(self._open_case)
        self._make_fields()
        self._make_text()
        self.outcome = Outcome()
        self.outcome.link_asked.connect(self.link_asked)
        self.outcome.left.connect(self.left)
        self._lay_out()
        self.kind.activated.connect(lambda _index: self.edited.emit())
        self.received.date_changed.connect(lambda _day: self.edited.emit())
        self.follow_up.check.clicked.connect(lambda _on: self.edited.emit())
        self.choice.picked.connect(self.edited)
        for line in (self.sender_line, self.follow_up.line):
            line.textEdited.connect(lambda _text: self.edited.emit())
        self.start_theming()
        self.clear()

    # Building

    def _make_fields(self) -> None:
        self.kind = Select("What is it?")
        self.kind.setObjectName("kind")
        self.kind.setPlaceholderText("Choose what it is")
        for kind in self._kinds.values():
            self.kind.addItem(kind.label, kind.key)
        self.kind.setCurrentIndex(-1)
        self.kind.currentIndexChanged.connect(lambda _index: self._kind_changed())
        self.sender_line = QLineEdit()
        self.sender_line.setObjectName("sender")
        self.sender_line.setMaxLength(120)
        self.received = DateField("Received")
        self.received.setObjectName("received")
        self.follow_up = FollowUp()
        for line in (self.sender_line, self.received):
            line.setAcceptDrops(False)  # a file dropped here is meant for the tray, not for its path to be typed
        self.kind_field = FormField("What is it?", self.kind)
        self.sender_field = FormField("From", self.sender_line)
        self.received_field = FormField("Received", self.received)

    def _make_text(self) -> None:
        self.text_heading = Text("Text on this page", "secondary", weight="strong")
        self.copy = Link("Copy")
        self.copy.setAccessibleName("Copy the text on this page")
        self.copy.setObjectName("copy_text")
        self.copy.activated.connect(self.copy_asked)
        self.excerpt = Text("", "secondary", ink="ink2", wrap=True)
        self.excerpt.setObjectName("excerpt")

    def _lay_out(self) -> None:
        self.inner = QWidget()
        self.inner.setProperty("fill", "surface")
        self._column = QVBoxLayout(self.inner)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addLayout(self.state_slot)
        for widget in (self.choice, rule(), self._fields_part(), rule(), self._text_part()):
            self._column.addWidget(widget)
        self._column.addStretch(1)
        self.scroller = QScrollArea()
        self.scroller.setWidgetResizable(True)
        self.scroller.setFrameShape(QFrame.Shape.NoFrame)
        self.scroller.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.scroller.setWidget(self.inner)
        self._outer = QVBoxLayout(self)
        self._outer.setContentsMargins(0, 0, 0, 0)
        self._outer.setSpacing(0)
        self._outer.addWidget(self.scroller, 1)
        self._outer.addWidget(self.outcome)

    def _fields_part(self) -> QWidget:
        part, column = _part()
        column.setSpacing(px(12))
        for widget in (self.kind_field, self.sender_field, self.received_field, self.follow_up):
            column.addWidget(widget)
        return part

    def _text_part(self) -> QWidget:
        part, column = _part()
        column.setSpacing(px(2))
        head = QHBoxLayout()
        head.addWidget(self.text_heading, 1)
        head.addWidget(self.copy)
        column.addLayout(head)
        column.addWidget(self.excerpt)
        return part

    def restyle(self) -> None:
        """Follow the theme."""
        tinted(self, "ink", "surface")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the buttons scroll with the form in a low window."""
        super().resizeEvent(event)
        column = self._column if self.height() < px(_UNPIN_BELOW) else self._outer
        if column.indexOf(self.outcome) < 0:
            column.addWidget(self.outcome)

    # What is shown

    def clear(self) -> None:
        """Show nothing that can be acted on."""
        self.detail = None
        self.choice.clear()
        self._clear_errors()
        self.kind.setCurrentIndex(-1)
        self.sender_line.clear()
        self.received.set_date(None)
        self.follow_up.start("")
        self.excerpt.setText("")
        self.copy.hide()
        self._clear_state()
        self.inner.setEnabled(False)
        self.outcome.set_ready(ready=False)

    def show_document(self, detail: "DocumentDetail", kept: FormValues | None, *, may_link: bool) -> None:
        """Show a document's values, or what the person had filled in before.

        Args:
            detail: the document.
            kept: what was filled in and not used.
            may_link: whether the role may act.
        """
        self.clear()
        self.detail = detail
        ready = detail.case_id is None and may_link
        self.inner.setEnabled(True)
        self._show_state(detail)
        self.choice.show_document(detail, kept.candidate if kept else None, may_link=may_link)
        values = kept or FormValues(None, detail.kind, detail.sender, detail.received_on, "")
        self.kind.setCurrentIndex(self.kind.findData(values.kind))
        self._kind_changed()
        self.sender_line.setText(values.sender)
        self.sender_line.setCursorPosition(0)
        self.received.set_date(values.received_on)
        self.follow_up.start(self._task(), kept.follow_up if kept else None)
        self.follow_up.setVisible(ready)
        for field in (self.kind, self.sender_line, self.received):
            field.setEnabled(ready)
        self.outcome.set_ready(ready=ready)
        self.outcome.setVisible(detail.case_id is None)

    def set_suggestions(self, suggestions: "Suggestions") -> None:
        """Show the candidates of a document that is not linked yet."""
        if self.detail is not None and self.detail.case_id is None:
            self.choice.set_suggestions(suggestions)

    def add_candidate(self, candidate: "Candidate") -> None:
        """Show a child the person found, choose it, and go on to the next field."""
        self.choice.add_candidate(candidate)
        self.kind.setFocus(Qt.FocusReason.OtherFocusReason)

    def open_finder(self) -> None:
        """Look for another child."""
        if self.inner.isEnabled():
            self.choice.open_finder()
            self.scroller.ensureWidgetVisible(self.choice.finder)

    def set_page_words(self, words: str, instead: str) -> None:
        """Show the beginning of the text of the page, or why there is none."""
        plain = " ".join(words.split())
        self.excerpt.setText((plain[:_EXCERPT] + "…" if len(plain) > _EXCERPT else plain) or instead)
        self.copy.setVisible(bool(words))

    def show_error(self, error: UserError) -> bool:
        """Show an error beside its field; return False when it belongs to none of them."""
        fields = {"kind": self.kind_field, "received_on": self.received_field, "sender": self.sender_field}
        if error.field == "case_id":
            self.choice.show_error(error.message)
            self.scroller.ensureWidgetVisible(self.choice.error)
            return True
        if error.field == "reason":
            self.outcome.show_error(error.message)
            return True
        field = fields.get(error.field or "")
        if field is None:
            return False
        field.set_error(error.message)
        field.widget.setFocus(Qt.FocusReason.OtherFocusReason)
        self.scroller.ensureWidgetVisible(field)
        return True

    # What was filled in

    def values(self) -> FormValues:
        """Return what is filled in."""
        return FormValues(
            candidate=self.choice.candidate(),
            kind=self.kind.currentData() or "",
            sender=self.sender_line.text().strip(),
            received_on=self.received.value(),
            follow_up=self.follow_up.words(),
        )

    def touched(self) -> bool:
        """Return whether the person filled in something that the document does not say already."""
        detail = self.detail
        if detail is None or detail.case_id is not None:
            return False
        values = replace(self.values(), follow_up="")
        said = FormValues(values.candidate, detail.kind, detail.sender, detail.received_on, "")
        found = values.candidate is not None and values.candidate not in self.choice.suggested
        return found or values != said or self.follow_up.edited()

    # Inside

    def _task(self) -> str:
        kind = self._kinds.get(self.kind.currentData() or "")
        return kind.task if kind is not None else ""

    def _kind_changed(self) -> None:
        self.kind_field.set_error("")
        self.follow_up.offer(self._task())

    def _clear_errors(self) -> None:
        self.choice.show_error("")
        for field in (self.kind_field, self.sender_field, self.received_field):
            field.set_error("")

    def _show_state(self, detail: "DocumentDetail") -> None:
        if str(detail.state) == "set_aside":
            actions = [("Put back in To link", self.put_back_asked.emit)]
            self.state_slot.addWidget(Banner("info", detail.state_reason, actions, title="Set aside"))

    def _clear_state(self) -> None:
        while (item := self.state_slot.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()

    def _open_case(self) -> None:
        if self.detail is not None and self.detail.case_id is not None:
            self.case_asked.emit(self.detail.case_id)


def _part() -> tuple[QWidget, QVBoxLayout]:
    part = QWidget()
    column = QVBoxLayout(part)
    column.setContentsMargins(px(16), px(14), px(16), px(16))
    column.setSpacing(px(8))
    return part, column
