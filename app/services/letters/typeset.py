"""Typesets a letter: from values and blocks to the bytes of a PDF, the same bytes for the same values."""

import io
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from reportlab import rl_config
from reportlab.lib.colors import Color, HexColor
from reportlab.pdfgen.canvas import Canvas

from app.services.letters import body, crest, fonts, merge, qr
from app.services.letters import measures as m
from app.services.letters.flow import Flow, Line, Page
from app.services.letters.lines import break_lines
from app.services.letters.measures import MARGIN, MM, PAGE_HEIGHT, PAGE_WIDTH, TEXT_WIDTH, Measures
from app.services.letters.pen import Pen, Span, plain_width
from app.services.letters.tags import Element, Tags

BLACK = HexColor("#000000")
COUNCIL = HexColor("#173F5F")
DRAFT_WORDS = "Draft, not approved"
_REFERENCE = (
    ("Date", "date_of_letter"),
    ("Our ref", "doc_ref"),
    ("Contact", "officer_name"),
    ("Phone", "officer_phone"),
    ("Email", "team_email"),
)
# Page content as binary: ReportLab's text armour takes longer than drawing the page, and no printer needs it any more.
rl_config.useA85 = 0
# ReportLab's fonts are registered for the whole process and remember the document they are drawing for.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class Content:
    """Everything that decides how a letter looks.

    Attributes:
        values: merge field to text; ``recipient_address`` has lines.
        blocks: of the body, from ``body.blocks``.
        code: what the QR code says.
        points: size of the text; 12, 16 or 18.
        draft: whether the header says so.
        marking: a classification for letters to partners; empty for none.
        title: of the document.
        named: whether the reader is greeted by name, which decides how the letter closes.
        dated_on: the day that the file says it was made; a wall clock there would change the bytes each time.
    """

    values: Mapping[str, str]
    blocks: tuple[body.Block, ...]
    code: str
    points: int = 12
    draft: bool = False
    marking: str = ""
    title: str = ""
    named: bool = True
    dated_on: date | None = None


@dataclass(frozen=True, slots=True)
class FieldBox:
    """Where a value stands: for tinting it, and for jumping to its field.

    Attributes:
        page: from 0.
        left, top, width, height: in points from the page's left and top edges.
        missing: whether only a stand-in is printed.
    """

    page: int
    field: str
    left: float
    top: float
    width: float
    height: float
    missing: bool


@dataclass(frozen=True, slots=True)
class Typeset:
    """A letter ready to be shown or sent.

    Attributes:
        unprintable: characters that no bundled font has.
        missing: fields printed as stand-ins, in order.
        text: the words, for search.
    """

    pdf: bytes
    page_count: int
    boxes: tuple[FieldBox, ...]
    missing: tuple[str, ...]
    unprintable: str
    text: str


def typeset(content: Content) -> Typeset:
    """Typeset a letter. Safe to call from any thread; letters are set one at a time."""
    with _ONE_AT_A_TIME:
        setter = _Setter(content)
        try:
            return setter.set()
        finally:
            setter.close()


def forget_words() -> None:
    """Drop the words remembered from letters, as a locked vault must not leave names in memory that are not needed."""
    for remembered in (fonts.pieces, fonts.clusters, merge.keep_together, qr.modules, plain_width):
        remembered.cache_clear()


