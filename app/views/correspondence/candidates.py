"""The suggested children as cards, one of which is chosen, and the search for another child."""

from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QModelIndex, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QHBoxLayout,
    QListView,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.views.kit.delegates import TwoLine, TwoLineDelegate
from app.views.kit.fields import SearchField, paint_radio
from app.views.kit.paint import focus_ring, frame, paint_text
from app.views.kit.rows import RowModel
from app.views.kit.tags import StateTag
from app.views.kit.text import Text
from app.views.theme import Themed, colour, font, line_height, metrics
from app.views.tokens import RADIUS_CARD, current, px

if TYPE_CHECKING:
    from app.services.documents.suggest import Candidate, Reason
    from app.services.search import SearchHit

_TAGS = {4: "strong", 3: "strong", 2: "possible", 1: "weak"}
W = TypeVar("W", bound=QWidget)
_SEARCH_WAIT_MS = 150
_ROWS_SHOWN = 4


class CandidateCard(Themed, QAbstractButton):
    """One child: chosen, it shows every reason with its number; otherwise two lines.

    Signals:
        reason_chosen: the number of a reason that was clicked.
    """

    reason_chosen = Signal(int)

    def __init__(self, candidate: "Candidate", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        from app.services.documents.suggest import STRENGTH_WORDS

        self.candidate = candidate
        self._ring = False
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setEnabled(candidate.can_link)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        words = STRENGTH_WORDS[candidate.strength] if candidate.reasons else "Found by you"
        reasons = "; ".join(reason.words for reason in candidate.reasons)
        self.setAccessibleName(". ".join(p for p in (candidate.child_name, candidate.about, words, reasons) if p))
        column = QVBoxLayout(self)
        column.setContentsMargins(px(40), px(11), px(12), px(11))
        column.setSpacing(px(2))
        head = QHBoxLayout()
        head.setSpacing(px(8))
        self.name = _quiet(Text(candidate.child_name, "card", weight="strong", wrap=True))
        head.addWidget(self.name, 1)
        if candidate.reasons:
            head.addWidget(_quiet(StateTag(_TAGS[candidate.strength], words)), 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(head)
        column.addWidget(_quiet(Text(candidate.about, "secondary", ink="ink2", wrap=True)))
        self.note = _quiet(Text(candidate.note, "secondary", ink="ink2", wrap=True))
        column.addWidget(self.note)
        self.note.setVisible(bool(candidate.note))  # only inside the card: alone it would be a window for a moment
        self.short = _quiet(Text(reasons, "secondary", ink="ink2", wrap=True))
        column.addWidget(self.short)
        self.reasons: list[ReasonRow] = []
        for reason in candidate.reasons:
            row = ReasonRow(reason)
            row.clicked.connect(lambda _on=False, number=reason.number: self.reason_chosen.emit(number))
            self.reasons.append(row)
            column.addWidget(row)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.toggled.connect(self._show_reasons)
        self._show_reasons(False)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return what the lines need."""
        layout = self.layout()
        return layout.sizeHint() if layout is not None else QSize()

    def minimumSizeHint(self) -> QSize:
        """Return the least width, and the height that the lines need at the width there is."""
        layout = self.layout()
        if layout is None:
            return QSize()
        least = layout.minimumSize()
        return QSize(least.width(), layout.heightForWidth(max(self.width(), least.width())))

    def _show_reasons(self, chosen: bool) -> None:
        self.short.setVisible(not chosen and bool(self.candidate.reasons))
        for row in self.reasons:
            row.setVisible(chosen)
        self.updateGeometry()
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring when the keyboard brought the focus."""
        self._ring = event.reason() != Qt.FocusReason.MouseFocusReason
        super().focusInEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the box and the radio mark."""
        painter = QPainter(self)
        chosen = self.isChecked()
        width = px(2) if chosen else px(current().border_width)
        fill = "surface" if self.isEnabled() else "canvas"
        frame(painter, self.rect(), fill, "accent" if chosen else "edge", px(RADIUS_CARD), width)
        box = QRect(px(14), px(13), px(18), px(18))
        paint_radio(painter, box, checked=chosen)
        if self.hasFocus() and self._ring:
            focus_ring(painter, self.rect().adjusted(px(2), px(2), -px(2), -px(2)))


class ReasonRow(Themed, QAbstractButton):
    """A numbered reason; a click shows where it stands on the page."""

    def __init__(self, reason: "Reason", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._reason = reason
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if reason.marks else Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(f"Reason {reason.number}: {reason.words}. Show it on the page")
        self.setToolTip(reason.words)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.updateGeometry()

    def heightForWidth(self, width: int) -> int:
        """Return room for the words on as many lines as they need."""
        room = QRect(0, 0, max(1, width - px(26)), 1000)
        words = metrics("secondary").boundingRect(room, int(Qt.TextFlag.TextWordWrap), self._reason.words)
        return max(px(26), words.height() + px(8))

    def sizeHint(self) -> QSize:
        """Return one line."""
        return QSize(px(120), max(px(26), line_height("secondary") + px(6)))

    def minimumSizeHint(self) -> QSize:
        """Return the same."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the number in its disc, and the words."""
        painter = QPainter(self)
        side = px(18)
        disc = QRect(0, px(4), side, side)
        frame(painter, disc, "accent", None, side / 2, 0)
        paint_text(
            painter, disc, str(self._reason.number), "meta", "strong", "on_accent", Qt.AlignmentFlag.AlignHCenter
        )
        painter.setFont(font("secondary"))
        painter.setPen(colour("ink"))
        flags = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        painter.drawText(self.rect().adjusted(side + px(8), 0, 0, 0), flags, self._reason.words)
        if self.hasFocus():
            focus_ring(painter, self.rect())


class ChildFinder(Themed, QWidget):
    """Finds another child by name, UPN or reference.

    Signals:
        asked: the words to look for.
        found: the case id of the hit that was chosen.
    """

    asked = Signal(str)
    found = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = SearchField("Name, UPN or reference")
        self.field.setObjectName("find_child")
        self.field.setAcceptDrops(False)
        self.model = RowModel["SearchHit"](lambda hit: f"{hit.title}. {hit.detail}", self)
        self.list = QListView()
        self.list.setObjectName("found_children")
        self.list.setAccessibleName("Children found")
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setModel(self.model)
        self.list.setItemDelegate(TwoLineDelegate(lambda hit: TwoLine(hit.title, hit.detail), self.list))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.words = Text("", "secondary", ink="ink2", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(6))
        for widget in (self.field, self.list, self.words):
            column.addWidget(widget)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SEARCH_WAIT_MS)
        self._timer.timeout.connect(lambda: self.asked.emit(self.field.text()))
        self.field.textChanged.connect(lambda _text: self._timer.start())
        self.field.moved_down.connect(self._enter_list)
        self.field.returnPressed.connect(self._take_first)
        self.list.activated.connect(self._take)
        self.list.clicked.connect(self._take)
        self.start_theming()
        self.show_hits([], "")

    def restyle(self) -> None:
        """Follow the theme."""
        self._size()

    def start(self) -> None:
        """Empty the search and take the focus."""
        self.field.clear()
        self.show_hits([], "")
        self.show()
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_hits(self, hits: "list[SearchHit]", words: str) -> None:
        """Show what was found, and words when that is nothing."""
        self.model.set_rows(hits)
        self.words.setText(words)
        self.words.setVisible(bool(words))
        self.list.setVisible(bool(hits))
        self._size()

    def _size(self) -> None:
        self.list.setFixedHeight(px(52) * max(1, min(_ROWS_SHOWN, self.model.rowCount())))

    def _enter_list(self) -> None:
        if self.model.rowCount():
            self.list.setFocus(Qt.FocusReason.OtherFocusReason)
            self.list.setCurrentIndex(self.model.index(0))

    def _take_first(self) -> None:
        if self.model.rowCount():
            self._take(self.model.index(0))

    def _take(self, index: QModelIndex) -> None:
        hit = self.model.row(index)
        if hit is not None:
            self.found.emit(hit.subject)


def _quiet(widget: W) -> W:
    """Let clicks on a label reach the card under it."""
    widget.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    return widget
