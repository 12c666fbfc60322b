"""The top bar: back, forward, where you are, the command field, sync, Lock, and who is signed in."""

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from app.views.icons import paint_icon
from app.views.kit.buttons import Button, IconButton
from app.views.kit.paint import focus_ring, frame, key_hint, key_hint_size, paint_text
from app.views.kit.tags import Avatar
from app.views.kit.text import ElidedText, Link, Text
from app.views.pages import Crumb
from app.views.sync_pill import SyncPill
from app.views.theme import Themed, colour
from app.views.tokens import RADIUS_CONTROL, current, px


class CommandField(Themed, QAbstractButton):
    """Looks like a search field and opens the palette."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("command_field")
        self.setAccessibleName("Search or type a command")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.IBeamCursor)
        self._compact = False
        self._ring = False
        self.start_theming()

    def set_compact(self, compact: bool) -> None:
        """Use one word in a narrow window."""
        self._compact = compact
        self.restyle()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFixedSize(px(180 if self._compact else 340), px(32))
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring when the keyboard brought the focus."""
        self._ring = event.reason() != Qt.FocusReason.MouseFocusReason
        super().focusInEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the field."""
        painter = QPainter(self)
        frame(painter, self.rect(), "surface", "edge", px(RADIUS_CONTROL), px(current().border_width))
        paint_icon(painter, QRect(px(11), 0, px(16), self.height()), "search", "ink3", px(16))
        size = key_hint_size("Ctrl K")
        box = QRect(
            self.width() - size.width() - px(9), (self.height() - size.height()) // 2, size.width(), size.height()
        )
        words = "Search" if self._compact else "Search or type a command"
        room = self.rect().adjusted(px(35), 0, -size.width() - px(14), 0)
        paint_text(painter, room, words, "body", ink="ink3")
        key_hint(painter, box, "Ctrl K", "ink2", "hairline", "canvas")
        if self.hasFocus() and self._ring:
            focus_ring(painter, self.rect())


class Breadcrumb(QWidget):
    """Where you are; all but the last part are links.

    Signals:
        asked: the route of a part.
    """

    asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(px(2))
        self._way: list[QWidget] = []
        self._last: ElidedText | None = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def set_crumbs(self, crumbs: list[Crumb]) -> None:
        """Show the parts from the outermost in."""
        while (item := self._row.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._way, self._last = [], None
        for words, route in crumbs[:-1]:
            part = Text(words, "body", ink="ink2") if route is None else self._link(words, route)
            self._way += [part, _Chevron()]
        for widget in self._way:
            self._row.addWidget(widget)
        for words, _route in crumbs[-1:]:
            self._last = ElidedText(words, "body", weight="strong")
            self._last.setMinimumWidth(min(px(60), self._last.fontMetrics().horizontalAdvance(words)))
            self._row.addWidget(self._last, 1)
        self._fit()

    def _fit(self) -> None:
        """Show the way here only where the last part has room beside it: Back leads there too."""
        if self._last is None:
            return
        wanted = min(px(120), self._last.fontMetrics().horizontalAdvance(self._last.text()))
        room = self.width() - sum(widget.sizeHint().width() + self._row.spacing() for widget in self._way)
        for widget in self._way:
            widget.setVisible(room >= wanted)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold to the last part."""
        super().resizeEvent(event)
        self._fit()

    def _link(self, words: str, route: str) -> Link:
        link = _QuietLink(words, "body")
        link.activated.connect(lambda: self.asked.emit(route))
        return link

    def minimumSizeHint(self) -> QSize:
        """Return that it may shrink to a word."""
        return QSize(px(60), px(24))


class _QuietLink(Link):
    def restyle(self) -> None:
        super().restyle()
        palette = self.palette()
        palette.setColor(self.foregroundRole(), colour("ink2"))
        self.setPalette(palette)


class _Chevron(Themed, QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.start_theming()

    def restyle(self) -> None:
        self.setFixedSize(px(22), px(20))

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_icon(QPainter(self), self.rect(), "chevron-right", "ink3", px(14))


class TopBar(Themed, QWidget):
    """One row above every page.

    Signals:
        back_asked, forward_asked, palette_asked, lock_asked, sync_asked: what was pressed.
        route_asked: a part of the breadcrumb.
    """

    back_asked = Signal()
    forward_asked = Signal()
    palette_asked = Signal()
    lock_asked = Signal()
    sync_asked = Signal()
    route_asked = Signal(str)

    def __init__(self, initials: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("fill", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.back = IconButton("arrow-left", "Back", "Alt+Left", answers=False)
        self.forward = IconButton("arrow-right", "Forward", "Alt+Right", answers=False)
        self.crumbs = Breadcrumb()
        self.command = CommandField()
        self.pill = SyncPill()
        self.lock = Button("Lock", "lock", kind="bare")
        self.lock.setObjectName("lock")
        self.lock.setToolTip("Lock Rollcall (Ctrl L)")
        self.avatar = Avatar(initials, name, quiet=False)
        row = QHBoxLayout(self)
        row.setSpacing(px(4))
        self._side = QWidget()
        side = QHBoxLayout(self._side)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(px(6))
        side.addStretch(1)
        for widget in (self.pill, self.lock, self.avatar):
            side.addWidget(widget)
        near = QWidget()
        start = QHBoxLayout(near)
        start.setContentsMargins(0, 0, 0, 0)
        start.setSpacing(px(4))
        start.addWidget(self.back)
        start.addWidget(self.forward)
        start.addSpacing(px(4))
        start.addWidget(self.crumbs, 1)
        row.addWidget(near, 1)
        row.addWidget(self.command)
        row.addWidget(self._side, 1)
        self.back.clicked.connect(self.back_asked)
        self.forward.clicked.connect(self.forward_asked)
        self.command.clicked.connect(self.palette_asked)
        self.lock.clicked.connect(self.lock_asked)
        self.pill.clicked.connect(self.sync_asked)
        self.crumbs.asked.connect(self.route_asked)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFixedHeight(px(48))
        layout = self.layout()
        if layout is not None:
            layout.setContentsMargins(px(14), 0, px(16), 0)

    def minimumSizeHint(self) -> QSize:
        """Return the size of the compact bar: it can always be reached."""
        return QSize(px(420), px(48))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shorten what can be shortened when there is less room."""
        super().resizeEvent(event)
        compact = self.width() < px(960)
        self.command.set_compact(compact)
        self.pill.set_compact(compact)
        self.lock.set_text("" if compact else "Lock")
        self.lock.setAccessibleName("Lock Rollcall")
        self.forward.setVisible(not compact)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the hairline under the bar."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setPen(colour("hairline"))
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)
