"""The side column as a drawer over the page, and the button that opens it."""

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.views.icons import paint_icon
from app.views.kit.buttons import IconButton
from app.views.kit.paint import STATES, focus_ring
from app.views.theme import Themed, colour, font, metrics
from app.views.tokens import px


class DrawerButton(Themed, QAbstractButton):
    """Says what is next and opens the drawer."""

    def __init__(self) -> None:
        super().__init__()
        self._state = "none"
        self.setObjectName("drawer_button")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.show_next("none", "Next")
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.updateGeometry()

    def show_next(self, state: str, words: str) -> None:
        """Show a state of ``kit.paint.STATES`` and its words."""
        self._state = state
        self.setText(words)
        self.setAccessibleName(f"{words}, open what is next")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return room for two icons and the words."""
        words = metrics("body", "strong").horizontalAdvance(self.text()) + 1
        return QSize(words + 2 * px(24) + px(8), max(px(36), metrics("body").height() + px(12)))

    def minimumSizeHint(self) -> QSize:
        """Return the same."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw icon, words and the drawer's icon."""
        painter = QPainter(self)
        name, ink, _tint = STATES[self._state]
        paint_icon(painter, QRect(px(4), 0, px(18), self.height()), name, ink, px(17))
        painter.setFont(font("body", "strong"))
        painter.setPen(colour(ink))
        flags = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        painter.drawText(self.rect().adjusted(px(28), 0, 0, 0), flags, self.text())
        mark = QRect(self.width() - px(24), 0, px(20), self.height())
        paint_icon(painter, mark, "panel-right-open", ink, px(17))
        if self.hasFocus():
            focus_ring(painter, self.rect())


class Drawer(Themed, QFrame):
    """Holds a widget that is docked in a layout, or slides over the right of the page."""

    def __init__(self, page: QWidget, content: QWidget) -> None:
        super().__init__(page)
        self._page, self._content = page, content
        self._docked: QHBoxLayout | None = None
        self._is_docked = True
        self.setObjectName("drawer")
        self.setProperty("fill", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Next, enquiries and linked people")
        close = IconButton("panel-right-close", "Close what is next", "Esc", answers=False)
        close.clicked.connect(self.close_drawer)
        head = QHBoxLayout()
        head.setContentsMargins(0, px(6), px(14), 0)
        head.addStretch(1)
        head.addWidget(close)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(px(12), 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addLayout(head)
        self._opener: QWidget | None = None
        self.hide()
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self._place()

    def dock(self, layout: QHBoxLayout | None) -> None:
        """Put the content into a layout, or with None into the drawer."""
        if layout is not None and not self._is_docked:
            self.hide()
            layout.addWidget(self._content)
            self._content.show()
            self._is_docked = True
        elif layout is None and self._is_docked:
            self._column.addWidget(self._content, 1)
            self._is_docked = False
        self._place()

    def is_open(self) -> bool:
        """Return whether the drawer lies over the page."""
        return not self._is_docked and self.isVisible()

    def toggle(self) -> None:
        """Open or close."""
        if self.is_open():
            self.close_drawer()
        elif not self._is_docked:
            self._opener = self._page.focusWidget()
            self._place()
            self.show()
            self.raise_()
            self._content.setFocus()

    def close_drawer(self) -> None:
        """Close and give the focus back."""
        if self.is_open():
            self.hide()
            if self._opener is not None and self._opener.isVisible():
                self._opener.setFocus()

    def _place(self) -> None:
        width = min(self._page.width(), self._content.width() + px(14)) if self._content.width() else px(366)
        self.setGeometry(self._page.width() - width, 0, width, self._page.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the ground and the edge towards the page."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour("canvas"))
        painter.fillRect(QRect(0, 0, px(1), self.height()), colour("edge"))
