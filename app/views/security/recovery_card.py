"""A new recovery key: the passphrase, the key on a new sheet, two groups typed back."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from app.views.context import AppContext
from app.views.kit.form import FormField
from app.views.recovery.key_step import KeyStep
from app.views.recovery.type_back import TypeBack
from app.views.security import work
from app.views.security.change_card import ChangeCard, passphrase_field

if TYPE_CHECKING:
    from app.services.vault import Vault

WORDS = (
    "The key on your recovery sheet opens your cases when you have forgotten the passphrase or the laptop has lost its "
    "keyring. Make a new one when the sheet is lost or somebody may have seen it. The old key stops working when you "
    "have typed two groups of the new one back."
)
ASK, SHOW, TYPE = range(3)


class RecoveryCard(ChangeCard):
    """The card."""

    def __init__(self, context: AppContext, vault: "Vault") -> None:
        super().__init__(context, "Recovery key", WORDS, "Make a new recovery key", "file-text")
        self.setObjectName("recovery_card")
        self._vault = vault
        self.passphrase = passphrase_field("passphrase_for_key")
        self.field = FormField("Passphrase", self.passphrase)
        self.key_step = KeyStep(context.runner, vault.folder, vault.label, context.prompts)
        self.type_back = TypeBack()
        self.add_step("Continue", (self.field,))
        self.add_step("Continue", (self.key_step,))
        self.add_step("Use the new key", (self.type_back,))
        self.passphrase.returnPressed.connect(self.go_on)
        self.key_step.shown.entered.connect(self.go_on)
        self.type_back.entered.connect(self.go_on)

    def start_of(self, step: int) -> QWidget:
        """Return what gets the focus."""
        if step == TYPE and self.type_back.lines:
            return self.type_back.lines[0]
        return self.key_step.shown if step == SHOW else self.passphrase

    def go_on(self) -> None:
        """Leave the step that is shown, when it is whole."""
        if not self.next.isEnabled():
            return
        step, vault, passphrase = self.steps.current(), self._vault, self.passphrase.text()
        if step == ASK:
            self.field.set_error("" if passphrase else "Enter your passphrase.")
            if passphrase:
                self.run("Checking the passphrase", lambda: work.check_passphrase(vault, passphrase), self._show_key)
        elif step == SHOW:
            self.type_back.ask(self.key_step.key.groups)
            self.show_step(TYPE)
        elif self.type_back.is_right():
            key = self.key_step.key
            self.run(
                "Taking the new key into use", lambda: work.replace_recovery_key(vault, key, passphrase), self._done
            )

    def refuse(self, message: str, about: str | None) -> None:
        """Show why it was not changed; the old key still works."""
        if about != "passphrase":
            self.say(message)
            return
        self.show_step(ASK)
        self.passphrase.clear()
        self.field.set_error(message)
        self.passphrase.setFocus(Qt.FocusReason.OtherFocusReason)

    def forget(self) -> None:
        """Forget the key and what was typed."""
        self.passphrase.hide_words()
        self.passphrase.clear()
        self.field.set_error("")
        self.key_step.forget()
        self.type_back.clear()

    def _show_key(self, _none: None) -> None:
        self.key_step.show_key()
        self.show_step(SHOW)

    def _done(self, _none: None) -> None:
        self.close_form()
        self.changed.emit("New recovery key in use. Shred the old sheet.")
