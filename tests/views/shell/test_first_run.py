"""The first run in the real frame, against a real central store: five steps, nothing made before the last."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from sqlalchemy import func, select

from app.errors import EnvironmentFault, UserError
from app.models import CaseRow
from app.services.sync.enrolment import create_and_enrol
from app.services.sync.faults import unreachable
from app.services.sync.trust_protocol import CodeAnswer
from app.services.vault import create_vault, unlock_with_recovery, vault_exists
from app.services.vault.keyring_state import KeyringKind, KeyringState
from app.services.vault.keys import KdfParameters
from app.services.vault.recovery_key import RecoveryKey
from app.services.vault.unused import never_used, remove
from app.views import opening
from app.views.first_run_page import DOWNLOAD, ENROL, PASSPHRASE, RECOVERY, TYPE_BACK, WELCOME, FirstRunPage
from app.views.frame import Frame
from app.views.main_window import MainWindow
from app.views.recovery.type_back import TypeBack
from tests.conftest import QUICK
from tests.views.clipping import assert_nothing_clipped
from tests.views.shell.framing import unlock
from tests.views.shell.people import populate

WORDS = "seven blue kettles sing"


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine has no keyring, whatever the machine of the test has; quick derivation."""
    none = KeyringState(KeyringKind.NONE)
    monkeypatch.setattr("app.services.vault.keyring_state.keyring_state", lambda: none)
    monkeypatch.setattr("app.services.vault.device_secret.keyring_state", lambda: none)
    monkeypatch.setattr(KdfParameters, "tuned", classmethod(lambda _cls, _seconds=0.5, **_more: QUICK))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "new"


@pytest.fixture
def frame(make_frame: Callable[[Path], Frame], folder: Path) -> Frame:
    return make_frame(folder)


@pytest.fixture
def page(frame: Frame) -> FirstRunPage:
    page = frame.centralWidget()
    assert isinstance(page, FirstRunPage)
    return page


