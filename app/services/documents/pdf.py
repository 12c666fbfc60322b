"""Reading PDF files, inside the parsing worker: checks, text with places, page images.

PDFium draws and reads; it is built without a script engine, so nothing in a file can run. pikepdf tells whether a
file is whole and what it carries besides pages.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium

from app.services.documents import limits
from app.services.documents.protocol import Box, FileProblemError, PageWords, Picture, Problem, Word

_GRID = 100_000  # PDFium maps page space to a device of whole units; this many keep five digits
_TAIL_BYTES = 4096
_HYPHEN_AT_LINE_END = "\x02"


def open_checked(data: bytes) -> tuple["pypdfium2.PdfDocument", list[str]]:
    """Open a file that has just arrived.

    Returns:
        The document, and what it carries besides pages: ``script``, ``launch``, ``attachment``, ``repaired``.

    Raises:
        FileProblemError: locked, cut short, damaged, or with too many pages.
    """
    flags: list[str] = []
    try:
        with pikepdf.open(BytesIO(data), attempt_recovery=False, suppress_warnings=True) as whole:
            flags = _carried(whole)
    except pikepdf.PasswordError as error:
        raise FileProblemError(Problem.LOCKED) from error
    except Exception as error:
        # Many senders' PDFs are a little wrong and still whole; one without its end is not.
        if b"%%EOF" not in data[-_TAIL_BYTES:]:
            raise FileProblemError(Problem.CUT_SHORT) from error
        flags = ["repaired"]
    document = open_document(data)
    count = len(document)
    if count > limits.MAX_PAGES:
        raise FileProblemError(Problem.TOO_MANY_PAGES, f"{count:,}")
    if count == 0:
        raise FileProblemError(Problem.NO_PAGES)
    return document, flags


def open_document(data: bytes) -> "pypdfium2.PdfDocument":
    """Open a file with PDFium.

    Raises:
        FileProblemError: locked or damaged.
    """
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = getattr(error, "err_code", None) == pdfium.FPDF_ERR_PASSWORD or "password" in str(error).lower()
        raise FileProblemError(Problem.LOCKED if locked else Problem.DAMAGED) from error


def grey(document: "pypdfium2.PdfDocument", number: int, width: int) -> Any:
    """Draw a page as a grey Pillow image, for finding QR codes."""
    with _drawn(document, number, width, grayscale=True) as bitmap:
        return bitmap.to_pil().copy()


def picture(document: "pypdfium2.PdfDocument", number: int, width: int) -> Picture:
    """Draw a page in colour, ``width`` pixels wide or less when it would be very long."""
    with _drawn(document, number, width, rev_byteorder=True, prefer_bgrx=True, maybe_alpha=False) as bitmap:
        return Picture(bitmap.width, bitmap.height, bytes(bitmap.buffer))


@contextmanager
def _drawn(document: "pypdfium2.PdfDocument", number: int, width: int, **options: bool) -> Iterator[Any]:
    page = _page(document, number)
    try:
        across, down = page.get_size()
        scale = width / max(across, 1)
        area = across * down * scale * scale
        if area > limits.MAX_DRAWN_PIXELS:
            scale *= (limits.MAX_DRAWN_PIXELS / area) ** 0.5
        bitmap = page.render(scale=scale, **options)
        try:
            yield bitmap
        finally:
            bitmap.close()
    except pypdfium2.PdfiumError as error:
        raise FileProblemError(Problem.DAMAGED, str(number + 1)) from error
    finally:
        page.close()


def words(document: "pypdfium2.PdfDocument", number: int) -> PageWords:
    """Read a page's text layer, its words separated by single spaces and its lines by line feeds."""
    page = _page(document, number)
    try:
        text_page = page.get_textpage()
        try:
            return _collect(page, text_page)
        finally:
            text_page.close()
    except pypdfium2.PdfiumError as error:
        raise FileProblemError(Problem.DAMAGED, str(number + 1)) from error
    finally:
        page.close()


