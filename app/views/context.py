"""What every page is handed: the workspace, the runner, the way to other pages, and how to speak to the person."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from app.settings import Settings
from app.views.prompts import Prompts
from app.views.task_runner import TaskRunner

if TYPE_CHECKING:
    from app.services.backup.keeper import Keeper
    from app.services.sync.status import SyncSource
    from app.services.vault import Vault
    from app.services.workspace import Workspace


class AppContext(QObject):
    """One opened window's collaborators.

    Attributes:
        ws: the workspace; every service takes it first.
        runner: runs work off the window's thread.
        sync: background sync, or ``NoSync``.
        prompts: file and confirmation dialogs; a stand-in in tests.
        settings: of this laptop.
        vault: the opened vault, for pages about the laptop itself; None where a page is shown without one.
        backups: what makes and tries the vault's backups in the background; None likewise.

    Signals:
        records_changed: names of the tables a commit (of this window or of sync) touched, on the window's thread.
        flush_drafts: pages save what is being typed, at once and synchronously (before locking).
        navigation_asked: (route, arguments).
        toast_asked: (words, undo or None).
        error_reported: an exception that a page could not place beside a field.
        counts_changed: a page knows that a rail badge may be different.
        appearance_changed: theme, text size or lock time were changed in the settings.
        restore_asked: a backup, by name, is to be put back; the pages close for it.
        rotation_asked: the encryption keys are to be changed, with this passphrase; the pages close for it.
    """

    records_changed = Signal(object)
    flush_drafts = Signal()
    navigation_asked = Signal(str, object)
    toast_asked = Signal(str, object)
    error_reported = Signal(object)
    counts_changed = Signal()
    appearance_changed = Signal()
    restore_asked = Signal(str)
    rotation_asked = Signal(str)

    def __init__(
        self,
        ws: "Workspace",
        runner: TaskRunner,
        sync: "SyncSource",
        prompts: Prompts | None = None,
        *,
        settings: Settings | None = None,
        vault: "Vault | None" = None,
        backups: "Keeper | None" = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.ws, self.runner, self.sync, self.vault = ws, runner, sync, vault
        self.backups = backups
        self.prompts = prompts or Prompts()
        self.settings = settings or Settings()
        runner.on_unexpected = self.report_error
        ws.on_change(self.records_changed.emit)

    def navigate(self, route: str, **arguments: Any) -> None:
        """Go to a page: ``navigate("case", case_id=..., tab="letters")``."""
        self.navigation_asked.emit(route, arguments)

    def toast(self, text: str, undo: Callable[[], object] | None = None) -> None:
        """Say that the person's own action is done, with Undo when it can be."""
        self.toast_asked.emit(text, undo)

    def report_error(self, error: Exception) -> None:
        """Show an error in the calm banner over the page; nothing typed is lost."""
        self.error_reported.emit(error)
