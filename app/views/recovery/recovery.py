"""Joins the recovery page to the work behind it."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.errors import EnvironmentFault, UserError
from app.views.prompts import Prompts
from app.views.recovery import recovery_work
from app.views.recovery.recovery_page import RecoveryPage

if TYPE_CHECKING:
    from app.services.vault import Unlocked
    from app.services.vault.keyring_state import KeyringState
    from app.services.vault.recovery_key import RecoveryKey
    from app.views.opening import Opened
    from app.views.task_runner import TaskRunner


class Recovery(QObject):
    """Leads through a recovery; it lives as long as its page.

    Args:
        folder: of the vault.
        laptop: its name.
        runner: runs the work.

    Signals:
        opened: takes the ``Opened``.
        left: the person went back to the passphrase.
        failed: why the databases did not open; the new ways in stand. The first run starts again when the vault had
            never been used.
    """

    opened = Signal(object)
    left = Signal()
    failed = Signal(object)
    _said = Signal(str)

    def __init__(self, folder: Path, laptop: str, runner: "TaskRunner", prompts: Prompts | None = None) -> None:
        self.page = RecoveryPage(runner, folder, laptop, prompts)
        super().__init__(self.page)
        self._folder, self._runner = folder, runner
        self._unlocked: Unlocked | None = None
        self.page.key_given.connect(self._try_key)
        self.page.file_given.connect(self._try_file)
        self.page.finish_asked.connect(self._finish)
        self.page.cancelled.connect(self._leave)
        self._said.connect(self.page.progress.label.setText)
        runner.run(self, recovery_work.keyring, self._show_keyring, lambda _error: None, lane="cpu")

    def _try_key(self, text: str) -> None:
        folder = self._folder
        self._run(lambda: recovery_work.by_key(folder, text))

    def _try_file(self, path: Path, code: str) -> None:
        folder = self._folder
        self._run(lambda: recovery_work.by_file(folder, path, code))

    def _run(self, work: "recovery_work.Unlocking") -> None:
        self._runner.run(self, work, self._accept, self._refused, lane="cpu")

    def _accept(self, unlocked: "Unlocked") -> None:
        self._unlocked = unlocked
        self.page.accept(key_was_used=unlocked.way == "recovery")

    def _finish(self, passphrase: str, recovery: "RecoveryKey | None") -> None:
        unlocked, said = self._unlocked, self._said.emit
        if unlocked is None:
            return
        self._runner.run(
            self,
            lambda: recovery_work.finish(unlocked, passphrase, recovery, said),
            self._finished,
            self._refused,
            lane="cpu",
        )

    def _finished(self, opened: "Opened") -> None:
        self._forget()
        self.opened.emit(opened)

    def _refused(self, error: Exception) -> None:
        from app.views.errors_shown import describe
        from app.views.opening import SetUpUnfinished

        if isinstance(error, SetUpUnfinished):
            self.failed.emit(error)
        elif isinstance(error, recovery_work.NotOpenedError):
            self._forget()
            self.failed.emit(error.reason)
        elif isinstance(error, UserError):
            self.page.refuse(error.message, error.field)
        elif isinstance(error, EnvironmentFault):
            self.page.refuse(error.message, None)
        else:
            self.page.refuse(describe(error).text, None)

    def _show_keyring(self, state: "KeyringState") -> None:
        self.page.set_keyring(state.words, alone=state.keyring is None)

    def _leave(self) -> None:
        self._forget()
        self.left.emit()

    def _forget(self) -> None:
        self._unlocked = None
        self.page.forget_secrets()
