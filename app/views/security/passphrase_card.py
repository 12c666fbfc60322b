"""Changing the passphrase: the old one, the new one twice."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from app.views.context import AppContext
from app.views.kit.form import FormField
from app.views.recovery.new_passphrase import NewPassphrase
from app.views.security import work
from app.views.security.change_card import ChangeCard, passphrase_field

if TYPE_CHECKING:
    from app.services.vault import Vault

WORDS = (
    "You type it each time you open Rollcall. Change it when somebody may have seen it. The recovery key and what IT "
    "can do stay as they are."
)


class PassphraseCard(ChangeCard):
    """The card."""

    def __init__(self, context: AppContext, vault: "Vault") -> None:
        super().__init__(context, "Passphrase", WORDS, "Change passphrase", "key")
        self.setObjectName("passphrase_card")
        self._vault = vault
        self.old = passphrase_field()
        self.old_field = FormField("Passphrase now", self.old)
        self.new = NewPassphrase("New passphrase", (context.ws.actor.name, vault.label))
        self.new.set_alone(alone=not vault.uses_keyring)
        self.add_step("Change passphrase", (self.old_field, self.new))
        self.old.returnPressed.connect(lambda: self.new.first.setFocus(Qt.FocusReason.OtherFocusReason))
        self.new.entered.connect(self.go_on)

    def start_of(self, step: int) -> QWidget:
        """Return what gets the focus."""
        return self.old

    def go_on(self) -> None:
        """Change it, when everything is there."""
        if not self.next.isEnabled():
            return
        old, missing = self.old.text(), "" if self.old.text() else "Enter the passphrase you use now."
        self.old_field.set_error(missing)
        if not self.new.is_good():
            return
        new, vault = self.new.text(), self._vault
        if not missing:
            self.run("Changing the passphrase", lambda: work.change_passphrase(vault, old, new), self._done)

    def refuse(self, message: str, about: str | None) -> None:
        """Show why it was not changed."""
        if about == "passphrase":
            self.old.clear()
            self.old_field.set_error(message)
            self.old.setFocus(Qt.FocusReason.OtherFocusReason)
        elif about == "new":
            self.new.show_refusal(message)
        else:
            self.say(message)

    def forget(self) -> None:
        """Forget what was typed."""
        self.old.hide_words()
        self.old.clear()
        self.old_field.set_error("")
        self.new.clear()

    def _done(self, _none: None) -> None:
        self.close_form()
        self.changed.emit("Passphrase changed. Use the new one from now on.")
