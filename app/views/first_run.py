"""Runs the first start: makes the vault, enrols it, and fills it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.errors import UserError
from app.views import opening
from app.views.errors_shown import describe
from app.views.first_run_page import FirstRunPage
from app.views.task_runner import TaskRunner

if TYPE_CHECKING:
    from app.views.opening import Opened


class FirstRun(QObject):
    """Joins the page to the work behind it.

    Args:
        page: the page.
        folder: where the vault will be.
        runner: runs the work.
        opened: takes the opened vault.
    """

    _counted = Signal(int, int, str)

    def __init__(
        self, page: FirstRunPage, folder: Path, runner: TaskRunner, opened: Callable[["Opened"], object]
    ) -> None:
        super().__init__(page)
        self._page, self._folder, self._runner, self._opened = page, folder, runner, opened
        page.enrol_asked.connect(self._enrol)
        self._counted.connect(page.show_progress)

    def _enrol(self, server: str, code: str, passphrase: str) -> None:
        folder, counted = self._folder, self._counted.emit
        self._runner.run(
            self._page,
            lambda: opening.enrol(folder, server, code, passphrase, counted),
            self._opened,
            self._refused,
            lane="cpu",
        )

    def _refused(self, error: Exception) -> None:
        if isinstance(error, UserError):
            self._page.show_refusal(error.message, error.field)
        else:
            self._page.show_refusal(describe(error).text)
