"""The templates, by group, with a search."""

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QHBoxLayout, QListView, QVBoxLayout, QWidget

from app.views.icons import paint_icon
from app.views.kit.cards import rule
from app.views.kit.delegates import RowDelegate, inks
from app.views.kit.fields import IconLabel, SearchField
from app.views.kit.paint import paint_text
from app.views.kit.rows import RowModel
from app.views.kit.text import Text
from app.views.letters.work import TemplateRow
from app.views.tokens import px

WIDTH = 226


class _Templates(RowModel[TemplateRow]):
    """Headings cannot be chosen."""

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        """Return what can be done with a row."""
        row = self.row(index)
        return Qt.ItemFlag.NoItemFlags if row is None or not row.id else super().flags(index)


class _Delegate(RowDelegate):
    """Draws a heading or a template with its stamp."""

    def row_height(self, row: TemplateRow) -> int:
        """Return less for a template than for the heading with its room above."""
        return px(38) if not row.id else px(36)

    def paint_row(self, painter: QPainter, rect: QRect, row: TemplateRow, selected: bool) -> None:
        """Draw one row."""
        room = rect.adjusted(px(16), 0, -px(12), 0)
        if not row.id:
            room.setTop(room.top() + px(8))
            paint_text(painter, room, row.title, "secondary", weight="medium", ink="ink2")
            return
        ink, ink2 = inks(selected)
        if row.approval:
            box = QRect(room.right() - px(16), room.top(), px(16), room.height())
            paint_icon(painter, box, "stamp", ink2, px(16))
            room.setRight(box.left() - px(8))
        paint_text(painter, room, row.title, weight="strong" if selected else "regular", ink=ink)


def sentence(row: TemplateRow) -> str:
    """Return what a screen reader says of a row."""
    if not row.id:
        return row.title
    return f"{row.title}, needs a manager’s approval" if row.approval else row.title


class TemplateList(QWidget):
    """The pane at the left.

    Signals:
        chosen: the id of the template a person chose.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("fill", "surface")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(px(WIDTH))
        self._rows: tuple[TemplateRow, ...] = ()
        self._current = ""
        self.search = SearchField("Find a template")
        self.search.setObjectName("find_template")
        self.model = _Templates(sentence, self)
        self.view = QListView()
        self.view.setObjectName("template_list")
        self.view.setAccessibleName("Templates")
        self.view.setModel(self.model)
        self.view.setItemDelegate(_Delegate(self.view, marker=True, hairline=False))
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._legend = QWidget()
        legend = QHBoxLayout(self._legend)
        legend.setContentsMargins(px(16), px(8), px(12), px(8))
        legend.setSpacing(px(8))
        legend.addWidget(IconLabel("stamp"))
        legend.addWidget(Text("Needs a manager’s approval", "secondary", ink="ink2", wrap=True), 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, px(12), 0, 0)
        column.setSpacing(0)
        head = QVBoxLayout()
        head.setContentsMargins(px(16), 0, px(14), px(8))
        head.setSpacing(px(12))
        head.addWidget(Text("Write a letter", "pane", weight="strong"))
        head.addWidget(self.search)
        column.addLayout(head)
        column.addWidget(self.view, 1)
        column.addWidget(rule())
        column.addWidget(self._legend)
        self.search.textChanged.connect(self._filter)
        self.search.moved_down.connect(self.view.setFocus)
        self.view.selectionModel().currentChanged.connect(self._moved)

    def set_rows(self, rows: Sequence[TemplateRow]) -> None:
        """Show the templates."""
        self._rows = tuple(rows)
        self._legend.setVisible(any(row.approval for row in rows))
        self._filter(self.search.text())

    def set_current(self, template_id: str) -> None:
        """Mark a template without a signal."""
        self._current = template_id
        for number, row in enumerate(self.model.rows()):
            if row.id == template_id:
                self.view.setCurrentIndex(self.model.index(number, 0))

    def _filter(self, words: str) -> None:
        wanted = words.casefold().split()
        kept = [row for row in self._rows if row.id and all(word in row.title.casefold() for word in wanted)]
        groups = {row.group for row in kept}
        self.model.set_rows([row for row in self._rows if (row in kept if row.id else row.group in groups)])
        self.set_current(self._current)

    def _moved(self, index: QModelIndex) -> None:
        row = self.model.row(index)
        if row is not None and row.id and row.id != self._current:
            self._current = row.id
            self.chosen.emit(row.id)
