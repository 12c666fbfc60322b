"""Shown where a vault was: this laptop may not be used any more, and what it had not sent is with the team."""

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.views.recovery.steps import StepsPage, StepWords

TITLE = "This laptop is no longer used for Rollcall"
AGAIN = "To use Rollcall here again, ask your administrator for a new code."


class EndedPage(StepsPage):
    """The page.

    Signals:
        again: the laptop is to be set up anew.
    """

    again = Signal()
    width_at_100 = 520

    def __init__(self, words: str, parent: QWidget | None = None) -> None:
        super().__init__("ended_page", parent)
        whole = f"{words} {AGAIN}"
        self.add_step(StepWords(TITLE, whole, verb="Set up with a new code", back=False, place=""))
        self.show_step(0)
        self.start_theming()

    def go_on(self) -> None:
        """Set the laptop up anew."""
        self.next.setEnabled(False)
        self.again.emit()


def ended_words(folder: Path) -> str:
    """Return what is said about a folder whose vault was ended, or an empty text; goes on with an ending cut off.

    Cheap where there is no mark: this is asked before the first paint.
    """
    if not (folder / "ended.json").exists():
        return ""
    from app.services import safekeeping
    from app.services.sync.revocation import words_of
    from app.services.vault import ending

    mark = ending.ended(folder)
    if mark is None:
        return ""
    if not mark.done:
        ending.finish(folder, also=safekeeping.second_folders())
    return words_of(mark.handed_in)


def forget(folder: Path) -> None:
    """Remove the mark, so that the first run can begin."""
    from app.services.vault import ending

    ending.forget(folder)