def _page(document: "pypdfium2.PdfDocument", number: int) -> Any:
    try:
        return document[number]
    except (pypdfium2.PdfiumError, IndexError) as error:
        raise FileProblemError(Problem.DAMAGED, str(number + 1)) from error


def _collect(page: Any, text_page: Any) -> PageWords:
    """Walk the characters; PDFium puts generated spaces and line ends between them."""
    place = _Place(page)
    text: list[str] = []
    found: list[Word] = []
    length, started = 0, -1
    box: Box | None = None
    separator = ""
    for index in range(min(text_page.count_chars(), limits.MAX_PAGE_CHARACTERS)):
        char = chr(pdfium.FPDFText_GetUnicode(text_page, index) or 0xFFFD)
        if char == _HYPHEN_AT_LINE_END:
            char = "-"
        if char.isspace() or not char.isprintable():
            if box is not None:
                found.append(Word(started, length, box))
                box = None
            if length:
                separator = "\n" if char in "\r\n" or separator == "\n" else " "
            continue
        if separator:
            text.append(separator)
            length += 1
            separator = ""
        if box is None:
            started = length
        box = _around(box, place.of(text_page, index))
        text.append(char)
        length += 1
    if box is not None:
        found.append(Word(started, length, box))
    return PageWords("".join(text), found)


class _Place:
    """Turns PDFium's page coordinates into shares of the page as it is shown (turned and cropped)."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._x, self._y = ctypes.c_int(), ctypes.c_int()
        self._sides = [ctypes.c_double() for _ in range(4)]

    def of(self, text_page: Any, index: int) -> Box:
        left, right, bottom, top = self._sides
        pdfium.FPDFText_GetCharBox(text_page, index, left, right, bottom, top)
        corners = [self._shown(left.value, top.value), self._shown(right.value, bottom.value)]
        across, down = sorted(x for x, _ in corners), sorted(y for _, y in corners)
        return across[0], down[0], across[1], down[1]

    def _shown(self, x: float, y: float) -> tuple[float, float]:
        pdfium.FPDF_PageToDevice(self._page, 0, 0, _GRID, _GRID, 0, x, y, self._x, self._y)
        return _share(self._x.value), _share(self._y.value)


def _share(units: int) -> float:
    return min(1.0, max(0.0, units / _GRID))


def _around(box: Box | None, added: Box) -> Box:
    if box is None:
        return added
    return min(box[0], added[0]), min(box[1], added[1]), max(box[2], added[2]), max(box[3], added[3])


def _carried(whole: "pikepdf.Pdf") -> list[str]:
    """Tell what a file carries that Rollcall never runs or opens."""
    found: set[str] = set()
    for number, thing in enumerate(whole.objects):
        if number >= limits.MAX_PDF_OBJECTS_LOOKED_AT:
            break
        if isinstance(thing, pikepdf.Dictionary | pikepdf.Stream):
            _look_at(thing, found, 0)
    return sorted(found)


def _look_at(thing: Any, found: set[str], depth: int) -> None:
    """Note actions of a dictionary and of the direct dictionaries inside it."""
    action = thing.get("/S")
    if action == "/JavaScript" or "/JS" in thing:
        found.add("script")
    if action == "/Launch":
        found.add("launch")
    if "/EF" in thing or "/EmbeddedFiles" in thing or "/RichMediaContent" in thing:
        found.add("attachment")
    if depth >= 4:
        return
    for _, value in thing.items():
        if isinstance(value, pikepdf.Dictionary) and not value.is_indirect:
            _look_at(value, found, depth + 1)
        elif isinstance(value, pikepdf.Array) and not value.is_indirect and len(value) < 200:
            for part in value:
                if isinstance(part, pikepdf.Dictionary) and not part.is_indirect:
                    _look_at(part, found, depth + 1)
