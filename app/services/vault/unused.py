"""A vault that a first run made and nobody ever used: it may be removed, so that setting up can start again."""

import shutil
from typing import TYPE_CHECKING

from sqlalchemy import select

from app.models import Case, ChangeSetRow, Child, Document, SyncState, User
from app.services.vault.vault import USER_FACT

if TYPE_CHECKING:
    from app.services.vault.vault import Vault


def never_used(vault: "Vault") -> bool:
    """Return whether nobody was ever enrolled in a vault and nothing was ever recorded in it.

    A vault that was rebuilt on nothing looks the same, but what was set aside stands beside it, or a backup does.
    """
    backups = vault.folder / "backups"
    if (vault.folder / "set-aside").exists() or (backups.exists() and any(backups.iterdir())):
        return False
    with vault.engine.connect() as connection:
        if connection.execute(select(SyncState.value).where(SyncState.name == USER_FACT)).first() is not None:
            return False
        return all(
            connection.execute(select(model.id).limit(1)).first() is None
            for model in (User, Case, Child, Document, ChangeSetRow)
        )


def remove(vault: "Vault") -> None:
    """Close a vault that was never used and remove its folder and its secret in the keyring.

    Raises:
        ValueError: it was used.
    """
    if not never_used(vault):
        raise ValueError("only a vault that was never used may be removed")
    vault.close()
    shutil.rmtree(vault.folder)
    vault.forget_device_secret()
