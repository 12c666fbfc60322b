"""The right side: whose case it is, what happened, and the table of choices."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.views import clipboard
from app.views.kit.buttons import QuietButton
from app.views.kit.feedback import Banner
from app.views.kit.text import Link, Text
from app.views.theme import Themed
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.conflicts.shown import CaseConflicts
    from app.views.conflicts.choice_table import ChoiceTable


class CasePane(Themed, QWidget):
    """The head and the table of one case.

    Signals:
        case_asked: Open case.
        list_asked: back to the list, where it does not stand beside.
    """

    case_asked = Signal()
    list_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("fill", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.back = Link("All cases to review", "secondary")
        self.back.setObjectName("all_cases")
        self.back.activated.connect(self.list_asked)
        self.back.hide()
        self.name = Text("", "page", weight="strong", wrap=True)
        self.line = Text("", "body", ink="ink2", wrap=True)
        self.open_case = QuietButton("Open case", "folder-open")
        self.open_case.setObjectName("open_case")
        self.open_case.clicked.connect(self.case_asked)
        self.intro = Text("", "body", ink="ink2", wrap=True)
        self._notices = QVBoxLayout()
        self._table: ChoiceTable | None = None
        head = QHBoxLayout()
        head.setSpacing(px(12))
        self._titles = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._titles.addWidget(self.name)
        self._titles.addWidget(self.line, 1)
        head.addLayout(self._titles, 1)
        head.addWidget(self.open_case, 0, Qt.AlignmentFlag.AlignTop)
        self._column = QVBoxLayout(self)
        self._column.addWidget(self.back, 0, Qt.AlignmentFlag.AlignLeft)
        self._column.addLayout(head)
        self._column.addWidget(self.intro)
        self._column.addLayout(self._notices)
        self._column.addStretch(1)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self._column.setContentsMargins(px(20), px(12), px(20), px(16))
        self._column.setSpacing(px(8))
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the line under a long name where both do not fit beside each other."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        needed = self.name.fontMetrics().horizontalAdvance(self.name.text())
        needed += self.line.fontMetrics().horizontalAdvance(self.line.text())
        beside = needed + self.open_case.sizeHint().width() + px(90) < self.width()
        way = QBoxLayout.Direction.LeftToRight if beside else QBoxLayout.Direction.TopToBottom
        self.name.setWordWrap(not beside)
        self._titles.setDirection(way)
        self._titles.setSpacing(px(12) if beside else 0)

    def show_case(self, case: "CaseConflicts", table: "ChoiceTable") -> None:
        """Show another case, or the same one anew."""
        self.name.setText(case.name)
        self.line.setText(case.line)
        self.intro.setText(case.intro)
        self.open_case.setVisible(case.case_id is not None)
        self._fit()
        self._drop_table()
        self._table = table
        # The table may be as high as it likes; what is left under it stays empty. The foot may stand there already.
        self._column.insertWidget(self._column.indexOf(self._notices) + 1, table)

    def clear(self) -> None:
        """Show nothing."""
        self._drop_table()
        self.say_nothing()

    def _drop_table(self) -> None:
        if self._table is not None:
            self._table.hide()
            self._table.deleteLater()
            self._table = None

    def set_alone(self, *, alone: bool) -> None:
        """Offer the way back to the list where it does not stand beside."""
        self.back.setVisible(alone)

    def take_foot(self, foot: QWidget) -> None:
        """Put the foot of the page under the table: in a low window it scrolls with it."""
        self._column.addWidget(foot)

    def say(self, kind: str, text: str, typed: str = "") -> None:
        """Say something over the table; what was typed is shown and can be copied."""
        self.say_nothing()
        kept = f"{text}\nWhat you typed is kept here: {typed}" if typed else text
        actions = [("Copy what you typed", lambda: clipboard.copy(typed))] if typed else []
        banner = Banner(kind, kept, actions, closable=True)
        banner.setObjectName("conflict_notice")
        self._notices.addWidget(banner)

    def said(self) -> str:
        """Return what is said over the table."""
        item = self._notices.itemAt(0)
        banner = item.widget() if item is not None else None
        return banner.label.text() if isinstance(banner, Banner) else ""

    def say_nothing(self) -> None:
        """Take what was said away."""
        while (item := self._notices.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()

    def minimumSizeHint(self) -> QSize:
        """Return that it folds to any width."""
        return QSize(px(240), super().minimumSizeHint().height())
