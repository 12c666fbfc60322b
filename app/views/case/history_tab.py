"""The history of a case, field by field: who, when, before, after. Read only."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from app.timesource import format_date, format_time, to_london
from app.views.case.history_model import COLUMNS, Entry, HistoryModel
from app.views.kit.buttons import QuietButton
from app.views.kit.cards import Card
from app.views.kit.text import Link, Text
from app.views.theme import Themed, font
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.history import HistoryEntry, HistoryLine
    from app.views.context import AppContext

OP_WORDS = {"insert": "added", "delete": "removed", "update": "changed"}


def entry_words(entry: "HistoryEntry") -> str:
    """Return an entry's line: when, who, why and where it is."""
    when = f"{format_date(to_london(entry.at).date())}, {format_time(entry.at)}"
    device = f" on {entry.device}" if entry.device else ""
    revision = f", revision {entry.revision}" if entry.revision else ""
    return f"{when} · {entry.who}{device} · {entry.reason} · {entry.state}{revision}"


def line_words(line: "HistoryLine") -> str:
    """Return what was changed."""
    return f"{line.record}: {line.field}" if line.field else f"{line.record} {OP_WORDS.get(line.op, line.op)}"


class _LineDelegate(QStyledItemDelegate):
    """Gives lines room to breathe, and the head of an entry a little more."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(super().sizeHint(option, index).width(), px(24) if index.parent().isValid() else px(34))


class HistoryTab(Themed, QWidget):
    """Entries with their fields under them; what is long is in the tooltip."""

    def __init__(self, context: "AppContext") -> None:
        super().__init__()
        self._context = context
        self._case_id, self._entries = "", 0
        self.model = HistoryModel(self)
        self.tree = QTreeView()
        self.tree.setObjectName("history_tree")
        self.tree.setAccessibleName("History")
        self.tree.setFrameShape(QFrame.Shape.NoFrame)
        self.tree.setModel(self.model)
        self.tree.setItemDelegate(_LineDelegate(self.tree))
        self.tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.tree.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.tree.setIndentation(px(20))
        self.tree.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.more = QuietButton("Show earlier", "history", compact=True)
        self.more.setObjectName("history_more")
        self.more.clicked.connect(self._read_more)
        self.readers = Link("Show who has read this")
        self.readers.setObjectName("history_readers")
        self.readers.activated.connect(lambda: self._context.navigate("audit", case_id=self._case_id))
        if not _may_read_audit(context):
            self.readers.hide()  # never shown by hand: without a parent yet it would be a window of its own
        self.note = Text("Every change is kept. Nothing here can be edited.", "secondary", ink="ink2")
        foot = QHBoxLayout()
        foot.setContentsMargins(px(16), px(8), px(16), px(8))
        foot.addWidget(self.note, 1)
        foot.addWidget(self.readers)
        foot.addSpacing(px(12))
        foot.addWidget(self.more)
        card = Card()
        card.body.addWidget(self.tree, 1)
        card.body.addLayout(foot)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(card)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.tree.setFont(font("secondary"))

    def show_case(self, case_id: str) -> None:
        """Read the newest entries of a case."""
        self._case_id, self._entries = case_id, 0
        self._read(0)

    def _read_more(self) -> None:
        self._read(self._entries)

    def _read(self, offset: int) -> None:
        from app.services import history

        ws, case_id = self._context.ws, self._case_id
        self._context.runner.run(
            self,
            lambda: history.of_case(ws, case_id, offset=offset),
            lambda entries: self._show(case_id, offset, entries, full=len(entries) == history.PAGE),
        )

    def _show(self, case_id: str, offset: int, entries: "list[HistoryEntry]", *, full: bool) -> None:
        if case_id != self._case_id:
            return
        first = 0 if offset == 0 else self.model.rowCount()
        shown = [_entry_rows(entry) for entry in entries]
        if offset == 0:
            self.model.set_entries(shown)
            self._size_columns()
        else:
            self.model.add_entries(shown)
        for row, entry in enumerate(entries, start=first):
            self.tree.setFirstColumnSpanned(row, self.tree.rootIndex(), True)
            if len(entry.lines) <= 12:
                self.tree.expand(self.model.index(row, 0))
        self._entries = offset + len(entries)
        self.more.setVisible(full)

    def _size_columns(self) -> None:
        header = self.tree.header()
        if header.count() != len(COLUMNS):
            return
        header.setStretchLastSection(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        room = max(self.tree.viewport().width(), px(300))
        self.tree.setColumnWidth(0, room * 2 // 5)
        self.tree.setColumnWidth(1, room * 3 // 10)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the width between the columns."""
        super().resizeEvent(event)
        self._size_columns()


def _may_read_audit(context: "AppContext") -> bool:
    from app.services.access import Permission, allowed

    return allowed(context.ws.actor.role, Permission.READ_AUDIT)


def _entry_rows(entry: "HistoryEntry") -> Entry:
    return entry_words(entry), [(line_words(line), line.before, line.after) for line in entry.lines]
