"""Around the unlock page, once something was typed: why it did not open, and what is remembered between two starts."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import UserError
from app.settings import Settings
from app.views.derivation import Cost
from app.views.unlock_page import UnlockPage
from app.views.vault_label import read_label

if TYPE_CHECKING:
    from app.services.vault import Unlocked
    from app.views.away_page import AwayPage
    from app.views.first_run import FirstRun
    from app.views.opening import AwayTooLong, Opened
    from app.views.recovery.recovery_page import RecoveryPage
    from app.views.rescue_page import RescuePage
    from app.views.security.rotation_page import RotationPage
    from app.views.task_runner import TaskRunner

LOST_TITLE = "This laptop's keyring has lost its half of the key"
LOST = (
    "This happens when IT rebuilds a profile or the log-in password was reset. Your records are kept, encrypted, and "
    "nothing is lost:\n"
    "1. If another keyring is open, sign out of the laptop, sign in again and try the passphrase once more.\n"
    "2. Use the recovery key from your recovery sheet.\n"
    "3. Without the sheet, ask IT for a recovery file and its code."
)
SHUT_TITLE = "This laptop's keyring is locked or does not answer"
SHUT = (
    "{message}\n"
    "1. Unlock the keyring, or sign out of the laptop and in again. Then try the passphrase once more.\n"
    "2. If that does not help, use the recovery key from your recovery sheet.\n"
    "3. Without the sheet, ask IT for a recovery file and its code."
)
DOUBT_AFTER = 3
DOUBT = (
    "If you are sure that the passphrase is right, this laptop's keyring may have been replaced, for example when IT "
    "rebuilt your profile. The recovery key opens your cases without it."
)
DOUBT_ALONE = "If you are not sure of the passphrase any more, the recovery key opens your cases without it."
OTHER_WAY = "Open with the recovery key or a file from IT"


def show_why(page: UnlockPage, error: Exception, recover: Callable[[], object]) -> None:
    """Show why the vault did not open and what can be done.

    Args:
        page: the unlock page.
        error: what was raised.
        recover: leads to the other ways in.
    """
    from app.services.vault.device_secret import KeyringLost, KeyringShut
    from app.views.errors_shown import describe

    if isinstance(error, KeyringLost):
        page.show_trouble(LOST, LOST_TITLE, [(OTHER_WAY, recover)], kind="warn")
    elif isinstance(error, KeyringShut):
        page.show_trouble(SHUT.format(message=error.message), SHUT_TITLE, [(OTHER_WAY, recover)], kind="warn")
    elif isinstance(error, UserError) and error.field == "passphrase":
        page.show_refusal(error.message)
        page.wrong_tries += 1
        if page.wrong_tries >= DOUBT_AFTER:
            page.show_trouble(DOUBT_ALONE if page.alone else DOUBT, actions=[(OTHER_WAY, recover)])
    else:
        page.show_refusal(describe(error).text, calm=True)


def recovery_page(
    folder: Path,
    runner: "TaskRunner",
    opened: Callable[["Opened"], object],
    left: Callable[[], object],
    failed: Callable[[Exception], object],
) -> "RecoveryPage":
    """Return the page that leads back into a vault without its passphrase or its keyring.

    Args:
        folder: of the vault.
        runner: runs the work.
        opened: takes the opened vault.
        left: the person went back to the passphrase.
        failed: takes why the databases did not open although the new ways in stand.
    """
    from app.views.recovery.recovery import Recovery

    recovery = Recovery(folder, read_label(folder).name, runner)
    recovery.opened.connect(opened)
    recovery.left.connect(left)
    recovery.failed.connect(failed)
    return recovery.page


def first_run(folder: Path, runner: "TaskRunner", message: str, opened: Callable[["Opened"], object]) -> "FirstRun":
    """Return the first run on a laptop, at its first step.

    Args:
        folder: where the vault will be.
        runner: runs the work.
        message: why it starts again; may be empty.
        opened: takes the opened vault.
    """
    from app.views import opening
    from app.views.first_run import FirstRun
    from app.views.first_run_page import FirstRunPage

    page = FirstRunPage(runner, folder, opening.laptop_name(), opening.usual_server())
    page.say(message)
    return FirstRun(page, folder, runner, opened)


def rotation_page(
    folder: Path,
    passphrase: str,
    runner: "TaskRunner",
    opened: Callable[["Opened"], object],
    failed: Callable[[Exception], object],
) -> "RotationPage":
    """Start changing the encryption keys, once the vault is closed, and return the page that shows how far it is.

    Args:
        folder: of the vault; its closing is under way in the lane of writes.
        passphrase: of the vault.
        runner: runs the work.
        opened: takes the vault, open again.
        failed: takes why it did not come to an end; the vault is whole.
    """
    from app.views.security.rotation_page import RotationPage
    from app.views.security.work import rotate

    page = RotationPage()
    runner.run(page, lambda: rotate(folder, passphrase, page.counted.emit), opened, failed)
    return page


def rescue_page(
    unlocked: "Unlocked",
    runner: "TaskRunner",
    opened: Callable[["Opened"], object],
    left: Callable[[], object],
) -> "RescuePage":
    """Start rebuilding a vault of which a database is damaged, and return the page that tells of it.

    Args:
        unlocked: the keys.
        runner: runs the work.
        opened: takes the opened vault.
        left: the person went back to the passphrase.
    """
    from app.views.rescue_page import Rescue

    rescue = Rescue(unlocked, runner, opened, left)
    rescue.start()
    return rescue.page


def away_page(
    error: "AwayTooLong",
    runner: "TaskRunner",
    opened: Callable[["Opened"], object],
    left: Callable[[], object],
    ended: Callable[[str], object],
) -> "AwayPage":
    """Return the page of a laptop that was away too long: it connects, its person signs in, and the vault opens.

    Args:
        error: why it stays shut, with the keys.
        runner: runs the work.
        opened: takes the opened vault.
        left: the person went back to the passphrase.
        ended: takes the words when the laptop may not be used any more.
    """
    from app.views.away_page import Away

    return Away(error.unlocked, error.shut, runner, opened, left, ended).page


def expected_seconds(folder: Path, settings: Settings) -> float:
    """Return how long the vault's passphrase takes to become a key on this laptop; 0 when it was never measured."""
    label = read_label(folder)
    return Cost(label.memory_kib, label.passes).seconds(settings.get("derivation_rate"))


def note_key_speed(folder: Path, settings: Settings, seconds: float) -> None:
    """Remember how fast this laptop derives keys, when it is other than was known."""
    label = read_label(folder)
    rate, known = Cost(label.memory_kib, label.passes).rate(seconds), settings.get("derivation_rate")
    if rate and abs(rate - known) * 5 > known:
        with suppress(OSError):  # a full disk must not keep anybody from their cases
            settings.set("derivation_rate", rate)


def note_last_sync(settings: Settings, opened: "Opened") -> None:
    """Remember when a vault last synced, in words, for the unlock page of the next start; nothing about anybody."""
    from app.timesource import format_date, format_time, to_london

    at = opened.sync.status().last_synced_at
    if at is None:
        return
    words = f"{opened.vault.vault_id} {format_time(at)}, {format_date(to_london(at).date())}"
    if words != settings.get("last_synced"):
        with suppress(OSError):
            settings.set("last_synced", words)
