"""Setting up six-digit codes: the QR code to scan, a code to prove that it was, and the recovery codes, shown once."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from app.errors import RollcallError, UserError
from app.views.context import AppContext
from app.views.kit.buttons import PrimaryButton, QuietButton
from app.views.kit.cards import Card
from app.views.kit.feedback import Banner
from app.views.kit.form import FormField
from app.views.kit.text import Text
from app.views.theme import Themed
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.sign_in.second_step import NewSecondStep

WHAT_FOR = (
    "With six-digit codes from an application on your telephone, a password that somebody saw is not enough to sign in."
)
SCAN = "Scan this with the authenticator application on your telephone, or type these letters into it:"
KEEP = (
    "Six-digit codes are on. Write these recovery codes down and keep them apart from this laptop. Each works once, "
    "when your telephone is lost. They are not shown again."
)
_QUIET = 4


class QrView(Themed, QWidget):
    """A QR code, dark on white in every theme, as a camera needs it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._modules: tuple[tuple[bool, ...], ...] = ()
        self.setAccessibleName("QR code of the second step; the same stands in letters beside it")
        self.start_theming()

    def show_modules(self, modules: tuple[tuple[bool, ...], ...]) -> None:
        """Show a code."""
        self._modules = modules
        self.restyle()
        self.update()

    def restyle(self) -> None:
        """Keep whole pixels for each module."""
        side = (len(self._modules) + 2 * _QUIET) * max(3, px(4)) if self._modules else 0
        self.setFixedSize(side, side)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the code with its quiet zone."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("white"))
        if not self._modules:
            return
        size = self.width() // (len(self._modules) + 2 * _QUIET)
        for y, row in enumerate(self._modules):
            for x, dark in enumerate(row):
                if dark:
                    painter.fillRect(QRect((x + _QUIET) * size, (y + _QUIET) * size, size, size), QColor("black"))


class SecondStepCard(Card):
    """The card."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__("Six-digit codes", parent=parent)
        self.setObjectName("second_step_card")
        self.context = context
        self.trouble = Banner("warn", "")
        self.words = Text(WHAT_FOR, "secondary", ink="ink2", wrap=True)
        self.set_up = QuietButton("Set up six-digit codes", compact=True)
        self.set_up.setObjectName("set_up_second_step")
        self.set_up.clicked.connect(self._begin)
        self.qr = QrView()
        self.secret = Text("", "body", weight="strong", wrap=True, selectable=True, tabular=True)
        self.code = QLineEdit()
        self.code.setMaxLength(10)
        self.code.setInputMethodHints(Qt.InputMethodHint.ImhSensitiveData | Qt.InputMethodHint.ImhNoPredictiveText)
        self.code_field = FormField("Code your telephone shows", self.code)
        self.turn_on = PrimaryButton("Turn on")
        self.turn_on.setObjectName("turn_on_second_step")
        self.turn_on.clicked.connect(self._confirm)
        self.code.returnPressed.connect(self._confirm)
        self.codes = Text("", "body", weight="strong", wrap=True, selectable=True, tabular=True)
        column = self.padded()
        column.setSpacing(px(12))
        self._lay_out(column)
        self.start()

    def _lay_out(self, column: QVBoxLayout) -> None:
        column.addWidget(self.trouble)
        column.addWidget(self.words)
        column.addWidget(self.set_up, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.qr, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.secret)
        column.addWidget(self.code_field)
        column.addWidget(self.codes)
        column.addWidget(self.turn_on, 0, Qt.AlignmentFlag.AlignLeft)

    def start(self) -> None:
        """Forget what was shown, and offer to set codes up."""
        self.qr.show_modules(())
        self.secret.setText("")
        self.codes.setText("")
        self.code.clear()
        self._show(WHAT_FOR, self.set_up)

    def _show(self, words: str, *shown: QWidget) -> None:
        self.words.setText(words)
        for widget in (self.set_up, self.qr, self.secret, self.code_field, self.turn_on, self.codes):
            widget.setVisible(widget in shown)
            widget.setEnabled(True)
        self.trouble.setVisible(bool(self.trouble.label.text()))

    def _begin(self) -> None:
        from app.services.sign_in import second_step

        ws = self.context.ws
        self.trouble.set_text("")
        self.set_up.setEnabled(False)
        self.context.runner.run(self, lambda: second_step.begin(ws), self._scan, self._failed, lane="network")

    def _scan(self, made: "NewSecondStep") -> None:
        self.qr.show_modules(made.modules)
        self.secret.setText(made.secret)
        self._show(SCAN, self.qr, self.secret, self.code_field, self.turn_on)
        self.code.setFocus(Qt.FocusReason.OtherFocusReason)

    def _confirm(self) -> None:
        from app.services.sign_in import second_step

        if not self.turn_on.isEnabled():
            return
        ws, code = self.context.ws, self.code.text()
        self.code_field.set_error("")
        self.turn_on.setEnabled(False)
        self.context.runner.run(self, lambda: second_step.confirm(ws, code), self._done, self._refused, lane="network")

    def _done(self, codes: tuple[str, ...]) -> None:
        self.qr.show_modules(())
        self.secret.setText("")
        self.codes.setText("\n".join("   ".join(codes[at : at + 2]) for at in range(0, len(codes), 2)))
        self._show(KEEP, self.codes)

    def _refused(self, error: Exception) -> None:
        self.turn_on.setEnabled(True)
        if isinstance(error, UserError):
            self.code_field.set_error(error.message)
            self.code.selectAll()
            self.code.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self.set_up.setEnabled(True)
        if not isinstance(error, RollcallError):
            self.context.report_error(error)
            return
        self.trouble.set_text(error.message)
        self.trouble.setVisible(True)