class _Setter:
    """One letter on one canvas."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._values = content.values
        self._m = Measures(content.points)
        self._bytes = io.BytesIO()
        main = fonts.face(fonts.weighted(fonts.MAIN, False))
        self._canvas = Canvas(
            self._bytes,
            pagesize=(PAGE_WIDTH, PAGE_HEIGHT),
            invariant=1,
            pageCompression=1,
            lang="en-GB",
            # Else ReportLab begins each page with Helvetica, which is not embedded; its stub has the type wrong.
            initialFontName=main.fontName,  # type: ignore[arg-type]
        )
        self._pen = Pen(self._canvas)
        self._tags = Tags(self._canvas)
        self._boxes: list[FieldBox] = []
        self._words: list[str] = []
        self._page = 0

    def set(self) -> Typeset:
        """Lay the letter out, draw it and return it."""
        self._describe()
        reply_height, reply_lines = self._reply_block()
        top = self._draw_head()
        pages = self._flow().pages(
            top, MARGIN, PAGE_HEIGHT - MARGIN, PAGE_HEIGHT - self._m.reply_foot - reply_height - 5 * MM
        )
        elements: dict[int, Element] = {}
        for number, page in enumerate(pages):
            if number:
                self._canvas.showPage()
                self._tags.next_page()
                self._page = number
                self._draw_running_head()
            self._draw_page(page, elements)
            if number == len(pages) - 1:
                self._draw_reply_block(reply_height, reply_lines)
            self._draw_foot(number + 1, len(pages))
        self._canvas.showPage()
        self._tags.finish(len(pages))
        self._canvas.save()
        text = "\n".join(self._words)
        return Typeset(
            pdf=self._bytes.getvalue(),
            page_count=len(pages),
            boxes=tuple(self._boxes),
            missing=tuple(dict.fromkeys(box.field for box in self._boxes if box.missing)),
            unprintable=fonts.unprintable(text.replace("\n", " ")),
            text=text,
        )

    def close(self) -> None:
        """Let go of what was loaded for this letter alone."""
        self._pen.close()

    def _describe(self) -> None:
        self._canvas.setTitle(self._content.title)
        self._canvas.setAuthor(self._values.get("council_name", ""))
        self._canvas.setSubject(self._values.get("doc_ref", ""))
        self._canvas.setCreator("Rollcall")
        self._canvas.setViewerPreference("DisplayDocTitle", "true")
        day = self._content.dated_on
        if day is not None:
            canvas: Any = self._canvas
            canvas._doc._timeStamp.YMDhms = (day.year, day.month, day.day, 0, 0, 0)

    def _flow(self) -> Flow:
        flow = Flow(self._pen, self._m)
        greeting = (Span("Dear "), body.value_span("salutation", self._values))
        flow.add(body.Written("paragraph", (greeting,)))
        written = body.write(self._content.blocks, self._values)
        signed = False
        for block in written:
            if block.kind == "signature":
                self._sign(flow)
                signed = True
            else:
                flow.add(block)
        if not signed:
            self._sign(flow)
        return flow

    def _sign(self, flow: Flow) -> None:
        closing = "Yours sincerely" if self._content.named else "Yours faithfully"
        name = (body.value_span("officer_name", self._values),)
        role = (body.value_span("officer_role", self._values),)
        flow.add_signature(closing, [name, role])

    # The head of the first page

    def _draw_head(self) -> float:
        """Draw the head and return where the letter may start, in points from the top."""
        self._draw_running_head()
        size = self._m.council
        self._tags.begin(self._tags.element("Figure", alternative=crest.crest().title))
        width = crest.draw(self._canvas, MARGIN, PAGE_HEIGHT - m.HEADER_TOP, self._m.crest_height)
        self._tags.end()
        left = MARGIN + width + 5 * MM
        room = PAGE_WIDTH - MARGIN - left
        rows = [
            (line, size, COUNCIL)
            for line in self._broken(body.value_span("council_name", self._values, bold=True), size, room)
        ] + [
            (line, float(self._m.size), BLACK)
            for line in self._broken(body.value_span("service_name", self._values), self._m.size, room)
        ]
        height = sum(1.25 * row_size for _, row_size, _ in rows)
        y = m.HEADER_TOP + max(0.0, (self._m.crest_height - height) / 2)
        element = self._tags.element("P")
        for line, row_size, colour in rows:
            self._draw_line(element, left, y + row_size, line, row_size, colour)
            y += 1.25 * row_size
        below = max(y, m.HEADER_TOP + self._m.crest_height)
        return self._draw_large_head(below) if self._m.large else self._draw_window(below)

    def _draw_window(self, below: float) -> float:
        """Draw the address for the window of a DL envelope, and the reference block beside it."""
        top = max(m.ADDRESS_TOP, below + 6 * MM)
        address = self._draw_address(top, m.ADDRESS_WIDTH)
        reference = self._draw_reference(top, m.REFERENCE_LEFT, m.REFERENCE_VALUE_LEFT)
        return max(address, reference) + self._m.leading

    def _draw_large_head(self, below: float) -> float:
        """Draw the reference block, and the address under it, in one column."""
        labels = [self._pen.width(label, True, self._m.size) for label, _ in _REFERENCE]
        reference = self._draw_reference(below + self._m.leading, MARGIN, MARGIN + max(labels) + 4 * MM)
        return self._draw_address(reference + self._m.leading, TEXT_WIDTH) + self._m.leading

    def _draw_address(self, top: float, width: float) -> float:
        element = self._tags.element("P")
        y = self._draw_rows(element, top, MARGIN, width, body.value_span("recipient_name", self._values))
        lines = self._values.get("recipient_address", "").splitlines() or [""]
        for line in lines:
            span = body.value_span("recipient_address", {"recipient_address": line})
            y = self._draw_rows(element, y, MARGIN, width, span)
        return y

    def _draw_reference(self, top: float, left: float, value_left: float) -> float:
        y = top
        for label, name in _REFERENCE:
            element = self._tags.element("P")
            self._draw_line(element, left, y + self._m.size, [Span(label, bold=True)], self._m.size)
            width = PAGE_WIDTH - MARGIN - value_left
            y = self._draw_rows(element, y, value_left, width, body.value_span(name, self._values))
        return y

    def _draw_rows(self, element: Element, top: float, left: float, width: float, span: Span) -> float:
        for line in self._broken(span, self._m.size, width):
            self._draw_line(element, left, top + self._m.size, line, self._m.size)
            top += self._m.leading
        return top

    def _broken(self, span: Span, size: float, width: float) -> list[list[Span]]:
        return break_lines(self._pen, (span,), size, width)

    # Every page

    def _draw_running_head(self) -> None:
        """Say in the header line what a draft is, and how a partner's letter is marked."""
        words = [word for word in (self._content.marking, DRAFT_WORDS if self._content.draft else "") if word]
        if words:
            self._tags.begin_artifact()
            line = [Span(". ".join(words), bold=True)]
            self._draw_plain(MARGIN, m.DRAFT_BASELINE, line, self._m.size)
            self._tags.end()

    def _draw_foot(self, number: int, count: int) -> None:
        self._tags.begin_artifact()
        baseline = PAGE_HEIGHT - m.FOOTER_BASELINE
        self._draw_plain(MARGIN, baseline, [body.value_span("doc_ref", self._values)], self._m.size)
        words = f"Page {number} of {count}"
        right = PAGE_WIDTH - MARGIN - self._pen.width(words, False, self._m.size)
        self._draw_plain(right, baseline, [Span(words)], self._m.size)
        self._tags.end()

    def _draw_page(self, page: Page, elements: dict[int, Element]) -> None:
        list_element: Element | None = None
        for line in page.lines:
            if line.role == "LI":
                list_element = list_element or self._tags.element("L")
                item = elements.get(line.block) or self._tags.element("LI", list_element)
                elements[line.block] = item
                self._draw_body_line(self._tags.element("LBody", item), line)
                continue
            list_element = None
            role = "P" if line.role == "Form" else line.role
            if line.block not in elements:
                elements[line.block] = self._tags.element(role)
            self._draw_body_line(elements[line.block], line)

    def _draw_body_line(self, element: Element, line: Line) -> None:
        if line.bullet:
            self._tags.begin_artifact()
            self._draw_plain(line.left - 4 * MM * self._m.scale, line.baseline, [Span("•")], line.size)
            self._tags.end()
        if line.tick or line.rule_from is not None:
            self._tags.begin_artifact()
            self._draw_form_marks(line)
            self._tags.end()
        if line.spans:
            self._draw_line(element, line.left, line.baseline, list(line.spans), line.size)

    def _draw_form_marks(self, line: Line) -> None:
        self._canvas.setStrokeColor(BLACK)
        self._canvas.setLineWidth(0.8)
        foot = PAGE_HEIGHT - line.baseline
        if line.tick:
            side = 1.05 * line.size
            self._canvas.rect(MARGIN + 0.4, foot - 0.15 * line.size, side, side, stroke=1, fill=0)
        if line.rule_from is not None:
            self._canvas.line(line.rule_from, foot - 2, PAGE_WIDTH - MARGIN, foot - 2)

    # The reply block

    def _reply_block(self) -> tuple[float, list[list[Span]]]:
        words = (
            Span("Replying by post?", bold=True),
            Span(" Send this page back with your reply to "),
            body.value_span("office_address", self._values),
            Span(
                ". The code helps us put it with the right case. It holds a reference number and no personal details."
            ),
        )
        lines = break_lines(self._pen, words, self._m.size, TEXT_WIDTH - self._reply_indent())
        return max(self._m.qr_side, len(lines) * self._m.leading), lines

    def _reply_indent(self) -> float:
        return self._m.qr_side + 5 * MM

    def _draw_reply_block(self, height: float, lines: list[list[Span]]) -> None:
        foot = self._m.reply_foot
        self._tags.begin_artifact()
        self._canvas.setStrokeColor(COUNCIL)
        self._canvas.setLineWidth(1)
        self._canvas.line(MARGIN, foot + height + 5 * MM, PAGE_WIDTH - MARGIN, foot + height + 5 * MM)
        self._tags.end()
        self._tags.begin(self._tags.element("Figure", alternative=f"Code for {self._values.get('doc_ref', '')}"))
        self._canvas.setFillColor(BLACK)
        qr_foot = foot + (height - self._m.qr_side) / 2
        qr.draw(self._canvas, self._content.code, MARGIN, qr_foot, self._m.qr_side)
        self._tags.end()
        element = self._tags.element("P")
        y = PAGE_HEIGHT - foot - height / 2 - len(lines) * self._m.leading / 2
        for line in lines:
            self._draw_line(element, MARGIN + self._reply_indent(), y + 1.02 * self._m.size, line, self._m.size)
            y += self._m.leading

    # One line

    def _draw_line(
        self, element: Element, left: float, baseline: float, spans: list[Span], size: float, colour: Color = BLACK
    ) -> None:
        self._words.append("".join(span.text for span in spans))
        self._tags.begin(element)
        self._draw_plain(left, baseline, spans, size, colour)
        self._tags.end()

    def _draw_plain(self, left: float, baseline: float, spans: list[Span], size: float, colour: Color = BLACK) -> None:
        self._canvas.setFillColor(colour)
        for placed in self._pen.draw(left, PAGE_HEIGHT - baseline, spans, size):
            if placed.span.field is not None:
                box = FieldBox(
                    self._page,
                    placed.span.field,
                    left + placed.left,
                    baseline - 0.95 * size,
                    placed.width,
                    1.25 * size,
                    placed.span.missing,
                )
                self._boxes.append(box)
