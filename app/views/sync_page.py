"""The Sync centre: what this laptop still has to send, what was not taken and why, what arrived, what room it takes."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from app.timesource import format_time
from app.views import clipboard
from app.views.context import AppContext
from app.views.kit.buttons import PrimaryButton, QuietButton
from app.views.kit.cards import Card, PageHeader
from app.views.kit.facts import Facts
from app.views.kit.feedback import Banner, ProgressPanel
from app.views.kit.tags import StateTag
from app.views.kit.text import Link, Text
from app.views.pages import Crumb
from app.views.rescue_card import RescueCard
from app.views.shortcuts import KEYS
from app.views.sync_centre.fuse_card import FuseCard
from app.views.sync_centre.lists import CASES, HISTORY, REFUSED, SyncLists
from app.views.sync_centre.storage_card import StorageCard
from app.views.sync_pill import SyncRelay
from app.views.sync_words import SYNC_TAGS, offline_words, size_words, synced_words
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.sync.case_receipts import CaseReceipts
    from app.services.sync.centre import SyncView
    from app.services.sync.refused import RefusedSet
    from app.services.sync.run_history import Run
    from app.services.sync.status import SyncStatus

FACTS = (
    "Waiting",
    "To review",
    "Documents on their way",
    "Last synced",
    "Works offline until",
    "Compared with the central store",
    "Safe with a receipt",
)
_REFRESH_MS = 400


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
        self.note = Text("", "secondary", ink="ink2", wrap=True)
        self.note.setObjectName("sync_note")
        self.note.hide()
        column.addWidget(self.note)
        self.progress = ProgressPanel("")
        for told_above in (self.progress.label, self.progress.count):
            told_above.hide()
        self.progress.setObjectName("sync_progress")
        self.progress.hide()
        column.addWidget(self.progress)
        self.facts = Facts(FACTS)
        column.addWidget(self.facts)
        self.review = Link("Review changes", "body")
        self.review.setObjectName("review_changes")
        self.review.activated.connect(lambda: self.context.navigate("conflicts"))
        self.review.hide()
        column.addWidget(self.review)
        self.refused = Banner(
            "warn",
            "The central store did not take some changes. They are kept on this laptop with the reason beside them.",
            [("See what to do", lambda: self.lists.show_list(REFUSED))],
        )
        self.fuse = FuseCard(self.context)
        self.rebuilt = RescueCard(self.context)
        self.refused.setObjectName("refused_notice")
        self.refused.hide()

    def _make_list(self) -> None:
        self.lists = SyncLists(self.context)
        self.lists.case_asked.connect(lambda case_id: self.context.navigate("case", case_id=case_id))
        self.lists.chosen.connect(self._read_list)
        self.storage = StorageCard(self.context)

    def _lay_out(self) -> None:
        inner = QWidget()
        inner.setProperty("fill", "canvas")
        inner.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(inner)
        column.setContentsMargins(px(20), px(14), px(20), px(16))
        column.setSpacing(px(14))
        column.addWidget(self.header)
        column.addWidget(self.status_card)
        column.addWidget(self.fuse)
        column.addWidget(self.refused)
        column.addWidget(self.rebuilt)
        column.addWidget(self.lists, 1)
        column.addWidget(self.storage)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)
        self.setFocusProxy(self.lists.table)

    # Page

    def open(self) -> None:
        """Read the page anew."""
        self.refresh()
        self.storage.refresh()
        self._read_list(self.lists.shown())
        self.rebuilt.refresh()

    def primary_action(self) -> None:
        """Sync now; the answer shows in the tag and the words."""
        self.context.sync.sync_now()

    def panes(self) -> list[QWidget]:
        """Return where F6 stops."""
        return [self.sync_now, self.lists.choice, self.lists.current_table(), self.storage.days]

    def refresh(self) -> None:
        """Read what waits, off the window's thread."""
        ws = self.context.ws

        def work() -> "SyncView":
            from app.services.sync import centre

            return centre.sync_view(ws)

        self.context.runner.run(self, work, self._show)
        self.fuse.refresh()

    def _refresh_soon(self) -> None:
        if self.isVisible() and not self._later.isActive():
            self._later.start()

    def _read_list(self, key: str) -> None:
        """Read what the chosen list shows beside the changes, off the window's thread."""
        ws, runner = self.context.ws, self.context.runner

        def cases() -> "tuple[CaseReceipts, ...]":
            from app.services.sync import case_receipts

            return case_receipts.receipts_by_case(ws)

        def runs() -> "tuple[Run, ...]":
            from app.services.sync import run_history

            return run_history.last_runs(ws)

        def refused() -> "list[RefusedSet]":
            from app.services.sync import refused

            return refused.refused_sets(ws)

        if key == CASES:
            runner.run(self, cases, self.lists.set_cases)
        elif key == HISTORY:
            runner.run(self, runs, self.lists.set_runs)
        elif key == REFUSED:
            runner.run(self, refused, self.lists.set_refused)

    def _show(self, view: "SyncView") -> None:
        today = self.context.ws.time.today()
        documents = f"{view.document_count:,} ({size_words(view.document_bytes)})" if view.document_count else "0"
        self.facts.set_fact("Waiting", f"{view.pending_count:,}")
        self.facts.set_fact("To review", f"{view.conflict_count + view.refused_count:,}")
        self.facts.set_fact("Documents on their way", documents)
        self.facts.set_fact("Safe with a receipt", f"{view.receipts:,}")
        self.facts.set_fact("Last synced", synced_words(view.last_synced_at, today))
        self.facts.set_fact("Works offline until", offline_words(view.last_synced_at))
        self.facts.set_fact("Compared with the central store", _proof_words(view))
        self.refused.setVisible(view.refused_count > 0)
        self.review.setVisible(view.conflict_count > 0)
        self.sync_now.setEnabled(view.enrolled)
        self.lists.set_view(view)
        self._read_list(self.lists.shown())

    def _show_status(self, status: "SyncStatus") -> None:
        self.tag.set_state(*SYNC_TAGS[str(status.state)])
        sentence = status.sentence()
        syncing = status.state.value == "syncing" and status.total_count > 0
        if status.state.value in ("failed", "offline", "sign_in") and status.message:
            sentence = status.message
        elif syncing:
            sentence = f"{status.message}: {status.done_count:,} of {status.total_count:,}."
        self.words.setText(sentence)
        self.note.setText(status.note)
        self.note.setVisible(bool(status.note))
        self.progress.setVisible(syncing)
        if syncing:
            self.progress.set_progress(status.done_count, status.total_count)
        self._refresh_soon()

    def _copy_details(self) -> None:
        ws, status, rebuilt = self.context.ws, self.context.sync.status(), self.rebuilt.lines()

        def work() -> str:
            from app.services.sync import it_details

            told = it_details.details_for_it(ws, status)
            return f"{told}\nRebuilt: {rebuilt}" if rebuilt else told

        def done(text: str) -> None:
            clipboard.copy(text)
            self.context.toast("Details copied. They hold no personal data.")

        self.context.runner.run(self, work, done)


def _proof_words(view: "SyncView") -> str:
    """Return what the last comparison of everything found."""
    if view.proven_at is None:
        return "Not yet"
    if view.proven_unequal:
        return f"{view.proven_unequal:,} of {view.proven_count:,} differ"
    healed = f", {view.proven_healed:,} put right" if view.proven_healed else ""
    return f"{view.proven_count:,} equal at {format_time(view.proven_at)}{healed}"
