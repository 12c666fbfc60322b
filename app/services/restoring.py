"""Putting a backup back and, on top of it, everything that is newer and still on this laptop."""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import UserError
from app.services.audit import Action
from app.services.backup.listing import Backup, verify_backup
from app.services.backup.manifest import KEY_FILES, read_manifest
from app.services.backup.restore import copy_back
from app.services.backup.words import BackupDamaged
from app.services.rescue import documents
from app.services.safekeeping import opening_for
from app.services.sync import facts, recovery
from app.services.vault.lifeboat_meeting import CaughtUp
from app.services.vault.vault_file import candidates, vault_exists

if TYPE_CHECKING:
    from app.services.vault import Unlocked, Vault

Unlocking = Callable[[Path], "Unlocked"]
"""Gets at the keys of the vault whose ``vault.json`` is in a folder."""
Progress = Callable[[int, int], object]
_SALVAGE = ".salvage"


@dataclass(frozen=True, slots=True)
class Restored:
    """What restoring did.

    Attributes:
        backup: its name.
        made_at: when it was made, UTC.
        set_aside: the folder of what was there before; empty when nothing was.
        replayed: how many changes made after the backup were written again from the lifeboat.
        audit_entries: how many audit entries came from it.
        documents: how many documents' bytes that are newer were taken over from what was set aside.
        awaiting: whether the next sync looks for more at the central store.
        lifeboat_damaged: how many records of the lifeboat could not be read.
    """

    backup: str
    made_at: datetime
    set_aside: str
    replayed: int
    audit_entries: int
    documents: int
    awaiting: bool
    lifeboat_damaged: int


def get_keys(folder: Path, backup: Path, unlocking: Unlocking) -> "Unlocked":
    """Return the keys that a backup was made under, by the vault's own ``vault.json`` or, failing that, the backup's.

    Args:
        folder: of the vault; it may be empty or hold another vault.
        backup: the backup's folder.
        unlocking: the way in that the person chose.

    Raises:
        UserError: neither opens that way, or the backup was made under other keys than both.
        EnvironmentFault: the keyring is in the way.
    """
    manifest = read_manifest(backup)
    refused: UserError | None = None
    if vault_exists(folder):
        try:
            unlocked = unlocking(folder)
            if manifest.is_authentic(unlocked.keys):
                return unlocked
        except UserError as error:
            refused = error
    # Beside neither: what is counted and mended at an unlocking must touch no backup.
    with tempfile.TemporaryDirectory(prefix="rollcall-") as scratch:
        for name in KEY_FILES:
            with suppress(FileNotFoundError):
                shutil.copyfile(backup / name, Path(scratch) / name)
        try:
            unlocked = unlocking(Path(scratch))
        except UserError as error:
            raise refused or error from None
    if not manifest.is_authentic(unlocked.keys):
        raise BackupDamaged(f"The manifest of {backup.name} was changed. This backup is not used.")
    return replace(unlocked, folder=folder)


def restore(unlocked: "Unlocked", backup: Path, *, progress: Progress | None = None) -> Restored:
    """Put a backup back into the vault's folder, then write on top what was made since and is still here.

    Newer work comes from the lifeboat (change sets, audit entries, drafts, case numbers), newer documents' bytes from
    the ``documents.db`` that was set aside, and what the central store has with the next sync.

    Args:
        unlocked: from :func:`get_keys`.
        backup: the backup's folder.
        progress: told how many bytes of how many are copied.

    Raises:
        BackupDamaged: it is not what it was; nothing was changed.
        EnvironmentFault: the vault is open or the disk is in the way; nothing was changed.
    """
    folder = unlocked.folder
    info = _authentic(backup, unlocked)
    ours = opening_for(lambda: unlocked.keys).is_ours
    keeps_key_files = any(ours(folder / name) for name in KEY_FILES)
    done = copy_back(backup, folder, with_key_files=not keeps_key_files, time=unlocked.time, progress=progress)
    vault = replace(unlocked, file=candidates(folder)[0]).open()
    try:
        taken = 0
        if done.set_aside is not None:
            taken = _newer_documents(vault, done.set_aside)
        awaiting = _await_the_rest(vault)
        met = vault.lifeboat.caught_up or CaughtUp()
        if vault.device_id is not None:
            detail = {"backup": info.name, "replayed": met.redone, "set_aside": bool(done.set_aside)}
            vault.system_workspace().audit(Action.RESTORED, detail=detail)
    finally:
        vault.close()
    return Restored(
        backup=info.name,
        made_at=info.made_at,
        set_aside=done.set_aside.name if done.set_aside else "",
        replayed=met.redone,
        audit_entries=met.entries,
        documents=taken,
        awaiting=awaiting,
        lifeboat_damaged=len(met.damaged),
    )


def _authentic(backup: Path, unlocked: "Unlocked") -> Backup:
    """Compare a backup with its manifest before anything is copied."""
    return verify_backup(backup, unlocked.keys)


def _newer_documents(vault: "Vault", aside: Path) -> int:
    """Take over documents' bytes that the backup does not have yet; the file that was set aside stays untouched."""
    if not (aside / "documents.db").exists():
        return 0
    scratch = vault.folder / _SALVAGE
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)
    try:
        for name in ("documents.db", "documents.db-wal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(aside / name, scratch / name)
        store = vault.system_workspace().documents
        return documents.salvage(
            scratch / "documents.db", vault.keys.documents, store, documents.hashes_of(vault.engine)
        )
    except OSError:  # no room: the bytes are still in what was set aside
        return 0
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _await_the_rest(vault: "Vault") -> bool:
    """Have the next sync look for what this laptop had sent since, and give no case number twice."""
    if vault.device_id is None:
        return False
    with vault.system_workspace().apply_session() as session:
        recovery.skip_used_numbers(session)
        enrolled = facts.get(session, facts.SERVER) is not None
        if enrolled:
            recovery.mark_behind(session)
    return enrolled
