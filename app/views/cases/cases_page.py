"""The Cases page: find a case, see what is due, open it."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QStackedLayout, QVBoxLayout, QWidget

from app.services import cases
from app.services.access import Permission, allowed
from app.services.case_list import VIEWS, CaseQuery, FilterCounts, View
from app.views.cases.case_table import CaseTable
from app.views.cases.case_table_model import CaseTableModel
from app.views.cases.columns import COLUMNS
from app.views.cases.filter_panel import FilterPanel
from app.views.cases.filter_words import EMPTY_WORDS, filters_in_force
from app.views.kit.buttons import PlainButton, PrimaryButton, QuietButton
from app.views.kit.cards import EmptyState, PageHeader, rule
from app.views.kit.chips import Chip
from app.views.kit.text import Text
from app.views.sync_pill import SyncRelay
from app.views.theme import Themed
from app.views.tokens import px

if TYPE_CHECKING:
    from app.views.context import AppContext

_BULK_QUESTION = "What has to be done for each of these cases?"
WIDE_FROM = 1280
SETTLE_MS, COUNT_AFTER_MS = 120, 40
SHOWN_TABLES = frozenset(
    {"case", "child", "case_event", "task", "clock", "enrolment", "safety_flag", "user", "conflict", "address"}
)
SORT_WORDS = {
    "child": "Name",
    "stage": "Stage",
    "due": "Next due first",
    "activity": "Last activity",
    "school": "Last school",
    "unsynced": "Not synced first",
    "area": "Area",
    "officer": "Officer",
    "waiting": "Opened",
}


class CasesPage(Themed, QWidget):
    """Views, filters and the table.

    Signals:
        heading_changed: the title followed the view.
        ready: the first rows of a query are shown.
    """

    heading_changed = Signal()
    ready = Signal()

    def __init__(self, context: "AppContext") -> None:
        super().__init__()
        self.setObjectName("cases_page")
        self._context = context
        self._query = cases.for_view("mine", context.ws)
        self._names: dict[str, str] = {context.ws.actor.user_id or "": context.ws.actor.name}
        self._wanted_case: str | None = None
        self._panel_asked = False
        self.title = "Cases"
        self.breadcrumb: list[tuple[str, str | None]] = [("Cases", None)]
        self.model = CaseTableModel(context, self)
        self.table = CaseTable(self.model)
        self.panel = FilterPanel()
        self._make_head()
        self._lay_out()
        self._connect()
        self.start_theming()

    def _make_head(self) -> None:
        self.filters_button = QuietButton("Filters", "list-filter")
        self.filters_button.setObjectName("filters_button")
        self.columns_button = QuietButton("Columns", "columns-3")
        self.columns_button.setObjectName("columns_button")
        self.columns_button.setToolTip("Columns (Ctrl+Shift+C)")
        self._takes = allowed(self._context.ws.actor.role, Permission.TAKE_REFERRALS)
        self.new_button = PrimaryButton("New referral", "plus", "Ctrl+N", answers=False)
        self.head = PageHeader(VIEWS["mine"], "", [self.filters_button, self.columns_button, self.new_button])
        self.sort_button = PlainButton("Next due first", "arrow-up-narrow-wide")
        self.sort_button.setObjectName("sort_button")
        self.sort_button.set_kind("bare")

    def _lay_out(self) -> None:
        self._chips = QHBoxLayout()
        self._chips.setSpacing(px(8))
        self._chip_row = QHBoxLayout()
        self._chip_row.addLayout(self._chips)
        self._chip_row.addStretch(1)
        self._chip_row.addWidget(self.sort_button)
        self._top = QVBoxLayout()
        self._top.addWidget(self.head)
        self._top.addLayout(self._chip_row)
        self.empty = EmptyState("You have no open cases.")
        self.empty_action = QuietButton("Clear filters", "x")
        self.empty_action.setObjectName("empty_action")
        layout = self.empty.layout()
        if isinstance(layout, QVBoxLayout):
            layout.addWidget(self.empty_action, 0, Qt.AlignmentFlag.AlignHCenter)
            layout.addStretch(1)
        # A stacked layout without a widget of its own would show its first page as a window.
        self.table.setParent(self)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.table)
        self._stack.addWidget(self.empty)
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addLayout(self._top)
        right.addWidget(rule())
        right.addLayout(self._stack, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.panel)
        self._edge = rule(upright=True)
        row.addWidget(self._edge)
        row.addLayout(right, 1)

    def _connect(self) -> None:
        self.setFocusProxy(self.table)  # whoever comes here by key can open the first case with Enter
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._reload)
        self._count_soon = QTimer(self)
        self._count_soon.setSingleShot(True)
        self._count_soon.setInterval(COUNT_AFTER_MS)
        self._count_soon.timeout.connect(self._count)
        self.model.loaded.connect(self._show_loaded)
        self.model.selection_changed.connect(self._show_selection)
        self.table.opened.connect(lambda case_id: self._context.navigate("case", case_id=case_id))
        self.table.head.sort_asked.connect(self._sort_by)
        self.panel.changed.connect(self._asked)
        self.panel.search.moved_down.connect(self.table.setFocus)
        self.filters_button.clicked.connect(self._toggle_panel)
        self.columns_button.clicked.connect(self._open_columns)
        self.sort_button.clicked.connect(self._open_sorts)
        self.new_button.clicked.connect(lambda: self._context.navigate("referral"))
        self.empty_action.clicked.connect(self._leave_empty)
        QShortcut(QKeySequence("Ctrl+Shift+C"), self, self._open_columns)
        self._context.records_changed.connect(self._note_change)
        relay = SyncRelay(self._context.sync, self)
        relay.arrived.connect(lambda _status: self._settle.start() if self.isVisible() else None)

    def restyle(self) -> None:
        """Follow the theme."""
        self._top.setContentsMargins(px(20), px(12), px(20), px(10))
        self._top.setSpacing(px(8))
        self._chip_row.setSpacing(px(8))

    # What the window asks

    def open(self, view: str | None = None, text: str | None = None, **filters: Any) -> None:
        """Show the cases of a view.

        Args:
            view: a key of ``case_list.VIEWS``; the view shown last when left out.
            text: part of a name or reference.
            filters: ``officer``, ``stage``, ``statutory``, ``changed_here`` or ``closed``.
        """
        query = cases.for_view(cast("View", view), self._context.ws) if view in VIEWS else self._query
        if text is not None:
            query = replace(query, text=text)
        if filters.get("officer"):
            query = replace(query, officers=frozenset({str(filters["officer"])}))
        if filters.get("stage"):
            query = replace(query, stages=frozenset({str(filters["stage"])}))
        for name in ("statutory", "changed_here", "closed"):
            if name in filters:
                query = query.showing(name, on=bool(filters[name]))
        self._ask(query)
        self.table.setFocus()

    def primary_action(self) -> None:
        """Open the current case."""
        case_id = self.model.case_id(self.table.currentIndex().row())
        if case_id is not None:
            self._context.navigate("case", case_id=case_id)

    def find_here(self) -> None:
        """Put the cursor into the search field of the filters."""
        self._panel_asked = True
        self._place_panel()
        self.panel.search.setFocus()
        self.panel.search.selectAll()

    def close_panel(self) -> bool:
        """Close the filters where they lie over a narrow window; return whether that did anything."""
        if self._panel_asked and not self._is_wide():
            self._panel_asked = False
            self._place_panel()
            self.table.setFocus()
            return True
        return False

    # Queries

    def _asked(self, what: object) -> None:
        if isinstance(what, CaseQuery):
            self._ask(what)
        else:
            self._ask(replace(cases.for_view(cast("View", what), self._context.ws), sort=self._query.sort))

    def _ask(self, query: CaseQuery) -> None:
        keep = self.model.case_id(self.table.currentIndex().row())
        self._wanted_case = keep
        self._query = query
        self.panel.show_query(query, replace(cases.for_view(query.view, self._context.ws), sort=query.sort))
        self._show_sort()
        self._show_chips()
        self._reload()

    def _reload(self) -> None:
        self._settle.stop()
        if self._wanted_case is None:
            self._wanted_case = self.model.case_id(self.table.currentIndex().row())
        self.model.load(self._query)

    def _count(self) -> None:
        ws, query = self._context.ws, self._query
        self._context.runner.run(self, lambda: cases.filter_counts(ws, query), self._show_counts)

    def _note_change(self, tables: object) -> None:
        if isinstance(tables, frozenset) and tables & SHOWN_TABLES and self.isVisible():
            self._settle.start()

    def _show_loaded(self, count: int) -> None:
        heading = "Closed cases" if self._query.closed else VIEWS[self._query.view]
        self.head.set_title(heading, f"{count:,}")
        if count:
            row = self.model.number_of(self._wanted_case) if self._wanted_case else 0
            self.table.go_to(max(row, 0))
            self._stack.setCurrentWidget(self.table)
        else:
            self._show_empty()
        self._wanted_case = None
        self._show_selection(self.model.ticked())
        # The numbers beside the filters come after the rows are on screen.
        self._count_soon.start()
        self.ready.emit()

    def _show_counts(self, counts: FilterCounts) -> None:
        self._names |= {each.officer_id: each.name for each in counts.officers}
        self.panel.show_counts(counts, self._context.ws.actor.user_id)
        self._show_chips()

    # Chips, sorting, columns

    def _filters(self) -> list[tuple[str, CaseQuery]]:
        return filters_in_force(self._query, self._names)

    def _show_chips(self) -> None:
        while (item := self._chips.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        ticked = len(self.model.ticked())
        if ticked:
            self._show_bulk(ticked)
            return
        for words, without in self._filters()[:6]:
            chip = Chip(words, removable=True)
            chip.removed.connect(lambda without=without: self._ask(without))
            self._chips.addWidget(chip)

    def _show_bulk(self, ticked: int) -> None:
        self._chips.addWidget(Text(f"{ticked:,} selected", "secondary", weight="strong"))
        task = QuietButton("Add task", "list-todo", compact=True)
        task.setObjectName("bulk_task")
        task.clicked.connect(self._ask_task)
        clear = QuietButton("Clear selection", "x", compact=True)
        clear.clicked.connect(lambda: self.model.tick_all(ticked=False))
        self._chips.addWidget(task)
        self._chips.addWidget(clear)

    def _show_selection(self, ticked: object) -> None:
        self.table.show_ticks(len(ticked) if isinstance(ticked, list) else 0)
        self._show_chips()

    def _ask_task(self) -> None:
        self._context.prompts.ask_text(self, "Add a task", _BULK_QUESTION, self._add_tasks)

    def _add_tasks(self, text: str) -> None:
        from app.services import tasks

        ws, chosen = self._context.ws, self.model.ticked()

        def work() -> int:
            for case_id in chosen:
                tasks.add_task(ws, case_id, text)
            return len(chosen)

        def done(count: int) -> None:
            self.model.tick_all(ticked=False)
            self._context.toast(f"Task added to {count} cases")

        self._context.runner.run(self, work, done)

    def _sort_by(self, key: str) -> None:
        same = key == self._query.sort
        self._ask(replace(self._query, sort=key, descending=not self._query.descending if same else False))

    def _show_sort(self) -> None:
        head = self.table.head
        head.sort, head.descending = self._query.sort, self._query.descending
        head.viewport().update()
        words = SORT_WORDS[self._query.sort]
        self.sort_button.set_text(f"{words}, reversed" if self._query.descending else words)
        self.sort_button.set_icon("arrow-down-wide-narrow" if self._query.descending else "arrow-up-narrow-wide")

    def _open_sorts(self) -> None:
        menu = QMenu(self)
        for key, words in SORT_WORDS.items():
            action = menu.addAction(words)
            action.setCheckable(True)
            action.setChecked(key == self._query.sort)
            action.triggered.connect(lambda _on, key=key: self._sort_by(key))
        _popup(menu, self.sort_button)

    def _open_columns(self) -> None:
        menu = QMenu(self)
        wanted = self.table.columns()
        for column in COLUMNS:
            if column.optional:
                action = menu.addAction(column.words)
                action.setCheckable(True)
                action.setChecked(column.key in wanted)
                action.toggled.connect(lambda on, key=column.key: self.table.set_column(key, on))
        _popup(menu, self.columns_button)

    # Room

    def _is_wide(self) -> bool:
        return self.window().width() >= px(WIDE_FROM)

    def _toggle_panel(self) -> None:
        self._panel_asked = not self.panel.isVisible()
        self._place_panel()
        if self._panel_asked:
            self.panel.views.setFocus()

    def _place_panel(self) -> None:
        wide = self._is_wide()
        self.filters_button.setVisible(not wide)
        self.panel.setVisible(wide or self._panel_asked)
        self._edge.setVisible(wide or self._panel_asked)

    def minimumSizeHint(self) -> QSize:
        """Return less than the parts ask for: they fold when they are given less."""
        return QSize(px(320), px(240))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the filters in view only where there is room for them."""
        super().resizeEvent(event)
        self._place_panel()
        narrow = self.width() < px(760)
        self.columns_button.setVisible(not narrow)
        self.new_button.setVisible(self._takes and self.width() >= px(560))

    # Nothing to show

    def _show_empty(self) -> None:
        start = cases.for_view(self._query.view, self._context.ws)
        plain = replace(self._query, sort=start.sort, descending=start.descending) == start
        words = [words for words, _without in self._filters()]
        self.empty.set_text(EMPTY_WORDS[self._query.view] if plain else f"No case matches {' and '.join(words)}.")
        self.empty_action.set_text("New referral" if plain else "Clear filters")
        self.empty_action.setVisible(self._takes or not plain)
        self._stack.setCurrentWidget(self.empty)

    def _leave_empty(self) -> None:
        if self.empty_action.text() == "Clear filters":
            self.panel.clear_filters()
        else:
            self._context.navigate("referral")


def _popup(menu: QMenu, under: QWidget | QLabel) -> None:
    menu.aboutToHide.connect(menu.deleteLater)
    menu.popup(under.mapToGlobal(QPoint(0, under.height() + px(2))))
