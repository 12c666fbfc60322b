"""The way back into a vault: recovery key or IT's file, new passphrase, new sheet. Nothing changes before the end."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.views.kit.buttons import QuietButton
from app.views.kit.feedback import ProgressPanel
from app.views.kit.fields import Check, Radio
from app.views.kit.form import FormField
from app.views.kit.text import ElidedText, Text
from app.views.prompts import Prompts
from app.views.recovery.key_field import RecoveryKeyField
from app.views.recovery.key_step import KeyStep
from app.views.recovery.new_passphrase import NewPassphrase
from app.views.recovery.steps import StepsPage, StepWords
from app.views.recovery.type_back import TypeBack
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.vault.recovery_key import RecoveryKey
    from app.views.task_runner import TaskRunner

CHOOSE, KEY, FILE, PASSPHRASE, SHEET, TYPE_BACK, WORKING = range(7)
KEPT = "Your records stay encrypted on this laptop. Nothing is deleted, and until the last step nothing changes."
STEP_WORDS = (
    StepWords("Open Rollcall another way", KEPT, place="What do you have?"),
    StepWords("Type the recovery key", "It stands on the recovery sheet that you printed when you set up Rollcall."),
    StepWords("Use the file from IT", "IT makes the file for this laptop and reads the code to you. Both work once."),
    StepWords("Choose a new passphrase", "The old passphrase stops working at the end."),
    StepWords("Print a new recovery sheet", "The new key takes the place of the old one at the end."),
    StepWords(
        "Check your new recovery sheet",
        "Type two groups from the new sheet, so that you know it can be read when you need it.",
        verb="Open Rollcall",
    ),
    StepWords("Opening your cases", "", verb="", back=False),
)
NEITHER = (
    "If you have neither, ask IT. They can make a recovery file where your council has set this up. What had "
    "reached the central store is there in any case."
)
USED = "Recommended: somebody may have seen the sheet while you used it. The old key stops working."
UNUSED = "Recommended when you no longer have the sheet. An older key stops working."
FILE_KINDS = "Recovery file (*.rollcall);;All files (*)"


class RecoveryPage(StepsPage):
    """The steps.

    Args:
        runner: draws the new sheet off the window's thread.
        folder: of the vault.
        laptop: its name.
        prompts: asks for files.

    Signals:
        key_given: a recovery key whose checksum fits.
        file_given: (path, code).
        finish_asked: everything is chosen; (passphrase, new recovery key or None).
        cancelled: back to the passphrase.
    """

    width_at_100 = 500
    key_given = Signal(str)
    file_given = Signal(object, str)
    finish_asked = Signal(str, object)
    cancelled = Signal()

    def __init__(
        self,
        runner: "TaskRunner | None" = None,
        folder: Path = Path(),
        laptop: str = "",
        prompts: Prompts | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("recovery_page", parent)
        self._prompts = prompts or Prompts()
        self.with_key = Radio("I have the recovery key")
        self.with_key.setObjectName("with_key")
        self.with_key.setChecked(True)
        self.with_file = Radio("IT gave me a file and a code")
        self.with_file.setObjectName("with_file")
        self.key = RecoveryKeyField()
        self.file = _FileChoice()
        self.file_field = FormField("Recovery file", self.file)
        self.code = RecoveryKeyField("Code", "Seven groups of four, as IT reads them to you.", "code")
        self.code.line.setObjectName("recovery_code")
        self.passphrase = NewPassphrase("New passphrase")
        self.renew = Check("Make a new recovery key")
        self.renew.setObjectName("renew_key")
        self.renew.setChecked(True)
        self.renew_why = Text(USED, "secondary", ink="ink2", wrap=True)
        self.key_step = KeyStep(runner, folder, laptop, self._prompts)
        self.type_back = TypeBack()
        self.progress = ProgressPanel("Unlocking")
        self.cancel = QuietButton("Cancel")
        self.cancel.setObjectName("cancel")
        self.foot.insertWidget(1, self.cancel)
        self._way_step = KEY
        self._add_steps()
        self._join()
        self.show_step(CHOOSE)
        self.start_theming()

    def _add_steps(self) -> None:
        neither = Text(NEITHER, "secondary", ink="ink2", wrap=True)
        widgets: tuple[tuple[QWidget, ...], ...] = (
            (self.with_key, self.with_file, neither),
            (self.key,),
            (self.file_field, self.code),
            (self.passphrase, self.renew, self.renew_why),
            (self.key_step,),
            (self.type_back,),
            (self.progress,),
        )
        for words, each in zip(STEP_WORDS, widgets, strict=True):
            self.add_step(words, each)

    def _join(self) -> None:
        for widget in (self.key, self.code, self.passphrase, self.type_back):
            widget.entered.connect(self.go_on)
        self.key_step.shown.entered.connect(self.go_on)
        self.file.button.clicked.connect(self._ask_file)
        self.go_on_with_enter(self.with_key, self.with_file, self.renew)
        self.renew.toggled.connect(lambda _on: self._name_next(self.step()))
        self.cancel.clicked.connect(self._cancel)

    def place_words(self, step: int) -> str:
        """Return where in the row a step is."""
        shown = {KEY: 1, FILE: 1, PASSPHRASE: 2, SHEET: 3, TYPE_BACK: 3, WORKING: 4}
        return f"Step {shown[step]} of 4"

    def start_of(self, step: int) -> QWidget:
        """Return what gets the focus."""
        starts: dict[int, QWidget] = {
            CHOOSE: self.with_file if self.with_file.isChecked() else self.with_key,
            KEY: self.key.line,
            FILE: self.code.line if self.file.path is not None else self.file.button,
            PASSPHRASE: self.passphrase.first,
            SHEET: self.key_step.shown,
        }
        if step == TYPE_BACK and self.type_back.lines:
            return self.type_back.lines[0]
        return starts.get(step, self.next)

    def show_step(self, step: int) -> None:
        """Show a step; Cancel is there wherever something could still be left as it was."""
        super().show_step(step)
        self.cancel.setVisible(step != WORKING)
        self.previous.setVisible(step not in (CHOOSE, WORKING))
        self._name_next(step)

    def _name_next(self, step: int) -> None:
        if step == PASSPHRASE:
            self.next.set_text("Continue" if self.renew.isChecked() else "Open Rollcall")

    def go_on(self) -> None:
        """Leave the step that is shown, when it is whole."""
        if not self.next.isEnabled():
            return
        step = self.step()
        if step == CHOOSE:
            self._way_step = KEY if self.with_key.isChecked() else FILE
            self.show_step(self._way_step)
        elif step == KEY and self.key.is_whole():
            self._busy()
            self.key_given.emit(self.key.text())
        elif step == FILE and self._file_is_whole():
            self._busy()
            self.file_given.emit(self.file.path, self.code.text())
        elif step == PASSPHRASE and self.passphrase.is_good():
            self._leave_passphrase()
        elif step == SHEET:
            self.type_back.ask(self.key_step.key.groups)
            self.show_step(TYPE_BACK)
        elif step == TYPE_BACK and self.type_back.is_right():
            self._finish(self.key_step.key)

    def go_back(self) -> None:
        """Show the step before; nothing was changed yet."""
        before = {KEY: CHOOSE, FILE: CHOOSE, PASSPHRASE: self._way_step, SHEET: PASSPHRASE, TYPE_BACK: SHEET}
        self.show_step(before.get(self.step(), CHOOSE))

    def _file_is_whole(self) -> bool:
        missing = "" if self.file.path is not None else "Choose the file that IT gave you."
        self.file_field.set_error(missing)
        return self.code.is_whole() and not missing

    def _leave_passphrase(self) -> None:
        if not self.renew.isChecked():
            self._finish(None)
            return
        self.key_step.show_key()
        self.show_step(SHEET)

    def _finish(self, recovery: "RecoveryKey | None") -> None:
        self.show_step(WORKING)
        self.progress.set_progress(0, 0, "Making the keys")
        self.finish_asked.emit(self.passphrase.text(), recovery)

    # What the work behind says

    def _busy(self) -> None:
        self.say("")
        self.next.setEnabled(False)
        self.next.set_text("Unlocking")

    def accept(self, *, key_was_used: bool) -> None:
        """Go on: the keys are there.

        Args:
            key_was_used: the recovery key was typed, so that it may have been seen.
        """
        self.key.clear()
        self.code.clear()
        self.renew_why.setText(USED if key_was_used else UNUSED)
        self.show_step(PASSPHRASE)

    def set_keyring(self, words: str, *, alone: bool) -> None:
        """Say what keeps the new passphrase company."""
        self.passphrase.set_alone(alone=alone, words=words)

    def refuse(self, message: str, about: str | None) -> None:
        """Show why it did not open.

        Args:
            message: in words.
            about: ``recovery``, ``code``, ``file``, ``passphrase`` or None.
        """
        step = self.step()
        if step == WORKING:
            self.show_step(PASSPHRASE)
        else:
            self.next.setEnabled(True)
            self.next.set_text("Continue")
        if about == "passphrase":
            self.passphrase.show_refusal(message)
        elif step == KEY and about == "recovery":
            self.key.show_refusal(message)
        elif step == FILE and about in ("code", "recovery"):
            self.code.show_refusal(message)
        elif step == FILE and about == "file":
            self.file_field.set_error(message)
            self.file.button.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self.say(message)

    def forget_secrets(self) -> None:
        """Forget everything typed."""
        for part in (self.key, self.code, self.passphrase, self.type_back):
            part.clear()
        self.key_step.forget()

    def _cancel(self) -> None:
        self.forget_secrets()
        self.cancelled.emit()

    def _ask_file(self) -> None:
        self._prompts.choose_files(self, "Recovery file from IT", FILE_KINDS, self._take_file, many=False)

    def _take_file(self, paths: list[Path]) -> None:
        self.file.show_path(paths[0])
        self.file_field.set_error("")
        self.code.line.setFocus(Qt.FocusReason.OtherFocusReason)


class _FileChoice(QWidget):
    """A button and the name of what was chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.path: Path | None = None
        self.button = QuietButton("Choose the file", "folder-open")
        self.button.setObjectName("choose_file")
        self.name = ElidedText("No file chosen yet", "secondary", ink="ink2")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(12))
        row.addWidget(self.button)
        row.addWidget(self.name, 1)

    def show_path(self, path: Path) -> None:
        """Show what was chosen."""
        self.path = path
        self.name.setText(path.name)
