"""What the unlock page may know of a vault before it is open; nothing heavy is imported for it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from app.settings import Settings

NAMES = ("vault.json", "vault-copy.json")
_MOST_BYTES = 64 * 1024


class VaultLabel(NamedTuple):
    """The front of a vault, as its file says; nothing here is proven before the vault is open.

    Attributes:
        name: of the laptop; empty when the file cannot be read.
        vault: its random id.
        keyring: whether the passphrase needs the keyring too.
        memory_kib, passes: what deriving a key costs; 0 when not known.
    """

    name: str = ""
    vault: str = ""
    keyring: bool = True
    memory_kib: int = 0
    passes: int = 0


def is_vault(folder: Path) -> bool:
    """Return whether a folder holds a vault."""
    return any((folder / name).exists() for name in NAMES)


def read_label(folder: Path) -> VaultLabel:
    """Return what the first copy that can be read says."""
    for name in NAMES:
        try:
            with (folder / name).open("rb") as stream:
                header = json.loads(stream.read(_MOST_BYTES))["header"]
            return _label(header)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
    return VaultLabel()


def _label(header: dict[str, Any]) -> VaultLabel:
    kdf = header.get("kdf")
    costs = kdf if isinstance(kdf, dict) else {}
    return VaultLabel(
        name=_text(header.get("label"))[:80],
        vault=_text(header.get("vault"))[:80],
        keyring=header.get("keyring") is not False,
        memory_kib=_count(costs.get("memory_kib")),
        passes=_count(costs.get("passes")),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int:
    return value if type(value) is int and 0 < value < 2**31 else 0


def was_ended(folder: Path) -> bool:
    """Return whether the vault that was here was ended: this laptop may not be used for Rollcall any more."""
    return (folder / "ended.json").exists()


def last_synced_words(settings: "Settings", vault_id: str) -> str:
    """Return when a vault last synced, in words; it was noted when the vault was closed."""
    noted_for, _, words = settings.get("last_synced").partition(" ")
    return words if vault_id and noted_for == vault_id else ""
