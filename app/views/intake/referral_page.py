"""The new-referral page: seven steps, kept as they are typed, in any order but for the match check."""

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from app.errors import UserError
from app.services import referral_form, referrals
from app.services.referral_form import STEP_WORDS, STEPS, Answers
from app.views.context import AppContext
from app.views.intake.family_step import FamilyStep
from app.views.intake.match_step import MatchStep
from app.views.intake.notices import Notices
from app.views.intake.open_step import OpenStep
from app.views.intake.referral_keeper import ReferralKeeper
from app.views.intake.safety_step import SafetyStep
from app.views.intake.step_rail import SHORT_BELOW, StepRail
from app.views.intake.steps import ChildStep, KnownStep, Step, WhoStep, scrolling, touched
from app.views.intake.waiting_list import WaitingList
from app.views.kit.buttons import PrimaryButton, QuietButton
from app.views.kit.cards import rule
from app.views.pages import Crumb
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.referral_opening import Opened

NARROW_BELOW = 880
_CHILD_TABLES = frozenset({"child", "child_name", "case"})


class ReferralPage(QWidget):
    """Takes a referral from the first telephone call to the opened case.

    Signals:
        heading_changed: the breadcrumb names another referral.
    """

    heading_changed = Signal()

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.setObjectName("referral_page")
        self.context = context
        self.title = "New referral"
        self.breadcrumb: list[Crumb] = [("Cases", "cases"), ("New referral", None)]
        self.keeper = ReferralKeeper(context, self._collect, self)
        self._waiting_ids: list[str] = []
        self._make()
        self._lay_out()
        self._connect()

    # Making

    def _make(self) -> None:
        self.rail = StepRail(STEP_WORDS)
        self.match = MatchStep(self.context)
        self.open_step = OpenStep(self.context)
        self.steps: dict[str, Step] = {
            "who": WhoStep(self.context),
            "child": ChildStep(self.context),
            "match": self.match,
            "family": FamilyStep(self.context),
            "known": KnownStep(self.context),
            "safety": SafetyStep(self.context),
            "open": self.open_step,
        }
        self.stack = QStackedWidget()
        self.scrolls: dict[str, QScrollArea] = {}
        for key, step in self.steps.items():
            self.scrolls[key] = scrolling(step, wide=key == "match")
            self.stack.addWidget(self.scrolls[key])
        self.waiting = WaitingList(self.context)
        self.waiting_pane = QWidget()
        inside = QVBoxLayout(self.waiting_pane)
        inside.setContentsMargins(px(28), px(16), px(28), px(16))
        inside.addWidget(self.waiting)
        self.stack.addWidget(self.waiting_pane)
        self.back = QuietButton("Back", "arrow-left")
        self.back.setObjectName("step_back")
        self.next = PrimaryButton("Save and continue", None, "Ctrl+Return", answers=False)
        self.next.setObjectName("step_next")

    def _lay_out(self) -> None:
        self.footer = QWidget()
        self.footer.setProperty("fill", "surface")
        self.footer.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        bar = QHBoxLayout(self.footer)
        bar.setContentsMargins(px(28), px(12), px(28), px(12))
        bar.setSpacing(px(8))
        bar.addWidget(self.back)
        bar.addStretch(1)
        for button in self.match.footer_buttons():
            bar.addWidget(button)
            button.hide()
        bar.addWidget(self.next)
        self.notices = Notices("referral_notice")
        main = QVBoxLayout()
        main.setSpacing(0)
        main.addWidget(self.notices)
        main.addWidget(self.stack, 1)
        self._line = rule()
        main.addWidget(self._line)
        main.addWidget(self.footer)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.rail)
        row.addWidget(rule(upright=True))
        row.addLayout(main, 1)

    def _connect(self) -> None:
        context, keeper, waiting = self.context, self.keeper, self.waiting
        for step in self.steps.values():
            step.edited.connect(keeper.edited)
        keeper.loaded.connect(self._loaded)
        keeper.saved.connect(self._saved)
        keeper.decided.connect(self._decided)
        keeper.opened.connect(self._opened)
        keeper.failed.connect(self._failed)
        keeper.dealt_with.connect(lambda case_id: context.navigate("case", case_id=case_id))
        self.rail.chosen.connect(self.go)
        self.rail.others_asked.connect(self.show_waiting)
        self.rail.import_asked.connect(lambda: context.navigate("import"))
        self.back.clicked.connect(self._back)
        self.next.clicked.connect(self.primary_action)
        self.match.decided.connect(keeper.decide)
        self.open_step.change_asked.connect(self._change)
        waiting.resume_asked.connect(lambda one: context.navigate("referral", referral_id=one))
        waiting.new_asked.connect(lambda: context.navigate("referral"))
        waiting.import_asked.connect(lambda: context.navigate("import"))
        waiting.separate_asked.connect(self._separate)
        waiting.set_aside_asked.connect(self._set_aside)
        context.records_changed.connect(self._records_changed)

    # The window's side

    def open(self, referral_id: str | None = None, step: str = "", waiting: bool = False, **_arguments: Any) -> None:
        """Start a referral, go on with one, or list those that wait.

        Args:
            referral_id: a waiting referral; a new one when left out.
            step: the step to show; where the person was when left out.
            waiting: show the list instead.
        """
        self.keeper.flush()
        self.notices.clear()
        if waiting:
            self.show_waiting()
            return
        self._read_waiting()
        if referral_id is None:
            before, name = self.keeper.referral_id, self.keeper.unfinished
            self.keeper.start_new()
            self._name_page()
            self._show_step("who")
            if name:
                self._say_kept(before, name)
        else:
            self.keeper.load(referral_id, step)

    def _say_kept(self, referral_id: str, name: str) -> None:
        words = f"Your other referral is kept: {name}."
        then = lambda: self.context.navigate("referral", referral_id=referral_id)  # noqa: E731  (a callback)
        self.notices.show_notice("info", words, "Go on with it", then)

    def here(self) -> dict[str, str]:
        """Return what brings somebody back to this referral after a lock."""
        return {"referral_id": self.keeper.waiting_id} if self.keeper.waiting_id else {}

    def primary_action(self) -> None:
        """Ctrl+Enter: the step's own primary button."""
        step = self.current()
        if step == "":
            self.waiting.new_asked.emit()
        elif step == "match":
            self.match.primary()
        elif step != "open":
            self.go(STEPS[STEPS.index(step) + 1])
        elif self.open_step.is_ready():
            self.next.setEnabled(False)
            self.keeper.open_case()
        else:
            self.open_step.focus_problem("")

    def close_panel(self) -> bool:
        """Esc closes what is open inside the step."""
        return self.current() == "match" and self.match.close_panel()

    def panes(self) -> list[QWidget]:
        """Return what F6 moves between."""
        return [self.rail.buttons[self.current() or "who"], self.stack.currentWidget() or self.stack, self.next]

    def setFocus(self, *_reason: Any) -> None:
        """Put the keyboard on the first question."""
        step = self.current()
        if step == "open" and self.open_step.is_ready():
            self.next.setFocus(Qt.FocusReason.TabFocusReason)
        elif step:
            self.steps[step].focus_problem("")
        else:
            self.waiting.focus_list()

    def current(self) -> str:
        """Return the key of the step in view, or an empty text for the list."""
        shown = self.stack.currentWidget()
        return next((key for key, scroll in self.scrolls.items() if scroll is shown), "")

    # What waits

    def _read_waiting(self) -> None:
        from app.services import referral_opening

        ws = self.context.ws
        self.context.runner.run(
            self, lambda: (referrals.waiting(ws), referral_opening.lately_joined(ws)), lambda found: self._waits(*found)
        )

    def _waits(self, lines: Any, joined: Any) -> None:
        self._waiting_ids = [line.id for line in lines]
        self._count_others()
        self.waiting.show_rows(lines, joined)

    def _count_others(self) -> None:
        self.rail.set_others(sum(one != self.keeper.referral_id for one in self._waiting_ids))

    def show_waiting(self) -> None:
        """Show the list of waiting referrals."""
        self.keeper.keep()
        self.stack.setCurrentWidget(self.waiting_pane)
        self._read_waiting()
        self._foot("")
        self.waiting.focus_list()

    def _records_changed(self, tables: frozenset[str]) -> None:
        if not self.isVisible():
            return
        if "referral" in tables:
            self._read_waiting()
        if self.current() == "match" and tables & _CHILD_TABLES and not self.match.reason.isVisible():
            self.match.search()

    # Steps

    def _loaded(self, step: str, recovered: bool) -> None:
        if recovered:
            self.notices.show_notice("ok", "What you typed last is recovered.")
        self._name_page()
        self._show_step(step)

    def _name_page(self) -> None:
        child = self.keeper.answers.child
        named = self.keeper.stored and (child.forename or child.surname)
        words = f"Referral, {self.keeper.answers.child_name}" if named else "New referral"
        self.breadcrumb = [("Cases", "cases"), (words, None)]
        self._count_others()
        self.heading_changed.emit()

    def go(self, key: str) -> None:
        """Keep what is typed and show another step."""
        if not self.keeper.busy:
            self.keeper.keep()
            self._show_step(key)

    def _back(self) -> None:
        step = self.current()
        at = STEPS.index(step) if step else 0
        if at:
            self.go(STEPS[at - 1])
        else:
            self.show_waiting()

    def _change(self, step: str, field: str) -> None:
        self.go(step)
        self.steps[step].show_problems(self._problems(step))
        self.steps[step].focus_problem(field)

    def _show_step(self, key: str) -> None:
        self.keeper.answers.step = key
        step = self.steps[key]
        self._share_view()
        step.load(self.keeper.answers)
        self.stack.setCurrentWidget(self.scrolls[key])
        self.scrolls[key].verticalScrollBar().setValue(0)
        self._foot(key)
        self._mark_rail(key)
        step.entered()
        self.setFocus()

    def _share_view(self) -> None:
        self.match.set_view(self.keeper.view)
        self.open_step.set_view(self.keeper.view)

    def _mark_rail(self, key: str) -> None:
        self.rail.set_current(key)
        view, at = self.keeper.view, STEPS.index(key)
        for place, (name, button) in enumerate(self.rail.buttons.items()):
            if name == "match":
                stale = view is not None and bool(view.decision) and not view.decision_current
                button.set_state(done=view is not None and view.match_done, attention=stale)
            elif name != "open":
                seen = self.keeper.stored and (place < at or touched(self.keeper.answers, name))
                wrong = seen and bool(self._problems(name))
                button.set_state(done=seen and not wrong, attention=wrong and place < at)

    def _problems(self, step: str) -> list[Any]:
        found = referral_form.problems(self.keeper.answers, self.context.ws.time.today())
        return [problem for problem in found if problem.step == step]

    def _foot(self, key: str) -> None:
        for button in self.match.footer_buttons():
            button.hide()
        self.rail.setVisible(bool(key))
        self.footer.setVisible(bool(key))
        self._line.setVisible(bool(key))
        self.next.setVisible(key not in ("", "match"))
        self.next.setText(self.open_step.verb() if key == "open" else "Save and continue")
        self.next.setEnabled(key != "open" or self.open_step.is_ready())
        self.next.updateGeometry()

    def _collect(self, answers: Answers) -> None:
        step = self.current()
        if step:
            self.steps[step].collect(answers)

    # What the keeper says

    def _saved(self) -> None:
        self._share_view()
        step = self.current()
        if step == "open":
            self.open_step.load(self.keeper.answers)
            self._foot("open")
            self.setFocus()
        if step:
            self._mark_rail(step)

    def _decided(self) -> None:
        view = self.keeper.view
        if view is not None and view.decision == referrals.ASKED_MANAGER:
            self.context.toast("A manager is asked to check. The referral is kept.")
        self.go("family")

    def _opened(self, opened: "Opened") -> None:
        referral_id, words = self.keeper.referral_id, f"{self.keeper.answers.child_name}, {opened.reference}"
        self.keeper.start_new()
        if opened.joined:
            said = "Case reopened" if opened.reopened else "Added to the case"
            self.context.toast(f"{said}: {opened.reference}", lambda: self._separate(referral_id, words))
        else:
            self.context.toast(f"Case {opened.reference} is open.")
        self.context.navigate("case", case_id=opened.case_id)

    def _separate(self, referral_id: str, words: str) -> None:
        title = f"Take the referral out of {words}"
        self.context.prompts.ask_text(
            self, title, "Why is this another child?", lambda why: self.keeper.separate(referral_id, why)
        )

    def _set_aside(self, referral_id: str, name: str) -> None:
        title = f"Set the referral aside: {name}"
        self.context.prompts.ask_text(
            self, title, "Why is it set aside? It is kept.", lambda why: self.keeper.set_aside(referral_id, why)
        )

    def _failed(self, error: Exception) -> None:
        self.next.setEnabled(True)
        if not isinstance(error, UserError):
            self.context.report_error(error)
            return
        self.notices.show_notice("error", error.message)
        step, _, field = (error.field or "").partition(":")
        if step in self.steps and step != self.current():
            self._change(step, field)

    # Events

    def hideEvent(self, event: QHideEvent) -> None:
        """Keep what is typed when the person goes to another page."""
        self.keeper.keep()
        super().hideEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold the rail in narrow windows."""
        super().resizeEvent(event)
        self.rail.set_narrow(self.width() < px(NARROW_BELOW))
        self.rail.set_short(self.height() < px(SHORT_BELOW))
