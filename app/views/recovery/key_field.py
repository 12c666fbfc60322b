"""Typing a recovery key: groups of four as it is typed, look-alikes forgiven, a slip told at the last character."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from app.views.kit.announce import announce
from app.views.kit.form import FormField
from app.views.recovery.key_font import key_font
from app.views.theme import Themed
from app.views.tokens import px

WHOLE, GROUP = 28, 4
_LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})
_MOST_PASTED = 200


def grouped(text: str, most: int = WHOLE) -> str:
    """Return what was typed as it is shown: capitals, look-alikes put right, a hyphen after every four."""
    plain = bare(text)[:most]
    return "-".join(plain[start : start + GROUP] for start in range(0, len(plain), GROUP))


def bare(text: str) -> str:
    """Return the letters and figures alone, in capitals, look-alikes put right."""
    kept = "".join(character for character in text[:_MOST_PASTED] if character.isalnum())
    return kept.upper().translate(_LOOKALIKES)


class GroupedLine(Themed, QLineEdit):
    """A line whose text keeps itself in groups of four; the cursor stays behind the same character.

    Args:
        name: read aloud.
        most: characters it takes, hyphens not counted.
    """

    def __init__(self, name: str, most: int = WHOLE, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._most = most
        self.setAccessibleName(name)
        hints = Qt.InputMethodHint.ImhSensitiveData | Qt.InputMethodHint.ImhNoPredictiveText
        self.setInputMethodHints(hints | Qt.InputMethodHint.ImhUppercaseOnly)
        self.textEdited.connect(self._group)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFont(key_font(19))
        self.setMinimumHeight(px(44))

    def _group(self, text: str) -> None:
        shown = grouped(text, self._most)
        if shown == text:
            return
        before = len(bare(text[: self.cursorPosition()]))
        self.setText(shown)
        place = min(before + before // GROUP, len(shown))
        if before and before % GROUP == 0 and before < len(bare(shown)):
            place = min(place, len(shown))
        self.setCursorPosition(place)


class RecoveryKeyField(QWidget):
    """The field with its label; IT's code for a recovery file has the same shape.

    Args:
        label: over the field.
        hint: under the label.
        noun: what it is called: ``recovery key`` or ``code``.

    Signals:
        entered: Enter was pressed.
        completed: whether the last change made it a key whose checksum fits.
    """

    entered = Signal()
    completed = Signal(bool)

    def __init__(
        self,
        label: str = "Recovery key",
        hint: str = "Seven groups of four. Capitals, hyphens and spaces do not matter.",
        noun: str = "recovery key",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._noun = noun
        self.line = GroupedLine(label)
        self.line.setObjectName("recovery_key")
        self.field = FormField(label, self.line, hint)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.field)
        self.line.returnPressed.connect(self.entered)
        self.line.textChanged.connect(self._changed)
        self.setFocusProxy(self.line)

    def text(self) -> str:
        """Return what is typed."""
        return self.line.text()

    def is_whole(self) -> bool:
        """Return whether it is a recovery key; what is wrong is said beside it, before anything is tried."""
        problem = self._problem()
        self.field.set_note("")
        self.field.set_error(problem)
        if problem:
            self.line.setFocus(Qt.FocusReason.OtherFocusReason)
        return not problem

    def show_refusal(self, message: str) -> None:
        """Show why it did not open."""
        self.field.set_note("")
        self.field.set_error(message)
        self.line.setFocus(Qt.FocusReason.OtherFocusReason)

    def clear(self) -> None:
        """Forget what was typed."""
        self.line.clear()

    def _changed(self, text: str) -> None:
        whole = len(bare(text)) == WHOLE
        problem = self._problem() if whole else ""
        self.field.set_error(problem)
        good = "The checksum fits." if whole and not problem else ""
        self.field.set_note(good)
        announce(self.field, good)
        self.completed.emit(whole and not problem)

    def _problem(self) -> str:
        from app.errors import UserError
        from app.services.vault.recovery_key import RecoveryKey

        if not self.line.text().strip():
            return f"Type the {self._noun}."
        try:
            RecoveryKey.parse(self.line.text())
        except UserError as error:
            if self._noun == "recovery key":
                return error.message
            words = error.message.replace("recovery key", self._noun)
            return words.replace("against the sheet", "with IT").replace("as on the sheet", "as IT gave it")
        return ""
