"""The letters' fonts: which face prints a character, loaded when first needed, with their subsets kept between letters.

Liberation Sans prints English and most of Europe's names. A character it lacks falls to a Noto face of that script, and
Chinese and Japanese to Droid Sans Fallback, Korean to Nanum Gothic. Scripts whose letters join or stack are marked to
be shaped.
"""

import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.pdfdoc import PDFArray, PDFName
from reportlab.pdfbase.ttfonts import TTFont, TTFontFace

from app.paths import RESOURCES

FOLDER = RESOURCES / "fonts" / "letters"
MAIN = "LiberationSans"
WIDE = "NotoSans"
LAST = "DroidSansFallbackFull"
KOREAN = "NanumGothicCoding"
_ONE_WEIGHT = (LAST, KOREAN)

USUAL = "‘’“”–—•…£é"
"""In nearly every letter: put in every subset, so that the same subset serves letter after letter."""


@dataclass(frozen=True, slots=True)
class Script:
    """A block of characters and the family that prints it.

    Attributes:
        first, last: code points, inclusive.
        family: file name stem without weight.
        shaped: whether letters join, stack or reorder, so that a shaping engine must place them.
    """

    first: int
    last: int
    family: str
    shaped: bool


SCRIPTS = (
    Script(0x0530, 0x058F, "NotoSansArmenian", False),
    Script(0x0590, 0x05FF, "NotoSansHebrew", True),
    Script(0x0600, 0x06FF, "NotoSansArabic", True),
    Script(0x0750, 0x077F, "NotoSansArabic", True),
    Script(0x08A0, 0x08FF, "NotoSansArabic", True),
    Script(0x0900, 0x097F, "NotoSansDevanagari", True),
    Script(0x0980, 0x09FF, "NotoSansBengali", True),
    Script(0x0A00, 0x0A7F, "NotoSansGurmukhi", True),
    Script(0x0A80, 0x0AFF, "NotoSansGujarati", True),
    Script(0x0B80, 0x0BFF, "NotoSansTamil", True),
    Script(0x0D00, 0x0D7F, "NotoSansMalayalam", True),
    Script(0x0D80, 0x0DFF, "NotoSansSinhala", True),
    Script(0x0E00, 0x0E7F, "NotoSansThai", True),
    Script(0x10A0, 0x10FF, "NotoSansGeorgian", False),
    Script(0x1100, 0x11FF, KOREAN, False),
    Script(0x1200, 0x139F, "NotoSansEthiopic", False),
    Script(0x2D80, 0x2DDF, "NotoSansEthiopic", False),
    Script(0x3130, 0x318F, KOREAN, False),
    Script(0xAC00, 0xD7A3, KOREAN, False),
    Script(0xFB1D, 0xFB4F, "NotoSansHebrew", True),
    Script(0xFB50, 0xFDFF, "NotoSansArabic", True),
    Script(0xFE70, 0xFEFC, "NotoSansArabic", True),
)
_JOINERS = "\u200c\u200d"
_RIGHT_TO_LEFT = frozenset({"R", "AL"})


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that one face prints.

    Attributes:
        face: font file stem, such as "LiberationSans-Bold".
        shaped: whether a shaping engine must place its glyphs.
    """

    text: str
    face: str
    shaped: bool


class _KeptFace(TTFontFace):
    """A face that keeps the subsets it has made, compressed: most letters need the very same one."""

    @lru_cache(maxsize=64)  # noqa: B019  (faces live as long as the process)
    def makeSubset(self, subset: tuple[int, ...]) -> bytes:  # noqa: N802
        """Make a font program, or hand back the one made for the same characters before."""
        return bytes(super().makeSubset(list(subset)))

    def addSubsetObjects(self, doc: Any, fontname: str, subset: list[int]) -> Any:  # noqa: N802
        """Add the font program to a document, already compressed."""
        characters = tuple(subset)
        reference = super().addSubsetObjects(doc, fontname, characters)  # type: ignore[no-untyped-call]  # untyped there
        stream = doc.idToObject[f"fontFile:{self.filename}({fontname})"]
        stream.content, stream.filters = self._compressed(characters), []
        stream.dictionary["Filter"] = PDFArray([PDFName("FlateDecode")])
        return reference

    @lru_cache(maxsize=64)  # noqa: B019
    def _compressed(self, subset: tuple[int, ...]) -> bytes:
        return zlib.compress(self.makeSubset(subset))


@cache
def face(name: str) -> TTFont:
    """Return a face, loaded and registered with ReportLab on first use.

    Args:
        name: font file stem.
    """
    font = TTFont(name, str(FOLDER / f"{name}.ttf"), shapable=False, asciiReadable=True)
    font.face.__class__ = _KeptFace  # ReportLab makes the face itself and takes no factory
    pdfmetrics.registerFont(font)
    return font


@cache
def coverage(name: str) -> frozenset[int]:
    """Return the code points that a face can print."""
    return frozenset(face(name).face.charToGlyph)


@cache
def _plain(name: str) -> frozenset[str]:
    """Return the characters that a face prints one by one, with no other face and no shaping to think of."""
    return frozenset(
        chr(code)
        for code in coverage(name)
        if not any(script.first <= code <= script.last for script in SCRIPTS)
        and unicodedata.category(chr(code)) not in ("Mn", "Mc", "Me", "Cf")
    )


def weighted(family: str, bold: bool) -> str:
    """Return the file stem of a family in a weight; the East Asian ones have one weight only."""
    return family if family in _ONE_WEIGHT else f"{family}-{'Bold' if bold else 'Regular'}"


@lru_cache(maxsize=4096)
def pieces(text: str, bold: bool) -> tuple[Piece, ...]:
    """Split text into the fewest stretches that one face each can print.

    Args:
        text: NFC; a base character and its marks stay together.
        bold: weight.
    """
    main = weighted(MAIN, bold)
    if text.isascii() or _plain(main).issuperset(text):
        return (Piece(text, main, False),)
    found: list[Piece] = []
    for cluster in clusters(text):
        name, shaped = _face_for(cluster, bold)
        last = found[-1] if found else None
        if last is not None and last.face == name and last.shaped == shaped:
            found[-1] = Piece(last.text + cluster, name, shaped)
        else:
            found.append(Piece(cluster, name, shaped))
    return tuple(found)


def unprintable(text: str) -> str:
    """Return the characters of a text that no bundled face can print, each once."""
    bad: list[str] = []
    for piece in pieces(text, False):
        known = coverage(piece.face)
        for character in piece.text:
            if ord(character) not in known and character not in _JOINERS and character not in bad:
                bad.append(character)
    return "".join(bad)


def is_right_to_left(text: str) -> bool:
    """Return whether any letter of a text runs right to left."""
    return not text.isascii() and any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in text)


@lru_cache(maxsize=4096)
def clusters(text: str) -> tuple[str, ...]:
    """Return the characters of a text, each with the marks that belong to it."""
    return tuple(_clusters(text))


def _clusters(text: str) -> Iterator[str]:
    cluster = ""
    for character in text:
        if cluster and (unicodedata.category(character) in ("Mn", "Mc", "Me") or character in _JOINERS):
            cluster += character
            continue
        if cluster:
            yield cluster
        cluster = character
    if cluster:
        yield cluster


@lru_cache(maxsize=4096)
def _face_for(cluster: str, bold: bool) -> tuple[str, bool]:
    codes = [ord(character) for character in cluster if character not in _JOINERS] or [ord(cluster[0])]
    for script in SCRIPTS:
        if script.first <= codes[0] <= script.last:
            return weighted(script.family, bold), script.shaped
    # A mark that no single character carries must be placed over its letter; Noto Sans knows where.
    marked = len(codes) > 1
    for family in (WIDE, MAIN) if marked else (MAIN, WIDE, LAST):
        name = weighted(family, bold)
        if coverage(name).issuperset(codes):
            return name, marked
    return weighted(MAIN, bold), False
