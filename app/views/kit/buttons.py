"""Buttons, drawn from the tokens: one primary to a view, quiet ones beside it, plain ones inside cards."""

from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import QEnterEvent, QFocusEvent, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from app.views.icons import paint_icon
from app.views.kit.paint import focus_ring, frame, key_hint, key_hint_size
from app.views.theme import Themed, colour, font, metrics
from app.views.tokens import COMPACT_HEIGHT, CONTROL_HEIGHT, RADIUS_CONTROL, current, px

# kind -> (fill, edge, ink, hover fill)
_LOOKS: dict[str, tuple[str | None, str | None, str, str]] = {
    "primary": ("accent", "accent", "on_accent", "accent_pressed"),
    "quiet": ("surface", "edge", "ink", "hover"),
    "plain": (None, None, "accent", "accent_tint"),
    "bare": (None, None, "ink2", "hairline"),
    "danger": ("surface", "danger", "danger", "danger_tint"),
    "band": (None, "on_band2", "on_band", "band_tag"),
}


def hint_text(keys: str) -> str:
    """Return a shortcut as its hint shows it: ``Ctrl+Return`` becomes ``Ctrl ↵``."""
    if not keys:
        return ""
    from PySide6.QtGui import QKeySequence  # late: the unlock window has no shortcuts

    shown = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
    return shown.replace("+", " ").replace("Return", "↵").replace("Enter", "↵")


class Button(Themed, QAbstractButton):
    """A button of a kind in ``_LOOKS``.

    Args:
        text: a verb and its object; may be empty when there is an icon and an accessible name.
        icon: a Lucide name.
        keys: the shortcut it shows and answers to, e.g. ``Ctrl+N``.
        kind: primary, quiet, plain, bare, danger or band; the class's own when not said.
        compact: 28 pixels high instead of 34.
        answers: False shows the shortcut only (when the window answers it).
    """

    usual_kind = "quiet"

    def __init__(
        self,
        text: str,
        icon: str | None = None,
        keys: str = "",
        *,
        kind: str = "",
        compact: bool = False,
        answers: bool = True,
        trailing: str | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._icon_name, self._kind, self._compact, self._trailing = icon, kind or self.usual_kind, compact, trailing
        self._hint = hint_text(keys)
        self._ring = self._hovered = False
        self.setText(text)
        self.setAccessibleName(text)
        if keys and answers:
            self.setShortcut(keys)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self.start_theming()

    def set_icon(self, name: str | None) -> None:
        """Change the icon."""
        self._icon_name = name
        self.updateGeometry()
        self.update()

    def set_kind(self, kind: str) -> None:
        """Change the look, e.g. when another button becomes the primary one."""
        self._kind = kind
        self.update()

    def set_text(self, text: str) -> None:
        """Change the words, their accessible name and the width."""
        keys = self.shortcut()
        self.setText(text)
        self.setShortcut(keys)
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setFont(font(self._role(), "strong"))
        self.updateGeometry()

    def _role(self) -> str:
        return "secondary" if self._compact or self._kind == "plain" else "body"

    def _pad(self) -> int:
        if not self.text():
            return px(8)
        return px(8) if self._kind in ("plain", "bare") else px(10) if self._compact else px(14)

    def sizeHint(self) -> QSize:
        """Return room for icon, words and key hint."""
        height = max(px(COMPACT_HEIGHT if self._compact else CONTROL_HEIGHT), self.fontMetrics().height() + px(8))
        width = 2 * self._pad()
        if self.text():
            width += metrics(self._role(), "strong").horizontalAdvance(self.text()) + 1
        if self._icon_name:
            width += px(16) + (px(8) if self.text() else 0)
        if self._trailing:
            width += px(16) + px(6)
        if self._hint:
            width += px(8) + key_hint_size(self._hint).width()
        return QSize(max(width, height), height)

    def minimumSizeHint(self) -> QSize:
        """Return the same: a button's words are never cut."""
        return self.sizeHint()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring when the keyboard brought the focus."""
        self._ring = event.reason() != Qt.FocusReason.MouseFocusReason
        super().focusInEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Press with Enter too; Qt's own buttons outside a dialog only take Space."""
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and plain:
            if not event.isAutoRepeat():
                self.click()
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Note the pointer."""
        self._hovered = True
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Forget the pointer."""
        self._hovered = False
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw box, icon, words, hint and ring."""
        painter = QPainter(self)
        fill, edge, ink, hover = _LOOKS[self._kind]
        if not self.isEnabled():
            fill, edge, ink = (
                ("canvas" if fill else None),
                ("hairline" if edge else None),
                "ink3" if self.text() else "edge",
            )
        elif self.isDown() or self.isChecked() or self._hovered:
            fill = hover if current().border_width == 1 or fill is None else fill
        frame(painter, self.rect(), fill, edge, px(RADIUS_CONTROL), px(current().border_width))
        self._paint_content(painter, ink)
        if self.hasFocus() and self._ring:
            focus_ring(painter, self.rect(), role="focus_on_band" if self._kind == "band" else "focus")
            if self._kind == "primary":
                inner = self.rect().adjusted(px(2), px(2), -px(2), -px(2))
                frame(painter, inner, None, "on_accent", px(RADIUS_CONTROL - 2), 1)

    def _paint_content(self, painter: QPainter, ink: str) -> None:
        needed = self.sizeHint().width() - 2 * self._pad()
        left = max(self._pad(), (self.width() - needed) // 2) if self.text() else 0
        if self._icon_name:
            size = px(16) if self.text() else px(18)
            width = size if self.text() else self.width()
            icon_ink = "ink2" if self._kind == "quiet" and self.isEnabled() else ink
            paint_icon(painter, QRect(left, 0, width, self.height()), self._icon_name, icon_ink, size)
            left += size + px(8)
        if not self.text():
            return
        painter.setFont(self.font())
        painter.setPen(colour(ink))
        width = self.fontMetrics().horizontalAdvance(self.text()) + 1
        flags = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        painter.drawText(QRect(left, 0, width, self.height()), flags, self.text())
        left += width
        if self._hint:
            size_of_hint = key_hint_size(self._hint)
            top = (self.height() - size_of_hint.height()) // 2
            box = QRect(left + px(8), top, size_of_hint.width(), size_of_hint.height())
            key_hint(painter, box, self._hint, ink if self._kind == "primary" else "ink3", ink)
            left = box.right()
        if self._trailing:
            paint_icon(painter, QRect(left + px(6), 0, px(16), self.height()), self._trailing, ink, px(16))


class PrimaryButton(Button):
    """The one main action of a view."""

    usual_kind = "primary"


class QuietButton(Button):
    """Any other action: outlined."""


class PlainButton(Button):
    """An action inside a card's head: accent words without a box."""

    usual_kind = "plain"


class IconButton(Button):
    """An icon alone; the name is read aloud and shown as its tooltip."""

    def __init__(self, icon: str, name: str, keys: str = "", *, kind: str = "bare", answers: bool = True) -> None:
        super().__init__("", icon, "", kind=kind)
        self.setAccessibleName(name)
        self.setToolTip(f"{name} ({hint_text(keys)})" if keys else name)
        if keys and answers:
            self.setShortcut(keys)

    def set_name(self, name: str) -> None:
        """Change what is read aloud and shown as the tooltip."""
        self.setAccessibleName(name)
        self.setToolTip(name)
