"""The first start on a laptop: welcome, enrolment code, passphrase, recovery sheet, first download."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from app.views.first_run_download import DownloadStep
from app.views.first_run_sign_in import InsteadOfCode
from app.views.kit.feedback import Spinner
from app.views.kit.form import FormField
from app.views.prompts import Prompts
from app.views.recovery.key_step import KeyStep
from app.views.recovery.new_passphrase import NewPassphrase
from app.views.recovery.steps import StepsPage, StepWords
from app.views.recovery.type_back import TypeBack

if TYPE_CHECKING:
    from app.services.vault.recovery_key import RecoveryKey
    from app.views.task_runner import TaskRunner

WELCOME, ENROL, PASSPHRASE, RECOVERY, TYPE_BACK, DOWNLOAD = range(6)
STEPS = 5
STEP_WORDS = (
    StepWords(
        "Set up Rollcall",
        "Rollcall keeps your cases on this laptop, encrypted, so you can work without a connection. "
        "Setting up takes a few minutes. You need a connection once, and a printer or paper and pen.",
        back=False,
    ),
    StepWords("Connect to your council", "Your administrator gives you a server address and a code that works once."),
    StepWords("Choose a passphrase", "You type it each time you open Rollcall. Nobody can read it back to you."),
    StepWords(
        "Print your recovery sheet",
        "If you forget your passphrase, or the laptop loses its keyring, this key opens your cases again.",
    ),
    StepWords(
        "Check your recovery sheet",
        "Type two groups from the sheet, so that you know it can be read when you need it.",
    ),
    StepWords("Getting your cases", "You can start as soon as this is done.", verb="", back=False),
)
WAITING = "Connect this laptop to the network. Rollcall goes on by itself as soon as the central store answers."
PARTLY = "You can start now: what has not come yet follows while you work."


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the person gave in the first run.

    Attributes:
        server, code: of the central store.
        passphrase: typed twice.
        recovery: the key whose sheet was proven.
    """

    server: str
    code: str = field(repr=False)
    passphrase: str = field(repr=False)
    recovery: "RecoveryKey" = field(repr=False)


