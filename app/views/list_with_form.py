"""The frame of a page that lists what waits and asks for words in a form under the row that it is about."""

from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from app.views.case.inline_form import InlineForm
from app.views.context import AppContext
from app.views.kit.cards import Card, PageHeader
from app.views.pages import Crumb
from app.views.tokens import px

REREAD_MS = 150


class ListWithForm(QWidget):
    """The frame: a head, cards that scroll, one form at a time, and reading again when records change.

    Attributes:
        title: of the page.
        tables: a change in one of these has the list read again.
        form: the one that is open.
    """

    title = ""
    tables: frozenset[str] = frozenset()

    def __init__(self, context: AppContext, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.context = context
        self.breadcrumb: list[Crumb] = [(self.title, None)]
        self.form: InlineForm | None = None
        inside = QWidget()
        self.column = QVBoxLayout(inside)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(px(16))
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        self._scroll.setWidget(inside)
        page = QVBoxLayout(self)
        page.setContentsMargins(px(20), px(14), px(20), px(16))
        page.setSpacing(px(12))
        page.addWidget(PageHeader(self.title))
        page.addWidget(self._scroll, 1)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(REREAD_MS)
        self._later.timeout.connect(self.reread)
        context.records_changed.connect(self._records_changed)

    def open(self, **_arguments: Any) -> None:
        """Show what waits."""
        self.reread()

    def reread(self) -> None:
        """Read the list again."""
        raise NotImplementedError

    def is_busy(self) -> bool:
        """Return whether somebody is in the middle of something that a list made anew would take away."""
        return self.form is not None

    def _records_changed(self, tables: frozenset[str]) -> None:
        if self.isVisible() and tables & self.tables and not self.is_busy():
            self._later.start()

    def close_panel(self) -> bool:
        """Esc closes the form that is open."""
        if self.form is None:
            return False
        self.close_form()
        return True

    def show_form(self, form: InlineForm, card: Card, row: QWidget | None) -> None:
        """Open a form under a row of a card, or at its end, in place of any other form."""
        self.close_form()
        self.form = form
        form.setContentsMargins(px(16), px(12), px(16), px(14))
        form.done.connect(self._form_done)
        form.cancelled.connect(self.close_form)
        place = card.body.indexOf(row) + 1 if row is not None else card.body.count()
        card.body.insertWidget(place, form)
        form.focus_first()
        # Once it has its place: in a low window that is under the edge.
        QTimer.singleShot(0, self, self._show_whole_form)

    def _show_whole_form(self) -> None:
        if self.form is not None:
            self._scroll.ensureWidgetVisible(self.form)

    def _form_done(self, _result: object) -> None:
        self.settled()

    def settled(self) -> None:
        """Close the form and read again: something was decided."""
        self.close_form()
        self.context.counts_changed.emit()
        self.reread()

    def close_form(self) -> None:
        """Close the form, if one is open."""
        if self.form is not None:
            self.form.hide()
            self.form.deleteLater()
            self.form = None
