"""A case that this person may not open: of a restricted one the name, the reference and the officer; whom to ask."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.errors import AccessRefused, UserError
from app.views.case import access_forms
from app.views.case.inline_form import InlineForm
from app.views.kit.buttons import PrimaryButton, QuietButton
from app.views.kit.cards import Card
from app.views.kit.form import IconLabel
from app.views.kit.text import Text
from app.views.theme import Themed
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.named_list import ClosedCase
    from app.views.context import AppContext

WIDTH = 620


class ClosedCaseView(Themed, QWidget):
    """Says why a case is not shown, and what can be done about it.

    Signals:
        opened: the case has been opened in an emergency.
        named: the reference of the case that is not shown.
    """

    opened = Signal()
    named = Signal(str)

    def __init__(self, context: "AppContext") -> None:
        super().__init__()
        self.setObjectName("closed_case")
        self._context = context
        self._case_id = ""
        self._form: InlineForm | None = None
        self.icon = IconLabel("lock", "ink2")
        self.name = Text("", "page", weight="strong", wrap=True)
        self.about = Text("", "body", ink="ink2", wrap=True)
        self.words = Text("", "body", wrap=True)
        self.ask_button = PrimaryButton("Ask for access", "hand-helping", answers=False)
        self.ask_button.setObjectName("ask_for_access")
        self.emergency_button = QuietButton("Open in an emergency", "siren")
        self.emergency_button.setObjectName("open_in_emergency")
        self._card = Card()
        self._lay_out()
        self.ask_button.clicked.connect(self.ask)
        self.emergency_button.clicked.connect(self.open_in_emergency)
        self.start_theming()

    def _lay_out(self) -> None:
        self._inside = self._card.padded()
        head = QHBoxLayout()
        head.setSpacing(px(10))
        head.addWidget(self.icon, 0, Qt.AlignmentFlag.AlignTop)
        names = QVBoxLayout()
        names.setSpacing(px(2))
        names.addWidget(self.name)
        names.addWidget(self.about)
        head.addLayout(names, 1)
        self._inside.addLayout(head)
        self._inside.addWidget(self.words)
        buttons = QHBoxLayout()
        buttons.setSpacing(px(8))
        buttons.addWidget(self.ask_button)
        buttons.addWidget(self.emergency_button)
        buttons.addStretch(1)
        self._inside.addLayout(buttons)
        inside = QWidget()
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self._card, 8)
        row.addStretch(1)
        column = QVBoxLayout(inside)
        column.addLayout(row)
        column.addStretch(1)
        self._column = column
        scroll = QScrollArea()
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)

    def restyle(self) -> None:
        """Follow the theme and the text size."""
        self._card.setMaximumWidth(px(WIDTH))
        self._column.setContentsMargins(px(20), px(28), px(20), px(20))

    def show_refusal(self, case_id: str, error: UserError) -> None:
        """Say why a case is not shown; of a restricted one, what may be shown is read."""
        if case_id != self._case_id:
            self._drop_form()
        self._case_id = case_id
        self.words.setText(error.message)
        for part in (self.icon, self.name, self.about, self.ask_button, self.emergency_button):
            part.hide()
        self.show()
        if isinstance(error, AccessRefused):
            self._read()

    def _read(self) -> None:
        from app.services import named_list

        ws, case_id = self._context.ws, self._case_id
        self._context.runner.run(
            self, lambda: named_list.closed_case(ws, case_id), self._show_closed, lambda _error: None
        )

    def _show_closed(self, found: "ClosedCase") -> None:
        if found.case_id != self._case_id:
            return
        self.named.emit(found.reference)
        self.name.setText(found.name)
        self.about.setText(f"{found.reference} · Officer: {found.officer}")
        waits = "You have asked for access. A supervisor will answer." if found.asked else found.words
        self.words.setText(waits)
        for part in (self.icon, self.name, self.about):
            part.show()
        self.ask_button.setVisible(not found.asked and self._form is None)
        self.emergency_button.setVisible(found.can_break_glass and self._form is None)

    def ask(self) -> None:
        """Ask why access is needed."""
        self._show_form(access_forms.ask_form(self._context, self._case_id))

    def open_in_emergency(self) -> None:
        """Ask why the case cannot wait."""
        form = access_forms.emergency_form(self._context, self._case_id)
        form.done.connect(lambda _result: self.opened.emit())
        self._show_form(form)

    def _show_form(self, form: InlineForm) -> None:
        self._drop_form()
        self._form = form
        self._inside.addWidget(form)
        self.ask_button.hide()
        self.emergency_button.hide()
        form.done.connect(self._finished)
        form.cancelled.connect(self._finished)
        form.focus_first()

    def _finished(self, *_result: object) -> None:
        self._drop_form()
        self._read()

    def _drop_form(self) -> None:
        if self._form is not None:
            self._form.hide()
            self._form.deleteLater()
            self._form = None
