"""The cases with something to decide: a line each, with how many choices are left and how long they wait."""

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListView, QWidget

from app.views.icons import paint_icon
from app.views.kit.delegates import RowDelegate, inks
from app.views.kit.paint import paint_text
from app.views.kit.rows import RowModel
from app.views.theme import colour, font, line_height
from app.views.tokens import current, px

if TYPE_CHECKING:
    from app.services.conflicts.shown import ConflictCase

ROW_HEIGHT = 96


def days(count: int) -> str:
    """Return how long something waits: ``Today``, ``1 day`` or ``3 days``."""
    return "Today" if count == 0 else "1 day" if count == 1 else f"{count} days"


class ConflictDelegate(RowDelegate):
    """Draws a case: name and age, what is to be decided, and how much is left."""

    def __init__(self, parent: "ConflictCases") -> None:
        super().__init__(parent, height=ROW_HEIGHT, marker=True)
        self._cases = parent

    def row_height(self, row: Any) -> int:
        """Return room for four lines of text, whatever their size."""
        return max(px(ROW_HEIGHT), line_height("body") + 2 * line_height("meta") + px(22) + px(22))

    def paint_row(self, painter: QPainter, rect: QRect, row: Any, selected: bool) -> None:
        """Draw the row."""
        ink, ink2 = inks(selected)
        room = rect.adjusted(px(16), px(10), -px(12), -px(8))
        line = line_height("body")
        top = QRect(room.left(), room.top(), room.width(), line)
        taken = paint_text(painter, top, days(row.age_days), "meta", ink=ink2, align=Qt.AlignmentFlag.AlignRight)
        paint_text(painter, top.adjusted(0, 0, -taken - px(8), 0), row.name, weight="medium", ink=ink)
        detail = QRect(room.left(), room.top() + line, room.width(), 2 * line_height("meta"))
        painter.setFont(font("meta"))
        painter.setPen(colour(ink2))
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
        painter.drawText(detail, int(flags), row.detail)
        used = painter.fontMetrics().boundingRect(detail, int(flags), row.detail).height()
        tag = QRect(room.left(), detail.top() + min(used, detail.height()) + px(2), room.width(), px(22))
        left = self._cases.left_of(row)
        state, words = ("conflict_line", left_words(left)) if left else ("done_line", "Decided, not saved")
        _line(painter, tag, state, words, ink if selected and current().border_width > 1 else None)


def _line(painter: QPainter, rect: QRect, state: str, words: str, ink: str | None) -> None:
    name, own = ("git-compare-arrows", "conflict") if state == "conflict_line" else ("circle-check", "ok")
    shown = ink or own
    paint_icon(painter, QRect(rect.left(), rect.top(), px(14), rect.height()), name, shown, px(14))
    paint_text(painter, rect.adjusted(px(20), 0, 0, 0), words, "meta", "strong", shown)


def left_words(count: int) -> str:
    """Return ``1 choice left``."""
    return "1 choice left" if count == 1 else f"{count} choices left"


class ConflictCases(QListView):
    """The list.

    Signals:
        chosen: a case, by mouse, arrow keys or Enter.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("conflict_cases")
        self.setAccessibleName("Cases with changes to review")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._left: dict[str, int] = {}
        self.rows: RowModel[ConflictCase] = RowModel(self._sentence, self)
        self.setModel(self.rows)
        self.setItemDelegate(ConflictDelegate(self))
        self._quiet = False

    def left_of(self, row: "ConflictCase") -> int:
        """Return how many choices of a case are left for this person; of one not opened yet, all."""
        return self._left.get(row.key, row.choices)

    def set_left(self, key: str, count: int) -> None:
        """Say how many choices of a case are left."""
        if self._left.get(key) != count:
            self._left[key] = count
            self.viewport().update()

    def forget_left(self, keys: set[str]) -> None:
        """Drop what is known of cases that are not in the list any more."""
        self._left = {key: count for key, count in self._left.items() if key in keys}

    def set_cases(self, cases: "tuple[ConflictCase, ...]", current: str) -> None:
        """Show other rows and light one of them, without a signal."""
        self._quiet = True
        self.rows.set_rows(cases)
        self.light(current)
        self._quiet = False

    def light(self, key: str) -> None:
        """Light a row by its key, without a signal."""
        was, self._quiet = self._quiet, True
        for place, row in enumerate(self.rows.rows()):
            if row.key == key:
                self.setCurrentIndex(self.rows.index(place, 0))
                break
        else:
            self.clearSelection()
        self._quiet = was

    def currentChanged(self, current: Any, previous: Any) -> None:
        """Tell which case the keyboard or the mouse went to."""
        super().currentChanged(current, previous)
        row = self.rows.row(current) if isinstance(current, QModelIndex) else None
        if row is not None and not self._quiet:
            self.chosen.emit(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open with Enter too, where the list stands alone."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            row = self.rows.row(self.currentIndex())
            if row is not None:
                self.chosen.emit(row)
                return
        super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: Any) -> None:
        """Open the current row again on a click, where the list stands alone."""
        super().mouseReleaseEvent(event)
        row = self.rows.row(self.indexAt(event.position().toPoint()))
        if row is not None:
            self.chosen.emit(row)

    def _sentence(self, row: "ConflictCase") -> str:
        waits = f"waits {days(row.age_days).lower()}" if row.age_days else "since today"
        reference = f", {row.reference}" if row.reference else ""
        return f"{row.name}{reference}. {row.detail}. {left_words(self.left_of(row))}, {waits}."
