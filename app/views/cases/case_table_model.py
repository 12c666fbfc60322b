"""The rows of the Cases table: every id in order at once, the rows themselves by the page when they are looked at."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal

from app.views.cases.columns import COLUMNS, KEYS, cell_text, sentence
from app.views.kit.rows import ROW_ROLE

if TYPE_CHECKING:
    from app.services.case_list import CaseListRow, CaseQuery
    from app.views.context import AppContext

PAGE_ROWS = 64
PAGES_KEPT = 40
Index = QModelIndex | QPersistentModelIndex


class CaseTableModel(QAbstractTableModel):
    """Cases of one query, read off the window's thread.

    Signals:
        loaded: the number of cases, when a query's ids are there.
        selection_changed: the ids that are ticked.
    """

    loaded = Signal(int)
    selection_changed = Signal(object)

    def __init__(self, context: "AppContext", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._ids: list[str] = []
        self._pages: OrderedDict[int, dict[int, CaseListRow]] = OrderedDict()
        self._wanted: OrderedDict[int, None] = OrderedDict()
        self._reading = False
        self._generation = 0
        self._ticked: set[str] = set()
        self.today: date = context.ws.time.today()
        # Rows asked for while painting are read together once the painting is done.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._read_wanted)

    def load(self, query: "CaseQuery") -> None:
        """Show the cases of a query; what is shown now stays until they are there."""
        from app.services import cases

        self._generation += 1
        generation, ws = self._generation, self._context.ws
        self._context.runner.run(
            self,
            lambda: cases.first_page(ws, query, PAGE_ROWS),
            lambda found: self._take(generation, *found),
        )

    def _take(self, generation: int, ids: list[str], rows: "Sequence[CaseListRow]") -> None:
        if generation != self._generation:
            return
        self.beginResetModel()
        self.today = self._context.ws.time.today()
        self._ids = ids
        self._pages.clear()
        self._wanted.clear()
        self._reading = False
        if ids:
            self._pages[0] = dict(enumerate(rows))
        gone = self._ticked.difference(ids)
        self._ticked -= gone
        self.endResetModel()
        self.loaded.emit(len(ids))
        if gone:
            self.selection_changed.emit(self.ticked())

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many cases there are."""
        return 0 if parent.isValid() else len(self._ids)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many columns there are, shown or not."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a column's words."""
        if orientation == Qt.Orientation.Horizontal and 0 <= section < len(COLUMNS):
            if role == Qt.ItemDataRole.DisplayRole:
                return COLUMNS[section].words
            if role == Qt.ItemDataRole.AccessibleTextRole:
                return COLUMNS[section].words or "Select"
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a row (``ROW_ROLE``), a cell's words, the tick, or the row as a sentence."""
        if not index.isValid() or not 0 <= index.row() < len(self._ids):
            return None
        key = KEYS[index.column()]
        if role == Qt.ItemDataRole.CheckStateRole and key == "select":
            ticked = self._ids[index.row()] in self._ticked
            return Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
        if role not in (ROW_ROLE, Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return None
        row = self.row(index.row())
        if role == ROW_ROLE:
            return row
        if row is None:
            return "" if role == Qt.ItemDataRole.DisplayRole else "Loading"
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return sentence(row, self.today)
        return cell_text(row, key, self.today)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Return that rows can be selected, and the first column ticked."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsUserCheckable if KEYS[index.column()] == "select" else flags

    def row(self, number: int) -> "CaseListRow | None":
        """Return a row, or None while it is being read."""
        page = self._pages.get(number // PAGE_ROWS)
        if page is not None:
            return page.get(number)
        self._wanted[number // PAGE_ROWS] = None
        self._wanted.move_to_end(number // PAGE_ROWS)
        if not self._reading and not self._soon.isActive():
            self._soon.start()
        return None

    def case_id(self, number: int) -> str | None:
        """Return the id of the case in a row."""
        return self._ids[number] if 0 <= number < len(self._ids) else None

    def number_of(self, case_id: str) -> int:
        """Return the row of a case, or -1."""
        try:
            return self._ids.index(case_id)
        except ValueError:
            return -1

    def toggle(self, number: int) -> None:
        """Tick or untick a row."""
        case_id = self.case_id(number)
        if case_id is None:
            return
        self._ticked ^= {case_id}
        cell = self.index(number, 0)
        self.dataChanged.emit(cell, cell, [Qt.ItemDataRole.CheckStateRole])
        self.selection_changed.emit(self.ticked())

    def tick_all(self, ticked: bool) -> None:
        """Tick every case of the query, or none."""
        self._ticked = set(self._ids) if ticked else set()
        if self._ids:
            roles = [Qt.ItemDataRole.CheckStateRole]
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._ids) - 1, 0), roles)
        self.selection_changed.emit(self.ticked())

    def ticked(self) -> list[str]:
        """Return the ticked ids in the table's order."""
        return [case_id for case_id in self._ids if case_id in self._ticked]

    def _read_wanted(self) -> None:
        """Read the pages asked for last; those scrolled past are forgotten."""
        if self._reading or not self._wanted:
            return
        from app.services import cases

        pages = list(self._wanted)[-2:]
        self._wanted.clear()
        wanted = [case_id for page in pages for case_id in self._ids[page * PAGE_ROWS : (page + 1) * PAGE_ROWS]]
        self._reading = True
        generation, ws = self._generation, self._context.ws
        self._context.runner.run(
            self,
            lambda: cases.rows(ws, wanted),
            lambda rows: self._take_pages(generation, pages, rows),
            self._give_up,
        )

    def _take_pages(self, generation: int, pages: list[int], rows: "Sequence[CaseListRow]") -> None:
        if generation != self._generation:
            return
        self._reading = False
        found = {row.case_id: row for row in rows}
        for page in pages:
            first = page * PAGE_ROWS
            numbers = range(first, min(first + PAGE_ROWS, len(self._ids)))
            self._pages[page] = {
                number: found.get(self._ids[number]) or _gone(found, self._ids[number]) for number in numbers
            }
            last = self.index(numbers[-1], len(COLUMNS) - 1)
            self.dataChanged.emit(self.index(first, 0), last, [ROW_ROLE, Qt.ItemDataRole.DisplayRole])
        while len(self._pages) > PAGES_KEPT:
            self._pages.popitem(last=False)
        if self._wanted:
            self._soon.start()

    def _give_up(self, error: Exception) -> None:
        self._reading = False
        self._context.report_error(error)


def _gone(found: "dict[str, CaseListRow]", case_id: str) -> "CaseListRow":
    """Return a row for a case that left this laptop between two readings; the next load drops it."""
    pattern = next(iter(found.values()), None)
    if pattern is None:
        from app.services.case_list import CaseListRow

        pattern = CaseListRow(
            "", "", "", "", "", "open", "", None, "", False, "", None, "", 0, (), "", "", date.min, None, 0
        )  # fmt: skip
    return replace(
        pattern,
        case_id=case_id,
        name="No longer on this laptop",
        reference="",
        age="",
        due_on=None,
        due_what="",
        last_activity="",
        last_activity_at=None,
        last_school="",
        stage="",
        unsynced=0,
        flags=(),
        conflicts=0,
    )
