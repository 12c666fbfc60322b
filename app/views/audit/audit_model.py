"""The rows of the audit table: every number in order at once, the entries themselves by the page when looked at."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal

from app.timesource import format_time, to_london
from app.views.kit.rows import ROW_ROLE

if TYPE_CHECKING:
    from app.services.audit_trail import AuditQuery, AuditRow
    from app.views.context import AppContext

PAGE_ROWS = 64
PAGES_KEPT = 40
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Column:
    """A column: key, header, and width in pixels at 100 % (0 takes the room that is left)."""

    key: str
    words: str
    width: int


COLUMNS: Final = (
    Column("when", "When", 132),
    Column("who", "Who", 184),
    Column("what", "What", 0),
    Column("entry", "Entry", 104),
)
KEYS: Final = tuple(column.key for column in COLUMNS)


def when_words(row: "AuditRow") -> tuple[str, str]:
    """Return the day and the time of an entry."""
    if row.at is None:
        return "", ""
    day = to_london(row.at).date()
    return f"{day.day} {day:%b} {day.year}", format_time(row.at)


def detail_words(row: "AuditRow") -> str:
    """Return what an entry is about, and its counts."""
    return " · ".join(part for part in (row.about, row.detail) if part)


def sentence(row: "AuditRow") -> str:
    """Return an entry as a screen reader says it."""
    day, time = when_words(row)
    parts = [f"Entry {row.sequence}", f"{day} {time}".strip(), row.who, row.action, row.about, row.detail]
    return ". ".join(part for part in parts if part)


class AuditModel(QAbstractTableModel):
    """Entries of one query, read off the window's thread.

    Signals:
        loaded: how many there are, when a query's numbers are there.
        indexing: how many entries of how many are made ready for filters.
    """

    loaded = Signal(int)
    indexing = Signal(int, int)

    def __init__(self, context: "AppContext", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._numbers: Sequence[int] = ()
        self._pages: OrderedDict[int, dict[int, AuditRow]] = OrderedDict()
        self._wanted: OrderedDict[int, None] = OrderedDict()
        self._reading = False
        self._generation = 0
        # Rows asked for while painting are read together once the painting is done.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._read_wanted)

    def load(self, query: "AuditQuery") -> None:
        """Show the entries of a query; what is shown now stays until they are there."""
        from app.services import audit_trail

        self._generation += 1
        generation, ws = self._generation, self._context.ws

        def work() -> "tuple[Sequence[int], list[AuditRow]]":
            if not query.is_plain:
                audit_trail.refresh(ws, self.indexing.emit)
            numbers = audit_trail.sequences(ws, query)
            return numbers, audit_trail.rows(ws, list(numbers[:PAGE_ROWS]))

        self._context.runner.run(self, work, lambda found: self._take(generation, *found), self._give_up, lane="cpu")

    def _take(self, generation: int, numbers: Sequence[int], rows: "Sequence[AuditRow]") -> None:
        if generation != self._generation:
            return
        self.beginResetModel()
        self._numbers = numbers
        self._pages.clear()
        self._wanted.clear()
        self._reading = False
        self._pages[0] = {row.sequence: row for row in rows}
        self.endResetModel()
        self.loaded.emit(len(numbers))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many entries there are."""
        return 0 if parent.isValid() else len(self._numbers)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many columns there are, shown or not."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a column's words."""
        words = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole)
        if orientation == Qt.Orientation.Horizontal and 0 <= section < len(COLUMNS) and role in words:
            return COLUMNS[section].words
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return an entry (``ROW_ROLE``), a cell's words, or the entry as a sentence."""
        if not index.isValid() or not 0 <= index.row() < len(self._numbers):
            return None
        if role not in (ROW_ROLE, Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return None
        row = self.row(index.row())
        if role == ROW_ROLE:
            return row
        if row is None:
            return "" if role == Qt.ItemDataRole.DisplayRole else "Loading"
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return sentence(row)
        cells = {
            "when": " ".join(when_words(row)),
            "who": row.who,
            "what": ", ".join(part for part in (row.action, row.about, row.detail) if part),
            "entry": f"{row.sequence:,}",
        }
        return cells[KEYS[index.column()]]

    def row(self, number: int) -> "AuditRow | None":
        """Return the entry in a row, or None while it is being read."""
        page = self._pages.get(number // PAGE_ROWS)
        if page is not None:
            return page.get(self._numbers[number])
        self._wanted[number // PAGE_ROWS] = None
        self._wanted.move_to_end(number // PAGE_ROWS)
        if not self._reading and not self._soon.isActive():
            self._soon.start()
        return None

    def _read_wanted(self) -> None:
        """Read the pages asked for last; those scrolled past are forgotten."""
        if self._reading or not self._wanted:
            return
        from app.services import audit_trail

        pages = list(self._wanted)[-2:]
        self._wanted.clear()
        wanted = [number for page in pages for number in self._numbers[page * PAGE_ROWS : (page + 1) * PAGE_ROWS]]
        self._reading = True
        generation, ws = self._generation, self._context.ws
        self._context.runner.run(
            self,
            lambda: audit_trail.rows(ws, wanted),
            lambda rows: self._take_pages(generation, pages, rows),
            self._give_up,
        )

    def _take_pages(self, generation: int, pages: list[int], rows: "Sequence[AuditRow]") -> None:
        if generation != self._generation:
            return
        self._reading = False
        found = {row.sequence: row for row in rows}
        for page in pages:
            first = page * PAGE_ROWS
            last = min(first + PAGE_ROWS, len(self._numbers)) - 1
            # An entry that was taken out since has no row: its place stays grey.
            self._pages[page] = {self._numbers[at]: found[self._numbers[at]] for at in range(first, last + 1)
                                 if self._numbers[at] in found}  # fmt: skip
            roles = [ROW_ROLE, Qt.ItemDataRole.DisplayRole]
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(COLUMNS) - 1), roles)
        while len(self._pages) > PAGES_KEPT:
            self._pages.popitem(last=False)
        if self._wanted:
            self._soon.start()

    def _give_up(self, error: Exception) -> None:
        self._reading = False
        self._context.report_error(error)
