"""What the security page asks of the services, run off the window's thread."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.services.protection_report import Protection
    from app.services.vault import Vault
    from app.services.vault.recovery_key import RecoveryKey
    from app.views.opening import Opened

Counted = Callable[[int, int, str], None]


def read(vault: "Vault") -> "Protection":
    """Return how the vault is protected."""
    from app.services.protection_report import protection

    return protection(vault)


def change_passphrase(vault: "Vault", old: str, new: str) -> None:
    """Take another passphrase into use; it is audited."""
    from app.services import protection

    protection.change_passphrase(vault, old, new)


def check_passphrase(vault: "Vault", passphrase: str) -> None:
    """Refuse a wrong passphrase; it is counted."""
    vault.check_passphrase(passphrase)


def replace_recovery_key(vault: "Vault", key: "RecoveryKey", passphrase: str) -> None:
    """Take another recovery key into use; it is audited."""
    from app.services import protection

    protection.replace_recovery_key(vault, key, passphrase)


def rotate(folder: Path, passphrase: str, counted: Counted) -> "Opened":
    """Give a closed vault new data keys, and open it again.

    Raises:
        UserError: a wrong passphrase.
        EnvironmentFault: the vault is open somewhere, or the disk is in the way; it is as it was.
    """
    from app.services import protection
    from app.timesource import SystemTime
    from app.views import opening

    protection.rotate(folder, passphrase, time=SystemTime(), progress=counted)
    return opening.unlock(folder, passphrase, lambda words: counted(0, 0, words))
