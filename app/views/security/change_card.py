"""A card about one protection: what it is, a button to change it, and the steps of the change in place."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.errors import EnvironmentFault, UserError
from app.views.context import AppContext
from app.views.kit.announce import announce
from app.views.kit.buttons import PrimaryButton, QuietButton
from app.views.kit.cards import Card
from app.views.kit.feedback import Banner, ProgressPanel
from app.views.kit.text import Text
from app.views.recovery.steps import Steps
from app.views.tokens import px
from app.views.unlock_page import PassphraseField

T = TypeVar("T")
FORM_WIDTH = 460


class ChangeCard(Card):
    """The card; subclasses add their steps and say what the button of each does.

    Args:
        context: of the window.
        title: of the card.
        words: what it is.
        verb: on the button that begins the change.
        icon: of that button.

    Signals:
        begun: the change begins; others close theirs.
        changed: it is done; says so in words.
    """

    begun = Signal()
    changed = Signal(str)

    def __init__(self, context: AppContext, title: str, words: str, verb: str, icon: str) -> None:
        super().__init__(title)
        self.context = context
        self.words = Text(words, "secondary", ink="ink2", wrap=True)
        self.start = QuietButton(verb, icon)
        self.steps = Steps()
        self.verbs: list[str] = []
        self.message = Banner("offline", "")
        self.message.hide()
        self.progress = ProgressPanel("Unlocking")
        self.progress.hide()
        self.next = PrimaryButton("Continue", "arrow-right")
        self.cancel = QuietButton("Cancel")
        self.form = QWidget()
        self._lay_out()
        self.form.hide()
        self.start.clicked.connect(self._begin)
        self.cancel.clicked.connect(self.close_form)
        self.next.clicked.connect(self.go_on)

    def _lay_out(self) -> None:
        column = self.padded()
        column.setSpacing(px(12))
        column.addWidget(self.words)
        column.addWidget(self.start, 0, Qt.AlignmentFlag.AlignLeft)
        inner = QVBoxLayout(self.form)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(px(12))
        for widget in (self.message, self.steps, self.progress):
            inner.addWidget(widget)
        foot = QHBoxLayout()
        foot.setSpacing(px(8))
        foot.addWidget(self.next)
        foot.addWidget(self.cancel)
        foot.addStretch(1)
        inner.addLayout(foot)
        self.form.setMaximumWidth(px(FORM_WIDTH))
        row = QHBoxLayout()  # in a row with a stretch, so that its height is asked for at the width it gets
        row.addWidget(self.form, 1)
        row.addStretch(0)
        column.addLayout(row)

    def add_step(self, verb: str, widgets: Sequence[QWidget]) -> None:
        """Add a step with its widgets and the words on its button."""
        step = QWidget()
        column = QVBoxLayout(step)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(12))
        for widget in widgets:
            column.addWidget(widget)
        self.verbs.append(verb)
        self.steps.add(step)

    def is_open(self) -> bool:
        """Return whether a change is under way."""
        return not self.form.isHidden()

    def show_step(self, step: int) -> None:
        """Show a step and put the focus where typing starts."""
        self.message.hide()
        self.steps.show_step(step)
        self.next.set_text(self.verbs[step])
        self.start_of(step).setFocus(Qt.FocusReason.OtherFocusReason)

    def close_form(self) -> None:
        """Leave everything as it was and forget what was typed."""
        self.forget()
        self.message.hide()
        self.form.hide()
        self.start.show()

    def start_of(self, step: int) -> QWidget:
        """Return what gets the focus when a step is shown."""
        raise NotImplementedError

    def go_on(self) -> None:
        """Leave the step that is shown, when it is whole."""
        raise NotImplementedError

    def forget(self) -> None:
        """Forget everything typed and made."""
        raise NotImplementedError

    def refuse(self, message: str, about: str | None) -> None:
        """Show beside its field what the services refused."""
        self.say(message)

    def say(self, text: str) -> None:
        """Show a banner over the step."""
        self.message.set_text(text)
        self.message.show()
        announce(self.message, text)

    def run(self, words: str, work: Callable[[], T], done: Callable[[T], object]) -> None:
        """Do something off the window's thread, with progress; buttons wait.

        Args:
            words: what is being done.
            work: runs in the lane of writes, in its order.
            done: takes the result.
        """
        self._set_busy(words)
        self.context.runner.run(self, work, lambda result: self._finish(done, result), self._failed)

    def _begin(self) -> None:
        self.begun.emit()
        self.start.hide()
        self.form.show()
        self.show_step(0)

    def _finish(self, done: Callable[[T], object], result: T) -> None:
        self._set_busy("")
        done(result)

    def _failed(self, error: Exception) -> None:
        from app.views.errors_shown import describe

        self._set_busy("")
        if isinstance(error, UserError):
            self.refuse(error.message, error.field)
        elif isinstance(error, EnvironmentFault):
            self.say(error.message)
        else:
            self.say(describe(error).text)

    def _set_busy(self, words: str) -> None:
        for widget in (self.steps, self.next, self.cancel):
            widget.setEnabled(not words)
        self.progress.label.setText(words)
        self.progress.setVisible(bool(words))
        if words:
            self.message.hide()


def passphrase_field(name: str = "passphrase_now") -> PassphraseField:
    """Return a field for the passphrase as it is now."""
    field = PassphraseField("Passphrase")
    field.setObjectName(name)
    return field
