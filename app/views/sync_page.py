"""The Sync centre: what this laptop still has to send, what was not taken and why, and what arrived."""

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QScrollArea, QStackedLayout, QVBoxLayout, QWidget

from app.timesource import format_date, format_time, to_london
from app.views import clipboard
from app.views.context import AppContext
from app.views.kit.buttons import PrimaryButton, QuietButton
from app.views.kit.cards import Card, EmptyState, PageHeader
from app.views.kit.chips import SegmentedControl
from app.views.kit.feedback import Banner
from app.views.kit.tags import StateTag
from app.views.kit.text import Link, Text
from app.views.pages import Crumb
from app.views.rescue_card import RescueCard
from app.views.shortcuts import KEYS
from app.views.sync_columns import COLUMNS
from app.views.sync_pill import SyncRelay
from app.views.team.model import QueueModel
from app.views.team.table import QueueTable
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.sync.centre import SyncView, WaitingRow
    from app.services.sync.status import SyncStatus

_TAGS = {
    "up_to_date": ("synced", "Up to date"),
    "syncing": ("info", "Syncing"),
    "waiting": ("info", "Waiting"),
    "offline": ("offline", "Offline"),
    "review": ("conflict", "To review"),
    "sign_in": ("warning", "Sign in"),
    "failed": ("warning", "Could not sync"),
    "read_only": ("info", "Read only"),
}
FACTS = ("Waiting", "To review", "Documents on their way", "Last synced", "Safe with a receipt")
_REFRESH_MS = 400
_TWO_ROWS_BELOW = 760


