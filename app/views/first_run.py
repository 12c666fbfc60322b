"""Runs the first start: looks at the code, makes the vault, enrols it, and fills it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import EnvironmentFault, UserError
from app.views import opening
from app.views.errors_shown import describe
from app.views.first_run_download import Gate
from app.views.first_run_page import DOWNLOAD, ENROL, Chosen, FirstRunPage
from app.views.task_runner import TaskRunner

if TYPE_CHECKING:
    from app.services.sync.trust_protocol import CodeAnswer
    from app.services.vault.keyring_state import KeyringState
    from app.views.opening import Opened

TRY_AGAIN_MS = 5000


class FirstRun(QObject):
    """Joins the page to the work behind it.

    Args:
        page: the page.
        folder: where the vault will be.
        runner: runs the work.
        opened: takes the opened vault.

    Attributes:
        page: the page.
    """

    _counted = Signal(int, int, str)

    def __init__(
        self, page: FirstRunPage, folder: Path, runner: TaskRunner, opened: Callable[["Opened"], object]
    ) -> None:
        super().__init__(page)
        self.page = page
        self._folder, self._runner, self._opened = folder, runner, opened
        self._asked: tuple[str, str] = ("", "")
        self._chosen: Chosen | None = None
        self._gate = Gate()
        self._retry = QTimer(self)
        self._retry.setSingleShot(True)
        self._retry.setInterval(TRY_AGAIN_MS)
        self._retry.timeout.connect(self._try_again)
        page.code_given.connect(self._check)
        page.enrol_asked.connect(self._enrol)
        page.trying_again.connect(self._try_again)
        page.download.pause_asked.connect(lambda: self._gate.pause())
        page.download.resume_asked.connect(lambda: self._gate.resume())
        page.download.start_asked.connect(lambda: self._gate.end())
        self._counted.connect(page.show_progress)
        runner.run(self, _keyring, self._show_keyring, lambda _error: None, lane="cpu")

    def stop(self) -> None:
        """Let nothing wait any longer: the window closes."""
        self._retry.stop()
        self._gate.end()

    # The code

    def _check(self, server: str, code: str) -> None:
        self._asked = (server, code)
        self.page.show_asking()
        self._runner.run(
            self, lambda: opening.check_code(server, code), self._accept, self._code_refused, lane="network"
        )

    def _accept(self, answer: "CodeAnswer") -> None:
        if self.page.step() == ENROL:
            self.page.accept_code(answer.user_name, answer.authority_name)

    def _code_refused(self, error: Exception) -> None:
        if self.page.step() == ENROL:
            self._refused(error)

    def _try_again(self) -> None:
        self._retry.stop()
        if not self.page.is_waiting():
            return
        if self.page.step() == ENROL:
            self._check(*self._asked)
        elif self.page.step() == DOWNLOAD and self._chosen is not None:
            self.page.show_download()
            self._enrol(self._chosen)

    # The vault

    def _enrol(self, chosen: Chosen) -> None:
        folder, counted = self._folder, self._counted.emit
        self._chosen, self._gate = chosen, Gate()
        gate = self._gate
        self._runner.run(
            self, lambda: opening.enrol(folder, chosen, counted, gate), self._finish, self._refused, lane="cpu"
        )

    def _finish(self, opened: "Opened") -> None:
        self._chosen = None
        self.page.forget_secrets()
        self._opened(opened)

    def _refused(self, error: Exception) -> None:
        if isinstance(error, UserError):
            self._chosen = None
            self.page.show_refusal(error.message, error.field)
        elif isinstance(error, EnvironmentFault):
            from app.services.sync.faults import CentralUnreachable

            offline = isinstance(error, CentralUnreachable)
            self.page.wait(error.message, by_itself=offline)
            if offline:
                self._retry.start()
        else:
            self.page.show_refusal(describe(error).text)

    def _show_keyring(self, state: "KeyringState") -> None:
        self.page.set_keyring(state.words, alone=state.keyring is None)


def _keyring() -> "KeyringState":
    from app.services.vault.keyring_state import keyring_state

    return keyring_state()
