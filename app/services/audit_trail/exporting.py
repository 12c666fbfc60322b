"""Saving entries of the audit outside the vault, as CSV: only when a person asks, to the place they name, audited."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from app.errors import EnvironmentFault, UserError
from app.services.access import Permission, require
from app.services.audit import Action
from app.services.audit_trail import index
from app.services.audit_trail.listing import AuditQuery, AuditRow, rows, sequences
from app.services.batches import batched
from app.services.exchange.report import neutralise
from app.services.workspace import Workspace
from app.timesource import to_london

HEADER = ("Entry", "When (London)", "Who", "What", "About", "Details")
_PART = 500
Progress = Callable[[int, int], object]


def export(ws: Workspace, query: AuditQuery, path: Path, progress: Progress | None = None) -> int:
    """Write the entries of a query to a new CSV file, newest first; the export is in the audit before the bytes leave.

    No spreadsheet takes a cell for a formula.

    Args:
        ws: the workspace.
        query: which entries.
        path: a new file.
        progress: told how many of how many are written; returning False stops, and the file is taken away again.

    Returns:
        How many entries were written.

    Raises:
        AccessRefused: the role may not read the audit.
        UserError: there is a file at that place already, or it was stopped.
        EnvironmentFault: the place cannot be written.
    """
    require(ws.actor, Permission.READ_AUDIT)
    if path.exists():
        raise UserError("There is a file at that place already. Choose another name. Nothing was saved.")
    index.refresh(ws)
    numbers = sequences(ws, query)
    ws.audit(Action.EXPORTED_AUDIT, detail={"entries": len(numbers)})
    try:
        with path.open("x", encoding="utf-8-sig", newline="") as stream:
            finished = _write(ws, numbers, stream, progress or (lambda _done, _total: True))
    except OSError as error:
        path.unlink(missing_ok=True)
        raise EnvironmentFault("The file could not be saved there. Choose another place. The audit is kept.") from error
    if not finished:
        path.unlink(missing_ok=True)
        raise UserError("Stopped. Nothing was saved.")
    return len(numbers)


def _write(ws: Workspace, numbers: Sequence[int], stream: TextIO, progress: Progress) -> bool:
    writer = csv.writer(stream, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(HEADER)
    done = 0
    for part in batched(numbers, _PART):
        writer.writerows([neutralise(cell) for cell in _cells(row)] for row in rows(ws, part))
        done += len(part)
        if progress(done, len(numbers)) is False:
            return False
    return True


def _cells(row: AuditRow) -> tuple[str, ...]:
    when = to_london(row.at).strftime("%Y-%m-%d %H:%M:%S") if row.at else ""
    return (str(row.sequence), when, row.who, row.action, row.about, row.detail)
