"""Signing in, wherever it is asked for: with the browser at the organisation's sign-in, or with a local account.

The panel asks the central store which way it is, and shows that one. It never waits for anything itself: the browser is
waited for on a thread, and Cancel, leaving the page or locking the window ends that wait.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.errors import RollcallError, UserError
from app.views import clipboard
from app.views.kit.buttons import PrimaryButton, QuietButton
from app.views.kit.feedback import Banner, ProgressPanel
from app.views.kit.text import Link, Text
from app.views.sign_in.account_form import AccountForm
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.sign_in.browser import BrowserSignIn
    from app.services.sign_in.sessions import SignInWay
    from app.services.sign_in.ways_in import WayIn
    from app.services.workspace import Workspace
    from app.views.task_runner import TaskRunner

BROWSER_WORDS = "Rollcall opens your browser. Come back here afterwards."
WAITING_WORDS = "Waiting for your browser. Sign in there, then come back here."
NOT_OPENED = "Your browser did not open. Copy the address and open it yourself."


def open_address(address: str) -> bool:
    """Open an address in the person's own browser; return whether the system took it."""
    return QDesktopServices.openUrl(QUrl(address))


class _Wait:
    """The sign-in that waits for the browser, if one does; outlives the panel long enough to be cancelled."""

    def __init__(self) -> None:
        self.asked: BrowserSignIn | None = None

    def cancel(self, *_: object) -> None:
        """End the wait."""
        if self.asked is not None:
            self.asked.cancel()


