"""Keeping both: one box over both columns, ticked, with the two values beside each other."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.views.conflicts.marked_text import MarkedText
from app.views.kit.cards import rule
from app.views.kit.fields import Check
from app.views.kit.paint import frame
from app.views.kit.text import Text
from app.views.theme import Themed, font, tinted
from app.views.tokens import RADIUS_CONTROL, px

if TYPE_CHECKING:
    from app.services.conflicts.shown import ShownChoice, ShownValue


class BothBox(Themed, QWidget):
    """The ticked box.

    Signals:
        unticked: one of the two is to be chosen instead.
    """

    unticked = Signal()

    def __init__(self, choice: "ShownChoice", metas: list[str], *, enabled: bool) -> None:
        super().__init__()
        assert choice.both is not None  # the row makes it only then
        self.tick = Check(choice.both.title)
        self.tick.setObjectName("keep_both")
        self.tick.setAccessibleName(f"{choice.title}: {choice.both.title}")
        self.tick.setAccessibleDescription(choice.both.detail)
        self.tick.setChecked(True)
        self.tick.setEnabled(enabled)
        self.tick.toggled.connect(lambda on: None if on else self.unticked.emit())
        self._head = QWidget()
        self._row = QHBoxLayout(self._head)
        self._detail = Text(choice.both.detail, "meta", ink="ink3", wrap=True)
        self._row.addWidget(self.tick)
        self._row.addWidget(self._detail, 1)
        self._panes = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._texts: list[QVBoxLayout] = []
        for place, (value, meta) in enumerate(zip(choice.values, metas, strict=True)):
            if place:
                self._panes.addWidget(rule(upright=True))
            self._panes.addLayout(self._pane(value, meta), 1)
        column = QVBoxLayout(self)
        column.setSpacing(0)
        column.setContentsMargins(2, 2, 2, 2)
        column.addWidget(self._head)
        column.addWidget(rule())
        column.addLayout(self._panes, 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.start_theming()

    def _pane(self, value: "ShownValue", meta: str) -> QVBoxLayout:
        column = QVBoxLayout()
        column.addWidget(MarkedText(value.words))
        if meta:
            column.addWidget(Text(meta, "meta", ink="ink3", wrap=True))
        column.addStretch(1)
        self._texts.append(column)
        return column

    def set_upright(self, *, upright: bool) -> None:
        """Put the values under each other where there is no room beside."""
        way = QBoxLayout.Direction.TopToBottom if upright else QBoxLayout.Direction.LeftToRight
        self._panes.setDirection(way)
        for place in range(self._panes.count()):
            item = self._panes.itemAt(place)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.setVisible(not upright)

    def restyle(self) -> None:
        """Follow the theme."""
        self._row.setContentsMargins(px(10), px(4), px(12), px(4))
        self._row.setSpacing(px(4))
        self._panes.setSpacing(0)
        for column in self._texts:
            column.setContentsMargins(px(12), px(8), px(12), px(8))
            column.setSpacing(px(2))
        self.tick.setFont(font("body", "strong"))
        self._head.setMinimumHeight(px(40))
        tinted(self._head, "ink", "accent_tint")

    def focus(self) -> None:
        """Put the keyboard on the tick."""
        self.tick.setFocus(Qt.FocusReason.TabFocusReason)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the box."""
        painter = QPainter(self)
        frame(painter, self.rect(), "surface", "accent", px(RADIUS_CONTROL), px(2))
