"""How the three panes of Correspondence share the width: side by side, two at a time, or one at a time."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QSplitter, QVBoxLayout, QWidget

from app.views.kit.cards import rule
from app.views.kit.chips import SegmentedControl
from app.views.theme import Themed, tinted
from app.views.tokens import px

WINDOW_FOR_THREE = 1280
THREE_FROM, TWO_FROM = 1040, 900
"""Widths of the page (without the rail and help) at 100 %."""
LIST_WIDTH, FORM_WIDTH, VIEWER_LEAST = 284, 352, 396


class Panes(Themed, QWidget):
    """List, page and form.

    Signals:
        arranged: how many panes are shown (3, 2 or 1).
        resized: the person moved a divider; ask for ``widths``.
    """

    arranged = Signal(int)
    resized = Signal()

    def __init__(self, list_: QWidget, viewer: QWidget, form: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list, self.viewer, self.form = list_, viewer, form
        self.count = 0
        self._list_width, self._form_width = LIST_WIDTH, FORM_WIDTH
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setChildrenCollapsible(False)
        for place, pane in enumerate((list_, viewer, form)):
            pane.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
            self.splitter.addWidget(pane)
            self.splitter.setStretchFactor(place, int(place == 1))
        self.two = SegmentedControl([("list", "Documents"), ("form", "Link")], "Show beside the page")
        self.one = SegmentedControl([("list", "Documents"), ("page", "Page"), ("form", "Link")], "Show")
        self.two.setObjectName("two_panes")
        self.one.setObjectName("one_pane")
        self.choice = QWidget()
        row = QHBoxLayout(self.choice)
        row.setContentsMargins(px(16), px(6), px(16), px(6))
        row.addWidget(self.two)
        row.addWidget(self.one)
        row.addStretch(1)
        self.line = rule()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.choice)
        column.addWidget(self.line)
        column.addWidget(self.splitter, 1)
        self.splitter.splitterMoved.connect(lambda _place, _index: self._moved())
        self.two.chosen.connect(self.show_pane)
        self.one.chosen.connect(self.show_pane)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        tinted(self.choice, "ink", "canvas")
        self._arrange()

    def show_pane(self, name: str) -> None:
        """Bring a pane into view: list, page or form. With all three side by side nothing changes."""
        self.one.set_value(name)
        if name != "page":
            self.two.set_value(name)
        self._apply()

    def set_widths(self, list_width: int, form_width: int) -> None:
        """Use widths the person chose before, in pixels at 100 %; unusable ones are ignored."""
        if LIST_WIDTH <= list_width <= 2 * LIST_WIDTH and FORM_WIDTH <= form_width <= 2 * FORM_WIDTH:
            self._list_width, self._form_width = list_width, form_width
            self._apply()

    def widths(self) -> tuple[int, int]:
        """Return the widths of the list and the form, in pixels at 100 %."""
        return self._list_width, self._form_width

    def _moved(self) -> None:
        list_width, _, form_width = (round(width / px(100) * 100) for width in self.splitter.sizes())
        if not self.list.isHidden():
            self._list_width = max(LIST_WIDTH, list_width)
        if not self.form.isHidden():
            self._form_width = max(FORM_WIDTH, form_width)
        self.resized.emit()

    def shown(self) -> list[QWidget]:
        """Return the panes in view, in order."""
        return [pane for pane in (self.list, self.viewer, self.form) if not pane.isHidden()]

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arrange the panes for the width."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        width = self.width()
        wide = width >= px(THREE_FROM) and self.window().width() >= px(WINDOW_FOR_THREE)
        count = 3 if wide else 2 if width >= px(TWO_FROM) else 1
        if count == self.count:
            return
        self.count = count
        self.choice.setVisible(count < 3)
        self.line.setVisible(count < 3)
        self.two.setVisible(count == 2)
        self.one.setVisible(count == 1)
        self.list.setMinimumWidth(px(LIST_WIDTH - 8) if count > 1 else 0)
        self.form.setMinimumWidth(px(FORM_WIDTH - 16) if count > 1 else 0)
        self._apply()
        self.arranged.emit(count)

    def _apply(self) -> None:
        one, two = self.one.value(), self.two.value()
        self.list.setVisible(self.count == 3 or (two == "list" if self.count == 2 else one == "list"))
        self.viewer.setVisible(self.count > 1 or one == "page")
        self.form.setVisible(self.count == 3 or (two == "form" if self.count == 2 else one == "form"))
        if self.count > 1:
            side = [px(self._list_width), 0, px(self._form_width)]
            side[1] = max(px(VIEWER_LEAST), self.width() - side[0] - side[2])
            self.splitter.setSizes(side)
