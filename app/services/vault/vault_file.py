"""``vault.json``: how the keys are derived and the wraps that hold them. No personal data and, alone, no way in.

The whole file is authenticated under a key of the vault's own keys, so a byte changed anywhere is noticed once a wrap
has opened; and it must be written exactly as Rollcall writes it. A second copy, ``vault-copy.json``, is kept because
the file is small and everything hangs on it: whichever copy is whole is used, and the other is put right.
"""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from app.errors import UserError
from app.services.durable import write_durably
from app.services.vault.keys import DataKeys, KdfParameters

FORMAT = 2
NAME = "vault.json"
COPY = "vault-copy.json"
MOST_BYTES = 64 * 1024

Short = Annotated[str, msgspec.Meta(max_length=200)]
WrapKind = Literal["passphrase", "recovery", "authority"]


class Kdf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Argon2id's parameters; bounded, so that an edited file cannot keep a laptop busy for hours."""

    name: Literal["argon2id"]
    salt: Annotated[bytes, msgspec.Meta(min_length=16, max_length=64)]
    memory_kib: Annotated[int, msgspec.Meta(ge=64, le=4 * 1024 * 1024)]
    passes: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    lanes: Annotated[int, msgspec.Meta(ge=1, le=64)]

    @property
    def parameters(self) -> KdfParameters:
        """How hard the passphrase is to guess."""
        return KdfParameters(self.memory_kib, self.passes, self.lanes)


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be known before the vault is open.

    Attributes:
        format: of this file.
        vault: the vault's id, random.
        label: the laptop's name.
        created_at: ISO instant.
        generation: counts the times the ways in were changed.
        keyring: whether the passphrase needs the device secret in the keyring too.
        kdf: how the passphrase becomes a key.
        passphrase_set_at: ISO instant.
    """

    format: int
    vault: Short
    label: Short
    created_at: Short
    generation: Annotated[int, msgspec.Meta(ge=1)]
    keyring: bool
    kdf: Kdf
    passphrase_set_at: Short


class Wrap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The data keys, sealed for one way in.

    Attributes:
        kind: which way.
        sealed: see :mod:`keys` and :mod:`sealing`.
        made_at: ISO instant.
        public_key: whom it is sealed to; empty for a passphrase.
    """

    kind: WrapKind
    sealed: Annotated[bytes, msgspec.Meta(max_length=1024)]
    made_at: Short
    public_key: Annotated[bytes, msgspec.Meta(max_length=64)] = b""


class Rotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """New data keys on their way in.

    Attributes:
        stage: ``copying`` while files are copied under the new keys; ``switching`` once all are whole: the wraps are
            then those of the new keys, and only renaming is left.
        sealed: the new keys under the old ones, while copying.
        done: per finished file the SHA-256 of the file it was copied from.
    """

    stage: Literal["copying", "switching"]
    sealed: Annotated[bytes, msgspec.Meta(max_length=1024)] = b""
    done: dict[Short, Short] = {}


class VaultFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    header: Header
    wraps: Annotated[list[Wrap], msgspec.Meta(max_length=8)]
    rotation: Rotation | None = None
    seal: Short = ""

    def bound(self, kind: str) -> bytes:
        """Return what a wrap of a kind is bound to: vault, purpose, and for a passphrase how it is derived."""
        facts: dict[str, object] = {"format": self.header.format, "vault": self.header.vault, "kind": kind}
        if kind == "passphrase":
            facts |= {"keyring": self.header.keyring, "kdf": self.header.kdf}
        elif kind == "reissue":
            facts["generation"] = self.header.generation
        return _canonical.encode(facts)

    def wrap(self, kind: WrapKind) -> Wrap | None:
        """Return the wrap of a kind."""
        return next((wrap for wrap in self.wraps if wrap.kind == kind), None)

    def with_wrap(self, wrap: Wrap) -> "VaultFile":
        """Return the file with one wrap put in or replaced."""
        others = [each for each in self.wraps if each.kind != wrap.kind]
        return msgspec.structs.replace(self, wraps=[*others, wrap])

    def sealed(self, keys: DataKeys) -> "VaultFile":
        """Return the file with its seal renewed."""
        return msgspec.structs.replace(self, seal=self._code(keys))

    def is_sealed(self, keys: DataKeys) -> bool:
        """Return whether the file is as the holder of these keys last wrote it."""
        return hmac.compare_digest(self.seal, self._code(keys))

    def encoded(self) -> bytes:
        """Return the bytes of the file."""
        return msgspec.json.format(_canonical.encode(self), indent=1)

    def _code(self, keys: DataKeys) -> str:
        body = _canonical.encode(msgspec.structs.replace(self, seal=""))
        return hmac.new(keys.subkey("vault.json"), body, hashlib.sha256).hexdigest()


