"""The Today page: what is due, what to do, what arrived, and the state of this laptop."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.services.access import Permission, allowed
from app.timesource import format_weekday
from app.views.context import AppContext
from app.views.kit.buttons import PlainButton, PrimaryButton
from app.views.kit.cards import Card, EmptyState, PageHeader
from app.views.kit.delegates import TwoLine, TwoLineDelegate
from app.views.kit.facts import Facts
from app.views.kit.rows import RowModel
from app.views.kit.tags import StateTag
from app.views.kit.text import Link, Text
from app.views.pages import Crumb
from app.views.sync_pill import SyncRelay
from app.views.sync_words import SYNC_TAGS, offline_words, synced_words
from app.views.today_rows import (
    ClockDelegate,
    ClockRow,
    RowsView,
    TaskDelegate,
    VisitDelegate,
    clock_rows,
    clock_sentence,
    task_sentence,
)
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.sync.status import SyncStatus
    from app.services.today import DocumentLine, TaskLine, TodayView

TWO_COLUMNS_FROM = 860
SHOWN_DOCUMENTS = 3
_SHOWN_TABLES = frozenset({"case", "clock", "task", "document", "child", "safety_flag"})


class TodayPage(QWidget):
    """The first page after unlocking."""

    title = "Today"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.setObjectName("today_page")
        self.context = context
        self.breadcrumb: list[Crumb] = [("Today", None)]
        self._ticked: set[str] = set()
        self._make_header()
        self._make_lists()
        self._make_laptop()
        self._lay_out()
        context.records_changed.connect(self._records_changed)
        self._relay = SyncRelay(context.sync, self)
        self._relay.arrived.connect(self._show_sync)
        self._show_sync(context.sync.status())

    # Building

    def _make_header(self) -> None:
        new = PrimaryButton("New referral", "plus", "Ctrl+N", answers=False)
        new.setObjectName("new_referral")
        new.clicked.connect(lambda: self.context.navigate("referral"))
        if not allowed(self.context.ws.actor.role, Permission.TAKE_REFERRALS):
            new.hide()
        self.new_referral = new
        self.header = PageHeader("Today", format_weekday(self.context.ws.time.today()), [new])

    def _make_lists(self) -> None:
        every = PlainButton("All clocks", "list-filter")
        every.clicked.connect(lambda: self.context.navigate("cases", view="mine"))
        self.clocks_card = Card("Clocks", "", every)
        self.clock_model: RowModel[ClockRow] = RowModel(clock_sentence, self)
        self.clocks = RowsView("Clocks", self.clock_model, ClockDelegate())
        self.clocks.setObjectName("clocks")
        self.clocks.opened.connect(self._open_clock)
        self.no_clocks = EmptyState("Nothing is due this week.")
        self.clocks_card.body.addWidget(self.clocks)
        self.clocks_card.body.addWidget(self.no_clocks)
        add = PlainButton("Add task", "plus")
        add.setObjectName("add_task")
        add.clicked.connect(self._ask_task)
        self.tasks_card = Card("Tasks", "", add)
        self.task_model: RowModel[TaskLine] = RowModel(task_sentence, self)
        self.tasks = RowsView("Tasks, Space ticks", self.task_model, TaskDelegate(self, self._ticked))
        self.tasks.setObjectName("tasks")
        self.tasks.box_width = 42
        self.tasks.ticked.connect(self._tick)
        self.tasks.opened.connect(self._open_task)
        self.no_tasks = EmptyState("You have no open tasks.")
        self.tasks_card.body.addWidget(self.tasks)
        self.tasks_card.body.addWidget(self.no_tasks)
        self.tasks_card.body.addStretch(1)
        self.visits_card = Card("Visits today")
        self.visit_model: RowModel[TaskLine] = RowModel(task_sentence, self)
        self.visits = RowsView("Visits today", self.visit_model, VisitDelegate())
        self.visits.opened.connect(self._open_task)
        self.visits_card.body.addWidget(self.visits)
        tray = PlainButton("Open tray")
        tray.clicked.connect(lambda: self.context.navigate("correspondence"))
        self.documents_card = Card("New correspondence", "", tray)
        self.document_model: RowModel[DocumentLine] = RowModel(_document_sentence, self)
        self.documents = RowsView("New correspondence", self.document_model, TwoLineDelegate(_document, height=52))
        self.documents.setObjectName("documents")
        self.documents.opened.connect(lambda row: self.context.navigate("correspondence", document_id=row.document_id))
        self.no_documents = EmptyState("Nothing to link. New scans and post appear here.")
        self.documents_card.body.addWidget(self.documents)
        self.documents_card.body.addWidget(self.no_documents)
        # Nothing is said to be empty before it has been read.
        for later in (self.no_clocks, self.no_tasks, self.no_documents, self.visits_card):
            later.hide()

    def _make_laptop(self) -> None:
        self.laptop_tag = StateTag("offline", "Offline")
        self.laptop_card = Card("This laptop", "", self.laptop_tag)
        column = self.laptop_card.padded()
        self.laptop_words = Text("", "body", wrap=True)
        column.addWidget(self.laptop_words)
        self.facts = Facts(("Waiting to sync", "Last synced", "Your cases", "Works offline until"), lines=True)
        column.addWidget(self.facts)
        self.review = Link("Review changes", "body")
        self.review.setObjectName("review_changes")
        self.review.activated.connect(lambda: self.context.navigate("conflicts"))
        self.review.hide()
        column.addWidget(self.review)
        link = Link("See what is waiting", "body")
        link.activated.connect(lambda: self.context.navigate("sync"))
        column.addWidget(link)
        self.laptop_card.body.addStretch(1)

    def _lay_out(self) -> None:
        left, right = QVBoxLayout(), QVBoxLayout()
        for column, cards in (
            (left, (self.clocks_card, self.tasks_card)),
            (right, (self.visits_card, self.documents_card, self.laptop_card)),
        ):
            column.setSpacing(px(12))
            for card in cards:
                column.addWidget(card)
            column.addStretch(1)
        self._right = QWidget()
        self._right.setLayout(right)
        right.setContentsMargins(0, 0, 0, 0)
        self._columns = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._columns.setSpacing(px(16))
        self._columns.addLayout(left, 1)
        self._columns.addWidget(self._right)
        inner = QWidget()
        inner.setProperty("fill", "canvas")
        inner.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(inner)
        column.setContentsMargins(px(20), px(14), px(20), px(16))
        column.setSpacing(px(14))
        column.addWidget(self.header)
        column.addLayout(self._columns, 1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inner)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)
        self.visits_card.hide()
        self.setFocusProxy(self.clocks)
        for first, second in ((self.new_referral, self.clocks), (self.clocks, self.tasks)):
            QWidget.setTabOrder(first, second)

    # Page

    def open(self) -> None:
        """Read the page anew."""
        self.refresh()

    def primary_action(self) -> None:
        """Start a referral; nothing happens for a role that takes none."""
        self.context.navigate("referral")

    def panes(self) -> list[QWidget]:
        """Return where F6 stops."""
        return [self.clocks, self.tasks, self.documents]

    def refresh(self) -> None:
        """Read what is shown, off the window's thread."""
        ws = self.context.ws

        def work() -> "TodayView":
            from app.services import today

            return today.read(ws)

        self.context.runner.run(self, work, self._show)

    def _records_changed(self, tables: frozenset[str]) -> None:
        if tables & _SHOWN_TABLES and self.isVisible():
            self.refresh()

    def _show(self, view: "TodayView") -> None:
        self.header.set_title("Today", format_weekday(view.today))
        self.clock_model.set_rows(clock_rows(view.clocks))
        needing, cases = view.cases_due, view.cases_count
        when = "soon" if any(line.group == "next_week" for line in view.clocks) else "this week"
        of_cases = f"{needing} of your {cases} case{'' if cases == 1 else 's'}"
        need = "needs" if needing == 1 else "need"
        self.clocks_card.set_subtitle(f"{of_cases} {need} something {when}" if needing else "")
        self._ticked.clear()
        self.task_model.set_rows(view.tasks)
        self.tasks_card.set_subtitle(f"{len(view.tasks)} open" if view.tasks else "")
        self.visit_model.set_rows(view.visits)
        self.document_model.set_rows(view.documents[:SHOWN_DOCUMENTS])
        self._look_for_matches()
        more = view.documents_count - SHOWN_DOCUMENTS
        self.documents_card.set_subtitle(f"and {more} more" if more > 0 else "")
        for shown, empty, rows in (
            (self.clocks, self.no_clocks, view.clocks),
            (self.tasks, self.no_tasks, view.tasks),
            (self.documents, self.no_documents, view.documents),
        ):
            shown.setVisible(bool(rows))
            empty.setVisible(not rows)
        self.visits_card.setVisible(bool(view.visits))
        self.facts.set_fact("Waiting to sync", view.waiting or "Nothing")
        self.facts.set_fact("Your cases", f"{cases} on this laptop")

    def _look_for_matches(self) -> None:
        ws, ids = self.context.ws, [row.document_id for row in self.document_model.rows()]
        if not ids:
            return

        def work() -> dict[str, str]:
            from app.services import today

            return today.likely_matches(ws, ids)

        self.context.runner.run(self, work, self._show_matches, lambda _error: None)

    def _show_matches(self, matches: dict[str, str]) -> None:
        rows = self.document_model.rows()
        told = [replace(row, detail=matches.get(row.document_id, row.detail)) for row in rows]
        if told != rows:
            self.document_model.set_rows(told)

    def _show_sync(self, status: "SyncStatus") -> None:
        self.laptop_tag.set_state(*SYNC_TAGS[str(status.state)])
        self.laptop_words.setText(status.sentence())
        self.review.setVisible(status.choice_count > 0)
        at, today = status.last_synced_at, self.context.ws.time.today()
        self.facts.set_fact("Last synced", synced_words(at, today))
        self.facts.set_fact("Works offline until", offline_words(at))
        if self.isVisible():
            self.refresh()

    def _open_clock(self, row: ClockRow) -> None:
        if row.line is not None:
            self.context.navigate("case", case_id=row.line.case_id)

    def _open_task(self, row: "TaskLine") -> None:
        if row.case_id is not None:
            self.context.navigate("case", case_id=row.case_id)

    def _tick(self, row: "TaskLine") -> None:
        if row.task_id in self._ticked:
            return
        self._ticked.add(row.task_id)
        self.tasks.viewport().update()
        self._set_done(row.task_id, done=True)
        self.context.toast(f"Done: {row.text}", lambda: self._set_done(row.task_id, done=False))

    def _ask_task(self) -> None:
        self.context.prompts.ask_text(self, "Add task", "What has to be done today?", self._add_task)

    def _add_task(self, text: str) -> None:
        ws = self.context.ws

        def work() -> str:
            from app.services import tasks

            return tasks.add_task(ws, None, text, due_on=ws.time.today())

        self.context.runner.run(self, work, lambda _id: self.refresh())

    def _set_done(self, task_id: str, *, done: bool) -> None:
        ws = self.context.ws

        def work() -> None:
            from app.services import tasks

            tasks.set_task_done(ws, task_id, done=done)

        self.context.runner.run(self, work, lambda _none: self.refresh(), self._not_done)

    def _not_done(self, error: Exception) -> None:
        self._ticked.clear()
        self.refresh()
        self.context.report_error(error)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the right column under the left one when there is no room beside it."""
        super().resizeEvent(event)
        beside = self.width() >= px(TWO_COLUMNS_FROM)
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._columns.setDirection(across if beside else down)
        if beside:
            wanted = min(px(356), max(px(280), self.width() * 30 // 100))
            self._right.setFixedWidth(max(wanted, self._right.minimumSizeHint().width()))
        else:
            self._right.setMinimumWidth(0)
            self._right.setMaximumWidth(16777215)


def _document(row: Any) -> TwoLine:
    return TwoLine(row.title, row.detail, "file-text", _pages(row))


def _pages(row: "DocumentLine") -> str:
    return "1 page" if row.pages == 1 else f"{row.pages} pages"


def _document_sentence(row: "DocumentLine") -> str:
    return f"{row.title}, {row.detail}, {_pages(row)}"
