"""Tables from outside: CSV in the encodings that councils and schools send, and Excel workbooks; both bounded.

A line that cannot be read as a row is reported by its number and never guessed at; a file that cannot be read as a
table is refused whole.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import EnvironmentFault, UserError
from app.services.exchange.report import restore

NOTHING_CHANGED = "Nothing was imported."
LIST_BYTES = 20 * 1024 * 1024
"""Largest list of returns: some 100,000 rows."""
REFERENCE_BYTES = 250 * 1024 * 1024
"""Largest GIAS extract; the real one is about 60 MB."""
MAX_COLUMNS = 400
MAX_CELL = 20_000
LOST = "\ufffd"
"""Stands for a byte that could not be read; rows that hold it are refused."""


@dataclass(frozen=True, slots=True)
class Row:
    """A data row. ``problem`` says why it cannot be used; its cells are then as they were read."""

    line: int
    cells: list[str]
    problem: str = ""
    column: str = ""


@dataclass(slots=True)
class Table:
    """A table being read: the heading, then rows one by one."""

    header: tuple[str, ...]
    rows: Iterator[Row]
    encoding: str = ""
    header_line: int = 1
    notes: list[str] = field(default_factory=list)


def read_bytes(path: Path, limit: int) -> bytes:
    """Return a file's bytes.

    Raises:
        UserError: the file is empty, not a file, or larger than ``limit`` bytes.
        EnvironmentFault: it cannot be opened.
    """
    try:
        if not path.is_file():
            raise UserError(f"This is not a file. {NOTHING_CHANGED}")
        with path.open("rb") as stream:
            content = stream.read(limit + 1)
    except OSError as error:
        raise EnvironmentFault(f"The file could not be opened. {NOTHING_CHANGED}") from error
    check_size(content, limit)
    return content


def check_size(content: bytes, limit: int) -> None:
    """Refuse an empty or oversized file.

    Raises:
        UserError: as said.
    """
    if not content.strip(b"\x00\t\r\n \xef\xbb\xbf\xff\xfe"):
        raise UserError(f"The file is empty. {NOTHING_CHANGED}")
    if len(content) > limit:
        raise UserError(
            f"The file is larger than {limit // (1024 * 1024)} MB. Split it and try again. {NOTHING_CHANGED}"
        )


def decode(content: bytes) -> tuple[str, str]:
    """Return a file's text and the name of its encoding: UTF-8, UTF-16 or Windows-1252.

    Bytes that Windows-1252 leaves undefined become :data:`LOST`, so that only their rows are refused.

    Raises:
        UserError: the bytes contradict their own byte order mark, mix two encodings or are not text.
    """
    for mark, name, label in (
        (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
        (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
        (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
    ):
        if content.startswith(mark):
            return _strict(content, name, label), label
    sample = content[:4096]
    if sample.count(0) > len(sample) // 4:
        little = sample[1::2].count(0) >= sample[0::2].count(0)
        return _strict(content, "utf-16-le" if little else "utf-16-be", "UTF-16"), "UTF-16"
    try:
        return content.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        pass
    if _has_utf8_sequences(content):
        raise UserError(
            f"The file mixes two encodings, so names would be spoilt. Save it as CSV UTF-8. {NOTHING_CHANGED}"
        )
    return content.decode("cp1252", errors="replace"), "Windows-1252"


def _strict(content: bytes, encoding: str, label: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UserError(f"The file says it is {label} but is not. Save it as CSV UTF-8. {NOTHING_CHANGED}") from error


def _has_utf8_sequences(content: bytes) -> bool:
    """Whether bytes that are not valid UTF-8 as a whole hold accented letters that are."""
    text = content.decode("utf-8", errors="replace")
    return any(char > "\x7f" and char != LOST for char in text)


def read_csv(content: bytes, *, limit: int = LIST_BYTES, delimiters: str = ",;\t") -> Table:
    """Return a CSV table; its first line that is not empty is the heading.

    Ragged lines, lines with quotation marks that do not match and lines with unreadable bytes come as rows with a
    ``problem``.

    Raises:
        UserError: no heading, too many columns, too large, mis-encoded, or not text.
    """
    check_size(content, limit)
    text, encoding = decode(content)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text, delimiters), strict=True)
    try:
        header: list[str] = []
        while not any(cell.strip() for cell in header):
            header = next(reader)
    except (csv.Error, StopIteration) as error:
        raise UserError(f"The file has no line of headings that can be read. {NOTHING_CHANGED}") from error
    names = check_header(header)
    return Table(names, _csv_rows(reader, len(names)), encoding, reader.line_num)


def _delimiter(text: str, delimiters: str) -> str:
    first = next((line for line in text[:20_000].splitlines() if line.strip()), "")
    return max(delimiters, key=first.count)


def check_header(header: list[str]) -> tuple[str, ...]:
    """Return the headings stripped, without empty ones at the end.

    Raises:
        UserError: too many, or one that is far too long.
    """
    names = [name.replace("\x00", "").strip() for name in header]
    while names and not names[-1]:
        names.pop()
    if len(names) > MAX_COLUMNS or any(len(name) > 200 for name in names):
        raise UserError(f"The first line is not a line of headings. {NOTHING_CHANGED}")
    return tuple(names)


def _csv_rows(reader: Iterator[list[str]], width: int) -> Iterator[Row]:
    line_num = reader.line_num  # type: ignore[attr-defined]  # csv readers have it; their stub type is private
    while True:
        first_line = line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            line_num = reader.line_num  # type: ignore[attr-defined]  # as above
            yield Row(first_line, [], _csv_problem(str(error), first_line, line_num))
            continue
        line_num = reader.line_num  # type: ignore[attr-defined]  # as above
        if len(cells) != width:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) < width or any(cell.strip() for cell in cells[width:]):
                yield Row(first_line, cells, f"{len(cells)} values where the headings need {width}")
                continue
            cells = cells[:width]
        yield Row(first_line, cells)


def _csv_problem(error: str, first: int, last: int) -> str:
    if "field larger" in error:
        return "a value is far too long"
    if "unexpected end" in error:
        return f"a quotation mark is opened and never closed (lines {first} to {last} were not read)"
    return "the quotation marks do not match"


def cell_problem(cell: str) -> str:
    """Return why a cell cannot be trusted, or an empty text."""
    if cell.isascii():
        if "\x00" in cell:
            return "holds a null character"
        return "is far too long" if len(cell) > MAX_CELL else ""
    if LOST in cell:
        return "holds a letter that could not be read; save the file as CSV UTF-8"
    if "\x00" in cell:
        return "holds a null character"
    if len(cell) > MAX_CELL:
        return "is far too long"
    try:
        if cell.encode("cp1252").decode("utf-8") != cell:
            return "has spoilt accents; export it again as CSV UTF-8"
    except UnicodeError:
        pass
    return ""


def is_xlsx(content: bytes) -> bool:
    """Return whether bytes look like an Excel workbook (a zip file)."""
    return content.startswith(b"PK\x03\x04")


def cleaned(cells: list[str]) -> list[str]:
    """Return cells stripped, with the apostrophe of a saved report taken off."""
    return [restore(cell.strip()) for cell in cells]
