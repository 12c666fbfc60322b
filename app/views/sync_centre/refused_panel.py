"""What the central store did not take: why, what to do, and doing it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.views import clipboard
from app.views.context import AppContext
from app.views.kit.buttons import QuietButton
from app.views.kit.text import Text
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.sync.refused import RefusedSet

MOST_LINES = 4


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
        self.aside = QuietButton("Set aside", "archive", compact=True)
        self.aside.setObjectName("refused_aside")
        self.copy = QuietButton("Copy for IT", "copy", compact=True)
        self.copy.setObjectName("refused_copy")
        self.again.clicked.connect(self._send_again)
        self.aside.clicked.connect(self._ask_reason)
        self.copy.clicked.connect(self._copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(12), px(16), px(12))
        column.setSpacing(px(6))
        for text in (self.reason, self.advice, self.lines):
            column.addWidget(text)
        row = QHBoxLayout()
        row.setSpacing(px(8))
        for button in (self.again, self.aside, self.copy):
            row.addWidget(button)
        row.addStretch(1)
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
        told = [f"{line.field}: {line.after or 'removed'}" for line in shown.lines[:MOST_LINES]]
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
