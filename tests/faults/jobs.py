"""The pieces of work that faults are made in the middle of. Each reports what is committed, as soon as it is."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from app.errors import EnvironmentFault
from app.models import Case
from app.services import cases, restoring
from app.services.backup.listing import list_backups
from app.services.backup.make import back_up
from app.services.backup.manifest import Reason
from app.services.drafts import note_key, save_draft
from app.services.rescue.rebuild import rebuild
from app.services.vault import Vault, rotation, unlock
from app.timesource import FrozenTime
from tests.conftest import PASSPHRASE, QUICK
from tests.faults.truth import add_document

Report = Callable[[str], object]
NEW_PASSPHRASE = "eleven quiet lanterns wait"


def opened(folder: Path, now: datetime) -> Vault:
    """Open the vault."""
    return unlock(folder, PASSPHRASE, time=FrozenTime(now)).open()


def save(folder: Path, now: datetime, report: Report, *, times: int = 12, size: int = 6000) -> None:
    """Write notes, drafts and documents; a note that is refused is tried again, as a person would."""
    vault = opened(folder, now)
    ws = vault.workspace()
    with ws.read() as session:
        case_id = session.scalars(select(Case.id)).first() or ""
    refused: EnvironmentFault | None = None
    for number in range(times):
        words = f"Note {number} " + "and so on " * (size // 10)
        try:
            cases.add_note(ws, case_id, text=words)
            report(f"note:{words.strip()}")
            save_draft(ws, note_key(case_id), f"Draft {number}")
            report(f"draft:Draft {number}")
            if number % 4 == 3:
                add_document(ws, bytes([number]) * 300_000, f"Document {number}")
                report(f"document:Document {number}")
        except EnvironmentFault as fault:
            refused = fault
    vault.close()
    if refused is not None:
        raise refused


def make_backup(folder: Path, now: datetime, report: Report) -> None:
    """Make a backup."""
    vault = opened(folder, now)
    info = back_up(vault.folder, vault.keys, vault.engine, time=vault.time, reason=Reason.REQUESTED)
    report(info.name)
    vault.close()


def rotate(folder: Path, now: datetime, report: Report) -> None:
    """Change the data keys."""
    rotation.rotate(folder, PASSPHRASE, time=FrozenTime(now))
    report("rotated")


def rebuild_it(folder: Path, now: datetime, report: Report) -> None:
    """Rebuild."""
    rebuild(unlock(folder, PASSPHRASE, time=FrozenTime(now)))
    report("rebuilt")


def restore(folder: Path, now: datetime, report: Report) -> None:
    """Put the newest backup back."""
    unlocked = unlock(folder, PASSPHRASE, time=FrozenTime(now))
    restoring.restore(unlocked, list_backups(folder)[0].folder)
    report("restored")


def change_passphrase(folder: Path, now: datetime, report: Report) -> None:
    """Change the passphrase."""
    vault = opened(folder, now)
    vault.change_passphrase(PASSPHRASE, NEW_PASSPHRASE, kdf=QUICK)
    report("changed")
    vault.close()


def open_it(folder: Path, now: datetime, report: Report) -> None:
    """Open, which migrates an older vault after a backup."""
    opened(folder, now).close()
    report("opened")


WORK: dict[str, Callable[..., None]] = {
    "save": save,
    "back up": make_backup,
    "rotate": rotate,
    "rebuild": rebuild_it,
    "restore": restore,
    "change passphrase": change_passphrase,
    "open": open_it,
}
