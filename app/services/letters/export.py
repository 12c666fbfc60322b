"""Writing a letter outside the vault: only when a person asks, to the place they name, audited."""

from pathlib import Path

from sqlalchemy import select

from app.errors import EnvironmentFault, UserError
from app.models import Letter
from app.services.access import Permission, require
from app.services.audit import Action
from app.services.restriction import require_case
from app.services.workspace import Workspace


def check_free(path: Path) -> None:
    """Refuse a place where there is a file already.

    Raises:
        UserError: in words.
    """
    if path.exists():
        raise UserError("There is a file at that place already. Choose another name. Nothing was saved.")


def write(ws: Workspace, letter_id: str, pdf: bytes, path: Path, *, draft: bool = False) -> None:
    """Write a letter to a new file; the export is in the audit before the bytes leave.

    Raises:
        UserError: there is a file at that place already.
        EnvironmentFault: the place cannot be written.
    """
    require(ws.actor, Permission.EXPORT_RECORDS, letter_id)
    with ws.read() as session:
        case_id = session.scalar(select(Letter.case_id).where(Letter.id == letter_id))
        if case_id is not None:
            require_case(session, ws.actor, case_id, Permission.EXPORT_RECORDS)
    check_free(path)
    ws.audit(Action.EXPORTED_DRAFT if draft else Action.EXPORTED_LETTER, "letter", letter_id, {"bytes": len(pdf)})
    try:
        with path.open("xb") as stream:
            stream.write(pdf)
    except OSError as error:
        raise EnvironmentFault(
            "The file could not be saved there. Choose another place. The letter is kept."
        ) from error
