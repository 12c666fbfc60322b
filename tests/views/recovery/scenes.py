"""Every step of unlocking, setting up and recovering, in its fullest state, for pictures and for what is cut off."""

from pathlib import Path

from PySide6.QtWidgets import QWidget

from app.services.vault.recovery_key import RecoveryKey
from app.views.first_run_page import DOWNLOAD, ENROL, FirstRunPage
from app.views.first_run_page import PASSPHRASE as FIRST_PASSPHRASE
from app.views.first_run_page import RECOVERY as FIRST_SHEET
from app.views.first_run_page import TYPE_BACK as FIRST_TYPE_BACK
from app.views.recovery.key_step import ON_LAPTOP
from app.views.recovery.recovery_page import CHOOSE, FILE, KEY, PASSPHRASE, SHEET, TYPE_BACK, WORKING, RecoveryPage
from app.views.unlock_page import UnlockPage
from app.views.unlocking import LOST, LOST_TITLE, OTHER_WAY, SHUT, SHUT_TITLE

NO_KEYRING = "This machine has no keyring. The passphrase alone protects the records."
LAPTOP = "Marlshire laptop ML-0417"


def unlock_scenes() -> dict[str, QWidget]:
    """Return the unlock page as it starts, refused, busy, and with its banners."""
    scenes = {}
    for name in ("plain", "refused", "busy", "lost", "shut"):
        page = UnlockPage()
        page.show_device(LAPTOP, "08:12, 17 November 2026", alone=name == "plain")
        scenes[f"unlock-{name}"] = page
    scenes["unlock-refused"].show_refusal("Passphrase not recognised. 4 tries left before a 15 minute wait.")
    scenes["unlock-refused"].caps.setVisible(True)
    scenes["unlock-busy"].show_busy("Unlocking", 0.5)
    scenes["unlock-busy"].progress.bar.setValue(600)
    scenes["unlock-lost"].show_trouble(LOST, LOST_TITLE, [(OTHER_WAY, list)], kind="warn")
    said = SHUT.format(message="This laptop's keyring did not open. Your records are kept, encrypted.")
    scenes["unlock-shut"].show_trouble(said, SHUT_TITLE, [(OTHER_WAY, list)], kind="warn")
    return dict(scenes)


def first_run_scenes() -> dict[str, QWidget]:
    """Return the first run at each of its steps."""
    scenes = {}
    for name in ("welcome", "code", "waiting", "passphrase", "sheet", "type-back", "making", "download"):
        scenes[f"first-{name}"] = page = FirstRunPage(None, Path("vault"), LAPTOP, "https://central.marlshire.example")
        page.key_step._key = RecoveryKey("0123456789ABCDEFGHJKMNPQRS")
    scenes["first-code"].show_step(ENROL)
    scenes["first-code"].code.setText("ABCD-EFGH-1234")
    scenes["first-code"].code_field.set_error("This code has been used. Each code works once. Ask for a new one.")
    waiting = scenes["first-waiting"]
    waiting.show_step(ENROL)
    waiting.wait("Could not reach the central store. Your work is kept.", by_itself=True)
    scenes["first-passphrase"].accept_code("Dawn Ellery", "Marlshire County Council")
    scenes["first-passphrase"].set_keyring(NO_KEYRING, alone=True)
    scenes["first-passphrase"].passphrase.first.setText("Dawn Ellery 2026")
    scenes["first-passphrase"].passphrase.is_good()
    scenes["first-passphrase"].passphrase.caps.show()
    scenes["first-sheet"].key_step.show_key()
    scenes["first-sheet"].show_step(FIRST_SHEET)
    scenes["first-sheet"].key_step._tell(ON_LAPTOP)
    _type_back(scenes["first-type-back"], FIRST_TYPE_BACK)
    for name in ("making", "download"):
        scenes[f"first-{name}"].show_step(DOWNLOAD)
    scenes["first-making"].show_progress(0, 0, "Making the keys")
    scenes["first-download"].show_progress(1240, 4180, "Fetching records")
    assert scenes["first-passphrase"].step() == FIRST_PASSPHRASE
    return dict(scenes)


def recovery_scenes() -> dict[str, QWidget]:
    """Return the recovery at each of its steps."""
    scenes = {}
    for name in ("choose", "key", "file", "passphrase", "sheet", "type-back", "working"):
        scenes[f"recovery-{name}"] = page = RecoveryPage(None, Path("vault"), LAPTOP)
        page.key_step._key = RecoveryKey("0123456789ABCDEFGHJKMNPQRS")
    scenes["recovery-choose"].show_step(CHOOSE)
    scenes["recovery-key"].show_step(KEY)
    scenes["recovery-key"].key.line.setText("0123-4567-89AB-CDEF-GHJK-MNPQ-RS00")
    file = scenes["recovery-file"]
    file.show_step(FILE)
    file.file.show_path(Path("recovery for ML-0417, 17 November 2026.rollcall"))
    file.code.line.setText("0123-4567-89AB")
    file.code.is_whole()
    scenes["recovery-passphrase"].accept(key_was_used=True)
    scenes["recovery-passphrase"].set_keyring(NO_KEYRING, alone=True)
    scenes["recovery-sheet"].key_step.show_key()
    scenes["recovery-sheet"].show_step(SHEET)
    _type_back(scenes["recovery-type-back"], TYPE_BACK)
    scenes["recovery-working"].show_step(WORKING)
    assert scenes["recovery-passphrase"].step() == PASSPHRASE
    return dict(scenes)


def _type_back(page: FirstRunPage | RecoveryPage, step: int) -> None:
    page.type_back.ask(page.key_step.key.groups)
    page.show_step(step)
    page.type_back.lines[0].setText("0000")
    page.type_back.is_right()


def all_scenes() -> dict[str, QWidget]:
    """Return every scene by name."""
    scenes = {**unlock_scenes(), **first_run_scenes(), **recovery_scenes()}
    for name, page in scenes.items():
        page.setWindowTitle(name)
    return scenes
