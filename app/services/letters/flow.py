"""From blocks to pages: which line stands where. Nothing is drawn here.

Positions are in points from a page's left and top edges.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from app.services.letters.body import Written
from app.services.letters.lines import break_lines
from app.services.letters.measures import MARGIN, MM, TEXT_WIDTH, Measures
from app.services.letters.pen import Pen, Span

Role = Literal["H1", "H2", "P", "LI", "Form"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text.

    Attributes:
        left, baseline: on its page.
        block: lines of one block share a number, and so one element of the page's structure.
        bullet: whether a bullet stands before it.
        tick: whether an empty box stands before it.
        rule_from: where a line to write on begins; None for none.
    """

    left: float
    baseline: float
    spans: tuple[Span, ...]
    size: float
    role: Role
    block: int
    bullet: bool = False
    tick: bool = False
    rule_from: float | None = None


@dataclass(slots=True)
class Item:
    """A line not yet on a page.

    Attributes:
        gap: space above, dropped at the top of a page.
        height: of the line.
        ascent: from the line's top to its baseline.
        keep: whether the next item must stand on the same page.
    """

    line: Line
    gap: float
    height: float
    ascent: float
    keep: bool = False


@dataclass(slots=True)
class Page:
    """The lines of one page."""

    lines: list[Line] = field(default_factory=list)


class Flow:
    """Turns blocks into items, then items into pages."""

    def __init__(self, pen: Pen, measures: Measures) -> None:
        self._pen = pen
        self._m = measures
        self._items: list[Item] = []
        self._blocks = 0
        self._previous: str = ""

    def add(self, written: Written) -> None:
        """Add a block."""
        adders = {
            "subject": self._subject,
            "heading": self._heading,
            "bullet": self._bullet,
            "form_text": self._form_row,
            "form_line": self._form_row,
            "form_tick": self._form_row,
        }
        adders.get(written.kind, self._paragraph)(written)
        self._previous = written.kind
        self._blocks += 1

    def add_signature(self, closing: str, lines: list[tuple[Span, ...]]) -> None:
        """Add the closing words, room to sign, and who signs; all of it stays together."""
        start = len(self._items)
        if self._items:
            # The letter's last paragraph comes along, so that a signature never stands alone on a page.
            last = self._items[-1].line.block
            for item in self._items:
                item.keep = item.keep or item.line.block == last
        self._lines((Span(closing),), "P", gap=self._m.heading_gap)
        self._blocks += 1
        for number, spans in enumerate(lines):
            self._lines(spans, "P", gap=1.9 * self._m.leading if number == 0 else 0)
        for item in self._items[start:-1]:
            item.keep = True
        self._blocks += 1
        self._previous = "signature"

    def pages(self, first_top: float, next_top: float, foot: float, last_foot: float) -> list[Page]:
        """Fill pages.

        Args:
            first_top, next_top: where lines start on the first and on every other page.
            foot: the lowest that a line may reach.
            last_foot: the same on the last page, above the reply block.
        """
        pages: list[Page] = []
        waiting = list(self._items)
        while True:
            top = first_top if not pages else next_top
            if _height(waiting) <= last_foot - top:
                pages.append(_place(waiting, top))
                return pages
            count = _fitting(waiting, foot - top)
            pages.append(_place(waiting[:count], top))
            waiting = waiting[count:]

    def _paragraph(self, written: Written) -> None:
        gap = 0.12 * self._m.size if self._previous in ("subject", "heading") else self._m.paragraph_gap
        for number, spans in enumerate(written.lines):
            self._lines(spans, "P", gap=gap if number == 0 else 0)

    def _subject(self, written: Written) -> None:
        for spans in written.lines:
            self._lines(spans, "H1", gap=self._m.heading_gap, size=self._m.subject, keep=True)

    def _heading(self, written: Written) -> None:
        for spans in written.lines:
            self._lines(spans, "H2", gap=self._m.heading_gap, keep=True)

    def _bullet(self, written: Written) -> None:
        indent = 5.8 * MM * self._m.scale
        gap = 0.12 * self._m.size if self._previous == "bullet" else 0.35 * self._m.size
        for number, spans in enumerate(written.lines):
            self._lines(spans, "LI", gap=gap if number == 0 else 0, indent=indent, bullet=number == 0)

    def _form_row(self, written: Written) -> None:
        """Add a row of the form; a line to write on leaves room for handwriting."""
        tick = written.kind == "form_tick"
        indent = 7.5 * MM * self._m.scale if tick else 0.0
        rule = written.kind == "form_line"
        gap = 0.75 * self._m.size if rule else 0.45 * self._m.size
        start = len(self._items)
        for number, spans in enumerate(written.lines):
            self._lines(spans, "Form", gap=gap if number == 0 else 0, indent=indent, tick=tick and number == 0)
        if rule:
            self._add_rule(self._items[-1])
        # A form comes back on one page, so it stays together, with the code under it.
        for item in self._items[start:]:
            item.keep = True

    def _add_rule(self, item: Item) -> None:
        line = item.line
        used = sum(self._pen.width(span.text, span.bold, line.size) for span in line.spans)
        begin = line.left + used + 2 * MM
        if TEXT_WIDTH + MARGIN - begin < 50 * MM:
            # Too little room beside a long label: the writing line goes below it.
            empty = Line(MARGIN, 0, (), line.size, "Form", line.block, rule_from=MARGIN)
            self._items.append(Item(empty, 0.3 * self._m.size, self._m.leading, self._ascent(line.size)))
            item.keep = True
            return
        item.line = replace(line, rule_from=begin)

    def _lines(
        self,
        spans: tuple[Span, ...],
        role: Role,
        *,
        gap: float,
        size: float | None = None,
        indent: float = 0.0,
        bullet: bool = False,
        tick: bool = False,
        keep: bool = False,
    ) -> None:
        size = size or self._m.size
        broken = break_lines(self._pen, spans, size, TEXT_WIDTH - indent)
        for number, line in enumerate(broken):
            # No page begins or ends with a single line of a paragraph.
            alone = number == 0 or number == len(broken) - 2
            made = Line(
                MARGIN + indent,
                0,
                tuple(line),
                size,
                role,
                self._blocks,
                bullet=bullet and number == 0,
                tick=tick and number == 0,
            )
            height = 1.4 * size if role != "H1" else 1.3 * size
            kept = keep or (alone and number < len(broken) - 1)
            self._items.append(Item(made, gap if number == 0 else 0, height, self._ascent(size), kept))

    def _ascent(self, size: float) -> float:
        return 1.02 * size


def _height(items: list[Item]) -> float:
    return sum(item.gap * (number > 0) + item.height for number, item in enumerate(items))


def _fitting(items: list[Item], room: float) -> int:
    """Return how many items go on a page that is not the last; at least one, and at least one stays behind."""
    used = 0.0
    allowed = 0
    for number, item in enumerate(items[:-1]):
        used += item.gap * (number > 0) + item.height
        if used > room:
            break
        if not item.keep:
            allowed = number + 1
    if allowed:
        return allowed
    # Everything here wants to stay together and does not fit: fill this page, and leave a few lines for the next.
    used = 0.0
    fits = 0
    for number, item in enumerate(items):
        used += item.gap * (number > 0) + item.height
        if used > room:
            break
        fits = number + 1
    return max(1, min(fits, len(items) - min(4, len(items) // 2 or 1)))


def _place(items: list[Item], top: float) -> Page:
    page = Page()
    y = top
    for number, item in enumerate(items):
        y += item.gap * (number > 0)
        page.lines.append(replace(item.line, baseline=y + item.ascent))
        y += item.height
    return page