class FirstRunPage(StepsPage):
    """Five steps; Enter goes on. Nothing is made before the last.

    Args:
        runner: draws the recovery sheet off the window's thread.
        folder: where the vault will be.
        laptop: its name, for the sheet.
        server: filled in when IT has said which central store it is.

    Signals:
        code_given: (server address, code) are to be looked at before anything is chosen.
        enrol_asked: a ``Chosen``.
        trying_again: the person asks to try at once instead of waiting.
    """

    width_at_100 = 500
    code_given = Signal(str, str)
    enrol_asked = Signal(object)
    trying_again = Signal()

    def __init__(
        self,
        runner: "TaskRunner | None" = None,
        folder: Path = Path(),
        laptop: str = "",
        server: str = "",
        prompts: Prompts | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("first_run_page", parent)
        self.server = QLineEdit(server)
        self.server.setObjectName("server")
        self.server.setPlaceholderText("https://")
        self.server.setMaxLength(300)
        self.code = QLineEdit()
        self.code.setObjectName("code")
        self.code.setMaxLength(100)
        self.server_field = FormField("Server address", self.server)
        self.code_field = FormField("Enrolment code", self.code)
        self.spinner = Spinner("Asking the central store")
        self.spinner.hide()
        self.instead = InsteadOfCode(runner)
        self.instead.asked.connect(self._sign_in_instead)
        self.instead.given.connect(self._take_code)
        self.instead.left.connect(self._use_code)
        self.passphrase = NewPassphrase()
        self.key_step = KeyStep(runner, folder, laptop, prompts)
        self.type_back = TypeBack()
        self.download = DownloadStep()
        self._waiting = False
        for words, widgets in zip(
            STEP_WORDS,
            (
                (),
                (self.server_field, self.code_field, self.spinner, self.instead),
                (self.passphrase,),
                (self.key_step,),
                (self.type_back,),
                (self.download,),
            ),
            strict=True,
        ):
            self.add_step(words, widgets)
        for line in (self.server, self.code):
            line.returnPressed.connect(self.go_on)
            line.textEdited.connect(self._stop_waiting)
        self.passphrase.entered.connect(self.go_on)
        self.type_back.entered.connect(self.go_on)
        self.key_step.shown.entered.connect(self.go_on)
        self.show_step(WELCOME)
        self.start_theming()

    def place_words(self, step: int) -> str:
        """Return where in the row a step is; the sheet and its check are one."""
        return f"Step {step if step > RECOVERY else step + 1} of {STEPS}"

    def start_of(self, step: int) -> QWidget:
        """Return what gets the focus."""
        starts: dict[int, QWidget] = {
            ENROL: self.code if self.server.text() else self.server,
            PASSPHRASE: self.passphrase.first,
            RECOVERY: self.key_step.shown,
            DOWNLOAD: self.download,
        }
        if step == TYPE_BACK and self.type_back.lines:
            return self.type_back.lines[0]
        return starts.get(step, self.next)

    def go_on(self) -> None:
        """Leave the step that is shown, when it is whole."""
        step = self.step()
        if step == WELCOME:
            self.show_step(ENROL)
        elif step == ENROL:
            self._give_code()
        elif step == PASSPHRASE and self.passphrase.is_good():
            self.key_step.show_key()
            self.show_step(RECOVERY)
        elif step == RECOVERY:
            self.type_back.ask(self.key_step.key.groups)
            self.show_step(TYPE_BACK)
        elif step == TYPE_BACK and self.type_back.is_right():
            self._enrol()
        elif step == DOWNLOAD and self._waiting:
            self.trying_again.emit()

    def go_back(self) -> None:
        """Show the step before; nothing was made yet, so nothing is undone."""
        self._stop_waiting()
        self.instead.stop()
        super().go_back()

    # The code

    def _give_code(self) -> None:
        if not self.next.isEnabled():
            return
        if self._waiting:
            self.trying_again.emit()
        elif self._enrolment_is_whole():
            self.code_given.emit(self.server.text().strip(), self.code.text().strip())

    def _enrolment_is_whole(self) -> bool:
        address = self.server.text().strip()
        if address and "://" not in address:
            self.server.setText(f"https://{address}")
        no_server = "" if address else "Enter the server address your administrator gave you."
        self.server_field.set_error(no_server)
        no_code = "" if self.code.text().strip() else "Enter the code your administrator gave you."
        self.code_field.set_error(no_code)
        return not no_server and not no_code

    def _sign_in_instead(self) -> None:
        """Sign in for a code, where the address is given."""
        address = self.server.text().strip()
        if address and "://" not in address:
            address = f"https://{address}"
            self.server.setText(address)
        self.server_field.set_error("" if address else "Enter the server address your administrator gave you.")
        if not address:
            self.server.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        self._stop_waiting()
        self.code_field.hide()
        self.next.hide()
        self.instead.start(address)

    def _use_code(self) -> None:
        self.code_field.show()
        self.next.show()

    def _take_code(self, code: str) -> None:
        self._use_code()
        self.code.setText(code)
        self.go_on()

    def show_asking(self) -> None:
        """Show that the central store is being asked."""
        self.next.setEnabled(False)
        self.spinner.show()

    def accept_code(self, person: str, council: str) -> None:
        """Go on: the code is good.

        Args:
            person: whose laptop this will be.
            council: whose central store it is.
        """
        self._stop_waiting()
        self.passphrase.set_about((person, council))
        self.show_step(PASSPHRASE)
        self.set_words(f"For {person}, {council}. {STEP_WORDS[PASSPHRASE].words}")

    def set_keyring(self, words: str, *, alone: bool) -> None:
        """Say what keeps the passphrase company: a keyring, or nothing."""
        self.passphrase.set_alone(alone=alone, words=words)

    def wait(self, message: str, *, by_itself: bool) -> None:
        """Stay where it is and say what is needed.

        Args:
            message: what is in the way, in words.
            by_itself: it goes on without being asked once the central store answers.
        """
        self._waiting = True
        self.spinner.hide()
        self.download.panel.hide()
        self.say(f"{message} {WAITING}" if by_itself else message)
        self.next.set_text("Try again")
        self.next.setEnabled(True)
        self.next.show()
        self.previous.show()
        self.next.setFocus(Qt.FocusReason.OtherFocusReason)

    def is_waiting(self) -> bool:
        """Return whether it waits for a connection."""
        return self._waiting

    def _stop_waiting(self) -> None:
        self.spinner.hide()
        self.next.setEnabled(True)
        if self._waiting:
            self._waiting = False
            self.say("")
            self.next.set_text("Continue")

    # The end

    def _enrol(self) -> None:
        chosen = Chosen(self.server.text().strip(), self.code.text().strip(), self.passphrase.text(), self.key_step.key)
        self.show_download()
        self.enrol_asked.emit(chosen)

    def show_download(self) -> None:
        """Show that the work has begun."""
        self._waiting = False
        self.download.set_up()
        self.show_step(DOWNLOAD)

    def show_progress(self, done: int, total: int, words: str) -> None:
        """Show how far the download is; a total of 0 means it is not known."""
        if done:
            self.forget_secrets()
        self.download.show_progress(done, total, words)
        if 0 < done < total:
            self.set_words(PARTLY)

    def forget_secrets(self) -> None:
        """Forget passphrase and key: the vault is made."""
        self.passphrase.clear()
        self.key_step.forget()
        self.type_back.clear()

    def show_refusal(self, message: str, about: str | None = None) -> None:
        """Go back to the step that has to be put right.

        Args:
            message: in words.
            about: ``passphrase``, ``code``, ``server`` or None.
        """
        self._stop_waiting()
        if about == "passphrase":
            self.show_step(PASSPHRASE)
            self.passphrase.show_refusal(message)
            return
        self.show_step(ENROL)
        if about == "code":
            self.code_field.set_error(message)
            self.code.setFocus(Qt.FocusReason.OtherFocusReason)
        elif about == "server":
            self.server_field.set_error(message)
            self.server.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self.say(message)
