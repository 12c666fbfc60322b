"""What the imports of reference data share: fixed keys, strict columns, and writing only what changed in batches."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import uuid_utils

from app.errors import UserError
from app.services.access import Permission, require
from app.services.exchange.report import Cancelled, ImportReport, Progress
from app.services.exchange.tabular import NOTHING_CHANGED, Row, Table, cell_problem

if TYPE_CHECKING:
    from app.models import Synced
    from app.services.workspace import Workspace

_NAMESPACE = uuid_utils.uuid5(uuid_utils.NAMESPACE_URL, "https://rollcall.invalid/reference")
ROWS_A_COMMIT = 5_000
"""One commit of an import: short enough that a note saved meanwhile does not wait long."""


def reference_id(table: str, *parts: str) -> str:
    """Return the fixed key of a reference row, so that two laptops importing the same file meet in the same row."""
    return str(uuid_utils.uuid5(_NAMESPACE, "\x1f".join((table, *parts))))


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a model and the heading it is bound to.

    Attributes:
        convert: takes the stripped text; raises ValueError with words for the report.
    """

    name: str
    heading: str
    required: bool = False
    convert: Callable[[str], Any] | None = None


def bind(table: Table, columns: Iterable[Column], what: str) -> list[tuple[Column, int]]:
    """Return each column with its place in the file, found by heading and never by position.

    Raises:
        UserError: required headings are missing, or a heading that is needed comes twice.
    """
    places: dict[str, int] = {}
    twice: set[str] = set()
    for index, heading in enumerate(table.header):
        key = heading.casefold()
        if key in places:
            twice.add(key)
        places.setdefault(key, index)
    columns = list(columns)
    missing = [column.heading for column in columns if column.required and column.heading.casefold() not in places]
    if missing:
        listed = ", ".join(f'"{heading}"' for heading in missing)
        plural = "column" if len(missing) == 1 else "columns"
        raise UserError(f"This is not a {what}: the {plural} {listed} is missing. {NOTHING_CHANGED}")
    doubled = [column.heading for column in columns if column.heading.casefold() in twice]
    if doubled:
        raise UserError(f'The column "{doubled[0]}" comes twice, so it is not clear which counts. {NOTHING_CHANGED}')
    return [(column, places[key]) for column in columns if (key := column.heading.casefold()) in places]


@lru_cache(maxsize=8192)
def parse_day(text: str) -> date | None:
    """Return a date written ``DD-MM-YYYY``, ``DD/MM/YYYY`` or ``YYYY-MM-DD``; None for an empty text.

    Raises:
        ValueError: with words for the report.
    """
    if not text:
        return None
    parts = text.replace("/", "-").replace(".", "-").split("-")
    try:
        if len(parts) == 3 and len(parts[0]) == 4:
            return date(int(parts[0]), int(parts[1]), int(parts[2]))
        if len(parts) == 3 and len(parts[2]) == 4:
            return date(int(parts[2]), int(parts[1]), int(parts[0]))
    except ValueError:
        pass
    raise ValueError("is not a date written as day, month, year")


def parse_code(text: str) -> str:
    """Return a code without leading zeros: ``01`` and ``1`` are the same."""
    return text.lstrip("0") or ("0" if text else "")


def parse_urn(text: str) -> str:
    """Return a URN of up to seven digits.

    Raises:
        ValueError: it is something else.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 7):
        raise ValueError("is not a URN (a number of up to 7 digits)")
    return text.lstrip("0") or "0"


def typed_rows(
    table: Table, bound: list[tuple[Column, int]], report: ImportReport
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each good row as its line and column values; the others go to the report."""
    last = max(index for _, index in bound)
    plain = [(column.name, index) for column, index in bound if column.convert is None]
    converted = [(column, index) for column, index in bound if column.convert is not None]
    required = [(column.name, column.heading) for column, _ in bound if column.required]
    needed = [index for _, index in bound]
    for row in table.rows:
        report.rows_read += 1
        if row.problem or len(row.cells) <= last:
            report.refuse(row.line, row.column, sentence(row.problem or "too few values"), row.cells)
            continue
        cells = row.cells
        if _unclean(row, needed, table, report):
            continue
        values: dict[str, Any] = {name: cells[index].strip() for name, index in plain}
        try:
            for column, index in converted:
                values[column.name] = column.convert(cells[index].strip())  # type: ignore[misc]  # not None here
        except ValueError as error:
            report.refuse(row.line, column.heading, f'"{cells[index].strip()[:60]}" {error}.', cells)
            continue
        empty = next((heading for name, heading in required if values[name] in ("", None)), None)
        if empty is not None:
            report.refuse(row.line, empty, "Is empty.", cells)
            continue
        yield row.line, values


def _unclean(row: Row, needed: list[int], table: Table, report: ImportReport) -> bool:
    joined = "".join(row.cells)
    if joined.isascii() and "\x00" not in joined and len(joined) < 20_000:
        return False
    for index in needed:
        problem = cell_problem(row.cells[index])
        if problem:
            report.refuse(row.line, table.header[index], sentence(problem), row.cells)
            return True
    return False


def sentence(words: str) -> str:
    """Return words as a sentence."""
    return f"{words[:1].upper()}{words[1:]}" + ("" if words.endswith(".") else ".")


def write_changes(
    ws: "Workspace",
    model: type["Synced"],
    rows: Iterable[tuple[str, Mapping[str, Any]]],
    report: ImportReport,
    *,
    reason: str,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    total: int = 0,
) -> None:
    """Insert new rows and update changed ones, in commits of some thousands, each whole with its change sets.

    Args:
        ws: the vault.
        model: a reference table.
        rows: key and column values (the same columns in every row).
        report: counts are added to it; with ``report.dry_run`` nothing is written.
        reason: for history.
        progress: called after each commit.
        cancelled: asked after each commit; what is saved by then stays.
        total: rows expected, for progress.
    """
    require(ws.actor, Permission.IMPORT_REFERENCE)
    ws.require_room()
    held = _held_rows(ws, model)
    new: list[Mapping[str, Any]] = []
    altered: list[tuple[str, dict[str, tuple[Any, Any]]]] = []
    done = 0

    def commit() -> None:
        if not report.dry_run and (new or altered):
            from app.services.bulk import BulkRecorder

            with ws.write(reason) as session:
                recorder = BulkRecorder(session)
                recorder.insert(model, new)
                recorder.update(model, altered)
        report.added += len(new)
        report.changed += len(altered)
        new.clear()
        altered.clear()
        if progress is not None:
            progress(done, total)

    for key, values in rows:
        done += 1
        old = held.get(key)
        if old is None:
            new.append({"id": key, **values})
        elif differences := {name: (old[name], value) for name, value in values.items() if old[name] != value}:
            altered.append((key, differences))
        else:
            report.unchanged += 1
        if len(new) + len(altered) >= ROWS_A_COMMIT:
            commit()
            if cancelled is not None and cancelled():
                report.cancelled = True
                return
    if cancelled is not None and cancelled():
        report.cancelled = True
        return
    commit()


def _held_rows(ws: "Workspace", model: type["Synced"]) -> dict[str, Mapping[str, Any]]:
    from sqlalchemy import select

    with ws.read() as session:
        rows = session.connection().execute(select(model.__table__)).mappings()
        return {str(row["id"]): dict(row) for row in rows}
