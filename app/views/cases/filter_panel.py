"""Views and filters at the left of the Cases table, each with its count."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import QFrame, QHBoxLayout, QListView, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from app.views.icons import paint_icon
from app.views.kit.cards import rule
from app.views.kit.delegates import RowDelegate, inks
from app.views.kit.fields import Check, SearchField
from app.views.kit.paint import paint_text
from app.views.kit.rows import RowModel
from app.views.kit.text import Link, Text
from app.views.theme import Themed
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.case_list import CaseQuery, FilterCounts

ViewRow = tuple[str, str, int]
_VIEW_ROW = 32
MOST_OFFICERS = 8


class ViewList(QListView):
    """The named views; choosing one starts its query afresh.

    Signals:
        chosen: the view's key, by mouse or keyboard.
    """

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.rows: RowModel[ViewRow] = RowModel(lambda row: f"{row[1]}, {row[2]} cases", self)
        self.setModel(self.rows)
        self.setItemDelegate(_ViewDelegate(self))
        self.setObjectName("case_views")
        self.setAccessibleName("Views")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.clicked.connect(lambda index: self._choose(index.row()))

    def show_views(self, rows: list[ViewRow], current: str) -> None:
        """Show the views with their counts and mark the current one."""
        self.rows.set_rows(rows)
        keys = [row[0] for row in rows]
        if current in keys:
            self.setCurrentIndex(self.rows.index(keys.index(current)))
        self.updateGeometry()

    def _choose(self, row: int) -> None:
        rows = self.rows.rows()
        if 0 <= row < len(rows):
            self.chosen.emit(rows[row][0])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose on Enter or Space."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._choose(self.currentIndex().row())
        else:
            super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        """Return room for every view."""
        return QSize(px(200), px(_VIEW_ROW) * max(1, self.rows.rowCount()))

    def minimumSizeHint(self) -> QSize:
        """Return the same height."""
        return QSize(px(120), self.sizeHint().height())


class _ViewDelegate(RowDelegate):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, height=_VIEW_ROW, marker=True, hairline=False)

    def paint_row(self, painter: QPainter, rect: QRect, row: Any, selected: bool) -> None:
        ink, ink2 = inks(selected)
        room = rect.adjusted(px(16), 0, -px(16), 0)
        paint_icon(painter, QRect(room.left(), room.top(), px(16), room.height()), "star", ink2, px(15))
        taken = paint_text(
            painter, room, str(row[2]), "secondary", ink=ink2, align=Qt.AlignmentFlag.AlignRight, tabular=True
        )
        words = room.adjusted(px(24), 0, -taken - px(8), 0)
        paint_text(painter, words, row[1], "secondary", "strong" if selected else "regular", ink)


class _FilterCheck(QWidget):
    """A tick box with its count at the right."""

    toggled = Signal(bool)

    def __init__(self, words: str, name: str) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(px(14), 0, px(16), 0)
        row.setSpacing(px(4))
        self.box = Check(words)
        self.box.setObjectName(name)
        self.count = Text("", "secondary", ink="ink3", tabular=True)
        row.addWidget(self.box, 1)
        row.addWidget(self.count)
        self.words = words
        self.box.clicked.connect(self.toggled)

    def set_count(self, count: int) -> None:
        self.count.setText(str(count))
        self.box.setAccessibleName(f"{self.words}, {count} cases")


class _Group(QWidget):
    def __init__(self, title: str) -> None:
        super().__init__()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, px(8), 0, px(4))
        self.column.setSpacing(px(1))
        head = Text(title, "meta", weight="strong", ink="ink2")
        head.setContentsMargins(px(16), 0, 0, px(2))
        self.column.addWidget(head)
        self.checks: dict[str, _FilterCheck] = {}

    def show_options(self, options: list[tuple[str, str, int]], chosen: frozenset[str], prefix: str) -> list[str]:
        """Show (key, words, count) and return the keys that are new, so that they can be connected."""
        wanted = [key for key, _words, _count in options]
        if list(self.checks) != wanted:
            for check in self.checks.values():
                self.column.removeWidget(check)
                check.deleteLater()
            self.checks = {}
            for key, words, _count in options:
                check = _FilterCheck(words, f"{prefix}_{key}")
                self.checks[key] = check
                self.column.addWidget(check)
        else:
            wanted = []
        for key, _words, count in options:
            self.checks[key].set_count(count)
            self.checks[key].box.setChecked(key in chosen)
        return wanted


class FilterPanel(Themed, QFrame):
    """The panel.

    Signals:
        changed: the query that was asked for by a view, a filter or the search field.
    """

    changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("fill", "surface")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Views and filters")
        self._query: CaseQuery | None = None
        self._start: CaseQuery | None = None
        self.views = ViewList()
        self.search = SearchField("Name or reference", "")
        self.search.setObjectName("case_search")
        self.clear = Link("Clear")
        self.clear.setObjectName("clear_filters")
        self._officers, self._stages, self._show = _Group("Officer"), _Group("Stage"), _Group("Show")
        self._lay_out()
        self.views.chosen.connect(self._choose_view)
        self.clear.activated.connect(self.clear_filters)
        self.search.textChanged.connect(self._type)
        self.start_theming()

    def _lay_out(self) -> None:
        inner = QWidget()
        inner.setProperty("fill", "surface")
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, px(12), 0, px(12))
        column.setSpacing(px(4))
        title = Text("Views", "body", weight="strong")
        title.setContentsMargins(px(16), 0, 0, px(6))
        column.addWidget(title)
        column.addWidget(self.views)
        column.addSpacing(px(8))
        column.addWidget(rule())
        head = QHBoxLayout()
        head.setContentsMargins(px(16), px(8), px(16), px(4))
        head.addWidget(Text("Filters", "body", weight="strong"), 1)
        head.addWidget(self.clear)
        column.addLayout(head)
        search = QHBoxLayout()
        search.setContentsMargins(px(16), 0, px(16), 0)
        search.addWidget(self.search)
        column.addLayout(search)
        for group in (self._officers, self._stages, self._show):
            column.addWidget(group)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFixedWidth(px(240))

    def show_query(self, query: "CaseQuery", start: "CaseQuery") -> None:
        """Follow a query; ``start`` is what its view began with and what Clear goes back to."""
        self._query, self._start = query, start
        if self.search.text() != query.text:
            self.search.blockSignals(True)
            self.search.setText(query.text)
            self.search.blockSignals(False)

    def show_counts(self, counts: "FilterCounts", me: str | None) -> None:
        """Show the numbers beside every view and filter."""
        from app.services.case_list import NOT_ALLOCATED, STAGE_GROUP_WORDS, VIEWS

        query = self._query
        if query is None:
            return
        self.views.show_views([(key, words, counts.views[key]) for key, words in VIEWS.items()], query.view)
        officers = [
            (each.officer_id, f"{each.name} (you)" if each.officer_id == me else each.name, each.count)
            for each in counts.officers
        ]
        kept = officers[:MOST_OFFICERS] + [each for each in officers[MOST_OFFICERS:] if each[0] == NOT_ALLOCATED]
        self._connect(self._officers, self._officers.show_options(kept, query.officers, "officer"), "officers")
        stages = [(key, words, counts.stages[key]) for key, words in STAGE_GROUP_WORDS.items()]
        self._connect(self._stages, self._stages.show_options(stages, query.stages, "stage"), "stages")
        shown = frozenset(name for name in ("statutory", "changed_here", "closed") if getattr(query, name))
        options = [
            ("statutory", "Statutory clocks only", counts.statutory),
            ("changed_here", "Changed on this laptop", counts.changed_here),
            ("closed", "Closed cases", counts.closed),
        ]
        self._connect(self._show, self._show.show_options(options, shown, "show"), "show")

    def _connect(self, group: _Group, fresh: list[str], field: str) -> None:
        for key in fresh:
            group.checks[key].toggled.connect(lambda on, key=key: self._toggle(field, key, on))

    def _toggle(self, field: str, key: str, on: bool) -> None:
        if self._query is None:
            return
        if field == "show":
            self._emit(self._query.showing(key, on=on))
            return
        chosen = getattr(self._query, field)
        self._emit(replace(self._query, **{field: chosen | {key} if on else chosen - {key}}))

    def _choose_view(self, view: str) -> None:
        self.changed.emit(view)

    def _type(self, text: str) -> None:
        if self._query is not None:
            self._emit(replace(self._query, text=text))

    def clear_filters(self) -> None:
        """Go back to what the view starts with."""
        if self._start is not None:
            self._emit(self._start)

    def _emit(self, query: "CaseQuery") -> None:
        self._query = query
        self.changed.emit(query)
