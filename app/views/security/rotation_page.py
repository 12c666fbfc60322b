"""Shown while the encryption keys are changed; the vault is closed meanwhile."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.views.kit.feedback import ProgressPanel
from app.views.recovery.steps import StepsPage, StepWords

WORDS = (
    "Every record is written again under new keys. Leave the laptop on. If it stops all the same, your records are "
    "whole: start the change again and it goes on from there."
)


class RotationPage(StepsPage):
    """The page.

    Signals:
        counted: (done, total, words), from whatever thread does the work.
    """

    counted = Signal(int, int, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("rotation_page", parent)
        self.progress = ProgressPanel("Backing up first")
        self.add_step(StepWords("Changing the encryption keys", WORDS, verb="", back=False, place=""), (self.progress,))
        self.counted.connect(self.progress.set_progress)
        self.show_step(0)
        self.start_theming()

    def go_on(self) -> None:
        """Nothing to go on to: it ends by itself."""
