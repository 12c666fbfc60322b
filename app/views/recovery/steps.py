"""A card in the middle of the window that leads through steps, one at a time; Enter goes on."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.views.kit.announce import announce
from app.views.kit.buttons import PrimaryButton, QuietButton
from app.views.kit.cards import Card
from app.views.kit.feedback import Banner
from app.views.kit.text import Text
from app.views.theme import Themed
from app.views.tokens import px
from app.views.unlock_page import Mark, centred, fit_card


class Steps(QWidget):
    """Shows one of several widgets and is as high as that one; a ``QStackedWidget`` is as high as its highest."""

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._widgets: list[QWidget] = []
        self._current = 0

    def add(self, widget: QWidget) -> None:
        """Add a widget as the last."""
        self._widgets.append(widget)
        self._column.addWidget(widget)
        widget.setVisible(len(self._widgets) == 1)

    def current(self) -> int:
        """Return which is shown."""
        return self._current

    def show_step(self, step: int) -> None:
        """Show one and hide the others."""
        self._current = step
        for place, widget in enumerate(self._widgets):
            if place != step:
                widget.hide()
        self._widgets[step].show()


@dataclass(frozen=True, slots=True)
class StepWords:
    """What stands around a step.

    Attributes:
        title: of the step.
        words: under it, what it is for; may be empty.
        verb: on the button that goes on; empty hides it.
        back: whether one may go back from it.
        place: words in place of ``Step n of m``.
    """

    title: str
    words: str = ""
    verb: str = "Continue"
    back: bool = True
    place: str | None = None


class StepsPage(Themed, QWidget):
    """The page: head, words, message, the step's own widgets, and the buttons that lead on and back.

    Subclasses add their steps and say what Continue means in :meth:`go_on`.

    Attributes:
        message: a banner over the step; hidden until :meth:`say`.
        next, previous: the buttons.
    """

    width_at_100 = 460

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setProperty("fill", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.steps = Steps()
        self._step_words: list[StepWords] = []
        self.message = Banner("offline", "")
        self.message.setObjectName(f"{name}_message")
        self.message.hide()
        self.next = PrimaryButton("Continue", "arrow-right")
        self.next.setObjectName("continue")
        self.previous = QuietButton("Back", "arrow-left")
        self.previous.setObjectName("back")
        self.title = Text("", "pane", weight="strong")
        self.place = Text("", "secondary", ink="ink2")
        self.words = Text("", "body", ink="ink2", wrap=True)
        self._lay_out_card()
        self.next.clicked.connect(self.go_on)
        self.previous.clicked.connect(self.go_back)

    def _lay_out_card(self) -> None:
        self.card = Card()
        column = self.card.padded()
        column.setContentsMargins(px(28), px(24), px(28), px(24))
        column.setSpacing(px(12))
        head = QHBoxLayout()
        head.setSpacing(px(12))
        head.addWidget(Mark())
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(self.title)
        names.addWidget(self.place)
        head.addLayout(names, 1)
        column.addLayout(head)
        column.addWidget(self.words)
        column.addWidget(self.message)
        column.addWidget(self.steps)
        self.foot = QHBoxLayout()
        self.foot.setSpacing(px(8))
        self.foot.addWidget(self.previous)
        self.foot.addStretch(1)
        self.foot.addWidget(self.next)
        column.addLayout(self.foot)
        centred(self, self.card)

    def add_step(self, words: StepWords, widgets: Sequence[QWidget] = ()) -> None:
        """Add a step with its widgets, one under the other."""
        step = QWidget()
        column = QVBoxLayout(step)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(12))
        for widget in widgets:
            column.addWidget(widget)
        self._step_words.append(words)
        self.steps.add(step)

    def restyle(self) -> None:
        """Follow the theme."""
        fit_card(self, self.card, self.width_at_100)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Never wider than the window."""
        super().resizeEvent(event)
        self.restyle()

    def step(self) -> int:
        """Return the step shown."""
        return self.steps.current()

    def show_step(self, step: int) -> None:
        """Show a step, with its words, and put the focus where typing starts."""
        around = self._step_words[step]
        self.message.hide()
        self.steps.show_step(step)
        self.title.setText(around.title)
        self.place.setText(self.place_words(step) if around.place is None else around.place)
        self.place.setVisible(bool(self.place.text()))
        self.set_words(around.words)
        self.previous.setVisible(around.back)
        self.next.setVisible(bool(around.verb))
        self.next.set_text(around.verb)
        self.next.setEnabled(True)
        announce(self, f"{around.title}. {self.place.text()}")
        self._start()

    def showEvent(self, event: QShowEvent) -> None:
        """Put the focus where typing starts, once the page has taken the place of another."""
        super().showEvent(event)
        if not event.spontaneous():
            QTimer.singleShot(0, self, self._start)

    def _start(self) -> None:
        self.start_of(self.step()).setFocus(Qt.FocusReason.OtherFocusReason)

    def go_on_with_enter(self, *choices: QWidget) -> None:
        """Have Enter go on from choices too; lines and buttons have their own meaning of it."""
        for choice in choices:
            choice.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Go on with Enter from a choice."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if enter and not event.isAutoRepeat() and self.next.isEnabled():
                self.go_on()
                return True
        return super().eventFilter(watched, event)

    def set_words(self, words: str) -> None:
        """Change the words under the title."""
        self.words.setText(words)
        self.words.setVisible(bool(words))

    def say(self, text: str) -> None:
        """Show a banner over the step; an empty text hides it."""
        self.message.set_text(text)
        self.message.setVisible(bool(text))
        announce(self.message, text)

    def place_words(self, step: int) -> str:
        """Return where in the row a step is."""
        return f"Step {step + 1} of {len(self._step_words)}"

    def start_of(self, step: int) -> QWidget:
        """Return what gets the focus when a step is shown."""
        return self.next

    def go_on(self) -> None:
        """Leave the step that is shown, when it is whole."""
        raise NotImplementedError

    def go_back(self) -> None:
        """Show the step before."""
        self.show_step(max(0, self.step() - 1))
