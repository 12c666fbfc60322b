"""Shown after the passphrase when a laptop was away from its central store for too long: connect and sign in first.

Nothing of the vault is shown before that; its records and what was not sent are kept.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.views.kit.feedback import ProgressPanel
from app.views.recovery.steps import StepsPage, StepWords
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.offline_gate import Shut
    from app.services.vault import Unlocked, Vault
    from app.services.workspace import Workspace
    from app.views.opening import Opened
    from app.views.task_runner import TaskRunner

CONNECT, CONNECTING, SIGN_IN, OPENING = range(4)
TITLE = "Connect to open Rollcall"
SIGN_IN_WORDS = "This laptop has reached the central store. Sign in, so that it knows who opens it."
NO_NETWORK = "{message} It stays shut until this laptop has a connection. Nothing was deleted."


class AwayPage(StepsPage):
    """The page.

    Signals:
        connecting: Connect was pressed.
        left: the person went back to the unlock page.
    """

    connecting = Signal()
    left = Signal()
    width_at_100 = 520
    lead: "Away | None" = None
    """Who leads through it; kept alive by the page."""

    def __init__(self, why: str, parent: QWidget | None = None) -> None:
        super().__init__("away_page", parent)
        self.busy, self.opening = ProgressPanel("Connecting to the central store"), ProgressPanel("Opening your cases")
        self.place_of_panel = QWidget()
        self._column = QVBoxLayout(self.place_of_panel)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(px(8))
        self.add_step(StepWords(TITLE, why, verb="Connect", place=""))
        self.add_step(StepWords(TITLE, why, verb="", back=False, place=""), (self.busy,))
        self.add_step(StepWords("Sign in to open Rollcall", SIGN_IN_WORDS, verb="", place=""), (self.place_of_panel,))
        self.add_step(StepWords("Sign in to open Rollcall", "", verb="", back=False, place=""), (self.opening,))
        self.show_step(CONNECT)
        self.start_theming()

    def show_panel(self, panel: QWidget) -> None:
        """Show the sign-in."""
        self._column.addWidget(panel)
        self.show_step(SIGN_IN)

    def show_trouble(self, message: str) -> None:
        """Show why it stays shut, and let the person try again."""
        self.show_step(CONNECT)
        self.say(message)

    def go_on(self) -> None:
        """Connect."""
        if self.step() == CONNECT:
            self.show_step(CONNECTING)
            self.connecting.emit()

    def go_back(self) -> None:
        """Go back to the unlock page."""
        self.left.emit()


class Away:
    """Leads from a vault that was away too long to its opening.

    Args:
        unlocked: the keys.
        shut: why it stays shut.
        runner: runs the work.
        opened: takes the opened vault.
        left: the person went back to the passphrase.
        ended: takes the words when this laptop may not be used any more.
    """

    def __init__(
        self,
        unlocked: "Unlocked",
        shut: "Shut",
        runner: "TaskRunner",
        opened: Callable[["Opened"], object],
        left: Callable[[], object],
        ended: Callable[[str], object],
    ) -> None:
        self._unlocked, self._runner, self._then, self._leave = unlocked, runner, opened, left
        self._ended = ended
        self._vault: Vault | None = None
        self._ws: Workspace | None = None
        self.page = AwayPage(shut.words)
        self.page.lead = self
        self.page.connecting.connect(self._connect)
        self.page.left.connect(self._go)

    def _connect(self) -> None:
        # A vault that an earlier try opened is handed over: where this try fails, it is closed there.
        unlocked, held, self._vault = self._unlocked, self._vault, None

        def reach() -> tuple["Vault", "Workspace"]:
            from app.views.away_work import reach

            return reach(unlocked, held)

        self._runner.run(self.page, reach, self._reached, self._failed, lane="database")

    def _reached(self, found: tuple["Vault", "Workspace"]) -> None:
        from app.views.sign_in.panel import SignInPanel

        self._vault, self._ws = found
        panel = SignInPanel(self._ws, self._runner)
        panel.signed_in.connect(self._signed_in)
        self.page.show_panel(panel)
        panel.start()

    def _signed_in(self, _state: object) -> None:
        vault, ws = self._vault, self._ws
        if vault is None or ws is None:
            return
        self.page.show_step(OPENING)

        def let_in() -> "Opened":
            from app.views.away_work import let_in

            return let_in(vault, ws)

        self._runner.run(self.page, let_in, self._open, self._failed, lane="database")

    def _open(self, opened: "Opened") -> None:
        self._vault = self._ws = None  # the window has them now
        self._then(opened)

    def _failed(self, error: Exception) -> None:
        from app.views.away_work import LaptopEnded
        from app.views.errors_shown import describe

        if isinstance(error, LaptopEnded):
            self._vault = self._ws = None
            self._ended(error.message)
        else:
            self.page.show_trouble(NO_NETWORK.format(message=describe(error).text))

    def _go(self) -> None:
        vault, self._vault, self._ws = self._vault, None, None
        if vault is not None:
            self._runner.run(self.page, vault.close, lambda _none: None, lambda _error: None, lane="database")
        self._leave()
