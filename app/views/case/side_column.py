"""The right-hand column of a case: what is next, the enquiries, and who is linked."""

from datetime import date
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from app.timesource import format_short
from app.views.cases.columns import due_words
from app.views.icons import paint_icon
from app.views.kit.buttons import PlainButton, QuietButton
from app.views.kit.cards import Card, rule
from app.views.kit.delegates import two_lines
from app.views.kit.paint import focus_ring, paint_avatar, paint_text
from app.views.kit.tags import StateTag
from app.views.kit.text import Text
from app.views.theme import Themed, colour
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.case_views import CaseView
    from app.services.enquiries import EnquiryView
    from app.services.households import MemberView
    from app.services.tasks import NextItem

SHOWN_LINES = 6


class _Row(Themed, QWidget):
    """A row that can be pressed: it takes the focus, and Enter, Space or a click starts it."""

    pressed = Signal()

    def __init__(self, height: int, name: str) -> None:
        super().__init__()
        self._height = height
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def restyle(self) -> None:
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        return QSize(px(200), px(self._height))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.pressed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.pressed.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self.underMouse():
            painter.fillRect(self.rect(), colour("hover"))
        self.paint_row(painter, self.rect().adjusted(px(16), 0, -px(16), 0))
        if self.hasFocus():
            focus_ring(painter, self.rect().adjusted(px(2), 0, -px(2), 0))

    def paint_row(self, painter: QPainter, room: QRect) -> None:
        """Draw the row."""


class _LaterRow(_Row):
    def __init__(self, item: "NextItem", today: date) -> None:
        self._state, self._words = due_words(item.due_on, today)
        self._item, self._today = item, today
        super().__init__(36, f"{item.what}, {self._words}")
        self.start_theming()

    def paint_row(self, painter: QPainter, room: QRect) -> None:
        when = format_short(self._item.due_on) if self._item.due_on else "No date"
        when = self._words if self._state in ("overdue", "due") else when
        ink = {"overdue": "danger", "due": "warn"}.get(self._state, "ink2")
        weight = "strong" if self._state in ("overdue", "due") else "regular"
        paint_text(painter, QRect(room.left(), room.top(), px(82), room.height()), when, "secondary", weight, ink)
        words = room.adjusted(px(90), 0, -px(20) if self._item.statutory else 0, 0)
        paint_text(painter, words, self._item.what)
        if self._item.statutory:
            mark = QRect(room.right() - px(16), room.top(), px(16), room.height())
            paint_icon(painter, mark, "scale", "ink3", px(14))


class _EnquiryRow(_Row):
    def __init__(self, line: "EnquiryView", today: date) -> None:
        self._line = line
        self._words, self._ink = _enquiry_words(line, today)
        super().__init__(31, f"{line.label}, {self._words}")
        self.start_theming()

    def paint_row(self, painter: QPainter, room: QRect) -> None:
        name, ink = ("circle-check-big", "ok") if self._line.done else ("circle", "ink2")
        paint_icon(painter, QRect(room.left(), room.top(), px(16), room.height()), name, ink, px(16))
        weight = "strong" if self._ink == "danger" else "regular"
        align = Qt.AlignmentFlag.AlignRight
        taken = paint_text(painter, room, self._words, "meta", weight, self._ink, align)
        paint_text(painter, room.adjusted(px(26), 0, -taken - px(8), 0), self._line.label, "secondary")


def _enquiry_words(line: "EnquiryView", today: date) -> tuple[str, str]:
    if line.done:
        return line.state_words, "ink3"
    if line.due_on is not None and line.due_on < today:
        return due_words(line.due_on, today)[1], "danger"
    if line.due_on == today:
        return "Today", "ink2"
    if line.asked_on is not None:
        return f"{line.state_words} {line.asked_on.day} {line.asked_on:%b}", "ink2"
    return line.state_words, "ink3"


