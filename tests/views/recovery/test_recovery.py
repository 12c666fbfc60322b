"""The way back into a vault, in the real frame on a real vault."""

import pytest
from PySide6.QtCore import Qt
from sqlalchemy import select

from app.errors import UserError
from app.models import AuditEntry
from app.services.audit import Action
from app.services.vault import Vault, create_vault, open_vault, unlock, unlock_with_recovery, vault_file
from app.services.vault.recovery_key import RecoveryKey
from app.services.vault.reissue import make_reissue
from app.views.main_window import MainWindow
from app.views.recovery.recovery_page import CHOOSE, FILE, KEY, PASSPHRASE, SHEET, TYPE_BACK, RecoveryPage
from app.views.rescue_page import RescuePage
from app.views.unlock_page import UnlockPage
from tests.conftest import PASSPHRASE as OLD
from tests.conftest import QUICK
from tests.views.clipping import assert_nothing_clipped
from tests.views.recovery.conftest import KeptInMemory

NEW = "purple tractor lemon rain"


def give_key(qtbot, page: RecoveryPage, text: str) -> None:
    if page.step() == CHOOSE:
        qtbot.keyClick(page.with_key, Qt.Key.Key_Return)
    page.key.line.clear()
    qtbot.keyClicks(page.key.line, text)
    qtbot.keyClick(page.key.line, Qt.Key.Key_Return)


def choose_passphrase(qtbot, page: RecoveryPage, words: str = NEW) -> None:
    qtbot.keyClicks(page.passphrase.first, words)
    qtbot.keyClick(page.passphrase.first, Qt.Key.Key_Return)
    qtbot.keyClicks(page.passphrase.second, words)
    qtbot.keyClick(page.passphrase.second, Qt.Key.Key_Return)


def type_back(qtbot, page: RecoveryPage) -> None:
    assert page.step() == SHEET
    qtbot.keyClick(page.key_step.shown, Qt.Key.Key_Return)
    assert page.step() == TYPE_BACK
    for number, line in zip(page.type_back.asked, page.type_back.lines, strict=True):
        qtbot.keyClicks(line, page.key_step.key.groups[number])
    qtbot.keyClick(page.type_back.lines[-1], Qt.Key.Key_Return)


def settle(qtbot, frame) -> None:
    qtbot.waitUntil(lambda: frame.runner.pending_count() == 0, timeout=10_000)


def test_a_forgotten_passphrase_is_got_over_with_the_key_and_everything_is_renewed(
    qtbot, recovering, locked, key, frozen_time
):
    page = recovering(locked)
    frame = page.window()
    give_key(qtbot, page, key.text.lower().replace("-", " "))
    qtbot.waitUntil(lambda: page.step() == PASSPHRASE, timeout=10_000)
    assert page.key.text() == ""
    choose_passphrase(qtbot, page)
    new_key = page.key_step.key.text
    with qtbot.waitSignal(frame.unlocked, timeout=10_000):
        type_back(qtbot, page)
    assert isinstance(frame.centralWidget(), MainWindow)
    settle(qtbot, frame)
    with frame.opened.ws.read() as session:
        assert Action.RECOVERED in session.scalars(select(AuditEntry.action)).all()
    frame.lock()
    settle(qtbot, frame)
    open_vault(locked, NEW, time=frozen_time).close()
    unlock_with_recovery(locked, new_key, time=frozen_time)
    with pytest.raises(UserError, match="not recognised"):
        unlock(locked, OLD, time=frozen_time)
    with pytest.raises(UserError, match="another laptop, or an older one"):
        unlock_with_recovery(locked, key.text, time=frozen_time)


def test_keeping_the_old_key_is_possible_and_is_asked(qtbot, recovering, locked, key, frozen_time):
    page = recovering(locked)
    give_key(qtbot, page, key.text)
    qtbot.waitUntil(lambda: page.step() == PASSPHRASE, timeout=10_000)
    assert page.renew.isChecked()
    page.renew.setChecked(False)
    assert page.next.text() == "Open Rollcall"
    with qtbot.waitSignal(page.window().unlocked, timeout=10_000):
        choose_passphrase(qtbot, page)
    unlock_with_recovery(locked, key.text, time=frozen_time)


def test_every_step_puts_the_focus_where_typing_starts(qtbot, recovering, locked, key):
    page = recovering(locked)
    frame = page.window()
    qtbot.waitUntil(lambda: frame.focusWidget() is page.with_key)
    page.next.click()
    assert frame.focusWidget() is page.key.line
    give_key(qtbot, page, key.text)
    qtbot.waitUntil(lambda: page.step() == PASSPHRASE, timeout=10_000)
    assert frame.focusWidget() is page.passphrase.first
    choose_passphrase(qtbot, page)
    assert frame.focusWidget() is page.key_step.shown
    page.next.click()
    assert frame.focusWidget() is page.type_back.lines[0]


