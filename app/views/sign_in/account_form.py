"""A local account's name, password and six-digit code."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from app.views.kit.buttons import PrimaryButton
from app.views.kit.form import FormField
from app.views.tokens import px
from app.views.unlock_page import PassphraseField


class AccountForm(QWidget):
    """The form.

    Signals:
        entered: name, password and code.
    """

    entered = Signal(str, str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("account_form")
        self.name = QLineEdit()
        self.name.setMaxLength(200)
        self.password = PassphraseField("Password")
        self.code = QLineEdit()
        self.code.setMaxLength(20)
        self.code.setInputMethodHints(Qt.InputMethodHint.ImhSensitiveData | Qt.InputMethodHint.ImhNoPredictiveText)
        self.name_field = FormField("Username", self.name)
        self.password_field = FormField("Password", self.password)
        hint = "From the application on your telephone, or a recovery code, when you have set that up."
        self.code_field = FormField("Six-digit code", self.code, hint, optional=True)
        self.button = PrimaryButton("Sign in", "log-in")
        self.button.setObjectName("sign_in_with_account")
        self.button.clicked.connect(self._go)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(12))
        for field in (self.name_field, self.password_field, self.code_field):
            column.addWidget(field)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        self.name.returnPressed.connect(self.password.setFocus)
        self.password.returnPressed.connect(self._go)
        self.code.returnPressed.connect(self._go)

    def start(self) -> None:
        """Ready for typing."""
        self.set_busy(busy=False)
        (self.password if self.name.text() else self.name).setFocus(Qt.FocusReason.OtherFocusReason)

    def forget(self) -> None:
        """Keep nothing that was typed but the name."""
        self.password.clear()
        self.code.clear()
        self.set_busy(busy=False)

    def set_busy(self, *, busy: bool) -> None:
        """Take no second try while the first is on its way."""
        for widget in (self.name, self.password, self.code, self.button):
            widget.setEnabled(not busy)
        self.button.setText("Signing in" if busy else "Sign in")

    def refuse(self, message: str, field: str) -> None:
        """Show why it did not work; the password and the code are typed anew."""
        self.password.clear()
        self.code.clear()
        place = self.name_field if field == "username" else self.password_field
        place.set_error(message)
        place.widget.setFocus(Qt.FocusReason.OtherFocusReason)

    def _go(self) -> None:
        if not self.button.isEnabled():
            return
        name, password = self.name.text().strip(), self.password.text()
        self.name_field.set_error("" if name else "Enter your username.")
        self.password_field.set_error("" if password else "Enter your password.")
        if name and password:
            self.entered.emit(name, password, self.code.text())
        else:
            (self.password if name else self.name).setFocus(Qt.FocusReason.OtherFocusReason)
