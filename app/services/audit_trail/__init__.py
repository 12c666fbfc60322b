"""Reading the audit: what the page lists and filters, verifying with progress, exporting."""

from app.services.audit_trail.checking import check, report_text, save_report
from app.services.audit_trail.exporting import export
from app.services.audit_trail.index import refresh
from app.services.audit_trail.listing import (
    AuditQuery,
    AuditRow,
    find_case,
    note_reading,
    people,
    rows,
    searches_for,
    sequences,
)

__all__ = [
    "AuditQuery",
    "AuditRow",
    "check",
    "export",
    "find_case",
    "note_reading",
    "people",
    "refresh",
    "report_text",
    "rows",
    "save_report",
    "searches_for",
    "sequences",
]
