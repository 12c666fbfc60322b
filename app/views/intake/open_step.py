"""Step 7: everything once more on one page, what must be put right, and the button that opens the case."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.models.terms import RELATIONSHIP_WORDS, ReferralSource, RelationshipKind
from app.services import referral_form, referrals
from app.services.match_details import one_line
from app.services.referral_form import NOT_KNOWN, SAFETY_QUESTIONS, SOURCE_WORDS, STEP_WORDS, Answers, Problem
from app.services.referral_words import ground_words
from app.views.intake.steps import Step, referral_form_school, said_on
from app.views.kit.buttons import PlainButton
from app.views.kit.cards import Card
from app.views.kit.feedback import Banner
from app.views.kit.text import Link, Text
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.referrals import ReferralView
    from app.views.context import AppContext

Lines = list[tuple[str, str]]
LABEL_WIDTH = 150


class OpenStep(Step):
    """The summary.

    Signals:
        change_asked: (step, field) to go to.
    """

    key = "open"
    heading = "Check and open the case"
    change_asked = Signal(str, str)

    def __init__(self, context: "AppContext") -> None:
        super().__init__(context)
        self.answers = Answers()
        self.problems: list[Problem] = []
        self.links: list[Link] = []
        self._view: ReferralView | None = None
        self._body: QWidget | None = None

    def set_view(self, view: "ReferralView | None") -> None:
        """Take the match decision so far."""
        self._view = view

    def load(self, answers: Answers) -> None:
        """Show the summary."""
        self.answers = answers
        joined = self._view is not None and self._view.decision == referrals.SAME_CHILD
        self.problems = referral_form.problems(answers, self.context.ws.time.today(), joined=joined)
        if self._view is None or not self._view.match_done:
            self.problems.insert(0, Problem("match", "", _match_problem(self._view)))
        self._build()

    def is_ready(self) -> bool:
        """Return whether nothing is left to put right."""
        return not self.problems

    def verb(self) -> str:
        """Return the words of the primary button."""
        same = self._view is not None and self._view.decision == referrals.SAME_CHILD
        case = self._view.decided_case if self._view is not None and same else ""
        return {"open": "Add to the open case", "closed": "Reopen the case"}.get(case, "Open the case")

    def _build(self) -> None:
        if self._body is not None:
            self.column.removeWidget(self._body)
            self._body.hide()
            self._body.deleteLater()
        self._body = QWidget()
        column = QVBoxLayout(self._body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(12))
        self.links = []
        if self.problems:
            column.addWidget(self._problem_list())
        if self.answers.queries:
            words = "\n".join(self.answers.queries)
            column.addWidget(Banner("warn", words, title="Questions for the school go on the timeline"))
        for step, lines in summary(self.answers, self._view).items():
            column.addWidget(self._section(step, lines))
        column.addStretch(1)
        self.column.addWidget(self._body, 1)

    def _problem_list(self) -> QWidget:
        banner = Banner("error", "The case can be opened when these are put right:")
        banner.setObjectName("open_problems")
        layout = banner.layout()
        inner = QVBoxLayout()
        inner.setSpacing(px(2))
        for problem in self.problems:
            link = Link(f"{STEP_WORDS[problem.step]}: {problem.message}")
            link.setObjectName(f"problem_{problem.step}_{problem.field}")
            link.setWordWrap(True)
            link.setSizePolicy(banner.label.sizePolicy())
            link.activated.connect(lambda one=problem: self.change_asked.emit(one.step, one.field))
            self.links.append(link)
            inner.addWidget(link)
        found = layout.itemAt(1) if layout is not None else None
        inside = found.layout() if found is not None else None
        if isinstance(inside, QVBoxLayout):
            inside.addLayout(inner)
        return banner

    def _section(self, step: str, lines: Lines) -> Card:
        change = PlainButton("Change")
        change.setObjectName(f"change_{step}")
        change.setAccessibleName(f"Change: {STEP_WORDS[step]}")
        change.clicked.connect(lambda: self.change_asked.emit(step, ""))
        card = Card(STEP_WORDS[step], "", change)
        grid = QGridLayout()
        grid.setHorizontalSpacing(px(12))
        grid.setVerticalSpacing(px(6))
        grid.setColumnMinimumWidth(0, px(LABEL_WIDTH))
        grid.setColumnStretch(1, 1)
        for row, (label, value) in enumerate(lines):
            grid.addWidget(Text(label, "secondary", ink="ink2", wrap=True), row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(Text(value, "body", wrap=True, selectable=True), row, 1, Qt.AlignmentFlag.AlignTop)
        if not lines:
            grid.addWidget(Text("Nothing entered.", "body", ink="ink3"), 0, 0, 1, 2)
        card.padded().addLayout(grid)
        return card

    def focus_problem(self, name: str) -> None:
        """Put the keyboard on the first problem; the page's own button follows."""
        if self.links:
            self.links[0].setFocus()


