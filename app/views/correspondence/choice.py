"""Whose document it is: the suggested children, the search for another, or the case it is on already."""

from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QVBoxLayout, QWidget

from app.views.correspondence.candidates import CandidateCard, ChildFinder
from app.views.correspondence.form_parts import LinkedTo
from app.views.kit.feedback import Spinner
from app.views.kit.text import Link, Text
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.documents.listing import DocumentDetail
    from app.services.documents.suggest import Candidate, Suggestions

NO_MATCH = "No match yet. Find the child by name, or start a referral."


class Choice(QWidget):
    """The first part of the link form.

    Signals:
        candidate_changed: the chosen candidate or None.
        reason_chosen: the number of a reason to show on the page.
        search_asked: words to look for.
        child_found: the case id chosen from the search.
        picked: the person clicked a card.
        referral_asked, open_asked, unlink_asked: the links.
    """

    candidate_changed = Signal(object)
    reason_chosen = Signal(int)
    search_asked = Signal(str)
    child_found = Signal(str)
    picked = Signal()
    referral_asked = Signal()
    open_asked = Signal()
    unlink_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.found: list[Candidate] = []
        self.suggested: list[Candidate] = []
        self.cards: list[CandidateCard] = []
        self.heading = Text("Suggested child", "secondary", weight="strong", ink="ink2")
        self.busy = Spinner("Comparing with your cases")
        self.busy.hide()
        self.note = Text("", "secondary", ink="ink2", wrap=True)
        self.error = Text("", "secondary", weight="medium", ink="danger", wrap=True)
        self.error.setObjectName("choice_error")
        self.group = QButtonGroup(self)
        self.group.buttonToggled.connect(self._card_toggled)
        self.find_link = Link("Find another child")
        self.find_link.setObjectName("find_another")
        self.referral = Link("Start a referral")
        self.referral.setObjectName("start_referral")
        self.find_link.activated.connect(self.open_finder)
        self.referral.activated.connect(self.referral_asked)
        self.finder = ChildFinder()
        self.finder.asked.connect(self.search_asked)
        self.finder.found.connect(self.child_found)
        self.linked = LinkedTo()
        self.linked.open_asked.connect(self.open_asked)
        self.linked.unlink_asked.connect(self.unlink_asked)
        self._lay_out()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(14), px(16), px(12))
        column.setSpacing(px(8))
        head = QHBoxLayout()
        head.addWidget(self.heading, 1)
        head.addWidget(self.busy)
        column.addLayout(head)
        self.card_column = QVBoxLayout()
        self.card_column.setSpacing(px(8))
        column.addLayout(self.card_column)
        for widget in (self.note, self.error, self.linked):
            column.addWidget(widget)
        self.links = QWidget()
        links = QHBoxLayout(self.links)
        links.setContentsMargins(0, 0, 0, 0)
        links.setSpacing(px(20))
        links.addWidget(self.find_link)
        links.addWidget(self.referral)
        links.addStretch(1)
        column.addWidget(self.links)
        column.addWidget(self.finder)

    # What is shown

    def clear(self) -> None:
        """Show no child."""
        self.found, self.suggested = [], []
        self.set_cards(None)
        for widget in (self.note, self.error, self.linked, self.finder, self.links):
            widget.hide()
        self.heading.setText("Suggested child")

    def show_document(self, detail: "DocumentDetail", kept: "Candidate | None", *, may_link: bool) -> None:
        """Start on a document: where it is, or that a child has to be chosen."""
        if detail.case_id is not None:
            self.heading.setText("Linked to")
            self.linked.show_case(detail.case_name, may_unlink=may_link and str(detail.state) == "linked")
            return
        self.links.setVisible(may_link)
        self.found = [kept] if kept is not None else []
        self.set_cards(kept)

    def set_suggestions(self, suggestions: "Suggestions") -> None:
        """Show the candidates; the one that stands alone is chosen unless the person has chosen already."""
        chosen = self.candidate()
        self.suggested = list(suggestions.candidates)
        if chosen is None and suggestions.chosen is not None:
            chosen = suggestions.candidates[suggestions.chosen]
        words = suggestions.note or ("" if self.suggested else NO_MATCH)
        self.note.setText(words)
        self.note.setVisible(bool(words))
        self.set_cards(chosen)

    def add_candidate(self, candidate: "Candidate") -> None:
        """Show a child the person found, and choose it."""
        if all(known.case_id != candidate.case_id for known in self.suggested):
            self.found = [candidate]
        self.set_cards(candidate)
        self.finder.hide()

    def open_finder(self) -> None:
        """Look for another child."""
        if self.links.isVisibleTo(self):
            self.finder.start()

    def close_finder(self) -> bool:
        """Close the search; return whether it was open."""
        was_open = self.finder.isVisibleTo(self)
        self.finder.hide()
        return was_open

    def show_error(self, message: str) -> None:
        """Say that a child must be chosen; an empty message takes the words away."""
        self.error.setText(message)
        self.error.setVisible(bool(message))

    def candidate(self) -> "Candidate | None":
        """Return the chosen child's case, or None."""
        return next((card.candidate for card in self.cards if card.isChecked()), None)

    def set_cards(self, chosen: "Candidate | None") -> None:
        """Make the cards: found by the person first, then suggested."""
        for card in self.cards:
            self.group.removeButton(card)
            card.hide()
            card.deleteLater()
        self.cards = []
        known = {candidate.case_id for candidate in self.suggested}
        shown = [*(found for found in self.found if found.case_id not in known), *self.suggested]
        for number, candidate in enumerate(shown):
            card = CandidateCard(candidate)
            card.setObjectName(f"candidate_{number}")
            card.reason_chosen.connect(self.reason_chosen)
            card.clicked.connect(lambda _on: self.picked.emit())
            self.group.addButton(card)
            self.card_column.addWidget(card)
            self.cards.append(card)
            if chosen is not None and candidate.case_id == chosen.case_id:
                card.setChecked(True)
        self._order_focus()
        if not any(card.isChecked() for card in self.cards):
            self.candidate_changed.emit(None)

    def _order_focus(self) -> None:
        """Let Tab go through the cards and their reasons where they stand: before the links under them."""
        before_them = self.find_link.previousInFocusChain()
        chain: list[QWidget] = [before_them] if before_them is not None else []
        for card in self.cards:
            chain += [card, *card.reasons]
        for before, after in pairwise(chain):
            QWidget.setTabOrder(before, after)

    def _card_toggled(self, card: object, on: bool) -> None:
        if on and isinstance(card, CandidateCard):
            self.show_error("")
            self.candidate_changed.emit(card.candidate)
