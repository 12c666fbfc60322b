"""The card of the lists: one at a time under its bar, with what was refused and what is filtered above the rows."""

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.views.kit.cards import Card, EmptyState, rule
from app.views.kit.chips import Chip
from app.views.kit.feedback import Banner
from app.views.team.action_bar import AllocateBar, OpenBar
from app.views.team.lists import LISTS, rows_of
from app.views.team.model import QueueModel
from app.views.team.table import QueueTable
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.allocation import NotAllocated
    from app.services.team_queue import TeamQueue


class ListCard(Card):
    """The lists.

    Signals:
        ticked: the ticked cases have changed.
        opened: a row, by Enter, double click or button.
        unfiltered: the officer's chip was taken away.
    """

    ticked = Signal()
    opened = Signal(object)
    unfiltered = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", "", None, parent)
        self.setObjectName("list_card")
        self.allocate_bar, self.open_bar = AllocateBar(), OpenBar()
        self.bars = QStackedWidget()
        self.bars.addWidget(self.allocate_bar)
        self.bars.addWidget(self.open_bar)
        self.bars.setSizePolicy(self.allocate_bar.sizePolicy())
        self.notices = QVBoxLayout()
        self.filter = Chip("", removable=True)
        self.filter.setObjectName("officer_filter")
        self.filter.removed.connect(self.unfiltered)
        self._filter_row = QWidget()
        row = QHBoxLayout(self._filter_row)
        row.setContentsMargins(px(16), px(6), px(16), px(6))
        row.addWidget(self.filter)
        row.addStretch(1)
        self._filter_row.hide()
        self.tables: dict[str, QueueTable] = {}
        self.models: dict[str, QueueModel] = {}
        self._holders: dict[str, QStackedWidget] = {}
        self.stack = QStackedWidget()
        for key, spec in LISTS.items():
            model = QueueModel(spec.columns, spec.identity, ticks=spec.ticks, parent=self)
            table = QueueTable(spec.name, model)
            table.setObjectName(f"list_{key}")
            holder = QStackedWidget()
            holder.addWidget(table)
            holder.addWidget(EmptyState(spec.empty))
            self.stack.addWidget(holder)
            self.tables[key], self.models[key], self._holders[key] = table, model, holder
            model.ticked.connect(self._ticked)
            table.opened.connect(self.opened)
            table.moved.connect(self._moved)
        self.body.addWidget(self.bars)
        self.body.addWidget(rule())
        self.body.addLayout(self.notices)
        self.body.addWidget(self._filter_row)
        self.body.addWidget(self.stack, 1)
        self.open_bar.open_asked.connect(self._open_current)
        self.key = "waiting"
        self.show_list("waiting")

    @property
    def table(self) -> QueueTable:
        """The list shown."""
        return self.tables[self.key]

    @property
    def model(self) -> QueueModel:
        """Its rows."""
        return self.models[self.key]

    def show_list(self, key: str) -> None:
        """Show one list."""
        self.key = key
        self.stack.setCurrentIndex(list(LISTS).index(key))
        self.bars.setCurrentIndex(0 if LISTS[key].ticks else 1)
        # A stack asks for room for its tallest page; only the page shown should count.
        self._ticked()
        self._moved()

    def set_queue(self, queue: "TeamQueue", officer_id: str | None) -> None:
        """Show a new reading in every list."""
        self.allocate_bar.set_officers(queue.officers)
        for key, model in self.models.items():
            model.set_rows(rows_of(queue, key, officer_id))
            self._holders[key].setCurrentIndex(0 if model.rowCount() else 1)
        name = next((officer.name for officer in queue.officers if officer.user_id == officer_id), "")
        self.filter.set_text(f"Officer: {name}")
        self._filter_row.setVisible(bool(officer_id) and self.key == "overdue")
        self._ticked()
        self._moved()

    def say_stale(self, left: "tuple[NotAllocated, ...]") -> None:
        """Say which cases were left because somebody has them already."""
        self.clear_notices()
        if not left:
            return
        text = "\n".join(f"{case.name}, {case.reference}: {case.message}" for case in left)
        title = "1 case was left as it is" if len(left) == 1 else f"{len(left)} cases were left as they are"
        self._notice("conflict", text, title)

    def say_error(self, message: str) -> None:
        """Say why nothing was allocated."""
        self.clear_notices()
        self._notice("error", message, "")

    def _notice(self, kind: str, text: str, title: str) -> None:
        banner = Banner(kind, text, title=title, closable=True)
        banner.setObjectName("allocation_notice")
        self.notices.addWidget(banner)

    def clear_notices(self) -> None:
        """Take what was said away."""
        while (item := self.notices.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()

    def _ticked(self) -> None:
        if LISTS[self.key].ticks:
            self.allocate_bar.set_count(len(self.model.chosen()), moving=self.key == "overdue")
        self.ticked.emit()

    def _moved(self) -> None:
        spec = LISTS[self.key]
        if spec.ticks:
            return
        row = self.table.current_row()
        stale = bool(getattr(row, "already_allocated", ""))
        enabled = row is not None and not getattr(row, "own", False)
        self.open_bar.show_for(spec.hint, spec.verb, enabled=enabled, stale=stale)

    def _open_current(self) -> None:
        row: Any = self.table.current_row()
        if row is not None:
            self.opened.emit(row)
