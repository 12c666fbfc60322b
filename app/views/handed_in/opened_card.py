"""What was handed in, opened: each change to look at, and the ones that are to be taken over."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.timesource import format_date, format_time, to_london
from app.views.kit.buttons import PlainButton, PrimaryButton, QuietButton
from app.views.kit.cards import Card, rule
from app.views.kit.fields import Check
from app.views.kit.text import Text
from app.views.sync_words import line_words
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.rescued.opening import OpenedChange, OpenedWork

NOTHING = "None of these changes can be taken over. Set the work aside with a reason."
OUTLOOKS = {
    "can be taken over": "",
    "already so": "The record says this already.",
    "the record has moved on": "The record has changed since. Both values are kept, and somebody chooses.",
    "cannot be taken over": "Only the person who recorded this can say it. Note it down yourself if it matters.",
}


class OpenedCard(Card):
    """One piece of work, opened on this laptop only.

    Signals:
        take_asked: the places of the changes to take over.
        aside_asked: set it aside.
        close_asked: close it again.
    """

    take_asked = Signal(object)
    aside_asked = Signal()
    close_asked = Signal()

    def __init__(self, work: "OpenedWork", *, is_waiting: bool) -> None:
        self._close = PlainButton("Close", "x")
        self._close.setObjectName("close_work")
        super().__init__(work.reason or "Changed a record", action=self._close)
        self.setObjectName("opened_work")
        self.work = work
        self.checks: dict[int, Check] = {}
        when = f"{format_date(to_london(work.made_at).date())}, {format_time(work.made_at)}"
        intro = self.padded()
        intro.addWidget(
            Text(f"Recorded by {work.author or 'a colleague'}, {when}.", "secondary", ink="ink2", wrap=True)
        )
        for change in work.changes:
            self.body.addWidget(rule())
            self.body.addWidget(self._change(change, is_waiting=is_waiting))
        self.take = PrimaryButton("Take over", "check")
        self.take.setObjectName("take_over")
        self.aside = QuietButton("Set aside")
        self.aside.setObjectName("set_aside_opened")
        if is_waiting:
            self._add_foot()
        self.take.clicked.connect(self._take)
        self.aside.clicked.connect(self.aside_asked)
        self._close.clicked.connect(self.close_asked)
        self._count()

    def _add_foot(self) -> None:
        self.body.addWidget(rule())
        foot = QHBoxLayout()
        foot.setContentsMargins(px(16), px(12), px(16), px(14))
        foot.setSpacing(px(8))
        words = "What you take over is recorded in your name, with theirs in the reason." if self.checks else NOTHING
        foot.addWidget(Text(words, "secondary", ink="ink2", wrap=True), 1)
        foot.addWidget(self.aside)
        if self.checks:
            foot.addWidget(self.take)
        self.body.addLayout(foot)

    def _change(self, change: "OpenedChange", *, is_waiting: bool) -> QWidget:
        holder = QWidget()
        holder.setObjectName("opened_change")
        column = QVBoxLayout(holder)
        column.setContentsMargins(px(16), px(10), px(16), px(10))
        column.setSpacing(px(4))
        title = change.case or (change.lines[0].record if change.lines else "A record")
        if change.can_take_over and is_waiting:
            check = Check(title)
            check.setChecked(True)
            check.toggled.connect(self._count)
            self.checks[change.place] = check
            column.addWidget(check, 0, Qt.AlignmentFlag.AlignLeft)
        else:
            column.addWidget(Text(title, "body", weight="medium", wrap=True))
        for line in change.lines:
            column.addWidget(Text(line_words(line), "body", wrap=True, selectable=True))
        note = OUTLOOKS.get(change.outlook, "")
        if note and is_waiting:
            column.addWidget(Text(note, "secondary", ink="conflict" if "Both" in note else "ink2", wrap=True))
        return holder

    def chosen(self) -> set[int]:
        """Return the places of the changes to take over."""
        return {place for place, check in self.checks.items() if check.isChecked()}

    def set_busy(self, *, busy: bool) -> None:
        """Take no second press while the first is on its way."""
        for widget in (self.take, self.aside, *self.checks.values()):
            widget.setEnabled(not busy)
        if not busy:
            self._count()

    def _count(self, *_state: object) -> None:
        count = len(self.chosen())
        self.take.set_text("Take over 1 change" if count == 1 else f"Take over {count} changes")
        self.take.setEnabled(count > 0)

    def _take(self) -> None:
        if self.take.isEnabled():
            self.take_asked.emit(self.chosen())
