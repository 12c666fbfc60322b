"""The vault: keys, the encrypted databases and opening them."""

from app.services.vault.vault import Vault, create_vault, open_vault, vault_exists

__all__ = ["Vault", "create_vault", "open_vault", "vault_exists"]
