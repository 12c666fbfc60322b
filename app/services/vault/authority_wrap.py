"""The authority's key: a pair whose public half every enrolled laptop seals its keys to, so that IT can get them back.

IT keeps the private half in a file of its own, away from the central store, under a passphrase (Argon2id, AES-256-GCM).
The central store knows only the public half, numbers it, and signs it with the key that it signs receipts with; a
laptop seals to nothing that is not so signed.
"""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from argon2.exceptions import HashingError
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from app.errors import UserError
from app.services.durable import write_durably
from app.services.vault import keys
from app.services.vault.keys import DataKeys, KdfParameters, WrongSecretError
from app.services.vault.sealing import open_sealed
from app.services.vault.vault_file import Kdf, VaultFile

FILE_KIND: Literal["rollcall authority key"] = "rollcall authority key"
MOST_BYTES = 8 * 1024
PUBLIC_BYTES = 32
MINIMUM_PASSPHRASE = 16
"""Longer than a laptop's: whoever has this file and its passphrase can open every laptop's vault."""
STRETCHING = KdfParameters(memory_kib=262_144, passes=4, lanes=4)
"""Used a few times a year, so slow: about two seconds and 256 MiB a guess."""

Short = Annotated[str, msgspec.Meta(max_length=200)]


class _Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: Literal["rollcall authority key"]
    format: Literal[1]
    made_at: Short
    public_key: Annotated[bytes, msgspec.Meta(min_length=PUBLIC_BYTES, max_length=PUBLIC_BYTES)]
    kdf: Kdf
    sealed: Annotated[bytes, msgspec.Meta(max_length=256)] = b""


_canonical = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(_Content)


@dataclass(frozen=True, slots=True)
class AuthorityKey:
    """The pair, with its private half."""

    private: X25519PrivateKey = field(repr=False)

    @classmethod
    def new(cls) -> "AuthorityKey":
        """Return a new random pair."""
        return cls(X25519PrivateKey.generate())

    @property
    def public_key(self) -> bytes:
        """The public half, raw, 32 bytes."""
        return self.private.public_key().public_bytes_raw()

    def open(self, file: VaultFile) -> DataKeys:
        """Return the data keys of a vault that was sealed to this key.

        Raises:
            WrongSecretError: it was sealed to another key, or not at all, or the file was changed since.
        """
        wrap = file.wrap("authority")
        if wrap is None:
            raise WrongSecretError
        data_keys = DataKeys.unpack(open_sealed(self.private, wrap.sealed, file.bound("authority")))
        if not file.is_sealed(data_keys):
            raise WrongSecretError
        return data_keys


def is_public_key(raw: bytes) -> bool:
    """Return whether these bytes can be sealed to."""
    if len(raw) != PUBLIC_BYTES:
        return False
    try:
        # A point of low order gives the same secret to everybody; the exchange refuses it.
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(raw))
    except ValueError:
        return False
    return True


def fingerprint(public_key: bytes) -> str:
    """Return what people compare a public key by: 32 hexadecimal digits in groups of four."""
    digits = hashlib.sha256(b"rollcall authority key\n" + public_key).hexdigest()[:32]
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))


def write_key_file(path: Path, key: AuthorityKey, passphrase: str, made_at: str) -> None:
    """Write the private half, sealed under a passphrase, readable by its owner alone.

    Raises:
        UserError: the passphrase is short, or there is a file of this name; it is kept.
    """
    if len(passphrase) < MINIMUM_PASSPHRASE:
        raise UserError(
            f"Use at least {MINIMUM_PASSPHRASE} characters: this key opens every laptop's vault. Nothing was made.",
            field="passphrase",
        )
    if path.exists():
        raise UserError("There is a file of this name already. Choose another name. Nothing was changed.", "out")
    kdf = Kdf("argon2id", os.urandom(16), STRETCHING.memory_kib, STRETCHING.passes, STRETCHING.lanes)
    content = _Content(FILE_KIND, 1, made_at, key.public_key, kdf)
    sealed = keys.seal(key.private.private_bytes_raw(), _stretched(kdf, passphrase), _bound(content))
    whole = msgspec.structs.replace(content, sealed=sealed)
    write_durably(path, _encoded(whole))


def read_key_file(path: Path, passphrase: str) -> AuthorityKey:
    """Return the pair.

    Raises:
        UserError: no such file, or not this passphrase; field ``key`` or ``passphrase``.
    """
    damaged = UserError("This is not the authority's key file, or it is damaged. Nothing was changed.", "key")
    try:
        with path.open("rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
        content = _decoder.decode(raw if len(raw) <= MOST_BYTES else b"")
    except (OSError, msgspec.MsgspecError, RecursionError) as error:
        raise damaged from error
    if _encoded(content) != raw:  # exactly as it was written
        raise damaged
    try:
        seed = keys.unseal(content.sealed, _stretched(content.kdf, passphrase), _bound(content))
        key = AuthorityKey(X25519PrivateKey.from_private_bytes(seed))
    except (WrongSecretError, ValueError) as error:
        raise UserError("This passphrase does not open the key file. Nothing was changed.", "passphrase") from error
    except HashingError as error:
        raise damaged from error
    if key.public_key != content.public_key:
        raise damaged
    return key


def _encoded(content: _Content) -> bytes:
    return msgspec.json.format(_canonical.encode(content), indent=1)


def _stretched(kdf: Kdf, passphrase: str) -> bytes:
    return keys.wrapping_key(kdf.parameters.derive(passphrase, kdf.salt), b"authority key file")


def _bound(content: _Content) -> bytes:
    return _canonical.encode(msgspec.structs.replace(content, sealed=b""))
