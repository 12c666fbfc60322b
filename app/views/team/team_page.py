"""The Team queue page: tiles over lists, allocation, approvals and workload."""

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.errors import RollcallError
from app.timesource import format_weekday
from app.views.context import AppContext
from app.views.kit.buttons import QuietButton
from app.views.kit.cards import PageHeader
from app.views.kit.feedback import Banner
from app.views.kit.fields import Select
from app.views.kit.text import Text
from app.views.pages import Crumb
from app.views.team.approvals_card import ApprovalsCard
from app.views.team.list_card import ListCard
from app.views.team.lists import LISTS
from app.views.team.tiles import TileBar
from app.views.team.workload_panel import WorkloadPanel
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.allocation import AllocationResult
    from app.services.team_queue import TeamQueue
    from app.services.team_workload import Officer
    from app.services.workspace import Workspace

BESIDE_FROM, PANEL_WIDTH, LOW_BELOW = 940, 404, 620
_REREAD_MS = 150
_TABLES = frozenset(
    {
        "case",
        "assignment",
        "clock",
        "task",
        "closure",
        "conflict",
        "letter",
        "user",
        "team",
        "safety_flag",
        "relationship",
        "break_glass",
        "access_request",
        "interest_declared",
    }
)


def _access_waiting(ws: "Workspace") -> int:
    from app.services import access_alerts

    return access_alerts.waiting(ws)