class SyncPage(QWidget):
    """What waits, what was not taken, and what was settled lately."""

    title = "Sync centre"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.setObjectName("sync_page")
        self.context = context
        self.breadcrumb: list[Crumb] = [("Sync centre", None)]
        self._view: SyncView | None = None
        # A sync tells of every step; the list is read again at most this often.
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_REFRESH_MS)
        self._later.timeout.connect(self.refresh)
        self._make_header()
        self._make_status()
        self._make_list()
        self._lay_out()
        context.records_changed.connect(lambda _tables: self._refresh_soon())
        self._relay = SyncRelay(context.sync, self)
        self._relay.arrived.connect(self._show_status)
        self._show_status(context.sync.status())

    # Building

    def _make_header(self) -> None:
        self.sync_now = PrimaryButton("Sync now", "refresh-cw", KEYS["sync_now"], answers=False)
        self.sync_now.setObjectName("sync_now")
        self.sync_now.clicked.connect(self.primary_action)
        self.copy = QuietButton("Copy details for IT", "copy")
        self.copy.setObjectName("copy_details")
        self.copy.clicked.connect(self._copy_details)
        self.header = PageHeader("Sync centre", "", [self.copy, self.sync_now])

    def _make_status(self) -> None:
        self.tag = StateTag("offline", "Offline")
        self.status_card = Card("This laptop", "", self.tag)
        column = self.status_card.padded()
        self.words = Text("", "body", wrap=True)
        self.words.setObjectName("sync_words")
        column.addWidget(self.words)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(px(24))
        self._grid.setVerticalSpacing(px(4))
        self.facts: dict[str, Text] = {}
        self._labels: list[tuple[Text, Text]] = []
        for label in FACTS:
            name, value = Text(label, "meta", ink="ink2"), Text("", "body", weight="strong", tabular=True)
            value.setObjectName("fact_" + label.casefold().replace(" ", "_"))
            self.facts[label] = value
            self._labels.append((name, value))
        column.addLayout(self._grid)
        self.review = Link("Review changes", "body")
        self.review.setObjectName("review_changes")
        self.review.activated.connect(lambda: self.context.navigate("conflicts"))
        self.review.hide()
        column.addWidget(self.review)
        self._place_facts(len(FACTS))
        self.refused = Banner(
            "warn",
            "The central store did not take some changes. They are kept on this laptop with the reason beside them. "
            "Make the change again in a way that is allowed, or ask a supervisor.",
        )
        self.rebuilt = RescueCard(self.context)
        self.refused.setObjectName("refused_notice")
        self.refused.hide()

    def _place_facts(self, across: int) -> None:
        for place, (name, value) in enumerate(self._labels):
            row, column = divmod(place, across)
            self._grid.addWidget(name, 2 * row, column)
            self._grid.addWidget(value, 2 * row + 1, column)

    def _make_list(self) -> None:
        self.choice = SegmentedControl([("waiting", "Waiting"), ("recent", "Settled lately")], "What the list shows")
        self.choice.setObjectName("sync_choice")
        self.choice.chosen.connect(lambda _value: self._show_rows())
        self.list_card = Card("Changes", "", self.choice)
        self.model = QueueModel(COLUMNS, "id", ticks=False, parent=self)
        self.table = QueueTable("Changes of this laptop", self.model)
        self.table.setObjectName("sync_table")
        self.table.opened.connect(self._open_row)
        self.empty = EmptyState("Nothing waits. Everything you have recorded is in the central store.")
        # A stacked layout without a widget of its own would show its first page as a window.
        self.table.setParent(self)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.table)
        self._stack.addWidget(self.empty)
        self.list_card.body.addLayout(self._stack, 1)

    def _lay_out(self) -> None:
        inner = QWidget()
        inner.setProperty("fill", "canvas")
        inner.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(inner)
        column.setContentsMargins(px(20), px(14), px(20), px(16))
        column.setSpacing(px(14))
        column.addWidget(self.header)
        column.addWidget(self.status_card)
        column.addWidget(self.refused)
        column.addWidget(self.rebuilt)
        column.addWidget(self.list_card, 1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)
        self.table.setMinimumHeight(px(150))
        self.setFocusProxy(self.table)

    # Page

    def open(self) -> None:
        """Read the page anew."""
        self.refresh()
        self.rebuilt.refresh()

    def primary_action(self) -> None:
        """Sync now; the answer shows in the tag and the words."""
        self.context.sync.sync_now()

    def panes(self) -> list[QWidget]:
        """Return where F6 stops."""
        return [self.sync_now, self.choice, self.table]

    def refresh(self) -> None:
        """Read what waits, off the window's thread."""
        ws = self.context.ws

        def work() -> "SyncView":
            from app.services.sync import centre

            return centre.sync_view(ws)

        self.context.runner.run(self, work, self._show)

    def _refresh_soon(self) -> None:
        if self.isVisible() and not self._later.isActive():
            self._later.start()

    def _show(self, view: "SyncView") -> None:
        self._view = view
        self.facts["Waiting"].setText(str(view.pending_count))
        self.facts["To review"].setText(str(view.conflict_count + view.refused_count))
        self.facts["Documents on their way"].setText(str(view.document_count))
        self.facts["Safe with a receipt"].setText(str(view.receipts))
        at = view.last_synced_at
        if at is None:
            words = "Not yet"
        else:
            day = to_london(at).date()
            words = f"{'Today' if day == self.context.ws.time.today() else format_date(day)}, {format_time(at)}"
        self.facts["Last synced"].setText(words)
        self.refused.setVisible(view.refused_count > 0)
        self.review.setVisible(view.conflict_count > 0)
        self.sync_now.setEnabled(view.enrolled)
        self._show_rows()

    def _show_rows(self) -> None:
        if self._view is None:
            return
        waiting = self.choice.value() == "waiting"
        rows = self._view.waiting if waiting else self._view.recent
        self.model.set_rows(rows)
        self.empty.set_text(
            (
                "Nothing waits. Everything you have recorded is in the central store."
                if self._view.enrolled
                else "This laptop is not enrolled with a central store. Everything is kept on it."
            )
            if waiting
            else "Nothing was sent or received yet."
        )
        self._stack.setCurrentWidget(self.table if rows else self.empty)

    def _show_status(self, status: "SyncStatus") -> None:
        self.tag.set_state(*_TAGS[str(status.state)])
        sentence = status.sentence()
        if status.state.value in ("failed", "offline", "sign_in") and status.message:
            sentence = status.message
        elif status.state.value == "syncing" and status.total_count:
            sentence = f"{status.message}: {status.done_count} of {status.total_count}."
        self.words.setText(sentence)
        self._refresh_soon()

    def _open_row(self, row: "WaitingRow") -> None:
        if row.case_id is not None:
            self.context.navigate("case", case_id=row.case_id)

    def _copy_details(self) -> None:
        clipboard.copy(self.details())
        self.context.toast("Details copied. They hold no personal data.")

    def details(self) -> str:
        """Return what helps IT: states, counts and times; nothing about anybody."""
        from app import __version__

        status, view = self.context.sync.status(), self._view
        lines: list[tuple[str, Any]] = [
            ("Rollcall", __version__),
            ("Laptop", self.context.ws.actor.device_id),
            ("State", status.state.value),
            ("Message", status.message or "none"),
        ]
        if view is not None:
            lines += [
                ("Enrolled", "yes" if view.enrolled else "no"),
                ("Revision", view.revision),
                ("Waiting", view.pending_count),
                ("Refused", view.refused_count),
                ("Conflicts", view.conflict_count),
                ("Documents on their way", view.document_count),
                ("Receipts", view.receipts),
                ("Last synced", view.last_synced_at.isoformat() if view.last_synced_at else "never"),
            ]
            lines += [
                ("Not taken", row.state_words.partition(": ")[2]) for row in view.waiting if row.state == "refused"
            ]
        if self.rebuilt.lines():
            lines.append(("Rebuilt", self.rebuilt.lines()))
        return "\n".join(f"{name}: {value}" for name, value in lines)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the facts in two rows when there is no room for one."""
        super().resizeEvent(event)
        self._place_facts(len(FACTS) if self.width() >= px(_TWO_ROWS_BELOW) else 3)
