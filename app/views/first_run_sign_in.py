"""In the first run: signing in instead of typing a code from an administrator."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.views.kit.text import Link
from app.views.tokens import px

if TYPE_CHECKING:
    from app.views.sign_in.panel import SignInPanel
    from app.views.task_runner import TaskRunner

SIGN_IN = "Sign in instead of using a code"
USE_CODE = "Use a code instead"


class InsteadOfCode(QWidget):
    """A link, and under it the way to sign in at the central store whose address was typed.

    Signals:
        asked: the link was used: somebody would sign in.
        given: a one-time code, for whoever signed in.
        left: a code is typed after all.
    """

    asked = Signal()
    given = Signal(str)
    left = Signal()

    def __init__(self, runner: "TaskRunner | None", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("instead_of_code")
        self._runner = runner
        self.panel: SignInPanel | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(px(12))
        self.link = Link(SIGN_IN)
        self.link.setObjectName("sign_in_instead")
        self.link.activated.connect(self._switch)
        self._column.addWidget(self.link)

    def start(self, server: str) -> None:
        """Show the way to sign in at a central store."""
        from app.services.sign_in.ways_in import ToEnrol
        from app.views.sign_in.panel import SignInPanel

        if self._runner is None:
            return
        self.stop()
        self.panel = SignInPanel(None, self._runner, way_in=ToEnrol(server))
        self.panel.signed_in.connect(self._signed_in)
        self._column.insertWidget(0, self.panel)
        self.link.setText(USE_CODE)
        self.panel.start()

    def stop(self) -> None:
        """Show the link alone; a browser that is waited for is waited for no more."""
        if self.panel is None:
            return
        panel, self.panel = self.panel, None
        panel.stop()
        panel.hide()
        panel.deleteLater()
        self.link.setText(SIGN_IN)
        self.left.emit()

    def _switch(self) -> None:
        if self.panel is None:
            self.asked.emit()
        else:
            self.stop()

    def _signed_in(self, code: object) -> None:
        self.stop()
        self.given.emit(str(code))
