"""Facts with their names: in columns that fold with the room there is, or as lines with the value at the right."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.views.kit.text import Text
from app.views.tokens import px

_COLUMN = 130
"""What one fact needs beside others at least, at 100 %."""


class Facts(QWidget):
    """What is known, each with its name. The value is found by its name: ``facts["Waiting"]``.

    Args:
        names: in order.
        lines: each on a line of its own, the value at the right; else in as many columns as fit.
    """

    def __init__(self, names: Sequence[str], *, lines: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: dict[str, Text] = {}
        self._pairs: list[tuple[Text, Text]] = []
        self._across = 0
        self._grid: QGridLayout | None = None
        if lines:
            self._make_lines(names)
        else:
            self._make_grid(names)

    def __getitem__(self, name: str) -> Text:
        """Return the value of a fact."""
        return self._values[name]

    def set_fact(self, name: str, words: str) -> None:
        """Show a value; read out with its name."""
        value = self._values[name]
        value.setText(words)
        value.setAccessibleName(f"{name}: {words}")

    def _make_lines(self, names: Sequence[str]) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        for name in names:
            row = QHBoxLayout()
            row.addWidget(Text(name, "secondary", ink="ink2"), 0, Qt.AlignmentFlag.AlignTop)
            value = self._value(name, Text("", "secondary", tabular=True, wrap=True))
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            row.addWidget(value, 1)
            column.addLayout(row)

    def _make_grid(self, names: Sequence[str]) -> None:
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(px(24))
        self._grid.setVerticalSpacing(px(4))
        for name in names:
            value = self._value(name, Text("", "body", weight="strong", tabular=True, wrap=True))
            value.setAlignment(Qt.AlignmentFlag.AlignTop)
            self._pairs.append((Text(name, "meta", ink="ink2"), value))
        self._place(len(names))

    def _value(self, name: str, value: Text) -> Text:
        value.setObjectName("fact_" + name.casefold().replace(" ", "_"))
        self._values[name] = value
        return value

    def _place(self, across: int) -> None:
        if self._grid is None or across == self._across:
            return
        for column in range(max(self._across, across)):
            self._grid.setColumnStretch(column, 1 if column < across else 0)
        self._across = across
        for place, (name, value) in enumerate(self._pairs):
            row, column = divmod(place, across)
            self._grid.addWidget(name, 2 * row, column)
            self._grid.addWidget(value, 2 * row + 1, column)

    def minimumSizeHint(self) -> QSize:
        """Return room for one column: the others fold under it."""
        least = super().minimumSizeHint()
        return QSize(self._column_width(), least.height()) if self._pairs else least

    def _column_width(self) -> int:
        return max([px(_COLUMN), *(name.sizeHint().width() for name, _value in self._pairs)])

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the facts into as many columns as have room."""
        super().resizeEvent(event)
        if self._pairs and self._grid is not None:
            gap = self._grid.horizontalSpacing()
            across = (self.width() + gap) // (self._column_width() + gap)
            self._place(max(1, min(len(self._pairs), across)))
