"""Opening and closing a vault, off the window's thread. Everything heavy is imported inside these functions."""

import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import UserError

if TYPE_CHECKING:
    from app.services.backup.keeper import Keeper
    from app.services.offline_gate import Shut
    from app.services.sync.trust_protocol import CodeAnswer
    from app.services.vault import Unlocked, Vault
    from app.services.workspace import Workspace
    from app.settings import Settings
    from app.views.first_run_download import Gate
    from app.views.first_run_page import Chosen

# Imported while the passphrase is typed: what unlocking needs first, then what the first pages need.
WARM = (
    "app.services.vault",
    "app.services.vault.keys",
    "app.views.main_window",
    "app.views.locking",
    "app.views.session_lock_linux" if sys.platform == "linux" else "app.views.session_lock",
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
    "app.services.safekeeping",
)


class Opened:
    """An opened vault, who is signed in, what syncs it and what backs it up.

    Attributes:
        backups: makes and tries backups in the background, once started.
        welcome: what is said when its window opens, such as that a backup is back.
        key_seconds: how long getting at the keys took; 0 when they were not derived.
    """

    def __init__(self, vault: "Vault", ws: "Workspace", sync: Any) -> None:
        self.vault, self.ws, self.sync = vault, ws, sync
        self.backups: Keeper | None = None
        self.welcome = ""
        self.key_seconds = 0.0


class RebuildNeeded(UserError):
    """A database of the vault is damaged; the keys are here, so it can be rebuilt at once.

    Attributes:
        unlocked: the keys.
    """

    def __init__(self, message: str, unlocked: "Unlocked") -> None:
        super().__init__(message)
        self.unlocked = unlocked


class AwayTooLong(UserError):
    """The laptop was away from its central store for too long: it connects and its person signs in before it opens.

    Attributes:
        shut: why it stays shut.
        unlocked: the keys.
    """

    def __init__(self, shut: "Shut", unlocked: "Unlocked") -> None:
        super().__init__(shut.words)
        self.shut, self.unlocked = shut, unlocked


class SetUpUnfinished(UserError):
    """The vault was made and the laptop never enrolled; nobody has worked in it, and it has been removed."""


def warm() -> None:
    """Import what comes next; what cannot be imported shows itself when it is used."""
    from app import logs, paths
    from app.policy import policy

    with suppress(OSError):  # a full disk must not keep anybody from their cases
        logs.set_up(paths.log_folder())
    if problems := policy().problems:  # in words on the settings page
        logs.get_logger().warning("policy_cannot_be_used", count=len(problems))
    for name in WARM:
        try:
            import_module(name)
        except Exception:  # noqa: BLE001  (told where it is used, in words)
            continue
    from app.services.readiness import prepare

    prepare()


def unlock(folder: Path, passphrase: str, progress: Callable[[str], None]) -> Opened:
    """Open the vault in a folder by passphrase.

    Raises:
        UserError: a wrong passphrase, a wait, or a newer vault, in words.
        SetUpUnfinished: nobody ever worked in it; it is gone, and the first run can start again.
        EnvironmentFault: the keyring or the disk is in the way.
    """
    from app.services.vault import unlock as get_keys
    from app.timesource import Stopwatch, SystemTime

    with Stopwatch() as watch:
        unlocked = get_keys(folder, passphrase, time=SystemTime(), progress=progress)
    progress("Opening your cases")
    opened = open_unlocked(unlocked)
    opened.key_seconds = watch.seconds
    return opened


def open_unlocked(unlocked: "Unlocked") -> Opened:
    """Open the databases of a vault whose keys are there, and start its sync.

    Raises:
        RebuildNeeded: a database is missing or does not open.
        AwayTooLong: it has not seen its central store for longer than the organisation allows.
        SetUpUnfinished, EnvironmentFault: as for :func:`unlock`.
    """
    from app.services.vault import VaultDamaged

    try:
        vault = unlocked.open()
    except VaultDamaged as error:
        raise RebuildNeeded(error.message, unlocked) from error
    try:
        remove_when_unused(vault)
        ws = vault.workspace()
        check_contact(ws, unlocked)
        if unlocked.way != "passphrase":
            from app.services.protection import note_recovery

            note_recovery(vault, unlocked.way)
        return Opened(vault, ws, start_sync(vault, ws))
    except BaseException:
        vault.close()
        raise


