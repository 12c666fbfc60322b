"""Letters waiting for approval, under the list of cases."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.timesource import format_short, format_time, to_london
from app.views.kit.buttons import QuietButton
from app.views.kit.cards import Card, rule
from app.views.kit.fields import IconLabel
from app.views.kit.text import ElidedText, Text
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.team_queue import ApprovalRow

MOST_SHOWN = 3


class ApprovalsCard(Card):
    """The first few letters that wait; the tile lists all.

    Signals:
        review_asked: the row.
    """

    review_asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Waiting for your approval", "", None, parent)
        self.setObjectName("approvals_card")
        self._shown: list[QWidget] = []

    def set_rows(self, rows: Sequence["ApprovalRow"], today: date) -> None:
        """Show the first letters; hidden when there are none."""
        for widget in self._shown:
            widget.hide()
            widget.deleteLater()
        self._shown = []
        for row in rows[:MOST_SHOWN]:
            if self._shown:
                self._add(rule())
            self._add(self._line(row, today))
        self.set_subtitle(f"{MOST_SHOWN} of {len(rows)}" if len(rows) > MOST_SHOWN else "")
        self.setVisible(bool(rows))

    def _add(self, widget: QWidget) -> None:
        self.body.addWidget(widget)
        self._shown.append(widget)

    def _line(self, row: "ApprovalRow", today: date) -> QWidget:
        line = QWidget()
        layout = QHBoxLayout(line)
        layout.setContentsMargins(px(16), px(5), px(16), px(5))
        layout.setSpacing(px(10))
        about = f"{row.name}, from {row.writer}" if row.writer else row.name
        review = QuietButton("Review", compact=True)
        review.setAccessibleName(f"Review {row.title}, {about}")
        review.clicked.connect(lambda: self.review_asked.emit(row))
        layout.addWidget(IconLabel("stamp", "ink2"))
        layout.addWidget(ElidedText(row.title, weight="medium"), 2)
        layout.addWidget(ElidedText(about, ink="ink2"), 3)
        asked = to_london(row.asked_at).date()
        when = format_time(row.asked_at) if asked == today else format_short(asked)
        layout.addWidget(Text(when, "secondary", ink="ink2"))
        layout.addWidget(review)
        return line
