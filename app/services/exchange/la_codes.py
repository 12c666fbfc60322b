"""Local authority codes: three digits, dated by their notes because codes change with reorganisation."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from app.services.exchange.reference import Column, bind, reference_id, typed_rows, write_changes
from app.services.exchange.report import Cancelled, ImportReport, Progress
from app.services.exchange.tabular import Table, read_csv

if TYPE_CHECKING:
    from app.services.workspace import Workspace

KIND = "Local authority codes"


def _code(text: str) -> str:
    if not (text.isascii() and text.isdigit() and len(text) == 3):
        raise ValueError("is not a local authority code of 3 digits")
    return text


COLUMNS = (
    Column("code", "la_code", required=True, convert=_code),
    Column("name", "la_name", required=True),
    Column("note", "note"),
)


def looks_like(header: tuple[str, ...]) -> bool:
    """Return whether headings are those of the code list."""
    return {"la_code", "la_name"} <= {name.casefold() for name in header}


def import_la_codes(
    ws: "Workspace",
    content: bytes,
    *,
    file_name: str = "",
    dry_run: bool = False,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> ImportReport:
    """Import local authority codes.

    Raises:
        UserError: the file is refused whole; nothing changed.
        AccessRefused: the role may not import reference data.
    """
    from app.models import LocalAuthority
    from app.services.access import Permission, require

    require(ws.actor, Permission.IMPORT_REFERENCE)
    table = read_csv(content, delimiters=",")
    report = ImportReport(KIND, file_name, table.encoding, dry_run=dry_run, header=table.header)
    write_changes(
        ws,
        LocalAuthority,
        _codes(table, report),
        report,
        reason="Imported local authority codes",
        progress=progress,
        cancelled=cancelled,
        total=content.count(b"\n"),
    )
    return report.audited_in(ws)


def _codes(table: Table, report: ImportReport) -> Iterator[tuple[str, dict[str, Any]]]:
    bound = bind(table, COLUMNS, "list of local authority codes")
    seen: set[str] = set()
    for line, values in typed_rows(table, bound, report):
        if values["code"] in seen:
            report.refuse(line, "la_code", f"Code {values['code']} is in the file already.")
            continue
        seen.add(values["code"])
        yield reference_id("local_authority", values["code"]), values
