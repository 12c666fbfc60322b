"""The last step of the first run: the keys are made, then the records come, with a count, Pause and Start now."""

import threading

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.errors import EnvironmentFault
from app.views.kit.buttons import QuietButton
from app.views.kit.feedback import ProgressPanel
from app.views.tokens import px

MAKING_KEYS = "Making the keys"
PAUSED = "Paused. What has come is kept. Resume goes on from there."
STOPPING = "Opening with what has come. The rest follows while you work."


class _EnoughError(EnvironmentFault):
    """The person does not wait for the rest; what has come is kept."""


class Gate:
    """Lets a download that runs on another thread go on, wait, or end early.

    ``hold`` is called there between two pages, when nothing is half-written.
    """

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()
        self._ended = False

    def pause(self) -> None:
        """Have the download wait at its next step."""
        self._open.clear()

    def resume(self) -> None:
        """Let it go on."""
        self._open.set()

    def end(self) -> None:
        """Have it end at its next step."""
        self._ended = True
        self._open.set()

    def was_ended(self) -> bool:
        """Return whether it was ended early."""
        return self._ended

    def hold(self) -> None:
        """Wait while paused.

        Raises:
            EnvironmentFault: it was ended.
        """
        self._open.wait()
        if self._ended:
            raise _EnoughError("Stopped before everything had come. What has come is kept.")


class DownloadStep(QWidget):
    """Progress and the buttons.

    Signals:
        pause_asked, resume_asked, start_asked: the buttons.
    """

    pause_asked = Signal()
    resume_asked = Signal()
    start_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.panel = ProgressPanel("Connecting")
        self.pause = QuietButton("Pause", "pause")
        self.pause.setObjectName("pause_download")
        self.start = QuietButton("Start now", "arrow-right")
        self.start.setObjectName("start_now")
        self._paused = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(12))
        column.addWidget(self.panel)
        row = QHBoxLayout()
        row.setSpacing(px(8))
        row.addWidget(self.pause)
        row.addStretch(1)
        row.addWidget(self.start)
        column.addLayout(row)
        self.pause.clicked.connect(self._pause_or_resume)
        self.start.clicked.connect(self._start_now)
        self.set_up()

    def set_up(self) -> None:
        """Show that it begins."""
        self.panel.set_progress(0, 0, "Connecting")
        self.panel.show()
        self.set_paused(paused=False)
        self.pause.setEnabled(True)
        self.start.setEnabled(True)
        self.pause.hide()
        self.start.hide()

    def show_progress(self, done: int, total: int, words: str) -> None:
        """Show how far it is; a total of 0 means it is not known."""
        if not self._paused:
            self.panel.set_progress(done, total, words)
        # Until the first records are here there is nothing to pause and nothing to start with.
        partly = 0 < done < total
        if partly and self.start.isEnabled():
            self.pause.show()
            self.start.show()
        elif total and done >= total:
            self.pause.hide()
            self.start.hide()

    def set_paused(self, *, paused: bool) -> None:
        """Show the pause, or that it goes on."""
        self._paused = paused
        self.pause.set_text("Resume" if paused else "Pause")
        self.pause.set_icon("play" if paused else "pause")
        if paused:
            self.panel.label.setText(PAUSED)

    def _pause_or_resume(self) -> None:
        self.set_paused(paused=not self._paused)
        (self.pause_asked if self._paused else self.resume_asked).emit()

    def _start_now(self) -> None:
        for button in (self.pause, self.start):
            button.setEnabled(False)
        self.panel.set_progress(0, 0, STOPPING)
        self.start_asked.emit()
