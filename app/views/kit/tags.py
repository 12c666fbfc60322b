"""Tags, pills, badges and initials: state is always an icon, a word and a colour together."""

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.views.icons import paint_icon
from app.views.kit.paint import STATES, frame, paint_avatar, paint_badge, paint_tag, tag_size
from app.views.theme import Themed, colour, font, metrics
from app.views.tokens import RADIUS_TAG, current, px


class StateTag(Themed, QWidget):
    """A state in a small tinted box: ``StateTag("overdue", "1 day over")``."""

    def __init__(self, state: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.set_state(state, text)
        self.start_theming()

    def set_state(self, state: str, text: str) -> None:
        """Show another state.

        Args:
            state: a key of ``kit.paint.STATES``.
            text: its words.
        """
        if state not in STATES:
            raise KeyError(state)
        self._state, self._text = state, text
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def restyle(self) -> None:
        """Follow the theme."""
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return room for icon and words."""
        return tag_size(self._state, self._text)

    def minimumSizeHint(self) -> QSize:
        """Return the same."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the tag."""
        paint_tag(QPainter(self), self.rect(), self._state, self._text)


class Pill(Themed, QWidget):
    """A tag for the dark identity band or a plain count: icon and words on a quiet box.

    Args:
        text: the words.
        icon: a Lucide name.
        state: ``band`` (on the dark band), ``plain`` or a key of ``kit.paint.STATES``.
    """

    def __init__(self, text: str, state: str = "plain", icon: str | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text, self._state, self._icon = text, state, icon
        self.setAccessibleName(text)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.updateGeometry()

    def _look(self) -> tuple[str | None, str, str]:
        if self._state == "band":
            return self._icon, "on_band", "band_tag"
        if self._state in STATES:
            name, ink, tint = STATES[self._state]
            return self._icon or name, ink, tint or "offline_tint"
        return self._icon, "ink2", "offline_tint"

    def sizeHint(self) -> QSize:
        """Return room for icon and words."""
        width = metrics("meta", "strong").horizontalAdvance(self._text) + 1 + 2 * px(8)
        if self._look()[0]:
            width += px(14) + px(5)
        return QSize(width, px(24))

    def minimumSizeHint(self) -> QSize:
        """Return the same."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the pill."""
        painter = QPainter(self)
        name, ink, tint = self._look()
        outlined = current().border_width > 1
        frame(painter, self.rect(), tint, ink if outlined else None, px(RADIUS_TAG), 1)
        left = px(8)
        if name:
            paint_icon(painter, QRect(left, 0, px(14), self.height()), name, ink, px(14))
            left += px(14) + px(5)
        painter.setFont(font("meta", "strong"))
        painter.setPen(colour(ink))
        flags = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        painter.drawText(self.rect().adjusted(left, 0, 0, 0), flags, self._text)


class Badge(Themed, QWidget):
    """A filled count of new things that need this person."""

    def __init__(self, count: int, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._count = count
        self.setAccessibleName(f"{count} {name}")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return room for the count."""
        width = metrics("meta", "strong").horizontalAdvance(str(min(self._count, 100)) + "+") + px(6)
        return QSize(max(px(20), width), px(20))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the count."""
        paint_badge(QPainter(self), self.width(), self.height() // 2, self._count)


class Avatar(Themed, QWidget):
    """Initials in a disc.

    Args:
        initials: one to three letters.
        name: whose they are, read aloud and shown as the tooltip.
        quiet: pale (others) or dark (the person signed in).
    """

    def __init__(self, initials: str, name: str = "", *, quiet: bool = True, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._initials, self._quiet = initials, quiet
        self.setAccessibleName(name or initials)
        self.setToolTip(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFixedSize(px(28), px(28))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the disc."""
        paint_avatar(QPainter(self), self.rect(), self._initials, quiet=self._quiet)
