"""The table of a case's choices: a head with who and when, and a row for each."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.views.conflicts.choice_row import BEFORE_WIDTH, NAME_WIDTH, ChoiceRow, Mode
from app.views.kit.form import IconLabel
from app.views.kit.text import Text
from app.views.theme import Themed, colour
from app.views.tokens import current, px

if TYPE_CHECKING:
    from app.services.conflicts.shown import CaseConflicts, Side

WIDE_FROM, FOLDED_FROM = 780, 430


class TableHead(Themed, QWidget):
    """The names of the columns, with how many choices are made."""

    def __init__(self, case: "CaseConflicts") -> None:
        super().__init__()
        self.count = Text("", "secondary", ink="ink2", wrap=True)
        counted = QHBoxLayout()
        counted.setSpacing(px(8))
        counted.addWidget(IconLabel("list-checks", "ink2"), 0, Qt.AlignmentFlag.AlignVCenter)
        counted.addWidget(self.count, 1)
        self._cells = [QWidget(self) for _ in range(4)]
        for cell, inner in zip(
            self._cells,
            (
                counted,
                _head(case.before, ""),
                _head(case.left, "laptop" if case.left.title == "Yours" else "user-round"),
                _head(case.right, "user-round"),
            ),
            strict=True,
        ):
            cell.setLayout(inner)
        self._grid = QGridLayout(self)
        self._grid.setSpacing(0)
        self._mode: Mode | None = None
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.set_mode("wide")
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self._grid.setContentsMargins(0, 0, 0, 0)
        for place, cell in enumerate(self._cells):
            layout = cell.layout()
            if layout is not None:
                layout.setContentsMargins(px(16 if place < 2 else 14), px(8), px(8), px(8))

    def set_mode(self, mode: Mode) -> None:
        """Fold the columns with the rows."""
        if mode == self._mode:
            return
        self._mode = mode
        while self._grid.takeAt(0) is not None:
            pass
        wide = mode == "wide"
        for place, cell in enumerate(self._cells):
            self._grid.setColumnStretch(place, 0)
            cell.setVisible(wide or place == 0 or (place > 1 and mode == "folded"))
            cell.setMinimumWidth(0)
            cell.setMaximumWidth(16777215)
        if wide:
            for place, cell in enumerate(self._cells):
                self._grid.addWidget(cell, 0, place)
            self._cells[0].setFixedWidth(px(NAME_WIDTH))
            self._cells[1].setFixedWidth(px(BEFORE_WIDTH))
            self._grid.setColumnStretch(2, 1)
            self._grid.setColumnStretch(3, 1)
            return
        self._grid.addWidget(self._cells[0], 0, 0, 1, 2)
        self._grid.addWidget(self._cells[2], 1, 0)
        self._grid.addWidget(self._cells[3], 1, 1)
        self._grid.setColumnStretch(0, 1)
        self._grid.setColumnStretch(1, 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the rules between the columns."""
        painter = QPainter(self)
        width = px(current().border_width)
        for cell in self._cells[1:]:
            if cell.isVisible() and cell.x():
                painter.fillRect(cell.x(), cell.y(), width, cell.height(), colour("hairline"))


def _head(side: "Side", icon: str) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(px(6))
    if icon:
        row.addWidget(IconLabel(icon, "ink2", 15), 0, Qt.AlignmentFlag.AlignTop)
    column = QVBoxLayout()
    column.setSpacing(0)
    column.addWidget(Text(side.title, "body", weight="strong", wrap=True))
    if side.detail:
        column.addWidget(Text(side.detail, "meta", ink="ink3", wrap=True))
    column.addStretch(1)
    row.addLayout(column, 1)
    return row


class ChoiceTable(Themed, QFrame):
    """The card with the head and the rows.

    Signals:
        changed: something was chosen or typed in a row.
    """

    changed = Signal()

    def __init__(self, case: "CaseConflicts") -> None:
        super().__init__()
        self.setProperty("kind", "card")
        self.setObjectName("choice_table")
        self.case = case
        self.head = TableHead(case)
        self.rows = [ChoiceRow(choice, case) for choice in case.choices]
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        column.addWidget(self.head)
        for row in self.rows:
            column.addWidget(row)
            row.changed.connect(self._count)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self._count()
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.updateGeometry()

    def _count(self) -> None:
        mine = [row for row in self.rows if row.choice.may_decide]
        done = sum(1 for row in mine if row.decided)
        self.head.count.setText(f"{done} of {len(mine)} decided" if mine else "Nothing to decide")
        self.changed.emit()

    def undecided(self) -> list[ChoiceRow]:
        """Return the rows that this person still has to choose in."""
        return [row for row in self.rows if row.choice.may_decide and not row.decided]

    def current(self) -> ChoiceRow | None:
        """Return the row with the keyboard in it, else the first without a choice, else the first."""
        held = self.focusWidget()
        if held is not None and held.hasFocus():
            for row in self.rows:
                if row is held or row.isAncestorOf(held):
                    return row
        waiting = self.undecided()
        return waiting[0] if waiting else self.rows[0] if self.rows else None

    def minimumSizeHint(self) -> QSize:
        """Return that it folds to any width."""
        return QSize(px(200), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold the columns."""
        super().resizeEvent(event)
        width = self.width()
        mode: Mode = "wide" if width >= px(WIDE_FROM) else "folded" if width >= px(FOLDED_FROM) else "stacked"
        self.head.set_mode(mode)
        for row in self.rows:
            row.set_mode(mode)
