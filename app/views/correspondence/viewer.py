"""The page viewer: toolbar, page or its text, page numbers. Shared by Correspondence and the case page."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QStackedWidget, QVBoxLayout, QWidget

from app.errors import RollcallError
from app.views.context import AppContext
from app.views.correspondence.canvas import PageCanvas, Ring, to_image
from app.views.correspondence.fetching import FetchPanel
from app.views.correspondence.page_strip import PageStrip
from app.views.kit.buttons import IconButton
from app.views.kit.cards import EmptyState, rule
from app.views.kit.chips import SegmentedControl
from app.views.kit.feedback import Banner
from app.views.kit.text import ElidedText, Text
from app.views.theme import Themed, font
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.documents.listing import DocumentDetail
    from app.services.documents.protocol import Picture
    from app.services.documents.reading import PageMark

QUARTER = 90
_SHOW_WAITING_MS = 300
_LOOK_AGAIN_MS = 3000


class PageViewer(Themed, QWidget):
    """Shows a document page by page.

    Attributes:
        detail: the document shown, or None.
        page: the page shown, from 0.

    Signals:
        document_shown: the ``DocumentDetail``, once it is read.
        page_changed: the page, from 0.
        gone: the document could not be read; the words are already shown.
    """

    document_shown = Signal(object)
    page_changed = Signal(int)
    gone = Signal()

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.detail: DocumentDetail | None = None
        self.page = 0
        self._asked = 0
        self._turns: dict[int, int] = {}
        self._marks: tuple[PageMark, ...] = ()
        self._make_toolbar()
        self._make_body()
        self._make_foot()
        self._lay_out()
        self._make_shortcuts()
        self.start_theming()
        self.clear()

    # Building

    def _make_toolbar(self) -> None:
        self.turn_left = IconButton("rotate-ccw", "Turn page left", "Ctrl+Shift+R", answers=False)
        self.turn_right = IconButton("rotate-cw", "Turn page right", "Ctrl+R", answers=False)
        self.zoom_out = IconButton("zoom-out", "Zoom out", "Ctrl+-", answers=False)
        self.zoom_in = IconButton("zoom-in", "Zoom in", "Ctrl++", answers=False)
        self.fit = IconButton("maximize", "Fit page", "Ctrl+0", answers=False)
        self.percent = Text("", "secondary", ink="ink2", tabular=True)
        self.percent.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.percent.setAccessibleName("Zoom")
        self.shown = SegmentedControl([("page", "Page"), ("text", "Text")], "Show")
        self.shown.setObjectName("page_or_text")
        self.turn_left.clicked.connect(lambda: self.turn(-QUARTER))
        self.turn_right.clicked.connect(lambda: self.turn(QUARTER))
        self.shown.chosen.connect(lambda _value: self._choose_body())

    def _make_body(self) -> None:
        self.canvas = PageCanvas()
        self.canvas.setObjectName("page_canvas")
        self.canvas.zoom_changed.connect(lambda percent: self.percent.setText(f"{percent}%"))
        self.canvas.sharper_wanted.connect(self._draw)
        self.zoom_out.clicked.connect(lambda: self.canvas.step_zoom(-1))
        self.zoom_in.clicked.connect(lambda: self.canvas.step_zoom(1))
        self.fit.clicked.connect(self.canvas.fit)
        # Until a page is drawn the one before stays, but never for long under the wrong number.
        self._waiting = QTimer(self)
        self._waiting.setSingleShot(True)
        self._waiting.setInterval(_SHOW_WAITING_MS)
        self._waiting.timeout.connect(self._show_waiting)
        # Bytes come after records: while they are missing, look now and then whether the sync has brought them.
        self._look_again = QTimer(self)
        self._look_again.setInterval(_LOOK_AGAIN_MS)
        self._look_again.timeout.connect(self._ask_again)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setAccessibleName("Text on this page")
        self.text.setObjectName("page_text")
        self.message = EmptyState("")
        self.fetching = FetchPanel(self._context)
        self.fetching.arrived.connect(self._arrived)
        self.body = QStackedWidget()
        for widget in (self.canvas, self.text, self.message, self.fetching):
            self.body.addWidget(widget)
        self.warnings = QVBoxLayout()
        self.warnings.setSpacing(0)

    def _make_foot(self) -> None:
        self.strip = PageStrip()
        self.strip.chosen.connect(self.show_page)
        self.place = Text("", "secondary", ink="ink2")
        self.reading = ElidedText("", "secondary", ink="ink2")
        self.reading.setAlignment(Qt.AlignmentFlag.AlignRight)

    def _lay_out(self) -> None:
        self.bar = QWidget()
        self.bar.setProperty("fill", "canvas")
        bar = QHBoxLayout(self.bar)
        bar.setContentsMargins(px(12), px(7), px(12), px(7))
        bar.setSpacing(px(2))
        for widget in (self.turn_left, self.turn_right):
            bar.addWidget(widget)
        bar.addSpacing(px(6))
        divider = rule(upright=True)
        bar.addWidget(divider)
        bar.addSpacing(px(6))
        bar.addWidget(self.zoom_out)
        bar.addWidget(self.percent)
        bar.addWidget(self.zoom_in)
        bar.addWidget(self.fit)
        bar.addStretch(1)
        bar.addWidget(self.shown)
        self.foot = QWidget()
        self.foot.setProperty("fill", "canvas")
        foot = QHBoxLayout(self.foot)
        foot.setContentsMargins(px(14), px(6), px(14), px(6))
        foot.setSpacing(px(12))
        foot.addWidget(self.strip)
        foot.addWidget(self.place)
        foot.addWidget(self.reading, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(rule())
        column.addLayout(self.warnings)
        column.addWidget(self.body, 1)
        column.addWidget(rule())
        column.addWidget(self.foot)

    def _make_shortcuts(self) -> None:
        actions = {
            "Ctrl+R": lambda: self.turn(QUARTER),
            "Ctrl+Shift+R": lambda: self.turn(-QUARTER),
            "Ctrl++": lambda: self.canvas.step_zoom(1),
            "Ctrl+=": lambda: self.canvas.step_zoom(1),
            "Ctrl+-": lambda: self.canvas.step_zoom(-1),
            "Ctrl+0": self.canvas.fit,
        }
        for keys, action in actions.items():
            QShortcut(QKeySequence(keys), self, action, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)

    def restyle(self) -> None:
        """Follow the theme."""
        self.text.setFont(font("body"))
        self.percent.setMinimumWidth(px(52))

    # Showing

    def clear(self, words: str = "") -> None:
        """Show no document, and words instead."""
        self._asked += 1
        self._waiting.stop()
        self._look_again.stop()
        self.fetching.leave()
        self.detail = None
        self._turns, self._marks = {}, ()
        self.canvas.clear()
        self.text.clear()
        self.strip.set_count(0)
        self.place.setText("")
        self.reading.setText("")
        self._warn(())
        self._say(words)
        self._enable()

    def show_document(self, document_id: str) -> None:
        """Read a document off the window's thread and show its first page; opening it is audited."""
        self._asked += 1
        self._look_again.stop()
        asked, ws = self._asked, self._context.ws

        def work() -> "DocumentDetail":
            from app.services.documents import tray

            found = tray.document(ws, document_id)
            tray.note_opened(ws, document_id)
            return found

        self._context.runner.run(
            self, work, lambda found: self._shown(asked, found), lambda error: self._failed(asked, error)
        )

    def _shown(self, asked: int, detail: "DocumentDetail") -> None:
        if asked != self._asked:
            return
        self.fetching.leave()
        self.detail, self._turns, self._marks = detail, dict(detail.rotation), ()
        self.canvas.clear()
        self._warn(detail.warnings)
        self.strip.set_count(detail.page_count)
        self._enable()
        self.document_shown.emit(detail)
        self.show_page(0)

    def show_page(self, page: int) -> None:
        """Show a page, from 0; numbers beyond the document are ignored."""
        if self.detail is None or not 0 <= page < self.detail.page_count:
            return
        from app.services.documents import reading

        self.page = page
        self.strip.set_page(page)
        self.place.setText(f"Page {page + 1} of {self.detail.page_count}")
        words = reading.page_text(self.detail.text, page)
        self.reading.setText(reading.TEXT_READ if words else reading.NO_TEXT)
        self.text.setPlainText(words or reading.NO_TEXT_WHY)
        self.canvas.set_rings([])
        self.canvas.setAccessibleName(f"Page {page + 1} of {self.detail.page_count}")
        self._waiting.start()
        self._draw(self.canvas.wanted_width())
        self.page_changed.emit(page)

    def step_page(self, steps: int) -> None:
        """Go forward (positive) or back."""
        self.show_page(self.page + steps)

    def page_words(self) -> str:
        """Return the text of the page shown; empty when it has none."""
        if self.detail is None:
            return ""
        from app.services.documents import reading

        return reading.page_text(self.detail.text, self.page)

    def set_marks(self, marks: "Sequence[PageMark]") -> None:
        """Ring where the reasons of a suggestion stand."""
        self._marks = tuple(marks)
        self._ring()

    def marks(self) -> "tuple[PageMark, ...]":
        """Return the rings of the suggestion shown."""
        return self._marks

    def show_reason(self, number: int) -> None:
        """Turn to the page where a reason stands and bring its ring into view."""
        mark = next((mark for mark in self._marks if mark.number == number), None)
        if mark is not None:
            if mark.page != self.page:
                self.show_page(mark.page)
            self.shown.set_value("page")
            self._choose_body()
            self.canvas.show_ring(number)

    def turn(self, degrees: int) -> None:
        """Turn the page shown; how it is turned is kept with the document, its bytes stay as they came."""
        if self.detail is None or not self.canvas.has_page():
            return
        page, document_id, ws = self.page, self.detail.id, self._context.ws
        turned = (self._turns.get(page, 0) + degrees) % 360
        self._turns[page] = turned
        self._draw(self.canvas.wanted_width())

        def work() -> None:
            from app.services.documents import tray

            tray.rotate(ws, document_id, page, turned)

        self._context.runner.run(self, work, lambda _none: None)

    # Inside

    def _draw(self, width: int) -> None:
        if self.detail is None:
            return
        if not self.detail.here:
            self._waiting.stop()
            self._look_again.start()
            self._fetch()
            return
        asked, page, sha256, ws = self._asked, self.page, self.detail.sha256, self._context.ws
        self._context.runner.run(
            self,
            lambda: ws.documents.pages.image(sha256, page, width),
            lambda picture: self._drawn(asked, page, picture),
            lambda error: self._not_drawn(asked, page, error),
            lane="cpu",
        )

    def _drawn(self, asked: int, page: int, picture: "Picture") -> None:
        if (asked, page) != (self._asked, self.page):
            return
        self._waiting.stop()
        self.canvas.set_page(to_image(picture), self._turns.get(page, 0))
        self._ring()
        self._choose_body()
        self._enable()

    def _not_drawn(self, asked: int, page: int, error: Exception) -> None:
        if (asked, page) != (self._asked, self.page):
            return
        from app.services.documents.store import ContentDamaged, ContentMissing

        self._waiting.stop()
        self.canvas.clear()
        if isinstance(error, ContentDamaged | ContentMissing) and self.detail is not None:
            self.detail = replace(self.detail, here=False)
            self._fetch()  # what is damaged here is whole in the central store
        else:
            self._say(self._words(error))

    def _fetch(self) -> None:
        if self.detail is not None:
            self.body.setCurrentWidget(self.fetching)
            self.fetching.show_for(self.detail)

    def _arrived(self, document_id: str) -> None:
        if self.detail is not None and self.detail.id == document_id:
            self._look_again.stop()
            self.detail = replace(self.detail, here=True)
            self.show_page(self.page)

    def _ask_again(self) -> None:
        detail = self.detail
        if detail is None or detail.here or not self.isVisible():
            return
        asked, sha256, ws = self._asked, detail.sha256, self._context.ws

        def answered(here: bool) -> None:
            if here and asked == self._asked:
                self._arrived(detail.id)

        self._context.runner.run(self, lambda: ws.documents.complete(sha256), answered, lambda _error: None, lane="cpu")

    def _failed(self, asked: int, error: Exception) -> None:
        if asked == self._asked:
            self.clear(self._words(error))
            self.gone.emit()

    def _words(self, error: Exception) -> str:
        if isinstance(error, RollcallError):
            return error.message
        self._context.report_error(error)
        return "This page cannot be shown."

    def _ring(self) -> None:
        self.canvas.set_rings([Ring(mark.number, mark.box) for mark in self._marks if mark.page == self.page])

    def _show_waiting(self) -> None:
        self.canvas.clear()
        self._enable()
        if self.shown.value() == "page":
            self._say(f"Drawing page {self.page + 1}")

    def _say(self, words: str) -> None:
        self.message.set_text(words)
        self.body.setCurrentWidget(self.message)

    def _choose_body(self) -> None:
        if self.detail is None:
            return
        if self.shown.value() == "text":
            self.body.setCurrentWidget(self.text)
        elif self.canvas.has_page():
            self.body.setCurrentWidget(self.canvas)

    def _enable(self) -> None:
        ready = self.detail is not None and self.canvas.has_page()
        for button in (self.turn_left, self.turn_right, self.zoom_in, self.zoom_out, self.fit):
            button.setEnabled(ready)
        self.shown.setEnabled(self.detail is not None)
        self.percent.setVisible(ready)

    def _warn(self, words: Sequence[str]) -> None:
        while (item := self.warnings.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        if words:
            self.warnings.addWidget(Banner("warn", " ".join(words)))
