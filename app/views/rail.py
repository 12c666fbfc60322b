"""The rail: where to go. Names and icons from 1280 pixels, icons alone (with tooltips) below."""

from dataclasses import dataclass, replace

from PySide6.QtCore import QEvent, QModelIndex, QObject, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.views.icons import paint_icon
from app.views.kit.delegates import Index, ring_role
from app.views.kit.mark import paint_mark
from app.views.kit.paint import focus_ring, frame, paint_badge, paint_text
from app.views.kit.rows import ROW_ROLE, RowModel
from app.views.pages import SECTIONS, PageSpec
from app.views.theme import Themed, colour
from app.views.tokens import RADIUS_CONTROL, current, px

WIDE, NARROW = 208, 48
ITEM_HEIGHT, HEADING_HEIGHT = 34, 32


@dataclass(frozen=True, slots=True)
class RailItem:
    """One row: a page, or (``route`` empty) the heading of a section.

    Attributes:
        count: new things that need this person; 0 shows nothing.
        keys: the shortcut, for the tooltip.
    """

    route: str
    title: str
    icon: str = ""
    count: int = 0
    keys: str = ""


class RailDelegate(QStyledItemDelegate):
    """Draws headings, items, the lit item and its badge."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.narrow = False

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the height of a heading or an item; headings fold away in the narrow rail."""
        item: RailItem = index.data(ROW_ROLE)
        if item.route:
            return QSize(px(40), px(ITEM_HEIGHT + 2 if self.narrow else ITEM_HEIGHT))
        return QSize(px(40), px(6 if self.narrow else HEADING_HEIGHT + 4))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one row."""
        item: RailItem = index.data(ROW_ROLE)
        rect: QRect = option.rect
        painter.save()
        if item.route:
            self._paint_item(painter, rect, item, option, index)
        elif not self.narrow:
            room = rect.adjusted(px(20), px(8), -px(8), 0)
            paint_text(painter, room, item.title, "secondary", ink="ink3")
        painter.restore()

    def _paint_item(
        self, painter: QPainter, rect: QRect, item: RailItem, option: QStyleOptionViewItem, index: Index
    ) -> None:
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        margin = px(6) if self.narrow else px(10)
        box = rect.adjusted(margin, 0, -margin, 0)
        ink, accent = "ink2", "ink2"
        if selected:
            inverted = current().border_width > 1
            frame(painter, box, "selection" if inverted else "surface", None, px(RADIUS_CONTROL), 0)
            ink = accent = "on_selection" if inverted else "ink"
            accent = "on_selection" if inverted else "accent"
            bar = QRect(0 if self.narrow else box.left(), rect.center().y() - px(8), px(3), px(17))
            frame(painter, bar, "accent", None, px(1), 0)
        elif hovered:
            frame(painter, box, "hover", None, px(RADIUS_CONTROL), 0)
        icon_room = box if self.narrow else QRect(box.left() + px(10), box.top(), px(18), box.height())
        paint_icon(painter, icon_room, item.icon, accent, px(18))
        if self.narrow:
            if item.count:
                frame(painter, QRect(box.right() - px(10), box.top() + px(4), px(7), px(7)), "accent", None, px(4), 0)
        else:
            right = box.right() - px(6)
            if item.count:
                right = paint_badge(painter, right, rect.center().y() + 1, item.count)
            left = icon_room.right() + px(11)
            room = QRect(left, rect.top(), right - left - px(4), rect.height())
            paint_text(painter, room, item.title, weight="strong" if selected else "medium", ink=ink)
        view = option.widget
        if isinstance(view, QAbstractItemView) and view.hasFocus() and view.currentIndex() == index:
            focus_ring(painter, box, role=ring_role(selected))


class _RailList(QListView):
    """One of the rail's two lists; the arrow keys step over headings."""

    moved_past = Signal(int)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setProperty("fill", "none")
        self.setAccessibleName(name)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step over headings; tell when the end is passed."""
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()), 0)
        if not step:
            super().keyPressEvent(event)
            return
        row = self.currentIndex().row() + step
        while 0 <= row < self.model().rowCount() and not self.model().index(row, 0).data(ROW_ROLE).route:
            row += step
        if 0 <= row < self.model().rowCount():
            self.setCurrentIndex(self.model().index(row, 0))
        else:
            self.moved_past.emit(step)


class Brand(Themed, QWidget):
    """The mark and the name."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.narrow = False
        self.setAccessibleName("Rollcall")
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFixedHeight(px(50))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the mark, and the name when there is room."""
        painter = QPainter(self)
        left = (self.width() - px(24)) // 2 if self.narrow else px(16)
        paint_mark(painter, QRect(left, (self.height() - px(24)) // 2 + px(2), px(24), px(24)))
        if not self.narrow:
            room = self.rect().adjusted(left + px(34), px(4), 0, 0)
            paint_text(painter, room, "Rollcall", "pane", "strong")


class Rail(Themed, QWidget):
    """Brand, pages by section, and the foot.

    Signals:
        chosen: the route of an item that was clicked, or entered with the keyboard.
    """

    chosen = Signal(str)

    def __init__(self, pages: list[PageSpec], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("fill", "sunken")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self._narrow = False
        self._order = [spec.route for spec in pages]
        self.brand = Brand()
        self.main, self.foot = _RailList("Pages"), _RailList("Sync, settings and help")
        self._delegate = RailDelegate(self)
        self._models: list[RowModel[RailItem]] = []
        for view, sections in ((self.main, SECTIONS[:-1]), (self.foot, SECTIONS[-1:])):
            model: RowModel[RailItem] = RowModel(_sentence, view)
            model.set_rows(self._items(pages, sections))
            view.setModel(model)
            view.setItemDelegate(self._delegate)
            view.clicked.connect(self._choose)
            view.activated.connect(self._choose)
            view.installEventFilter(self)
            self._models.append(model)
        self.main.moved_past.connect(lambda step: self._enter(self.foot, 0) if step > 0 else None)
        self.foot.moved_past.connect(lambda step: self._enter(self.main, -1) if step < 0 else None)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, px(6))
        column.setSpacing(0)
        column.addWidget(self.brand)
        column.addWidget(self.main, 1)
        column.addWidget(self.foot)
        self.start_theming()

    def _items(self, pages: list[PageSpec], sections: tuple[str, ...]) -> list[RailItem]:
        rows: list[RailItem] = []
        for section in sections:
            members = [spec for spec in pages if spec.section == section]
            if members and section != SECTIONS[-1]:
                rows.append(RailItem("", section))
            rows += [RailItem(spec.route, spec.title, spec.icon, keys=self.keys(spec.route)) for spec in members]
        return rows

    def keys(self, route: str) -> str:
        """Return the shortcut of a route, Ctrl+1 to Ctrl+9 in the rail's order."""
        place = self._order.index(route) + 1
        return f"Ctrl+{place}" if place <= 9 else ""

    def route_at(self, place: int) -> str | None:
        """Return the route in a place counted from 1, or None."""
        return self._order[place - 1] if 0 < place <= len(self._order) else None

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the hairline at the right."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setPen(colour("hairline"))
        painter.drawLine(self.width() - 1, 0, self.width() - 1, self.height())

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFixedWidth(px(NARROW if self._narrow else WIDE))
        foot_rows = self.foot.model().rowCount()
        self.foot.setFixedHeight(foot_rows * px(ITEM_HEIGHT + 2 if self._narrow else ITEM_HEIGHT) + px(4))
        self.main.doItemsLayout()
        self.foot.doItemsLayout()

    def set_narrow(self, narrow: bool) -> None:
        """Show icons alone, or names too."""
        if narrow != self._narrow:
            self._narrow = self._delegate.narrow = self.brand.narrow = narrow
            self.restyle()
            self.update()

    def is_narrow(self) -> bool:
        """Return whether icons stand alone."""
        return self._narrow

    def light(self, route: str) -> None:
        """Show a route as the one that is open."""
        for view, model in zip((self.main, self.foot), self._models, strict=True):
            rows = model.rows()
            place = next((i for i, item in enumerate(rows) if item.route == route), None)
            if place is None:
                view.clearSelection()
                view.setCurrentIndex(QModelIndex())
            else:
                view.setCurrentIndex(model.index(place))

    def set_count(self, route: str, count: int) -> None:
        """Show how many new things need this person."""
        for view, model in zip((self.main, self.foot), self._models, strict=True):
            rows = model.rows()
            changed = [replace(item, count=count) if item.route == route else item for item in rows]
            if changed != rows:
                keep = view.currentIndex().row()
                model.set_rows(changed)
                if keep >= 0:
                    view.setCurrentIndex(model.index(keep))

    def _choose(self, index: QModelIndex) -> None:
        item: RailItem | None = index.data(ROW_ROLE)
        if item is not None and item.route:
            self.chosen.emit(item.route)

    def _enter(self, view: _RailList, row: int) -> None:
        view.setCurrentIndex(view.model().index(row % view.model().rowCount(), 0))
        view.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Show names as tooltips in the narrow rail."""
        if event.type() == QEvent.Type.ToolTip and isinstance(watched, _RailList):
            item = watched.indexAt(watched.viewport().mapFromGlobal(event.globalPos())).data(ROW_ROLE)  # type: ignore[attr-defined]  # QHelpEvent
            keys = f" ({item.keys.replace('+', ' ')})" if item is not None and item.keys else ""
            watched.setToolTip(f"{item.title}{keys}" if item is not None and item.route and self._narrow else "")
        return super().eventFilter(watched, event)


def _sentence(item: RailItem) -> str:
    if not item.count:
        return item.title
    return f"{item.title}, {item.count} new"
