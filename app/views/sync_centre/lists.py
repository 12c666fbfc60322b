"""The Sync centre's lists: what waits, what was not taken, what was settled, receipts by case, how syncs went."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app.views.context import AppContext
from app.views.kit.cards import Card, EmptyState, rule
from app.views.kit.chips import SegmentedControl
from app.views.sync_centre.columns import CASE_COLUMNS, COLUMNS, RUN_COLUMNS
from app.views.sync_centre.refused_panel import RefusedPanel
from app.views.team.model import QueueModel
from app.views.team.table import QueueTable
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.sync.case_receipts import CaseReceipts
    from app.services.sync.centre import SyncView, WaitingRow
    from app.services.sync.refused import RefusedSet
    from app.services.sync.run_history import Run

WAITING, REFUSED, RECENT, CASES, HISTORY = "waiting", "refused", "recent", "cases", "history"
CHOICES = [
    (WAITING, "Waiting"),
    (REFUSED, "Not taken"),
    (RECENT, "Settled lately"),
    (CASES, "By case"),
    (HISTORY, "History"),
]
_NONE = {
    WAITING: "Nothing waits. Everything you have recorded is in the central store.",
    REFUSED: "Everything that was sent has been taken.",
    RECENT: "Nothing was sent or received yet.",
    CASES: "Nothing was recorded about a case on this laptop.",
    HISTORY: "This laptop has not synced yet.",
}
NOT_ENROLLED = "This laptop is not enrolled with a central store. Everything is kept on it."


class SyncLists(Card):
    """One card with all of them.

    Signals:
        case_asked: id of a case whose row was opened.
        chosen: another list is shown.
    """

    case_asked = Signal(str)
    chosen = Signal(str)

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        self.choice = SegmentedControl(CHOICES, "What the list shows")
        self.choice.setObjectName("sync_choice")
        super().__init__("Changes", "", self.choice, parent, folds=True)
        self._context = context
        self._enrolled = True
        self._waiting_count = 0
        self._rows: dict[str, Sequence[Any]] = {key: () for key, _ in CHOICES}
        self.model = QueueModel(COLUMNS, "id", ticks=False, parent=self)
        self.table = QueueTable("Changes of this laptop", self.model)
        self.table.setObjectName("sync_table")
        self.case_model = QueueModel(CASE_COLUMNS, "id", ticks=False, parent=self)
        self.case_table = QueueTable("Receipts by case", self.case_model)
        self.run_model = QueueModel(RUN_COLUMNS, "id", ticks=False, parent=self)
        self.run_table = QueueTable("How the last syncs went", self.run_model)
        self.empty = EmptyState(_NONE[WAITING])
        self.panel = RefusedPanel(context)
        self._stack = QStackedWidget()
        for widget in (self.table, self.case_table, self.run_table, self.empty):
            self._stack.addWidget(widget)
        self.body.addWidget(self._stack, 1)
        self._foot = QWidget()
        foot = QVBoxLayout(self._foot)
        foot.setContentsMargins(0, 0, 0, 0)
        foot.setSpacing(0)
        foot.addWidget(rule())
        foot.addWidget(self.panel)
        self._foot.hide()
        self.body.addWidget(self._foot)
        self._stack.setMinimumHeight(px(150))
        self.choice.chosen.connect(self._choose)
        self.table.opened.connect(self._open)
        self.case_table.opened.connect(self._open)
        self.table.moved.connect(self._show_refused)

    def shown(self) -> str:
        """Return which list is shown."""
        return self.choice.value()

    def current_table(self) -> QueueTable:
        """Return the table that is shown, for F6."""
        return {CASES: self.case_table, HISTORY: self.run_table}.get(self.shown(), self.table)

    def set_view(self, view: "SyncView") -> None:
        """Take what was read of changes."""
        self._enrolled = view.enrolled
        self._waiting_count = view.pending_count
        self._rows |= {WAITING: view.pending, REFUSED: view.refused, RECENT: view.recent}
        self._show()

    def set_refused(self, sets: "Sequence[RefusedSet]") -> None:
        """Take what was read of refused changes."""
        self.panel.set_sets(sets)
        self._show_refused()

    def set_cases(self, rows: "Sequence[CaseReceipts]") -> None:
        """Take the receipts by case."""
        self._rows[CASES] = rows
        self._show()

    def set_runs(self, rows: "Sequence[Run]") -> None:
        """Take how the last syncs went."""
        self._rows[HISTORY] = rows
        self._show()

    def show_list(self, key: str) -> None:
        """Show one of the lists."""
        self.choice.set_value(key)
        self._choose(key)

    def _choose(self, key: str) -> None:
        self._show()
        self.chosen.emit(key)

    def _show(self) -> None:
        key = self.shown()
        rows = list(self._rows[key])
        table = self.current_table()
        table.queue_model.set_rows(rows)
        is_part = key == WAITING and len(rows) < self._waiting_count
        self.set_subtitle(f"The oldest {len(rows):,} of {self._waiting_count:,}" if is_part else "")
        none = NOT_ENROLLED if key == WAITING and not self._enrolled else _NONE[key]
        self.empty.set_text(none)
        self._stack.setCurrentWidget(table if rows else self.empty)
        self._show_refused()

    def _show_refused(self) -> None:
        row: WaitingRow | None = self.table.current_row() if self.shown() == REFUSED else None
        rows = self.model.rows()
        if row is None and self.shown() == REFUSED and rows:
            row = rows[0]
        self._foot.setVisible(row is not None and self.panel.show_set(row.id))

    def _open(self, row: "WaitingRow | CaseReceipts") -> None:
        if row.case_id is not None:
            self.case_asked.emit(row.case_id)
