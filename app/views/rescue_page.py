"""Shown instead of the unlock page when a database is damaged: it is rebuilt, and then told what came from where."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.views.first_run_download import Gate
from app.views.kit.buttons import QuietButton
from app.views.kit.feedback import ProgressPanel
from app.views.kit.text import Text
from app.views.recovery.steps import StepsPage, StepWords
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.rescue.report import RebuildReport
    from app.services.vault import Unlocked
    from app.views.opening import Opened
    from app.views.task_runner import TaskRunner

REBUILDING, FETCHING, REPORT, FAILED = range(4)
WHY = (
    "A part of this laptop's records cannot be read. It is set aside, not deleted, and made again from everything else "
    "there is: the damaged file itself, backups, the lifeboat and the central store. Leave the laptop on. If it stops "
    "all the same, unlock again and it goes on."
)
FETCHING_WORDS = "The records on this laptop are whole again. What is newer in the central store is being fetched."
REPORT_WORDS = "This report stays on the Sync centre page."
FAILED_WORDS = "Nothing was deleted. What was saved is kept."


class RescuePage(StepsPage):
    """The page.

    Signals:
        said: what is being done, from whatever thread does it.
        again: Try again was pressed.
        opening: Open Rollcall was pressed.
        left: the person went back to the unlock page.
        enough: the person does not wait for the central store.
    """

    said = Signal(str)
    again = Signal()
    opening = Signal()
    left = Signal()
    enough = Signal()
    width_at_100 = 560
    lead: "Rescue | None" = None
    """Who leads through it; kept alive by the page."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("rescue_page", parent)
        self.rebuilding, self.fetching = ProgressPanel("Reading the vault"), ProgressPanel("Connecting")
        self.not_now = QuietButton("Open now, fetch the rest later", "arrow-right")
        self.not_now.setObjectName("not_now")
        self.not_now.clicked.connect(self._stop_waiting)
        self.report = QWidget()
        self.report.setObjectName("rescue_report")
        self._column = QVBoxLayout(self.report)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(px(4))
        self.add_step(StepWords("Rebuilding the vault", WHY, verb="", back=False, place=""), (self.rebuilding,))
        self.add_step(
            StepWords("Rebuilding the vault", FETCHING_WORDS, verb="", back=False, place=""),
            (self.fetching, self.not_now),
        )
        self.add_step(
            StepWords("The vault is rebuilt", REPORT_WORDS, verb="Open Rollcall", back=False, place=""), (self.report,)
        )
        self.add_step(StepWords("The vault could not be rebuilt yet", FAILED_WORDS, verb="Try again", place=""))
        self.said.connect(self._say)
        self.show_step(REBUILDING)
        self.start_theming()

    def show_fetching(self) -> None:
        """Show that the central store is asked for the rest."""
        self.not_now.setEnabled(True)
        self.show_step(FETCHING)

    def show_report(self, report: "RebuildReport") -> None:
        """Show what came from where."""
        while (item := self._column.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for heading, lines in report.sections():
            self._column.addWidget(Text(heading, "card", weight="strong", wrap=True))
            for line in lines:
                self._column.addWidget(Text(line, "body", wrap=True, selectable=True))
            self._column.addSpacing(px(8))
        self.show_step(REPORT)
        if report.enrol_again:
            self.next.hide()
            self.title.setText("This laptop has to be enrolled again")
            self.set_words("Its identity was in the files that were lost. IT enrols it with: rollcall sync enrol.")

    def show_failure(self, message: str) -> None:
        """Show why it did not come to an end."""
        self.show_step(FAILED)
        self.say(message)

    def start_of(self, step: int) -> QWidget:
        """Return what gets the focus."""
        return self.not_now if step == FETCHING else self.next

    def go_on(self) -> None:
        """Open Rollcall, or try again."""
        if self.step() == REPORT:
            self.next.setEnabled(False)
            self.opening.emit()
        elif self.step() == FAILED:
            self.show_step(REBUILDING)
            self.again.emit()

    def go_back(self) -> None:
        """Go back to the unlock page."""
        self.left.emit()

    def _stop_waiting(self) -> None:
        self.not_now.setEnabled(False)
        self.enough.emit()

    def _say(self, words: str) -> None:
        panel = self.fetching if self.step() == FETCHING else self.rebuilding
        panel.label.setText(words)


class Rescue:
    """Leads through a rebuild and opens the vault at its end.

    Args:
        unlocked: the keys; the databases did not open.
        runner: runs the work.
        opened: takes the opened vault.
        left: the person went back to the passphrase.
    """

    def __init__(
        self,
        unlocked: "Unlocked",
        runner: "TaskRunner",
        opened: "Callable[[Opened], object]",
        left: Callable[[], object],
    ) -> None:
        self.page = RescuePage()
        self.page.lead = self
        self._unlocked, self._runner, self._opened = unlocked, runner, opened
        self._gate = Gate()
        self.page.again.connect(self.start)
        self.page.opening.connect(self._open)
        self.page.left.connect(left)
        self.page.enough.connect(self._gate.end)

    def start(self) -> None:
        """Rebuild what is damaged."""
        unlocked, say = self._unlocked, self.page.said.emit

        def work() -> "RebuildReport":
            from app.services import safekeeping
            from app.services.rescue.rebuild import rebuild
            from app.settings import Settings

            return rebuild(unlocked, second=safekeeping.second_folder(Settings()), progress=say)

        self._runner.run(self.page, work, self._rebuilt, self._failed, lane="database")

    def _rebuilt(self, report: "RebuildReport") -> None:
        if report.enrol_again:
            self.page.show_report(report)
            return
        self.page.show_fetching()
        unlocked, gate, say = self._unlocked, self._gate, self.page.said.emit

        def fetch() -> "RebuildReport":
            from app.services.rescue.central import fetch_rest_into

            def tell(words: str) -> None:
                say(words)
                gate.hold()

            return fetch_rest_into(unlocked, report, tell)

        self._runner.run(self.page, fetch, self.page.show_report, self._failed, lane="network")

    def _open(self) -> None:
        from app.views import opening

        unlocked = self._unlocked
        self._runner.run(
            self.page, lambda: opening.open_unlocked(unlocked), self._opened, self._failed, lane="database"
        )

    def _failed(self, error: Exception) -> None:
        from app.views.errors_shown import describe

        self.page.show_failure(describe(error).text)
