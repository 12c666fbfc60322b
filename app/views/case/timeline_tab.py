"""The timeline of a case with its composer and filters."""

from datetime import date
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from app.views.case.composer import Composer
from app.views.case.timeline_list import TimelineList
from app.views.case.timeline_rows import FILTERS
from app.views.kit.buttons import PlainButton
from app.views.kit.cards import EmptyState
from app.views.kit.chips import Chip
from app.views.theme import Themed
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.case_views import CaseView, TimelineEvent
    from app.views.context import AppContext

PAGE = 100


class TimelineTab(Themed, QWidget):
    """Filter chips, composer, and the lines under day heads.

    Signals:
        saved: a note's id.
        document_asked, letter_asked: what a line leads to.
    """

    saved = Signal(str)
    document_asked = Signal(str)
    letter_asked = Signal(str)

    def __init__(self, context: "AppContext") -> None:
        super().__init__()
        self._context = context
        self._case_id = ""
        self._filter = "all"
        self._events: list[TimelineEvent] = []
        self._oldest_first = False
        self._whole = True
        self._reading = False
        self._today: date = context.ws.time.today()
        self.chips = QWidget()
        self._chip_row = QHBoxLayout(self.chips)
        self._group = QButtonGroup(self)
        for key, (words, _kinds) in FILTERS.items():
            chip = Chip(words)
            chip.setObjectName(f"filter_{key}")
            chip.setChecked(key == "all")
            chip.clicked.connect(lambda _on=False, key=key: self._choose_filter(key))
            self._group.addButton(chip)
            self._chip_row.addWidget(chip)
        self._chip_row.addStretch(1)
        self.order = PlainButton("Newest first", "arrow-down-wide-narrow", compact=True)
        self.order.set_kind("bare")
        self.order.setObjectName("timeline_order")
        self.order.clicked.connect(self._turn_order)
        self._chip_row.addWidget(self.order)
        self.composer = Composer(context)
        self.composer.saved.connect(self._note_saved)
        self.list = TimelineList()
        self.list.document_asked.connect(self.document_asked)
        self.list.letter_asked.connect(self.letter_asked)
        self.list.correction_asked.connect(self.composer.correct)
        self.list.end_reached.connect(self._read_more)
        self.empty = EmptyState("")
        # A stacked layout without a widget of its own would show its first page as a window.
        self.list.setParent(self)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.list)
        self._stack.addWidget(self.empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.chips)
        column.addWidget(self.composer)
        column.addLayout(self._stack, 1)
        self._column = column
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self._column.setSpacing(px(12))
        self._chip_row.setContentsMargins(0, 0, 0, 0)
        self._chip_row.setSpacing(px(8))

    def show_case(self, view: "CaseView", today: date) -> None:
        """Follow a case and read its newest lines."""
        identity = view.identity
        if identity.case_id != self._case_id:
            self._case_id = identity.case_id
            self._events = []
            self.list.show_events([], today)
        self._today = today
        self.composer.show_case(
            identity.case_id, identity.first_name, editable=view.editable, why_not=view.read_only_reason
        )
        self._read(max(PAGE, len(self._events)))

    def _choose_filter(self, key: str) -> None:
        self._filter = key
        for button in self._group.buttons():
            button.setChecked(button.objectName() == f"filter_{key}")
        self._events = []
        self._read(PAGE)

    def _turn_order(self) -> None:
        self._oldest_first = not self._oldest_first
        self.order.set_text("Oldest first" if self._oldest_first else "Newest first")
        self.order.set_icon("arrow-up-narrow-wide" if self._oldest_first else "arrow-down-wide-narrow")
        self._events = []
        self._read(PAGE)

    def _read(self, limit: int, offset: int = 0) -> None:
        from app.services import case_page

        ws, case_id, chosen, order = self._context.ws, self._case_id, self._filter, self._oldest_first
        kinds = FILTERS[chosen][1]
        self._reading = True

        def show(events: "list[TimelineEvent]") -> None:
            self._reading = False
            if (case_id, chosen, order) == (self._case_id, self._filter, self._oldest_first):
                self._whole = len(events) < limit
                self._events = [*self._events[:offset], *events]
                self._show()

        self._context.runner.run(
            self,
            lambda: case_page.timeline(ws, case_id, kinds=kinds, offset=offset, limit=limit, oldest_first=order),
            show,
        )

    def _read_more(self) -> None:
        if not self._whole and not self._reading:
            self._read(PAGE, offset=len(self._events))

    def _show(self) -> None:
        self.list.show_events(self._events, self._today)
        if self._events:
            self._stack.setCurrentWidget(self.list)
        else:
            words = FILTERS[self._filter][0].lower()
            nothing = (
                "Nothing has been recorded yet." if self._filter == "all" else f"There are no {words} on this case."
            )
            self.empty.set_text(nothing)
            self._stack.setCurrentWidget(self.empty)

    def _note_saved(self, event_id: str) -> None:
        if self._filter not in ("all", "notes"):
            self._choose_filter("all")
        self.list.scrollToTop()
        self.saved.emit(event_id)

    def show_chips(self, shown: bool) -> None:
        """Hide the filters in a low window, as there is no room for both them and the lines."""
        self.chips.setVisible(shown)