def test_until_the_last_step_nothing_changes(qtbot, recovering, locked, key):
    before = (locked / "vault.json").read_bytes()
    page = recovering(locked)
    frame = page.window()
    give_key(qtbot, page, key.text)
    qtbot.waitUntil(lambda: page.step() == PASSPHRASE, timeout=10_000)
    choose_passphrase(qtbot, page)
    qtbot.keyClick(page.key_step.shown, Qt.Key.Key_Return)
    page.cancel.click()
    assert isinstance(frame.centralWidget(), UnlockPage)
    assert (locked / "vault.json").read_bytes() == before
    assert page.passphrase.text() == ""


def test_a_mistyped_character_is_told_before_anything_is_tried(qtbot, recovering, locked, key, monkeypatch):
    def tried(*_given, **_more):
        raise AssertionError("nothing may be tried")

    monkeypatch.setattr("app.services.vault.unlock_with_recovery", tried)
    page = recovering(locked)
    other = "0" if key.text[0] != "0" else "1"
    give_key(qtbot, page, other + key.text[1:])
    assert page.step() == KEY
    assert "do not fit the rest" in page.key.field.error()
    give_key(qtbot, page, key.text[:-4])
    assert page.key.field.error() == "A recovery key has 28 characters and this has 24. Check it against the sheet."
    give_key(qtbot, page, "U" + key.text[1:])
    assert "no 'U'" in page.key.field.error()
    assert not (locked / "attempts.json").exists()
    assert_nothing_clipped(page)


def test_a_key_of_another_laptop_is_told_in_words(qtbot, recovering, locked):
    page = recovering(locked)
    give_key(qtbot, page, RecoveryKey.new().text)
    qtbot.waitUntil(lambda: page.key.field.error() != "", timeout=10_000)
    assert page.step() == KEY
    assert "another laptop" in page.key.field.error()
    assert page.next.isEnabled()
    assert page.next.text() == "Continue"


def test_a_vault_without_a_recovery_key_says_whom_to_ask(qtbot, recovering, vault):
    vault.close()
    page = recovering(vault.folder)
    give_key(qtbot, page, RecoveryKey.new().text)
    qtbot.waitUntil(lambda: page.key.field.error() != "", timeout=10_000)
    assert "Ask your administrator for a recovery file" in page.key.field.error()


@pytest.fixture
def from_it(vault: Vault, tmp_path, frozen_time):
    """A recovery file and its code, as IT makes them."""
    vault.close()
    file = vault_file.candidates(vault.folder)[0]
    keys = unlock(vault.folder, OLD, time=frozen_time).keys
    content, code = make_reissue(file, keys, frozen_time.now().isoformat())
    path = tmp_path / "recovery.rollcall"
    path.write_bytes(content)
    return path, code


def to_file(page: RecoveryPage) -> None:
    page.with_file.setChecked(True)
    page.next.click()
    assert page.step() == FILE


def test_its_file_and_code_open_it_once(qtbot, recovering, vault, from_it, frozen_time):
    path, code = from_it
    page = recovering(vault.folder)
    frame = page.window()
    to_file(page)
    page.next.click()
    assert page.file_field.error() == "Choose the file that IT gave you."
    assert page.code.field.error() == "Type the code."
    page._take_file([path])
    qtbot.keyClicks(page.code.line, code)
    qtbot.keyClick(page.code.line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.step() == PASSPHRASE, timeout=10_000)
    choose_passphrase(qtbot, page)
    with qtbot.waitSignal(frame.unlocked, timeout=10_000):
        type_back(qtbot, page)
    settle(qtbot, frame)
    frame.lock()
    settle(qtbot, frame)
    frame.centralWidget().forgotten.activated.emit()
    page = frame.centralWidget()
    to_file(page)
    page._take_file([path])
    qtbot.keyClicks(page.code.line, code)
    qtbot.keyClick(page.code.line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.code.field.error() != "", timeout=10_000)
    assert "was used already" in page.code.field.error()


def test_a_file_that_is_none_is_said_beside_the_file(qtbot, recovering, vault, from_it, tmp_path):
    page = recovering(vault.folder)
    to_file(page)
    wrong = tmp_path / "notes.txt"
    wrong.write_text("not a recovery file")
    page._take_file([wrong])
    qtbot.keyClicks(page.code.line, from_it[1])
    page.next.click()
    qtbot.waitUntil(lambda: page.file_field.error() != "", timeout=10_000)
    assert "not a recovery file" in page.file_field.error()


