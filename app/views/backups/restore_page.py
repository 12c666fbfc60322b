"""Shown while a backup is put back; the vault is closed meanwhile and opens again by itself."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.views.kit.feedback import ProgressPanel
from app.views.recovery.steps import StepsPage, StepWords

if TYPE_CHECKING:
    from app.services.restoring import Restored
    from app.services.vault import Unlocked
    from app.views.context import AppContext
    from app.views.frame import Frame
    from app.views.opening import Opened

WORDS = (
    "What is there now is set aside, never deleted, and what was recorded after the backup is written again. Leave the "
    "laptop on. If it stops all the same, it goes on when you unlock."
)
PERCENT = 100


class RestorePage(StepsPage):
    """The page.

    Signals:
        counted: (done, total) bytes, from whatever thread does the work.
    """

    counted = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("restore_page", parent)
        self.progress = ProgressPanel("Copying the backup")
        self.add_step(StepWords("Restoring a backup", WORDS, verb="", back=False, place=""), (self.progress,))
        self.counted.connect(self._count)
        self.show_step(0)
        self.start_theming()

    def go_on(self) -> None:
        """Nothing to go on to: it ends by itself."""

    def _count(self, done: float, total: float) -> None:
        # In per cent: Qt's bar counts to two thousand million, and a vault may hold more bytes.
        self.progress.set_progress(int(done * PERCENT / total) if total else 0, PERCENT if done < total else 0)
        self.progress.count.setText("" if done >= total else f"{int(done * PERCENT / total)} %")


def offer_restoring(frame: "Frame", opened: "Opened", context: "AppContext") -> None:
    """Let the pages of an opened vault ask that a backup be put back.

    Args:
        frame: closes the vault and its pages, and opens them again.
        opened: the vault.
        context: of its pages.
    """

    def start(name: str) -> None:
        from app.services.vault import Unlocked

        vault = opened.vault
        unlocked = Unlocked(vault.folder, vault.keys, vault.file, vault.time)

        def begin(open_again: "Callable[[Opened], object]", failed: Callable[[Exception], object]) -> RestorePage:
            page = RestorePage()
            # In the lane of writes, behind the closing.
            frame.runner.run(page, lambda: _restore(unlocked, name, page.counted.emit), open_again, failed)
            return page

        frame.while_closed(begin)

    context.restore_asked.connect(start)


def _restore(unlocked: "Unlocked", name: str, counted: Callable[[float, float], object]) -> "Opened":
    from app.services import restoring
    from app.services.backup.listing import backups_folder
    from app.views import opening

    backup: Path = backups_folder(unlocked.folder) / name
    done = restoring.restore(unlocked, backup, progress=lambda read, total: counted(float(read), float(total)))
    opened = opening.open_unlocked(unlocked)
    opened.welcome = words_of(done)
    return opened


def words_of(done: "Restored") -> str:
    """Return what is said once a backup is back."""
    parts = ["The backup is back."]
    if done.replayed:
        changes = "1 change" if done.replayed == 1 else f"{done.replayed} changes"
        parts.append(f"{changes} made after it {'was' if done.replayed == 1 else 'were'} written again.")
    if done.set_aside:
        parts.append("What was there is set aside.")
    if done.awaiting:
        parts.append("The next sync brings what the central store has.")
    return " ".join(parts)
