"""Lists of deletion returns from schools (CSV or Excel): good rows become draft referrals, bad rows are reported."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import select

from app.errors import UserError
from app.models import Referral
from app.models.folding import fold
from app.services import referrals, schools
from app.services.access import Permission, require
from app.services.batches import batched
from app.services.exchange.reference import reference_id, sentence
from app.services.exchange.report import Cancelled, ImportReport, Progress
from app.services.exchange.return_columns import Mapping, bind_headings, looks_like
from app.services.exchange.return_rows import ReturnRow, RowRefusedError, read_row
from app.services.exchange.tables import read_table
from app.services.exchange.tabular import NOTHING_CHANGED, Table, cleaned

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session

    from app.services.workspace import Workspace

__all__ = ["KIND", "import_returns", "looks_like"]

KIND = "Deletion returns"
ROWS_A_COMMIT = 200


def import_returns(
    ws: "Workspace",
    content: bytes,
    *,
    file_name: str = "",
    dry_run: bool = False,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> ImportReport:
    """Import a list of deletion returns. Each good row becomes a draft referral whose match a person still checks.

    A row that was imported before is left alone, so that a list can be sent again.

    Args:
        ws: the workspace.
        content: CSV or Excel bytes.
        file_name: name only, for the report and the referral.
        dry_run: report without writing.
        progress: rows done and in all.
        cancelled: asked between commits of 200 rows; what is saved stays.

    Raises:
        UserError: the file is refused whole; nothing changed.
        AccessRefused: the role may not take referrals.
    """
    require(ws.actor, Permission.TAKE_REFERRALS)
    today = ws.time.today()
    table = read_table(content)
    mapping = bind_headings(table.header)
    report = ImportReport(KIND, file_name, table.encoding, dry_run=dry_run, header=table.header)
    # Everything is read before anything is written: a file that breaks in the middle changes nothing.
    good = list(_good_rows(table, mapping, report, today))
    if report.rows_read == 0:
        raise UserError(f"The file has headings and no rows. {NOTHING_CHANGED}")
    done = 0
    for some in batched(good, ROWS_A_COMMIT):
        if cancelled is not None and cancelled():
            report.cancelled = True
            break
        _write(ws, some, report, file_name)
        done += len(some)
        if progress is not None:
            progress(done, len(good))
    return report.audited_in(ws)


def _good_rows(table: Table, mapping: Mapping, report: ImportReport, today: "date") -> Iterator[ReturnRow]:
    for raw in table.rows:
        cells = cleaned(raw.cells)
        if not raw.problem and not any(cells):
            continue
        report.rows_read += 1
        if raw.problem:
            report.refuse(raw.line, raw.column, sentence(raw.problem), raw.cells)
            continue
        try:
            yield read_row(raw.line, cells, mapping, today)
        except RowRefusedError as refused:
            report.refuse(raw.line, refused.column, refused.why, raw.cells)


def _write(ws: "Workspace", rows: tuple[ReturnRow, ...], report: ImportReport, file_name: str) -> None:
    ws.require_room()
    with ws.read() as session:
        for row in rows:
            _find_school(session, row)
        ids = {row.line: _referral_id(row) for row in rows}
        held = set(session.scalars(select(Referral.id).where(Referral.id.in_(ids.values()))))
    new = []
    for row in rows:
        if ids[row.line] in held:
            report.unchanged += 1
            continue
        held.add(ids[row.line])
        new.append(row)
        report.added += 1
        report.created_ids.append(ids[row.line])
        for column, question in row.queries:
            report.query(row.line, column, question)
        for column, words in row.warnings:
            report.warn(row.line, column, words)
    if report.dry_run or not new:
        return
    with ws.write("Imported deletion returns") as session:
        for row in new:
            record = Referral(id=ids[row.line], answers={}, match_decision={})
            referrals.put_answers(record, row.answers)
            record.import_batch = f"{file_name}, line {row.line}" if file_name else f"Line {row.line}"
            session.add(record)


def _find_school(session: "Session", row: ReturnRow) -> None:
    urn, number, name = row.school_key
    digits = "".join(char for char in number if char.isdigit())
    found = schools.resolve(session, urn=urn, la=digits[:3], establishment=digits[3:7], name=name)
    who, known = row.answers.who, row.answers.known
    if found is not None:
        who.school_urn, who.school_name = found.urn, found.name
    else:
        who.school_name = name or (f"School {number}" if number else "")
        words = f'"{name[:60]}" is not among the schools on this laptop.' if name else "The school is not named."
        row.warnings.append(("", words))
    known.school_urn, known.school_name = who.school_urn, who.school_name


def _referral_id(row: ReturnRow) -> str:
    """Return the same key for the same return, so that a list sent twice makes nothing twice."""
    answers = row.answers
    return reference_id(
        "deletion_return",
        fold(answers.child.forename),
        fold(answers.child.surname),
        answers.child.born_on,
        answers.known.on_roll_until,
        fold(answers.known.ground_as_given),
        answers.known.school_urn or fold(answers.known.school_name),
    )
