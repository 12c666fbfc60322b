"""The last rebuild of this vault, on the Sync centre page: what came from where stays to be read."""

from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from app.timesource import format_date, format_time, to_london
from app.views.context import AppContext
from app.views.kit.cards import Card
from app.views.kit.text import Link, Text

if TYPE_CHECKING:
    from app.services.rescue.report import RebuildReport


class RescueCard(Card):
    """The report, folded; hidden where the vault was never rebuilt."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        self._link = Link("Show the report")
        super().__init__("This vault was rebuilt", "", self._link, parent)
        self.setObjectName("rescue_card")
        self.context = context
        self.words = Text("", "body", wrap=True, selectable=True)
        self.words.setObjectName("rescue_words")
        self.words.hide()
        self.padded().addWidget(self.words)
        self._link.activated.connect(self._turn)
        self.hide()

    def refresh(self) -> None:
        """Read the report, off the window's thread."""
        ws = self.context.ws

        def work() -> "RebuildReport | None":
            from app.services.rescue.report import report_of

            return report_of(ws)

        self.context.runner.run(self, work, self._show)

    def lines(self) -> str:
        """Return the report's words; empty when there is none."""
        return self.words.text()

    def _show(self, report: "RebuildReport | None") -> None:
        self.setVisible(report is not None)
        if report is None:
            return
        at = datetime.fromisoformat(report.at)
        self.set_subtitle(f"{format_time(at)}, {format_date(to_london(at).date())}")
        parts = ["\n".join([heading, *lines]) for heading, lines in report.sections()]
        self.words.setText("\n\n".join(parts))

    def _turn(self) -> None:
        shown = self.words.isVisibleTo(self)
        self.words.setVisible(not shown)
        self._link.setText("Show the report" if shown else "Hide the report")
