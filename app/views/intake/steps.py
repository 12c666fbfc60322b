"""The steps that are plain forms: who told us, about the child, what is known."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.services import referral_form, upn
from app.services.referral_form import SCHOOL_SOURCES, SOURCE_WORDS, Answers, Problem, WhatIsKnown
from app.timesource import format_date
from app.views.intake.answer_grid import NOT_KNOWN, AnswerGrid, Ask
from app.views.intake.school_picker import SchoolPicker
from app.views.kit.cards import Card
from app.views.kit.feedback import Banner
from app.views.kit.text import Text
from app.views.tokens import px

if TYPE_CHECKING:
    from app.views.context import AppContext

SEX_CHOICES = (("", "Choose"), ("F", "Female"), ("M", "Male"), (NOT_KNOWN, "Not known"))
READING_WIDTH = 760
_SCHOOL_VALUES = {source.value for source in SCHOOL_SOURCES}


class Step(QWidget):
    """One step of the form.

    Signals:
        edited: a person changed something.
    """

    edited = Signal()
    key = ""
    heading = ""
    explain = ""

    def __init__(self, context: "AppContext") -> None:
        super().__init__()
        self.setObjectName(f"page_{self.key}")
        self.context = context
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(px(12))
        self.title = Text(self.heading, "page", weight="strong", wrap=True)
        self.subtitle = Text(self.explain, "body", ink="ink2", wrap=True)
        self.column.addWidget(self.title)
        self.column.addWidget(self.subtitle)
        self.subtitle.setVisible(bool(self.explain))

    def load(self, answers: Answers) -> None:
        """Show answers."""

    def collect(self, answers: Answers) -> None:
        """Put what is typed into the answers."""

    def show_problems(self, found: Sequence[Problem]) -> None:
        """Show what must be put right beside its field."""

    def focus_problem(self, name: str) -> None:
        """Put the keyboard on a field; on the first when the name is empty or not here."""

    def entered(self) -> None:
        """The step has come into view."""


class FormStep(Step):
    """A step of one or more grids in cards."""

    def __init__(self, context: "AppContext") -> None:
        super().__init__(context)
        self.grids: list[AnswerGrid] = []

    def add_grid(self, title: str, questions: Sequence[Ask]) -> AnswerGrid:
        """Add a card with questions and return its grid."""
        card = Card(title)
        grid = AnswerGrid(questions)
        card.padded().addWidget(grid)
        self.column.addWidget(card)
        self.grids.append(grid)
        grid.edited.connect(self._edited)
        return grid

    def _edited(self, name: str) -> None:
        for grid in self.grids:
            grid.set_error(name, "")
        self.edited.emit()

    def show_problems(self, found: Sequence[Problem]) -> None:
        """Show what must be put right beside its field."""
        for grid in self.grids:
            grid.clear_errors()
            for problem in found:
                grid.set_error(problem.field, problem.message)

    def focus_problem(self, name: str) -> None:
        """Put the keyboard on a field, or on the first."""
        for grid in self.grids:
            if name in grid.widgets:
                grid.focus(name)
                return
        if self.grids:
            self.grids[0].focus()


class WhoStep(FormStep):
    """Step 1: who told us, when and why."""

    key = "who"
    heading = "Who told us about this child?"
    explain = "Start with what you have. Every step is saved, and you can go back to any of them."

    def __init__(self, context: "AppContext") -> None:
        super().__init__(context)
        choices = (("", "Choose"), *((source.value, words) for source, words in SOURCE_WORDS.items()))
        self.grid = self.add_grid(
            "",
            [
                Ask("source", "Who told us", "choice", choices=choices),
                Ask("received_on", "Date received", "date"),
                Ask("school", "School", hint="Type part of the name and choose."),
                Ask("organisation", "Organisation", optional=True),
                Ask("name", "Their name", optional=True),
                Ask("contact", "Their telephone or e-mail", optional=True),
                Ask("reason", "What they told us", "text", optional=True, lines=4),
            ],
        )
        self.school = SchoolPicker(context, "School")
        self.grid.put("school", self.school)
        self.school.school_changed.connect(lambda: self._edited("school"))
        self.grid.edited.connect(lambda name: self._follow() if name == "source" else None)
        self.column.addStretch(1)
        self._follow()

    def _follow(self) -> None:
        source = self.grid.values()["source"]
        self.grid.set_shown("school", source in _SCHOOL_VALUES)
        self.grid.set_shown("organisation", source not in _SCHOOL_VALUES and source not in ("parent", "public"))

    def load(self, answers: Answers) -> None:
        """Show answers; the date received starts as today."""
        who = answers.who
        received = who.received_on or self.context.ws.time.today().isoformat()
        values = {name: getattr(who, name) for name in ("source", "organisation", "name", "contact", "reason")}
        self.grid.set_values({**values, "received_on": received})
        self.school.set_school(who.school_urn, who.school_name)
        self._follow()

    def collect(self, answers: Answers) -> None:
        """Put what is typed into the answers."""
        values = self.grid.values()
        for name in ("source", "received_on", "organisation", "name", "contact", "reason"):
            setattr(answers.who, name, values[name])
        answers.who.school_urn, answers.who.school_name = self.school.urn(), self.school.text()


class ChildStep(FormStep):
    """Step 2: the child, as far as it is known."""

    key = "child"
    heading = "Who is the child?"
    explain = "One name is enough to start. Choose “Not known” where you have asked and nobody knows."

    def __init__(self, context: "AppContext") -> None:
        super().__init__(context)
        self.grid = self.add_grid(
            "Name and birth",
            [
                Ask("forename", "First name"),
                Ask("surname", "Last name"),
                Ask("middle_names", "Middle names", optional=True),
                Ask("preferred_name", "Name they use", optional=True),
                Ask("other_names", "Other names", hint="Separate names with commas.", optional=True, wide=True),
                Ask("born_on", "Date of birth", "date", unknown="Not known"),
                Ask("age_described", "About how old", hint="As you were told, such as “about 9 years old”."),
                Ask("sex", "Sex", "choice", choices=SEX_CHOICES),
                Ask("upn", "UPN", hint="1 letter, 11 numbers, then a number or letter.", optional=True),
                Ask("year_group", "Year group", optional=True),
                Ask("first_language", "First language", optional=True),
            ],
        )
        self.address = self.add_grid(
            "Address",
            [
                Ask("address", "Last known address", "text", unknown="Not known", lines=2),
                Ask("town", "Town", optional=True),
                Ask("postcode", "Postcode", optional=True),
                Ask("phone", "Telephone at this address", optional=True),
            ],
        )
        self.grid.edited.connect(self._follow)
        self.address.edited.connect(self._follow)
        self.column.addStretch(1)
        self._follow()

    def _follow(self, *_: object) -> None:
        unknown = self.grid.is_unknown("born_on")
        self.grid.set_shown("age_described", unknown)
        self.grid.set_shown("year_group", unknown)
        nowhere = self.address.is_unknown("address")
        for name in ("town", "postcode", "phone"):
            self.address.set_shown(name, not nowhere)
        checked = upn.check(self.grid.values()["upn"])
        # A wrong check letter is worth saying and never in the way.
        note = checked.message if checked.state is upn.UpnState.WRONG_LETTER else ""
        self.grid.fields["upn"].set_error(note)

    def load(self, answers: Answers) -> None:
        """Show answers."""
        child = answers.child
        names = ("forename", "surname", "middle_names", "preferred_name", "born_on", "age_described", "sex", "upn")
        values = {name: getattr(child, name) for name in (*names, "year_group", "first_language")}
        values["other_names"] = ", ".join(child.other_names)
        self.grid.set_values(values, ["born_on"] if child.born == NOT_KNOWN else [])
        places = {name: getattr(child, name) for name in ("address", "town", "postcode", "phone")}
        self.address.set_values(places, ["address"] if child.address_state == NOT_KNOWN else [])
        self._follow()

    def collect(self, answers: Answers) -> None:
        """Put what is typed into the answers; what stands under a ticked "Not known" is kept and not used."""
        child = answers.child
        values = self.grid.values()
        for name in ("forename", "surname", "middle_names", "preferred_name", "born_on", "age_described"):
            setattr(child, name, values[name])
        for name in ("sex", "upn", "year_group", "first_language"):
            setattr(child, name, values[name])
        child.other_names = [name.strip() for name in values["other_names"].split(",") if name.strip()]
        child.born = NOT_KNOWN if self.grid.is_unknown("born_on") else referral_form.KNOWN if child.born_on else ""
        for name, value in self.address.values().items():
            setattr(child, name, value)
        nowhere = self.address.is_unknown("address")
        child.address_state = NOT_KNOWN if nowhere else referral_form.KNOWN if child.address or child.postcode else ""


class KnownStep(FormStep):
    """Step 5: school, removal from the register, and when the child was last seen."""

    key = "known"
    heading = "What is known?"
    explain = "Nothing here has to be answered. When the child was last seen matters most."

    def __init__(self, context: "AppContext") -> None:
        super().__init__(context)
        self.queries = Banner("warn", "", title="Questions for the school")
        self.queries.hide()
        self.column.addWidget(self.queries)
        self.seen = self.add_grid(
            "Last seen",
            [
                Ask("last_seen_on", "Last seen on", "date", optional=True),
                Ask("last_seen_by", "By whom", optional=True),
                Ask("last_seen_where", "Where", optional=True, wide=True),
            ],
        )
        self.grid = self.add_grid(
            "Last school",
            [
                Ask("school", "School", optional=True, wide=True),
                Ask("last_attended_on", "Last attended", "date", optional=True),
                Ask("on_roll_until", "Removed from the register on", "date", optional=True),
                Ask("ground_code", "Ground for removal", "choice", optional=True, wide=True),
                Ask("destination", "Said to be going to", optional=True),
                Ask("destination_from", "Starting on", "date", optional=True),
            ],
        )
        self.more = self.add_grid(
            "More",
            [
                Ask("health", "GP surgery or health visitor", optional=True, wide=True),
                Ask("tried", "What has been tried so far", "text", optional=True),
                Ask("notes", "Anything else", "text", optional=True),
            ],
        )
        self.school = SchoolPicker(context, "Last school")
        self.grid.put("school", self.school)
        self.school.school_changed.connect(lambda: self._edited("school"))
        self.grid.edited.connect(lambda name: self._offer_grounds() if name == "on_roll_until" else None)
        self.column.addStretch(1)
        self._given = ""

    def _offer_grounds(self, chosen: str = "") -> None:
        """Offer the grounds of the regulations in force on the day of removal."""
        from app.services import grounds
        from app.views.kit.fields import Select

        choice = self.grid.widgets["ground_code"]
        values = self.grid.values()
        chosen = chosen or values["ground_code"]
        left = referral_form.day(values["on_roll_until"])
        day = left or self.context.ws.time.today()
        offered: list[tuple[str, str]] = [("", "Not known")]
        regime = ""
        if day >= grounds.regimes()[0].valid_from:
            regime = grounds.regime_for(day).id[2:]
            offered += [(ground.code, f"{ground.code}  {ground.label}") for ground in grounds.grounds_for(day)]
        if not isinstance(choice, Select):
            return
        choice.clear()
        for code, words in offered:
            choice.addItem(words, code)
        choice.setCurrentIndex(max(0, choice.findData(chosen)))
        choice.updateGeometry()
        self.grid.fields["ground_code"].set_source(f"{regime} Regulations" if regime else "")

    def load(self, answers: Answers) -> None:
        """Show answers."""
        known = answers.known
        for grid in self.grids:
            values = {name: getattr(known, name) for name in grid.widgets if name in WhatIsKnown.__slots__}
            values.pop("ground_code", None)
            grid.set_values(values)
        school = referral_form_school(answers)
        self.school.set_school(*school)
        self._offer_grounds(known.ground_code)
        self._given = known.ground_as_given
        self.queries.setVisible(bool(answers.queries))
        self.queries.set_text("\n".join(answers.queries))

    def collect(self, answers: Answers) -> None:
        """Put what is typed into the answers."""
        from app.services import grounds

        known = answers.known
        for grid in self.grids:
            for name, value in grid.values().items():
                if name in WhatIsKnown.__slots__:
                    setattr(known, name, value)
        known.school_urn, known.school_name = self.school.urn(), self.school.text()
        left = referral_form.day(known.on_roll_until) or self.context.ws.time.today()
        usable = known.ground_code and left >= grounds.regimes()[0].valid_from
        known.ground_regime = grounds.regime_for(left).id if usable else ""


def referral_form_school(answers: Answers) -> tuple[str, str]:
    """Return URN and name of the last school: as answered, else the school that told us."""
    from app.services.referral_words import last_school

    return last_school(answers)


def said_on(text: str) -> str:
    """Return an ISO date in words, other text as it is."""
    found = referral_form.day(text)
    return format_date(found) if found is not None else text


def touched(answers: Answers, step: str) -> bool:
    """Return whether anything is answered in a step."""
    known = answers.known
    return {
        "who": bool(answers.who.source),
        "child": bool(answers.child.forename or answers.child.surname),
        "family": bool(answers.family.carers or answers.family.siblings),
        "known": any((known.school_name, known.last_seen_on, known.tried, known.notes)),
        "safety": any(given.answer for given in answers.safety.values()),
    }[step]


def scrolling(step: QWidget, *, wide: bool) -> QScrollArea:
    """Return a step inside its own scroll area, at reading width unless it is a table."""
    inside = QWidget()
    inside.setProperty("fill", "none")
    row = QHBoxLayout(inside)
    row.setContentsMargins(px(28), px(16), px(28), px(20))
    row.addWidget(step, 1)
    if not wide:
        step.setMaximumWidth(px(READING_WIDTH))
        row.addStretch(0)
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    scroll.setWidget(inside)
    return scroll