class _PersonRow(_Row):
    def __init__(self, member: "MemberView") -> None:
        self._initials = member.initials
        self._title = f"{member.name}, {member.age}" if member.child_id and member.age else member.name
        self._detail = _member_words(member)
        self._stops = member.no_contact
        super().__init__(50, f"{self._title}, {self._detail}")
        self.start_theming()

    def paint_row(self, painter: QPainter, room: QRect) -> None:
        disc = QRect(room.left(), room.top() + (room.height() - px(26)) // 2, px(26), px(26))
        paint_avatar(painter, disc, self._initials)
        words = room.adjusted(px(38), 0, -px(22) if self._stops else 0, 0)
        two_lines(painter, words, self._title, self._detail, weight="regular")
        if self._stops:
            mark = QRect(room.right() - px(16), room.top(), px(16), room.height())
            paint_icon(painter, mark, "ban", "danger", px(15))


def _member_words(member: "MemberView") -> str:
    parts = [member.role.capitalize()]
    if member.case_reference:
        parts.append(f"open case {member.case_reference}")
    elif member.no_contact or member.contact_words == "Do not contact":
        parts.append("do not contact")
    elif member.contacts:
        parts.append(member.contacts[0].value)
    return " · ".join(part for part in parts if part)


class _Segments(Themed, QWidget):
    """One bar for each enquiry, filled when it is settled."""

    def __init__(self) -> None:
        super().__init__()
        self._done = self._total = 0
        self.start_theming()

    def restyle(self) -> None:
        self.setFixedHeight(px(6))

    def show_share(self, done: int, total: int) -> None:
        self._done, self._total = done, total
        self.setAccessibleName(f"{done} of {total} done")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if not self._total:
            return
        gap = px(3)
        step = (self.width() + gap) / self._total
        for place in range(self._total):
            left, right = round(place * step), round((place + 1) * step) - gap
            filled = colour("ok" if place < self._done else "hairline")
            painter.fillRect(QRect(left, 0, right - left, self.height()), filled)


class SideColumn(Themed, QScrollArea):
    """The cards.

    Signals:
        enquiries_asked: the enquiries tab is wanted.
        case_asked: a sibling's case.
        family_asked: a person was pressed.
        task_asked: add a task.
        clock_asked: start a clock.
        done_asked, stopped_asked: a task or clock.
    """

    enquiries_asked = Signal()
    case_asked = Signal(str)
    family_asked = Signal()
    task_asked = Signal()
    clock_asked = Signal()
    done_asked = Signal(object)
    stopped_asked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("side_column")
        self.setAccessibleName("Next, enquiries and linked people")
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        inner.setProperty("fill", "none")
        self._column = QVBoxLayout(inner)
        add = PlainButton("Add", "plus", compact=True)
        add.setObjectName("add_next")
        add.setAccessibleName("Add a task or start a clock")
        add.clicked.connect(lambda: self._open_add(add))
        self.add_button = add
        self.next_card = Card("Next", "", add)
        self.enquiry_card = Card("Enquiries", "0 of 0 done")
        self.linked_card = Card("Linked")
        for card in (self.next_card, self.enquiry_card, self.linked_card):
            self._column.addWidget(card)
        # What stands here is true of this laptop alone, so it stands apart from the record.
        self.sync_state = StateTag("synced", "Safe in the central store")
        self.sync_state.setObjectName("case_sync_state")
        self.sync_state.hide()
        self._column.addWidget(self.sync_state)
        self._column.addStretch(1)
        self.setWidget(inner)
        self._editable = False
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFixedWidth(px(352))
        self._column.setContentsMargins(px(4), px(14), px(20), px(14))
        self._column.setSpacing(px(12))

    def show_case(self, view: "CaseView", today: date) -> None:
        """Show a case."""
        self._editable = view.editable
        self.add_button.setVisible(view.editable)
        self._show_next(view, today)
        self._show_enquiries(view, today)
        self._show_linked(view)
        self._show_sync(view)

    def _show_sync(self, view: "CaseView") -> None:
        self.sync_state.setVisible(bool(view.sync_words))
        if view.sync_words:
            state = (
                "warning" if "not taken" in view.sync_words else "unsynced" if "wait" in view.sync_words else "synced"
            )
            self.sync_state.set_state(state, view.sync_words)

    def _show_next(self, view: "CaseView", today: date) -> None:
        _clear(self.next_card.body)
        items = view.next_items
        if not items:
            self.next_card.body.addWidget(_quiet("Nothing is due on this case."))
            return
        self.next_card.body.addWidget(self._first_item(items[0], today))
        for item in items[1:]:
            self.next_card.body.addWidget(rule())
            row = _LaterRow(item, today)
            row.pressed.connect(lambda item=item, row=row: self._open_item(item, row))
            self.next_card.body.addWidget(row)

    def _first_item(self, item: "NextItem", today: date) -> QWidget:
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(px(16), px(10), px(16), px(12))
        column.setSpacing(px(5))
        tags = QHBoxLayout()
        tags.setSpacing(px(10))
        state, words = due_words(item.due_on, today)
        if item.due_on is not None:
            tags.addWidget(StateTag(state, words))
        if item.statutory:
            tags.addWidget(StateTag("statutory", "Statutory"))
        tags.addStretch(1)
        column.addLayout(tags)
        column.addWidget(Text(item.what, "body", weight="strong", wrap=True))
        for line in _item_lines(item):
            column.addWidget(Text(line, "secondary", ink="ink2", wrap=True))
        buttons = QHBoxLayout()
        buttons.setSpacing(px(8))
        if self._editable:
            done = QuietButton("Mark done", "check", compact=True)
            done.setObjectName("next_done")
            done.setAccessibleName(f"Mark done: {item.what}")
            done.clicked.connect(lambda: self.done_asked.emit(item))
            buttons.addWidget(done)
        if item.clock is not None:
            why = QuietButton("Why this date?", "info", compact=True)
            why.setObjectName("next_why")
            why.clicked.connect(lambda: self._explain(item, why))
            buttons.addWidget(why)
        buttons.addStretch(1)
        column.addLayout(buttons)
        return box

    def _open_item(self, item: "NextItem", under: QWidget) -> None:
        menu = QMenu(self)
        if self._editable:
            menu.addAction("Mark done").triggered.connect(lambda: self.done_asked.emit(item))
            if item.clock is not None:
                menu.addAction("Stop this clock…").triggered.connect(lambda: self.stopped_asked.emit(item))
        if item.clock is not None:
            menu.addAction("Why this date?").triggered.connect(lambda: self._explain(item, under))
        if menu.isEmpty():
            menu.deleteLater()
            return
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(under.mapToGlobal(under.rect().bottomLeft()))

    def _explain(self, item: "NextItem", under: QWidget) -> None:
        from app.views.case.explanation import show_explanation

        if item.clock is not None:
            show_explanation(item.what, item.clock.explanation, under)

    def _open_add(self, under: QWidget) -> None:
        menu = QMenu(self)
        menu.addAction("Add a task").triggered.connect(self.task_asked)
        menu.addAction("Start a clock").triggered.connect(self.clock_asked)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(under.mapToGlobal(under.rect().bottomLeft()))

    def _show_enquiries(self, view: "CaseView", today: date) -> None:
        _clear(self.enquiry_card.body)
        lines = view.enquiries
        done = sum(1 for line in lines if line.done)
        self.enquiry_card.set_subtitle(f"{done} of {len(lines)} done")
        bar = QWidget()
        row = QVBoxLayout(bar)
        row.setContentsMargins(px(16), px(12), px(16), px(6))
        segments = _Segments()
        segments.show_share(done, len(lines))
        row.addWidget(segments)
        self.enquiry_card.body.addWidget(bar)
        for line in [line for line in lines if not line.done][:SHOWN_LINES]:
            shown = _EnquiryRow(line, today)
            shown.pressed.connect(self.enquiries_asked)
            self.enquiry_card.body.addWidget(shown)
        words = f"Show {done} done" if done else "Show all"
        link = PlainButton(words, "circle-check-big" if done else "list-checks", compact=True)
        link.clicked.connect(self.enquiries_asked)
        foot = QHBoxLayout()
        foot.setContentsMargins(px(8), px(2), px(16), px(8))
        foot.addWidget(link)
        foot.addStretch(1)
        self.enquiry_card.body.addLayout(foot)

    def _show_linked(self, view: "CaseView") -> None:
        _clear(self.linked_card.body)
        if not view.linked:
            self.linked_card.body.addWidget(_quiet("Nobody is linked yet."))
        for member in view.linked:
            row = _PersonRow(member)
            if member.case_id:
                row.pressed.connect(lambda case_id=member.case_id: self.case_asked.emit(case_id))
            else:
                row.pressed.connect(self.family_asked)
            self.linked_card.body.addWidget(row)


def _item_lines(item: "NextItem") -> list[str]:
    lines = [item.detail] if item.detail else []
    if item.clock is not None and item.clock.due_on is not None:
        lines[0:1] = [f"{item.clock.basis}. Day {item.clock.day} of {item.clock.of}."]
        if item.clock.provisional:
            lines.append("Provisional: no term dates cover every day.")
    return lines


def _quiet(words: str) -> QLabel:
    label = Text(words, "secondary", ink="ink2", wrap=True)
    label.setContentsMargins(px(16), px(12), px(16), px(12))
    return label


def _clear(layout: Any) -> None:
    while (item := layout.takeAt(0)) is not None:
        widget, inner = item.widget(), item.layout()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
        elif inner is not None:
            _clear(inner)
