"""One page of a document on a desk: drawn from memory, turned, zoomed, with numbered rings where the reasons stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPen, QPixmap, QResizeEvent, QTransform, QWheelEvent
from PySide6.QtWidgets import (
    QFrame,
    QGraphicsItem,
    QGraphicsPixmapItem,
    QGraphicsRectItem,
    QGraphicsScene,
    QGraphicsView,
    QStyleOptionGraphicsItem,
    QWidget,
)

from app.views.theme import Themed, colour, font
from app.views.tokens import LIGHT, px

if TYPE_CHECKING:
    from app.services.documents.protocol import Picture

NOMINAL_WIDTH = 794.0
"""Of every page in scene units: A4 at 96 dpi, so that 100 % is about the size of the paper."""
ZOOM_RANGE = (20, 400)
ZOOM_STEP = 1.2
_MARGIN = 20
_READABLE = 50
"""Per cent: a page is fitted whole only while its text can still be read, else to the width."""
_WIDTH_STEPS = (480, 800, 1200, 1600, 2400, 3200)

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Ring:
    """A numbered place: the box is left, top, right, bottom in shares of the page before it is turned."""

    number: int
    box: Box


def turned(box: Box, degrees: int) -> Box:
    """Return a box as it stands once its page is turned clockwise by a multiple of 90 degrees."""
    left, top, right, bottom = box
    match degrees % 360:
        case 90:
            return 1 - bottom, left, 1 - top, right
        case 180:
            return 1 - right, 1 - bottom, 1 - left, 1 - top
        case 270:
            return top, 1 - right, bottom, 1 - left
        case _:
            return box


class PageCanvas(Themed, QGraphicsView):
    """Shows one page.

    Signals:
        zoom_changed: per cent of the paper's size.
        sharper_wanted: the width in pixels that the page should be drawn at to look sharp as it is now shown.
    """

    zoom_changed = Signal(int)
    sharper_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Page")
        self._scene = QGraphicsScene(self)
        self.setScene(self._scene)
        self._paper = QGraphicsPixmapItem()
        self._paper.setTransformationMode(Qt.TransformationMode.SmoothTransformation)
        self._edge = QGraphicsRectItem()
        self._edge.setZValue(1)
        self._scene.addItem(self._paper)
        self._scene.addItem(self._edge)
        self._rings: list[Ring] = []
        self._ring_items: list[QGraphicsItem] = []
        self._image = QImage()
        self._degrees = 0
        self._fit = True
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAcceptDrops(False)  # files go to the page behind
        self.setRenderHints(QPainter.RenderHint.SmoothPixmapTransform | QPainter.RenderHint.Antialiasing)
        self.setDragMode(QGraphicsView.DragMode.ScrollHandDrag)
        self._sharpen = QTimer(self)
        self._sharpen.setSingleShot(True)
        self._sharpen.setInterval(80)
        self._sharpen.timeout.connect(lambda: self.sharper_wanted.emit(self.wanted_width()))
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme; the paper stays white."""
        self.setBackgroundBrush(colour("desk"))
        self._edge.setPen(QPen(colour("edge"), 0))
        if self._rings:
            self.set_rings(self._rings)

    # What is shown

    def clear(self) -> None:
        """Show no page."""
        self._image = QImage()
        self._paper.setPixmap(QPixmap())
        self._edge.setRect(QRectF())
        self.set_rings([])

    def set_page(self, image: QImage, degrees: int = 0) -> None:
        """Show a page, turned clockwise. A sharper image of the page already shown keeps the place and zoom."""
        same_shape = self._degrees == degrees and _alike(self._image, image)
        self._image, self._degrees = image, degrees % 360
        shown = image.transformed(QTransform().rotate(self._degrees)) if self._degrees else image
        self._paper.setPixmap(QPixmap.fromImage(shown))
        across, down = self._size()
        self._paper.setTransform(QTransform.fromScale(across / shown.width(), down / shown.height()))
        self._edge.setRect(0, 0, across, down)
        self._scene.setSceneRect(-_MARGIN, -_MARGIN, across + 2 * _MARGIN, down + 2 * _MARGIN)
        self.set_rings(self._rings)
        if not same_shape:
            if self._fit:
                self.fit()
            self.verticalScrollBar().setValue(self.verticalScrollBar().minimum())

    def has_page(self) -> bool:
        """Return whether a page is shown."""
        return not self._image.isNull()

    def set_rings(self, rings: Sequence[Ring]) -> None:
        """Ring places on the page, each with its number."""
        for item in self._ring_items:
            self._scene.removeItem(item)
        self._ring_items = []
        self._rings = list(rings)
        if not self.has_page():
            return
        across, down = self._size()
        numbered: set[int] = set()
        for ring in self._rings:
            left, top, right, bottom = turned(ring.box, self._degrees)
            box = QRectF(left * across, top * down, (right - left) * across, (bottom - top) * down)
            item = _RingItem(box.adjusted(-4, -4, 4, 4), ring.number if ring.number not in numbered else None)
            numbered.add(ring.number)
            self._scene.addItem(item)
            self._ring_items.append(item)

    def rings(self) -> list[QRectF]:
        """Return the ringed places in scene units, for tests and screen readers."""
        return [item.box for item in self._ring_items if isinstance(item, _RingItem)]

    def show_ring(self, number: int) -> None:
        """Scroll to the ring with a number."""
        for ring, item in zip(self._rings, self._ring_items, strict=True):
            if ring.number == number:
                self.ensureVisible(item, px(40), px(40))
                return

    # Zoom

    def zoom(self) -> int:
        """Return the zoom in per cent."""
        return round(self.transform().m11() * 100)

    def set_zoom(self, percent: int) -> None:
        """Zoom to a per cent of the paper's size and stop fitting."""
        self._fit = False
        self._scale_to(percent)

    def step_zoom(self, steps: int) -> None:
        """Zoom in (positive) or out by a fifth a step."""
        self.set_zoom(round(self.zoom() * ZOOM_STEP**steps))

    def fit(self) -> None:
        """Fit the page to the view while it stays readable, else to the width; and keep fitting."""
        self._fit = True
        if not self.has_page():
            return
        across, down = self._size()
        # Measured without scroll bars, so that one coming or going never changes the answer.
        bar = self.verticalScrollBar().sizeHint().width()
        wide = (self.width() - bar - 2) / (across + 2 * _MARGIN) * 100
        high = (self.height() - 2) / (down + 2 * _MARGIN) * 100
        self._scale_to(int(wide if min(wide, high) < _READABLE else min(wide, high)))

    def wanted_width(self) -> int:
        """Return the pixels across, before turning, at which the page looks sharp now."""
        pixels = NOMINAL_WIDTH * self.transform().m11() * self.devicePixelRatioF()
        return next((step for step in _WIDTH_STEPS if step >= pixels), _WIDTH_STEPS[-1])

    def _scale_to(self, percent: int) -> None:
        bounded = max(ZOOM_RANGE[0], min(ZOOM_RANGE[1], percent)) / 100
        self.resetTransform()
        self.scale(bounded, bounded)
        self.zoom_changed.emit(self.zoom())
        if self.has_page():
            self._sharpen.start()

    def _size(self) -> tuple[float, float]:
        """Return the page's size in scene units as it is turned."""
        tall = NOMINAL_WIDTH * self._image.height() / max(1, self._image.width())
        return (tall, NOMINAL_WIDTH) if self._degrees in (90, 270) else (NOMINAL_WIDTH, tall)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep fitting; a page that is shown from its top stays so."""
        bar = self.verticalScrollBar()
        at_top = bar.value() <= bar.minimum()
        super().resizeEvent(event)
        if self._fit:
            self.fit()
        if at_top:
            bar.setValue(bar.minimum())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom with Ctrl, else scroll."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.step_zoom(1 if event.angleDelta().y() > 0 else -1)
        else:
            super().wheelEvent(event)


class _RingItem(QGraphicsItem):
    """A tinted box with its number in a disc at its right; always in the light theme's ink, as paper is white."""

    def __init__(self, box: QRectF, number: int | None) -> None:
        super().__init__()
        self.box, self._number = box, number
        self.setZValue(2)

    def boundingRect(self) -> QRectF:
        """Return the box and its disc."""
        return self.box.adjusted(-2, -6, 30, 6)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw the box and the disc."""
        ink = QColor(LIGHT.accent)
        tint = QColor(LIGHT.accent)
        tint.setAlpha(26)
        painter.setPen(QPen(ink, 1.5))
        painter.setBrush(tint)
        painter.drawRoundedRect(self.box, 4, 4)
        if self._number is None:
            return
        middle = QPointF(self.box.right() + 14, self.box.center().y())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        painter.drawEllipse(middle, 10, 10)
        small = QFont(font("meta", "strong"))  # a copy: the paper is not scaled with the text size
        small.setPixelSize(13)
        painter.setFont(small)
        painter.setPen(QColor(LIGHT.on_accent))
        disc = QRectF(middle.x() - 10, middle.y() - 10, 20, 20)
        painter.drawText(disc, int(Qt.AlignmentFlag.AlignCenter), str(self._number))


def _alike(one: QImage, other: QImage) -> bool:
    """Return whether two images have the same shape, so that one can take the other's place unseen."""
    if one.isNull() or other.isNull():
        return False
    return abs(one.height() * other.width() - other.height() * one.width()) <= one.width() + other.width()


def to_image(picture: "Picture") -> QImage:
    """Return a drawn page as an image with memory of its own."""
    rows = QImage(picture.rgba, picture.width, picture.height, 4 * picture.width, QImage.Format.Format_RGBX8888)
    return rows.copy()
