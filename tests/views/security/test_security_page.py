"""The security page in the opened window, on a real vault."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from sqlalchemy import select

from app.errors import EnvironmentFault, UserError
from app.models import AuditEntry
from app.services.audit import Action
from app.services.vault import open_vault, unlock, unlock_with_recovery
from app.services.vault.rotation import SUFFIX
from app.views.security import work
from app.views.security.rotation_page import RotationPage
from app.views.unlock_page import UnlockPage
from tests.conftest import PASSPHRASE as OLD
from tests.views.clipping import assert_nothing_clipped
from tests.views.recovery.conftest import KeptInMemory

NEW = "purple tractor lemon rain"


def settle(qtbot, frame) -> None:
    qtbot.waitUntil(lambda: frame.runner.pending_count() == 0, timeout=20_000)


def words(page) -> str:
    return " ".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def audited(frame) -> list[str]:
    with frame.opened.ws.read() as session:
        return list(session.scalars(select(AuditEntry.action)))


def test_it_says_what_protects_the_laptop_and_what_is_lacking(qtbot, page):
    qtbot.waitUntil(lambda: "Records: encrypted" in words(page))
    said = words(page)
    assert "Records: encrypted" in said
    assert "Keyring: none" in said
    assert "The passphrase alone protects the records." in said
    assert "Recovery key: made on 17 November 2026" in said
    assert "Recovery by IT: not set up" in said
    assert_nothing_clipped(page)


def test_a_keyring_that_came_later_is_told_of(qtbot, page, frame, machine):
    machine.has(KeptInMemory())
    page.open()
    settle(qtbot, frame)
    qtbot.waitUntil(lambda: "Keyring: not in use" in words(page))
    assert "use the recovery key once" in words(page)


class TestPassphrase:
    def type_in(self, qtbot, card, old: str, new: str, again: str = "") -> None:
        card.start.click()
        qtbot.keyClicks(card.old, old)
        qtbot.keyClick(card.old, Qt.Key.Key_Return)
        qtbot.keyClicks(card.new.first, new)
        qtbot.keyClick(card.new.first, Qt.Key.Key_Return)
        qtbot.keyClicks(card.new.second, again or new)
        qtbot.keyClick(card.new.second, Qt.Key.Key_Return)

    def test_it_is_changed_and_audited_and_the_recovery_key_stays(self, qtbot, page, frame, key, frozen_time):
        card = page.passphrase
        with qtbot.waitSignal(card.changed, timeout=10_000):
            self.type_in(qtbot, card, OLD, NEW)
        assert not card.is_open()
        assert card.old.text() == card.new.text() == ""
        assert Action.PASSPHRASE_CHANGED in audited(frame)
        folder = frame.folder
        frame.lock()
        settle(qtbot, frame)
        open_vault(folder, NEW, time=frozen_time).close()
        unlock_with_recovery(folder, key.text, time=frozen_time)
        with pytest.raises(UserError):
            unlock(folder, OLD, time=frozen_time)

    def test_a_wrong_old_one_is_counted_and_said_beside_it(self, qtbot, page, frame):
        card = page.passphrase
        self.type_in(qtbot, card, "not the passphrase", NEW)
        qtbot.waitUntil(lambda: card.old_field.error() != "", timeout=10_000)
        assert "4 tries left" in card.old_field.error()
        assert card.is_open()
        assert card.new.text() == NEW
        assert_nothing_clipped(page)

    def test_one_with_the_persons_name_is_not_taken(self, qtbot, page, monkeypatch):
        monkeypatch.setattr(work, "change_passphrase", never)
        self.type_in(qtbot, page.passphrase, OLD, "Dawn Ellery 2026")
        assert "a name in it" in page.passphrase.new.first_field.error()

    def test_a_full_disk_is_said_calmly_and_the_old_one_stays(self, qtbot, page, monkeypatch):
        def full(*_given):
            raise EnvironmentFault("The disk is full. Nothing was changed.")

        monkeypatch.setattr(work, "change_passphrase", full)
        self.type_in(qtbot, page.passphrase, OLD, NEW)
        qtbot.waitUntil(lambda: page.passphrase.message.isVisible(), timeout=10_000)
        assert page.passphrase.message.label.text() == "The disk is full. Nothing was changed."

    def test_leaving_the_page_forgets_what_was_typed(self, qtbot, page, frame):
        page.passphrase.start.click()
        qtbot.keyClicks(page.passphrase.old, "half a pass")
        frame.window_page.navigate("today")
        settle(qtbot, frame)
        assert page.passphrase.old.text() == ""
        assert not page.passphrase.is_open()


class TestRecoveryKey:
    def to_key(self, qtbot, card) -> None:
        card.start.click()
        qtbot.keyClicks(card.passphrase, OLD)
        qtbot.keyClick(card.passphrase, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: card.steps.current() == 1, timeout=10_000)

    def type_back(self, qtbot, card) -> None:
        card.next.click()
        for number, line in zip(card.type_back.asked, card.type_back.lines, strict=True):
            qtbot.keyClicks(line, card.key_step.key.groups[number])
        qtbot.keyClick(card.type_back.lines[-1], Qt.Key.Key_Return)

    def test_a_new_one_takes_the_place_of_the_old_when_it_was_typed_back(self, qtbot, page, frame, key, frozen_time):
        card = page.recovery
        self.to_key(qtbot, card)
        new = card.key_step.key.text
        unlock_with_recovery(frame.folder, key.text, time=frozen_time)  # until then the old one works
        with qtbot.waitSignal(card.changed, timeout=10_000):
            self.type_back(qtbot, card)
        unlock_with_recovery(frame.folder, new, time=frozen_time)
        with pytest.raises(UserError, match="an older one"):
            unlock_with_recovery(frame.folder, key.text, time=frozen_time)
        assert Action.RECOVERY_KEY_MADE in audited(frame)
        assert new not in words(page)

    def test_cancelling_keeps_the_old_one_and_the_next_key_is_another(self, qtbot, page, frame, key, frozen_time):
        card = page.recovery
        self.to_key(qtbot, card)
        shown = card.key_step.key.text
        assert_nothing_clipped(page)
        drawn = card.key_step.shown
        assert drawn.height() >= drawn.heightForWidth(drawn.width())  # every group is on screen
        card.cancel.click()
        unlock_with_recovery(frame.folder, key.text, time=frozen_time)
        self.to_key(qtbot, card)
        assert card.key_step.key.text != shown

    def test_a_wrong_passphrase_shows_no_key(self, qtbot, page):
        card = page.recovery
        card.start.click()
        qtbot.keyClicks(card.passphrase, "not the passphrase")
        card.next.click()
        qtbot.waitUntil(lambda: card.field.error() != "", timeout=10_000)
        assert card.steps.current() == 0
        assert card.key_step._key is None


def test_one_change_at_a_time(qtbot, page):
    page.passphrase.start.click()
    qtbot.keyClicks(page.passphrase.old, OLD)
    page.recovery.start.click()
    assert not page.passphrase.is_open()
    assert page.passphrase.old.text() == ""
    assert page.recovery.is_open()


class TestEncryptionKeys:
    def begin(self, qtbot, card, passphrase: str = OLD) -> None:
        card.start.click()
        qtbot.keyClicks(card.passphrase, passphrase)
        qtbot.keyClick(card.passphrase, Qt.Key.Key_Return)

    def test_they_are_changed_with_progress_and_the_window_opens_again(
        self, qtbot, page, frame, key, frozen_time, monkeypatch
    ):
        before = frame.opened.vault.keys
        told = []
        real = RotationPage.__init__

        def watched(self, *given):
            real(self, *given)
            self.counted.connect(lambda _done, _total, what: told.append(what))

        monkeypatch.setattr(RotationPage, "__init__", watched)
        with qtbot.waitSignal(frame.unlocked, timeout=30_000):
            self.begin(qtbot, page.rotation)
            qtbot.waitUntil(lambda: isinstance(frame.centralWidget(), RotationPage), timeout=10_000)
            assert frame.opened is None
        settle(qtbot, frame)
        assert frame.opened.vault.keys != before
        assert any("under the new keys" in what for what in told)
        assert Action.KEYS_ROTATED in audited(frame)
        assert frame.window_page.route() == "security"  # back to where the person was
        unlock_with_recovery(frame.folder, key.text, time=frozen_time)

    def test_a_wrong_passphrase_closes_nothing(self, qtbot, page, frame):
        self.begin(qtbot, page.rotation, "not the passphrase")
        qtbot.waitUntil(lambda: page.rotation.field.error() != "", timeout=10_000)
        assert frame.opened is not None

    def test_one_that_fails_leaves_the_vault_as_it_was_and_says_why(self, qtbot, page, frame, monkeypatch, frozen_time):
        def full(*_given, **_more):
            raise EnvironmentFault("The new keys could not be written: the disk is full. The vault is as it was.")

        monkeypatch.setattr("app.services.vault.rotation.rotate", full)
        self.begin(qtbot, page.rotation)
        qtbot.waitUntil(lambda: isinstance(frame.centralWidget(), UnlockPage), timeout=20_000)
        settle(qtbot, frame)
        assert "The vault is as it was." in frame.centralWidget().message.label.text()
        open_vault(frame.folder, OLD, time=frozen_time).close()

    def test_an_interrupted_one_is_told_of_and_goes_on(self, qtbot, page, frame, monkeypatch):
        from app.services.vault import rotation

        real = rotation._copy

        def stops(source, path, key, name, tell):
            if name == "documents.db":
                raise OSError("the laptop stopped")
            real(source, path, key, name, tell)

        monkeypatch.setattr(rotation, "_copy", stops)
        self.begin(qtbot, page.rotation)
        qtbot.waitUntil(lambda: isinstance(frame.centralWidget(), UnlockPage), timeout=20_000)
        settle(qtbot, frame)
        monkeypatch.undo()
        assert (frame.folder / f"cases.db{SUFFIX}").exists()
        from tests.views.shell.framing import unlock as open_again

        window = open_again(qtbot, frame)
        window.navigate("security")
        settle(qtbot, frame)
        assert window.page().unfinished.isVisible()
        with qtbot.waitSignal(frame.unlocked, timeout=30_000):
            self.begin(qtbot, window.page().rotation)
        settle(qtbot, frame)
        assert not window_page(frame).unfinished.isVisible()


def window_page(frame):
    frame.window_page.navigate("security")
    return frame.window_page.page()


def test_the_palette_finds_it(page, frame):
    from app.views.commands import window_commands

    assert "Open Security" in [command.name for command in window_commands(frame.window_page)]


def never(*_given: object) -> None:
    raise AssertionError("not this")
