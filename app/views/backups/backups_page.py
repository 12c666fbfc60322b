"""Backups: the newest, when one was last proven, the list, a second folder; back up and try a restore now."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QStackedLayout, QVBoxLayout, QWidget

from app.views.backups.columns import COLUMNS
from app.views.backups.relay import BackupRelay
from app.views.backups.second_card import SecondCard
from app.views.context import AppContext
from app.views.kit.buttons import PrimaryButton, QuietButton
from app.views.kit.cards import Card, EmptyState, PageHeader
from app.views.kit.facts import Facts
from app.views.kit.feedback import Banner, ProgressPanel
from app.views.kit.tags import StateTag
from app.views.kit.text import Text
from app.views.pages import Crumb
from app.views.team.model import QueueModel
from app.views.team.table import QueueTable
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.backup.overview import BackupOverview, BackupRow

FACTS = ("Newest backup", "Last proven restore")
PROOF = (
    "Once a week Rollcall opens the newest backup in memory, reads it to its last page and compares it with what it "
    "was when it was made. Backups are encrypted with the vault's own keys and open with the same passphrase."
)


class BackupsPage(QWidget):
    """The page."""

    title = "Backups"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.setObjectName("backups_page")
        self.context = context
        self.breadcrumb: list[Crumb] = [("Settings", "settings"), ("Backups", None)]
        self._make_header()
        self._make_status()
        self._make_list()
        self.second = SecondCard(context)
        self._lay_out()
        self._relay = BackupRelay(context, self)
        self._relay.arrived.connect(self._show)

    # Building

    def _make_header(self) -> None:
        self.back_up = PrimaryButton("Back up now", "archive", answers=False)
        self.back_up.setObjectName("back_up_now")
        self.back_up.clicked.connect(self.primary_action)
        self.drill = QuietButton("Try a restore now", "rotate-ccw")
        self.drill.setObjectName("drill_now")
        self.drill.clicked.connect(self._drill)
        self.header = PageHeader("Backups", "", [self.drill, self.back_up])

    def _make_status(self) -> None:
        self.alarm = Banner("warn", "")
        self.alarm.setObjectName("backup_alarm")
        self.alarm.hide()
        self.tag = StateTag("done", "In order")
        self.card = Card("This laptop", "", self.tag)
        column = self.card.padded()
        self.facts = Facts(FACTS)
        column.addWidget(self.facts)
        self.progress = ProgressPanel("", cancellable=True)
        self.progress.setObjectName("backup_progress")
        self.progress.cancelled.connect(self._cancel)
        self.progress.hide()
        column.addWidget(self.progress)
        column.addWidget(Text(PROOF, "secondary", ink="ink2", wrap=True))

    def _make_list(self) -> None:
        self.restore = QuietButton("Restore a backup", "history", compact=True)
        self.restore.setObjectName("restore_backup")
        self.restore.clicked.connect(self._ask_restore_current)
        self.list_card = Card("Backups kept", "Seven days, four weeks, and those before an update", self.restore)
        self.model = QueueModel(COLUMNS, "id", ticks=False, parent=self)
        self.table = QueueTable("Backups kept on this laptop", self.model)
        self.table.setObjectName("backups_table")
        self.table.opened.connect(self._ask_restore)
        self.empty = EmptyState("There is no backup yet. The first is made soon after unlocking.")
        self.table.setParent(self)  # a stacked layout without a widget of its own would show it as a window
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
        for widget in (self.header, self.alarm, self.card, self.second):
            column.addWidget(widget)
        column.addWidget(self.list_card, 1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)
        self.table.setMinimumHeight(px(200))
        self.setFocusProxy(self.back_up)

    # Page

    def open(self) -> None:
        """Show the state now, and have the list read again."""
        found = self._relay.overview()
        if found is not None:
            self._show(found)
            self.context.backups.look_again()  # type: ignore[union-attr]  # there is one: it had an overview

    def primary_action(self) -> None:
        """Back up now; how it goes shows in the card."""
        if self.context.backups is not None and self.back_up.isEnabled():
            self._busy(on=True)
            self.context.backups.back_up_now()

    def panes(self) -> list[QWidget]:
        """Return where F6 stops."""
        return [self.back_up, self.second.choose, self.table]

    def _drill(self) -> None:
        if self.context.backups is not None:
            self._busy(on=True)
            self.context.backups.drill_now()

    def _ask_restore_current(self) -> None:
        self._ask_restore(self.table.current_row())

    def _ask_restore(self, row: "BackupRow | None") -> None:
        row = row or next(iter(self.model.rows()), None)
        if row is None or self.context.backups is None or not self.restore.isEnabled():
            return
        self.context.prompts.confirm(
            self,
            f"Restore the backup of {row.when}?",
            "Rollcall closes its pages, puts the backup back and opens again. What is there now is set aside, not "
            "deleted, and what was recorded after the backup is written again.",
            "Restore backup",
            lambda: self.context.restore_asked.emit(row.id),
            danger=True,
        )

    def _cancel(self) -> None:
        if self.context.backups is not None:
            self.context.backups.cancel()

    def _busy(self, *, on: bool) -> None:
        self.back_up.setEnabled(not on)
        for button in (self.drill, self.restore):
            button.setEnabled(not on and bool(self.model.rowCount()))

    def _show(self, found: "BackupOverview") -> None:
        self.facts.set_fact("Newest backup", found.newest)
        self.facts.set_fact("Last proven restore", found.proven)
        words = found.alarm or found.problem
        self.alarm.set_text(words)
        self.alarm.setVisible(bool(words) and not found.running)
        if not found.rows:
            self.tag.set_state("info", "None yet")
        elif found.proven_ok and not found.problem:
            self.tag.set_state("done", "In order")
        else:
            self.tag.set_state("warning", "Needs a look")
        if self.progress.isAncestorOf(self.focusWidget() or self) and not found.running:
            self.back_up.setEnabled(True)
            self.back_up.setFocus(Qt.FocusReason.OtherFocusReason)
        self.progress.setVisible(bool(found.running))
        if found.running:
            self.progress.label.setText(found.running)
            self.progress.bar.setRange(0, 100 if found.share else 0)
            self.progress.bar.setValue(found.share)
            self.progress.count.setText(f"{found.share} %" if found.share else "")
        if [row.id for row in self.model.rows()] != [row.id for row in found.rows] or not found.running:
            self.model.set_rows(list(found.rows))
        self._stack.setCurrentWidget(self.table if found.rows else self.empty)
        self._busy(on=bool(found.running))
        self.second.show_folder(found)
