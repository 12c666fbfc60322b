"""The bar over a list: how many are ticked, to whom they go, and the page's one primary button."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QWidget

from app.views.kit.buttons import PrimaryButton, QuietButton
from app.views.kit.fields import IconLabel
from app.views.kit.text import ElidedText, Text
from app.views.team.officer_select import OfficerSelect
from app.views.theme import Themed, tinted
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.team_workload import Officer

_NARROW = 640


class AllocateBar(Themed, QWidget):
    """Ticked cases, the officer, and Allocate.

    Signals:
        allocate_asked: Allocate was pressed.
        officer_chosen: somebody was chosen by hand.
    """

    allocate_asked = Signal()
    officer_chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("allocate_bar")
        self._count, self._moving = 0, False
        self._row = QHBoxLayout(self)
        self._row.setSpacing(px(10))
        self.mark = IconLabel("list-checks", "accent")
        self.words = ElidedText("", "body", weight="medium")
        self.give_words = Text("Give to", "body", ink="ink2")
        self.officer = OfficerSelect()
        self.give_words.setBuddy(self.officer)
        self.reason = QLineEdit()
        self.reason.setObjectName("move_reason")
        self.reason.setPlaceholderText("Why they move")
        self.reason.setAccessibleName("Why the cases move to somebody else")
        self.reason.setMaxLength(500)
        self.button = PrimaryButton("Allocate", None, "Ctrl+Return", answers=False)
        self.button.setObjectName("allocate")
        for widget in (self.mark, self.words, self.give_words, self.officer, self.reason, self.button):
            self._row.addWidget(widget, 1 if widget is self.words else 0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.button.clicked.connect(self.allocate_asked)
        self.reason.returnPressed.connect(self.allocate_asked)
        self.officer.currentIndexChanged.connect(self._chosen_by_hand)
        self.set_count(0, moving=False)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self._row.setContentsMargins(px(16), px(8), px(16), px(8))
        tinted(self, "ink", "accent_tint" if self._count else "surface")
        self.officer.setMaximumWidth(px(220))
        self.reason.setMinimumWidth(px(110))

    def set_officers(self, officers: Sequence["Officer"]) -> None:
        """Offer these officers."""
        self.officer.set_officers(officers)

    def set_count(self, count: int, *, moving: bool) -> None:
        """Show how many cases are ticked.

        Args:
            count: ticked cases.
            moving: they have an officer already, so a reason is asked.
        """
        self._count, self._moving = count, moving
        verb = "move" if moving else "allocate"
        self.words.setText(f"{count} selected" if count else f"Tick cases to {verb} them")
        what = "1 case" if count == 1 else f"{count} cases"
        self.button.set_text(f"{verb.capitalize()} {what}" if count else verb.capitalize())
        self.reason.setVisible(moving)
        self._enable()
        self.restyle()

    def officer_id(self) -> str | None:
        """Return who is chosen, or None."""
        chosen = self.officer.currentData()
        return str(chosen) if chosen else None

    def suggest(self, officer_id: str | None) -> None:
        """Choose the suggested officer; a person may choose another."""
        self.officer.choose(officer_id)
        self._enable()

    def set_busy(self, *, busy: bool) -> None:
        """Take no second order while one is carried out."""
        self.button.setEnabled(not busy and self._ready())

    def _ready(self) -> bool:
        return bool(self._count) and self.officer_id() is not None

    def _enable(self) -> None:
        self.button.setEnabled(self._ready())
        self.officer.setEnabled(bool(self._count))

    def _chosen_by_hand(self) -> None:
        self._enable()
        self.officer_chosen.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the smaller words out where there is no room."""
        super().resizeEvent(event)
        roomy = self.width() >= px(_NARROW)
        self.give_words.setVisible(roomy)
        self.mark.setVisible(roomy)


class OpenBar(Themed, QWidget):
    """For lists that are only opened from: a sentence, and what can be done with the current row.

    Signals:
        open_asked: the row's letter or case.
        leave_asked: a stale allocation is left as it is.
    """

    open_asked = Signal()
    leave_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(px(16), px(8), px(16), px(8))
        row.setSpacing(px(10))
        self.words = ElidedText("", "body", ink="ink2")
        self.leave = QuietButton("Leave as it is", compact=True)
        self.leave.setObjectName("leave_allocation")
        self.open_button = PrimaryButton("Open case", None, "Ctrl+Return", answers=False)
        self.open_button.setObjectName("open_row")
        row.addWidget(self.words, 1)
        row.addWidget(self.leave)
        row.addWidget(self.open_button)
        self.leave.clicked.connect(self.leave_asked)
        self.open_button.clicked.connect(self.open_asked)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.start_theming()

    def show_for(self, words: str, verb: str, *, enabled: bool, stale: bool) -> None:
        """Say what the list is, and offer what the current row allows."""
        self.words.setText(words)
        self.open_button.set_text(verb)
        self.open_button.setEnabled(enabled)
        self.leave.setVisible(stale)
