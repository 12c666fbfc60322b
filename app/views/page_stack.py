"""Where pages stand: always as wide as the window, and never squeezed below the height they need."""

from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QStackedWidget, QWidget

from app.views.tokens import px


class PageStack(QScrollArea):
    """One page at a time. Pages fold to the width they are given; in a low window the page scrolls.

    A plain stack would not do: it is as large as the largest of its pages was last, and holds the window open.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stack = QStackedWidget()
        self.setWidget(self._stack)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumSize(px(240), px(120))
        self._stack.currentChanged.connect(self.fit)

    def add_page(self, page: QWidget) -> None:
        """Add a page behind the others."""
        page.installEventFilter(self)
        self._stack.addWidget(page)

    def show_page(self, page: QWidget) -> None:
        """Show a page, from its top."""
        self._stack.setCurrentWidget(page)
        self.fit()
        self.verticalScrollBar().setValue(0)

    def currentWidget(self) -> Any:
        """Return the page shown, as a plain stack does."""
        return self._stack.currentWidget()

    def page(self) -> Any:
        """Return the page shown."""
        return self._stack.currentWidget()

    def removeWidget(self, page: QWidget) -> None:
        """Take a page out, as a plain stack does."""
        page.removeEventFilter(self)
        self._stack.removeWidget(page)

    def fit(self) -> None:
        """Give the page the view's width, and its height or what the page needs at least."""
        page = self._stack.currentWidget()
        view = self.viewport().size()
        needed = page.minimumSizeHint().height() if page is not None else 0
        self._stack.resize(view.width(), max(view.height(), needed))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit again."""
        super().resizeEvent(event)
        self.fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Fit again when what a page needs has changed."""
        if event.type() == QEvent.Type.LayoutRequest and watched is self._stack.currentWidget():
            self.fit()
        return False
