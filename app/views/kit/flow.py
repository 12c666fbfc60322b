"""A row that folds: what has no room beside the rest goes on a line of its own."""

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget


class Flow(QLayout):
    """Widgets one after another, in as many lines as the width asks for.

    Args:
        spacing: between widgets of a line, and between lines.
        last_at_right: the last widget stands at the right edge where it shares a line; where it does not, at the left.
    """

    def __init__(self, spacing: int, *, last_at_right: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self._last_at_right = last_at_right
        self.setSpacing(spacing)
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QLayoutItem) -> None:
        """Take an item; called by ``addWidget``."""
        self._items.append(item)

    def count(self) -> int:
        """Return how many items there are."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        """Return one item."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        """Give one item back."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        """Return that it asks for no more room than it needs."""
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        """Return True: fewer pixels across are more lines down."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all lines."""
        return self._place(QRect(0, 0, width, 0), really=False)

    def sizeHint(self) -> QSize:
        """Return the size on one line."""
        hints = [item.sizeHint() for item in self._shown()]
        between = self.spacing() * max(0, len(hints) - 1)
        return self._with_margins(
            QSize(sum(hint.width() for hint in hints) + between, max([hint.height() for hint in hints], default=0))
        )

    def minimumSize(self) -> QSize:
        """Return room for the widest widget alone."""
        least = QSize(0, 0)
        for item in self._shown():
            least = least.expandedTo(item.minimumSize())
        return self._with_margins(least)

    def setGeometry(self, rect: QRect) -> None:
        """Place the widgets."""
        super().setGeometry(rect)
        self._place(rect, really=True)

    def _shown(self) -> list[QLayoutItem]:
        return [item for item in self._items if not item.isEmpty()]

    def _with_margins(self, size: QSize) -> QSize:
        margins = self.contentsMargins()
        return size + QSize(margins.left() + margins.right(), margins.top() + margins.bottom())

    def _lines(self, width: int) -> list[list[QLayoutItem]]:
        lines: list[list[QLayoutItem]] = []
        room = 0
        for item in self._shown():
            needed = item.sizeHint().width()
            if not lines or needed > room:
                lines.append([])
                room = width
            lines[-1].append(item)
            room -= needed + self.spacing()
        return lines

    def _place(self, rect: QRect, *, really: bool) -> int:
        """Place the widgets, or only measure; return the height with its margins."""
        margins = self.contentsMargins()
        inner = rect.marginsRemoved(margins)
        lines = self._lines(inner.width())
        heights = [max(item.sizeHint().height() for item in line) for line in lines]
        needed = sum(heights) + self.spacing() * max(0, len(lines) - 1)
        # Lines that have more height than they need stand in its middle, as a row's widgets do.
        top = inner.top() + max(0, (inner.height() - needed) // 2)
        for line, height in zip(lines, heights, strict=True):
            left = inner.left()
            for item in line:
                size = item.sizeHint().boundedTo(QSize(inner.width(), height))
                if self._last_at_right and item is self._items[-1] and len(line) > 1:
                    left = inner.right() + 1 - size.width()
                if really:
                    item.setGeometry(QRect(QPoint(left, top + (height - size.height()) // 2), size))
                left += size.width() + self.spacing()
            top += height + self.spacing()
        return needed + margins.top() + margins.bottom()
