"""Banners, toasts, progress and the spinner: what happened, what to do, what was kept."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QEnterEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QVBoxLayout, QWidget

from app.views.kit.buttons import IconButton, QuietButton
from app.views.kit.form import IconLabel
from app.views.kit.text import Link, Text
from app.views.theme import Themed, colour, tinted
from app.views.tokens import RADIUS_CARD, current, px

# kind -> (icon, ink token, background token)
BANNERS: dict[str, tuple[str, str, str]] = {
    "info": ("info", "offline", "offline_tint"),
    "offline": ("laptop", "offline", "offline_tint"),
    "warn": ("triangle-alert", "warn", "warn_tint"),
    "error": ("octagon-alert", "danger", "danger_tint"),
    "ok": ("circle-check-big", "ok", "ok_tint"),
    "conflict": ("git-compare-arrows", "conflict", "conflict_tint"),
    "read_only": ("lock", "offline", "offline_tint"),
}

TOAST_MS = 8000


class Banner(Themed, QFrame):
    """Words that concern the page they stand on, with links for what can be done.

    Args:
        kind: a key of ``BANNERS``.
        text: a sentence or two; the first line of a titled banner when ``title`` is given.
        actions: (words, callback) shown as links.
        title: a bold first line.
        closable: shows a cross.

    Signals:
        closed: the cross was used.
    """

    closed = Signal()

    def __init__(
        self,
        kind: str,
        text: str,
        actions: Sequence[tuple[str, Callable[[], object]]] = (),
        *,
        title: str = "",
        closable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._kind = kind
        name, ink, _tint = BANNERS[kind]
        self.setAccessibleName(f"{title}. {text}" if title else text)
        row = QHBoxLayout(self)
        row.setContentsMargins(px(16), px(10), px(12), px(10))
        row.setSpacing(px(8))
        row.addWidget(IconLabel(name, ink), 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(px(2))
        if title:
            column.addWidget(Text(title, "body", weight="strong", wrap=True))
        self.label = Text(text, "secondary" if title else "body", wrap=True)
        column.addWidget(self.label)
        if actions:
            links = QHBoxLayout()
            links.setSpacing(px(16))
            for words, callback in actions:
                link = Link(words)
                link.activated.connect(callback)
                links.addWidget(link)
            links.addStretch(1)
            column.addLayout(links)
        row.addLayout(column, 1)
        if closable:
            cross = IconButton("x", "Close this message")
            cross.clicked.connect(self._close)
            row.addWidget(cross, 0, Qt.AlignmentFlag.AlignTop)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.start_theming()

    def set_text(self, text: str) -> None:
        """Change the words."""
        self.label.setText(text)
        self.setAccessibleName(text)

    def restyle(self) -> None:
        """Follow the theme."""
        self.update()

    def _close(self) -> None:
        self.hide()
        self.closed.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the tint and the bar at its left."""
        painter = QPainter(self)
        _name, ink, tint = BANNERS[self._kind]
        painter.fillRect(self.rect(), colour(tint))
        painter.fillRect(QRect(0, 0, px(3), self.height()), colour(ink))
        if current().border_width > 1:
            painter.setPen(QPen(colour(ink), px(2)))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))


class Toast(Themed, QFrame):
    """What was just done, with Undo, at the bottom of the window for 8 seconds (longer under the pointer or focus)."""

    def __init__(self, parent: QWidget, text: str, undo: Callable[[], object] | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(text)
        row = QHBoxLayout(self)
        row.setContentsMargins(px(16), px(8), px(10), px(8))
        row.setSpacing(px(12))
        self._label = QLabel(text)
        row.addWidget(self._label)
        self.undo_button: QuietButton | None = None
        if undo is not None:
            self.undo_button = QuietButton("Undo", "undo-2", compact=True)
            self.undo_button.clicked.connect(undo)
            self.undo_button.clicked.connect(self.close)
            row.addWidget(self.undo_button)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TOAST_MS)
        self._timer.timeout.connect(self._expire)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        tinted(self._label, "on_strong")

    def popup(self) -> None:
        """Show it at the bottom middle of the parent, clear of a page's own buttons there."""
        self.adjustSize()
        parent = self.parentWidget() or self
        self.move((parent.width() - self.width()) // 2, parent.height() - self.height() - px(88))
        self.show()
        self.raise_()
        self._timer.start()

    def enterEvent(self, event: QEnterEvent) -> None:
        """Stay while the pointer is on it."""
        self._timer.stop()

    def leaveEvent(self, event: QEvent) -> None:
        """Count again."""
        self._timer.start()

    def _expire(self) -> None:
        if self.undo_button is not None and self.undo_button.hasFocus():
            self._timer.start()
        else:
            self.close()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the dark box."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("strong"))
        painter.drawRoundedRect(self.rect(), px(RADIUS_CARD), px(RADIUS_CARD))


class Spinner(Themed, QWidget):
    """A small turning arc, for waits over 0.3 s; it stands still where the system asks for less motion."""

    def __init__(self, name: str = "Working", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._angle = 0
        self.setAccessibleName(name)
        self._timer = QTimer(self)
        self._timer.setInterval(60)
        self._timer.timeout.connect(self._turn)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFixedSize(px(18), px(18))

    def showEvent(self, event: QEvent) -> None:
        """Start turning."""
        self._timer.start()

    def hideEvent(self, event: QEvent) -> None:
        """Stop."""
        self._timer.stop()

    def _turn(self) -> None:
        self._angle = (self._angle + 24) % 360
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the arc."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = self.rect().adjusted(px(2), px(2), -px(2), -px(2))
        painter.setPen(QPen(colour("hairline"), px(2)))
        painter.drawEllipse(box)
        painter.setPen(QPen(QColor(colour("accent")), px(2), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawArc(box, -self._angle * 16, 100 * 16)


class ProgressPanel(QWidget):
    """What is being done, how far it is, and Cancel when it can be stopped.

    Signals:
        cancelled: Cancel was pressed.
    """

    cancelled = Signal()

    def __init__(self, text: str, *, cancellable: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        self.label = Text(text, "body", wrap=True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(text)
        self.bar.setRange(0, 0)
        self.count = Text("", "secondary", ink="ink2", tabular=True)
        column.addWidget(self.label)
        column.addWidget(self.bar)
        row = QHBoxLayout()
        row.addWidget(self.count, 1)
        if cancellable:
            cancel = QuietButton("Cancel", compact=True)
            cancel.clicked.connect(self.cancelled)
            row.addWidget(cancel)
        column.addLayout(row)

    def set_progress(self, done: int, total: int, text: str = "") -> None:
        """Show a count; a total of 0 means it is not known.

        Args:
            done: how many are finished.
            total: of how many.
            text: words that replace the first line.
        """
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self.count.setText(f"{done:,} of {total:,}" if total else (f"{done:,}" if done else ""))
        if text:
            self.label.setText(text)
