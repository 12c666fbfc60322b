"""Opening and closing a vault, off the window's thread. Everything heavy is imported inside these functions."""

from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.services.vault import Vault
    from app.services.workspace import Workspace

# Imported while the passphrase is typed: what unlocking needs first, then what the first pages need.
WARM = (
    "app.services.vault",
    "app.services.vault.keys",
    "app.views.main_window",
    "app.views.today_page",
    "app.services.today",
    "app.views.cases.cases_page",
    "app.services.case_list",
    "app.views.case.case_page",
    "app.services.search",
    "app.services.sync.background",
)


class Opened:
    """An opened vault, who is signed in, and what syncs it."""

    def __init__(self, vault: "Vault", ws: "Workspace", sync: Any) -> None:
        self.vault, self.ws, self.sync = vault, ws, sync


def warm() -> None:
    """Import what comes next; what cannot be imported shows itself when it is used."""
    from app import logs, paths

    with suppress(OSError):  # a full disk must not keep anybody from their cases
        logs.set_up(paths.log_folder())
    for name in WARM:
        try:
            import_module(name)
        except Exception:  # noqa: BLE001  (told where it is used, in words)
            continue


def unlock(folder: Path, passphrase: str, progress: Callable[[str], None]) -> Opened:
    """Open the vault in a folder.

    Raises:
        UserError: a wrong passphrase, a wait, or a newer vault, in words.
        EnvironmentFault: the keyring or the disk is in the way.
    """
    from app.services.vault import open_vault
    from app.timesource import SystemTime

    vault = open_vault(folder, passphrase, time=SystemTime(), progress=progress)
    try:
        ws = vault.workspace()
        return Opened(vault, ws, start_sync(vault, ws))
    except BaseException:
        vault.close()
        raise


def start_sync(vault: "Vault", ws: "Workspace") -> Any:
    """Return what syncs a workspace: in the background when the laptop is enrolled, else nothing."""
    from app.services.sync.status import NoSync

    try:
        from app.services.sync import background
    except ImportError:
        return NoSync()
    return background.start(vault, ws) or NoSync()


def close(opened: Opened) -> None:
    """Stop syncing, drop the keys and close the databases."""
    stop = getattr(opened.sync, "stop", None)
    if stop is not None:
        stop()
    opened.vault.close()


def enrol(folder: Path, server: str, code: str, passphrase: str, counted: Callable[[int, int, str], None]) -> Opened:
    """Make a vault, enrol it with a central store and fetch the first records.

    Args:
        folder: where the vault goes.
        server: the central store's address.
        code: works once.
        passphrase: the new one.
        counted: told how far it is: done, total (0 when not known), and words.

    Raises:
        UserError: a wrong code or address, or a weak passphrase; no vault is left behind.
        EnvironmentFault: no connection; no vault is left behind.
    """
    from app.services.sync import enrolment
    from app.services.vault import create_vault
    from app.timesource import SystemTime

    vault = create_vault(
        folder,
        passphrase,
        time=SystemTime(),
        use_system_keyring=True,
        progress=lambda words: counted(0, 0, words),
    )
    try:
        enrolment.enrol(vault, server=server, code=code, progress=counted)
        ws = vault.workspace()
    except BaseException:
        vault.close()
        _remove_unused(folder)
        raise
    return Opened(vault, ws, start_sync(vault, ws))


def _remove_unused(folder: Path) -> None:
    """Remove the files of a vault that was never enrolled and so holds nothing."""
    for pattern in ("vault.json", "cases.db*", "documents.db*", "attempts.json"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
