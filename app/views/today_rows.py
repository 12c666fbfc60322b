"""How the rows of the Today page are drawn and spoken."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QFrame, QListView, QSizePolicy, QStyleOptionViewItem, QWidget

from app.timesource import format_short
from app.views.icons import paint_icon
from app.views.kit.delegates import Index, RowDelegate, inks, two_lines
from app.views.kit.paint import paint_check, paint_progress, paint_tag, paint_text, tag_size
from app.views.kit.rows import RowModel
from app.views.theme import colour, line_height, metrics
from app.views.tokens import current, px

if TYPE_CHECKING:
    from app.services.today import ClockLine, TaskLine

GROUPS = {"overdue": "Overdue", "today": "Due today", "week": "Later this week", "next_week": "Next week"}
FOLD_BELOW = 620


@dataclass(frozen=True, slots=True)
class ClockRow:
    """A group's heading with its count, or a clock."""

    heading: str = ""
    count: int = 0
    line: "ClockLine | None" = None


def clock_rows(lines: Sequence["ClockLine"]) -> list[ClockRow]:
    """Return headings and clocks in the order they are shown."""
    rows: list[ClockRow] = []
    for group, heading in GROUPS.items():
        members = [line for line in lines if line.group == group]
        if members:
            rows.append(ClockRow(heading, len(members)))
            rows += [ClockRow(line=line) for line in members]
    return rows


def due_tag(line: "ClockLine") -> tuple[str, str]:
    """Return the state and the words of a clock's tag."""
    if line.group == "overdue":
        return "overdue", "1 day over" if line.days_over == 1 else f"{line.days_over} days over"
    return ("due", "Due today") if line.group == "today" else ("later", format_short(line.due_on))


def clock_sentence(row: ClockRow) -> str:
    """Return a row as a screen reader says it."""
    line = row.line
    if line is None:
        return f"{row.heading}, {row.count}"
    number = f"day {line.day} of {line.of}" if line.of else ""
    basis = f"{line.basis}, provisional" if line.provisional else line.basis
    return ", ".join(part for part in (due_tag(line)[1], line.child, line.detail, line.what, basis, number) if part)