class TestLostKeyring:
    @pytest.fixture
    def keyring(self, machine) -> KeptInMemory:
        made = KeptInMemory()
        machine.has(made)
        return made

    @pytest.fixture
    def kept_by_keyring(self, make_vault, keyring, key, frozen_time):
        vault = make_vault("with-keyring")
        vault.set_recovery_key(key, OLD)
        from app.services.vault import re_enrol

        vault.close()
        re_enrol(unlock_with_recovery(vault.folder, key.text, time=frozen_time), OLD, keyring=keyring, kdf=QUICK)
        return vault.folder

    def test_it_is_named_with_the_steps_and_leads_to_the_recovery(
        self, qtbot, make_frame, kept_by_keyring, keyring, key, machine, frozen_time
    ):
        keyring.kept.clear()
        frame = make_frame(kept_by_keyring)
        page = frame.centralWidget()
        qtbot.keyClicks(page.passphrase, OLD)
        page.button.click()
        qtbot.waitUntil(lambda: page.message is not None and page.message.isVisible(), timeout=10_000)
        assert "lost its half of the key" in page.message.accessibleName()
        assert "1. " in page.message.label.text()
        assert page.field.error() == ""
        assert not (kept_by_keyring / "attempts.json").exists()  # no try was used up
        assert_nothing_clipped(page)
        from app.views.kit.text import Link

        page.message.findChild(Link).activated.emit()
        recovery = frame.centralWidget()
        give_key(qtbot, recovery, key.text)
        qtbot.waitUntil(lambda: recovery.step() == PASSPHRASE, timeout=10_000)
        choose_passphrase(qtbot, recovery)
        with qtbot.waitSignal(frame.unlocked, timeout=10_000):
            type_back(qtbot, recovery)
        settle(qtbot, frame)
        assert len(keyring.kept) == 1  # a new half is in the new keyring
        assert frame.opened.vault.uses_keyring
        frame.lock()
        settle(qtbot, frame)
        open_vault(kept_by_keyring, NEW, time=frozen_time, keyring=keyring).close()

    def test_one_that_does_not_open_says_to_unlock_it_first(self, qtbot, make_frame, kept_by_keyring, keyring):
        def locked(*_given):
            raise OSError("locked")

        keyring.get_password = locked
        page = make_frame(kept_by_keyring).centralWidget()
        qtbot.keyClicks(page.passphrase, OLD)
        page.button.click()
        qtbot.waitUntil(lambda: page.message is not None and page.message.isVisible(), timeout=10_000)
        assert "locked or does not answer" in page.message.accessibleName()
        assert "1. Unlock the keyring" in page.message.label.text()

    def test_a_machine_that_has_no_keyring_any_more_recovers_to_the_passphrase_alone_and_says_so(
        self, qtbot, make_frame, kept_by_keyring, key, machine
    ):
        machine.__init__()
        frame = make_frame(kept_by_keyring)
        page = frame.centralWidget()
        assert page.alone is None
        page.forgotten.activated.emit()
        recovery = frame.centralWidget()
        give_key(qtbot, recovery, key.text)
        qtbot.waitUntil(lambda: recovery.step() == PASSPHRASE, timeout=10_000)
        assert recovery.passphrase.alone.isVisible()
        choose_passphrase(qtbot, recovery)
        with qtbot.waitSignal(frame.unlocked, timeout=10_000):
            type_back(qtbot, recovery)
        settle(qtbot, frame)
        frame.lock()
        settle(qtbot, frame)
        assert "the passphrase alone" in frame.centralWidget().alone.text()


def test_a_damaged_database_after_a_recovery_leaves_the_new_passphrase_and_is_rebuilt(
    qtbot, recovering, locked, key, frozen_time
):
    (locked / "documents.db").rename(locked / "elsewhere.db")
    page = recovering(locked)
    frame = page.window()
    give_key(qtbot, page, key.text)
    qtbot.waitUntil(lambda: page.step() == PASSPHRASE, timeout=10_000)
    choose_passphrase(qtbot, page)
    type_back(qtbot, page)
    qtbot.waitUntil(lambda: isinstance(frame.centralWidget(), RescuePage), timeout=10_000)
    settle(qtbot, frame)
    unlock(locked, NEW, time=frozen_time)


def test_back_leads_the_way_it_came(qtbot, recovering, locked, key):
    page = recovering(locked)
    to_file(page)
    page.previous.click()
    assert page.step() == CHOOSE
    page.with_key.setChecked(True)
    give_key(qtbot, page, key.text)
    qtbot.waitUntil(lambda: page.step() == PASSPHRASE, timeout=10_000)
    page.previous.click()
    assert page.step() == KEY


def test_a_vault_that_was_never_enrolled_starts_over_here_too(qtbot, recovering, tmp_path, key, frozen_time):
    folder = tmp_path / "half"
    create_vault(folder, OLD, time=frozen_time, kdf=QUICK, recovery=key).close()
    page = recovering(folder)
    frame = page.window()
    give_key(qtbot, page, key.text)
    qtbot.waitUntil(lambda: page.step() == PASSPHRASE, timeout=10_000)
    page.renew.setChecked(False)
    choose_passphrase(qtbot, page)
    qtbot.waitUntil(lambda: frame.windowTitle() == "Set up Rollcall", timeout=10_000)
    assert not folder.exists()
