"""How the data keys are kept: wrapped under what the person knows and what the laptop holds.

A vault has one random 256-bit data key per database. Both are sealed together (AES-256-GCM) under a key derived
from the passphrase (Argon2id) and, where the machine has a keyring, from a 32-byte device secret kept there:

    wrapping key = HKDF-SHA256(Argon2id(passphrase) || device secret)

The header of ``vault.json`` is the seal's associated data, so an edited header opens nothing.
"""

import base64
import os
from dataclasses import dataclass

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.timesource import Stopwatch

KEY_BYTES = 32
MINIMUM_MEMORY_KIB = 19_456
"""OWASP's minimum for Argon2id with two passes (Password Storage Cheat Sheet)."""


class WrongSecretError(Exception):
    """The passphrase, the keyring secret or the header is not the one the keys were sealed with."""


@dataclass(frozen=True, slots=True)
class KdfParameters:
    """How hard the passphrase is to guess.

    Attributes:
        memory_kib: Argon2id memory.
        passes: Argon2id time cost.
        lanes: Argon2id parallelism.
    """

    memory_kib: int = 65_536
    passes: int = 3
    lanes: int = 2

    @classmethod
    def tuned(cls, seconds: float = 0.5, *, memory_kib: int = 65_536) -> "KdfParameters":
        """Return parameters that take about the given time on this laptop, never below OWASP's minimum."""
        trial = cls(memory_kib=memory_kib, passes=1)
        with Stopwatch() as watch:
            trial.derive("a passphrase of ordinary length", bytes(16))
        passes = round(seconds / max(watch.seconds, 0.001))
        return cls(memory_kib=max(memory_kib, MINIMUM_MEMORY_KIB), passes=min(max(passes, 2), 64))

    def derive(self, passphrase: str, salt: bytes) -> bytes:
        """Return 32 bytes from a passphrase and a salt."""
        return hash_secret_raw(
            passphrase.encode(),
            salt,
            time_cost=self.passes,
            memory_cost=self.memory_kib,
            parallelism=self.lanes,
            hash_len=KEY_BYTES,
            type=Type.ID,
        )


@dataclass(frozen=True, slots=True)
class DataKeys:
    """The raw keys of the two databases, 32 bytes each."""

    cases: bytes
    documents: bytes

    @classmethod
    def fresh(cls) -> "DataKeys":
        """Return new random keys."""
        return cls(os.urandom(KEY_BYTES), os.urandom(KEY_BYTES))


def wrapping_key(derived: bytes, device_secret: bytes | None) -> bytes:
    """Return the key that seals the data keys."""
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"rollcall vault wrap 1").derive(derived + (device_secret or b""))


def seal(keys: DataKeys, wrapping: bytes, header: bytes) -> dict[str, str]:
    """Return the sealed data keys as JSON-ready text."""
    nonce = os.urandom(12)
    sealed = AESGCM(wrapping).encrypt(nonce, keys.cases + keys.documents, header)
    return {"nonce": base64.b64encode(nonce).decode(), "sealed": base64.b64encode(sealed).decode()}


def unseal(wrap: dict[str, str], wrapping: bytes, header: bytes) -> DataKeys:
    """Return the data keys.

    Raises:
        WrongSecretError: this secret or header did not seal them.
    """
    try:
        plain = AESGCM(wrapping).decrypt(base64.b64decode(wrap["nonce"]), base64.b64decode(wrap["sealed"]), header)
    except (InvalidTag, KeyError, ValueError) as error:
        raise WrongSecretError from error
    if len(plain) != 2 * KEY_BYTES:
        raise WrongSecretError
    return DataKeys(plain[:KEY_BYTES], plain[KEY_BYTES:])
