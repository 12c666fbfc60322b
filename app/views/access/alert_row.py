"""One thing about access that waits: who, which case, why, and what can be decided."""

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
    from app.services.access_alerts import AccessAlert

ICONS = {"emergency": ("siren", "danger"), "request": ("hand-helping", "ink2"), "interest": ("user-x", "warn")}


class AlertRow(QWidget):
    """A row with its buttons; on a narrow page the buttons are under the words.

    Signals:
        open_asked: the alert, to open its case.
        decide_asked: the alert, and review, grant or refuse.
    """

    open_asked = Signal(object)
    decide_asked = Signal(object, str)

    def __init__(self, alert: "AccessAlert") -> None:
        super().__init__()
        self.alert = alert
        self.setObjectName(f"alert_{alert.kind}")
        self.first_button: QuietButton | None = None
        head, detail = words_of(alert)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        row = QHBoxLayout()
        row.setContentsMargins(px(16), px(10), px(16), px(10))
        row.setSpacing(px(10))
        row.addWidget(IconLabel(*ICONS[alert.kind]), 0, Qt.AlignmentFlag.AlignTop)
        texts = QVBoxLayout()
        texts.setSpacing(px(2))
        texts.addWidget(Text(head, "body", weight="medium", wrap=True))
        texts.addWidget(Text(detail, "secondary", ink="ink2", wrap=True))
        if alert.reason:
            texts.addWidget(Text(f"“{alert.reason}”", "secondary", wrap=True))
        row.addLayout(texts, 1)
        for button in self._buttons():
            self.first_button = self.first_button or button
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(row)
        column.addWidget(rule())
        self.setAccessibleName(f"{head} {detail}")

    def _buttons(self) -> list[QuietButton]:
        if self.alert.own:
            return []
        if self.alert.kind == "emergency":
            return [self._button("Review", "review")]
        if self.alert.kind == "request":
            return [self._button("Give access", "grant"), self._button("Refuse", "refuse")]
        button = QuietButton("Open case", compact=True)
        button.setAccessibleName(f"Open the case of {self.alert.name}, to allocate it to somebody else")
        button.clicked.connect(lambda: self.open_asked.emit(self.alert))
        return [button]

    def _button(self, words: str, choice: str) -> QuietButton:
        button = QuietButton(words, compact=True)
        button.setObjectName(f"{choice}_alert")
        button.setAccessibleName(f"{words}: {self.alert.person}, {self.alert.name}")
        button.clicked.connect(lambda: self.decide_asked.emit(self.alert, choice))
        return button


def words_of(alert: "AccessAlert") -> tuple[str, str]:
    """Return what happened, and when and to which case, in words."""
    local = to_london(alert.at)
    when = f"{format_short(local.date())} at {format_time(alert.at)}"
    case = f"{alert.name}, {alert.reference}"
    if alert.kind == "emergency":
        until = f", open until {format_time(alert.until)}" if alert.until else ""
        own = " You opened it yourself: another supervisor reviews it." if alert.own else ""
        return f"{alert.person} opened a restricted case in an emergency.", f"{case}. {when}{until}.{own}"
    if alert.kind == "request":
        return f"{alert.person} asks for access to a restricted case.", f"{case}. {when}."
    return (
        f"{alert.person} declared a conflict of interest and still has the case.",
        f"{case}. {when}. Allocate it to somebody else.",
    )
