"""Icons for actions and menus: drawn anew in whatever the token's colour is at that moment."""

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap

from app.views.icons import paint_icon, pixmap
from app.views.theme import colour


class _Engine(QIconEngine):
    """Draws one icon in whatever the token's colour is at that moment."""

    def __init__(self, name: str, role: str) -> None:
        super().__init__()
        self._name, self._role = name, role

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        """Draw the icon as large as the rectangle allows."""
        role = "ink3" if mode == QIcon.Mode.Disabled else self._role
        paint_icon(painter, rect, self._name, role, min(rect.width(), rect.height()))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """Return the icon at a size."""
        role = "ink3" if mode == QIcon.Mode.Disabled else self._role
        return pixmap(self._name, colour(role), min(size.width(), size.height()))

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        """Return the icon at a size in device pixels for a screen's scale."""
        role = "ink3" if mode == QIcon.Mode.Disabled else self._role
        return pixmap(self._name, colour(role), round(min(size.width(), size.height()) / scale), scale)

    def clone(self) -> QIconEngine:
        """Return a copy, as Qt asks for when an icon is changed."""
        return _Engine(self._name, self._role)


def make_icon(name: str, role: str) -> QIcon:
    """Return an icon on the engine, which the icon owns."""
    return QIcon(_Engine(name, role))
