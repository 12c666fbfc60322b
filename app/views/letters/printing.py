"""Paper: a letter or a recovery sheet on one of the machine's printers, from memory to the printer's queue.

Where CUPS prints (Linux, macOS) the PDF goes through a pipe to ``lp``, which hands it on piece by piece. Qt's own
printing there would first write the whole page into a temporary file, in the clear (``cupsTempFd``). Windows takes
painted pages and keeps its queue itself. The queue of either system is the system's own, not this account's, and is
empty once the paper is out. Printing into a file is not offered: that would be an export that nobody recorded.
"""

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, QRectF, Signal
from PySide6.QtGui import QImage, QPageLayout, QPageSize, QPainter
from PySide6.QtPrintSupport import QAbstractPrintDialog, QPrintDialog, QPrinter, QPrinterInfo
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

DPI = 300
NO_PRINTER = "No printer was found. The letter is recorded. Open it from the case to print it."
NOT_PRINTED = "Letter not printed. It is recorded and kept. Choose another printer."


@dataclass(frozen=True, slots=True)
class Sheets:
    """What goes on paper, as the machine's way of printing needs it.

    Attributes:
        pdf: the whole document.
        pages: images of whole pages at ``DPI``; empty where the PDF itself is sent.
    """

    pdf: bytes
    pages: tuple[QImage, ...] = ()


def takes_pdf() -> bool:
    """Return whether printers here are sent a PDF, rather than painted pages."""
    return sys.platform != "win32"


def prepare(pdf: bytes, draw: Callable[[bytes, float], Sequence[QImage]]) -> Sheets:
    """Return a document ready to be printed; runs off the window's thread.

    Args:
        pdf: the document.
        draw: draws its pages at so many dots an inch.
    """
    return Sheets(pdf) if takes_pdf() else Sheets(pdf, tuple(draw(pdf, DPI)))


def has_printer() -> bool:
    """Return whether the machine knows any printer and has the program to reach it."""
    return bool(QPrinterInfo.availablePrinterNames()) and (not takes_pdf() or bool(sender()))


def sender() -> str:
    """Return the path of ``lp``, the system's own before any other, or an empty text."""
    for folder in ("/usr/bin", "/bin", "/usr/local/bin"):
        path = Path(folder) / "lp"
        if path.is_file():
            return str(path)
    return shutil.which("lp") or ""


def ask_and_print(owner: QWidget, sheets: Sheets, name: str, failed: Callable[[str], object]) -> None:
    """Ask for a printer and print; nothing waits for the answer.

    Args:
        owner: the page that asks.
        sheets: what is printed.
        name: of the print job; it names no child.
        failed: told in words when the printer refuses.
    """
    printer = QPrinter(QPrinter.PrinterMode.HighResolution)
    printer.setDocName(name)
    printer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
    printer.setFullPage(True)
    printer.setPageOrientation(QPageLayout.Orientation.Portrait)
    dialog = QPrintDialog(printer, owner)
    for option in (
        QAbstractPrintDialog.PrintDialogOption.PrintToFile,
        QAbstractPrintDialog.PrintDialogOption.PrintPageRange,
        QAbstractPrintDialog.PrintDialogOption.PrintSelection,
    ):
        dialog.setOption(option, on=False)

    def tell(words: str) -> None:
        if isValid(owner):  # a job outlives a lock; the page that began it does not
            failed(words)

    dialog.accepted.connect(lambda: send(printer, sheets, name, tell))
    dialog.finished.connect(dialog.deleteLater)
    dialog.setModal(True)
    dialog.show()


def send(printer: QPrinter, sheets: Sheets, name: str, failed: Callable[[str], object]) -> None:
    """Send a document to the printer that was chosen."""
    if takes_pdf():
        job = PrintJob(options(printer, name), sheets.pdf)
        job.refused.connect(lambda: failed(NOT_PRINTED))
        job.start(sender())
    elif not paint(printer, sheets.pages):
        failed(NOT_PRINTED)


def options(printer: QPrinter, name: str) -> list[str]:
    """Return what ``lp`` is told: which printer, how many, on which sides; the margins stay as they are."""
    sides = {
        QPrinter.DuplexMode.DuplexNone: ["-o", "sides=one-sided"],
        QPrinter.DuplexMode.DuplexLongSide: ["-o", "sides=two-sided-long-edge"],
        QPrinter.DuplexMode.DuplexShortSide: ["-o", "sides=two-sided-short-edge"],
    }.get(printer.duplex(), [])
    grey = printer.colorMode() == QPrinter.ColorMode.GrayScale
    return [
        *("-d", printer.printerName(), "-t", name, "-n", str(max(1, printer.copyCount()))),
        *("-o", "media=A4", "-o", "print-scaling=none"),
        *sides,
        *(("-o", "print-color-mode=monochrome") if grey else ()),
    ]


class PrintJob(QObject):
    """One document on its way through a pipe. It outlives the page that began it, and a lock.

    Signals:
        refused: the printer's queue did not take it.
        done: it has, or it has not; the last word.
    """

    refused = Signal()
    done = Signal()
    _running: "set[PrintJob]" = set()

    def __init__(self, given: Sequence[str], pdf: bytes) -> None:
        super().__init__()
        self._given, self._pdf = list(given), pdf
        self._process = QProcess(self)
        self._process.setStandardOutputFile(QProcess.nullDevice())
        self._process.setStandardErrorFile(QProcess.nullDevice())
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._not_started)

    def start(self, program: str) -> None:
        """Hand the document over; returns at once."""
        PrintJob._running.add(self)
        self._process.start(program, self._given)
        self._process.write(self._pdf)
        self._process.closeWriteChannel()
        self._pdf = b""

    def _not_started(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._end(refused=True)

    def _finished(self, code: int, how: QProcess.ExitStatus) -> None:
        self._end(refused=code != 0 or how != QProcess.ExitStatus.NormalExit)

    def _end(self, *, refused: bool) -> None:
        if self not in PrintJob._running:
            return
        PrintJob._running.discard(self)
        if refused:
            self.refused.emit()
        self.done.emit()
        self.deleteLater()


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
