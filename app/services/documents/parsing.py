"""What the parsing worker does with a file: tell its kind, check it, read it, draw it.

Runs only inside the worker process (``worker.py``); the vault's process never hands outside bytes to these libraries.
"""

import time
from collections import OrderedDict
from typing import Any

import zxingcpp

from app.services.documents import limits, pdf, pictures
from app.services.documents.protocol import (
    Answer,
    Box,
    BytesWanted,
    Check,
    Checked,
    Code,
    Draw,
    FileProblemError,
    PageWords,
    Problem,
    ReadWords,
    Refused,
    Request,
)
from app.services.documents.sniff import media_type_of, resembles

PDF = "application/pdf"
_FILES_HELD = 2
_QR_ONLY = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])


class Parser:
    """Answers requests; holds the last few files (a PDF open, a picture's bytes) so that turning a page is quick."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[str, Any]] = OrderedDict()

    def answer(self, request: Request) -> Answer:
        """Answer one request; a file that is not taken is an answer too."""
        try:
            if isinstance(request, Check):
                return check(request.data)
            opened = self._opened(request)
            if opened is None:
                return BytesWanted()
            if isinstance(request, Draw):
                width = max(1, min(request.width, limits.MAX_DRAWN_WIDTH))
                media_type, file = opened
                if media_type == PDF:
                    return pdf.picture(file, request.page, width)
                # Opened anew each time: a JPEG that was decoded small stays small.
                with pictures.open_picture(file, media_type) as image:
                    return pictures.picture(image, request.page, width)
            return self._words(request, *opened)
        except FileProblemError as error:
            return Refused(error.problem, error.detail)
        except MemoryError:
            return Refused(Problem.BROKE_THE_READER)

    @staticmethod
    def _words(request: ReadWords, media_type: str, file: Any) -> Answer:
        return pdf.words(file, request.page) if media_type == PDF else PageWords("", [])

    def _opened(self, request: Draw | ReadWords) -> tuple[str, Any] | None:
        if request.sha256 in self._held:
            self._held.move_to_end(request.sha256)
            return self._held[request.sha256]
        if request.data is None:
            return None
        media_type = media_type_of(request.data)
        if media_type is None:
            raise FileProblemError(Problem.UNKNOWN_KIND)
        file = pdf.open_document(request.data) if media_type == PDF else request.data
        self._held[request.sha256] = (media_type, file)
        while len(self._held) > _FILES_HELD:
            self._held.popitem(last=False)
        return media_type, file


def check(data: bytes) -> Checked:
    """Check a file that has just arrived and read its text layer and QR codes.

    Raises:
        FileProblemError: the file is not taken.
    """
    if not data:
        raise FileProblemError(Problem.EMPTY)
    if len(data) > limits.MAX_BYTES:
        raise FileProblemError(Problem.TOO_LARGE)
    media_type = media_type_of(data)
    if media_type is None:
        raise FileProblemError(Problem.UNKNOWN_KIND, resembles(data))
    if media_type == PDF:
        return _check_pdf(data)
    return _check_picture(data, media_type)


def _check_pdf(data: bytes) -> Checked:
    document, flags = pdf.open_checked(data)
    try:
        texts: list[str] = []
        room = limits.MAX_TEXT_CHARACTERS
        for number in range(len(document)):
            text = pdf.words(document, number).text[:room]
            room -= len(text)
            texts.append(text)
        codes = _Codes()
        for number in range(min(len(document), limits.QR_PAGES)):
            if not codes.look_on(number, lambda n=number: pdf.grey(document, n, limits.QR_WIDTH)):
                break
        return Checked(PDF, len(document), texts, codes.found, flags)
    finally:
        document.close()


def _check_picture(data: bytes, media_type: str) -> Checked:
    with pictures.open_picture(data, media_type) as image:
        count = pictures.count_pages(image, media_type)
        codes = _Codes()
        for number in range(count):
            # Every page is decoded once, so that a broken one is found now and not on a doorstep.
            shown = pictures.grey(image, number, limits.QR_WIDTH)
            if number < limits.QR_PAGES:
                codes.look_on(number, lambda page=shown: page)
        return Checked(media_type, count, [""] * count, codes.found, [])


class _Codes:
    """Looks for QR codes until the time for it is used up."""

    def __init__(self) -> None:
        self.found: list[Code] = []
        self._until = time.monotonic() + limits.QR_SECONDS

    def look_on(self, number: int, draw: Any) -> bool:
        """Look on one page; return whether there is time for another."""
        if time.monotonic() > self._until or len(self.found) >= limits.MAX_CODES:
            return False
        image = draw()
        for code in zxingcpp.read_barcodes(image, formats=_QR_ONLY):
            self.found.append(Code(number, code.text[:500], _box(code.position, image.width, image.height)))
        return True


def _box(position: Any, width: int, height: int) -> Box:
    corners = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    across = [min(max(corner.x / width, 0.0), 1.0) for corner in corners]
    down = [min(max(corner.y / height, 0.0), 1.0) for corner in corners]
    return min(across), min(down), max(across), max(down)