class ClockDelegate(RowDelegate):
    """Due, child, what and basis, day n of m with its bar, chevron; the middle folds into line two when narrow."""

    def row_height(self, row: ClockRow) -> int:
        """Return the height of a heading or a clock."""
        if row.line is None:
            return max(px(27), line_height("meta") + px(8))
        return max(px(51), line_height("body") + line_height("meta") + px(12))

    def paint_row(self, painter: QPainter, rect: QRect, row: ClockRow, selected: bool) -> None:
        """Draw one row."""
        if row.line is None:
            painter.fillRect(rect.adjusted(0, 0, 0, -1), colour("canvas"))
            room = rect.adjusted(px(16), 0, 0, 0)
            taken = paint_text(painter, room, row.heading, "meta", "strong", "ink2")
            counted = room.adjusted(taken + px(8), 0, 0, 0)
            paint_text(painter, counted, str(row.count), "meta", ink="ink2", tabular=True)
            return
        self._paint_clock(painter, rect, row.line, selected)

    def _paint_clock(self, painter: QPainter, rect: QRect, line: "ClockLine", selected: bool) -> None:
        ink, ink2 = inks(selected)
        narrow = rect.width() < px(FOLD_BELOW)
        room = rect.adjusted(px(16), 0, -px(12), 0)
        paint_icon(
            painter, QRect(room.right() - px(18), room.top(), px(18), room.height()), "chevron-right", ink2, px(16)
        )
        room.setRight(room.right() - px(28))
        state, words = due_tag(line)
        first = px(108) if narrow else px(116)
        paint_tag(
            painter, QRect(room.left(), room.top(), first, room.height()), state, words, ink if selected else None
        )
        if not narrow and line.of:
            self._paint_day(painter, QRect(room.right() - px(104), room.top(), px(104), room.height()), line, ink2)
            room.setRight(room.right() - px(124))
        left = room.left() + first
        if narrow:
            box = QRect(left, room.top(), room.right() - left, room.height())
            two_lines(painter, box, line.child, f"{line.what} · {line.basis}", ink=ink, ink2=ink2)
            return
        # The reference is what an officer quotes: it is never the part that is cut off. As wide in every row.
        needed = metrics("meta").horizontalAdvance("Year 10 · CME-2026-00000") + px(14)
        width = max(needed, px(150), min(px(200), (room.right() - left) * 36 // 100))
        child = QRect(left, room.top(), width - px(12), room.height())
        two_lines(painter, child, line.child, line.detail, ink=ink, ink2=ink2)
        what = QRect(left + width, room.top(), room.right() - left - width, room.height())
        self._paint_what(painter, what, line, ink, ink2)

    def _paint_what(self, painter: QPainter, rect: QRect, line: "ClockLine", ink: str, ink2: str) -> None:
        basis = f"{line.basis}, provisional" if line.provisional else line.basis
        low = two_lines(painter, rect, line.what, " ", ink=ink, ink2=ink2, weight="regular")
        if line.statutory:
            paint_tag(painter, low, "statutory", basis, ink2)
        else:
            paint_text(painter, low, basis, "meta", ink=ink2)

    def _paint_day(self, painter: QPainter, rect: QRect, line: "ClockLine", ink: str) -> None:
        top = rect.top() + (rect.height() - line_height("meta") - px(10)) // 2
        words = QRect(rect.left(), top, rect.width(), line_height("meta"))
        text = f"Day {line.day} of {line.of}"
        paint_text(painter, words, text, "meta", ink=ink, align=Qt.AlignmentFlag.AlignRight, tabular=True)
        role = {"overdue": "danger", "today": "warn"}.get(line.group, "ink3")
        bar = QRect(rect.left(), words.bottom() + px(4), rect.width(), px(4))
        paint_progress(painter, bar, line.day / line.of, role)


class TaskDelegate(RowDelegate):
    """A tick box, the words, the child and the date."""

    def __init__(self, parent: QWidget, ticked: set[str]) -> None:
        super().__init__(parent, height=45)
        self._ticked = ticked

    def paint_row(self, painter: QPainter, rect: QRect, row: "TaskLine", selected: bool) -> None:
        """Draw one task."""
        ink, ink2 = inks(selected)
        side = px(18)
        done = row.task_id in self._ticked
        box = QRect(rect.left() + px(16), rect.top() + (rect.height() - side) // 2, side, side)
        paint_check(painter, box, Qt.CheckState.Checked if done else Qt.CheckState.Unchecked)
        room = rect.adjusted(px(16) + side + px(12), 0, -px(16), 0)
        if row.state == "overdue" and row.due_on is not None:
            width = tag_size("overdue", format_short(row.due_on)).width()
            tag = QRect(room.right() - width, room.top(), width, room.height())
            paint_tag(painter, tag, "overdue", format_short(row.due_on))
            room.setRight(tag.left() - px(14))
        else:
            words = due_words(row)
            slot = max(px(78), metrics("secondary").horizontalAdvance(words))
            slot_rect = QRect(room.right() - slot, room.top(), slot, room.height())
            paint_text(
                painter, slot_rect, words, "secondary", ink=ink2, align=Qt.AlignmentFlag.AlignRight, tabular=True
            )
            room.setRight(room.right() - slot - px(14))
        if row.child and rect.width() >= px(460):
            name = QRect(room.right() - min(px(170), room.width() // 3), room.top(), min(px(170), room.width() // 3), 0)
            name.setHeight(room.height())
            paint_text(painter, name, row.child, "secondary", ink=ink2, align=Qt.AlignmentFlag.AlignRight)
            room.setRight(name.left() - px(12))
        paint_text(painter, room, row.text, ink=ink2 if done else ink)

    def editorEvent(self, event: QEvent, model: object, option: QStyleOptionViewItem, index: Index) -> bool:
        """Leave clicks to the view."""
        return False


def due_words(row: "TaskLine") -> str:
    """Return when a task is due, short."""
    if row.due_on is None:
        return ""
    return "Today" if row.state == "today" else format_short(row.due_on)


def task_sentence(row: "TaskLine") -> str:
    """Return a task as a screen reader says it."""
    late = "overdue, " if row.state == "overdue" else ""
    when = f"{late}due {due_words(row)}" if row.due_on else ""
    return ", ".join(part for part in (row.text, row.child, when) if part)


class VisitDelegate(RowDelegate):
    """Time, child, place, and what to take care of."""

    def row_height(self, row: "TaskLine") -> int:
        """Return room for two or three lines."""
        lines = line_height("body") + line_height("meta") + px(2)
        return lines + px(18) + (line_height("meta") + px(4) if "visit_in_pairs" in row.flags else 0)

    def paint_row(self, painter: QPainter, rect: QRect, row: "TaskLine", selected: bool) -> None:
        """Draw one visit."""
        ink, ink2 = inks(selected)
        room = rect.adjusted(px(16), px(8), -px(16), -px(8))
        first = QRect(room.left(), room.top(), px(50), line_height("body"))
        paint_text(painter, first, row.at_time or "Any", weight="strong", ink=ink, tabular=True)
        left = room.left() + px(56)
        name = QRect(left, room.top(), room.right() - left, line_height("body"))
        paint_text(painter, name, row.child or row.text, weight="strong", ink=ink)
        low = QRect(left, name.bottom() + px(1), name.width(), line_height("meta") + px(2))
        paint_text(painter, low, row.place or row.text, "secondary", ink=ink2)
        if "visit_in_pairs" in row.flags:
            care = QRect(left, low.bottom() + px(2), name.width(), line_height("meta") + px(2))
            paint_icon(painter, QRect(left, care.top(), px(14), care.height()), "users-round", "warn", px(14))
            paint_text(painter, care.adjusted(px(19), 0, 0, 0), "Visit in pairs", "meta", "strong", "warn")


class RowsView(QListView):
    """A list as tall as its rows, inside a page that scrolls.

    Signals:
        opened: a row was clicked or entered.
        ticked: a row's box was clicked, or Space was pressed on it.
    """

    opened = Signal(object)
    ticked = Signal(object)

    def __init__(self, name: str, model: RowModel, delegate: RowDelegate) -> None:  # type: ignore[type-arg]  # any rows
        super().__init__()
        self.setAccessibleName(name)
        self.setProperty("fill", "none")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setModel(model)
        delegate.setParent(self)
        self.setItemDelegate(delegate)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._rows = model
        self._delegate = delegate
        self.box_width = 0
        model.modelReset.connect(self.fit)
        self.fit()

    def fit(self) -> None:
        """Take the height of the rows."""
        rows = self._rows.rows()
        # The card's border stands for the last row's hairline.
        self.setFixedHeight(max(0, sum(self._delegate.row_height(row) for row in rows) - px(current().border_width)))
        self.doItemsLayout()

    def changeEvent(self, event: QEvent) -> None:
        """Fit again when the text size changed."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and hasattr(self, "_rows"):
            self.fit()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Tick in the box, open elsewhere."""
        super().mouseReleaseEvent(event)
        row = self._rows.row(self.indexAt(event.position().toPoint()))
        if row is None or event.button() != Qt.MouseButton.LeftButton:
            return
        if self.box_width and event.position().x() < px(self.box_width):
            self.ticked.emit(row)
        else:
            self.opened.emit(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Tick on Space, open on Enter."""
        row = self._rows.row(self.currentIndex())
        if row is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit(row)
        elif row is not None and self.box_width and event.key() == Qt.Key.Key_Space:
            self.ticked.emit(row)
        else:
            super().keyPressEvent(event)
