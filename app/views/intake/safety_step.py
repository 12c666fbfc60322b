"""Step 6: the safety questions. Every one is answered, and "Not known" is an answer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.models.terms import SafetyKind
from app.services.referral_form import NOT_KNOWN, SAFETY_QUESTIONS, Answers, Problem, SafetyAnswer
from app.views.intake.steps import Step
from app.views.kit.cards import Card, rule
from app.views.kit.fields import Radio
from app.views.kit.form import FormField
from app.views.kit.text import Link, Text
from app.views.tokens import px

if TYPE_CHECKING:
    from app.views.context import AppContext

CHOICES = (("yes", "Yes"), ("no", "No"), (NOT_KNOWN, "Not known"))


class SafetyQuestion(QWidget):
    """One question with Yes, No and Not known, and a line for what is known.

    Signals:
        edited: something changed.
    """

    edited = Signal()

    def __init__(self, kind: SafetyKind, question: str) -> None:
        super().__init__()
        self.kind = kind
        self.setAccessibleName(question)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(10), px(16), px(10))
        column.setSpacing(px(6))
        column.addWidget(Text(question, "body", weight="medium", wrap=True))
        row = QHBoxLayout()
        row.setSpacing(px(20))
        self._group = QButtonGroup(self)
        self.radios: dict[str, Radio] = {}
        for value, words in CHOICES:
            radio = Radio(words)
            radio.setObjectName(f"{kind.value}_{value}")
            radio.setAccessibleName(f"{question} {words}")
            self._group.addButton(radio)
            self.radios[value] = radio
            radio.toggled.connect(self._chosen)
            row.addWidget(radio)
        row.addStretch(1)
        column.addLayout(row)
        self.detail = QLineEdit()
        self.detail.setObjectName(f"{kind.value}_detail")
        self.field = FormField("What is known, and who told us", self.detail)
        self.field.hide()
        self.detail.textEdited.connect(lambda _text: self.edited.emit())
        column.addWidget(self.field)
        self.error = Text("", "secondary", weight="medium", ink="danger", wrap=True)
        self.error.hide()
        column.addWidget(self.error)

    def _chosen(self, on: bool) -> None:
        if on:
            self.field.setVisible(self.value() == "yes")
            self.set_error("")
            self.edited.emit()

    def value(self) -> str:
        """Return the answer, or an empty text."""
        return next((value for value, radio in self.radios.items() if radio.isChecked()), "")

    def answer(self) -> SafetyAnswer:
        """Return answer and detail."""
        return SafetyAnswer(self.value(), self.detail.text())

    def set_answer(self, given: SafetyAnswer) -> None:
        """Show an answer, without a signal."""
        self.blockSignals(True)
        self._group.setExclusive(False)
        for value, radio in self.radios.items():
            radio.setChecked(value == given.answer)
        self._group.setExclusive(True)
        self.detail.setText(given.detail)
        self.field.setVisible(given.answer == "yes")
        self.blockSignals(False)

    def set_error(self, message: str) -> None:
        """Show what must be put right."""
        beside = bool(message) and self.value() == "yes"
        self.field.set_error(message if beside else "")
        self.error.setText("" if beside else message)
        self.error.setVisible(bool(message) and not beside)


class SafetyStep(Step):
    """All safety questions on one page."""

    key = "safety"
    heading = "Is it safe?"
    explain = "Officers see these before the address. Each “Yes” is a flag that is looked at again within a year."

    def __init__(self, context: "AppContext") -> None:
        super().__init__(context)
        self.rest = Link("Mark the rest as not known")
        self.rest.setObjectName("rest_not_known")
        self.rest.activated.connect(self._mark_rest)
        self.column.addWidget(self.rest, 0, Qt.AlignmentFlag.AlignLeft)
        card = Card()
        self.questions: dict[str, SafetyQuestion] = {}
        for kind, words in SAFETY_QUESTIONS.items():
            if self.questions:
                card.body.addWidget(rule())
            question = SafetyQuestion(kind, words)
            question.edited.connect(self.edited)
            self.questions[kind.value] = question
            card.body.addWidget(question)
        self.column.addWidget(card)
        self.column.addStretch(1)

    def _mark_rest(self) -> None:
        for question in self.questions.values():
            if not question.value():
                question.radios[NOT_KNOWN].setChecked(True)

    def load(self, answers: Answers) -> None:
        """Show answers."""
        for key, question in self.questions.items():
            question.set_answer(answers.safety.get(key, SafetyAnswer()))

    def collect(self, answers: Answers) -> None:
        """Put what is chosen into the answers."""
        for key, question in self.questions.items():
            answers.safety[key] = question.answer()

    def show_problems(self, found: Sequence[Problem]) -> None:
        """Show what must be put right beside its question."""
        for key, question in self.questions.items():
            question.set_error(next((one.message for one in found if one.field == key), ""))

    def focus_problem(self, name: str) -> None:
        """Put the keyboard on a question, or on the first."""
        question = self.questions.get(name) or next(iter(self.questions.values()))
        target = question.detail if question.value() == "yes" and name else question.radios["yes"]
        target.setFocus(Qt.FocusReason.OtherFocusReason)
