"""The encrypted local store: keys, databases, migration, and the workspaces opened on it."""

from app.services.vault.creating import create_vault, re_enrol
from app.services.vault.database import VaultDamaged
from app.services.vault.unlocking import Unlocked, open_vault, unlock, unlock_with_recovery, unlock_with_reissue
from app.services.vault.vault import Vault
from app.services.vault.vault_file import vault_exists

__all__ = [
    "Unlocked",
    "Vault",
    "VaultDamaged",
    "create_vault",
    "open_vault",
    "re_enrol",
    "unlock",
    "unlock_with_recovery",
    "unlock_with_reissue",
    "vault_exists",
]
