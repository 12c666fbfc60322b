"""Typing two groups of a new recovery key back from the sheet, so that the sheet is known to be there and readable."""

import secrets
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.views.kit.form import FormField
from app.views.recovery.key_field import GROUP, GroupedLine, bare
from app.views.tokens import px

ASKED = 2


class TypeBack(QWidget):
    """Two fields, each for one group, drawn by lot.

    Signals:
        entered: Enter was pressed in the last field, or in one while the others are filled.
    """

    entered = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._groups: tuple[str, ...] = ()
        self.asked: tuple[int, ...] = ()
        self.lines: list[GroupedLine] = []
        self.fields: list[FormField] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(px(12))

    def ask(self, groups: Sequence[str]) -> None:
        """Ask for two groups of a key; asked again about the same key, the same two."""
        if tuple(groups) == self._groups:
            return
        self._groups = tuple(groups)
        for field in self.fields:
            field.hide()
            field.deleteLater()
        self.asked = tuple(sorted(secrets.SystemRandom().sample(range(len(groups)), ASKED)))
        self.lines, self.fields = [], []
        for number in self.asked:
            line = GroupedLine(f"Group {number + 1}", GROUP)
            line.setObjectName(f"group_{number + 1}")
            line.returnPressed.connect(self._enter)
            field = FormField(f"Group {number + 1} on the sheet", line)
            self._column.addWidget(field)
            self.lines.append(line)
            self.fields.append(field)
        self.setFocusProxy(self.lines[0])

    def is_right(self) -> bool:
        """Return whether both groups are as on the sheet; what is wrong is said beside it."""
        wrong: list[GroupedLine] = []
        for number, line, field in zip(self.asked, self.lines, self.fields, strict=True):
            typed, whole = bare(line.text()), self._groups[number]
            problem = f"This is not group {number + 1}. Look at the number above the group on the sheet."
            if not typed:
                problem = f"Type group {number + 1} from the sheet."
            elif len(typed) < GROUP:
                problem = f"A group has {GROUP} characters and this has {len(typed)}."
            field.set_error("" if typed == whole else problem)
            if typed != whole:
                wrong.append(line)
        if wrong:
            wrong[0].setFocus(Qt.FocusReason.OtherFocusReason)
        return not wrong

    def clear(self) -> None:
        """Forget the key and what was typed."""
        self._groups = ()
        for line in self.lines:
            line.clear()

    def _enter(self) -> None:
        empty = [line for line in self.lines if not line.text()]
        if empty:
            empty[0].setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self.entered.emit()
