"""What the central store did not take: why, what to do, and doing it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.views import clipboard
from app.views.context import AppContext
from app.views.kit.buttons import QuietButton
from app.views.kit.flow import Flow
from app.views.kit.text import Text
from app.views.sync_words import line_words
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.sync.refused import RefusedSet

MOST_LINES, LONGEST = 4, 160


class RefusedPanel(QWidget):
    """One refused change, with Send again, Set aside and Copy for IT."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("refused_panel")
        self._context = context
        self._sets: dict[str, RefusedSet] = {}
        self._shown: RefusedSet | None = None
        self.reason = Text("", "body", weight="strong", wrap=True)
        self.reason.setObjectName("refused_reason")
        self.advice = Text("", "secondary", ink="ink2", wrap=True)
        self.advice.setObjectName("refused_advice")
        self.lines = Text("", "secondary", wrap=True)
        self.again = QuietButton("Send again", "refresh-cw", compact=True)
        self.again.setObjectName("refused_again")
        self.hand_in = QuietButton("Hand to a supervisor", "hand-helping", compact=True)
        self.hand_in.setObjectName("refused_hand_in")
        self.aside = QuietButton("Set aside", "archive", compact=True)
        self.aside.setObjectName("refused_aside")
        self.copy = QuietButton("Copy for IT", "copy", compact=True)
        self.copy.setObjectName("refused_copy")
        self.again.clicked.connect(self._send_again)
        self.hand_in.clicked.connect(self._hand_in)
        self.aside.clicked.connect(self._ask_reason)
        self.copy.clicked.connect(self._copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(12), px(16), px(12))
        column.setSpacing(px(6))
        for text in (self.reason, self.advice, self.lines):
            column.addWidget(text)
        row = Flow(px(8))
        for button in (self.again, self.hand_in, self.aside, self.copy):
            row.addWidget(button)
        column.addLayout(row)

    def set_sets(self, sets: "Sequence[RefusedSet]") -> None:
        """Take what was read."""
        self._sets = {each.id: each for each in sets}

    def show_set(self, set_id: str) -> bool:
        """Show one of them; return whether it is there."""
        self._shown = shown = self._sets.get(set_id)
        if shown is None:
            return False
        self.reason.setText(shown.reason)
        self.advice.setText(shown.advice)
        told = [line_words(line, LONGEST) for line in shown.lines[:MOST_LINES]]
        if len(shown.lines) > MOST_LINES:
            told.append(f"And {len(shown.lines) - MOST_LINES:,} more.")
        self.lines.setText("\n".join(told))
        self.lines.setVisible(bool(told))
        self.again.setEnabled(shown.can_send_again)
        self.again.set_text("Confirm and send again" if shown.needs_confirming else "Send again")
        return True

    def _send_again(self) -> None:
        shown, ws = self._shown, self._context.ws
        if shown is None:
            return

        def work() -> str:
            from app.services.sync import refused

            return refused.send_again(ws, shown.id, confirmed=shown.needs_confirming)

        def done(_id: str) -> None:
            self._context.toast("Made again. It is sent with this sync.")
            self._context.sync.sync_now()

        if not shown.needs_confirming:
            self._context.runner.run(self, work, done)
            return
        self._context.prompts.confirm(
            self,
            "Send this deletion again?",
            f"{shown.reason} Send it again only when these records are meant to go. The central store keeps them in "
            "its history.",
            "Send it again",
            lambda: self._context.runner.run(self, work, done),
            danger=True,
        )

    def _hand_in(self) -> None:
        shown, ws = self._shown, self._context.ws
        if shown is None:
            return
        self.hand_in.setEnabled(False)

        def work() -> None:
            from app.services.sync import refused

            refused.hand_to_supervisor(ws, shown.id)

        self._context.runner.run(self, work, lambda _none: self._handed_in(), self._not_handed_in, lane="network")

    def _handed_in(self) -> None:
        self.hand_in.setEnabled(True)
        self._context.toast("Handed in, sealed. Only supervisors of the team can open it.")
        self._context.records_changed.emit(frozenset())

    def _not_handed_in(self, error: Exception) -> None:
        self.hand_in.setEnabled(True)
        self._context.report_error(error)

    def _ask_reason(self) -> None:
        words = "Why is this set aside? It stays in the history of this laptop and is never sent."
        self._context.prompts.ask_text(self, "Set aside", words, self._set_aside)

    def _set_aside(self, reason: str) -> None:
        shown, ws = self._shown, self._context.ws
        if shown is None:
            return

        def work() -> None:
            from app.services.sync import refused

            refused.clear(ws, shown.id, reason=reason)

        self._context.runner.run(self, work, lambda _none: self._after_aside())

    def _after_aside(self) -> None:
        self._context.toast("Set aside. It stays in the history of this laptop.")
        self._context.records_changed.emit(frozenset())

    def _copy(self) -> None:
        shown, ws = self._shown, self._context.ws
        if shown is None:
            return

        def work() -> str:
            from app.services.sync import refused

            return refused.details_for_it(ws, [shown.id])

        def done(text: str) -> None:
            clipboard.copy(text)
            self._context.toast("Details copied. They hold no personal data.")

        self._context.runner.run(self, work, done)
