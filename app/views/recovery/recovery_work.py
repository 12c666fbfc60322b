"""What a recovery asks of the services, run off the window's thread."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import RollcallError

if TYPE_CHECKING:
    from app.services.vault import Unlocked
    from app.services.vault.keyring_state import KeyringState
    from app.services.vault.recovery_key import RecoveryKey
    from app.views.opening import Opened

Unlocking = Callable[[], "Unlocked"]


class NotOpenedError(RollcallError):
    """The new ways in stand, and then the databases did not open.

    Attributes:
        unlocked: the keys.
        reason: why the databases did not open.
    """

    def __init__(self, unlocked: "Unlocked", reason: RollcallError) -> None:
        super().__init__(reason.message)
        self.unlocked, self.reason = unlocked, reason


def keyring() -> "KeyringState":
    """Return which keyring the new passphrase will have beside it."""
    from app.services.vault.keyring_state import keyring_state

    return keyring_state()


def by_key(folder: Path, text: str) -> "Unlocked":
    """Get at the keys by recovery key; nothing is changed."""
    from app.services.vault import unlock_with_recovery
    from app.timesource import SystemTime

    return unlock_with_recovery(folder, text, time=SystemTime())


def by_file(folder: Path, path: Path, code: str) -> "Unlocked":
    """Get at the keys by IT's file and code; nothing is changed."""
    from app.services.vault import unlock_with_reissue
    from app.timesource import SystemTime

    return unlock_with_reissue(folder, path, code, time=SystemTime())


def finish(
    unlocked: "Unlocked", passphrase: str, recovery: "RecoveryKey | None", said: Callable[[str], None]
) -> "Opened":
    """Take the new passphrase, keyring secret and recovery key into use, and open the vault.

    Raises:
        UserError: a weak passphrase; nothing was changed.
        EnvironmentFault: the keyring or the disk is in the way; nothing was changed.
        NotOpenedError: the new ways in stand, the databases did not open.
        SetUpUnfinished: the vault had never been used.
    """
    from app.services import protection
    from app.views import opening

    said("Making the keys")
    renewed = protection.recovered(unlocked, passphrase, recovery=recovery, use_system_keyring=True)
    said("Opening your cases")
    try:
        return opening.open_unlocked(renewed)
    except opening.SetUpUnfinished:
        raise
    except RollcallError as error:
        raise NotOpenedError(renewed, error) from error