def _match_problem(view: "ReferralView | None") -> str:
    if view is not None and view.decision == referrals.ASKED_MANAGER:
        return "A manager is checking the match."
    if view is not None and view.decision and not view.decision_current:
        return "The child's details changed. Check for a match again."
    return "Check for a match before you open the case."


def summary(answers: Answers, view: "ReferralView | None") -> dict[str, Lines]:
    """Return the answers by step as labels and words; what is empty is left out."""
    return {
        "who": _filled(_who(answers)),
        "child": _filled(_child(answers)),
        "match": _match(view),
        "family": _family(answers),
        "known": _filled(_known(answers)),
        "safety": _safety(answers),
    }


def _filled(lines: Lines) -> Lines:
    return [(label, value) for label, value in lines if value]


def _who(answers: Answers) -> Lines:
    who = answers.who
    source = SOURCE_WORDS[ReferralSource(who.source)] if who.source in set(ReferralSource) else ""
    from_school = who.source in {one.value for one in referral_form.SCHOOL_SOURCES}
    return [
        ("Who told us", source),
        ("School", who.school_name if from_school else ""),
        ("Organisation", who.organisation if not from_school else ""),
        ("Name", who.name),
        ("Contact", who.contact),
        ("Date received", said_on(who.received_on)),
        ("What they told us", who.reason),
    ]


def _child(answers: Answers) -> Lines:
    child = answers.child
    born = "Not known" if child.born == NOT_KNOWN else said_on(child.born_on)
    if child.born == NOT_KNOWN and child.age_described:
        born = f"Not known, {child.age_described}"
    where = one_line(child.address, child.town)
    address = (
        "Not known" if child.address_state == NOT_KNOWN else " ".join(part for part in (where, child.postcode) if part)
    )
    sex = {"F": "Female", "M": "Male", NOT_KNOWN: "Not known"}.get(child.sex, "")
    names = " ".join(part for part in (child.forename, child.middle_names, child.surname) if part)
    return [
        ("Name", names),
        ("Name they use", child.preferred_name),
        ("Other names", ", ".join(child.other_names)),
        ("Date of birth", born),
        ("Sex", sex),
        ("UPN", child.upn),
        ("First language", child.first_language),
        ("Address", address),
        ("Telephone", child.phone),
    ]


def _match(view: "ReferralView | None") -> Lines:
    if view is None or not view.decision or not view.decision_current:
        return [("Match", "Not checked yet")]
    words = {
        referrals.SAME_CHILD: f"The same child as {view.decided_with or 'a record that is here'}",
        referrals.NEW_CHILD: "Another child than the records that look similar",
        referrals.NOBODY_FOUND: "No record looked similar",
        referrals.ASKED_MANAGER: "A manager is asked to check",
    }[view.decision]
    return _filled([("Match", words), ("Why", view.why)])


def _family(answers: Answers) -> Lines:
    lines = []
    for carer in answers.family.carers:
        kind = RelationshipKind(carer.kind) if carer.kind in set(RelationshipKind) else RelationshipKind.OTHER
        name = " ".join(part for part in (carer.title, carer.forename, carer.surname) if part)
        details = [name, carer.phone, carer.email]
        if carer.contact == "refused":
            details.append("do not contact")
        words = RELATIONSHIP_WORDS[kind]
        lines.append((words[:1].upper() + words[1:], ", ".join(part for part in details if part) or "Not named"))
    siblings = [", ".join(part for part in (one.name, one.age) if part) for one in answers.family.siblings]
    if siblings:
        lines.append(("Brothers and sisters", "; ".join(siblings)))
    return lines


def _known(answers: Answers) -> Lines:
    known = answers.known
    seen = [
        said_on(known.last_seen_on),
        known.last_seen_where,
        f"by {known.last_seen_by}" if known.last_seen_by else "",
    ]
    going = [known.destination, f"from {said_on(known.destination_from)}" if known.destination_from else ""]
    return [
        ("Last seen", ", ".join(part for part in seen if part)),
        ("Last school", referral_form_school(answers)[1]),
        ("Last attended", said_on(known.last_attended_on)),
        ("Removed from the register", said_on(known.on_roll_until)),
        ("Ground for removal", ground_words(answers)),
        ("Said to be going to", ", ".join(part for part in going if part)),
        ("Health", known.health),
        ("Tried so far", known.tried),
        ("Anything else", known.notes),
    ]


def _safety(answers: Answers) -> Lines:
    lines, unknown = [], 0
    for kind, question in SAFETY_QUESTIONS.items():
        given = answers.safety.get(kind.value)
        if given is not None and given.answer == "yes":
            lines.append((question, given.detail or "Yes"))
        elif given is None or given.answer != "no":
            unknown += 1
    if unknown:
        lines.append(("Not known", f"{unknown} of {len(SAFETY_QUESTIONS)} questions"))
    return lines or [("Safety", "Nothing reported")]


def missing(found: Sequence[Problem], step: str) -> list[Problem]:
    """Return the problems of one step."""
    return [problem for problem in found if problem.step == step]
