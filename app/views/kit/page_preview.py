"""Pages of a document, drawn from memory: nothing is written to disk."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPen, QPixmap, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QFrame, QGraphicsRectItem, QGraphicsScene, QGraphicsView, QWidget

from app.views.theme import Themed, colour
from app.views.tokens import px

ZOOM_RANGE = (0.1, 4.0)


class PagePreview(Themed, QGraphicsView):
    """Pages one under another on a desk.

    Signals:
        zoom_changed: the zoom in per cent of 96 dpi.
        page_changed: the number of the page in the middle, from 0.
        clicked: (page, x, y), with x and y between 0 and 1 from the page's top left.
    """

    zoom_changed = Signal(int)
    page_changed = Signal(int)
    clicked = Signal(int, float, float)

    def __init__(self, name: str = "Pages", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._scene = QGraphicsScene(self)
        self.setScene(self._scene)
        self._pages: list[QRectF] = []
        self._marks: list[QGraphicsRectItem] = []
        self._fit = True
        self._dpi = 96.0
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setRenderHints(QPainter.RenderHint.SmoothPixmapTransform | QPainter.RenderHint.Antialiasing)
        self.setDragMode(QGraphicsView.DragMode.ScrollHandDrag)
        self.verticalScrollBar().valueChanged.connect(self._note_page)
        self.start_theming()

    def restyle(self) -> None:
        """Follow the theme."""
        self.setBackgroundBrush(colour("desk"))

    def set_pages(self, pages: Sequence[bytes | QImage], dpi: float = 96.0) -> None:
        """Show pages.

        Args:
            pages: PNG or JPEG bytes, or images, in order.
            dpi: what they were drawn at, so that 100 % is 96 dpi.
        """
        keep = self.verticalScrollBar().value()
        self._scene.clear()
        self._pages, self._marks, self._dpi = [], [], dpi
        top = 0.0
        for page in pages:
            image = page if isinstance(page, QImage) else QImage.fromData(page)
            item = self._scene.addPixmap(QPixmap.fromImage(image))
            item.setTransformationMode(Qt.TransformationMode.SmoothTransformation)
            item.setPos(0, top)
            box = QRectF(0, top, image.width(), image.height())
            edge = self._scene.addRect(box, QPen(colour("edge"), 0))
            edge.setZValue(1)
            self._pages.append(box)
            top += image.height() + 24 * dpi / 96
        self._scene.setSceneRect(self._scene.itemsBoundingRect())
        if self._fit:
            self.fit_page()
        self.verticalScrollBar().setValue(keep)

    def page_count(self) -> int:
        """Return how many pages are shown."""
        return len(self._pages)

    def set_marks(self, marks: Sequence[tuple[int, float, float, float, float]]) -> None:
        """Ring places on the pages.

        Args:
            marks: (page, left, top, width, height), each a share of the page between 0 and 1.
        """
        for mark in self._marks:
            self._scene.removeItem(mark)
        self._marks = []
        fill = QColor(colour("chart_open"))
        fill.setAlpha(48)
        for number, left, top, width, height in marks:
            if not 0 <= number < len(self._pages):
                continue
            page = self._pages[number]
            box = QRectF(
                page.left() + left * page.width(),
                page.top() + top * page.height(),
                width * page.width(),
                height * page.height(),
            )
            pen = QPen(colour("chart_open"), 1.5)
            pen.setCosmetic(True)
            mark = self._scene.addRect(box, pen, fill)
            mark.setZValue(2)
            self._marks.append(mark)

    def zoom(self) -> int:
        """Return the zoom in per cent of 96 dpi."""
        return round(self.transform().m11() * self._dpi / 96 * 100)

    def set_zoom(self, percent: int) -> None:
        """Zoom to a per cent of 96 dpi and stop fitting to the width."""
        self._fit = False
        self._scale_to(percent / 100 * 96 / self._dpi)

    def step_zoom(self, steps: int) -> None:
        """Zoom in (positive) or out by about a fifth a step."""
        self.set_zoom(round(self.zoom() * 1.2**steps))

    def fit_width(self) -> None:
        """Fit the pages to the width, and keep fitting as the view changes."""
        self._fit = True
        if self._pages and self.viewport().width() > px(40):
            widest = max(page.width() for page in self._pages)
            self._scale_to((self.viewport().width() - px(40)) / widest)

    def fit_page(self) -> None:
        """Fit the first page to the view when it then stays readable, else to the width."""
        self.fit_width()
        if self._pages and self.viewport().height() > px(40):
            whole = (self.viewport().height() - px(32)) / self._pages[0].height()
            self._scale_to(min(self.transform().m11(), max(whole, 0.55 * 96 / self._dpi)))

    def show_page(self, number: int) -> None:
        """Scroll to a page, from 0."""
        if 0 <= number < len(self._pages):
            top = self.mapFromScene(self._pages[number].topLeft()).y()
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + top - px(16))

    def _scale_to(self, scale: float) -> None:
        low, high = (bound * 96 / self._dpi for bound in ZOOM_RANGE)
        self.resetTransform()
        bounded = max(low, min(high, scale))
        self.scale(bounded, bounded)
        self.zoom_changed.emit(self.zoom())

    def _note_page(self) -> None:
        middle = self.mapToScene(self.viewport().rect().center()).y()
        for number, page in enumerate(self._pages):
            if page.top() <= middle <= page.bottom():
                self.page_changed.emit(number)
                return

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep fitting."""
        super().resizeEvent(event)
        if self._fit:
            self.fit_page()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom with Ctrl, else scroll."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.step_zoom(1 if event.angleDelta().y() > 0 else -1)
        else:
            super().wheelEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Ignore: two clicks are two clicks."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Tell where a page was clicked."""
        super().mouseReleaseEvent(event)
        point = self.mapToScene(event.position().toPoint())
        for number, page in enumerate(self._pages):
            if page.contains(point):
                self.clicked.emit(
                    number, (point.x() - page.left()) / page.width(), (point.y() - page.top()) / page.height()
                )
