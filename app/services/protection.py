"""Changing how a vault is protected, with all that belongs to it: backups that open the same way, and the audit.

The vault package changes keys and knows nothing else; this is where its neighbours are told.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import EnvironmentFault
from app.logs import get_logger
from app.services.audit import Action
from app.services.backup.make import back_up
from app.services.backup.manifest import Reason
from app.services.backup.restore import refresh_vault_files
from app.services.vault import open_vault, re_enrol, rotation
from app.services.vault.authority_wrap import fingerprint
from app.services.vault.rotation import Progress, RotationReport

if TYPE_CHECKING:
    from app.services.vault import Unlocked, Vault
    from app.services.vault.device_secret import Keyring
    from app.services.vault.keys import DataKeys, KdfParameters
    from app.services.vault.recovery_key import RecoveryKey
    from app.services.workspace import Workspace
    from app.timesource import TimeSource

WAYS = {"recovery": "recovery key", "authority": "authority"}


def change_passphrase(vault: "Vault", old: str, new: str, *, kdf: "KdfParameters | None" = None) -> None:
    """Take another passphrase into use, also for the backups made under the same keys.

    Raises:
        UserError: the old one is wrong (field ``passphrase``) or the new one weak (field ``new``).
        EnvironmentFault: the keyring or the disk is in the way; the old passphrase stays.
    """
    vault.change_passphrase(old, new, kdf=kdf)
    _note(vault, Action.PASSPHRASE_CHANGED)


def replace_recovery_key(vault: "Vault", recovery: "RecoveryKey", passphrase: str) -> None:
    """Take another recovery key into use; the earlier one opens neither the vault nor its backups any more.

    Raises:
        UserError: the passphrase is wrong; it is counted.
    """
    vault.set_recovery_key(recovery, passphrase)
    _note(vault, Action.RECOVERY_KEY_MADE)


def seal_for_authority(vault: "Vault", ws: "Workspace", public_key: bytes) -> None:
    """Seal the vault's keys, and those of its backups, to the authority's public key too.

    Args:
        vault: open.
        ws: a workspace on it, in whose person's name this is audited.
        public_key: raw X25519; whoever calls has made sure whose it is.
    """
    vault.set_authority_key(public_key)
    ws.audit(Action.AUTHORITY_KEY_SET, detail={"key": fingerprint(public_key)})
    _refresh(vault.folder, vault.keys)


def recovered(
    unlocked: "Unlocked",
    new_passphrase: str,
    *,
    recovery: "RecoveryKey | None" = None,
    keyring: "Keyring | None" = None,
    use_system_keyring: bool = False,
    kdf: "KdfParameters | None" = None,
) -> "Unlocked":
    """Give a vault whose keys were got by recovery a new passphrase and keyring secret; its backups open alike.

    Raises:
        As :func:`app.services.vault.re_enrol`.
    """
    again = re_enrol(
        unlocked, new_passphrase, recovery=recovery, keyring=keyring, use_system_keyring=use_system_keyring, kdf=kdf
    )
    _refresh(again.folder, again.keys)
    return again


def note_recovery(vault: "Vault", way: str) -> None:
    """Record in the audit that the vault was opened by recovery, and by which."""
    vault.system_workspace().audit(Action.RECOVERED, detail={"by": WAYS.get(way, way)})


def rotate(
    folder: Path,
    passphrase: str,
    *,
    time: "TimeSource",
    keyring: "Keyring | None" = None,
    progress: Progress | None = None,
) -> RotationReport:
    """Give a closed vault new data keys, with a backup under the old keys before and one under the new after.

    Raises:
        As :func:`app.services.vault.rotation.rotate`.
    """
    vault = open_vault(folder, passphrase, time=time, keyring=keyring)
    try:
        back_up(folder, vault.keys, vault.engine, time=time, reason=Reason.ROTATION)
    finally:
        vault.close()
    report = rotation.rotate(folder, passphrase, time=time, keyring=keyring, progress=progress)
    vault = open_vault(folder, passphrase, time=time, keyring=keyring)
    try:
        _note(vault, Action.KEYS_ROTATED, refresh=False)
        back_up(folder, vault.keys, vault.engine, time=time, reason=Reason.ROTATED)
    finally:
        vault.close()
    return report


def _note(vault: "Vault", action: Action, *, refresh: bool = True) -> None:
    if vault.device_id is not None:
        vault.system_workspace().audit(action)
    if refresh:
        _refresh(vault.folder, vault.keys)


def _refresh(folder: Path, keys: "DataKeys") -> None:
    try:
        refresh_vault_files(folder, keys)
    except (OSError, EnvironmentFault) as error:  # the way in is changed; backups made from now on have it
        get_logger().warning("backup vault files not refreshed", exc=error)
