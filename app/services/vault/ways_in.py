"""The ways into a vault: making and opening the wraps of passphrase, recovery key and authority."""

import os
from datetime import datetime

from app.services.vault import device_secret, keys
from app.services.vault.device_secret import Keyring
from app.services.vault.keys import DataKeys, KdfParameters, WrongSecretError
from app.services.vault.passphrase import MOST_LENGTH, check
from app.services.vault.recovery_key import RecoveryKey
from app.services.vault.sealing import open_sealed, seal_to
from app.services.vault.vault_file import Kdf, VaultFile, Wrap

WITH_KEYRING_SECONDS = 0.5
WITHOUT_KEYRING_SECONDS = 1.0
"""Without a keyring the passphrase is the only lock, so guessing is made twice as slow."""


def check_new_passphrase(text: str, *, with_keyring: bool) -> None:
    """Refuse a passphrase that is too short or too easy to guess.

    Args:
        text: the passphrase.
        with_keyring: whether the keyring helps; without it more is asked.

    Raises:
        UserError: says what to do; field ``passphrase``.
    """
    check(text, alone=not with_keyring)


def new_kdf(parameters: KdfParameters | None, *, with_keyring: bool) -> Kdf:
    """Return how a new passphrase is derived: as given, else tuned to this laptop; always with a new salt."""
    if parameters is None:
        parameters = KdfParameters.tuned(WITH_KEYRING_SECONDS if with_keyring else WITHOUT_KEYRING_SECONDS)
    return Kdf("argon2id", os.urandom(16), parameters.memory_kib, parameters.passes, parameters.lanes)


def passphrase_wrap(file: VaultFile, data_keys: DataKeys, passphrase: str, secret: bytes | None, now: datetime) -> Wrap:
    """Return the wrap of a passphrase and, where there is one, the keyring's secret, as the header says."""
    wrapping = _wrapping(file, passphrase, secret)
    return Wrap("passphrase", keys.seal(data_keys.pack(), wrapping, file.bound("passphrase")), now.isoformat())


def recovery_wrap(file: VaultFile, data_keys: DataKeys, public_key: bytes, now: datetime) -> Wrap:
    """Return the wrap of a recovery key, given its public half."""
    sealed = seal_to(public_key, data_keys.pack(), file.bound("recovery"))
    return Wrap("recovery", sealed, now.isoformat(), public_key)


def authority_wrap(file: VaultFile, data_keys: DataKeys, public_key: bytes, now: datetime) -> Wrap:
    """Return the wrap of the authority's key, given its public half."""
    sealed = seal_to(public_key, data_keys.pack(), file.bound("authority"))
    return Wrap("authority", sealed, now.isoformat(), public_key)


def with_new_keys(
    file: VaultFile, data_keys: DataKeys, passphrase: str, secret: bytes | None, now: datetime
) -> VaultFile:
    """Return the file with its wraps made again for other data keys; no other secret needs to be brought."""
    again = file.with_wrap(passphrase_wrap(file, data_keys, passphrase, secret, now))
    recovery, authority = file.wrap("recovery"), file.wrap("authority")
    if recovery is not None:
        again = again.with_wrap(recovery_wrap(file, data_keys, recovery.public_key, now))
    if authority is not None:
        again = again.with_wrap(authority_wrap(file, data_keys, authority.public_key, now))
    return again


def open_with_passphrase(file: VaultFile, passphrase: str, secret: bytes | None) -> DataKeys:
    """Return the data keys.

    Raises:
        WrongSecretError: not this passphrase, or not this laptop's keyring.
    """
    wrap = file.wrap("passphrase")
    if wrap is None:
        raise WrongSecretError
    wrapping = _wrapping(file, passphrase, secret)
    return DataKeys.unpack(keys.unseal(wrap.sealed, wrapping, file.bound("passphrase")))


def open_with_recovery(file: VaultFile, recovery: RecoveryKey) -> DataKeys:
    """Return the data keys.

    Raises:
        WrongSecretError: not this vault's recovery key.
    """
    wrap = file.wrap("recovery")
    if wrap is None:
        raise WrongSecretError
    return DataKeys.unpack(open_sealed(recovery.private_key, wrap.sealed, file.bound("recovery")))


def secret_of(file: VaultFile, keyring: Keyring | None) -> bytes | None:
    """Return the device secret the vault's passphrase needs, or None when it needs none.

    Args:
        file: the vault's file.
        keyring: where to look; None finds the operating system's.

    Raises:
        KeyringLost: the keyring no longer holds it.
        EnvironmentFault: the keyring does not open; trying again may help.
    """
    if not file.header.keyring:
        return None
    return device_secret.need_secret(file.header.vault, keyring)


def _wrapping(file: VaultFile, passphrase: str, secret: bytes | None) -> bytes:
    derived = file.header.kdf.parameters.derive(passphrase[:MOST_LENGTH], file.header.kdf.salt)
    return keys.wrapping_key(derived, secret)
