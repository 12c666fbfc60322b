"""How the data keys are kept: wrapped under what the person knows and what the laptop holds.

A vault has one random 256-bit data key for each of its files. They are sealed together (AES-256-GCM) under a key
derived from the passphrase (Argon2id) and, where the machine has a keyring, from a 32-byte device secret kept there:

    wrapping key = HKDF-SHA256(Argon2id(passphrase) || device secret)

Two more wraps are sealed to public keys (:mod:`app.services.vault.sealing`): of the recovery key and of the authority.
"""

import os
from dataclasses import dataclass, field

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.timesource import Stopwatch

KEY_BYTES = 32
NONCE_BYTES = 12
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
    """The raw keys of a vault's three files, 32 bytes each.

    Python cannot promise that dropped bytes are gone from memory; the process is not dumpable and a locked window holds
    no reference to them.
    """

    cases: bytes = field(repr=False)
    documents: bytes = field(repr=False)
    lifeboat: bytes = field(repr=False)

    @classmethod
    def fresh(cls) -> "DataKeys":
        """Return new random keys."""
        return cls(os.urandom(KEY_BYTES), os.urandom(KEY_BYTES), os.urandom(KEY_BYTES))

    @classmethod
    def unpack(cls, plain: bytes) -> "DataKeys":
        """Return the keys from their packed form.

        Raises:
            WrongSecretError: it is not one.
        """
        if len(plain) != 3 * KEY_BYTES:
            raise WrongSecretError
        return cls(plain[:KEY_BYTES], plain[KEY_BYTES : 2 * KEY_BYTES], plain[2 * KEY_BYTES :])

    def pack(self) -> bytes:
        """Return the keys one after the other: what every wrap seals."""
        return self.cases + self.documents + self.lifeboat

    def subkey(self, purpose: str) -> bytes:
        """Return 32 bytes that only the holder of these keys has, for one purpose: to authenticate a file, say."""
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"rollcall {purpose} 1".encode()).derive(self.pack())


def wrapping_key(derived: bytes, device_secret: bytes | None) -> bytes:
    """Return the key that seals the data keys."""
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"rollcall vault wrap 2").derive(derived + (device_secret or b""))


def seal(plain: bytes, key: bytes, bound_to: bytes) -> bytes:
    """Return bytes sealed with AES-256-GCM: the nonce, then the sealed text.

    Args:
        plain: what is sealed.
        key: 32 bytes.
        bound_to: must be given again to open.
    """
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound_to)


def unseal(sealed: bytes, key: bytes, bound_to: bytes) -> bytes:
    """Return what was sealed.

    Raises:
        WrongSecretError: another key, bound to something else, or changed.
    """
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError) as error:
        raise WrongSecretError from error
