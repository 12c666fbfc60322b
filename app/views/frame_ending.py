"""The window's part in the end of a vault whose laptop may not be used any more: it locks, and says what happened."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from app.views.ended_page import EndedPage, ended_words, forget

if TYPE_CHECKING:
    from app.views.frame import Frame


class Ending(QObject):
    """Closes a window's vault for good.

    Signals:
        told: sync was told, on its own thread, that everything is handed in and this laptop is ended.
    """

    told = Signal()

    def __init__(self, frame: "Frame", set_up: Callable[[], object]) -> None:
        """Prepare.

        Args:
            frame: the window.
            set_up: shows the first run.
        """
        super().__init__(frame)
        self._frame, self._set_up = frame, set_up
        self.told.connect(self.end)

    def watch(self, sync: Any) -> None:
        """Have the window end when its sync is told so."""
        sync.on_status(self._note)

    def _note(self, status: Any) -> None:
        if status.state == "ended":
            self.told.emit()

    def end(self) -> None:
        """Lock for good: what was not sent is with the team, and the vault's keys and files go."""
        frame = self._frame
        if frame.opened is None:
            return
        frame.lock()
        # In the lane in which the vault is closed, so after it.
        frame.runner.run(frame, partial(ended_words, frame.folder), self.show, frame.show_unexpected)

    def show(self, words: str = "") -> None:
        """Say that this laptop may not be used any more, and finish what of that was cut off."""
        page = EndedPage(words or ended_words(self._frame.folder))
        page.again.connect(self._again)
        self._frame.setCentralWidget(page)
        self._frame.setWindowTitle("Rollcall")

    def _again(self) -> None:
        forget(self._frame.folder)
        self._set_up()
