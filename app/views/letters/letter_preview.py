"""The live preview: the pages as they will be sent, with the values tinted on screen only."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPen
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.views.kit.buttons import IconButton
from app.views.kit.cards import EmptyState, rule
from app.views.kit.page_preview import PagePreview
from app.views.kit.text import ElidedText, Text
from app.views.tokens import LIGHT, px

if TYPE_CHECKING:
    from app.services.letters.typeset import FieldBox

POINTS_PER_INCH = 72


class LetterPages(PagePreview):
    """Pages whose values are tinted.

    Signals:
        field_clicked: the merge field whose value was clicked.
    """

    field_clicked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Letter preview", parent)
        self._boxes: tuple[FieldBox, ...] = ()
        self._drawn_at = 96.0
        self.clicked.connect(self._find_field)

    def show_letter(self, pages: Sequence[QImage], boxes: "Sequence[FieldBox]", dpi: float) -> None:
        """Show pages, with tints where values stand."""
        self.set_pages(list(pages), dpi)
        desk = 20 * dpi / 96
        self.scene().setSceneRect(self.scene().itemsBoundingRect().adjusted(-desk, -desk, desk, desk))
        self._boxes, self._drawn_at = tuple(boxes), dpi
        scale = dpi / POINTS_PER_INCH
        tops = self._tops(pages)
        for box in self._boxes:
            self._tint(box, tops[box.page], scale)

    def _tops(self, pages: Sequence[QImage]) -> list[float]:
        tops, top = [], 0.0
        for page in pages:
            tops.append(top)
            top += page.height() + 24 * self._drawn_at / 96
        return tops

    def _tint(self, box: "FieldBox", top: float, scale: float) -> None:
        """Tint one value. The paper is white in every theme, so the tints are those of the light one."""
        ink = QColor(LIGHT.warn if box.missing else LIGHT.accent)
        fill = QColor(ink)
        fill.setAlpha(40 if box.missing else 26)
        area = QRectF(box.left * scale, top + box.top * scale, box.width * scale, box.height * scale)
        item = self.scene().addRect(area, QPen(Qt.PenStyle.NoPen), fill)
        item.setZValue(2)
        pen = QPen(ink, 1)
        pen.setCosmetic(True)
        line = self.scene().addLine(area.left(), area.bottom(), area.right(), area.bottom(), pen)
        line.setZValue(2)

    def _find_field(self, page: int, x: float, y: float) -> None:
        across, down = x * 595.28, y * 841.89
        for box in self._boxes:
            inside = box.left <= across <= box.left + box.width and box.top <= down <= box.top + box.height
            if box.page == page and inside:
                self.field_clicked.emit(box.field)
                return


class LetterPreview(QWidget):
    """The pages under their toolbar.

    Signals:
        field_clicked: the merge field whose value was clicked.
        print_asked: the printer button, which only a sent letter has.
    """

    field_clicked = Signal(str)
    print_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("fill", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.pages = LetterPages()
        self.pages.setObjectName("letter_preview")
        self.pages.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._note = ElidedText("Updates as you type", "body", ink="ink2")
        self._zoom = Text("", "secondary", ink="ink2", tabular=True)
        smaller = IconButton("zoom-out", "Zoom out")
        larger = IconButton("zoom-in", "Zoom in")
        self.printer = IconButton("printer", "Print again")
        self.printer.setObjectName("print_again")
        bar = QHBoxLayout()
        bar.setContentsMargins(px(16), px(6), px(12), px(6))
        bar.setSpacing(px(8))
        bar.addWidget(Text("Preview", "body", weight="strong"))
        bar.addWidget(self._note, 1)
        for widget in (smaller, self._zoom, larger, self.printer):
            bar.addWidget(widget)
        self._stack = QStackedWidget()
        self._stack.addWidget(EmptyState("Drawing the letter"))
        self._stack.addWidget(self.pages)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(bar)
        column.addWidget(rule())
        column.addWidget(self._stack, 1)
        smaller.clicked.connect(lambda: self.pages.step_zoom(-1))
        larger.clicked.connect(lambda: self.pages.step_zoom(1))
        self.printer.clicked.connect(self.print_asked)
        self.pages.zoom_changed.connect(lambda percent: self._zoom.setText(f"{percent}%"))
        self.pages.field_clicked.connect(self.field_clicked)
        self.set_sent(sent=False)

    def set_sent(self, *, sent: bool) -> None:
        """Say whether this is a draft that changes or a letter as it was sent."""
        self._note.setText("As it was sent" if sent else "Updates as you type")
        self.printer.setVisible(sent)

    def clear(self) -> None:
        """Show that nothing is drawn yet."""
        self._stack.setCurrentIndex(0)

    def show_letter(self, pages: Sequence[QImage], boxes: "Sequence[FieldBox]", dpi: float) -> None:
        """Show pages; the zoom and the place stay as they were."""
        self.pages.show_letter(pages, boxes, dpi)
        self._stack.setCurrentIndex(1)
