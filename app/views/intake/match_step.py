"""Step 3: is the child already known to us? A person decides, on evidence that is kept with the decision."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.services import referral_form, referrals
from app.services.match_details import subject_texts
from app.services.matching import Strength
from app.services.referral_form import Answers
from app.views.intake.match_table import FOLD_BELOW, MatchTable
from app.views.intake.steps import Step
from app.views.kit.buttons import PrimaryButton, QuietButton
from app.views.kit.cards import Card
from app.views.kit.feedback import Banner, Spinner
from app.views.kit.form import FormField, IconLabel
from app.views.kit.text import Text
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.matching import Candidate
    from app.services.referrals import ReferralView
    from app.views.context import AppContext


class ReasonPanel(QWidget):
    """Asks why in one line, under the table.

    Signals:
        given: the reason.
        cancelled: Cancel was pressed.
    """

    given = Signal(str)
    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("reason_panel")
        card = Card()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(card)
        column = card.padded()
        self.line = QLineEdit()
        self.line.setObjectName("match_reason")
        self.field = FormField("Why", self.line)
        column.addWidget(self.field)
        buttons = QHBoxLayout()
        self.go = PrimaryButton("Carry on")
        self.go.setObjectName("reason_go")
        cancel = QuietButton("Cancel")
        cancel.setObjectName("reason_cancel")
        buttons.addWidget(self.go)
        buttons.addWidget(cancel)
        buttons.addStretch(1)
        column.addLayout(buttons)
        self.required = False
        self.go.clicked.connect(self._give)
        self.line.returnPressed.connect(self._give)
        cancel.clicked.connect(self.cancelled)

    def ask(self, question: str, verb: str, *, required: bool) -> None:
        """Show the question."""
        self.required = required
        self.field.label.setText(question)
        self.line.setAccessibleName(question)
        self.field.set_error("")
        self.line.clear()
        self.go.setText(verb)
        self.go.updateGeometry()
        self.show()
        self.line.setFocus()

    def _give(self) -> None:
        if self.required and not self.line.text().strip():
            self.field.set_error("Say why this is not the same child. The match is strong.")
            self.line.setFocus()
            return
        self.given.emit(self.line.text().strip())


class MatchStep(Step):
    """The comparison and its choices.

    Signals:
        decided: (choice, shown candidates, child id, why).
    """

    key = "match"
    heading = "Is this child already known to us?"
    decided = Signal(str, object, str, str)

    def __init__(self, context: "AppContext") -> None:
        super().__init__(context)
        self.answers = Answers()
        self.shown: Sequence[Candidate] = ()
        self.searched = False
        self._view: ReferralView | None = None
        self._asking = ""
        self._focus_wanted = False
        self._generation = 0
        self.state = QVBoxLayout()
        self.column.addLayout(self.state)
        self._banner: Banner | None = None
        self.spinner = Spinner("Looking for records that look similar")
        self.spinner.hide()
        self.column.addWidget(self.spinner)
        self.table = MatchTable()
        self.table.hide()
        self.table.same_child.connect(self._same)
        self.column.addWidget(self.table)
        self.reason = ReasonPanel()
        self.reason.hide()
        self.reason.given.connect(self._reason_given)
        self.reason.cancelled.connect(self._cancel_reason)
        self.column.addWidget(self.reason)
        foot = QHBoxLayout()
        foot.setSpacing(px(8))
        foot.addWidget(IconLabel("info", "ink2"))
        self.footnote = Text("", "secondary", ink="ink2", wrap=True)
        foot.addWidget(self.footnote, 1)
        self.column.addLayout(foot)
        self.column.addStretch(1)
        self.ask_manager = QuietButton("Ask a manager to check")
        self.ask_manager.setObjectName("ask_manager")
        self.ask_manager.clicked.connect(self._ask_manager)
        self.neither = QuietButton("Neither of these, carry on")
        self.neither.setObjectName("neither")
        self.neither.clicked.connect(self._neither)
        self.nobody = PrimaryButton("This is a new child, carry on", None, "Ctrl+Return", answers=False)
        self.nobody.setObjectName("nobody_found")
        self.nobody.clicked.connect(self.carry_on)

    def footer_buttons(self) -> list[QWidget]:
        """Return the buttons for the page's footer."""
        return [self.ask_manager, self.neither, self.nobody]

    def load(self, answers: Answers) -> None:
        """Take the answers that are to be compared."""
        self.answers = answers

    def set_view(self, view: "ReferralView | None") -> None:
        """Show what was decided so far."""
        self._view = view
        self._show_state()

    # Searching

    def search(self) -> None:
        """Look for similar records on this laptop, off the window's thread."""
        self._generation += 1
        generation, ws, answers = self._generation, self.context.ws, self.answers
        self.spinner.setVisible(not self.searched)
        self.context.runner.run(
            self, lambda: referrals.candidates(ws, answers), lambda found: self._found(generation, found)
        )

    def _found(self, generation: int, found: "list[Candidate]") -> None:
        if generation != self._generation:
            return
        self.searched = True
        self.spinner.hide()
        self.shown = found
        subject = referral_form.subject_of(self.answers)
        chosen = self._view.decided_child_id if self._view is not None and self._view.match_done else None
        self.table.setVisible(bool(found))
        if found:
            self.table.show_candidates(
                subject.name or "Not named yet", subject_texts(subject), found, chosen=chosen or ""
            )
        self._words()
        self._show_state()
        if self._focus_wanted:
            self._focus_wanted = False
            self.focus_problem("")

    def _words(self) -> None:
        name = self.answers.child.forename.strip() or self.answers.child.surname.strip()
        count = len(self.shown)
        named = bool(name or self.answers.child.upn.strip())
        self.title.setText(f"Is {name} already known to us?" if name else self.heading)
        self.subtitle.show()
        where = self._where_searched()
        if count:
            look = "1 record looks similar." if count == 1 else f"{count} records look similar."
            self.subtitle.setText(f"{look} Opening a second case for the same child can hide what others know.{where}")
        elif named:
            self.subtitle.setText(f"No record on this laptop looks similar.{where}")
        else:
            self.subtitle.setText("Enter a name or a UPN in “About the child” first. Without one nobody can be found.")
        self.nobody.setEnabled(named)
        self.footnote.setText(self._footnote())
        several = "None of these, carry on" if count > 2 else "Neither of these, carry on"
        self.neither.setText("This is another child, carry on" if count == 1 else several)
        self.neither.setVisible(bool(count))
        self.ask_manager.setVisible(bool(count))
        self.nobody.setVisible(not count)
        for button in (self.neither, self.ask_manager, self.nobody):
            button.updateGeometry()

    def _where_searched(self) -> str:
        from app.services.sync.status import SyncState

        if self.context.sync.status().state is SyncState.OFFLINE:
            return " You are offline: only this laptop was searched. The search is made again when you sync."
        return ""

    def _footnote(self) -> str:
        if not self.shown:
            return "The search is made again before the case is opened."
        best = self.shown[0]
        undo = "You can undo this for 30 days."
        if best.case_open:
            return f"If you choose a match, this referral is added to its open case. {undo}"
        if best.case_id:
            reopens = "the closed case reopens with its history and this referral is added to it"
            return f"If you choose a match, {reopens}. {undo}"
        return "If you choose a match, the case is opened on the record that is there."

    def _show_state(self) -> None:
        if self._banner is not None:
            self.state.removeWidget(self._banner)
            self._banner.deleteLater()
            self._banner = None
        view = self._view
        if view is None or not view.decision:
            return
        kind, words = "ok", ""
        if view.decision == referrals.ASKED_MANAGER:
            kind = "info"
            words = f"{view.asked_by or 'Somebody'} asked a manager to check this. You can go on with the other steps."
            words += f" “{view.why}”" if view.why else ""
        elif not view.decision_current:
            kind, words = "warn", "The child's details changed after you decided. Check for a match again."
        elif view.decision == referrals.SAME_CHILD:
            words = f"You chose: the same child as {view.decided_with}. You can still choose again."
        elif view.decision == referrals.NEW_CHILD:
            words = "You said this is another child." + (f" “{view.why}”" if view.why else "")
        else:
            words = "Nobody similar was found. This is a new child."
        self._banner = Banner(kind, words)
        self._banner.setObjectName("match_state")
        self.state.addWidget(self._banner)

    # Deciding

    def is_strong(self) -> bool:
        """Return whether a strong match is shown."""
        return any(candidate.strength is Strength.STRONG for candidate in self.shown)

    def carry_on(self) -> None:
        """Nobody similar was found: go on with a new child."""
        if self.searched and not self.shown and self.nobody.isEnabled():
            self.decided.emit(referrals.NOBODY_FOUND, self.shown, "", "")

    def primary(self) -> None:
        """Ctrl+Enter: the strong match, or carrying on where nobody was found."""
        strong = [one for one in self.shown if one.strength is Strength.STRONG and not one.restricted]
        if strong:
            self._same(strong[0].child_id)
        else:
            self.carry_on()

    def _same(self, child_id: str) -> None:
        self.decided.emit(referrals.SAME_CHILD, self.shown, child_id, "")

    def _neither(self) -> None:
        if self.is_strong():
            self._asking = referrals.NEW_CHILD
            self.reason.ask("Why is this not the same child?", "Carry on", required=True)
        else:
            self.decided.emit(referrals.NEW_CHILD, self.shown, "", "")

    def _ask_manager(self) -> None:
        self._asking = referrals.ASKED_MANAGER
        self.reason.ask("What should the manager look at? (optional)", "Ask a manager", required=False)

    def _reason_given(self, why: str) -> None:
        self.reason.hide()
        self.decided.emit(self._asking, self.shown, "", why)

    def _cancel_reason(self) -> None:
        self.reason.hide()
        (self.neither if self._asking == referrals.NEW_CHILD else self.ask_manager).setFocus()

    def close_panel(self) -> bool:
        """Esc closes the reason."""
        if self.reason.isVisible():
            self._cancel_reason()
            return True
        return False

    def focus_problem(self, name: str) -> None:
        """Put the keyboard on the first choice."""
        first = next(iter(self.table.buttons.values()), None)
        (first or (self.neither if self.shown else self.nobody)).setFocus()

    def entered(self) -> None:
        """Search each time the step comes into view: the answers may have changed."""
        self.searched = False
        self._focus_wanted = True
        self.search()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold the labels of the table in narrow windows."""
        super().resizeEvent(event)
        self.table.set_folded(self.width() < px(FOLD_BELOW))
