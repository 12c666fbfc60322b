"""The five tiles: counts that are also the tabs of the page."""

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QEnterEvent, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from app.views.icons import paint_icon
from app.views.kit.paint import focus_ring, frame, paint_text
from app.views.theme import Themed, line_height
from app.views.tokens import RADIUS_CARD, current, px

TILES = {
    "waiting": ("Unallocated", "inbox", "ink2"),
    "overdue": ("Overdue", "octagon-alert", "danger"),
    "approvals": ("To approve", "stamp", "ink2"),
    "closures": ("To close", "circle-check", "ink2"),
    "conflicts": ("Conflicts", "git-compare-arrows", "conflict"),
}
_LOW_BELOW = 560
"""Height of the page, in pixels at 100 %, under which tiles are one line high."""


class Tile(Themed, QAbstractButton):
    """One count with its title and one line."""

    def __init__(self, key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.key = key
        self._title, self._icon, self._ink = TILES[key]
        self._count, self._line, self._low = 0, "", False
        self.setCheckable(True)
        self.setObjectName(f"tile_{key}")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.set_count(0, "")
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFixedHeight(px(46) if self._low else px(82))
        self.update()

    def set_low(self, *, low: bool) -> None:
        """Use one line where the window is low."""
        if low != self._low:
            self._low = low
            self.restyle()

    def set_count(self, count: int, line: str) -> None:
        """Show a count and its line."""
        self._count, self._line = count, line
        self.setAccessibleName(f"{self._title}, {count}. {line}".strip())
        self.setToolTip(line)
        self.update()

    def count(self) -> int:
        """Return the count shown."""
        return self._count

    def sizeHint(self) -> QSize:
        """Return a fair share of a line of five."""
        return QSize(px(150), self.height())

    def minimumSizeHint(self) -> QSize:
        """Return what still shows a count and a word."""
        return QSize(px(96), self.height())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave Left and Right to the bar; a button would only move the focus."""
        if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            event.ignore()
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Repaint under the pointer."""
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the box, the count and the words."""
        painter = QPainter(self)
        width = px(2) if self.isChecked() else px(current().border_width)
        fill = "hover" if self.underMouse() and not self.isChecked() else "surface"
        frame(painter, self.rect(), fill, "accent" if self.isChecked() else "hairline", px(RADIUS_CARD), width)
        side = px(14) if self.width() >= px(140) else px(8)
        room = self.rect().adjusted(side, px(4), -px(12) if side == px(14) else -px(4), -px(4))
        ink = self._ink if self._count else "ink3"
        text = QRect(room)
        if not self._low or self.width() >= px(140):
            paint_icon(painter, QRect(room.right() - px(18), room.top(), px(18), px(36)), self._icon, ink, px(16))
            text.setRight(text.right() - px(24))
        if self._low:
            taken = paint_text(painter, text, str(self._count), "pane", "strong", tabular=True)
            paint_text(painter, text.adjusted(taken + px(8), 0, 0, 0), self._title, "secondary")
        else:
            top = text.top() + px(2)
            for words, role, weight, tint in (
                (str(self._count), "page", "strong", "ink"),
                (self._title, "body", "medium", "ink"),
                (self._line, "meta", "regular", "ink3"),
            ):
                height = line_height(role)
                full = room if role == "meta" else text
                paint_text(painter, QRect(full.left(), top, full.width(), height), words, role, weight, tint)
                top += height
        if self.hasFocus():
            focus_ring(painter, self.rect(), RADIUS_CARD)


class TileBar(QWidget):
    """The tiles side by side; Left and Right move between them.

    Signals:
        chosen: a tile's key, by mouse or keyboard.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(12))
        self.tiles = {key: Tile(key) for key in TILES}
        for tile in self.tiles.values():
            row.addWidget(tile, 1)
            tile.clicked.connect(lambda _on, key=tile.key: self._choose(key))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.set_value("waiting")

    def value(self) -> str:
        """Return the key of the chosen tile."""
        return next(key for key, tile in self.tiles.items() if tile.isChecked())

    def set_value(self, key: str) -> None:
        """Choose without a signal."""
        for name, tile in self.tiles.items():
            tile.setChecked(name == key)

    def fit(self, page_height: int) -> None:
        """Follow the page's height."""
        for tile in self.tiles.values():
            tile.set_low(low=page_height < px(_LOW_BELOW))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move on Left and Right."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if not step:
            super().keyPressEvent(event)
            return
        keys = list(self.tiles)
        focused = next((key for key, tile in self.tiles.items() if tile.hasFocus()), self.value())
        key = keys[max(0, min(len(keys) - 1, keys.index(focused) + step))]
        self.tiles[key].setFocus(Qt.FocusReason.TabFocusReason)
        self._choose(key)

    def _choose(self, key: str) -> None:
        self.set_value(key)
        self.chosen.emit(key)
