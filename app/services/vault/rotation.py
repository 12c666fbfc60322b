"""New data keys for a vault: every file is written again under them, and only then do they take over.

The copies stand beside the originals until all are whole and checked. Then ``vault.json`` is replaced (from that moment
the new keys count) and the copies are renamed into place. Wherever it stops, the vault opens: before the replacement
with the old keys and files, after it with the new ones once :mod:`app.services.vault.switching` has renamed the rest.
"""

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from app.errors import EnvironmentFault, UserError
from app.services.durable import sync_file
from app.services.vault import keys, vault_file, ways_in
from app.services.vault.database import DriverError, VaultDamaged, connect
from app.services.vault.keys import DataKeys
from app.services.vault.lifeboat import reseal
from app.services.vault.switching import CASES, DOCUMENTS, LIFEBOAT, SUFFIX, finish
from app.services.vault.unlocking import Unlocked, unlock
from app.services.vault.vault_file import Rotation, VaultFile

if TYPE_CHECKING:
    from app.services.vault.device_secret import Keyring
    from app.timesource import TimeSource

Progress = Callable[[int, int, str], None]
"""Told how far it is: pages done, pages in all (0 when not known), and words."""
PAGES_A_STEP = 1024
_PURPOSE = "rotation"
_QUIET = ("PRAGMA synchronous = FULL", "PRAGMA temp_store = MEMORY")


@dataclass(frozen=True, slots=True)
class RotationReport:
    """What a rotation did.

    Attributes:
        files: written again under new keys.
        resumed: taken over whole from an interrupted rotation.
    """

    files: tuple[str, ...]
    resumed: tuple[str, ...]


def rotate(
    folder: Path,
    passphrase: str,
    *,
    time: "TimeSource",
    keyring: "Keyring | None" = None,
    progress: Progress | None = None,
) -> RotationReport:
    """Give a closed vault new data keys. An interrupted rotation goes on with what was already copied.

    Every way in stays: the passphrase is given, recovery key and authority are sealed to by their public halves.
    Backups made before keep the old keys and open as before.

    Args:
        folder: the vault's; nobody may have it open.
        passphrase: of the vault.
        time: the clock.
        keyring: where the device secret is.
        progress: told how far it is.

    Raises:
        UserError: a wrong passphrase.
        VaultDamaged: a database has to be rebuilt first; nothing was changed.
        EnvironmentFault: the vault is open somewhere, or the disk is in the way; the vault is as before.
    """
    unlocked = unlock(folder, passphrase, time=time, keyring=keyring)
    tell = progress or (lambda _done, _total, _words: None)
    try:
        return _rotate(unlocked, passphrase, tell)
    except (OSError, DriverError) as error:
        raise EnvironmentFault(
            "The new keys could not be written: the disk is full or in the way. The vault is as it was. "
            "Make room and try again."
        ) from error


def _rotate(unlocked: Unlocked, passphrase: str, tell: Progress) -> RotationReport:
    folder, old, file = unlocked.folder, unlocked.keys, unlocked.file
    new, done = _take_up(old, file)
    if new is None:
        new = DataKeys.fresh()
        file = _keep(folder, file, old, new, {})
    resumed: list[str] = []
    with ExitStack() as held:
        for name, key in _databases(old).items():
            source = held.enter_context(_Held(folder / name, key))
            state = _hash(folder / name)
            if done.get(name) == state and (folder / (name + SUFFIX)).exists():
                resumed.append(name)
                continue
            _copy(source.connection, folder / (name + SUFFIX), _databases(new)[name], name, tell)
            done[name] = state
            file = _keep(folder, file, old, new, done)
        tell(0, 0, "Taking the new keys into use")
        _copy_lifeboat(folder, old, new)
        secret = ways_in.secret_of(file, unlocked.keyring)
        now = unlocked.time.now()
        header = msgspec.structs.replace(file.header, generation=file.header.generation + 1)
        switched = msgspec.structs.replace(file, header=header, rotation=Rotation("switching"))
        switched = ways_in.with_new_keys(switched, new, passphrase, secret, now).sealed(new)
        vault_file.write(folder, switched)
    finish(folder, switched, new)
    written = tuple(name for name in _databases(new) if name not in resumed)
    return RotationReport(written, tuple(resumed))


def _take_up(old: DataKeys, file: VaultFile) -> tuple[DataKeys | None, dict[str, str]]:
    """Return the new keys of an interrupted rotation and what it had finished."""
    if file.rotation is None:
        return None, {}
    plain = keys.unseal(file.rotation.sealed, old.subkey(_PURPOSE), file.bound(_PURPOSE))
    return DataKeys.unpack(plain), dict(file.rotation.done)


def _keep(folder: Path, file: VaultFile, old: DataKeys, new: DataKeys, done: dict[str, str]) -> VaultFile:
    sealed = keys.seal(new.pack(), old.subkey(_PURPOSE), file.bound(_PURPOSE))
    file = msgspec.structs.replace(file, rotation=Rotation("copying", sealed, done)).sealed(old)
    vault_file.write(folder, file)
    return file


def _databases(data_keys: DataKeys) -> dict[str, bytes]:
    return {CASES: data_keys.cases, DOCUMENTS: data_keys.documents}


class _Held:
    """A database that nobody else has open, with everything written back from its log."""

    def __init__(self, path: Path, key: bytes) -> None:
        if not path.exists():
            raise VaultDamaged(path.name, f"{path.name} is missing. Open Rollcall to rebuild it. Nothing was changed.")
        self.connection: Any = connect(path, key, pragmas=_QUIET)
        try:
            self.connection.execute("PRAGMA busy_timeout = 0")  # whoever has it open will not let go while we wait
            self.connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self.connection.execute("BEGIN EXCLUSIVE")
            self.connection.execute("COMMIT")
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except DriverError as error:
            self.connection.close()
            if "locked" in str(error) or "busy" in str(error):
                raise EnvironmentFault(
                    "Rollcall is open on this vault. Close it and try again. Nothing was changed."
                ) from error
            raise

    def __enter__(self) -> "_Held":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()


def _copy(source: Any, path: Path, key: bytes, name: str, tell: Progress) -> None:
    """Copy a database page by page under another key, and check every page of the copy."""
    for tail in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + tail).unlink(missing_ok=True)
    path.touch(mode=0o600)
    target = connect(path, key, pragmas=("PRAGMA journal_mode = DELETE", *_QUIET))
    try:

        def step(_status: int, remaining: int, total: int) -> None:
            tell(total - remaining, total, f"Writing {name} under the new keys")

        source.backup(target, pages=PAGES_A_STEP, progress=step)
        tell(0, 0, f"Checking {name}")
        findings = [row[0] for row in target.execute("PRAGMA cipher_integrity_check")]
        if findings:
            raise UserError(f"The copy of {name} is not whole. The vault is as it was. Check the disk, then try again.")
    finally:
        target.close()
    for tail in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + tail).unlink(missing_ok=True)
    sync_file(path)


def _copy_lifeboat(folder: Path, old: DataKeys, new: DataKeys) -> None:
    path = folder / LIFEBOAT
    if path.exists():
        reseal(path, folder / (LIFEBOAT + SUFFIX), old.lifeboat, new.lifeboat)


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
