"""Predecessors and successors of schools (``links_edubasealldata*.csv``): a converted academy has a new URN."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from app.services.exchange.reference import (
    Column,
    bind,
    parse_day,
    parse_urn,
    reference_id,
    typed_rows,
    write_changes,
)
from app.services.exchange.report import Cancelled, ImportReport, Progress
from app.services.exchange.tabular import REFERENCE_BYTES, Table, read_csv

if TYPE_CHECKING:
    from app.services.workspace import Workspace

KIND = "School links (GIAS)"
COLUMNS = (
    Column("urn", "URN", required=True, convert=parse_urn),
    Column("linked_urn", "LinkURN", required=True, convert=parse_urn),
    Column("linked_name", "LinkName"),
    Column("kind", "LinkType", required=True),
    Column("established_on", "LinkEstablishedDate", convert=parse_day),
)


def looks_like(header: tuple[str, ...]) -> bool:
    """Return whether headings are those of a links extract."""
    return {"urn", "linkurn", "linktype"} <= {name.casefold() for name in header}


def import_links(
    ws: "Workspace",
    content: bytes,
    *,
    file_name: str = "",
    dry_run: bool = False,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> ImportReport:
    """Import school links; a link is known by its two URNs and its kind.

    Raises:
        UserError: the file is refused whole; nothing changed.
        AccessRefused: the role may not import reference data.
    """
    from app.models import SchoolLink
    from app.services.access import Permission, require

    require(ws.actor, Permission.IMPORT_REFERENCE)
    table = read_csv(content, limit=REFERENCE_BYTES, delimiters=",")
    report = ImportReport(KIND, file_name, table.encoding, dry_run=dry_run, header=table.header)
    write_changes(
        ws,
        SchoolLink,
        _links(table, report),
        report,
        reason="Imported school links from GIAS",
        progress=progress,
        cancelled=cancelled,
        total=content.count(b"\n"),
    )
    return report.audited_in(ws)


def _links(table: Table, report: ImportReport) -> Iterator[tuple[str, dict[str, Any]]]:
    bound = bind(table, COLUMNS, "GIAS links extract")
    seen: set[str] = set()
    for line, values in typed_rows(table, bound, report):
        key = reference_id("school_link", values["urn"], values["linked_urn"], values["kind"])
        if values["urn"] == values["linked_urn"]:
            report.refuse(line, "LinkURN", "A school is linked to itself.")
        elif key in seen:
            report.warn(line, "", "The same link is in the file already.")
        else:
            seen.add(key)
            yield key, values
