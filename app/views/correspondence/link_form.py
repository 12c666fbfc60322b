"""The right pane of Correspondence: whose document it is, what it is, and what to do with it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.errors import UserError
from app.views.correspondence.candidates import CandidateCard, ChildFinder
from app.views.correspondence.form_parts import FollowUp, LinkedTo, Outcome
from app.views.kit.cards import rule
from app.views.kit.date_field import DateField
from app.views.kit.feedback import Banner, Spinner
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
        unlink_asked, put_back_asked, referral_asked, copy_asked: the links of those names.
        case_asked: the id of a case to open.
        candidate_changed: the chosen candidate or None.
        reason_chosen: the number of a reason to show on the page.
        search_asked: words to look for.
        child_found: the case id chosen from the search.
    """

    link_asked = Signal(bool)
    left = Signal(str, str)
    unlink_asked = Signal()
    put_back_asked = Signal()
    referral_asked = Signal()
    copy_asked = Signal()
    case_asked = Signal(str)
    candidate_changed = Signal(object)
    reason_chosen = Signal(int)
    search_asked = Signal(str)
    child_found = Signal(str)

    def __init__(self, kinds: "Sequence[DocumentKind]", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kinds = {kind.key: kind for kind in kinds}
        self.detail: DocumentDetail | None = None
        self._found: list[Candidate] = []
        self._suggested: list[Candidate] = []
        self.cards: list[CandidateCard] = []
        self._make_choice()
        self._make_fields()
        self._make_text()
        self.outcome = Outcome()
        self.outcome.link_asked.connect(self.link_asked)
        self.outcome.left.connect(self.left)
        self._lay_out()
        self.start_theming()
        self.clear()

    # Building

    def _make_choice(self) -> None:
        self.heading = Text("Suggested child", "secondary", weight="strong", ink="ink2")
        self.busy = Spinner("Comparing with your cases")
        self.busy.hide()
        self.note = Text("", "secondary", ink="ink2", wrap=True)
        self.choice_error = Text("", "secondary", weight="medium", ink="danger", wrap=True)
        self.choice_error.setObjectName("choice_error")
        self.group = QButtonGroup(self)
        self.group.buttonToggled.connect(self._card_toggled)
        self.find_link = Link("Find another child")
        self.find_link.setObjectName("find_another")
        self.referral = Link("Start a referral")
        self.find_link.activated.connect(self.open_finder)
        self.referral.activated.connect(self.referral_asked)
        self.finder = ChildFinder()
        self.finder.hide()
        self.finder.asked.connect(self.search_asked)
        self.finder.found.connect(self.child_found)
        self.linked = LinkedTo()
        self.linked.open_asked.connect(self._open_case)
        self.linked.unlink_asked.connect(self.unlink_asked)
        self.state_slot = QVBoxLayout()

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
        self._column.addWidget(self._choice_part())
        self._column.addWidget(rule())
        self._column.addWidget(self._fields_part())
        self._column.addWidget(rule())
        self._column.addWidget(self._text_part())
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

    def _choice_part(self) -> QWidget:
        part, column = _part()
        head = QHBoxLayout()
        head.addWidget(self.heading, 1)
        head.addWidget(self.busy)
        column.addLayout(head)
        self.card_column = QVBoxLayout()
        self.card_column.setSpacing(px(8))
        column.addLayout(self.card_column)
        column.addWidget(self.note)
        column.addWidget(self.choice_error)
        column.addWidget(self.linked)
        self.links = QWidget()
        links = QHBoxLayout(self.links)
        links.setContentsMargins(0, 0, 0, 0)
        links.setSpacing(px(20))
        links.addWidget(self.find_link)
        links.addWidget(self.referral)
        links.addStretch(1)
        column.addWidget(self.links)
        column.addWidget(self.finder)
        return part

    def _fields_part(self) -> QWidget:
        part, column = _part()
        column.setSpacing(px(12))
        column.addWidget(self.kind_field)
        column.addWidget(self.sender_field)
        column.addWidget(self.received_field)
        column.addWidget(self.follow_up)
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
        unpinned = self.height() < px(_UNPIN_BELOW)
        column = self._column if unpinned else self._outer
        if column.indexOf(self.outcome) < 0:
            column.addWidget(self.outcome)

    # What is shown

    def clear(self) -> None:
        """Show nothing that can be acted on."""
        self.detail = None
        self._found, self._suggested = [], []
        self._set_cards(None)
        self.note.setText("")
        self._clear_errors()
        self.finder.hide()
        self.linked.hide()
        self.excerpt.setText("")
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
        linked = detail.case_id is not None
        self.inner.setEnabled(True)
        self._show_state(detail)
        self.heading.setText("Linked to" if linked else "Suggested child")
        for widget in (self.links, self.note):
            widget.setVisible(not linked)
        if linked:
            self.linked.show_case(detail.case_name, may_unlink=may_link and str(detail.state) == "linked")
        values = kept or FormValues(None, detail.kind, detail.sender, detail.received_on, "")
        self.kind.setCurrentIndex(self.kind.findData(values.kind))
        self._kind_changed()
        self.sender_line.setText(values.sender)
        self.sender_line.setCursorPosition(0)
        self.received.set_date(values.received_on)
        if kept is not None:
            self.follow_up.set_words(kept.follow_up)
            self._found = [kept.candidate] if kept.candidate is not None else []
            self._set_cards(kept.candidate)
        self.follow_up.setVisible(not linked and may_link)
        for field in (self.kind, self.sender_line, self.received):
            field.setEnabled(not linked and may_link)
        self.outcome.set_ready(ready=not linked and may_link)
        self.outcome.setVisible(not linked)

    def set_busy(self, busy: bool) -> None:
        """Show that the document is being compared with the cases."""
        self.busy.setVisible(busy)

    def set_suggestions(self, suggestions: "Suggestions") -> None:
        """Show the candidates; the one that stands alone is chosen unless the person has chosen already."""
        if self.detail is None or self.detail.case_id is not None:
            return
        chosen = self.candidate()
        self._suggested = list(suggestions.candidates)
        if chosen is None and suggestions.chosen is not None:
            chosen = suggestions.candidates[suggestions.chosen]
        self.note.setText(suggestions.note or ("" if self._suggested else "No match yet. Find the child by name."))
        self._set_cards(chosen)

    def add_candidate(self, candidate: "Candidate") -> None:
        """Show a child the person found, and choose it."""
        if all(known.case_id != candidate.case_id for known in (*self._suggested, *self._found)):
            self._found = [candidate]
        self._set_cards(candidate)
        self.finder.hide()
        self.kind.setFocus(Qt.FocusReason.OtherFocusReason)

    def open_finder(self) -> None:
        """Look for another child."""
        if self.links.isVisibleTo(self) and self.inner.isEnabled():
            self.finder.start()
            self.scroller.ensureWidgetVisible(self.finder)

    def close_finder(self) -> bool:
        """Close the search; return whether it was open."""
        was_open = self.finder.isVisibleTo(self)
        self.finder.hide()
        return was_open

    def set_page_words(self, words: str, instead: str) -> None:
        """Show the beginning of the text of the page, or why there is none."""
        plain = " ".join(words.split())
        self.excerpt.setText((plain[:_EXCERPT] + "…" if len(plain) > _EXCERPT else plain) or instead)
        self.copy.setVisible(bool(words))

    def show_error(self, error: UserError) -> bool:
        """Show an error beside its field; return False when it belongs to none of them."""
        fields = {"kind": self.kind_field, "received_on": self.received_field, "sender": self.sender_field}
        if error.field == "case_id":
            self.choice_error.setText(error.message)
            self.choice_error.show()
            return True
        if error.field == "reason":
            self.outcome.show_error(error.message)
            return True
        field = fields.get(error.field or "")
        if field is None:
            return False
        field.set_error(error.message)
        field.widget.setFocus(Qt.FocusReason.OtherFocusReason)
        return True

    # What was filled in

    def candidate(self) -> "Candidate | None":
        """Return the chosen child's case, or None."""
        return next((card.candidate for card in self.cards if card.isChecked()), None)

    def values(self) -> FormValues:
        """Return what is filled in."""
        self._clear_errors()
        return FormValues(
            candidate=self.candidate(),
            kind=self.kind.currentData() or "",
            sender=self.sender_line.text().strip(),
            received_on=self.received.value(),
            follow_up=self.follow_up.words(),
        )

    def touched(self) -> bool:
        """Return whether the person filled in something that the document does not say already."""
        if self.detail is None or self.detail.case_id is not None:
            return False
        values = replace(self.values(), follow_up="")
        suggested = values.candidate is None or values.candidate in self._suggested
        detail = self.detail
        said = FormValues(values.candidate, detail.kind, detail.sender, detail.received_on, "")
        return not suggested or values != said or self.follow_up.edited()

    # Inside

    def _set_cards(self, chosen: "Candidate | None") -> None:
        for card in self.cards:
            self.group.removeButton(card)
            card.hide()
            card.deleteLater()
        self.cards = []
        known = {candidate.case_id for candidate in self._suggested}
        shown = [*(found for found in self._found if found.case_id not in known), *self._suggested]
        for number, candidate in enumerate(shown):
            card = CandidateCard(candidate)
            card.setObjectName(f"candidate_{number}")
            card.reason_chosen.connect(self.reason_chosen)
            self.group.addButton(card)
            self.card_column.addWidget(card)
            self.cards.append(card)
            if chosen is not None and candidate.case_id == chosen.case_id:
                card.setChecked(True)
        if not any(card.isChecked() for card in self.cards):
            self.candidate_changed.emit(None)

    def _card_toggled(self, card: object, on: bool) -> None:
        if on and isinstance(card, CandidateCard):
            self.choice_error.hide()
            self.candidate_changed.emit(card.candidate)

    def _kind_changed(self) -> None:
        kind = self._kinds.get(self.kind.currentData() or "")
        self.kind_field.set_error("")
        self.follow_up.offer(kind.task if kind is not None else "")

    def _clear_errors(self) -> None:
        self.choice_error.hide()
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
