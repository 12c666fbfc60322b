"""Paper: a sent letter on one of the machine's printers, from memory."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPageLayout, QPageSize, QPainter
from PySide6.QtPrintSupport import QPrintDialog, QPrinter, QPrinterInfo
from PySide6.QtWidgets import QWidget

DPI = 300
NO_PRINTER = "No printer was found. The letter is recorded. Open it from the case to print it."
NOT_PRINTED = "Letter not printed. It is recorded and kept. Choose another printer."


def has_printer() -> bool:
    """Return whether the machine knows any printer."""
    return bool(QPrinterInfo.availablePrinterNames())


def ask_and_print(owner: QWidget, pages: Sequence[QImage], name: str, failed: Callable[[str], object]) -> None:
    """Ask for a printer and print; nothing waits for the answer.

    Args:
        owner: the page that asks.
        pages: images of whole pages, drawn at ``DPI``.
        name: of the print job; it names no child.
        failed: told in words when the printer refuses.
    """
    printer = QPrinter(QPrinter.PrinterMode.HighResolution)
    printer.setDocName(name)
    printer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
    printer.setFullPage(True)
    printer.setPageOrientation(QPageLayout.Orientation.Portrait)
    dialog = QPrintDialog(printer, owner)
    dialog.accepted.connect(lambda: None if paint(printer, pages) else failed(NOT_PRINTED))
    dialog.finished.connect(dialog.deleteLater)
    dialog.setModal(True)
    dialog.show()


def paint(printer: QPrinter, pages: Sequence[QImage]) -> bool:
    """Paint whole pages; return whether the printer took them."""
    painter = QPainter()
    if not painter.begin(printer):
        return False
    try:
        for number, page in enumerate(pages):
            if number and not printer.newPage():
                return False
            paper = printer.paperRect(QPrinter.Unit.DevicePixel)
            painter.drawImage(QRectF(0, 0, paper.width(), paper.height()), page)
    finally:
        painter.end()
    return True
