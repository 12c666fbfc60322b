"""History as a read-only tree: entries, and the changed fields under each.

Not Qt's item model: its items are deleted by two owners in the Python binding, which now and then ended the program.
"""

from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.views.theme import colour, font

COLUMNS = ("What", "Before", "After")
_ENTRY = 0
"""Internal id of an entry's index; a field's index has its entry's row plus one."""
_LONG = 40

Row = tuple[str, str, str]
Entry = tuple[str, list[Row]]
Index = QModelIndex | QPersistentModelIndex


class HistoryModel(QAbstractItemModel):
    """Entries, newest first, each with the words of its fields."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._entries: list[Entry] = []

    def set_entries(self, entries: list[Entry]) -> None:
        """Show these entries instead of the ones there are."""
        self.beginResetModel()
        self._entries = list(entries)
        self.endResetModel()

    def add_entries(self, entries: list[Entry]) -> None:
        """Add earlier entries at the end."""
        if not entries:
            return
        first = len(self._entries)
        self.beginInsertRows(QModelIndex(), first, first + len(entries) - 1)
        self._entries += entries
        self.endInsertRows()

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008  (Qt's signature)
        """Return the index of an entry or of a field under one."""
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, parent.row() + 1 if parent.isValid() else _ENTRY)

    def parent(self, index: Index) -> QModelIndex:  # type: ignore[override]  # QObject.parent() is another method
        """Return the entry a field stands under."""
        if not index.isValid() or index.internalId() == _ENTRY:
            return QModelIndex()
        return self.createIndex(int(index.internalId()) - 1, 0, _ENTRY)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  (Qt's signature)
        """Return how many entries there are, or fields under one."""
        if not parent.isValid():
            return len(self._entries)
        if parent.internalId() != _ENTRY or parent.column() != 0:
            return 0
        return len(self._entries[parent.row()][1])

    def columnCount(self, _parent: Index = QModelIndex()) -> int:  # noqa: B008  (Qt's signature)
        """Return the number of columns."""
        return len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a column's heading."""
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return COLUMNS[section] if 0 <= section < len(COLUMNS) else None
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Return that rows can be chosen and never edited."""
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable if index.isValid() else Qt.ItemFlag.NoItemFlags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell's words, its whole text when it is long, its font and its colour."""
        if not index.isValid():
            return None
        text = self._text(index)
        is_entry = index.internalId() == _ENTRY
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return text.replace("\n", " ")
            case Qt.ItemDataRole.ToolTipRole:
                return text if len(text) > _LONG else None
            case Qt.ItemDataRole.FontRole:
                return font("secondary", "strong") if is_entry else None
            case Qt.ItemDataRole.ForegroundRole:
                return colour("ink2") if not is_entry and index.column() == 1 else None
        return None

    def _text(self, index: Index) -> str:
        if index.internalId() == _ENTRY:
            return self._entries[index.row()][0] if index.column() == 0 else ""
        return self._entries[int(index.internalId()) - 1][1][index.row()][index.column()]
