"""Changing the encryption keys themselves: every record is written again, so the window closes meanwhile."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from app.views.context import AppContext
from app.views.kit.form import FormField
from app.views.security import work
from app.views.security.change_card import ChangeCard, passphrase_field

if TYPE_CHECKING:
    from app.services.vault import Vault

WORDS = (
    "The keys that the records are encrypted with. Change them when a recovery file from IT was used, or when your "
    "information governance team asks. Rollcall saves your drafts, closes its pages, writes every record again under "
    "new keys and opens again: about a minute for each gigabyte. The passphrase and the recovery key stay the same. If "
    "the laptop stops meanwhile, nothing is lost, and the change goes on from there when you start it again."
)
UNFINISHED = "A change of the keys was interrupted. Your records are whole. Start it again and it goes on from there."


class RotationCard(ChangeCard):
    """The card."""

    def __init__(self, context: AppContext, vault: "Vault") -> None:
        super().__init__(context, "Encryption keys", WORDS, "Change the encryption keys", "refresh-cw")
        self.setObjectName("rotation_card")
        self._vault = vault
        self.passphrase = passphrase_field("passphrase_for_rotation")
        self.field = FormField("Passphrase", self.passphrase)
        self.add_step("Change the keys now", (self.field,))
        self.passphrase.returnPressed.connect(self.go_on)

    def start_of(self, step: int) -> QWidget:
        """Return what gets the focus."""
        return self.passphrase

    def go_on(self) -> None:
        """Check the passphrase first: the pages close only for a change that can be made."""
        if not self.next.isEnabled():
            return
        passphrase, vault = self.passphrase.text(), self._vault
        self.field.set_error("" if passphrase else "Enter your passphrase.")
        if passphrase:
            self.run(
                "Checking the passphrase",
                lambda: work.check_passphrase(vault, passphrase),
                lambda _none: self.context.rotation_asked.emit(passphrase),
            )

    def refuse(self, message: str, about: str | None) -> None:
        """Show why it was not begun."""
        if about != "passphrase":
            self.say(message)
            return
        self.passphrase.clear()
        self.field.set_error(message)
        self.passphrase.setFocus(Qt.FocusReason.OtherFocusReason)

    def forget(self) -> None:
        """Forget what was typed."""
        self.passphrase.hide_words()
        self.passphrase.clear()
        self.field.set_error("")
