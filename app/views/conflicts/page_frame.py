"""The parts of the conflict page and how they fold: the list, the case, the foot."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from app.views.conflicts.case_list import ConflictCases
from app.views.conflicts.case_pane import CasePane
from app.views.conflicts.foot import Foot
from app.views.conflicts.joined import JoinedWords
from app.views.kit.cards import EmptyState, rule
from app.views.kit.form import IconLabel
from app.views.kit.text import Text
from app.views.theme import Themed
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.conflicts.shown import ConflictList

LIST_WIDTH, BESIDE_FROM, LOW_BELOW, ROOMY_FROM = 256, 780, 420, 800
EMPTY = "Nothing to review. When two people change the same thing, both values appear here."


class PageFrame(Themed, QWidget):
    """Two panes side by side, or one at a time where there is no room for two."""

    def __init__(self) -> None:
        super().__init__()
        self._list: ConflictList | None = None
        self._alone = self._listed = self._low = False
        self._make()
        self._lay_out()
        self.start_theming()

    def _make(self) -> None:
        self.cases = ConflictCases()
        self.joined = JoinedWords()
        self.pane = CasePane()
        self.foot = Foot()
        self.empty = EmptyState(EMPTY)
        self.empty.setObjectName("nothing_to_review")

    def _lay_out(self) -> None:
        self._left = QWidget()
        self._left.setProperty("fill", "surface")
        self._left.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        left = QVBoxLayout(self._left)
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(0)
        self._heading = Text("Review changes", "pane", weight="strong")
        left.addWidget(self._heading)
        left.addWidget(rule())
        left.addWidget(self.cases, 1)
        left.addWidget(self.joined)
        left.addWidget(rule())
        left.addWidget(_kept_words())
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(self.pane)
        self._right = QWidget()
        right = self._pinned = QVBoxLayout(self._right)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self._scroll, 1)
        right.addWidget(self.foot)
        self._body = QStackedWidget()
        self._body.addWidget(self._right)
        self._body.addWidget(self.empty)
        self._rule = rule(upright=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._left)
        row.addWidget(self._rule)
        row.addWidget(self._body, 1)

    def restyle(self) -> None:
        """Follow the theme."""
        self._heading.setContentsMargins(px(16), px(13), px(16), px(13))
        self._left.setFixedWidth(px(LIST_WIDTH)) if not self._alone else None

    def minimumSizeHint(self) -> QSize:
        """Return less than the parts ask for: they fold."""
        return QSize(px(320), px(260))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold to one pane where there is no room for two."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self._alone = self.width() < px(BESIDE_FROM)
        some = self._list is not None and bool(self._list.cases)
        listed = self._alone and self._listed
        self._left.setVisible(some and (not self._alone or listed))
        self._rule.setVisible(some and not self._alone)
        self._body.setVisible(not listed or not some)
        self._left.setMinimumWidth(px(LIST_WIDTH) if not self._alone else 0)
        self._left.setMaximumWidth(px(LIST_WIDTH) if not self._alone else 16777215)
        self.pane.set_alone(alone=self._alone and some)
        low = self.height() < px(LOW_BELOW)
        self.foot.set_low(low=low or self._right.width() < px(ROOMY_FROM))
        if low != self._low:
            self._low = low
            if low:
                self.pane.take_foot(self.foot)
            else:
                self._pinned.addWidget(self.foot)


def _kept_words() -> QWidget:
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(px(16), px(10), px(12), px(10))
    row.setSpacing(px(8))
    row.addWidget(IconLabel("history", "ink3", 15), 0, Qt.AlignmentFlag.AlignTop)
    row.addWidget(Text("Versions you do not choose stay in the case history", "meta", ink="ink3", wrap=True), 1)
    return holder
