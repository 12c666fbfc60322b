"""One thing that was handed in: who made it, when, why it was not merged, and what became of it."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.timesource import format_short, format_time, to_london
from app.views.kit.buttons import QuietButton
from app.views.kit.cards import rule
from app.views.kit.form import IconLabel
from app.views.kit.text import Text
from app.views.tokens import px

if TYPE_CHECKING:
    from datetime import datetime

    from app.services.rescued.listing import HandedInRow

ONLY_IT = "Sealed to the authority's key, because the team had none. Ask your administrator to open it."


class WorkRow(QWidget):
    """A row with its buttons.

    Signals:
        open_asked: the row, to be opened and looked at.
        aside_asked: the row, to be set aside.
    """

    open_asked = Signal(object)
    aside_asked = Signal(object)

    def __init__(self, row: "HandedInRow") -> None:
        super().__init__()
        self.row = row
        self.setObjectName("handed_in_row")
        head, detail = words_of(row)
        self.first_button: QuietButton | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        line = QHBoxLayout()
        line.setContentsMargins(px(16), px(10), px(16), px(10))
        line.setSpacing(px(10))
        icon, ink = ("inbox", "accent") if row.is_waiting else ("circle-check-big", "ok")
        line.addWidget(IconLabel(icon, ink), 0, Qt.AlignmentFlag.AlignTop)
        texts = QVBoxLayout()
        texts.setSpacing(px(2))
        texts.addWidget(Text(head, "body", weight="medium", wrap=True))
        texts.addWidget(Text(detail, "secondary", ink="ink2", wrap=True))
        if row.is_waiting and not row.can_open:
            texts.addWidget(Text(ONLY_IT, "secondary", ink="warn", wrap=True))
        if row.settled_reason:
            texts.addWidget(Text(f"“{row.settled_reason}”", "secondary", wrap=True))
        line.addLayout(texts, 1)
        for button in self._buttons():
            self.first_button = self.first_button or button
            line.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(line)
        column.addWidget(rule())
        self.setAccessibleName(f"{head} {detail}")

    def _buttons(self) -> list[QuietButton]:
        buttons = []
        if self.row.can_open:
            buttons.append(QuietButton("Open", "lock-open", compact=True))
            buttons[-1].setObjectName("open_work")
            buttons[-1].clicked.connect(self._open)
        if self.row.is_waiting:
            buttons.append(QuietButton("Set aside", compact=True))
            buttons[-1].setObjectName("set_aside_work")
            buttons[-1].clicked.connect(self._aside)
        for button in buttons:
            button.setAccessibleName(f"{button.text()}: work of {self.row.author or 'a colleague'}")
        return buttons

    def _open(self) -> None:
        self.open_asked.emit(self.row)

    def _aside(self) -> None:
        self.aside_asked.emit(self.row)


def words_of(row: "HandedInRow") -> tuple[str, str]:
    """Return what was handed in and what is known of it, in words."""
    changes = "1 change" if row.change_count == 1 else f"{row.change_count} changes"
    documents = (
        ""
        if not row.document_count
        else (" and 1 document" if row.document_count == 1 else f" and {row.document_count} documents")
    )
    head = f"{changes}{documents} by {row.author or 'a colleague'}"
    parts = [f"Made {_when(row.made_at)}" + (f" on {row.laptop}" if row.laptop else ""), row.why]
    if row.is_waiting:
        parts.append(f"Handed in {_when(row.handed_in_at)}")
    else:
        by = f" by {row.settled_by}" if row.settled_by else ""
        at = f" {_when(row.settled_at)}" if row.settled_at else ""
        parts.append(f"{row.state_words}{by}{at}")
    return head, ". ".join(parts) + "."


def _when(at: "datetime") -> str:
    return f"{format_short(to_london(at).date())} at {format_time(at)}"
