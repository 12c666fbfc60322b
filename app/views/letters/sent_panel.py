"""A letter that has gone out: what was sent, to whom, when, and what can still be done."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.timesource import format_date, format_time, format_weekday, to_london
from app.views.kit.buttons import QuietButton
from app.views.kit.tags import StateTag
from app.views.kit.text import Text
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.letters.listing import LetterLine

STATES = {"issued": "done", "superseded": "later", "returned": "due"}


class SentPanel(QScrollArea):
    """Facts and actions; nothing can be typed.

    Signals:
        correct_asked, case_asked, print_asked: the three actions.
    """

    correct_asked = Signal()
    case_asked = Signal()
    print_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        body = QWidget()
        body.setProperty("fill", "none")
        column = QVBoxLayout(body)
        column.setContentsMargins(px(20), px(14), px(20), px(20))
        column.setSpacing(px(14))
        self.setWidget(body)
        self.title = Text("", "card", weight="strong", wrap=True)
        self._tag = StateTag("done", "Sent")
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(px(16))
        self._grid.setVerticalSpacing(px(8))
        self._grid.setColumnStretch(1, 1)
        self.correct = QuietButton("Write a correction", "pencil-line")
        self.correct.setObjectName("write_correction")
        self.case = QuietButton("Open the case", "folder-open")
        self.case.setObjectName("open_case")
        self.printer = QuietButton("Print again", "printer")
        self.printer.setObjectName("print_sent")
        head = QHBoxLayout()
        head.addWidget(self._tag)
        head.addStretch(1)
        column.addWidget(self.title)
        column.addLayout(head)
        column.addLayout(self._grid)
        column.addWidget(Text("It is kept exactly as it was sent.", "secondary", ink="ink2", wrap=True))
        for button in (self.printer, self.correct, self.case):
            row = QHBoxLayout()
            row.addWidget(button)
            row.addStretch(1)
            column.addLayout(row)
        column.addStretch(1)
        self.correct.clicked.connect(self.correct_asked)
        self.case.clicked.connect(self.case_asked)
        self.printer.clicked.connect(self.print_asked)

    def show_letter(self, line: "LetterLine", *, may_write: bool) -> None:
        """Show a letter's facts."""
        self.title.setText(line.title)
        self._tag.set_state(STATES.get(str(line.state), "done"), line.state_words)
        self.correct.setVisible(may_write and str(line.state) == "issued")
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for number, (label, words) in enumerate(_facts(line)):
            self._grid.addWidget(Text(label, "secondary", ink="ink2"), number, 0)
            self._grid.addWidget(Text(words, "body", wrap=True, selectable=True), number, 1)


def _facts(line: "LetterLine") -> list[tuple[str, str]]:
    sent = ""
    if line.issued_at is not None:
        sent = f"{format_date(to_london(line.issued_at).date())}, {format_time(line.issued_at)}"
    facts = [
        ("Child", f"{line.child_name}, {line.case_reference}"),
        ("To", line.recipient),
        ("Our ref", line.reference),
        ("Delivered by", line.delivery),
        ("Dated", format_date(line.dated_on) if line.dated_on else ""),
        ("Reply by", format_weekday(line.reply_by) if line.reply_by else ""),
        ("Recorded", sent),
        ("By", line.by),
    ]
    return [(label, words) for label, words in facts if words]