class TeamPage(QWidget):
    """What a supervisor opens first."""

    title = "Team queue"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.setObjectName("team_page")
        self.context = context
        self.breadcrumb: list[Crumb] = [("Team queue", None)]
        self.queue: TeamQueue | None = None
        self._team_id: str | None = None
        self._officer_filter: str | None = None
        self._by_hand = self._busy = self._drawer = False
        self._make()
        self._lay_out()
        self._connect()

    def _make(self) -> None:
        self.team = Select("Team")
        self.team.setObjectName("team_choice")
        self.drawer = QuietButton("Workload", "chart-column")
        self.drawer.setObjectName("show_workload")
        self.drawer.setCheckable(True)
        self.date = Text("", "secondary", ink="ink2")
        self.header = PageHeader("Team queue", "", [self.date, self.drawer], choice=self.team)
        self.tiles = TileBar()
        self.lists = ListCard()
        self.approvals = ApprovalsCard()
        self.approvals.hide()
        self.workload = WorkloadPanel()
        self.access = Banner("warn", "", [("Look at them", lambda: self.context.navigate("access"))])
        self.access.setObjectName("access_alerts")
        self.access.hide()

    def _lay_out(self) -> None:
        self._left = QWidget()
        left = QVBoxLayout(self._left)
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(px(12))
        left.addWidget(self.lists, 1)
        left.addWidget(self.approvals)
        self.approvals.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._columns = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._columns.setSpacing(px(16))
        self._columns.addWidget(self._left, 1)
        self._columns.addWidget(self.workload)
        page = QVBoxLayout(self)
        page.setContentsMargins(px(20), px(14), px(20), px(16))
        page.setSpacing(px(12))
        page.addWidget(self.header)
        page.addWidget(self.access)
        page.addWidget(self.tiles)
        page.addLayout(self._columns, 1)

    def _connect(self) -> None:
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_REREAD_MS)
        self._later.timeout.connect(self.reread)
        self.team.activated.connect(self._team_chosen)
        self.drawer.clicked.connect(self._toggle_drawer)
        self.tiles.chosen.connect(self._tile_chosen)
        self.lists.ticked.connect(self._ticked)
        self.lists.opened.connect(self._open_row)
        self.lists.unfiltered.connect(lambda: self._filter(None))
        self.lists.allocate_bar.allocate_asked.connect(self.allocate)
        self.lists.allocate_bar.officer_chosen.connect(self._officer_chosen)
        self.lists.open_bar.leave_asked.connect(self._leave_allocation)
        self.approvals.review_asked.connect(self._open_row)
        self.workload.move_asked.connect(self._move_from)
        self.context.records_changed.connect(self._records_changed)

    # The window's side

    def open(self, tile: str = "", team_id: str | None = None, **_arguments: Any) -> None:
        """Show the queue.

        Args:
            tile: waiting, overdue, approvals, closures or conflicts.
            team_id: a team; the person's own when left out.
        """
        if team_id is not None:
            self._team_id = team_id
        if tile in LISTS:
            self.tiles.set_value(tile)
            self.lists.show_list(tile)
        self.date.setText(format_weekday(self.context.ws.time.today()))
        self.reread()

    def primary_action(self) -> None:
        """Ctrl+Enter: allocate, or open the current row."""
        if LISTS[self.lists.key].ticks:
            self.allocate()
        elif self.lists.open_bar.open_button.isEnabled():
            self.lists.open_bar.open_asked.emit()

    def panes(self) -> list[QWidget]:
        """Return what F6 moves between."""
        return [self.tiles.tiles[self.tiles.value()], self.lists.table, self.workload.choice]

    def close_panel(self) -> bool:
        """Esc closes the workload drawer."""
        if self._drawer:
            self._toggle_drawer()
            return True
        return False

    def setFocus(self, *_reason: Any) -> None:
        """Put the keyboard on the list: Space ticks straight away."""
        (self.lists.table if self.lists.model.rowCount() else self.tiles.tiles[self.lists.key]).setFocus()

    # Reading

    def reread(self) -> None:
        """Read the queue again."""
        ws, team_id = self.context.ws, self._team_id

        def work() -> "TeamQueue":
            from app.services import team_queue

            return team_queue.read_queue(ws, team_id)

        self.context.runner.run(self, work, self._show)
        self.context.runner.run(self, lambda: _access_waiting(ws), self._show_access, lambda _error: None)

    def _show_access(self, count: int) -> None:
        thing = "1 thing about access waits" if count == 1 else f"{count} things about access wait"
        self.access.set_text(f"{thing} for you: restricted cases, emergencies and conflicts of interest.")
        self.access.setVisible(count > 0)

    def _records_changed(self, tables: frozenset[str]) -> None:
        if self.isVisible() and tables & _TABLES:
            self._later.start()

    def _show(self, queue: "TeamQueue") -> None:
        # A tile that somebody stands on keeps the keyboard; one that had to take it from an empty list gives it back.
        was_empty = not self.lists.model.rowCount()
        focused = self.lists.table.hasFocus() or (was_empty and self.tiles.tiles[self.lists.key].hasFocus())
        self.queue = queue
        self.team.blockSignals(True)
        self.team.clear()
        for team_id, name in queue.teams:
            self.team.addItem(name, team_id)
        self.team.setCurrentIndex(self.team.findData(queue.team_id))
        self.team.blockSignals(False)
        self.team.updateGeometry()
        for tile in queue.tiles:
            self.tiles.tiles[tile.key].set_count(tile.count, tile.line)
        self.lists.set_queue(queue, self._officer_filter)
        self.approvals.set_rows(queue.approvals, self.context.ws.time.today())
        self._fit()
        self._ticked()
        if focused:
            self.setFocus()

    def _ticked(self) -> None:
        """Follow the ticks: suggest an officer, and show what the allocation would mean."""
        chosen = self.lists.model.chosen() if LISTS[self.lists.key].ticks else []
        bar = self.lists.allocate_bar
        if not chosen:
            self._by_hand = False
        if not self._by_hand:
            first = next((row.suggestion for row in chosen if getattr(row, "suggestion", None)), None)
            bar.suggest(first.officer_id if first else None)
        self._show_load(len(chosen))

    def _officer_chosen(self) -> None:
        self._by_hand = True
        self._ticked()

    def _show_load(self, count: int) -> None:
        if self.queue is None:
            return
        from app.services.team_workload import over_limit_words, preview

        officer = self._officer(self.lists.allocate_bar.officer_id())
        extra = {officer.user_id: count} if officer and count else {}
        words = preview(officer, count) if officer and count else None
        over = [(each.user_id, advice) for each in self.queue.officers if (advice := over_limit_words(each))]
        self.workload.show_load(self.queue.officers, extra, words, over)

    def _officer(self, officer_id: str | None) -> "Officer | None":
        officers = self.queue.officers if self.queue else ()
        return next((officer for officer in officers if officer.user_id == officer_id), None)

    # Doing

    def allocate(self) -> None:
        """Give the ticked cases to the chosen officer."""
        chosen = self.lists.model.chosen() if LISTS[self.lists.key].ticks else []
        bar = self.lists.allocate_bar
        officer_id = bar.officer_id()
        if self._busy or not chosen or officer_id is None:
            return
        reason = bar.reason.text().strip() if self.lists.key == "overdue" else ""
        expected = {row.case_id: row.allocation for row in chosen}
        ws = self.context.ws
        self._busy = True
        bar.set_busy(busy=True)
        self.lists.clear_notices()

        def work() -> "AllocationResult":
            from app.services import allocation

            return allocation.allocate(ws, list(expected), officer_id, reason, expected=expected)

        self.context.runner.run(self, work, self._allocated, self._refused)

    def _allocated(self, result: "AllocationResult") -> None:
        self._busy = self._by_hand = False
        self.lists.allocate_bar.reason.clear()
        self.lists.model.tick_all(on=False)
        self.lists.say_stale(result.stale)
        if result.done:
            self.context.toast(result.words, lambda: self._undo(result))
        self.context.counts_changed.emit()
        self.reread()

    def _refused(self, error: Exception) -> None:
        self._busy = False
        self.lists.allocate_bar.set_busy(busy=False)
        if isinstance(error, RollcallError):
            self.lists.say_error(error.message)
            if getattr(error, "field", None) == "reason":
                self.lists.allocate_bar.reason.setFocus()
        else:
            self.context.report_error(error)

    def _undo(self, result: "AllocationResult") -> None:
        ws = self.context.ws

        def work() -> int:
            from app.services import allocation

            return allocation.undo(ws, result)

        self.context.runner.run(self, work, self._undone)

    def _undone(self, count: int) -> None:
        words = "Nothing was taken back: the cases were allocated again since"
        if count:
            words = "Allocation taken back" if count == 1 else f"{count} allocations taken back"
        self.context.toast(words)
        self.context.counts_changed.emit()
        self.reread()

    def _leave_allocation(self) -> None:
        row, ws = self.lists.table.current_row(), self.context.ws
        if row is None or not row.already_allocated:
            return

        def work() -> None:
            from app.services import allocation

            allocation.keep_allocation(ws, row.conflict_id)

        def done(_nothing: None) -> None:
            self.context.toast(f"{row.name} is left as it is")
            self.reread()

        self.context.runner.run(self, work, done, self._refused)

    def _open_row(self, row: Any) -> None:
        letter_id = getattr(row, "letter_id", None)
        if letter_id:
            self.context.navigate("letter", case_id=row.case_id, letter_id=letter_id)
        elif getattr(row, "conflict_id", None):
            self.context.navigate("conflicts", case_id=row.case_id)
        else:
            self.context.navigate("case", case_id=row.case_id)

    # Choosing what is shown

    def _team_chosen(self) -> None:
        self._team_id = str(self.team.currentData() or "")
        self._officer_filter = None
        self.reread()

    def _tile_chosen(self, key: str) -> None:
        self._officer_filter = None
        self._by_hand = False
        self.lists.clear_notices()
        self.lists.show_list(key)
        if self.queue is not None:
            self.lists.set_queue(self.queue, None)
        self._fit()
        self._ticked()

    def _move_from(self, officer_id: str) -> None:
        self._drawer = False
        self.tiles.set_value("overdue")
        self.lists.show_list("overdue")
        self._filter(officer_id)
        self.lists.table.setFocus()

    def _filter(self, officer_id: str | None) -> None:
        self._officer_filter = officer_id
        if self.queue is not None:
            self.lists.set_queue(self.queue, officer_id)
        self._fit()

    # Size

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold the panel and the tiles to the space."""
        super().resizeEvent(event)
        self._fit()

    def _toggle_drawer(self) -> None:
        self._drawer = not self._drawer
        self._fit()

    def _fit(self) -> None:
        beside = self.width() >= px(BESIDE_FROM)
        low = self.height() < px(LOW_BELOW)
        self.tiles.fit(self.height())
        self.drawer.setVisible(not beside)
        self.drawer.setChecked(self._drawer)
        self.drawer.set_text("Show the list" if self._drawer else "Workload")
        self.date.setVisible(self.width() >= px(720))
        self.workload.setVisible(beside or self._drawer)
        self._left.setVisible(beside or not self._drawer)
        self.workload.setMinimumWidth(min(px(PANEL_WIDTH), int(self.width() * 0.36)) if beside else 0)
        self.workload.setMaximumWidth(px(PANEL_WIDTH) if beside else 16777215)
        rows = self.queue.approvals if self.queue else ()
        self.approvals.setVisible(bool(rows) and self.lists.key == "waiting" and not low)
