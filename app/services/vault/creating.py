"""Making a vault, and giving a recovered one new ways in."""

from pathlib import Path

import msgspec

from app.errors import UserError
from app.ids import new_id
from app.services.vault import device_secret, vault_file, ways_in
from app.services.vault.attempts import Attempts
from app.services.vault.database import open_engine
from app.services.vault.device_secret import Keyring
from app.services.vault.keys import DataKeys, KdfParameters
from app.services.vault.recovery_key import RecoveryKey
from app.services.vault.unlocking import Progress, Unlocked, say
from app.services.vault.vault import Vault
from app.services.vault.vault_file import FORMAT, Header, VaultFile
from app.timesource import TimeSource


def create_vault(
    folder: Path,
    passphrase: str,
    *,
    time: TimeSource,
    label: str = "",
    keyring: Keyring | None = None,
    use_system_keyring: bool = False,
    kdf: KdfParameters | None = None,
    recovery: RecoveryKey | None = None,
    progress: Progress | None = None,
) -> Vault:
    """Make a new vault and open it.

    Args:
        folder: an empty or new folder.
        passphrase: at least 12 characters, and hard to guess (see :mod:`app.services.vault.passphrase`).
        time: the clock.
        label: the laptop's name for the unlock page; never a person's.
        keyring: where the device secret is kept; None keeps none (passphrase only, with stronger parameters).
        use_system_keyring: find the operating system's keyring.
        kdf: parameters; tuned to about half a second here when not given.
        recovery: the second way in; the vault keeps only its public half.
        progress: told in words what is being done.

    Raises:
        UserError: the folder holds a vault, or the passphrase is weak.
        EnvironmentFault: the keyring did not keep the secret.
    """
    if vault_file.vault_exists(folder):
        raise UserError("This folder already holds a vault. Open it, or choose another folder. Nothing was changed.")
    if use_system_keyring and keyring is None:
        keyring = device_secret.system_keyring()
    ways_in.check_new_passphrase(passphrase, with_keyring=keyring is not None)
    say(progress, "Measuring this laptop")
    derivation = ways_in.new_kdf(kdf, with_keyring=keyring is not None)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / "backups").mkdir(mode=0o700, exist_ok=True)
    now = time.now()
    header = Header(
        format=FORMAT,
        vault=new_id(),
        label=label[:100],
        created_at=now.isoformat(),
        generation=1,
        keyring=keyring is not None,
        kdf=derivation,
        passphrase_set_at=now.isoformat(),
    )
    secret = device_secret.store_new_secret(keyring, header.vault) if keyring else None
    try:
        say(progress, "Making the keys")
        data_keys = DataKeys.fresh()
        file = VaultFile(header, [])
        file = file.with_wrap(ways_in.passphrase_wrap(file, data_keys, passphrase, secret, now))
        if recovery is not None:
            file = file.with_wrap(ways_in.recovery_wrap(file, data_keys, recovery.public_key, now))
        file = file.sealed(data_keys)
        say(progress, "Making the databases")
        vault_file.write(folder, file)
        open_engine(folder / "documents.db", data_keys.documents, create=True).dispose()
        return Vault(folder, data_keys, file, time, keyring=keyring, new=True)
    except BaseException:
        if keyring is not None:
            device_secret.forget_secret(keyring, header.vault)  # of a vault that never came to be
        raise


def re_enrol(
    unlocked: Unlocked,
    new_passphrase: str,
    *,
    keyring: Keyring | None = None,
    use_system_keyring: bool = False,
    kdf: KdfParameters | None = None,
    recovery: RecoveryKey | None = None,
    progress: Progress | None = None,
) -> Unlocked:
    """Give a vault whose keys were got by recovery a new passphrase, a new device secret and, if given, recovery key.

    The old passphrase, the old keyring secret and any recovery file of the authority stop working.

    Args:
        unlocked: the keys.
        new_passphrase: as for :func:`create_vault`.
        keyring, use_system_keyring, kdf, progress: as for :func:`create_vault`.
        recovery: replaces the recovery key; without one the present one stays.

    Raises:
        UserError: the passphrase is weak; nothing was changed.
        EnvironmentFault: the keyring did not keep the secret; nothing was changed.
    """
    if use_system_keyring and keyring is None:
        keyring = device_secret.system_keyring()
    ways_in.check_new_passphrase(new_passphrase, with_keyring=keyring is not None)
    say(progress, "Measuring this laptop")
    derivation = ways_in.new_kdf(kdf, with_keyring=keyring is not None)
    old = unlocked.file
    now = unlocked.time.now()
    header = msgspec.structs.replace(
        old.header,
        generation=old.header.generation + 1,
        keyring=keyring is not None,
        kdf=derivation,
        passphrase_set_at=now.isoformat(),
    )
    secret = device_secret.store_new_secret(keyring, header.vault) if keyring else None
    say(progress, "Making the keys")
    file = msgspec.structs.replace(old, header=header)
    file = file.with_wrap(ways_in.passphrase_wrap(file, unlocked.keys, new_passphrase, secret, now))
    if recovery is not None:
        file = file.with_wrap(ways_in.recovery_wrap(file, unlocked.keys, recovery.public_key, now))
    file = file.sealed(unlocked.keys)
    vault_file.write(unlocked.folder, file)
    Attempts(unlocked.folder / "attempts.json", unlocked.time).succeeded()
    return Unlocked(unlocked.folder, unlocked.keys, file, unlocked.time, keyring, unlocked.way, unlocked.mended)
