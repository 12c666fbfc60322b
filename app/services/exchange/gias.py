"""The daily GIAS extract of establishments (``edubasealldata*.csv``), bound by heading.

Source: Get Information about Schools, Open Government Licence v3.0. The published file is Windows-1252; copies saved
again as UTF-8 exist, so the encoding is detected. Layouts differ by year: only the columns below are read, and only
those marked required must be there.
"""

from typing import TYPE_CHECKING, Any

from app.errors import UserError
from app.services.exchange.reference import (
    Column,
    bind,
    parse_code,
    parse_day,
    parse_urn,
    reference_id,
    typed_rows,
    write_changes,
)
from app.services.exchange.report import Cancelled, ImportReport, Progress
from app.services.exchange.tabular import NOTHING_CHANGED, REFERENCE_BYTES, Table, read_csv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.services.workspace import Workspace

KIND = "Schools (GIAS)"


def _age(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        raise ValueError("is not an age in years")
    return int(text)


def _la_code(text: str) -> str:
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        raise ValueError("is not a local authority code of 3 digits")
    return text.zfill(3)


def _establishment(text: str) -> str:
    if not text:
        return ""
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise ValueError("is not an establishment number of 4 digits")
    return text.zfill(4)


COLUMNS = (
    Column("urn", "URN", required=True, convert=parse_urn),
    Column("la_code", "LA (code)", required=True, convert=_la_code),
    Column("la_name", "LA (name)"),
    Column("establishment_number", "EstablishmentNumber", convert=_establishment),
    Column("name", "EstablishmentName", required=True),
    Column("type_code", "TypeOfEstablishment (code)", convert=parse_code),
    Column("type_name", "TypeOfEstablishment (name)"),
    Column("status_code", "EstablishmentStatus (code)", convert=parse_code),
    Column("status_name", "EstablishmentStatus (name)"),
    Column("opened_on", "OpenDate", convert=parse_day),
    Column("closed_on", "CloseDate", convert=parse_day),
    Column("phase_code", "PhaseOfEducation (code)", convert=parse_code),
    Column("phase_name", "PhaseOfEducation (name)"),
    Column("low_age", "StatutoryLowAge", convert=_age),
    Column("high_age", "StatutoryHighAge", convert=_age),
    Column("gender", "Gender (name)"),
    Column("ukprn", "UKPRN"),
    Column("changed_on", "LastChangedDate", convert=parse_day),
    Column("street", "Street"),
    Column("locality", "Locality"),
    Column("address3", "Address3"),
    Column("town", "Town"),
    Column("county", "County (name)"),
    Column("postcode", "Postcode"),
    Column("website", "SchoolWebsite"),
    Column("phone", "TelephoneNum"),
    Column("head_title", "HeadTitle (name)"),
    Column("head_first_name", "HeadFirstName"),
    Column("head_last_name", "HeadLastName"),
    Column("uprn", "UPRN"),
)
_STATUS_REQUIRED = "EstablishmentStatus (code)"


def looks_like(header: tuple[str, ...]) -> bool:
    """Return whether headings are those of a GIAS extract."""
    names = {name.casefold() for name in header}
    return "urn" in names and "establishmentname" in names


def import_schools(
    ws: "Workspace",
    content: bytes,
    *,
    file_name: str = "",
    dry_run: bool = False,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> ImportReport:
    """Import establishments: new ones are added, changed ones updated field by field, the others left alone.

    A school that is not in the file stays: absence is never deletion.

    Args:
        ws: the vault.
        content: the file's bytes.
        file_name: for the report.
        dry_run: report without writing.
        progress: rows done and in all.
        cancelled: asked between commits.

    Raises:
        UserError: the file is refused whole; nothing changed.
        AccessRefused: the role may not import reference data.
    """
    from app.models import School
    from app.services.access import Permission, require

    require(ws.actor, Permission.IMPORT_REFERENCE)
    table = read_csv(content, limit=REFERENCE_BYTES, delimiters=",")
    report = ImportReport(KIND, file_name, table.encoding, dry_run=dry_run, header=table.header)
    rows = _schools(table, report)
    first = next(rows, None)
    if first is None:
        _refuse_empty(report)
        return report

    def all_rows() -> "Iterator[tuple[str, dict[str, Any]]]":
        yield first
        yield from rows

    total = content.count(b"\n")
    write_changes(
        ws,
        School,
        all_rows(),
        report,
        reason="Imported schools from GIAS",
        progress=progress,
        cancelled=cancelled,
        total=total,
    )
    return report.audited_in(ws)


def _refuse_empty(report: ImportReport) -> None:
    if report.rows_read == 0:
        raise UserError(f"The file has headings and no schools. {NOTHING_CHANGED}")


def _schools(table: Table, report: ImportReport) -> "Iterator[tuple[str, dict[str, Any]]]":
    bound = bind(table, COLUMNS, "GIAS extract of establishments")
    seen: dict[str, int] = {}
    for line, values in typed_rows(table, bound, report):
        urn = values["urn"]
        if urn in seen:
            report.refuse(line, "URN", f"URN {urn} is on line {seen[urn]} already.")
            continue
        seen[urn] = line
        yield reference_id("school", urn), values
