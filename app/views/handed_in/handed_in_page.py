"""Handed in: work whose sender may no longer write there. A supervisor opens it, takes it over or sets it aside."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.views.case.inline_form import Field, InlineForm
from app.views.context import AppContext
from app.views.handed_in.opened_card import OpenedCard
from app.views.handed_in.work_row import WorkRow
from app.views.kit.cards import Card, EmptyState
from app.views.kit.feedback import Banner
from app.views.list_with_form import ListWithForm

if TYPE_CHECKING:
    from app.services.rescued.listing import HandedInRow
    from app.services.rescued.opening import OpenedWork

EMPTY = "Nothing was handed in. Work that somebody may no longer send is sealed to your team and waits here."


class HandedInPage(ListWithForm):
    """What was handed in to this supervisor's team."""

    title = "Handed in"
    tables = frozenset({"handed_in"})

    def __init__(self, context: AppContext) -> None:
        super().__init__(context, "handed_in_page")
        self.rows: list[WorkRow] = []
        self.opened: OpenedCard | None = None
        self.trouble = Banner("offline", "")
        self.trouble.setObjectName("handed_in_trouble")
        self.trouble.hide()
        self.waiting, self.done = Card("Waiting"), Card("Settled")
        self.waiting.setObjectName("handed_in_waiting")
        self.done.setObjectName("handed_in_settled")
        self.empty = EmptyState(EMPTY)
        self.waiting.body.addWidget(self.empty)
        for widget in (self.trouble, self.waiting, self.done):
            self.column.addWidget(widget)
        self.column.addStretch(1)

    def is_busy(self) -> bool:
        """Return whether a form or a piece of work is open."""
        return super().is_busy() or self.opened is not None

    def close_panel(self) -> bool:
        """Esc closes the form or the work that is open."""
        if super().close_panel():
            return True
        if self.opened is None:
            return False
        self._close_work()
        return True

    def primary_action(self) -> None:
        """Take over what is chosen."""
        if self.opened is not None and self.opened.take.isEnabled() and self.opened.take.isVisible():
            self.take_over(self.opened.chosen())

    def setFocus(self, *_reason: Any) -> None:
        """Put the keyboard on the first thing that waits."""
        first = next((row.first_button for row in self.rows if row.first_button is not None), None)
        (first or self.empty).setFocus()

    def reread(self) -> None:
        """Read the list again."""
        from app.services.rescued import listing

        ws = self.context.ws
        self.context.runner.run(self, lambda: listing.handed_in(ws), self.show_rows)

    def show_rows(self, found: "list[HandedInRow]") -> None:
        """Show one row a thing that was handed in."""
        for row in self.rows:
            row.hide()
            row.deleteLater()
        self.rows = []
        for each in found:
            row = WorkRow(each)
            row.open_asked.connect(self.open_work)
            row.aside_asked.connect(self.set_aside)
            self.rows.append(row)
            (self.waiting if each.is_waiting else self.done).body.addWidget(row)
        self.empty.setVisible(not any(each.is_waiting for each in found))
        self.done.setVisible(any(not each.is_waiting for each in found))

    # -- opening -------------------------------------------------------------------------------------------------

    def open_work(self, row: "HandedInRow") -> None:
        """Fetch and unseal one piece of work."""
        from app.services.rescued import opening

        ws = self.context.ws
        self._close_work()
        self._say("")
        self._set_buttons(enabled=False)
        self.context.runner.run(
            self,
            lambda: opening.open_work(ws, row.id),
            lambda work: self._show_work(work, row),
            self._not_opened,
            lane="network",
        )

    def _show_work(self, work: "OpenedWork", row: "HandedInRow") -> None:
        self._set_buttons(enabled=True)
        self.opened = OpenedCard(work, is_waiting=row.is_waiting)
        self.opened.take_asked.connect(self.take_over)
        self.opened.aside_asked.connect(lambda: self.set_aside(row))
        self.opened.close_asked.connect(self._close_work)
        self.column.insertWidget(1, self.opened)
        self.waiting.hide()
        self.done.hide()
        self.opened.take.setFocus()

    def _not_opened(self, error: Exception) -> None:
        from app.views.errors_shown import describe

        self._set_buttons(enabled=True)
        self._say(describe(error).text)

    def _close_work(self) -> None:
        if self.opened is not None:
            self.opened.hide()
            self.opened.deleteLater()
            self.opened = None
        self.waiting.show()
        self.done.setVisible(any(not row.row.is_waiting for row in self.rows))

    def _set_buttons(self, *, enabled: bool) -> None:
        for row in self.rows:
            row.setEnabled(enabled)

    def _say(self, words: str) -> None:
        self.trouble.set_text(words)
        self.trouble.setVisible(bool(words))

    # -- settling ------------------------------------------------------------------------------------------------

    def take_over(self, places: "set[int]") -> None:
        """Make the chosen changes again in this person's name."""
        from app.services.rescued import settling

        card, ws = self.opened, self.context.ws
        if card is None:
            return
        card.set_busy(busy=True)
        self.context.runner.run(
            self, lambda: settling.take_over(ws, card.work, places), self._taken_over, self._not_settled
        )

    def _taken_over(self, _change_set: str) -> None:
        self.context.toast("Taken over in your name. It is sent with the next sync.")
        self.settled()

    def _not_settled(self, error: Exception) -> None:
        from app.views.errors_shown import describe

        if self.opened is not None:
            self.opened.set_busy(busy=False)
        self._say(describe(error).text)

    def set_aside(self, row: "HandedInRow") -> None:
        """Ask why nothing is to be done with it."""
        shown = next((each for each in self.rows if each.row is row), None) if self.opened is None else None
        self.show_form(_aside_form(self.context, row), self.opened or self.waiting, shown)

    def settled(self) -> None:
        """Close what is open and read again."""
        self._say("")
        self._close_work()
        super().settled()


def _aside_form(context: AppContext, row: "HandedInRow") -> InlineForm:
    from app.services.rescued import settling

    ws = context.ws

    def work(values: Mapping[str, Any]) -> None:
        settling.set_aside(ws, row.id, reason=values["reason"])

    fields = [Field("reason", "Why nothing is to be done with it", "text", hint="Such as: recorded again on Monday")]
    return InlineForm(
        context,
        f"Set aside work of {row.author or 'a colleague'}",
        fields,
        "Set aside",
        work,
        explain="It stays at the central store, sealed, and can be opened again.",
    )
