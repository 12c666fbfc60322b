"""Parts of the link form: the follow-up task, the case a document is on, and the buttons that end the work on it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.views.kit.buttons import PrimaryButton, QuietButton
from app.views.kit.cards import rule
from app.views.kit.fields import Check, FormField
from app.views.kit.text import Link, Text
from app.views.theme import Themed, tinted
from app.views.tokens import px

LEAVING = {
    "set_aside": ("Why is it set aside?", "Set aside"),
    "not_for_us": ("Where does it go?", "Not for us"),
}


class FollowUp(QWidget):
    """Offers a task that follows from what the document is; the words can be changed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.check = Check("Add a task")
        self.check.setObjectName("add_task")
        self.line = QLineEdit()
        self.line.setObjectName("task_words")
        self.line.setAccessibleName("What to do")
        self.line.setPlaceholderText("What to do next")
        self.line.setMaxLength(200)
        self.line.setAcceptDrops(False)
        self._offered = ""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(4))
        column.addWidget(self.check)
        column.addWidget(self.line)
        self.check.toggled.connect(self._toggled)
        self.start("")

    def start(self, offered: str, kept: str | None = None) -> None:
        """Begin on a document: what follows from its kind, or the words that were filled in before ("" for none)."""
        self._offered = offered
        words = offered if kept is None else kept
        self.check.setChecked(bool(words))
        self.line.setText(words or offered)
        self.line.setCursorPosition(0)
        self._toggled(self.check.isChecked())

    def offer(self, task: str) -> None:
        """Offer another task because the kind changed; words the person typed are kept."""
        if self.edited():
            self._offered = task
        else:
            self.start(task)

    def words(self) -> str:
        """Return the task's words, or an empty text when none is wanted."""
        return self.line.text().strip() if self.check.isChecked() else ""

    def edited(self) -> bool:
        """Return whether the person changed what was offered."""
        return self.line.text().strip() != self._offered or self.check.isChecked() != bool(self._offered)

    def _toggled(self, on: bool) -> None:
        self.line.setVisible(on)


class LinkedTo(QWidget):
    """The case a document is on.

    Signals:
        open_asked, unlink_asked: the links.
    """

    open_asked = Signal()
    unlink_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = Text("", "card", weight="strong", wrap=True)
        self.open = Link("Open the case")
        self.open.setObjectName("open_case")
        self.unlink = Link("Take it off this case")
        self.unlink.setObjectName("unlink")
        self.open.activated.connect(self.open_asked)
        self.unlink.activated.connect(self.unlink_asked)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(4))
        column.addWidget(self.name)
        row = QHBoxLayout()
        row.setSpacing(px(20))
        row.addWidget(self.open)
        row.addWidget(self.unlink)
        row.addStretch(1)
        column.addLayout(row)

    def show_case(self, name: str, *, may_unlink: bool) -> None:
        """Show the child and reference."""
        self.name.setText(name or "A case that is not on this laptop")
        self.open.setVisible(bool(name))
        self.unlink.setVisible(may_unlink)
        self.show()


class Outcome(Themed, QWidget):
    """Link and open next, Link, Set aside, Not for us; the last two ask for a reason in place.

    Signals:
        link_asked: True to open the next document afterwards.
        left: ("set_aside" or "not_for_us", reason).
    """

    link_asked = Signal(bool)
    left = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._leaving = ""
        self.primary = PrimaryButton("Link and open next", None, "Ctrl+Return", answers=False)
        self.primary.setObjectName("link_and_next")
        self.link = QuietButton("Link")
        self.aside = QuietButton("Set aside")
        self.not_ours = QuietButton("Not for us")
        for name, button in (("link", self.link), ("set_aside", self.aside), ("not_for_us", self.not_ours)):
            button.setObjectName(name)
        self.primary.clicked.connect(lambda: self.link_asked.emit(True))
        self.link.clicked.connect(lambda: self.link_asked.emit(False))
        self.aside.clicked.connect(lambda: self.ask("set_aside"))
        self.not_ours.clicked.connect(lambda: self.ask("not_for_us"))
        self._make_reason()
        self.usual = QWidget()
        usual = QVBoxLayout(self.usual)
        usual.setContentsMargins(px(16), px(12), px(16), px(14))
        usual.setSpacing(px(8))
        usual.addWidget(self.primary)
        row = QHBoxLayout()
        row.setSpacing(px(8))
        for button in (self.link, self.aside, self.not_ours):
            row.addWidget(button, 1)
        usual.addLayout(row)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(rule())
        column.addWidget(self.usual)
        column.addWidget(self.asking)
        self.start_theming()

    def _make_reason(self) -> None:
        self.reason = QLineEdit()
        self.reason.setObjectName("leave_reason")
        self.reason.setMaxLength(200)
        self.reason.setAcceptDrops(False)
        self.reason_field = FormField("Why is it set aside?", self.reason)
        self.confirm = PrimaryButton("Set aside")
        self.confirm.setObjectName("leave_confirm")
        self.cancel = QuietButton("Cancel")
        self.cancel.setObjectName("leave_cancel")
        self.confirm.clicked.connect(self.give_reason)
        self.reason.returnPressed.connect(self.give_reason)
        self.cancel.clicked.connect(self.stop_asking)
        self.asking = QWidget()
        column = QVBoxLayout(self.asking)
        column.setContentsMargins(px(16), px(12), px(16), px(14))
        column.setSpacing(px(8))
        column.addWidget(self.reason_field)
        row = QHBoxLayout()
        row.setSpacing(px(8))
        row.addWidget(self.confirm, 1)
        row.addWidget(self.cancel, 1)
        column.addLayout(row)
        self.asking.hide()

    def restyle(self) -> None:
        """Follow the theme."""
        tinted(self, "ink", "canvas")

    def set_ready(self, *, ready: bool) -> None:
        """Allow or forbid acting."""
        self.stop_asking()
        for button in (self.primary, self.link, self.aside, self.not_ours):
            button.setEnabled(ready)

    def is_asking(self) -> bool:
        """Return whether a reason is being asked for."""
        return bool(self._leaving)

    def give_reason(self) -> None:
        """Say the reason that was typed."""
        if self._leaving:
            self.left.emit(self._leaving, self.reason.text().strip())

    def stop_asking(self) -> None:
        """Show the usual buttons."""
        self._leaving = ""
        self.reason.clear()
        self.reason_field.set_error("")
        self.asking.hide()
        self.usual.show()

    def show_error(self, message: str) -> None:
        """Show what is wrong with the reason."""
        self.reason_field.set_error(message)
        self.reason.setFocus(Qt.FocusReason.OtherFocusReason)

    def ask(self, leaving: str) -> None:
        """Ask for the reason, in place of the usual buttons."""
        question, verb = LEAVING[leaving]
        self._leaving = leaving
        self.reason_field.label.setText(question)
        self.reason.setAccessibleName(question)
        self.confirm.set_text(verb)
        self.usual.hide()
        self.asking.show()
        self.reason.setFocus(Qt.FocusReason.OtherFocusReason)
