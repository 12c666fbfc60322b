"""Writing a letter outside the vault: only when a person asks, to the place they name, audited."""

from pathlib import Path

from app.errors import EnvironmentFault, UserError
from app.services.access import Permission, require
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
    require(ws.actor, Permission.WRITE_LETTERS if draft else Permission.READ_CASES)
    check_free(path)
    ws.audit("exported a draft letter" if draft else "exported a letter", "letter", letter_id, {"bytes": len(pdf)})
    try:
        with path.open("xb") as stream:
            stream.write(pdf)
    except OSError as error:
        raise EnvironmentFault(
            "The file could not be saved there. Choose another place. The letter is kept."
        ) from error