class SignInPanel(QWidget):
    """Signs a person in.

    Signals:
        signed_in: somebody is: a ``SignInState``, or what else the way in gives.
    """

    signed_in = Signal(object)

    def __init__(
        self,
        ws: "Workspace | None",
        runner: "TaskRunner",
        *,
        way_in: "WayIn | None" = None,
        open_browser: Callable[[str], bool] = open_address,
        parent: QWidget | None = None,
    ) -> None:
        """Prepare; :meth:`start` asks the central store.

        Args:
            ws: the vault; None with a way in of its own.
            runner: does what waits for the network.
            way_in: where to sign in instead of the vault's central store.
            open_browser: opens an address.
            parent: the page.
        """
        super().__init__(parent)
        self.setObjectName("sign_in_panel")
        self._ws, self._runner, self._open_browser, self._given = ws, runner, open_browser, way_in
        self._wait = _Wait()
        self._address = ""
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(px(12))
        self.words = Text("", "body", wrap=True)
        self.trouble = Banner("warn", "")
        self.trouble.setObjectName("sign_in_trouble")
        self.clock = Banner("warn", "")
        self.clock.setObjectName("sign_in_clock")
        self.progress = ProgressPanel("", cancellable=True)
        self.progress.cancelled.connect(self.cancel)
        self.browser_button = PrimaryButton("Sign in with your browser", "log-in")
        self.browser_button.setObjectName("sign_in_with_browser")
        self.browser_button.clicked.connect(self.begin)
        self.again_button = QuietButton("Try again", "rotate-ccw")
        self.again_button.setObjectName("sign_in_again")
        self.again_button.clicked.connect(self.start)
        self.copy_link = Link("Copy the address instead")
        self.copy_link.setObjectName("copy_sign_in_address")
        self.copy_link.activated.connect(self._copy_address)
        self.form = AccountForm()
        self.form.entered.connect(self._enter)
        self._lay_out()
        self._show_only()
        self.destroyed.connect(self._wait.cancel)

    def _lay_out(self) -> None:
        for widget in (self.trouble, self.clock, self.words, self.form, self.progress):
            self._column.addWidget(widget)
        self._column.addWidget(self.copy_link, 0, Qt.AlignmentFlag.AlignLeft)
        row = QHBoxLayout()
        row.addWidget(self.browser_button)
        row.addWidget(self.again_button)
        row.addStretch(1)
        self._column.addLayout(row)

    def _show_only(self, *shown: QWidget) -> None:
        for widget in (
            self.words,
            self.form,
            self.progress,
            self.copy_link,
            self.browser_button,
            self.again_button,
        ):
            widget.setVisible(widget in shown)
        for banner in (self.trouble, self.clock):
            banner.setVisible(bool(banner.label.text()))

    # -- which way -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Ask the central store how people sign in, and show that."""
        way_in = self._way_in()
        self.trouble.set_text("")
        self.progress.set_progress(0, 0, "Asking the central store how you sign in")
        self._show_only(self.progress)
        self._runner.run(self, way_in.way, self._show_way, self._no_way, lane="network")

    def _show_way(self, found: "SignInWay") -> None:
        self.clock.set_text(found.clock)
        if found.way == "provider":
            with_name = f"with {found.provider_name}" if found.provider_name else "with your organisation"
            self.words.setText(f"Sign in {with_name}. {BROWSER_WORDS}")
            self._show_only(self.words, self.browser_button)
            self.browser_button.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self._show_only(self.form)
            self.form.start()

    def _no_way(self, error: Exception) -> None:
        self._say(error)
        self._show_only(self.again_button)

    # -- with the browser ----------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Prepare the sign-in and open the browser."""
        way_in = self._way_in()
        self.trouble.set_text("")
        self.progress.set_progress(0, 0, "Preparing your sign-in")
        self._show_only(self.progress)
        self._runner.run(self, way_in.begin, self._wait_for, self._failed, lane="network")

    def _wait_for(self, asked: "BrowserSignIn") -> None:
        way_in, self._wait.asked, self._address = self._way_in(), asked, asked.address
        self.clock.set_text(asked.clock)
        opened = self._open_browser(asked.address)
        self.trouble.set_text("" if opened else NOT_OPENED)
        self.progress.set_progress(0, 0, WAITING_WORDS)
        self._show_only(self.progress, self.copy_link)
        self._runner.run(self, lambda: way_in.finish(asked), self._finished, self._failed, lane="network")

    def cancel(self) -> None:
        """End the wait for the browser."""
        if self._wait.asked is None:
            self.start()
        self._wait.cancel()

    def stop(self) -> None:
        """End any wait, where the panel goes away."""
        self._wait.cancel()

    def _copy_address(self) -> None:
        clipboard.copy(self._address)
        self.copy_link.setText("Copied. Open it in your browser")

    # -- with an account -----------------------------------------------------------------------------------------

    def _enter(self, username: str, password: str, code: str) -> None:
        way_in = self._way_in()
        self.trouble.set_text("")
        self.form.set_busy(busy=True)
        self._show_only(self.form)
        self._runner.run(
            self,
            lambda: way_in.with_account(username, password, code),
            self._finished,
            self._not_entered,
            lane="network",
        )

    def _not_entered(self, error: Exception) -> None:
        self.form.set_busy(busy=False)
        if isinstance(error, UserError):
            self.form.refuse(error.message, error.field or "password")
        else:
            self._say(error)
            self._show_only(self.form)

    # -- how it ended --------------------------------------------------------------------------------------------

    def _way_in(self) -> "WayIn":
        if self._given is None:
            from app.services.sign_in.ways_in import OnThisLaptop

            assert self._ws is not None
            self._given = OnThisLaptop(self._ws)
        return self._given

    def _finished(self, given: object) -> None:
        self._wait.asked = None
        self.form.forget()
        self._show_only()
        self.signed_in.emit(given)

    def _failed(self, error: Exception) -> None:
        self._wait.asked = None
        self._say(error)
        self.copy_link.setText("Copy the address instead")
        self._show_only(self.words, self.browser_button)
        self.browser_button.setFocus(Qt.FocusReason.OtherFocusReason)

    def _say(self, error: Exception) -> None:
        if not isinstance(error, RollcallError):
            self.trouble.set_text("Signing in met an error. Your work is kept. Try again.")
            self._runner.on_unexpected(error)
            return
        self.trouble.set_text(error.message)
