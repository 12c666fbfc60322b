"""What the recovery sheet asks of the services, off the window's thread. It is written only where it is asked for."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage

if TYPE_CHECKING:
    from app.services.vault.recovery_key import RecoveryKey
    from app.views.letters.printing import Sheets


def new_key() -> "RecoveryKey":
    """Return a new recovery key."""
    from app.services.vault.recovery_key import RecoveryKey

    return RecoveryKey.new()


def sheet_pdf(key: "RecoveryKey", laptop: str) -> bytes:
    """Return the sheet of a key as a PDF."""
    from app.services.recovery_sheet import RecoverySheet, draw_sheet
    from app.timesource import SystemTime

    return draw_sheet(RecoverySheet(key.groups, laptop, SystemTime().today()))


def sheet_to_print(key: "RecoveryKey", laptop: str) -> "Sheets":
    """Return the sheet for a printer; it is made in memory."""
    from app.views.letters.printing import prepare

    return prepare(sheet_pdf(key, laptop), sheet_pages)


def sheet_pages(pdf: bytes, dpi: float) -> list[QImage]:
    """Return the sheet's pages as pictures, drawn in memory."""
    from app.services.letters.pictures import draw

    return [
        QImage(page.rows, page.width, page.height, page.width * 4, QImage.Format.Format_RGBX8888).copy()
        for page in draw(pdf, dpi)
    ]


def save_sheet(key: "RecoveryKey", laptop: str, path: Path, laptop_folder: Path) -> bool:
    """Write the sheet where the person chose, readable by them alone.

    Args:
        key, laptop: what it says.
        path: where.
        laptop_folder: the vault's folder or where it will be.

    Returns:
        Whether it now stands on the same disk as the vault, where it must not stay.

    Raises:
        EnvironmentFault: it could not be written; nothing is left there.
    """
    from app.errors import EnvironmentFault

    content = sheet_pdf(key, laptop)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise EnvironmentFault("The sheet could not be saved there. Choose another place, or print it.") from error
    return _device(path) == _device(laptop_folder)


def _device(path: Path) -> int | None:
    """Return the number of the disk that a path is on, of its nearest folder when it does not exist yet."""
    for each in (path, *path.absolute().parents):
        with suppress(OSError):
            return each.stat().st_dev
    return None
