"""Getting at a vault's keys: by passphrase, by recovery key, or by a file and code from the authority."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import UserError
from app.services.vault import switching, vault_file, ways_in
from app.services.vault.attempts import Attempts
from app.services.vault.device_secret import Keyring
from app.services.vault.keys import DataKeys, WrongSecretError
from app.services.vault.recovery_key import RecoveryKey
from app.services.vault.vault import Vault
from app.services.vault.vault_file import VaultFile
from app.timesource import TimeSource

Progress = Callable[[str], None]
Opener = Callable[[VaultFile], DataKeys]


@dataclass(frozen=True, slots=True)
class Unlocked:
    """The keys of a vault, before any of its databases is touched.

    Attributes:
        way: how they were got: passphrase, recovery or authority.
        mended: a damaged copy of ``vault.json`` was put right.
        wrong: how many wrong secrets were tried since it was last opened; the audit tells of them.
    """

    folder: Path
    keys: DataKeys = field(repr=False)
    file: VaultFile = field(repr=False)
    time: TimeSource
    keyring: Keyring | None = None
    way: str = "passphrase"
    mended: bool = False
    wrong: int = 0

    def open(self) -> Vault:
        """Open the databases.

        Raises:
            VaultDamaged: one is missing or does not open; it can be rebuilt.
            EnvironmentFault: another Rollcall, the disk or the keyring is in the way.
        """
        return Vault(self.folder, self.keys, self.file, self.time, keyring=self.keyring, wrong=self.wrong)


def unlock(
    folder: Path,
    passphrase: str,
    *,
    time: TimeSource,
    keyring: Keyring | None = None,
    progress: Progress | None = None,
) -> Unlocked:
    """Get at the keys by passphrase and, where the vault has one, the device secret in the keyring.

    Raises:
        UserError: no vault, a newer vault, a wrong passphrase (with how many tries are left), or a wait is running.
        EnvironmentFault: the keyring does not open.
        KeyringLost: the keyring has lost the vault's secret.
    """
    files = vault_file.candidates(folder)
    attempts = Attempts(folder / "attempts.json", time)
    attempts.check()
    secret = ways_in.secret_of(files[0], keyring)
    say(progress, "Unlocking")
    opened = _first(files, lambda file: ways_in.open_with_passphrase(file, passphrase, secret))
    if opened is None:
        raise UserError(attempts.failed(), field="passphrase")
    wrong = attempts.succeeded()
    return _unlocked(folder, *opened, time=time, keyring=keyring, way="passphrase", wrong=wrong)


def unlock_with_recovery(
    folder: Path,
    recovery_text: str,
    *,
    time: TimeSource,
    keyring: Keyring | None = None,
    progress: Progress | None = None,
) -> Unlocked:
    """Get at the keys by the recovery key; no keyring and no passphrase is needed.

    Raises:
        UserError: not a recovery key, not this vault's, a wait is running, or the vault has none.
    """
    files = vault_file.candidates(folder)
    recovery = RecoveryKey.parse(recovery_text)
    if not any(file.wrap("recovery") for file in files):
        raise UserError(
            "This vault was set up without a recovery key. Ask your administrator for a recovery file.", "recovery"
        )
    attempts = Attempts(folder / "attempts.json", time, "recovery")
    attempts.check()
    say(progress, "Unlocking")
    opened = _first(files, lambda file: ways_in.open_with_recovery(file, recovery))
    if opened is None:
        attempts.failed()
        raise UserError(
            "This recovery key is of another laptop, or an older one. Check the name and date on the sheet. "
            "Your records are kept, encrypted.",
            field="recovery",
        )
    wrong = attempts.succeeded()
    return _unlocked(folder, *opened, time=time, keyring=keyring, way="recovery", wrong=wrong)


def unlock_with_reissue(
    folder: Path,
    reissue_file: Path,
    code_text: str,
    *,
    time: TimeSource,
    keyring: Keyring | None = None,
    progress: Progress | None = None,
) -> Unlocked:
    """Get at the keys by the file and code that the authority's ``rollcall-central recover`` made.

    Raises:
        UserError: not such a file or code, or not for this vault as it is now.
    """
    from app.services.vault.reissue import read_reissue

    files = vault_file.candidates(folder)
    reissue = read_reissue(reissue_file)
    attempts = Attempts(folder / "attempts.json", time, "code")
    attempts.check()
    say(progress, "Unlocking")
    opened = _first(files, lambda file: reissue.open(code_text, file.bound("reissue"), file.header.vault))
    if opened is None:
        attempts.failed()
        raise UserError(
            "The code does not open this file, or the file is for another laptop or was used already. "
            "Check the code, or ask your administrator for a new file. Your records are kept, encrypted.",
            field="code",
        )
    wrong = attempts.succeeded()
    return _unlocked(folder, *opened, time=time, keyring=keyring, way="authority", wrong=wrong)


def open_vault(
    folder: Path,
    passphrase: str,
    *,
    time: TimeSource,
    keyring: Keyring | None = None,
    progress: Progress | None = None,
) -> Vault:
    """Open a vault by passphrase.

    Raises:
        As :func:`unlock` and :meth:`Unlocked.open`.
    """
    unlocked = unlock(folder, passphrase, time=time, keyring=keyring, progress=progress)
    say(progress, "Opening your cases")
    return unlocked.open()


def say(progress: Progress | None, words: str) -> None:
    """Tell what is being done, where somebody listens."""
    if progress is not None:
        progress(words)


def _first(files: list[VaultFile], opener: Opener) -> tuple[VaultFile, DataKeys] | None:
    """Return the first copy that opens and is as it was written.

    Raises:
        UserError: a copy opened and was changed by somebody else since.
    """
    changed = False
    for file in files:
        try:
            data_keys = opener(file)
        except WrongSecretError:
            continue
        if file.is_sealed(data_keys):
            return file, data_keys
        changed = True
    if changed:
        raise UserError(
            "vault.json was changed by something other than Rollcall, so it is not used. Restore it from a backup. "
            "Your records are kept, encrypted."
        )
    return None


def _unlocked(
    folder: Path,
    file: VaultFile,
    data_keys: DataKeys,
    *,
    time: TimeSource,
    keyring: Keyring | None,
    way: str,
    wrong: int,
) -> Unlocked:
    mended = vault_file.agree(folder, file)
    if file.rotation is not None and file.rotation.stage == "switching":
        file = switching.finish(folder, file, data_keys)
    return Unlocked(folder, data_keys, file, time, keyring, way, mended, wrong)
