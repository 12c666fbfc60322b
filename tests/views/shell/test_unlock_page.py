"""The unlock page: what it knows before the vault is open, and what it says when it does not open."""

import json

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QProgressBar

from app.services.vault import Vault
from app.views.frame import Frame
from app.views.recovery.recovery_page import RecoveryPage
from app.views.unlock_page import UnlockPage
from app.views.vault_label import VaultLabel, is_vault, read_label
from tests.conftest import PASSPHRASE as OPENS
from tests.views.clipping import assert_nothing_clipped
from tests.views.shell.framing import unlock


def settle(qtbot, frame: Frame) -> None:
    qtbot.waitUntil(lambda: frame.runner.pending_count() == 0, timeout=10_000)


def test_it_names_the_laptop_and_says_plainly_that_there_is_no_keyring(make_frame, locked_vault):
    page = make_frame(locked_vault).centralWidget()
    assert page.device.text() == "Test laptop"
    assert page.alone.text() == "No keyring: the passphrase alone protects the records on this laptop."
    assert_nothing_clipped(page)


def test_when_it_last_synced_is_known_after_a_restart(qtbot, make_frame, enrol_laptop, sync_once, settings):
    vault = enrol_laptop("dawn")
    sync_once(vault.system_workspace())
    vault.close()
    frame = make_frame(vault.folder)
    assert "Last synced" not in frame.centralWidget().device.text()
    unlock(qtbot, frame)
    frame.close()
    frame.shut_down()
    again = make_frame(vault.folder)
    assert "Last synced 09:00, 17 November 2026" in again.centralWidget().device.text()
    assert "Dawn" not in json.dumps(settings._values)


def test_when_another_vault_last_synced_is_not_said(qtbot, make_frame, locked_vault, settings):
    settings.set("last_synced", "another-vault 08:12, 16 November 2026")
    assert "Last synced" not in make_frame(locked_vault).centralWidget().device.text()


def test_how_fast_keys_are_derived_is_measured_once_and_moves_the_bar_the_next_time(
    qtbot, make_frame, locked_vault, settings
):
    frame = make_frame(locked_vault)
    unlock(qtbot, frame)
    assert settings.get("derivation_rate") > 0
    frame.lock()
    settle(qtbot, frame)
    page = frame.centralWidget()
    qtbot.keyClicks(page.passphrase, "wrong words entirely")
    page.button.click()
    assert page.progress.isVisible()
    assert page.progress.findChild(QProgressBar).maximum() == 1000
    qtbot.waitUntil(lambda: page.field.error() != "", timeout=10_000)
    assert not page.progress.isVisible()


def test_forgotten_leads_to_the_recovery_and_back(qtbot, make_frame, locked_vault):
    frame = make_frame(locked_vault)
    page = frame.centralWidget()
    page.forgotten.setFocus()
    qtbot.keyClick(page.forgotten, Qt.Key.Key_Return)
    recovery = frame.centralWidget()
    assert isinstance(recovery, RecoveryPage)
    recovery.cancel.click()
    assert isinstance(frame.centralWidget(), UnlockPage)
    unlock(qtbot, frame)


def test_while_it_unlocks_nothing_else_can_be_started(qtbot, make_frame, locked_vault):
    page = make_frame(locked_vault).centralWidget()
    qtbot.keyClicks(page.passphrase, "wrong words entirely")
    page.button.click()
    assert not page.forgotten.isVisible()
    assert not page.passphrase.isEnabled()
    qtbot.waitUntil(lambda: page.field.error() != "", timeout=10_000)
    assert page.forgotten.isVisible()


def test_a_keyring_that_changed_unnoticed_is_thought_of_at_the_third_wrong_try(qtbot, make_frame, vault: Vault):
    vault.close()
    path = vault.folder / "vault.json"
    frame = make_frame(vault.folder)
    page = frame.centralWidget()
    for number in range(3):
        page.field.set_error("")
        qtbot.keyClicks(page.passphrase, "wrong words entirely")
        page.button.click()
        qtbot.waitUntil(lambda: page.field.error() != "", timeout=10_000)
        assert (page.message is not None) is (number == 2)
    assert "recovery key" in page.message.label.text()
    assert path.exists()


class TestLabel:
    def test_the_copy_is_read_when_the_file_is_damaged(self, vault: Vault):
        vault.close()
        (vault.folder / "vault.json").write_text("{", encoding="utf-8")
        assert read_label(vault.folder).name == "Test laptop"
        (vault.folder / "vault.json").unlink()
        assert is_vault(vault.folder)

    @pytest.mark.parametrize(
        "content",
        [
            "", "{", "[]", "null", '{"header": []}', '{"header": {"label": 5, "kdf": 7, "vault": null}}', "[" * 60_000,
            '{"header": {"kdf": {"memory_kib": -1, "passes": true}}}',
            '{"header": {"kdf": {"memory_kib": 1e400, "passes": "9"}}}',
        ],
    )  # fmt: skip
    def test_nonsense_shows_nothing_and_stops_nothing(self, tmp_path, content):
        (tmp_path / "vault.json").write_text(content, encoding="utf-8")
        assert read_label(tmp_path) == VaultLabel()


def test_nothing_of_the_vault_is_on_the_page(make_frame, locked_vault):
    from tests.views.shell.test_frame import words_on_screen

    shown = words_on_screen(make_frame(locked_vault))
    for word in ("Merrow", "Dawn", "Marlshire", OPENS):
        assert word not in shown
