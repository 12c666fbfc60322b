"""Choosing a passphrase: typed twice, with how hard it is to guess in words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.views.kit.announce import announce
from app.views.kit.form import FormField
from app.views.kit.text import Text
from app.views.tokens import px
from app.views.unlock_page import PassphraseField

if TYPE_CHECKING:
    from app.services.vault.passphrase import Strength

JUDGE_AFTER_MS = 120
ALONE = (
    "This laptop has no keyring that Rollcall can use, so the passphrase alone protects the records. It must be strong."
)


class NewPassphrase(QWidget):
    """The two fields.

    Args:
        label: of the first field.
        about: what a guesser knows, such as the person's name; it makes nothing harder to guess.

    Signals:
        entered: Enter was pressed in the second field, or in the first while the second is filled.
    """

    entered = Signal()

    def __init__(self, label: str = "Passphrase", about: Sequence[str] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.first = PassphraseField(label)
        self.first.setObjectName("new_passphrase")
        self.second = PassphraseField(f"{label} again")
        self.second.setObjectName("new_passphrase_again")
        self.first_field = FormField(label, self.first, "At least 12 characters. Three unrelated words work well.")
        self.second_field = FormField(f"{label} again", self.second)
        self.strength = Text("", "secondary", ink="ink2", wrap=True)
        self.strength.setAccessibleName("How hard it is to guess")
        self.caps = Text("Caps Lock may be on.", "secondary", ink="warn", weight="medium")
        self.caps.hide()
        self.alone = Text(ALONE, "secondary", ink="warn", weight="medium", wrap=True)
        self.alone.hide()
        self._about, self._is_alone = tuple(about), False
        self._judging = QTimer(self)
        self._judging.setSingleShot(True)
        self._judging.setInterval(JUDGE_AFTER_MS)
        self._judging.timeout.connect(self._judge)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(12))
        for widget in (self.alone, self.first_field, self.strength, self.second_field, self.caps):
            column.addWidget(widget)
        self.first.textChanged.connect(self._changed)
        self.first.returnPressed.connect(self._enter_first)
        self.second.returnPressed.connect(self.entered)
        for field in (self.first, self.second):
            field.caps_seen.connect(self.caps.setVisible)
        self.setFocusProxy(self.first)

    def set_about(self, names: Sequence[str]) -> None:
        """Say what a guesser knows."""
        self._about = tuple(names)

    def set_alone(self, *, alone: bool, words: str = "") -> None:
        """Say whether no keyring helps, so that more is asked of the passphrase.

        Args:
            alone: whether there is none.
            words: why, when it is known.
        """
        self._is_alone = alone
        self.alone.setText(f"{words} It must be strong." if words else ALONE)
        self.alone.setVisible(alone)

    def text(self) -> str:
        """Return the passphrase."""
        return self.first.text()

    def clear(self) -> None:
        """Forget what was typed."""
        for field in (self.first, self.second):
            field.hide_words()
            field.clear()
        self.strength.setText("")
        self.first_field.set_error("")
        self.second_field.set_error("")

    def is_good(self) -> bool:
        """Return whether it may be used and both are the same; what is wrong is said beside it."""
        typed = self.first.text()
        if not typed:
            self.show_refusal("Choose a passphrase.")
            return False
        self._judging.stop()
        found = self._strength()
        self.strength.setText("")
        if not found.enough:
            self.show_refusal(found.words)
            return False
        self.first_field.set_error("")
        self.strength.setText(found.words)
        differs = typed != self.second.text()
        self.second_field.set_error("The two are different. Type it again." if differs else "")
        if differs:
            self.second.setFocus(Qt.FocusReason.OtherFocusReason)
        return not differs

    def show_refusal(self, message: str) -> None:
        """Show why it was not taken."""
        self.first_field.set_error(message)
        self.second_field.set_error("")
        self.first.setFocus(Qt.FocusReason.OtherFocusReason)

    def showEvent(self, event: QShowEvent) -> None:
        """Load the estimator's dictionaries while the first words are typed."""
        from threading import Thread

        super().showEvent(event)
        Thread(target=_warm, name="estimator", daemon=True).start()

    def _changed(self, text: str) -> None:
        self.first_field.set_error("")
        if text:
            self._judging.start()
        else:
            self._judging.stop()
            self.strength.setText("")

    def _judge(self) -> None:
        if self.first.text():
            words = self._strength().words
            if words != self.strength.text():
                announce(self.strength, words)
            self.strength.setText(words)

    def _strength(self) -> "Strength":
        from app.services.vault.passphrase import judge

        return judge(self.first.text(), self._about, alone=self._is_alone)

    def _enter_first(self) -> None:
        if self.second.text():
            self.entered.emit()
        else:
            self.second.setFocus(Qt.FocusReason.OtherFocusReason)


def _warm() -> None:
    from app.services.vault.passphrase import judge

    judge("a passphrase of no one")
