"""The recovery file: how the authority lets an officer back into a laptop's vault.

``rollcall-central recover`` opens the vault's keys with the authority's private key and seals them again, under a
one-time code of its own. The file travels by any means; the code is read out by telephone. Neither opens anything
without the other, and both only open the vault they were made for, as it is now: once the officer has chosen a new
passphrase the vault's generation is another one and the pair is refused.

Whoever kept both can still work out the data keys from them, as from any backup of a key. After a recovery, rotating
the data keys (``rollcall vault rotate``) ends that too.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.errors import UserError
from app.services.durable import write_durably
from app.services.vault import keys
from app.services.vault.keys import DataKeys, WrongSecretError
from app.services.vault.recovery_key import RecoveryKey
from app.services.vault.vault_file import VaultFile

MOST_BYTES = 8 * 1024
SALT_BYTES = 32
FILE_KIND: Literal["rollcall recovery file"] = "rollcall recovery file"
SUFFIX = ".rollcall"

Short = Annotated[str, msgspec.Meta(max_length=200)]


class _Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file. It names a vault by its random id and nobody by name."""

    kind: Literal["rollcall recovery file"]
    format: Literal[1]
    vault: Short
    made_at: Short
    salt: Annotated[bytes, msgspec.Meta(min_length=SALT_BYTES, max_length=SALT_BYTES)]
    sealed: Annotated[bytes, msgspec.Meta(max_length=1024)] = b""


_canonical = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(_Content)


@dataclass(frozen=True, slots=True)
class Reissue:
    """A recovery file that was read.

    Attributes:
        vault_id: whose vault it is for.
        made_at: ISO instant.
    """

    _content: _Content = field(repr=False)

    @property
    def vault_id(self) -> str:
        """The id of the vault it is for."""
        return self._content.vault

    @property
    def made_at(self) -> str:
        """When it was made, an ISO instant."""
        return self._content.made_at

    def open(self, code_text: str, header_bytes: bytes, vault_id: str) -> DataKeys:
        """Return the vault's data keys.

        Args:
            code_text: as it was read out; spaces, hyphens, case and look-alikes are forgiven.
            header_bytes: ``VaultFile.bound("reissue")`` of the vault as it is now.
            vault_id: of that vault.

        Raises:
            UserError: the file is for another laptop, or the code is mistyped; field ``file`` or ``code``.
            WrongSecretError: the code is another one, or the vault was changed since the file was made.
        """
        if self._content.vault != vault_id:
            raise UserError(
                "This recovery file is for another laptop. Ask your administrator for the file of this one. "
                "Your records are kept, encrypted.",
                field="file",
            )
        key = _sealing_key(_code(code_text), self._content.salt)
        return DataKeys.unpack(keys.unseal(self._content.sealed, key, _bound(self._content, header_bytes)))


def make_reissue(file: VaultFile, data_keys: DataKeys, made_at: str) -> tuple[bytes, str]:
    """Return a recovery file's bytes and the code that opens it.

    Args:
        file: of the vault as it is now.
        data_keys: its keys.
        made_at: ISO instant.
    """
    import os

    code = RecoveryKey.new()
    content = _Content(FILE_KIND, 1, file.header.vault, made_at, os.urandom(SALT_BYTES))
    sealed = keys.seal(data_keys.pack(), _sealing_key(code, content.salt), _bound(content, file.bound("reissue")))
    return _encoded(msgspec.structs.replace(content, sealed=sealed)), code.text


def write_reissue(path: Path, content: bytes) -> None:
    """Write a recovery file durably, readable by its owner alone.

    Raises:
        UserError: there is a file of this name; it is kept.
    """
    if path.exists():
        raise UserError("There is a file of this name already. Choose another name. Nothing was changed.", "out")
    write_durably(path, content)


def read_reissue(path: Path) -> Reissue:
    """Return a recovery file.

    Raises:
        UserError: it cannot be read or is no recovery file; field ``file``.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        found = _decoder.decode(content if len(content) <= MOST_BYTES else b"")
        whole = _encoded(found) == content  # exactly as it was written
    except (OSError, msgspec.MsgspecError, RecursionError):
        whole = False
    if not whole:
        raise UserError(
            "This is not a recovery file, or it is damaged. Choose the file that your administrator sent. "
            "Nothing was changed.",
            field="file",
        )
    return Reissue(found)


def _encoded(content: _Content) -> bytes:
    return msgspec.json.format(_canonical.encode(content), indent=1)


def _code(text: str) -> RecoveryKey:
    try:
        return RecoveryKey.parse(text)
    except UserError as error:
        raise UserError(
            "The code is not as it was read out: it has seven groups of four characters. Check each group again.",
            field="code",
        ) from error


def _sealing_key(code: RecoveryKey, salt: bytes) -> bytes:
    # 130 random bits: there is nothing to stretch.
    return HKDF(SHA256(), keys.KEY_BYTES, salt=salt, info=b"rollcall recovery file 1").derive(code.characters.encode())


def _bound(content: _Content, header_bytes: bytes) -> bytes:
    return _canonical.encode(msgspec.structs.replace(content, sealed=b"")) + header_bytes


__all__ = ["Reissue", "WrongSecretError", "make_reissue", "read_reissue", "write_reissue"]
