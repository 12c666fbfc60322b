"""The comparison: this referral beside up to three known children, field by field, with why each is alike."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.services.comparing import Comparison, Likeness
from app.services.match_details import LABELS
from app.services.matching import Strength
from app.views.kit.buttons import Button, PrimaryButton, QuietButton
from app.views.kit.form import IconLabel
from app.views.kit.tags import StateTag
from app.views.kit.text import Text
from app.views.theme import Themed, colour
from app.views.tokens import RADIUS_CARD, current, px

if TYPE_CHECKING:
    from app.services.matching import Candidate

TAGS = {Strength.STRONG: "strong", Strength.POSSIBLE: "possible", Strength.WEAK: "weak"}
MARKS = {
    Likeness.SAME: ("equal", "ok"),
    Likeness.CLOSE: ("equal-approximately", "warn"),
    Likeness.DIFFERENT: ("equal-not", "ink2"),
    Likeness.NOT_RECORDED: ("minus", "ink3"),
}
LABEL_WIDTH, FOLD_BELOW = 144, 700


class _Cell(Themed, QFrame):
    """One cell: its background and the hairlines at its right and bottom."""

    def __init__(self, fill: str, *, last_column: bool, last_row: bool) -> None:
        super().__init__()
        self._fill, self._last_column, self._last_row = fill, last_column, last_row
        self.column = QVBoxLayout(self)
        self.column.setSpacing(px(2))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.start_theming()

    def restyle(self) -> None:
        self.column.setContentsMargins(px(16), px(9), px(12), px(9))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour(self._fill))
        painter.setPen(QPen(colour("hairline"), px(current().border_width)))
        if not self._last_column:
            painter.drawLine(self.width() - 1, 0, self.width() - 1, self.height())
        if not self._last_row:
            painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)


class MatchTable(Themed, QFrame):
    """The table.

    Signals:
        same_child: the id of the child a person says is the same.
    """

    same_child = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("match_table")
        self.setProperty("kind", "card")
        self.buttons: dict[str, Button] = {}
        self._ours: dict[str, str] = {}
        self._name = ""
        self._candidates: Sequence[Candidate] = ()
        self._folded = False
        self._chosen = ""
        outer = QVBoxLayout(self)
        outer.setContentsMargins(1, 1, 1, 1)
        outer.setSpacing(0)
        self._outer = outer
        self._body: QWidget | None = None
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        if self._body is not None:
            self._build()

    def show_candidates(
        self, name: str, ours: dict[str, str], candidates: "Sequence[Candidate]", *, chosen: str = ""
    ) -> None:
        """Show the comparison.

        Args:
            name: of the referred child.
            ours: this referral's texts by field.
            candidates: strongest first.
            chosen: the child already said to be the same.
        """
        self._name, self._ours, self._candidates, self._chosen = name, ours, candidates, chosen
        self._build()

    def set_folded(self, folded: bool) -> None:
        """Fold the labels into the first column, for narrow windows."""
        if folded != self._folded:
            self._folded = folded
            if self._body is not None:
                self._build()

    def _build(self) -> None:
        had_focus = next((key for key, button in self.buttons.items() if button.hasFocus()), "")
        if self._body is not None:
            self._outer.removeWidget(self._body)
            self._body.hide()
            self._body.deleteLater()
        self.buttons = {}
        self._body = QWidget()
        grid = QGridLayout(self._body)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(0)
        first = 0 if self._folded else 1
        if not self._folded:
            grid.setColumnMinimumWidth(0, px(LABEL_WIDTH))
        for column in range(first, first + 1 + len(self._candidates)):
            grid.setColumnStretch(column, 1)
            grid.setColumnMinimumWidth(column, px(96))
        self._heads(grid, first)
        self._closeness(grid, first)
        for row, key in enumerate(LABELS, start=2):
            self._row(grid, first, row, key)
        self._choices(grid, first, 2 + len(LABELS))
        self._outer.addWidget(self._body)
        self._body.show()
        if had_focus in self.buttons:
            self.buttons[had_focus].setFocus()

    def _cell(self, grid: QGridLayout, row: int, column: int, fill: str, *, last_row: bool = False) -> QVBoxLayout:
        last_column = column == len(self._candidates) + (0 if self._folded else 1)
        cell = _Cell(fill, last_column=last_column, last_row=last_row)
        grid.addWidget(cell, row, column)
        return cell.column

    def _heads(self, grid: QGridLayout, first: int) -> None:
        if not self._folded:
            self._cell(grid, 0, 0, "canvas").addStretch(1)
        ours = self._cell(grid, 0, first, "accent_tint")
        ours.addWidget(Text("This referral", "secondary", ink="ink2", wrap=True))
        ours.addWidget(Text(self._name, "body", weight="strong", wrap=True))
        ours.addStretch(1)
        for column, candidate in enumerate(self._candidates, start=first + 1):
            cell = self._cell(grid, 0, column, "canvas")
            cell.addWidget(Text(candidate.heading, "secondary", ink="ink2", wrap=True))
            cell.addWidget(Text(candidate.name, "body", weight="strong", wrap=True))
            cell.addStretch(1)

    def _closeness(self, grid: QGridLayout, first: int) -> None:
        if not self._folded:
            self._label(grid, 1, "How close")
        ours = self._cell(grid, 1, first, "accent_tint")
        if self._folded:
            ours.addWidget(Text("How close", "secondary", weight="strong", wrap=True))
        ours.addStretch(1)
        for column, candidate in enumerate(self._candidates, start=first + 1):
            cell = self._cell(grid, 1, column, "surface")
            cell.addWidget(StateTag(TAGS[candidate.strength], candidate.strength.value))
            why = ". ".join(candidate.reasons)
            cell.addWidget(Text(why, "meta", ink="ink2", wrap=True))
            cell.addStretch(1)

    def _label(self, grid: QGridLayout, row: int, words: str, *, last_row: bool = False) -> None:
        cell = self._cell(grid, row, 0, "surface", last_row=last_row)
        if words:
            cell.addWidget(Text(words, "secondary", weight="strong", wrap=True))
        cell.addStretch(1)

    def _row(self, grid: QGridLayout, first: int, row: int, key: str) -> None:
        label = LABELS[key]
        if not self._folded:
            self._label(grid, row, label)
        ours = self._cell(grid, row, first, "accent_tint")
        if self._folded:
            ours.addWidget(Text(label, "meta", weight="strong", ink="ink2", wrap=True))
        ours.addWidget(Text(self._ours.get(key, ""), "body", wrap=True, selectable=True))
        ours.addStretch(1)
        for column, candidate in enumerate(self._candidates, start=first + 1):
            cell = self._cell(grid, row, column, "surface")
            line = next((one for one in candidate.fields if one.key == key), None)
            if line is None:
                cell.addWidget(Text("Restricted", "body", ink="ink3", wrap=True))
            else:
                theirs = Text(line.theirs, "body", wrap=True, selectable=True)
                theirs.setAccessibleName(f"{label}, {candidate.name}: {line.theirs}. {line.comparison.words}")
                cell.addWidget(theirs)
                cell.addLayout(_mark(line.comparison))
            cell.addStretch(1)

    def _choices(self, grid: QGridLayout, first: int, row: int) -> None:
        if not self._folded:
            self._label(grid, row, "", last_row=True)
        self._cell(grid, row, first, "surface", last_row=True).addStretch(1)
        strong = [one for one in self._candidates if one.strength is Strength.STRONG and not one.restricted]
        only_strong = [one.child_id for one in strong[:1]]
        for column, candidate in enumerate(self._candidates, start=first + 1):
            cell = self._cell(grid, row, column, "surface", last_row=True)
            if candidate.restricted:
                cell.addWidget(Text("Ask a manager", "secondary", ink="ink2", wrap=True))
                continue
            words = "Same child" if self._folded else "This is the same child"
            kind = PrimaryButton if candidate.child_id in only_strong else QuietButton
            button = kind(words, None if self._folded else "link-2")
            button.setObjectName(f"same_{column - first}")
            button.setAccessibleName(f"This is the same child as {candidate.name}, {candidate.heading}")
            button.clicked.connect(lambda _on=False, child_id=candidate.child_id: self.same_child.emit(child_id))
            self.buttons[candidate.child_id] = button
            line = QHBoxLayout()
            line.addWidget(button)
            line.addStretch(1)
            cell.addLayout(line)
            if candidate.child_id == self._chosen:
                cell.addWidget(StateTag("done", "You chose this"))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the border over the cells, so that its corners stay round."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour("hairline"), px(current().border_width)))
        painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), px(RADIUS_CARD), px(RADIUS_CARD))


def _mark(comparison: Comparison) -> QHBoxLayout:
    name, ink = MARKS[comparison.likeness]
    line = QHBoxLayout()
    line.setSpacing(px(5))
    line.addWidget(IconLabel(name, ink, 14), 0, Qt.AlignmentFlag.AlignTop)
    line.addWidget(Text(comparison.words, "meta", weight="strong", ink=ink, wrap=True), 1)
    return line