def check_contact(ws: "Workspace", unlocked: "Unlocked") -> None:
    """Keep a vault shut that has not seen its central store for too long.

    Raises:
        AwayTooLong: it is so.
    """
    from app.services import offline_gate

    if (away := offline_gate.shut(ws)) is not None:
        raise AwayTooLong(away, unlocked)


def remove_when_unused(vault: "Vault") -> None:
    """Remove a vault that was made by a first run which ended before the laptop was enrolled.

    Raises:
        SetUpUnfinished: it was removed.
    """
    from app.services.vault.unused import never_used, remove

    if never_used(vault):
        remove(vault)
        raise SetUpUnfinished(
            "Setting up was interrupted before this laptop was connected to your council. Nothing had been recorded. "
            "Start again with a code from your administrator."
        )


def start_sync(vault: "Vault", ws: "Workspace") -> Any:
    """Return what syncs a workspace: in the background when the laptop is enrolled, else nothing."""
    from app.services.sync import background
    from app.services.sync.status import NoSync

    return background.start(vault, ws) or NoSync()


def start_backups(opened: Opened, settings: "Settings") -> "Keeper":
    """Start what makes and tries a vault's backups in the background."""
    from app.services import safekeeping

    opened.backups = safekeeping.keeper(opened.vault, opened.ws, settings)
    opened.backups.start()
    return opened.backups


def close(opened: Opened) -> None:
    """Stop syncing and backing up, drop the keys and close the databases."""
    if opened.backups is not None:
        opened.backups.stop()
    stop = getattr(opened.sync, "stop", None)
    if stop is not None:
        stop()
    opened.vault.close()


def check_code(server: str, code: str) -> "CodeAnswer":
    """Return whom an enrolment code is for, without spending it.

    Raises:
        UserError: a wrong code or address.
        EnvironmentFault: no connection.
    """
    from app.policy import policy
    from app.services.sync import enrolment

    if not policy().permits_server(server):
        raise UserError("IT does not permit this address on this laptop. Check it with your administrator.", "server")
    return enrolment.check_code(server, code)


def enrol(folder: Path, chosen: "Chosen", counted: Callable[[int, int, str], None], gate: "Gate") -> Opened:
    """Make a vault, enrol it with a central store and fetch the first records.

    Args:
        folder: where the vault goes.
        chosen: server, code, passphrase and recovery key.
        counted: told how far it is: done, total (0 when not known), and words.
        gate: asked between two pages of records whether to go on.

    Raises:
        UserError: a wrong code or address, or a weak passphrase; no vault is left behind.
        EnvironmentFault: no connection; no vault is left behind.
    """
    from app.services.sync import enrolment
    from app.services.vault import passphrase
    from app.timesource import SystemTime

    def told(done: int, total: int, words: str) -> None:
        counted(done, total, words)
        if done:  # records are coming: the vault is whole and enrolled
            gate.hold()

    passphrase.check(chosen.passphrase)
    vault = enrolment.create_and_enrol(
        folder,
        chosen.server,
        chosen.code,
        laptop_name(),
        chosen.passphrase,
        told,
        time=SystemTime(),
        use_system_keyring=True,
        recovery=chosen.recovery,
    )
    try:
        ws = vault.workspace()
        if gate.was_ended():
            show_what_has_come(ws)
        return Opened(vault, ws, start_sync(vault, ws))
    except BaseException:
        vault.close()
        raise


def laptop_name() -> str:
    """Return what this laptop is called on its network."""
    import platform

    return platform.node()


def usual_server() -> str:
    """Return the central store that IT has said this laptop uses, or an empty text."""
    from app.policy import policy

    return policy().server


def show_what_has_come(ws: "Workspace") -> None:
    """Build the lists from the records that are here, so that a first pull that goes on can be worked with."""
    from app.services import projection_rebuild

    with ws.apply_session() as session:
        projection_rebuild.rebuild(session)
