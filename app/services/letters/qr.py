"""A QR code as one filled path: drawn module by module it would cost more than the rest of the page."""

from functools import lru_cache
from typing import Any

import zxingcpp
from reportlab.pdfgen.canvas import Canvas

QUIET_MODULES = 4


@lru_cache(maxsize=256)
def modules(text: str) -> tuple[tuple[bool, ...], ...]:
    """Return the dark modules of a QR code at level Q (a quarter may be damaged), row by row, without quiet zone."""
    barcode = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="Q")
    image: Any = barcode.to_image(scale=1, add_quiet_zones=False)
    rows: list[list[int]] = memoryview(image).tolist()  # type: ignore[assignment]  # two-dimensional, untyped there
    return tuple(tuple(value == 0 for value in row) for row in rows)


def draw(canvas: Canvas, text: str, left: float, foot: float, side: float) -> float:
    """Draw a QR code.

    Args:
        left: of the first module, in points from the page's left edge.
        foot: of the last row, in points from the page's foot.
        side: of the code without its quiet zone, in points.

    Returns:
        The width of the quiet zone that must stay empty all round, in points.
    """
    rows = modules(text)
    module = side / len(rows)
    rectangles = []
    for number, row in enumerate(rows):
        y = len(rows) - 1 - number
        start = None
        for column, dark in enumerate((*row, False)):
            if dark and start is None:
                start = column
            elif not dark and start is not None:
                rectangles.append(f"{start} {y} {column - start} 1 re")
                start = None
    canvas.saveState()
    canvas.translate(left, foot)
    canvas.scale(module, module)
    # Whole modules as coordinates, written as they are: ReportLab would round a thousand numbers one by one.
    content: Any = canvas
    content._code.append(" ".join([*rectangles, "f"]))
    canvas.restoreState()
    return QUIET_MODULES * module
