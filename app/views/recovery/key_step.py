"""A new recovery key, shown once, with the ways to get it on paper."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.views.kit.announce import announce
from app.views.kit.buttons import QuietButton
from app.views.kit.feedback import Banner
from app.views.kit.text import Text
from app.views.prompts import Prompts
from app.views.recovery import sheet_work
from app.views.recovery.key_shown import KeyShown
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.vault.recovery_key import RecoveryKey
    from app.views.letters.printing import Sheets
    from app.views.task_runner import TaskRunner

T = TypeVar("T")

KEEP = "Keep it locked away, apart from the laptop. Do not photograph it. It is not shown again."
SAVED = "Saved. Keep the file locked away, apart from the laptop."
ON_LAPTOP = (
    "Saved, but on the laptop itself: whoever takes the laptop then has the key too. Print it, or move it to a USB "
    "stick that you lock away. Then delete it here."
)
SENT = "Sent to the printer. Fetch the sheet now, before you go on."
NO_PRINTER = "No printer was found. Save the sheet, or copy the seven groups by hand. The key is not shown again."
NOT_PRINTED = "Sheet not printed. Choose another printer, save it, or copy the seven groups by hand."


class KeyStep(QWidget):
    """The key, Print and Save; Enter on the key goes on.

    Args:
        runner: draws the sheet off the window's thread; None leaves Print and Save out of use.
        folder: of the vault.
        laptop: its name, for the sheet.
        prompts: asks where to save.
    """

    def __init__(
        self,
        runner: "TaskRunner | None",
        folder: Path,
        laptop: str,
        prompts: Prompts | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._runner, self._folder, self._laptop = runner, folder, laptop
        self._prompts = prompts or Prompts()
        self._key: RecoveryKey | None = None
        self.shown = KeyShown()
        self.print = QuietButton("Print the sheet", "printer")
        self.print.setObjectName("print_sheet")
        self.save = QuietButton("Save as PDF", "download")
        self.save.setObjectName("save_sheet")
        self.told = Banner("info", "")
        self.told.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(12))
        column.addWidget(self.shown)
        row = QHBoxLayout()
        row.setSpacing(px(8))
        row.addWidget(self.print)
        row.addWidget(self.save)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(Text(KEEP, "secondary", ink="ink2", wrap=True))
        column.addWidget(self.told)
        self.print.clicked.connect(self._print)
        self.save.clicked.connect(self._ask_where)
        self.setFocusProxy(self.shown)

    @property
    def key(self) -> "RecoveryKey":
        """The key, made when first wanted; it is nobody's until a vault takes it."""
        if self._key is None:
            self._key = sheet_work.new_key()
        return self._key

    def show_key(self) -> None:
        """Show the key."""
        self.shown.show_key(self.key.groups)

    def forget(self) -> None:
        """Forget the key."""
        self._key = None
        self.shown.show_key(())
        self.told.hide()

    def _print(self) -> None:
        from app.views.letters.printing import has_printer

        if not has_printer():
            self._tell(NO_PRINTER)
            return
        key, laptop = self.key, self._laptop
        self._start(lambda: sheet_work.sheet_to_print(key, laptop), self._print_sheet)

    def _print_sheet(self, sheets: "Sheets") -> None:
        from app.views.letters.printing import ask_and_print

        self._done()
        self.told.hide()
        ask_and_print(self, sheets, "Rollcall recovery sheet", lambda _words: self._tell(NOT_PRINTED))

    def _ask_where(self) -> None:
        from app.services.recovery_sheet import FILE_NAME

        self._prompts.save_file(self, "Save the recovery sheet", FILE_NAME, "PDF (*.pdf)", self._save)

    def _save(self, path: Path) -> None:
        key, laptop, folder = self.key, self._laptop, self._folder
        self._start(
            lambda: sheet_work.save_sheet(key, laptop, path, folder),
            lambda on_laptop: self._saved(on_laptop=on_laptop),
        )

    def _saved(self, *, on_laptop: bool) -> None:
        self._done()
        self._tell(ON_LAPTOP if on_laptop else SAVED)

    def _start(self, work: Callable[[], T], done: Callable[[T], object]) -> None:
        if self._runner is None:
            return
        for button in (self.print, self.save):
            button.setEnabled(False)
        self._runner.run(self, work, done, self._failed, lane="cpu")

    def _failed(self, error: Exception) -> None:
        from app.views.errors_shown import describe

        self._done()
        self._tell(describe(error).text)

    def _done(self) -> None:
        for button in (self.print, self.save):
            button.setEnabled(True)
        self.print.setFocus(Qt.FocusReason.OtherFocusReason)

    def _tell(self, text: str) -> None:
        self.told.set_text(text)
        self.told.show()
        announce(self.told, text)
