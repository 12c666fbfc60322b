"""What the fuse stopped, in the Sync centre: how much would be deleted, of which cases; a supervisor decides."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget

from app.services.access import Permission, allowed
from app.timesource import format_date, format_time, to_london
from app.views.context import AppContext
from app.views.kit.buttons import Button, QuietButton
from app.views.kit.cards import Card, rule
from app.views.kit.delegates import two_lines
from app.views.kit.flow import Flow
from app.views.kit.paint import paint_text
from app.views.kit.tags import StateTag
from app.views.kit.text import Text
from app.views.team.columns import Column
from app.views.team.model import QueueModel
from app.views.team.table import QueueTable
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.sync.deletions import Tripped, TrippedCase

STOPPED = (
    "The central store asks this laptop to delete an unusually large number of records. Nothing was deleted, and "
    "nothing new arrives here until a supervisor has decided. What you record is kept, and still sent."
)
ASK = "Ask a supervisor to look at this in their own Sync centre."
LOOK = "Look at what would go. If you are not sure, keep the records and tell IT."
DECLINED = (
    "{who} said on {when} that these records are to be kept. Tell IT: the central store still asks to delete them."
)
SURE = (
    "They go from every laptop of the authority. The central store keeps them in its history. Delete them only when "
    "somebody has told you why so many go at once."
)
SHOWN_ROWS = 4


def records(count: int) -> str:
    """Return ``1 record`` or ``1,200 records``."""
    return "1 record" if count == 1 else f"{count:,} records"


def _paint_case(painter: QPainter, rect: QRect, row: "TrippedCase", narrow: bool) -> None:
    two_lines(painter, rect, row.case, records(row.record_count) if narrow else "", weight="regular")


def _paint_count(painter: QPainter, rect: QRect, row: "TrippedCase", _narrow: bool) -> None:
    paint_text(painter, rect, records(row.record_count), "secondary", ink="ink2", tabular=True)


COLUMNS = (
    Column("Case", 220, 3, _paint_case, lambda row: row.case),
    Column("Would be deleted", 150, 1, _paint_count, lambda row: records(row.record_count), folds=True),
)


class FuseCard(Card):
    """What would go and the decision; hidden while nothing is stopped."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__("Deletions stopped", "", StateTag("warning", "Nothing was deleted"), parent)
        self.setObjectName("fuse_card")
        self._context = context
        self._stopped: Tripped | None = None
        self._decides = allowed(context.ws.actor.role, Permission.TAKE_OVER_WORK)
        column = self.padded()
        self.words = Text(STOPPED, "body", wrap=True)
        self.kinds = Text("", "body", weight="strong", wrap=True, tabular=True)
        self.kinds.setObjectName("fuse_kinds")
        self.advice = Text("", "secondary", ink="ink2", wrap=True)
        self.advice.setObjectName("fuse_advice")
        for text in (self.words, self.kinds, self.advice):
            column.addWidget(text)
        column.addWidget(self._make_buttons())
        self.model = QueueModel(COLUMNS, "case_id", ticks=False, parent=self)
        self.table = QueueTable("Cases of which records would be deleted", self.model)
        self.table.setObjectName("fuse_table")
        self.table.opened.connect(lambda row: context.navigate("case", case_id=row.case_id))
        self.more = Text("", "secondary", ink="ink2", wrap=True)
        self.more.setContentsMargins(px(16), px(10), px(16), px(10))
        self._rule = rule()
        for widget in (self._rule, self.table, self.more):
            self.body.addWidget(widget)
        self.hide()

    def _make_buttons(self) -> QWidget:
        self.keep = QuietButton("Keep the records", "shield-check")
        self.keep.setObjectName("fuse_keep")
        self.keep.clicked.connect(self._decline)
        self.confirm = Button("Delete these records", "trash-2", kind="danger")
        self.confirm.setObjectName("fuse_confirm")
        self.confirm.clicked.connect(self._ask)
        holder = QWidget()
        row = Flow(px(8), parent=holder)
        row.setContentsMargins(0, px(4), 0, 0)
        row.addWidget(self.keep)
        row.addWidget(self.confirm)
        holder.setVisible(self._decides)
        return holder

    def refresh(self) -> None:
        """Read what is stopped, off the window's thread."""
        ws = self._context.ws

        def work() -> "Tripped | None":
            from app.services.sync import deletions

            return deletions.tripped(ws)

        self._context.runner.run(self, work, self.show_stopped)

    def show_stopped(self, stopped: "Tripped | None") -> None:
        """Show what was read."""
        self._stopped = stopped
        self.setVisible(stopped is not None)
        if stopped is None:
            return
        told = [f"{kind}: {records(count)}" for kind, count in stopped.counts]
        self.kinds.setText(" · ".join(told))
        self.advice.setText(self._advice(stopped))
        self.model.set_rows(list(stopped.cases))
        rows = min(len(stopped.cases), SHOWN_ROWS)
        self.table.setFixedHeight(px(34) + rows * self.table.row_height() + px(2))
        for widget in (self.table, self._rule):
            widget.setVisible(bool(stopped.cases))
        self.more.setText(_more_words(stopped))
        self.more.setVisible(bool(self.more.text()))
        self.keep.setVisible(not stopped.declined_by)

    def _advice(self, stopped: "Tripped") -> str:
        if stopped.declined_by and stopped.declined_at is not None:
            day = format_date(to_london(stopped.declined_at).date())
            return DECLINED.format(who=stopped.declined_by, when=f"{day} at {format_time(stopped.declined_at)}")
        return LOOK if self._decides else ASK

    def _ask(self) -> None:
        if self._stopped is None:
            return
        count = records(sum(each for _kind, each in self._stopped.counts))
        self._context.prompts.confirm(
            self, f"Delete {count}?", SURE, "Delete these records", self._confirm, danger=True
        )

    def _confirm(self) -> None:
        stopped, ws = self._stopped, self._context.ws
        if stopped is None:
            return
        self._set_busy(busy=True)

        def work() -> None:
            from app.services.sync import deletions

            deletions.confirm(ws, stopped.revision)

        self._context.runner.run(self, work, lambda _none: self._confirmed(), self._not_done, lane="network")

    def _confirmed(self) -> None:
        self._set_busy(busy=False)
        self._context.toast("Confirmed. The next sync of each laptop deletes them.")
        self._context.sync.sync_now()

    def _decline(self) -> None:
        stopped, ws = self._stopped, self._context.ws
        if stopped is None:
            return
        self._set_busy(busy=True)

        def work() -> None:
            from app.services.sync import deletions

            deletions.decline(ws, stopped.revision)

        self._context.runner.run(self, work, lambda _none: self._declined(), self._not_done)

    def _declined(self) -> None:
        self._set_busy(busy=False)
        self._context.toast("The records are kept. Tell IT what the central store asked for.")
        self.refresh()

    def _not_done(self, error: Exception) -> None:
        self._set_busy(busy=False)
        self.refresh()
        self._context.report_error(error)

    def _set_busy(self, *, busy: bool) -> None:
        for button in (self.confirm, self.keep):
            button.setEnabled(not busy)


def _more_words(stopped: "Tripped") -> str:
    if not stopped.more_cases:
        return ""
    more = "1 child" if stopped.more_cases == 1 else f"{stopped.more_cases:,} children"
    if stopped.cases:
        return f"And records of {more} more whose cases are not shown here."
    return f"They are records of {more} whose cases are not shown here."
