"""What can be done to a case as a whole, and what its page must say before anything else."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, QPoint, QTimer
from PySide6.QtWidgets import QMenu, QWidget

from app.services import tasks
from app.timesource import format_time
from app.views.case import access_forms, case_forms
from app.views.case.inline_form import InlineForm
from app.views.kit.feedback import Banner
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.case_views import CaseView
    from app.services.tasks import NextItem
    from app.views.context import AppContext

MOST_BANNERS = 3


class ShowsCase(Protocol):
    """What the actions need of the page."""

    @property
    def view(self) -> "CaseView | None":
        """The case shown."""
        ...

    def show_form(self, form: InlineForm) -> None:
        """Show a form over the tabs."""
        ...

    def choose_tab(self, key: str) -> None:
        """Show a tab."""
        ...

    def read_again(self) -> None:
        """Show what has changed."""
        ...


class CaseActions(QObject):
    """Opens the forms of a case and does what needs no form."""

    def __init__(self, context: "AppContext", page: ShowsCase) -> None:
        super().__init__(page if isinstance(page, QObject) else None)
        self._context, self._page = context, page
        self._ends = QTimer(self)
        self._ends.setSingleShot(True)
        self._ends.timeout.connect(page.read_again)

    def watch(self, view: "CaseView") -> None:
        """Have the page read again at the moment an emergency ends, so that nothing stays on the screen."""
        self._ends.stop()
        if view.emergency_until is not None:
            left = (view.emergency_until - self._context.ws.time.now()).total_seconds()
            self._ends.start(max(0, int(left * 1000)) + 1000)

    def _case_id(self) -> str:
        return self._page.view.identity.case_id if self._page.view else ""

    def review(self) -> None:
        """Go to the page where two values of one field are decided."""
        self._context.navigate("conflicts", case_id=self._case_id())

    def write_letter(self) -> None:
        """Go to the letter composer."""
        self._context.navigate("letter", case_id=self._case_id())

    def book_visit(self) -> None:
        """Ask for the day of a visit; the place is the child's address."""
        houses = self._page.view.households if self._page.view else ()
        place = next((house.address.text for house in houses if house.address and not house.earlier), "")
        self._page.show_form(case_forms.visit_form(self._context, self._case_id(), place))

    def add_task(self) -> None:
        """Ask for a task."""
        self._page.show_form(case_forms.task_form(self._context, self._case_id()))

    def start_clock(self) -> None:
        """Ask which clock, and when it was triggered."""
        self._page.show_form(case_forms.clock_form(self._context, self._case_id()))

    def stop_clock(self, item: "NextItem") -> None:
        """Ask why a clock stops."""
        self._page.show_form(case_forms.stop_form(self._context, item))

    def change_stage(self) -> None:
        """Ask for the new stage and why."""
        if self._page.view is not None:
            identity = self._page.view.identity
            self._page.show_form(case_forms.stage_form(self._context, identity.case_id, identity.stage))

    def close_case(self) -> None:
        """Ask how the case ended."""
        self._page.show_form(case_forms.close_form(self._context, self._case_id()))

    def reopen(self) -> None:
        """Ask why the case is opened again."""
        self._page.show_form(case_forms.reopen_form(self._context, self._case_id()))

    def restrict(self) -> None:
        """Ask why the case is restricted, or show who is on its list."""
        view = self._page.view
        if view is None:
            return
        if view.restricted:
            self._page.show_form(access_forms.AccessPanel(self._context, self._case_id(), self._page.read_again))
        else:
            self._page.show_form(access_forms.restrict_form(self._context, self._case_id()))

    def declare_interest(self) -> None:
        """Ask to declare a conflict of interest; then the case is gone from this person's sight."""
        form = access_forms.interest_form(self._context, self._case_id())
        form.done.connect(lambda _id: self._leave())
        self._page.show_form(form)

    def _leave(self) -> None:
        self._context.toast("Declared. This case is hidden from you, and a supervisor is told")
        self._context.navigate("cases")

    def mark_done(self, item: "NextItem") -> None:
        """Tick a task off (with Undo) or record that a clock was met."""
        ws = self._context.ws
        said = f"{item.what}: done"
        if item.kind == "clock":
            self._run(lambda: tasks.meet_clock(ws, item.id), said)
            return

        def undo() -> None:
            self._run(lambda: tasks.set_task_done(ws, item.id, done=False), "")

        self._run(lambda: tasks.set_task_done(ws, item.id), said, undo)

    def _run(self, work: Callable[[], None], said: str, undo: Callable[[], None] | None = None) -> None:
        def done(_none: object) -> None:
            if said:
                self._context.toast(said, undo)
            self._page.read_again()

        self._context.runner.run(self, work, done)

    def open_more(self, under: QWidget) -> None:
        """Show everything that can be done."""
        view = self._page.view
        if view is None:
            return
        menu = QMenu(under)
        if view.editable:
            for words, act in (
                ("Book visit", self.book_visit),
                ("Write letter", self.write_letter),
                ("Change stage", self.change_stage),
                ("Add a task", self.add_task),
                ("Start a clock", self.start_clock),
            ):
                menu.addAction(words).triggered.connect(act)
            if view.can_close:
                menu.addAction("Close case").triggered.connect(self.close_case)
        elif view.identity.closed_on and view.can_close:
            menu.addAction("Reopen case").triggered.connect(self.reopen)
        menu.addSeparator()
        if view.can_restrict:
            words = "Who may open this case" if view.restricted else "Restrict this case"
            menu.addAction(words).triggered.connect(self.restrict)
        if view.can_declare:
            menu.addAction("Declare a conflict of interest").triggered.connect(self.declare_interest)
        menu.addAction("History").triggered.connect(lambda: self._page.choose_tab("history"))
        menu.aboutToHide.connect(menu.deleteLater)
        corner = under.mapToGlobal(QPoint(under.width(), under.height() + px(2)))
        menu.popup(corner - QPoint(menu.sizeHint().width(), 0))


def case_banners(view: "CaseView", actions_of: CaseActions) -> list[Banner]:
    """Return what the page says over its tabs: who may open it, that it is read only, which fields have two values."""
    banners = []
    if view.emergency_until is not None:
        words = f"Open to you in an emergency until {format_time(view.emergency_until)}. A supervisor will review it."
        banners.append(Banner("warn", words))
    elif view.restricted:
        list_of = [("Who may open it", actions_of.restrict)] if view.can_restrict else []
        banners.append(Banner("read_only", "Restricted. Only people on its list may open this case.", list_of))
    if view.read_only_reason:
        actions = [("Reopen case", actions_of.reopen)] if view.identity.closed_on and view.can_close else []
        banners.append(Banner("info", view.read_only_reason, actions))
    review = [("Choose which to show", actions_of.review)]
    own = [each for each in view.conflicts if each.table in ("case", "child")][:MOST_BANNERS]
    for conflict in own:
        other = conflict.offered_by or "Somebody else"
        words = f"{conflict.field}: {conflict.kept} is shown. {other} entered {conflict.offered}. Both are kept."
        banners.append(Banner("conflict", words, review))
    rest = len(view.conflicts) - len(own)
    if rest:
        noun = "field has" if rest == 1 else "fields have"
        more = " more" if own else ""
        banners.append(Banner("conflict", f"{rest}{more} {noun} two values. Both are kept.", review))
    return banners
