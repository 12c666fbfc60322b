"""The 32 bytes that a laptop's keyring holds for a vault, and nothing else.

A copied disk is useless without them; a stolen unlocked keyring is useless without the passphrase.
"""

import base64
import os
from typing import Protocol

from app.errors import EnvironmentFault

SERVICE = "Rollcall vault"


class Keyring(Protocol):
    """What Rollcall needs of the ``keyring`` package, so that tests can hand in one of their own."""

    def get_password(self, service: str, username: str) -> str | None:
        """Return a stored secret."""
        ...

    def set_password(self, service: str, username: str, password: str) -> None:
        """Store a secret."""
        ...


def system_keyring() -> Keyring | None:
    """Return the operating system's keyring, or None when there is none that encrypts what it keeps.

    Backends that keep plain text, keep nothing or always fail are refused.
    """
    import keyring
    from keyring.backends import chainer, fail, null

    backend = keyring.get_keyring()
    candidates = list(backend.backends) if isinstance(backend, chainer.ChainerBackend) else [backend]
    for candidate in candidates:
        plain = "plaintext" in type(candidate).__name__.lower() or "keyrings.alt" in type(candidate).__module__
        if not plain and not isinstance(candidate, fail.Keyring | null.Keyring):
            return candidate
    return None


def store_new_secret(keyring: Keyring, vault_id: str) -> bytes:
    """Make, keep and return a device secret.

    Raises:
        EnvironmentFault: the keyring did not keep it.
    """
    secret = os.urandom(32)
    text = base64.b64encode(secret).decode()
    try:
        keyring.set_password(SERVICE, vault_id, text)
        kept = keyring.get_password(SERVICE, vault_id)
    except Exception as error:
        raise EnvironmentFault(
            "This laptop's keyring did not open. Unlock it and try again. Nothing has been set up yet."
        ) from error
    if kept != text:
        raise EnvironmentFault("This laptop's keyring did not keep the vault's secret. Nothing has been set up yet.")
    return secret


def fetch_secret(keyring: Keyring, vault_id: str) -> bytes | None:
    """Return the device secret of a vault, or None when the keyring has none."""
    try:
        text = keyring.get_password(SERVICE, vault_id)
    except Exception as error:
        raise EnvironmentFault(
            "This laptop's keyring did not open. Unlock it and try again. Your records are kept, encrypted."
        ) from error
    return base64.b64decode(text) if text else None
