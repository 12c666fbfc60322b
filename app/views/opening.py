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
    "app.services.letters",
    "app.views.letters.letters_page",
    "app.views.correspondence.correspondence_page",
    "app.views.intake.referral_page",
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
    from app.services.readiness import prepare

    prepare()


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
    from app.services.sync import background
    from app.services.sync.status import NoSync

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
    import platform

    from app.services.sync import enrolment
    from app.timesource import SystemTime

    vault = enrolment.create_and_enrol(
        folder, server, code, platform.node(), passphrase, counted, time=SystemTime(), use_system_keyring=True
    )
    try:
        ws = vault.workspace()
        return Opened(vault, ws, start_sync(vault, ws))
    except BaseException:
        vault.close()
        raise