_canonical = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(VaultFile)


def vault_exists(folder: Path) -> bool:
    """Return whether a folder holds a vault."""
    return (folder / NAME).exists() or (folder / COPY).exists()


def candidates(folder: Path) -> list[VaultFile]:
    """Return the readable copies of a vault's file, the first one first; usually both are the same and count once.

    Raises:
        UserError: there is no vault, it was made by a newer Rollcall, or neither copy can be read.
    """
    if not vault_exists(folder):
        raise UserError("There is no vault on this laptop yet. Enrol it with the code from your administrator.")
    found: list[VaultFile] = []
    newer = False
    for content in _contents(folder):
        try:
            file = decode(content)
        except NewerVaultError:
            newer = True
        except ValueError:
            continue
        else:
            if file not in found:
                found.append(file)
    if found:
        return found
    if newer:
        raise UserError("This vault was made by another version of Rollcall. Update Rollcall. Nothing was changed.")
    raise UserError(
        "vault.json and its copy are damaged, so the vault cannot be opened. Restore vault.json from a backup. "
        "Your records are kept, encrypted."
    )


class NewerVaultError(ValueError):
    """Written by a version of Rollcall that this one does not understand."""


def decode(content: bytes) -> VaultFile:
    """Return the file in bytes.

    Raises:
        NewerVaultError: of another format.
        ValueError: not a vault's file, or not exactly as Rollcall writes it.
    """
    if len(content) > MOST_BYTES:
        raise ValueError("too large")
    try:
        file = _decoder.decode(content)
    except (msgspec.MsgspecError, RecursionError) as error:
        if _format_of(content) not in (None, FORMAT):
            raise NewerVaultError from error
        raise ValueError("not a vault's file") from error
    if file.header.format != FORMAT:
        raise NewerVaultError
    if file.encoded() != content:
        raise ValueError("not as Rollcall writes it")
    return file


def write(folder: Path, file: VaultFile) -> None:
    """Write both copies, each durably and whole.

    A crash between the two leaves one of before and one of after; each opens with its own secrets.
    """
    for name in (COPY, NAME):
        write_durably(folder / name, file.encoded())


def agree(folder: Path, file: VaultFile) -> bool:
    """Put right a copy that is damaged, missing or older than the one that opened.

    Returns:
        Whether one was.
    """
    content = file.encoded()
    stale = [name for name in (COPY, NAME) if _content(folder / name) != content]
    for name in stale:
        with suppress(OSError):  # on a read-only disk the vault still opens
            write_durably(folder / name, content)
    return bool(stale)


def _contents(folder: Path) -> Iterator[bytes]:
    for name in (NAME, COPY):
        content = _content(folder / name)
        if content is not None:
            yield content


def _content(path: Path) -> bytes | None:
    try:
        with path.open("rb") as stream:
            return stream.read(MOST_BYTES + 1)
    except OSError:
        return None


def _format_of(content: bytes) -> int | None:
    try:
        return int(msgspec.json.decode(content)["header"]["format"])
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError, RecursionError):
        return None
