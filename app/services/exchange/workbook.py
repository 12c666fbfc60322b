"""Excel workbooks from outside: read as values only, never calculated, and bounded before they are unpacked."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import IO, Any

from app.errors import UserError
from app.services.exchange.tabular import MAX_COLUMNS, NOTHING_CHANGED, Row, Table, check_header

MAX_PARTS = 500
MAX_UNPACKED = 60 * 1024 * 1024
MAX_RATIO = 200
MAX_ROWS = 50_000
MAX_CELLS = 1_500_000
"""Filled cells; 50,000 rows of 30 columns."""
_EMPTY_RUN = 200
"""A sheet that goes on with this many empty rows has ended."""
_DOCTYPES = tuple("<!DOCTYPE".encode(encoding) for encoding in ("ascii", "utf-16-le", "utf-16-be"))
_DAMAGED = f"This Excel file is damaged or is not a workbook. Save it again, or as CSV UTF-8. {NOTHING_CHANGED}"


def read_workbook(content: bytes) -> Table:
    """Return the first sheet that holds anything.

    Raises:
        UserError: a zip bomb, too many rows or columns, a damaged or password-locked workbook.
    """
    _check_zip(content)
    import openpyxl  # late: heavy

    try:
        book = openpyxl.load_workbook(
            io.BytesIO(content), read_only=True, data_only=False, keep_links=False, rich_text=False
        )
    except Exception as error:  # openpyxl raises whatever the broken part made it raise
        raise UserError(_DAMAGED) from error
    for sheet in book.worksheets:
        reader = _cells(sheet)
        header_line, header = next(((line, cells) for line, cells in reader if any(cells)), (0, []))
        if header:
            names = check_header(header)
            return Table(names, _rows(reader, names), "Excel", header_line)
    raise UserError(f"The workbook is empty. {NOTHING_CHANGED}")


def _check_zip(content: bytes) -> None:
    """Add up what the parts unpack to, by unpacking them without keeping anything: the directory may lie."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as bundle:
            parts = bundle.infolist()
            if len(parts) > MAX_PARTS:
                raise UserError(f"The workbook has too many parts to be a list. {NOTHING_CHANGED}")
            if "xl/workbook.xml" not in bundle.namelist():
                raise UserError(f"This is not an Excel workbook (.xlsx). {NOTHING_CHANGED}")
            budget = min(MAX_UNPACKED, max(len(content) * MAX_RATIO, 4 * 1024 * 1024))
            for part in parts:
                with bundle.open(part) as stream:
                    budget = _spend(stream, budget)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, OSError, EOFError, ValueError) as error:
        raise UserError(_DAMAGED) from error


def _spend(stream: IO[bytes], budget: int) -> int:
    """Return what is left of the budget after one part, which may declare no document type."""
    tail = b""
    while chunk := stream.read(256 * 1024):
        budget -= len(chunk)
        if budget < 0:
            raise UserError(f"The workbook unpacks to far more than a list needs. {NOTHING_CHANGED}")
        window = tail + chunk
        if any(mark in window for mark in _DOCTYPES):
            raise UserError(f"The workbook holds entity declarations, which are not safe. {NOTHING_CHANGED}")
        tail = chunk[-32:]
    return budget


def _cells(sheet: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield each row's number and texts; a formula comes as its own text, starting with ``=``."""
    empty = filled = 0
    try:
        # max_col bounds a sheet whose dimensions claim 16,384 columns; the claim itself is ignored.
        sheet.reset_dimensions()
        for line, row in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True), start=1):
            cells = [_text(value) for value in row]
            while cells and not cells[-1]:
                cells.pop()
            filled += len(cells)
            _check_length(line, filled)
            empty = 0 if cells else empty + 1
            if empty > _EMPTY_RUN:
                return
            yield line, cells
    except UserError:
        raise
    except Exception as error:  # as in read_workbook
        raise UserError(_DAMAGED) from error


def _check_length(line: int, filled: int) -> None:
    if line > MAX_ROWS:
        raise UserError(f"The sheet has more than {MAX_ROWS:,} rows. Split it and try again. {NOTHING_CHANGED}")
    if filled > MAX_CELLS:
        raise UserError(f"The sheet has far more cells than a list needs. {NOTHING_CHANGED}")


def _rows(reader: Iterator[tuple[int, list[str]]], names: tuple[str, ...]) -> Iterator[Row]:
    width = len(names)
    for line, cells in reader:
        if not cells:
            continue
        if len(cells) > width:
            yield Row(line, cells, f"{len(cells)} values where the headings need {width}")
            continue
        yield Row(line, cells + [""] * (width - len(cells)))


def _text(value: Any) -> str:
    """Return a cell as it would be typed; dates in ISO form."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time(0) else value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "text"):  # an array formula
        return str(value.text or "=")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip()
