"""The left pane of Correspondence: what waits, grouped by when it arrived, with a small picture of each first page."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QListView,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.timesource import TimeSource, format_short, format_time, to_london
from app.views.correspondence.tray_rows import TrayDelegate, TrayLine, TrayModel, sentence
from app.views.kit.buttons import QuietButton
from app.views.kit.cards import EmptyState, rule
from app.views.kit.chips import Chip
from app.views.kit.fields import IconLabel
from app.views.kit.text import Text
from app.views.theme import Themed
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.documents.listing import TrayCounts, TrayRow

STATE_WORDS = (("to_link", "To link"), ("set_aside", "Set aside"), ("linked", "Linked"))
EMPTY_WORDS = {
    "to_link": "Nothing to link. New scans and post appear here.",
    "set_aside": "Nothing is set aside.",
    "linked": "Nothing is linked yet. What you link appears here.",
}
_TOGETHER = timedelta(minutes=10)
"""Arrivals no further apart than this are one group."""


class TrayList(Themed, QWidget):
    """Chips, the list and what to do when it is empty.

    Signals:
        add_asked: the Add button.
        state_chosen: a chip, by its state.
        chosen: the id of the document the person moved to.
        opened: Enter or a double click on a document.
        thumbnail_wanted: the hash of a document whose picture is not here yet.
    """

    add_asked = Signal()
    state_chosen = Signal(str)
    chosen = Signal(str)
    opened = Signal(str)
    thumbnail_wanted = Signal(str)

    def __init__(self, time: TimeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._time = time
        self._state = "to_link"
        self._quiet = False
        self.thumbnails: dict[str, QImage] = {}
        self.add = QuietButton("Add", "file-plus")
        self.add.setAccessibleName("Add files")
        self.add.setToolTip("Add files (Ctrl O)")
        self.add.setObjectName("add_files")
        self.add.clicked.connect(self.add_asked)
        self.chips: dict[str, Chip] = {}
        for state, words in STATE_WORDS:
            chip = Chip(words)
            chip.setObjectName(f"chip_{state}")
            chip.clicked.connect(lambda _on, state=state: self._chip_clicked(state))
            self.chips[state] = chip
        self.model = TrayModel(sentence, self)
        self.view = _View()
        self.view.setObjectName("tray")
        self.view.setAccessibleName("Documents")
        self.view.setModel(self.model)
        self.view.setItemDelegate(TrayDelegate(self.view, self._thumbnail))
        self.view.selectionModel().currentChanged.connect(self._moved)
        self.view.activated.connect(self._opened)
        self.empty_add = QuietButton("Add files", "file-plus")
        self.empty_add.clicked.connect(self.add_asked)
        self.empty = EmptyState(EMPTY_WORDS["to_link"], self.empty_add)
        self.empty.setProperty("fill", "surface")
        self.empty.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.body = QStackedWidget()
        self.body.addWidget(self.view)
        self.body.addWidget(self.empty)
        self._lay_out()
        self._light()
        self.start_theming()

    def _lay_out(self) -> None:
        head = QWidget()
        head.setProperty("fill", "surface")
        top = QVBoxLayout(head)
        top.setContentsMargins(px(16), px(11), px(16), px(10))
        top.setSpacing(px(10))
        row = QHBoxLayout()
        row.addWidget(Text("Correspondence", "pane", weight="strong"), 1)
        row.addWidget(self.add)
        top.addLayout(row)
        chips = QHBoxLayout()
        chips.setSpacing(px(6))
        for chip in self.chips.values():
            chips.addWidget(chip)
        chips.addStretch(1)
        top.addLayout(chips)
        foot = QWidget()
        foot.setProperty("fill", "surface")
        kept = QHBoxLayout(foot)
        kept.setContentsMargins(px(16), px(10), px(16), px(10))
        kept.setSpacing(px(8))
        kept.addWidget(IconLabel("laptop", "ink2"), 0, Qt.AlignmentFlag.AlignTop)
        kept.addWidget(Text("Pages stay encrypted on this laptop until they sync", "meta", ink="ink2", wrap=True), 1)
        self.foot = foot
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (head, rule(), self.body, rule(), foot):
            column.addWidget(widget, 1 if widget is self.body else 0)

    def restyle(self) -> None:
        """Follow the theme."""
        self.view.doItemsLayout()

    # What is shown

    def state(self) -> str:
        """Return the state whose chip is on."""
        return self._state

    def set_state(self, state: str) -> None:
        """Turn a chip on without a signal."""
        self._state = state
        self._light()

    def set_counts(self, counts: "TrayCounts") -> None:
        """Show the numbers on the chips."""
        numbers = {"to_link": counts.to_link, "set_aside": counts.set_aside, "linked": 0}
        for state, words in STATE_WORDS:
            self.chips[state].set_text(f"{words} {numbers[state]}" if numbers[state] else words)

    def set_rows(self, rows: "Sequence[TrayRow]") -> None:
        """Show other rows; nothing is selected until ``select``."""
        self._quiet = True
        self.model.set_rows(self._grouped(rows))
        self._quiet = False
        self.empty.set_text(EMPTY_WORDS[self._state])
        self.empty_add.setVisible(self._state == "to_link")
        self.body.setCurrentWidget(self.view if rows else self.empty)

    def set_matches(self, matches: dict[str, tuple[str, str]]) -> None:
        """Show what is known of each document's match."""
        self.model.set_matches(matches)

    def set_thumbnail(self, sha256: str, image: QImage) -> None:
        """Show the small picture of a first page."""
        self.thumbnails[sha256] = image
        self.view.viewport().update()

    def ids(self) -> list[str]:
        """Return the documents shown, in order."""
        return [line.row.id for line in self.model.rows() if line.row is not None]

    def current(self) -> str | None:
        """Return the selected document, or None."""
        line = self.model.row(self.view.currentIndex())
        return line.row.id if line is not None and line.row is not None else None

    def select(self, document_id: str, *, quiet: bool = False) -> bool:
        """Move to a document; return whether it is in the list."""
        for number, line in enumerate(self.model.rows()):
            if line.row is not None and line.row.id == document_id:
                self._quiet = quiet
                index = self.model.index(number)
                self.view.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
                self.view.scrollTo(index)
                self._quiet = False
                return True
        return False

    def neighbour(self, step: int) -> str | None:
        """Return the document after (1) or before (-1) the selected one; the first when none is selected."""
        ids, at = self.ids(), self.current()
        if at is None or at not in ids:
            return ids[0] if ids else None
        place = ids.index(at) + step
        return ids[place] if 0 <= place < len(ids) else None

    # Inside

    def _thumbnail(self, row: "TrayRow") -> QImage | None:
        """Return a document's picture; ask for it when it is not here yet."""
        if row.sha256 not in self.thumbnails and row.here:
            self.thumbnail_wanted.emit(row.sha256)
        return self.thumbnails.get(row.sha256)

    def _grouped(self, rows: "Sequence[TrayRow]") -> list[TrayLine]:
        lines: list[TrayLine] = []
        before = None
        for row in rows:
            apart = before is None or before.source != row.source or before.arrived_at - row.arrived_at > _TOGETHER
            if apart:
                lines.append(TrayLine(self._arrival(row)))
            state, words = ("", "")
            if row.detail:
                linked = str(row.state) == "linked"
                state, words = ("done", row.detail.rpartition(", ")[0]) if linked else ("later", row.detail)
            lines.append(TrayLine("", row, state, words))
            before = row
        return lines

    def _arrival(self, row: "TrayRow") -> str:
        day = to_london(row.arrived_at).date()
        days = (self._time.today() - day).days
        when = {0: "today, ", 1: "yesterday "}.get(days, f"{format_short(day)}, ")
        return f"{row.source} {when}{format_time(row.arrived_at)}"

    def _chip_clicked(self, state: str) -> None:
        changed = state != self._state
        self.set_state(state)
        if changed:
            self.state_chosen.emit(state)

    def _light(self) -> None:
        for state, chip in self.chips.items():
            chip.setChecked(state == self._state)

    def _moved(self, index: QModelIndex, _before: QModelIndex) -> None:
        line = self.model.row(index)
        if line is not None and line.row is not None and not self._quiet:
            self.chosen.emit(line.row.id)

    def _opened(self, index: QModelIndex) -> None:
        line = self.model.row(index)
        if line is not None and line.row is not None:
            self.opened.emit(line.row.id)


class _View(QListView):
    """Skips headings; the first press of Down on nothing goes to the first document."""

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to the first document when none is selected."""
        if event.key() == Qt.Key.Key_Down and not self.currentIndex().isValid() and self.model().rowCount() > 1:
            self.setCurrentIndex(self.model().index(1, 0))
            return
        super().keyPressEvent(event)
