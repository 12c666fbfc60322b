"""The preview of a Common Transfer File: pupil by pupil, who may be known, what would change, and what to do."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QVBoxLayout, QWidget

from app.services.exchange import ctf
from app.services.exchange.ctf import Decision
from app.services.match_details import LABELS, subject_texts
from app.services.matching import Strength
from app.services.referral_form import subject_of
from app.timesource import format_date
from app.views.intake.match_table import MARKS, TAGS
from app.views.kit.cards import Card
from app.views.kit.fields import Radio
from app.views.kit.form import IconLabel
from app.views.kit.tags import StateTag
from app.views.kit.text import Text
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.exchange.ctf import CtfPlan, FieldChange, PupilPlan
    from app.services.matching import Candidate

_ACTIONS = {"fill": "Filled in", "update": "Updated", "keep": "Ours is kept"}


class PupilCard(QWidget):
    """One pupil with its choices.

    Signals:
        decided: a choice was made by hand.
    """

    decided = Signal()

    def __init__(self, plan: "PupilPlan") -> None:
        super().__init__()
        self.plan = plan
        pupil = plan.pupil
        self.setObjectName(f"pupil_{pupil.number}")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        born = format_date(pupil.born_on) if pupil.born_on else "Date of birth not given"
        card = Card(f"{pupil.number}. {pupil.name or 'No name'}", born)
        outer.addWidget(card)
        self._column = card.padded()
        self._group = QButtonGroup(self)
        self.radios: list[tuple[Decision, Radio]] = []
        if pupil.refusal:
            self._column.addWidget(StateTag("overdue", "Cannot be imported"))
            self._column.addWidget(Text(f"This pupil {pupil.refusal}.", "body", wrap=True))
            return
        if plan.already:
            self._column.addWidget(Text("Imported from this file before. Nothing will change.", "body", wrap=True))
            return
        for warning in plan.warnings:
            self._column.addWidget(Text(warning, "secondary", ink="warn", wrap=True))
        for candidate in plan.candidates:
            self._add_candidate(candidate)
        words = "None of these: a new child" if plan.candidates else "A new child: make a record and a draft referral"
        self._add_choice(Decision(ctf.NEW), words)
        self._add_choice(Decision(ctf.SKIP), "Leave this pupil out")
        if not plan.candidates:
            self.radios[0][1].setChecked(True)

    def _add_choice(self, decision: Decision, words: str) -> Radio:
        radio = Radio(words)
        radio.setObjectName(f"pupil_{self.plan.pupil.number}_{decision.kind}")
        radio.setAccessibleName(f"{self.plan.pupil.name}: {words}")
        self._group.addButton(radio)
        radio.toggled.connect(lambda on: self.decided.emit() if on else None)
        self.radios.append((decision, radio))
        self._column.addWidget(radio)
        return radio

    def _add_candidate(self, candidate: "Candidate") -> None:
        words = f"The same child as {candidate.name} ({candidate.heading})"
        self._add_choice(Decision(ctf.SAME, candidate.child_id), words)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(px(30), 0, 0, px(6))
        column.setSpacing(px(4))
        column.addWidget(StateTag(TAGS[candidate.strength], candidate.strength.value))
        column.addWidget(Text(". ".join(candidate.reasons), "secondary", ink="ink2", wrap=True))
        column.addLayout(self._comparison(candidate))
        for change in self.plan.changes.get(candidate.child_id, ()):
            column.addWidget(_change(change))
        self._column.addWidget(inside)

    def _comparison(self, candidate: "Candidate") -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(px(12))
        grid.setVerticalSpacing(px(2))
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(2, 1)
        ours = subject_texts(subject_of(self.plan.answers))
        for place, words in ((1, "In the file"), (2, "On record")):
            grid.addWidget(Text(words, "meta", ink="ink3"), 0, place)
        for row, line in enumerate(candidate.fields, start=1):
            name, ink = MARKS[line.comparison.likeness]
            grid.addWidget(Text(LABELS[line.key], "meta", weight="strong", ink="ink2", wrap=True), row, 0)
            grid.addWidget(Text(ours.get(line.key, ""), "secondary", wrap=True), row, 1)
            grid.addWidget(Text(line.theirs, "secondary", wrap=True), row, 2)
            grid.addWidget(IconLabel(name, ink, 14), row, 3)
            grid.addWidget(Text(line.comparison.words, "meta", weight="strong", ink=ink), row, 4)
        return grid

    def decision(self) -> Decision | None:
        """Return what was chosen; None where a person has not chosen yet."""
        if not self.radios:
            return Decision(ctf.SKIP)
        return next((decision for decision, radio in self.radios if radio.isChecked()), None)

    def accept_suggestion(self) -> None:
        """Choose what is suggested, where one thing is."""
        suggested = self.plan.suggestion
        for decision, radio in self.radios:
            if suggested is not None and decision == suggested:
                radio.setChecked(True)


def _change(change: "FieldChange") -> Text:
    words = f"{change.label}: {change.ours}, in the file {change.theirs}. {_ACTIONS[change.action]}."
    ink = "ink2" if change.action == "keep" else "ink"
    return Text(f"{words} {change.why}".strip(), "secondary", ink=ink, wrap=True)


class CtfPreview(QWidget):
    """All pupils of a file.

    Signals:
        decided: a choice was made.
    """

    decided = Signal()

    def __init__(self, plan: "CtfPlan") -> None:
        super().__init__()
        self.setObjectName("ctf_preview")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(12))
        source = plan.file.source.name or "The sender"
        lost = " The sender does not know where the child has gone." if plan.file.lost_pupil else ""
        words = f"From {source}, CTF version {plan.file.version}.{lost}"
        column.addWidget(Text(words, "body", ink="ink2", wrap=True))
        self.cards = [PupilCard(pupil) for pupil in plan.pupils]
        for card in self.cards:
            card.decided.connect(self.decided)
            column.addWidget(card)
        column.addStretch(1)

    def decisions(self) -> dict[int, Decision]:
        """Return the decisions made so far, by pupil number."""
        return {card.plan.pupil.number: made for card in self.cards if (made := card.decision()) is not None}

    def undecided_count(self) -> int:
        """Return how many pupils still need a choice."""
        return sum(card.decision() is None for card in self.cards)

    def focus_undecided(self) -> None:
        """Put the keyboard on the first pupil that needs a choice."""
        for card in self.cards:
            if card.decision() is None:
                card.radios[0][1].setFocus()
                return

    def has_suggestions(self) -> bool:
        """Return whether a strong match waits to be accepted."""
        return any(
            card.decision() is None and card.plan.suggestion is not None and _strong(card.plan) for card in self.cards
        )

    def accept_suggestions(self) -> None:
        """Choose the single strong match wherever there is one; a person asked for it."""
        for card in self.cards:
            if card.decision() is None:
                card.accept_suggestion()


def _strong(plan: "PupilPlan") -> bool:
    return any(candidate.strength is Strength.STRONG for candidate in plan.candidates)
