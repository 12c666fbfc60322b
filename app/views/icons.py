"""Icons: the vendored Lucide drawings, tinted with a token of the theme in use.

The tint is swapped into the text of the SVG, so there is no icon font for a managed laptop to block.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap, QPixmapCache
from PySide6.QtSvg import QSvgRenderer

from app.paths import RESOURCES
from app.views.theme import colour

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QIcon, QIconEngine

FOLDER: Path = RESOURCES / "icons"
STROKE = "1.75"


@cache
def _source(name: str) -> str:
    """Return the SVG text of an icon with the house stroke."""
    text = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    return text.replace('stroke-width="2"', f'stroke-width="{STROKE}"')


def names() -> list[str]:
    """Return the names of every vendored icon."""
    return sorted(path.stem for path in FOLDER.glob("*.svg"))


def pixmap(name: str, tint: QColor, size: int, ratio: float = 1.0) -> QPixmap:
    """Return an icon drawn in a colour.

    Args:
        name: the Lucide name, e.g. ``map-pin``.
        tint: the colour of its strokes.
        size: width and height in logical pixels.
        ratio: device pixels to a logical pixel.
    """
    key = f"lucide:{name}:{tint.rgba():x}:{size}:{ratio}"
    found = QPixmap()
    if QPixmapCache.find(key, found):
        return found
    drawn = QPixmap(QSize(round(size * ratio), round(size * ratio)))
    drawn.fill(Qt.GlobalColor.transparent)
    text = _source(name).replace("currentColor", tint.name())
    painter = QPainter(drawn)
    QSvgRenderer(QByteArray(text.encode())).render(painter, QRectF(drawn.rect()))
    painter.end()
    drawn.setDevicePixelRatio(ratio)
    QPixmapCache.insert(key, drawn)
    return drawn


def paint_icon(painter: QPainter, rect: QRect, name: str, role: str, size: int) -> None:
    """Draw an icon in the middle of a rectangle.

    Args:
        painter: where to draw.
        rect: the space it is centred in.
        name: the Lucide name.
        role: the token that tints it.
        size: in logical pixels.
    """
    drawn = pixmap(name, colour(role), size, _ratio(painter))
    left = rect.left() + (rect.width() - size) // 2
    painter.drawPixmap(QPoint(left, rect.top() + (rect.height() - size) // 2), drawn)


def _ratio(painter: QPainter) -> float:
    """Return device pixels to a logical pixel. (Asking the painter for its device makes PySide look up every type.)"""
    return max(1.0, abs(painter.deviceTransform().m11()))


@cache
def _engine_type() -> "Callable[[str, str], QIconEngine]":
    from PySide6.QtGui import QIcon, QIconEngine

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
            """Return a copy, as Qt asks for when an icon is changed.

            WORKAROUND: PySide deletes what ``clone`` returns while Qt still holds it. An icon that is never freed takes
            the copy over, so that only Qt deletes it. Nothing of ours changes icons; this is for what Qt may do.
            """
            import ctypes

            copy = _Engine(self._name, self._role)
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(QIcon(copy)))
            return copy

    return _Engine


def icon(name: str, role: str = "ink2") -> "QIcon":
    """Return an icon whose colour follows the theme.

    Args:
        name: the Lucide name, e.g. ``map-pin``.
        role: the token that tints it.
    """
    from PySide6.QtGui import QIcon  # late: the unlock window shows none

    return QIcon(_engine_type()(name, role))
