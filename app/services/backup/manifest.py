"""``manifest.json``: what a backup holds, authenticated under a key of the vault's own. Nothing personal is in it."""

import hashlib
import hmac
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from app.services.backup.words import BackupDamaged

if TYPE_CHECKING:
    from app.services.vault.keys import DataKeys

FORMAT = 1
NAME = "manifest.json"
MOST_BYTES = 64 * 1024
DATABASES = ("cases.db", "documents.db")
LIFEBOAT = "lifeboat.log"
KEY_FILES = ("vault.json", "vault-copy.json")
"""Not hashed here: they carry a seal of their own, and are renewed when the passphrase changes."""


class Reason(StrEnum):
    """Why a backup was made."""

    DAILY = "daily"
    REQUESTED = "requested"
    MIGRATION = "before migration"
    ROTATION = "before rotation"
    ROTATED = "after rotation"
    DRILL = "after a failed drill"


Short = Annotated[str, msgspec.Meta(max_length=200)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a backup."""

    name: Short
    size: Count
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup holds.

    Attributes:
        vault: the vault's id.
        made_at: ISO instant, UTC.
        app: the version of Rollcall that made it.
        schema: revision of ``cases.db``.
        sequence: of this laptop's newest change set in it.
        audit_entries: length of the audit chain; ``audit_head`` is its last hash, hexadecimal.
        counts: rows of the tables that matter most.
        mac: HMAC-SHA-256 of everything else.
    """

    format: int
    vault: Short
    made_at: Short
    reason: Reason
    app: Short
    files: Annotated[list[FileEntry], msgspec.Meta(max_length=8)]
    schema: Short
    sequence: Count
    audit_entries: Count
    audit_head: Short
    counts: Annotated[dict[Short, Count], msgspec.Meta(max_length=32)]
    mac: Short = ""

    @property
    def instant(self) -> datetime:
        """When it was made."""
        return datetime.fromisoformat(self.made_at).astimezone(UTC)

    @property
    def size(self) -> int:
        """Bytes in all files together."""
        return sum(entry.size for entry in self.files)

    def entry(self, name: str) -> FileEntry | None:
        """Return the entry of a file."""
        return next((entry for entry in self.files if entry.name == name), None)

    def authenticated(self, keys: "DataKeys") -> "Manifest":
        """Return the manifest with its authentication code."""
        return msgspec.structs.replace(self, mac=self._code(keys))

    def is_authentic(self, keys: "DataKeys") -> bool:
        """Return whether the holder of these keys wrote it and nobody changed it."""
        return hmac.compare_digest(self.mac, self._code(keys))

    def encoded(self) -> bytes:
        """Return the bytes of the file."""
        return msgspec.json.format(_canonical.encode(self), indent=1)

    def _code(self, keys: "DataKeys") -> str:
        body = _canonical.encode(msgspec.structs.replace(self, mac=""))
        return hmac.new(keys.subkey("backup manifest"), body, hashlib.sha256).hexdigest()


_canonical = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Manifest)


def read_manifest(backup: Path) -> Manifest:
    """Return the manifest of a backup's folder, not yet authenticated.

    Raises:
        BackupDamaged: there is none, or it is not one.
    """
    try:
        with (backup / NAME).open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        manifest = _decoder.decode(content[:MOST_BYTES])  # cut short, a longer one is not whole
        _ = manifest.instant
    except FileNotFoundError as error:
        raise BackupDamaged(f"{backup.name} holds no backup. Choose a folder that has a {NAME}.") from error
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError, OverflowError) as error:
        raise BackupDamaged(f"The {NAME} of {backup.name} cannot be read. Choose another backup.") from error
    if manifest.format != FORMAT:
        raise BackupDamaged(f"{backup.name} was made by another version of Rollcall. Update Rollcall to use it.")
    names = [entry.name for entry in manifest.files]
    if len(set(names)) != len(names) or not set(DATABASES) <= set(names) <= {*DATABASES, LIFEBOAT}:
        raise BackupDamaged(f"The {NAME} of {backup.name} names other files than a vault has. Choose another backup.")
    return manifest
