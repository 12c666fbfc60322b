"""Breaking words into lines: ragged right, nothing hyphenated, nothing clipped."""

from app.services.letters import fonts
from app.services.letters.merge import NO_BREAK
from app.services.letters.pen import Pen, Span

_GOOD_BREAKS = "@/.-_"

Word = tuple[Span, ...]


def break_lines(pen: Pen, spans: tuple[Span, ...], size: float, width: float) -> list[list[Span]]:
    """Return the lines that words take in a column.

    Args:
        pen: measures.
        spans: a paragraph in reading order.
        size: points.
        width: of the column, in points. A longer word is broken, at a sign if it has one, rather than clipped.

    Returns:
        At least one line; each a list of spans in reading order.
    """
    lines: list[list[Span]] = []
    line: list[Span] = []
    used = 0.0
    for gap, word in _words(spans):
        needed = _width(pen, word, size)
        space = pen.width(" ", gap.bold, size) if gap is not None and line else 0.0
        if line and used + space + needed > width:
            lines.append(line)
            line, used, space = [], 0.0, 0.0
        while not line and needed > width and len("".join(part.text for part in word)) > 1:
            head, word = _split(pen, word, size, width)
            lines.append(list(head))
            needed = _width(pen, word, size)
        if line and gap is not None:
            _append(line, gap)
        for part in word:
            _append(line, part)
        used += space + needed
    if line or not lines:
        lines.append(line)
    return lines


def _words(spans: tuple[Span, ...]) -> list[tuple[Span | None, Word]]:
    """Return each word with the space before it, which belongs to the span it is typed in."""
    words: list[tuple[Span | None, Word]] = []
    parts: list[Span] = []
    gap: Span | None = None
    for span in spans:
        pieces = span.text.split(" ")
        for number, piece in enumerate(pieces):
            if number > 0:
                if parts:
                    words.append((gap, tuple(parts)))
                    parts = []
                gap = Span(" ", span.bold, span.field, span.missing)
            if piece:
                parts.append(Span(piece, span.bold, span.field, span.missing))
    if parts:
        words.append((gap, tuple(parts)))
    return words


def _append(line: list[Span], span: Span) -> None:
    last = line[-1] if line else None
    if last is not None and (last.bold, last.field, last.missing) == (span.bold, span.field, span.missing):
        line[-1] = Span(last.text + span.text, span.bold, span.field, span.missing)
    else:
        line.append(span)


def _width(pen: Pen, word: Word, size: float) -> float:
    return sum(pen.width(part.text, part.bold, size) for part in word)


def _split(pen: Pen, word: Word, size: float, width: float) -> tuple[Word, Word]:
    """Split a word that is wider than the column, after the last sign that fits, else where the column ends."""
    head: list[Span] = []
    used = 0.0
    for number, part in enumerate(word):
        whole = pen.width(part.text, part.bold, size)
        if used + whole <= width:
            head.append(part)
            used += whole
            continue
        clusters = fonts.clusters(part.text)
        fits = 0
        for count in range(1, len(clusters) + 1):
            if used + pen.width("".join(clusters[:count]), part.bold, size) > width:
                break
            fits = count
        good = max((i + 1 for i in range(fits) if clusters[i][0] in _GOOD_BREAKS + NO_BREAK), default=0)
        cut = good or fits or (0 if head else 1)
        first, rest = "".join(clusters[:cut]), "".join(clusters[cut:])
        if first:
            head.append(Span(first, part.bold, part.field, part.missing))
        tail = [Span(rest, part.bold, part.field, part.missing)] if rest else []
        return tuple(head), (*tail, *word[number + 1 :])
    return tuple(head), ()
