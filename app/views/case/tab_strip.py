"""The tabs of a case: words with counts, arrow keys between them, and More when there is no room."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QMenu, QSizePolicy, QWidget

from app.views.icons import paint_icon
from app.views.kit.paint import focus_ring
from app.views.theme import Themed, colour, font, metrics
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.case_views import CaseView


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab: its key, its words, and the shorter words of a narrow window."""

    key: str
    words: str
    short: str


class _TabButton(Themed, QAbstractButton):
    def __init__(self, words: str, *, chevron: bool = False) -> None:
        super().__init__()
        self._count, self._ring, self._chevron = "", False, chevron
        self.setText(words)
        self.setCheckable(True)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.start_theming()

    def restyle(self) -> None:
        self.setFont(font("body", "medium"))
        self.updateGeometry()

    def show_words(self, words: str, count: str) -> None:
        self._count = count
        self.setText(words)
        self.setAccessibleName(f"{words}, {count}" if count else words)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        width = metrics("body", "strong").horizontalAdvance(self.text()) + 1
        if self._count:
            width += px(7) + metrics("meta", "medium").horizontalAdvance(self._count) + 1
        if self._chevron:
            width += px(20)
        return QSize(width, max(px(42), metrics("body").height() + px(18)))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._ring = event.reason() != Qt.FocusReason.MouseFocusReason
        super().focusInEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        chosen = self.isChecked()
        painter.setFont(font("body", "strong" if chosen else "medium"))
        painter.setPen(colour("ink" if chosen or self.underMouse() else "ink2"))
        flags = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        painter.drawText(self.rect(), flags, self.text())
        left = painter.fontMetrics().horizontalAdvance(self.text()) + px(7)
        if self._count:
            painter.setFont(font("meta", "medium"))
            painter.setPen(colour("ink3"))
            painter.drawText(self.rect().adjusted(left, 0, 0, 0), flags, self._count)
        if self._chevron:
            paint_icon(painter, QRect(left, 0, px(16), self.height()), "chevron-down", "ink2", px(16))
        if chosen:
            painter.fillRect(QRect(0, self.height() - px(3), self.width(), px(3)), colour("accent"))
        if self.hasFocus() and self._ring:
            focus_ring(painter, self.rect().adjusted(-px(1), px(2), px(1), -px(2)))


class TabStrip(Themed, QWidget):
    """The row of tabs, with room for a widget at the right.

    Signals:
        chosen: a tab's key, by mouse or keyboard.
    """

    chosen = Signal(str)

    def __init__(self, tabs: list[Tab], trailing: QWidget | None = None) -> None:
        super().__init__()
        self.setProperty("fill", "surface")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Parts of this case")
        self._tabs = tabs
        self._trailing = trailing
        self._counts: dict[str, str] = {}
        self._hidden: list[Tab] = []
        self.current = tabs[0].key
        self.buttons = {tab.key: _TabButton(tab.words) for tab in tabs}
        self.more = _TabButton("More", chevron=True)
        self.more.setObjectName("tab_more")
        self._row = QHBoxLayout(self)
        for tab in tabs:
            button = self.buttons[tab.key]
            button.setObjectName(f"tab_{tab.key}")
            button.clicked.connect(lambda _on, key=tab.key: self._choose(key))
            self._row.addWidget(button)
        self._row.addWidget(self.more)
        self._row.addStretch(1)
        if trailing is not None:
            self._row.addWidget(trailing)
        self.more.clicked.connect(self._open_more)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._show_current()
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self._row.setContentsMargins(px(22), 0, px(20), 0)
        self._row.setSpacing(px(20))

    def minimumSizeHint(self) -> QSize:
        """Return a width that leaves the tabs to More."""
        return QSize(px(200), self.sizeHint().height())

    def set_counts(self, counts: dict[str, str]) -> None:
        """Show words such as ``7 of 11`` beside tabs; empty shows none."""
        self._counts = counts
        self._fit()

    def set_current(self, key: str) -> None:
        """Mark a tab without a signal."""
        if key in self.buttons:
            self.current = key
            self._fit()

    def step(self, by: int) -> None:
        """Choose the next or previous tab, round the end."""
        keys = [tab.key for tab in self._tabs]
        self._choose(keys[(keys.index(self.current) + by) % len(keys)])

    def _choose(self, key: str) -> None:
        self.current = key
        self._fit()
        self.chosen.emit(key)
        if any(button.hasFocus() for button in (*self.buttons.values(), self.more)):
            shown = self.buttons[key] if self.buttons[key].isVisible() else self.more
            shown.setFocus(Qt.FocusReason.TabFocusReason)

    def _show_current(self) -> None:
        # One stop for Tab: the current tab; arrows move between them.
        hidden = {tab.key for tab in self._hidden}
        for key, button in self.buttons.items():
            button.setChecked(key == self.current)
            policy = Qt.FocusPolicy.StrongFocus if key == self.current else Qt.FocusPolicy.ClickFocus
            button.setFocusPolicy(policy)
        self.more.setChecked(self.current in hidden)
        stop = self.current in hidden
        self.more.setFocusPolicy(Qt.FocusPolicy.StrongFocus if stop else Qt.FocusPolicy.ClickFocus)

    def _fit(self) -> None:
        """Show the tabs there is room for and leave the rest to More."""
        narrow = self.width() < px(900)
        taken = px(42) + self._trailing_width()
        room = self.width() - taken
        for tab in self._tabs:
            self.buttons[tab.key].show_words(tab.short if narrow else tab.words, self._counts.get(tab.key, ""))
        widths = [self.buttons[tab.key].sizeHint().width() + px(20) for tab in self._tabs]
        fits = len(widths)
        if sum(widths) > room:
            room -= self.more.sizeHint().width() + px(20)
            while fits > 1 and sum(widths[:fits]) > room:
                fits -= 1
        self._hidden = self._tabs[fits:]
        for place, tab in enumerate(self._tabs):
            self.buttons[tab.key].setVisible(place < fits)
        current = next((tab for tab in self._hidden if tab.key == self.current), None)
        self.more.show_words(current.short if current else "More", "")
        self.more.setVisible(bool(self._hidden))
        self._show_current()

    def _trailing_width(self) -> int:
        if self._trailing is None or self._trailing.isHidden():
            return 0
        return self._trailing.sizeHint().width() + px(20)

    def refit(self) -> None:
        """Fit again, e.g. when the widget at the right came or went."""
        self._fit()

    def _open_more(self) -> None:
        menu = QMenu(self)
        for tab in self._hidden:
            count = self._counts.get(tab.key, "")
            action = menu.addAction(f"{tab.words}  {count}" if count else tab.words)
            action.triggered.connect(lambda _on, key=tab.key: self._choose(key))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.more.mapToGlobal(QPoint(0, self.more.height())))
        self._show_current()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and Right move between tabs."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if step:
            self.step(step)
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit to the new width."""
        super().resizeEvent(event)
        self._fit()


def counts_of(view: "CaseView") -> dict[str, str]:
    """Return what stands beside the names of a case's tabs."""
    done = sum(1 for line in view.enquiries if line.done)
    return {
        "enquiries": f"{done} of {len(view.enquiries)}" if view.enquiries else "",
        "documents": str(len(view.documents) or ""),
        "letters": str(len(view.letters) or ""),
    }
