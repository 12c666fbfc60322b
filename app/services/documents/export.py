"""Saving a document's original bytes outside the vault: only when a person asks, to the place they name, audited."""

from pathlib import Path

from app.errors import EnvironmentFault, UserError
from app.services.access import Permission, require
from app.services.audit import Action
from app.services.documents import tray
from app.services.workspace import Workspace


def export_document(ws: Workspace, document_id: str, path: Path) -> None:
    """Write a document as it arrived to a new file; the export is in the audit before the bytes leave.

    Raises:
        UserError: there is a file at that place already.
        EnvironmentFault: the place cannot be written, or the pages are not on this laptop yet.
    """
    require(ws.actor, Permission.EXPORT_RECORDS, document_id)
    detail = tray.document(ws, document_id)
    data = ws.documents.get(detail.sha256)
    if path.exists():
        raise UserError("There is a file at that place already. Choose another name. Nothing was saved.")
    ws.audit(Action.EXPORTED, "document", document_id, {"bytes": len(data)})
    try:
        with path.open("xb") as stream:
            stream.write(data)
    except OSError as error:
        raise EnvironmentFault(
            "The file could not be saved there. Choose another place. The document is kept."
        ) from error
