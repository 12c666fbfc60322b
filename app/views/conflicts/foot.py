"""The foot of the page: how much is left, Decide later, and Save."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.views.kit.announce import announce
from app.views.kit.buttons import PrimaryButton, QuietButton
from app.views.kit.text import Text
from app.views.theme import Themed, colour
from app.views.tokens import current, px

LATER = "Not sure? Decide later and carry on working. The case shows both until you choose."


class Foot(Themed, QWidget):
    """The bar.

    Signals:
        later_asked: Decide later.
        save_asked: Save and open next.
    """

    later_asked = Signal()
    save_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("fill", "surface")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.words = Text("", "body", weight="strong", wrap=True)
        self.detail = Text(LATER, "secondary", ink="ink2", wrap=True)
        self.later = QuietButton("Decide later")
        self.later.setObjectName("decide_later")
        self.later.clicked.connect(self.later_asked)
        self.save = PrimaryButton("Save and open next", None, "Ctrl+Return", answers=False)
        self.save.setObjectName("save_choices")
        self.save.clicked.connect(self.save_asked)
        self._ready = False
        column = QVBoxLayout()
        column.setSpacing(px(1))
        column.addWidget(self.words)
        column.addWidget(self.detail)
        self._row = QHBoxLayout(self)
        self._row.addLayout(column, 1)
        self._row.addWidget(self.later)
        self._row.addWidget(self.save)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self._row.setContentsMargins(px(20), px(10), px(20), px(10))
        self._row.setSpacing(px(8))

    def show_state(self, waiting: Sequence[str], decided: int, *, last: bool) -> None:
        """Say how many choices are left and which.

        Args:
            waiting: their titles.
            decided: how many are made and not saved.
            last: there is no other case to open.
        """
        self._ready = decided > 0
        self.save.set_text("Save" if last else "Save and open next")
        self.save.setEnabled(self._ready)
        if not waiting and not decided:
            self.words.setText("Nothing here is yours to decide")
        elif not waiting:
            self.words.setText("Everything is decided. Save to finish.")
        else:
            count = "1 choice left" if len(waiting) == 1 else f"{len(waiting)} choices left"
            titles = ", ".join(_small(title) for title in waiting[:3])
            more = f" and {len(waiting) - 3} more" if len(waiting) > 3 else ""
            self.words.setText(f"{count}: {titles}{more}")
        self.words.set_ink("ink")

    def say(self, message: str) -> None:
        """Say why nothing was saved."""
        self.words.setText(message)
        announce(self, message)

    def set_busy(self, *, busy: bool) -> None:
        """Take no second order while one is carried out."""
        self.save.setEnabled(self._ready and not busy)

    def set_low(self, *, low: bool) -> None:
        """Leave the smaller words out where there is no room."""
        self.detail.setVisible(not low)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the rule over the bar."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.fillRect(0, 0, self.width(), px(current().border_width), colour("hairline"))


def _small(title: str) -> str:
    """Return a title inside a sentence: names in capitals stay."""
    return title if title[:2].isupper() else title[:1].lower() + title[1:]
