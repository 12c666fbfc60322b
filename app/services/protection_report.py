"""How an opened vault is protected, for the screen that says so."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from app.services.vault import keyring_state as keyrings
from app.timesource import to_london

if TYPE_CHECKING:
    from app.services.vault import Vault
    from app.services.vault.vault_file import VaultFile, WrapKind


@dataclass(frozen=True, slots=True)
class Protection:
    """What stands between a laptop and whoever finds it.

    Attributes:
        uses_keyring: whether the passphrase needs the keyring too.
        keyring_words: what this machine's keyring is, in words.
        keyring_unused: there is a keyring now, and the vault was set up without one.
        passphrase_set_on: the day of the last change.
        recovery_made_on: the day the recovery key was made, or None where there is none.
        authority_since: the day from which IT can recover this laptop, or None where it cannot.
        memory_mib, passes: what one guess at the passphrase costs (Argon2id).
        unfinished_rotation: a change of the encryption keys was interrupted and can go on.
    """

    uses_keyring: bool
    keyring_words: str
    keyring_unused: bool
    passphrase_set_on: date
    recovery_made_on: date | None
    authority_since: date | None
    memory_mib: int
    passes: int
    unfinished_rotation: bool


def protection(vault: "Vault") -> Protection:
    """Return how a vault is protected; asks the keyring what it is, and nothing of what it holds."""
    return protection_of(vault.file)


def protection_of(file: "VaultFile") -> Protection:
    """Return how a vault is protected, by its file: what a vault that does not open can say of itself too."""
    header, state = file.header, keyrings.keyring_state()
    return Protection(
        uses_keyring=header.keyring,
        keyring_words=state.words,
        keyring_unused=state.keyring is not None and not header.keyring,
        passphrase_set_on=_day(header.passphrase_set_at),
        recovery_made_on=_made(file, "recovery"),
        authority_since=_made(file, "authority"),
        memory_mib=header.kdf.memory_kib // 1024,
        passes=header.kdf.passes,
        unfinished_rotation=file.rotation is not None,
    )


def _made(file: "VaultFile", kind: "WrapKind") -> date | None:
    wrap = file.wrap(kind)
    return _day(wrap.made_at) if wrap else None


def _day(instant: str) -> date:
    return to_london(datetime.fromisoformat(instant)).date()
