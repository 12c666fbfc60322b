"""A letter's pages as pictures, drawn in memory: for the preview and for printers. Nothing is written to disk.

Only letters that Rollcall itself has made are drawn here; correspondence from outside is drawn by a worker process.
"""

import threading
from dataclasses import dataclass
from typing import Any

# PDFium is not safe to use from two threads at once.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class PageImage:
    """One page.

    Attributes:
        rows: four bytes a pixel, red, green, blue and one unused, without padding.
        dpi: what it was drawn at.
    """

    width: int
    height: int
    rows: bytes
    dpi: float


def draw(pdf: bytes, dpi: float) -> list[PageImage]:
    """Draw every page of a letter."""
    import pypdfium2  # late: only when a page is first wanted

    with _ONE_AT_A_TIME:
        document = pypdfium2.PdfDocument(pdf)
        try:
            return [_page(page, dpi) for page in document]
        finally:
            document.close()


def _page(page: Any, dpi: float) -> PageImage:
    bitmap = page.render(scale=dpi / 72, rev_byteorder=True, prefer_bgrx=True)
    try:
        width, height, stride = bitmap.width, bitmap.height, bitmap.stride
        content = bytes(bitmap.buffer)
        if stride != width * 4:
            content = b"".join(content[row * stride : row * stride + width * 4] for row in range(height))
        return PageImage(width, height, content, dpi)
    finally:
        bitmap.close()
        page.close()