@pytest.fixture
def any_code(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = CodeAnswer("u1", "Dawn Ellery", "Marlshire County Council")
    monkeypatch.setattr(opening, "check_code", lambda _server, _code: answer)


@pytest.fixture
def impatient(frame: Frame) -> None:
    """What is tried again by itself is tried again soon."""
    frame._first_run._retry.setInterval(40)


def give_code(qtbot: QtBot, page: FirstRunPage, server: str = "central.example", code: str = "ABCD-1234") -> None:
    qtbot.keyClick(page.next, Qt.Key.Key_Return)
    assert page.step() == ENROL
    page.server.clear()
    qtbot.keyClicks(page.server, server)
    qtbot.keyClicks(page.code, code)
    qtbot.keyClick(page.code, Qt.Key.Key_Return)


def to_passphrase(qtbot: QtBot, page: FirstRunPage, **given: str) -> None:
    give_code(qtbot, page, **given)
    qtbot.waitUntil(lambda: page.step() == PASSPHRASE, timeout=10_000)


def to_recovery(qtbot: QtBot, page: FirstRunPage, **given: str) -> None:
    to_passphrase(qtbot, page, **given)
    qtbot.keyClicks(page.passphrase.first, WORDS)
    qtbot.keyClick(page.passphrase.first, Qt.Key.Key_Return)  # goes on to the second field
    qtbot.keyClicks(page.passphrase.second, WORDS)
    qtbot.keyClick(page.passphrase.second, Qt.Key.Key_Return)
    assert page.step() == RECOVERY


def type_back(qtbot: QtBot, page: FirstRunPage) -> None:
    page.next.click()
    assert page.step() == TYPE_BACK
    for number, line in zip(page.type_back.asked, page.type_back.lines, strict=True):
        qtbot.keyClicks(line, page.key_step.key.groups[number].lower())
        if line is not page.type_back.lines[-1]:
            qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.keyClick(page.type_back.lines[-1], Qt.Key.Key_Return)


class TestAgainstARealCentralStore:
    def code(self, central: object) -> str:
        return central.services.trust.make_code(central.people["dawn"])

    def test_five_steps_from_nothing_to_today_and_both_ways_in_are_real(
        self, qtbot, page, frame, central, folder, frozen_time
    ):
        to_recovery(qtbot, page, server=central.url, code=self.code(central))
        key = page.key_step.key.text
        assert not folder.exists()
        with qtbot.waitSignal(frame.unlocked, timeout=30_000):
            type_back(qtbot, page)
        assert isinstance(frame.centralWidget(), MainWindow)
        assert frame.opened.vault.has_recovery_key
        assert frame.opened.ws.actor.name == "Dawn Ellery"
        qtbot.waitUntil(lambda: frame.runner.pending_count() == 0, timeout=10_000)
        frame.lock()
        qtbot.waitUntil(lambda: frame.runner.pending_count() == 0, timeout=10_000)
        unlock_with_recovery(folder, key, time=frozen_time).open().close()
        opening.unlock(folder, WORDS, lambda _words: None).vault.close()

    def test_a_used_code_is_said_at_step_two_before_anything_is_chosen(
        self, qtbot, page, central, tmp_path, frozen_time, folder
    ):
        code = self.code(central)
        create_and_enrol(tmp_path / "other", central.url, code, "Other", WORDS, time=frozen_time, kdf=QUICK).close()
        give_code(qtbot, page, server=central.url, code=code)
        qtbot.waitUntil(lambda: page.code_field.error() != "", timeout=10_000)
        assert page.step() == ENROL
        assert "used" in page.code_field.error()
        assert not folder.exists()

    @pytest.fixture
    def a_full_store(self, central, enrol_laptop, sync_once, monkeypatch):
        """A central store with ten cases that hands them out three rows at a time."""
        monkeypatch.setattr("app.central.snapshots.SNAPSHOT_ROWS", 3)
        ruth = enrol_laptop("ruth").workspace()
        central.cases = len(populate(ruth))
        sync_once(ruth)
        return central

    def test_the_download_pauses_and_goes_on(self, qtbot, page, frame, a_full_store):
        to_recovery(qtbot, page, server=a_full_store.url, code=self.code(a_full_store))
        page.download.pause.show = lambda: page.download.pause.click() if not page.download._paused else None
        type_back(qtbot, page)
        qtbot.waitUntil(lambda: page.download._paused, timeout=20_000)
        del page.download.pause.show
        page.download.pause.show()
        assert page.download.pause.text() == "Resume"
        assert page.passphrase.text() == ""  # the vault is made: nothing secret waits on the page
        qtbot.wait(300)
        assert frame.opened is None
        with qtbot.waitSignal(frame.unlocked, timeout=20_000):
            page.download.pause.click()
        qtbot.waitUntil(lambda: frame.runner.pending_count() == 0, timeout=10_000)
        with frame.opened.ws.read() as session:
            assert session.scalar(select(func.count()).select_from(CaseRow)) == a_full_store.cases

    def test_start_now_opens_with_what_has_come_and_the_rest_follows(self, qtbot, page, frame, a_full_store):
        to_recovery(qtbot, page, server=a_full_store.url, code=self.code(a_full_store))
        page.download.start.show = lambda: page.download.start.click() if page.download.start.isEnabled() else None
        with qtbot.waitSignal(frame.unlocked, timeout=20_000):
            type_back(qtbot, page)

        def has_all() -> bool:
            with frame.opened.ws.read() as session:
                return session.scalar(select(func.count()).select_from(CaseRow)) == a_full_store.cases

        qtbot.waitUntil(has_all, timeout=20_000)
        qtbot.waitUntil(lambda: frame.runner.pending_count() == 0, timeout=10_000)

    def test_closing_while_it_is_paused_does_not_hang_and_the_next_start_asks_for_the_passphrase(
        self, qtbot, page, frame, a_full_store, folder, make_frame
    ):
        to_recovery(qtbot, page, server=a_full_store.url, code=self.code(a_full_store))
        page.download.pause.show = lambda: page.download.pause.click() if not page.download._paused else None
        type_back(qtbot, page)
        qtbot.waitUntil(lambda: page.download._paused, timeout=20_000)
        frame.close()
        frame.shut_down()
        assert vault_exists(folder)
        again = make_frame(folder)
        window = unlock(qtbot, again, WORDS)
        assert window.context.ws.actor.name == "Dawn Ellery"


def test_enter_goes_on_and_what_is_missing_is_said_beside_it(qtbot, page):
    assert page.step() == WELCOME
    page.next.click()
    assert page.step() == ENROL
    page.next.click()
    assert page.server_field.error() == "Enter the server address your administrator gave you."
    assert page.code_field.error() == "Enter the code your administrator gave you."
    assert_nothing_clipped(page)


def test_the_steps_are_five_and_say_where_one_is(qtbot, page, any_code):
    places = [page.place.text()]
    to_recovery(qtbot, page)
    places.append(page.place.text())
    page.next.click()
    places.append(page.place.text())
    assert places == ["Step 1 of 5", "Step 4 of 5", "Step 4 of 5"]


@pytest.mark.parametrize("typed", ["short", "password1234", "Dawn Ellery 2026", "marlshire county"])
def test_a_passphrase_that_is_easy_to_guess_is_not_taken(qtbot, page, any_code, typed):
    to_passphrase(qtbot, page)
    qtbot.keyClicks(page.passphrase.first, typed)
    qtbot.keyClicks(page.passphrase.second, typed)
    page.next.click()
    assert page.step() == PASSPHRASE
    assert page.passphrase.first_field.error()
    assert_nothing_clipped(page)


def test_a_mistyped_repetition_is_not_taken(qtbot, page, any_code):
    to_passphrase(qtbot, page)
    qtbot.keyClicks(page.passphrase.first, WORDS)
    qtbot.keyClicks(page.passphrase.second, "seven blue kettles sang")
    page.next.click()
    assert page.step() == PASSPHRASE
    assert page.passphrase.second_field.error() == "The two are different. Type it again."


def test_strength_is_said_in_words_while_it_is_typed(qtbot, page, any_code):
    to_passphrase(qtbot, page)
    qtbot.keyClicks(page.passphrase.first, "seven")
    qtbot.waitUntil(lambda: page.passphrase.strength.text() == "7 more characters needed.")
    qtbot.keyClicks(page.passphrase.first, " blue kettles sing")
    qtbot.waitUntil(lambda: page.passphrase.strength.text() == "Strong.")


def test_without_a_keyring_it_is_said_plainly_and_more_is_asked(qtbot, page, any_code):
    to_passphrase(qtbot, page)
    qtbot.waitUntil(lambda: page.passphrase.alone.isVisible())
    assert page.passphrase.alone.text().startswith("This machine has no keyring. The passphrase alone protects")
    qtbot.keyClicks(page.passphrase.first, "purple tractor")
    qtbot.keyClicks(page.passphrase.second, "purple tractor")
    page.next.click()
    assert page.step() == PASSPHRASE


def test_the_key_is_shown_once_and_two_groups_are_typed_back(qtbot, page, any_code, monkeypatch):
    monkeypatch.setattr(opening, "enrol", never)
    to_recovery(qtbot, page)
    key = page.key_step.key
    assert " ".join(key.groups[0]) in page.key_step.shown.accessibleName()
    assert_nothing_clipped(page)
    page.next.click()
    assert page.step() == TYPE_BACK
    assert not page.key_step.isVisible()
    assert len(page.type_back.asked) == 2
    assert_nothing_clipped(page)


def test_a_wrong_group_is_not_taken_and_the_same_groups_are_asked_again(qtbot, page, any_code):
    to_recovery(qtbot, page)
    page.next.click()
    asked = page.type_back.asked
    qtbot.keyClicks(page.type_back.lines[0], "00")
    page.next.click()
    assert page.type_back.fields[0].error() == "A group has 4 characters and this has 2."
    page.type_back.lines[0].clear()
    wrong = "0000" if page.key_step.key.groups[asked[0]] != "0000" else "1111"
    qtbot.keyClicks(page.type_back.lines[0], wrong)
    page.next.click()
    assert page.step() == TYPE_BACK
    assert f"This is not group {asked[0] + 1}." in page.type_back.fields[0].error()
    page.previous.click()
    assert page.step() == RECOVERY
    page.next.click()
    assert page.type_back.asked == asked


def test_which_groups_are_asked_is_left_to_chance(qapp):
    seen = set()
    for _ in range(40):
        asking = TypeBack()
        asking.ask(RecoveryKey.new().groups)
        seen.add(asking.asked)
    assert len(seen) > 5
    assert {number for pair in seen for number in pair} == set(range(7))


def test_leaving_in_the_middle_leaves_nothing(qtbot, page, frame, any_code, folder):
    to_recovery(qtbot, page)
    page.next.click()
    frame.close()
    frame.shut_down()
    assert not folder.exists()


def test_back_keeps_what_was_typed_and_the_key(qtbot, page, any_code):
    to_recovery(qtbot, page)
    key = page.key_step.key
    page.previous.click()
    assert page.step() == PASSPHRASE
    assert page.passphrase.text() == WORDS
    page.previous.click()
    assert page.code.text() == "ABCD-1234"
    page.next.click()
    qtbot.waitUntil(lambda: page.step() == PASSPHRASE)
    page.next.click()
    assert page.key_step.key is key


def test_offline_waits_at_step_two_and_goes_on_by_itself(qtbot, page, monkeypatch, impatient):
    tries = []

    def offline_twice(_server, _code):
        tries.append(1)
        if len(tries) < 3:
            raise unreachable()
        return CodeAnswer("u1", "Dawn Ellery", "Marlshire County Council")

    monkeypatch.setattr(opening, "check_code", offline_twice)
    give_code(qtbot, page)
    qtbot.waitUntil(lambda: page.message.isVisible())
    assert "goes on by itself" in page.message.label.text()
    assert page.next.text() == "Try again"
    assert_nothing_clipped(page)
    qtbot.waitUntil(lambda: page.step() == PASSPHRASE, timeout=10_000)
    assert len(tries) == 3
    assert not page.message.isVisible()
    assert page.next.text() == "Continue"


def test_try_again_asks_at_once_and_typing_ends_the_wait(qtbot, page, monkeypatch):
    tries = []

    def offline(_server, _code):
        tries.append(1)
        raise unreachable()

    monkeypatch.setattr(opening, "check_code", offline)
    give_code(qtbot, page)
    qtbot.waitUntil(page.is_waiting)
    page.next.click()
    qtbot.waitUntil(lambda: len(tries) == 2)
    qtbot.waitUntil(page.is_waiting)
    qtbot.keyClicks(page.code, "5")
    assert not page.is_waiting()
    assert not page.message.isVisible()
    assert page.next.text() == "Continue"


def test_a_connection_lost_at_the_end_waits_there_and_keeps_everything(
    qtbot, page, frame, any_code, monkeypatch, impatient, make_vault
):
    tries = []

    def enrol(_folder, chosen, _counted, _gate):
        tries.append(chosen)
        if len(tries) == 1:
            raise unreachable()
        vault = make_vault("enrolled")
        ws = vault.workspace()
        return opening.Opened(vault, ws, opening.start_sync(vault, ws))

    monkeypatch.setattr(opening, "enrol", enrol)
    to_recovery(qtbot, page)
    with qtbot.waitSignal(frame.unlocked, timeout=10_000):
        type_back(qtbot, page)
        qtbot.waitUntil(page.is_waiting)
        assert page.step() == DOWNLOAD
    assert tries[0] == tries[1]
    assert tries[0].passphrase == WORDS
    assert tries[0].server == "https://central.example"
    qtbot.waitUntil(lambda: frame.runner.pending_count() == 0)


def test_a_keyring_in_the_way_is_said_and_tried_again_only_when_asked(qtbot, page, any_code, monkeypatch, impatient):
    tries = []

    def refuse(*_given):
        tries.append(1)
        raise EnvironmentFault(
            "This laptop's keyring did not open. Unlock it and try again. Nothing has been set up yet."
        )

    monkeypatch.setattr(opening, "enrol", refuse)
    to_recovery(qtbot, page)
    type_back(qtbot, page)
    qtbot.waitUntil(page.is_waiting)
    assert page.message.label.text().endswith("Nothing has been set up yet.")
    qtbot.wait(200)
    assert len(tries) == 1
    page.next.click()
    qtbot.waitUntil(lambda: len(tries) == 2)


def test_a_code_spent_meanwhile_returns_to_it_with_everything_kept(qtbot, page, any_code, monkeypatch):
    def refuse(*_given):
        raise UserError("This code was used already. Ask for another.", "code")

    monkeypatch.setattr(opening, "enrol", refuse)
    to_recovery(qtbot, page)
    key = page.key_step.key
    type_back(qtbot, page)
    qtbot.waitUntil(lambda: page.step() == ENROL)
    assert page.code_field.error() == "This code was used already. Ask for another."
    assert page.passphrase.text() == WORDS
    assert page.key_step.key is key


def test_nothing_typed_is_in_the_settings(qtbot, page, frame, any_code, settings):
    to_recovery(qtbot, page)
    key = page.key_step.key
    frame.close()
    stored = json.dumps(settings._values)
    assert WORDS not in stored
    assert not any(group in stored for group in key.groups)


def test_a_set_up_that_was_cut_off_starts_again(qtbot, make_frame, folder, frozen_time):
    create_vault(folder, WORDS, time=frozen_time, kdf=QUICK).close()
    frame = make_frame(folder)
    page = frame.centralWidget()
    qtbot.keyClicks(page.passphrase, WORDS)
    page.button.click()
    qtbot.waitUntil(lambda: isinstance(frame.centralWidget(), FirstRunPage), timeout=10_000)
    assert "Setting up was interrupted" in frame.centralWidget().message.label.text()
    assert not folder.exists()


def test_a_vault_that_somebody_used_is_never_removed(vault):
    assert not never_used(vault)
    with pytest.raises(ValueError):
        remove(vault)
    assert vault_exists(vault.folder)


def never(*_given: object) -> None:
    raise AssertionError("not yet")
