"""The 32 bytes that a laptop's keyring holds for a vault, and nothing else.

A copied disk is useless without them; a stolen unlocked keyring is useless without the passphrase. They are kept as
base64 text under the vault's random id: nothing there says whose laptop it is or what it is for.
"""

import base64
import os
from collections.abc import Callable
from typing import TypeVar

from app.errors import EnvironmentFault
from app.logs import get_logger
from app.services.vault.keyring_state import (
    WAIT_SECONDS,
    Keyring,
    KeyringKind,
    KeyringState,
    in_time,
    keyring_state,
)

__all__ = ["WAIT_SECONDS", "Keyring", "KeyringLost", "KeyringShut", "KeyringState", "keyring_state", "system_keyring"]

SERVICE = "Rollcall vault"
SECRET_BYTES = 32
_KEPT = "Your records are kept, encrypted."
_WAYS = f"Use the recovery key, or ask your administrator for a recovery file. {_KEPT}"

Result = TypeVar("Result")


class KeyringLost(EnvironmentFault):
    """The keyring answers and holds no secret of this vault: the way in is the recovery key, or IT."""


class KeyringShut(EnvironmentFault):
    """The keyring is locked, fails or does not answer: once it does, the passphrase opens the vault as ever."""


def system_keyring() -> Keyring | None:
    """Return the operating system's keyring, or None when there is none that Rollcall may use."""
    return keyring_state().keyring


def store_new_secret(keyring: Keyring, vault_id: str) -> bytes:
    """Make, keep, read back and return a device secret; one that the vault had before is replaced.

    Raises:
        EnvironmentFault: the keyring did not keep it.
    """
    secret = os.urandom(SECRET_BYTES)
    text = base64.b64encode(secret).decode()

    def keep() -> str | None:
        keyring.set_password(SERVICE, vault_id, text)
        return keyring.get_password(SERVICE, vault_id)

    if _asked(keep, "Nothing has been set up yet.") != text:
        raise EnvironmentFault("This laptop's keyring did not keep the vault's secret. Nothing has been set up yet.")
    return secret


def fetch_secret(keyring: Keyring, vault_id: str) -> bytes | None:
    """Return the device secret of a vault, or None when the keyring has none or something else in its place.

    Raises:
        KeyringShut: the keyring is locked, fails or does not answer in time; trying again may help.
    """
    text = _asked(lambda: keyring.get_password(SERVICE, vault_id), _KEPT)
    if not text:
        return None
    try:
        secret = base64.b64decode(text, validate=True)
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        get_logger().warning("keyring entry not understood")
        return None
    return secret


def need_secret(vault_id: str, keyring: Keyring | None = None) -> bytes:
    """Return the device secret of a vault that has one.

    Args:
        vault_id: of the vault.
        keyring: where it is; this machine's keyring when not given.

    Raises:
        KeyringLost: the secret is not there, or the machine has no keyring that may be used any more.
        KeyringShut: the keyring is locked, fails or does not answer in time; trying again may help.
    """
    if keyring is None:
        state = keyring_state()
        keyring = state.keyring
        if state.kind is KeyringKind.FAILED:
            raise KeyringShut(f"{state.words} {_KEPT}")
        if keyring is None:
            raise KeyringLost(f"{state.found} The vault needs the secret that its keyring kept. {_WAYS}")
    secret = fetch_secret(keyring, vault_id)
    if secret is None:
        raise KeyringLost(f"This laptop's keyring no longer holds the vault's secret. {_WAYS}")
    return secret


def forget_secret(keyring: Keyring, vault_id: str) -> bool:
    """Remove a vault's secret from a keyring, once nothing needs it any more; True when there was one to remove.

    A keyring that fails here is no reason to stop: what it keeps opens nothing by itself.
    """
    delete = getattr(keyring, "delete_password", None)
    if delete is None:
        return False
    try:
        in_time(lambda: delete(SERVICE, vault_id), WAIT_SECONDS)
    except Exception:  # noqa: BLE001  (nothing there, or a keyring that fails)
        return False
    return True


def _asked(work: Callable[[], Result], kept: str) -> Result:
    try:
        return in_time(work, WAIT_SECONDS)
    except TimeoutError as error:
        raise KeyringShut(
            f"This laptop's keyring did not answer. Unlock it and try again, or restart the laptop. {kept}"
        ) from error
    except Exception as error:
        raise KeyringShut(f"This laptop's keyring did not open. Unlock it and try again. {kept}") from error
