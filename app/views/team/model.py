"""The rows of one list, with ticks."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from app.views.kit.rows import ROW_ROLE
from app.views.team.columns import Column

Index = QModelIndex | QPersistentModelIndex


class QueueModel(QAbstractTableModel):
    """Frozen rows by columns; with ``ticks`` the first column is a tick box.

    Signals:
        ticked: which rows are ticked has changed.
    """

    ticked = Signal()

    def __init__(self, columns: Sequence[Column], key: str, *, ticks: bool, parent: QObject | None = None) -> None:
        """Make an empty list.

        Args:
            columns: in order.
            key: the rows' attribute that identifies them across refreshes.
            ticks: whether rows can be ticked.
            parent: the owner.
        """
        super().__init__(parent)
        self.columns = tuple(columns)
        self.ticks = ticks
        self._key = key
        self._rows: list[Any] = []
        self._ticked: set[str] = set()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many rows there are."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many columns there are, the tick box included."""
        return 0 if parent.isValid() else len(self.columns) + self.ticks

    def column(self, section: int) -> Column | None:
        """Return what stands in a section, or None for the tick box."""
        place = section - self.ticks
        return self.columns[place] if 0 <= place < len(self.columns) else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the row, a cell's words, its tick, or (first cell) the whole row as a sentence."""
        if not index.isValid() or not 0 <= index.row() < len(self._rows):
            return None
        row, column = self._rows[index.row()], self.column(index.column())
        if role == ROW_ROLE:
            return row
        if role == Qt.ItemDataRole.CheckStateRole and column is None:
            return Qt.CheckState.Checked if self.is_ticked(index.row()) else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self.sentence(index.row()) if index.column() == 0 else column.text(row) if column else ""
        if role == Qt.ItemDataRole.DisplayRole and column is not None:
            return column.text(row)
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Tick or untick a row."""
        if not index.isValid() or role != Qt.ItemDataRole.CheckStateRole or self.column(index.column()) is not None:
            return False
        self.tick(index.row(), on=Qt.CheckState(value) == Qt.CheckState.Checked)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Return what can be done with a cell."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsUserCheckable if self.column(index.column()) is None else flags

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a column's title."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < self.columnCount():
            return None
        column = self.column(section)
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title if column else ""
        if role == Qt.ItemDataRole.AccessibleTextRole and column is None:
            return "Tick every case"
        return None

    def sentence(self, row: int) -> str:
        """Return everything a row says, for a screen reader."""
        parts = [column.text(self._rows[row]) for column in self.columns]
        if self.ticks:
            parts.append("Ticked" if self.is_ticked(row) else "Not ticked")
        return ". ".join(part for part in parts if part) + "."

    def set_rows(self, rows: Sequence[Any]) -> None:
        """Show other rows; ticks of rows that are still there stay."""
        if list(rows) == self._rows:
            return
        before = len(self._ticked)
        self.beginResetModel()
        self._rows = list(rows)
        self._ticked &= {getattr(row, self._key) for row in rows}
        self.endResetModel()
        if len(self._ticked) != before:
            self.ticked.emit()

    def rows(self) -> list[Any]:
        """Return every row."""
        return list(self._rows)

    def row(self, number: int) -> Any:
        """Return one row, or None."""
        return self._rows[number] if 0 <= number < len(self._rows) else None

    def key_of(self, number: int) -> str | None:
        """Return what identifies a row across refreshes, or None where there is no such row."""
        return getattr(self._rows[number], self._key) if 0 <= number < len(self._rows) else None

    def place_of(self, key: str | None) -> int:
        """Return where a row stands now, or -1."""
        return next((place for place, row in enumerate(self._rows) if getattr(row, self._key) == key), -1)

    def is_ticked(self, row: int) -> bool:
        """Return whether a row is ticked."""
        return getattr(self._rows[row], self._key) in self._ticked

    def chosen(self) -> list[Any]:
        """Return the ticked rows, in order."""
        return [row for row in self._rows if getattr(row, self._key) in self._ticked]

    def tick(self, row: int, *, on: bool) -> None:
        """Tick or untick one row."""
        key = getattr(self._rows[row], self._key)
        if (key in self._ticked) == on:
            return
        (self._ticked.add if on else self._ticked.discard)(key)
        self._changed(row, row)

    def tick_all(self, *, on: bool) -> None:
        """Tick or untick every row."""
        wanted = {getattr(row, self._key) for row in self._rows} if on else set()
        if wanted != self._ticked:
            self._ticked = wanted
            self._changed(0, len(self._rows) - 1)

    def _changed(self, first: int, last: int) -> None:
        if last >= first:
            self.dataChanged.emit(self.index(first, 0), self.index(last, self.columnCount() - 1))
        self.ticked.emit()
