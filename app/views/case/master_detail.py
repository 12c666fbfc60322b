"""A list beside what is chosen in it; one above the other where there is no room for both."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QSplitter, QVBoxLayout, QWidget

from app.views.kit.cards import Card
from app.views.theme import Themed
from app.views.tokens import px

SIDE_BY_SIDE_FROM = 700


class DetailPane(QScrollArea):
    """Scrolling room for one widget at a time."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def show_widget(self, widget: QWidget) -> None:
        """Show a widget; the one before is deleted."""
        inner = QWidget()
        inner.setProperty("fill", "surface")
        column = QVBoxLayout(inner)
        column.setContentsMargins(px(16), px(14), px(16), px(16))
        column.addWidget(widget)
        column.addStretch(1)
        self.setWidget(inner)


class MasterDetail(Themed, QWidget):
    """A list and its detail.

    Attributes:
        splitter: list first; its sizes are the person's.
    """

    def __init__(self, first: QWidget, second: QWidget, *, share: tuple[int, int] = (5, 6)) -> None:
        super().__init__()
        self._share = share
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setChildrenCollapsible(False)
        for widget in (first, second):
            card = Card()
            card.body.addWidget(widget)
            self.splitter.addWidget(card)
        self.splitter.setHandleWidth(px(12))
        # The gap between the cards is the handle; the cards have edges of their own.
        self.splitter.setStyleSheet("QSplitter::handle { background: transparent; }")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.splitter)
        self.start_theming()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Stand the list above the detail where there is no room beside it."""
        super().resizeEvent(event)
        beside = self.width() >= px(SIDE_BY_SIDE_FROM)
        wanted = Qt.Orientation.Horizontal if beside else Qt.Orientation.Vertical
        if self.splitter.orientation() != wanted:
            self.splitter.setOrientation(wanted)
        room = self.width() if beside else self.height()
        if sum(self.splitter.sizes()) == 0 or event.oldSize().width() <= 0:
            first, second = self._share
            self.splitter.setSizes([room * first // (first + second), room * second // (first + second)])
