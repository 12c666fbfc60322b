"""The first start on a laptop: welcome, enrolment code, passphrase, first download."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QStackedWidget, QVBoxLayout, QWidget

from app.views.kit.buttons import PrimaryButton, QuietButton
from app.views.kit.cards import Card
from app.views.kit.feedback import Banner, ProgressPanel
from app.views.kit.fields import FormField
from app.views.kit.text import Text
from app.views.strength import strength
from app.views.theme import Themed
from app.views.tokens import px
from app.views.unlock_page import Mark, PassphraseField, centred

WELCOME, ENROL, PASSPHRASE, DOWNLOAD = range(4)
MINIMUM_PASSPHRASE = 12
TITLES = ("Set up Rollcall", "Connect to your council", "Choose a passphrase", "Getting your cases")
WORDS = (
    "Rollcall keeps your cases on this laptop, encrypted, so you can work without a connection. "
    "Setting up takes a few minutes and needs a connection once.",
    "Your administrator gives you a server address and a code that works once.",
    "You type it each time you open Rollcall. A few unrelated words work well. Nobody can read it back to you.",
    "You can start as soon as this is done. It may take a few minutes the first time.",
)


class FirstRunPage(Themed, QWidget):
    """Four steps; Enter goes on.

    Signals:
        enrol_asked: (server address, code, passphrase).
        opened: the person wants to start after the download.
    """

    enrol_asked = Signal(str, str, str)
    opened = Signal()

    def __init__(self, server: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("first_run_page")
        self.setProperty("fill", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.server = QLineEdit(server)
        self.server.setObjectName("server")
        self.server.setPlaceholderText("https://")
        self.server.setMaxLength(300)
        self.code = QLineEdit()
        self.code.setObjectName("code")
        self.code.setMaxLength(100)
        self.first = PassphraseField("Passphrase")
        self.first.setObjectName("new_passphrase")
        self.second = PassphraseField("Passphrase again")
        self.second.setObjectName("new_passphrase_again")
        self.server_field = FormField("Server address", self.server)
        self.code_field = FormField("Enrolment code", self.code)
        self.first_field = FormField("Passphrase", self.first, "At least 12 characters")
        self.second_field = FormField("Passphrase again", self.second)
        self.strength = Text("", "secondary", ink="ink2", wrap=True)
        self.download = ProgressPanel("Connecting")
        self.message = Banner("offline", "")
        self.message.setObjectName("first_run_message")
        self.message.hide()
        self.next = PrimaryButton("Continue", "arrow-right")
        self.next.setObjectName("continue")
        self.previous = QuietButton("Back", "arrow-left")
        self._lay_out()
        self.next.clicked.connect(self._go_on)
        self.previous.clicked.connect(lambda: self._show(self.steps.currentIndex() - 1))
        for line in (self.server, self.code, self.first, self.second):
            line.returnPressed.connect(self._go_on)
        self.first.textChanged.connect(lambda text: self.strength.setText(strength(text) if text else ""))
        self._show(WELCOME)
        self.start_theming()

    def _lay_out(self) -> None:
        self.steps = QStackedWidget()
        self.steps.addWidget(QWidget())
        for widgets in (
            (self.server_field, self.code_field),
            (self.first_field, self.strength, self.second_field),
            (self.download,),
        ):
            step = QWidget()
            column = QVBoxLayout(step)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(px(12))
            for widget in widgets:
                column.addWidget(widget)
            column.addStretch(1)
            self.steps.addWidget(step)
        self.card = Card()
        column = self.card.padded()
        column.setContentsMargins(px(28), px(24), px(28), px(24))
        column.setSpacing(px(12))
        head = QHBoxLayout()
        head.setSpacing(px(12))
        head.addWidget(Mark())
        names = QVBoxLayout()
        names.setSpacing(0)
        self.title = Text("", "pane", weight="strong")
        self.place = Text("", "secondary", ink="ink2")
        names.addWidget(self.title)
        names.addWidget(self.place)
        head.addLayout(names, 1)
        column.addLayout(head)
        self.words = Text("", "body", ink="ink2", wrap=True)
        column.addWidget(self.words)
        column.addWidget(self.message)
        column.addWidget(self.steps)
        foot = QHBoxLayout()
        foot.addWidget(self.previous)
        foot.addStretch(1)
        foot.addWidget(self.next)
        column.addLayout(foot)
        centred(self, self.card)

    def restyle(self) -> None:
        """Follow the theme."""
        self.card.setFixedWidth(px(460))

    def step(self) -> int:
        """Return the step shown."""
        return self.steps.currentIndex()

    def _show(self, step: int) -> None:
        self.steps.setCurrentIndex(step)
        self.title.setText(TITLES[step])
        self.place.setText(f"Step {step + 1} of {len(TITLES)}")
        self.words.setText(WORDS[step])
        self.steps.setVisible(step != WELCOME)
        self.previous.setVisible(step in (ENROL, PASSPHRASE))
        self.next.setVisible(step != DOWNLOAD)
        self.next.setEnabled(True)
        target = {WELCOME: self.next, ENROL: self.server if not self.server.text() else self.code}
        target[PASSPHRASE] = self.first
        if step in target:
            target[step].setFocus(Qt.FocusReason.OtherFocusReason)

    def _go_on(self) -> None:
        self.message.hide()
        step = self.step()
        if step == WELCOME:
            self._show(ENROL)
        elif step == ENROL and self._enrolment_is_whole():
            self._show(PASSPHRASE)
        elif step == PASSPHRASE and self._passphrase_is_good():
            self._show(DOWNLOAD)
            passphrase = self.first.text()
            self.first.clear()
            self.second.clear()
            self.enrol_asked.emit(self.server.text().strip(), self.code.text().strip(), passphrase)

    def _enrolment_is_whole(self) -> bool:
        address = self.server.text().strip()
        if address and "://" not in address:
            self.server.setText(f"https://{address}")
        whole = "" if address else "Enter the server address your administrator gave you."
        self.server_field.set_error(whole)
        code = "" if self.code.text().strip() else "Enter the code your administrator gave you."
        self.code_field.set_error(code)
        return not whole and not code

    def _passphrase_is_good(self) -> bool:
        typed = self.first.text()
        short = len(typed) < MINIMUM_PASSPHRASE
        self.first_field.set_error("Use at least 12 characters. A few unrelated words work well." if short else "")
        differs = typed != self.second.text()
        self.second_field.set_error("" if short or not differs else "The two are different. Type it again.")
        return not short and not differs

    def show_progress(self, done: int, total: int, words: str) -> None:
        """Show how far the download is; a total of 0 means it is not known."""
        self.download.set_progress(done, total, words)

    def show_refusal(self, message: str, field: str | None = None) -> None:
        """Go back to the step that has to be put right.

        Args:
            message: in words.
            field: ``passphrase``, ``code``, ``server`` or None.
        """
        if field == "passphrase":
            self._show(PASSPHRASE)
            self.first_field.set_error(message)
            return
        self._show(ENROL)
        if field == "code":
            self.code_field.set_error(message)
        elif field == "server":
            self.server_field.set_error(message)
        else:
            self.message.set_text(message)
            self.message.show()
