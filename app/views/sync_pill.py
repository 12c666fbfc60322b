"""The sync pill: what sync is doing, in words; opens a popover with detail and Sync now."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QFocusEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.timesource import format_date, to_london
from app.views.icons import paint_icon
from app.views.kit.buttons import QuietButton
from app.views.kit.paint import focus_ring, frame, paint_text
from app.views.kit.text import Link, Text
from app.views.sync_words import offline_words
from app.views.theme import Themed, metrics
from app.views.tokens import RADIUS_PILL, current, px

if TYPE_CHECKING:
    from app.services.sync.status import SyncSource, SyncStatus

# state -> (icon, ink, fill); amber at worst, never red.
LOOKS: dict[str, tuple[str, str, str]] = {
    "up_to_date": ("cloud-check", "ink2", "canvas"),
    "syncing": ("refresh-cw", "ink2", "canvas"),
    "waiting": ("cloud-upload", "offline", "offline_tint"),
    "offline": ("laptop", "offline", "offline_tint"),
    "review": ("git-compare-arrows", "conflict", "conflict_tint"),
    "sign_in": ("log-in", "warn", "warn_tint"),
    "failed": ("cloud-off", "warn", "warn_tint"),
    "read_only": ("lock", "offline", "offline_tint"),
    "ended": ("lock", "offline", "offline_tint"),
}


class SyncRelay(QObject):
    """Brings states from whatever thread they arise on to the window's."""

    arrived = Signal(object)

    def __init__(self, source: "SyncSource", parent: QObject | None = None) -> None:
        super().__init__(parent)
        source.on_status(self._take)

    def _take(self, status: "SyncStatus") -> None:
        try:
            self.arrived.emit(status)
        except RuntimeError:
            return  # the window is gone; background sync may still be finishing


class SyncPill(Themed, QToolButton):
    """Words, icon and colour of one ``SyncStatus``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sync_pill")
        self._state, self._words, self._short, self._compact = "offline", "Offline", "Offline", False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._ring = False
        self.start_theming()

    def show_status(self, status: "SyncStatus") -> None:
        """Show a state; announced politely when the words change kind."""
        changed = status.state != self._state
        self._state, self._words, self._short = str(status.state), status.words(), status.short_words()
        self.setAccessibleName(f"Sync: {self._words}")
        self.setToolTip(status.sentence())
        self.updateGeometry()
        self.update()
        if changed and self.isVisible():
            event = QAccessibleAnnouncementEvent(self, self._words)
            QAccessible.updateAccessibility(event)

    def words(self) -> str:
        """Return the words shown."""
        return self._short if self._compact else self._words

    def set_compact(self, compact: bool) -> None:
        """Use the short words in a narrow window."""
        self._compact = compact
        self.updateGeometry()
        self.update()

    def restyle(self) -> None:
        """Follow the theme."""
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return room for icon and words."""
        width = metrics("secondary", "medium").horizontalAdvance(self.words()) + 1
        return QSize(width + px(16) + px(8) + 2 * px(12), px(28))

    def minimumSizeHint(self) -> QSize:
        """Return the same."""
        return self.sizeHint()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring when the keyboard brought the focus."""
        self._ring = event.reason() != Qt.FocusReason.MouseFocusReason
        super().focusInEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the pill."""
        painter = QPainter(self)
        name, ink, fill = LOOKS[self._state]
        outlined = fill == "canvas" or current().border_width > 1
        edge = ("hairline" if fill == "canvas" else ink) if outlined else None
        frame(painter, self.rect(), fill, edge, px(RADIUS_PILL), px(current().border_width))
        paint_icon(painter, QRect(px(12), 0, px(16), self.height()), name, ink, px(16))
        room = self.rect().adjusted(px(12) + px(16) + px(8), 0, 0, 0)
        paint_text(painter, room, self.words(), "secondary", "medium", ink)
        if self.hasFocus() and self._ring:
            focus_ring(painter, self.rect(), RADIUS_PILL)


class SyncPopover(QFrame):
    """Detail under the pill.

    Signals:
        sync_asked: Sync now.
        centre_asked: Open sync centre.
        review_asked: Review changes, when there are some.
        sign_in_asked: Sign in, when somebody has to.
    """

    sync_asked = Signal()
    centre_asked = Signal()
    review_asked = Signal()
    sign_in_asked = Signal()

    def __init__(self, status: "SyncStatus", parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("sync_popover")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("kind", "popup")
        self.setAccessibleName("Sync")
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(14), px(16), px(14))
        column.setSpacing(px(8))
        column.addWidget(Text(status.words(), "card", weight="strong"))
        tried = status.state in ("failed", "offline") and status.message
        column.addWidget(Text(status.message if tried else status.sentence(), "secondary", ink="ink2", wrap=True))
        if status.message and not tried:
            column.addWidget(Text(status.message, "secondary", ink="ink2", wrap=True))
        if status.note:
            column.addWidget(Text(status.note, "secondary", ink="ink2", wrap=True))
        at = status.last_synced_at
        when = f"{to_london(at):%H:%M}, {format_date(to_london(at).date())}" if at else "Not yet"
        until = offline_words(at)
        facts = (("Waiting to sync", str(status.pending_count)), ("Last synced", when), ("Works offline until", until))
        for label, value in facts:
            row = QHBoxLayout()
            row.addWidget(Text(label, "secondary", ink="ink2"))
            row.addStretch(1)
            row.addWidget(Text(value, "secondary", tabular=True))
            column.addLayout(row)
        if status.choice_count:
            review = Link("Review changes")
            review.setObjectName("review_changes")
            review.activated.connect(self.review_asked)
            review.activated.connect(self.close)
            column.addWidget(review)
        if status.state == "sign_in":
            sign_in = Link("Sign in")
            sign_in.setObjectName("sign_in")
            sign_in.activated.connect(self.sign_in_asked)
            sign_in.activated.connect(self.close)
            column.addWidget(sign_in)
        row = QHBoxLayout()
        self.now_button = QuietButton("Sync now", "refresh-cw", compact=True)
        self.now_button.clicked.connect(self.sync_asked)
        self.now_button.clicked.connect(self.close)
        centre = Link("Open sync centre")
        centre.activated.connect(self.centre_asked)
        centre.activated.connect(self.close)
        row.addWidget(self.now_button)
        row.addStretch(1)
        row.addWidget(centre)
        column.addLayout(row)
        self.setFixedWidth(px(320))

    def show_under(self, anchor: QWidget) -> None:
        """Show with the right edges aligned."""
        self.adjustSize()
        corner = anchor.mapToGlobal(QPoint(anchor.width() - self.width(), anchor.height() + px(6)))
        self.move(corner)
        self.show()
        self.now_button.setFocus(Qt.FocusReason.PopupFocusReason)
