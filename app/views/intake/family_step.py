"""Step 4: parents, carers, brothers and sisters."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.models.terms import RELATIONSHIP_WORDS, RelationshipKind
from app.services.referral_form import Answers, CarerAnswer, Problem, SiblingAnswer
from app.views.intake.answer_grid import AnswerGrid, Ask
from app.views.intake.steps import Step
from app.views.kit.buttons import IconButton, PlainButton
from app.views.kit.cards import Card, EmptyState
from app.views.kit.fields import Check
from app.views.kit.form import FormField
from app.views.tokens import px

if TYPE_CHECKING:
    from app.views.context import AppContext

_KINDS = tuple(
    (kind.value, words[:1].upper() + words[1:])
    for kind, words in RELATIONSHIP_WORDS.items()
    if kind is not RelationshipKind.SIBLING
)
_CONTACT = (("not_asked", "Not asked"), ("known", "Yes"), ("refused", "No, do not contact"), ("not_known", "Not known"))
_QUESTIONS = (
    Ask("forename", "First name", optional=True),
    Ask("surname", "Last name", optional=True),
    Ask("kind", "Who they are to the child", "choice", choices=_KINDS),
    Ask(
        "responsibility",
        "Parental responsibility",
        "choice",
        choices=(("not_asked", "Not asked"), ("known", "Yes"), ("not_known", "Not known")),
    ),
    Ask("phone", "Telephone", optional=True),
    Ask("email", "E-mail", optional=True),
    Ask(
        "contact",
        "Is it safe to contact them?",
        "choice",
        choices=_CONTACT,
    ),
    Ask("language", "Language they prefer", optional=True),
    Ask("address", "Address, if not the child's", "text", optional=True, lines=2),
    Ask("town", "Town", optional=True),
    Ask("postcode", "Postcode", optional=True),
)  # fmt: skip
_ADDRESS = ("address", "town", "postcode")


class CarerCard(QWidget):
    """One person.

    Signals:
        edited: something changed.
        removed: the person is taken off.
    """

    edited = Signal()
    removed = Signal()

    def __init__(self, number: int, answer: CarerAnswer) -> None:
        super().__init__()
        self._answer = answer
        remove = IconButton("trash-2", f"Remove person {number}")
        remove.setObjectName("remove_carer")
        remove.clicked.connect(self.removed)
        self.card = Card(f"Person {number}", "", remove)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.card)
        column = self.card.padded()
        self.grid = AnswerGrid(_QUESTIONS)
        column.addWidget(self.grid)
        self.lives = Check("Lives with the child")
        self.lives.setObjectName("lives_with")
        column.addWidget(self.lives)
        values = {question.name: getattr(answer, question.name) for question in _QUESTIONS}
        self.grid.set_values(values)
        self.lives.setChecked(answer.lives_with)
        self._follow()
        self.grid.edited.connect(self._edited)
        self.lives.toggled.connect(self._edited)

    def _edited(self, *_: object) -> None:
        self.grid.clear_errors()
        self._follow()
        self.edited.emit()

    def _follow(self) -> None:
        for name in _ADDRESS:
            self.grid.set_shown(name, not self.lives.isChecked())

    def answer(self) -> CarerAnswer:
        """Return what is typed."""
        values = self.grid.values()
        self._answer.lives_with = self.lives.isChecked()
        for name, value in values.items():
            setattr(self._answer, name, "" if name in _ADDRESS and self._answer.lives_with else value)
        return self._answer


class SiblingRow(QWidget):
    """A brother or sister: name and age.

    Signals:
        edited: something changed.
        removed: taken off.
    """

    edited = Signal()
    removed = Signal()

    def __init__(self, number: int, answer: SiblingAnswer) -> None:
        super().__init__()
        self._answer = answer
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(12))
        self.name = QLineEdit(answer.name)
        self.name.setObjectName("sibling_name")
        self.age = QLineEdit(answer.age)
        self.age.setObjectName("sibling_age")
        self.age.setMaximumWidth(px(120))
        remove = IconButton("trash-2", f"Remove brother or sister {number}")
        remove.clicked.connect(self.removed)
        row.addWidget(FormField("Name", self.name), 1)
        row.addWidget(FormField("Age", self.age))
        row.addWidget(remove, 0, Qt.AlignmentFlag.AlignBottom)
        for line in (self.name, self.age):
            line.textEdited.connect(lambda _text: self.edited.emit())

    def answer(self) -> SiblingAnswer:
        """Return what is typed."""
        self._answer.name, self._answer.age = self.name.text(), self.age.text().strip()
        return self._answer


class FamilyStep(Step):
    """The people around the child."""

    key = "family"
    heading = "Who is in the family?"
    explain = "Parents, carers and anybody else who can be asked. Leave empty what nobody knows."

    def __init__(self, context: "AppContext") -> None:
        super().__init__(context)
        self.carers: list[CarerCard] = []
        self.siblings: list[SiblingRow] = []
        self._people = QVBoxLayout()
        self._people.setSpacing(px(12))
        self.column.addLayout(self._people)
        self.add_carer = PlainButton("Add a parent, carer or contact", "user-plus")
        self.add_carer.setObjectName("add_carer")
        self.add_carer.clicked.connect(lambda: self._new_carer())
        self.column.addWidget(self.add_carer, 0, Qt.AlignmentFlag.AlignLeft)
        self.add_sibling = PlainButton("Add", "plus")
        self.add_sibling.setObjectName("add_sibling")
        self.add_sibling.setAccessibleName("Add a brother or sister")
        self.add_sibling.clicked.connect(lambda: self._new_sibling())
        card = Card("Brothers and sisters", "", self.add_sibling)
        self._sibling_rows = card.padded()
        self.none = EmptyState("None added.")
        self._sibling_rows.addWidget(self.none)
        self.column.addWidget(card)
        self.column.addStretch(1)

    def load(self, answers: Answers) -> None:
        """Show answers."""
        for widget in (*self.carers, *self.siblings):
            widget.hide()
            widget.deleteLater()
        self.carers, self.siblings = [], []
        for carer in answers.family.carers:
            self._add_carer(carer)
        for sibling in answers.family.siblings:
            self._add_sibling(sibling)
        self.none.setVisible(not self.siblings)

    def collect(self, answers: Answers) -> None:
        """Put what is typed into the answers."""
        answers.family.carers = [card.answer() for card in self.carers]
        answers.family.siblings = [row.answer() for row in self.siblings]

    def _add_carer(self, answer: CarerAnswer) -> CarerCard:
        card = CarerCard(len(self.carers) + 1, answer)
        card.edited.connect(self.edited)
        card.removed.connect(lambda: self._remove(self.carers, card))
        self.carers.append(card)
        self._people.addWidget(card)
        return card

    def _new_carer(self) -> None:
        self._add_carer(CarerAnswer(lives_with=not self.carers)).grid.focus()
        self.edited.emit()

    def _add_sibling(self, answer: SiblingAnswer) -> SiblingRow:
        row = SiblingRow(len(self.siblings) + 1, answer)
        row.edited.connect(self.edited)
        row.removed.connect(lambda: self._remove(self.siblings, row))
        self.siblings.append(row)
        self._sibling_rows.addWidget(row)
        self.none.hide()
        return row

    def _new_sibling(self) -> None:
        self._add_sibling(SiblingAnswer()).name.setFocus()
        self.edited.emit()

    def _remove(self, held: "list[CarerCard] | list[SiblingRow]", widget: QWidget) -> None:
        held.remove(widget)  # type: ignore[arg-type]  # the widget is in the list it came from
        widget.hide()
        widget.deleteLater()
        self.none.setVisible(not self.siblings)
        (self.add_carer if isinstance(widget, CarerCard) else self.add_sibling).setFocus()
        self.edited.emit()

    def show_problems(self, found: Sequence[Problem]) -> None:
        """Show what must be put right on its person."""
        for index, card in enumerate(self.carers):
            card.grid.clear_errors()
            for problem in found:
                if problem.field == f"carer{index}":
                    card.grid.set_error("forename", problem.message)

    def focus_problem(self, name: str) -> None:
        """Put the keyboard on a person, or on adding one."""
        number = name.removeprefix("carer")
        if number.isdigit() and int(number) < len(self.carers):
            self.carers[int(number)].grid.focus()
        elif self.carers:
            self.carers[0].grid.focus()
        else:
            self.add_carer.setFocus()
