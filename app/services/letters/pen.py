"""Measures and draws words for one document: font fallback, shaping and both writing directions."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bidi import algorithm as bidi
from bidi.mirror import MIRRORED
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import ShapedStr, TTFont, shapeStr
from reportlab.pdfgen.canvas import Canvas

from app.services.letters import fonts

_DROPPED = frozenset({"BN", "LRE", "RLE", "LRO", "RLO", "PDF"})


@dataclass(frozen=True, slots=True)
class Span:
    """Words of one weight and one origin.

    Attributes:
        field: the merge field the words came from; None for the template's own.
        missing: whether the words only stand for a value that is not there yet.
    """

    text: str
    bold: bool = False
    field: str | None = None
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """A span's place on its line, in points from the line's left end."""

    span: Span
    left: float
    width: float


@lru_cache(maxsize=16384)
def plain_width(text: str, name: str) -> float:
    """Return the width at size 1."""
    fonts.face(name)
    return float(pdfmetrics.stringWidth(text, name, 1))


class Pen:
    """Draws on one canvas. Not shared between documents.

    A shaped face is loaded afresh for every document: ReportLab numbers shaped glyphs in the order it meets them, and
    the same letter must give the same bytes whatever was drawn before it.
    """

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._shaped_faces: dict[str, TTFont] = {}
        self._shaped: dict[tuple[str, str], ShapedStr] = {}
        for name in (fonts.weighted(fonts.MAIN, False), fonts.weighted(fonts.MAIN, True)):
            # ReportLab offers no public name for the document that a font's subset belongs to.
            fonts.face(name).splitString(fonts.USUAL, vars(canvas)["_doc"])

    def width(self, text: str, bold: bool, size: float) -> float:
        """Return the width of text in points."""
        return size * sum(self._piece_width(piece) for piece in fonts.pieces(text, bold))

    def draw(self, left: float, baseline: float, spans: list[Span], size: float) -> list[Placed]:
        """Draw one line.

        Args:
            left: points from the page's left edge.
            baseline: points from the page's foot.
            spans: in reading order.
            size: points.

        Returns:
            Where each span went; a span that both directions split appears more than once.
        """
        text = self._canvas.beginText()
        text.setTextOrigin(left, baseline)
        placed: list[Placed] = []
        offset = 0.0
        for span, backwards in _in_visual_order(spans):
            width = self._draw_span(text, span, backwards, size)
            placed.append(Placed(span, offset, width))
            offset += width
        self._canvas.drawText(text)
        return placed

    def close(self) -> None:
        """Let go of the faces loaded for this document; call after the canvas is saved."""
        for font in self._shaped_faces.values():
            font.unregister()
        self._shaped_faces.clear()

    def _piece_width(self, piece: fonts.Piece) -> float:
        if not piece.shaped:
            return plain_width(piece.text, piece.face)
        shape = self._shape(piece)
        return float(sum(glyph.x_advance for glyph in vars(shape)["__shapeData__"])) / 1000

    def _shape(self, piece: fonts.Piece) -> ShapedStr:
        key = (piece.text, piece.face)
        if key not in self._shaped:
            name = f"shaped-{piece.face}"
            if name not in self._shaped_faces:
                font = TTFont(name, str(fonts.FOLDER / f"{piece.face}.ttf"), asciiReadable=False)
                # Two names for one face file: ReportLab would hand back the first one registered.
                font.face.name = name.encode("ascii")
                pdfmetrics.registerFont(font)
                self._shaped_faces[name] = font
            self._shaped[key] = shapeStr(piece.text, name, 1000, force=True)
        return self._shaped[key]

    def _draw_span(self, text: Any, span: Span, backwards: bool, size: float) -> float:
        """Draw one span where the text stands, and return its width."""
        width = 0.0
        drawn = fonts.pieces(span.text, span.bold)
        shaped = any(piece.shaped for piece in drawn)
        if shaped:
            # Shaped glyphs have numbers of their own: the words stand beside them for search and screen readers.
            text._code.append(f"/Span <</ActualText <{_utf16(span.text)}>>> BDC")
        for piece in reversed(drawn) if backwards else drawn:
            if piece.shaped:
                glyphs = self._shape(piece)
                text.setFont(f"shaped-{piece.face}", size)
                text.textOut(glyphs)
            else:
                fonts.face(piece.face)
                text.setFont(piece.face, size)
                text.textOut(_mirrored(piece.text) if backwards else piece.text)
            width += size * self._piece_width(piece)
        if shaped:
            text._code.append("EMC")
        return width


def _utf16(text: str) -> str:
    return "FEFF" + text.encode("utf-16-be").hex().upper()


def _in_visual_order(spans: list[Span]) -> list[tuple[Span, bool]]:
    """Return the spans of one line from left to right, each with whether its own text runs backwards.

    The line itself is English, so its base direction is left to right (Unicode Standard Annex 9, rule L2).
    """
    line = "".join(span.text for span in spans)
    if not fonts.is_right_to_left(line):
        return [(span, False) for span in spans]
    cut = _cut_by_level(spans, _levels(line))
    for floor in range(max(level for level, _ in cut), 0, -1):
        cut = _reversed_from(floor, cut)
    return [(span, level % 2 == 1) for level, span in cut]


def _cut_by_level(spans: list[Span], levels: list[int]) -> list[tuple[int, Span]]:
    cut: list[tuple[int, Span]] = []
    position = 0
    for span in spans:
        start = 0
        for i in range(1, len(span.text) + 1):
            if i == len(span.text) or levels[position + i] != levels[position + start]:
                words = span.text[start:i]
                cut.append((levels[position + start], Span(words, span.bold, span.field, span.missing)))
                start = i
        position += len(span.text)
    return cut


def _reversed_from(floor: int, cut: list[tuple[int, Span]]) -> list[tuple[int, Span]]:
    """Turn round every unbroken row of spans whose level is at least the floor."""
    result: list[tuple[int, Span]] = []
    row: list[tuple[int, Span]] = []
    for item in cut:
        if item[0] >= floor:
            row.insert(0, item)
            continue
        result += [*row, item]
        row = []
    return result + row


def _mirrored(text: str) -> str:
    """Return text backwards with its brackets turned, as it stands among words that run right to left."""
    return "".join(MIRRORED.get(character, character) for character in reversed(text))


def _levels(line: str) -> list[int]:
    storage = bidi.get_empty_storage()
    storage["base_level"], storage["base_dir"] = 0, "L"
    # A character newer than Python's tables has no direction there; the algorithm wants one of every character.
    bidi.get_embedding_levels("".join(c if unicodedata.bidirectional(c) else "x" for c in line), storage)
    bidi.explicit_embed_and_overrides(storage)
    bidi.resolve_weak_types(storage)
    bidi.resolve_neutral_types(storage, False)
    bidi.resolve_implicit_levels(storage, False)
    # The algorithm drops joiners and other marks without a direction; each takes the level of what stands before it.
    known = iter(character["level"] for character in storage["chars"])
    levels: list[int] = []
    for character in line:
        dropped = unicodedata.bidirectional(character) in _DROPPED
        levels.append((levels[-1] if levels else 0) if dropped else next(known))
    return levels
