"""The vault and its backups brought together: how an opened vault's are made, tried and kept."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.policy import policy
from app.services.audit import Action
from app.services.backup.drill import Opening
from app.services.backup.keeper import Arrangements, Keeper
from app.services.backup.rotate import Kept
from app.services.vault import check, vault_file
from app.services.vault.database import open_copy

if TYPE_CHECKING:
    from app.services.vault import Vault
    from app.services.vault.keys import DataKeys
    from app.services.workspace import Workspace
    from app.settings import Settings


def keeper(vault: "Vault", ws: "Workspace", settings: "Settings") -> Keeper:
    """Return what makes and tries an opened vault's backups in the background; not started yet."""
    made, vault.backed_up_first = vault.backed_up_first, None
    return Keeper(vault, arrangements(vault, ws, settings), made_at_opening=made)


def arrangements(vault: "Vault", ws: "Workspace", settings: "Settings") -> Arrangements:
    """Return how a vault's backups are opened, where the second ones go, how many stay and who is told."""

    def audit(what: str, detail: dict[str, Any]) -> None:
        ws.audit(Action(what), detail=detail)

    return Arrangements(
        opening=opening_for(lambda: vault.keys),
        second_folder=lambda: second_folder(settings),
        kept=kept(),
        look=lambda cancelled: check.look_before_backup(vault, cancelled),
        audit=audit,
    )


def opening_for(keys: "Callable[[], DataKeys]") -> Opening:
    """Return how copies of a vault's files are opened.

    Args:
        keys: asked each time, so that nothing here holds the keys of a locked vault.
    """

    def is_ours(path: Path) -> bool:
        try:
            return vault_file.decode(path.read_bytes()[: vault_file.MOST_BYTES + 1]).is_sealed(keys())
        except (OSError, ValueError):
            return False

    return Opening(open_copy, is_ours)


def second_folder(settings: "Settings") -> Path | None:
    """Return the second folder: IT's where the machine's policy names one, else this person's; None without one."""
    named = policy().backup_folder or settings.get("backup_folder")
    return Path(named) if named else None


def second_folders() -> list[Path]:
    """Return the folders beside the vault's own in which its backups may be: what must go when a vault is ended."""
    from app.settings import Settings

    found = second_folder(Settings())
    return [] if found is None else [found]


def kept() -> Kept:
    """Return how many backups stay on this machine."""
    return Kept(policy().backups_daily, policy().backups_weekly)
