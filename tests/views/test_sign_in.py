"""Signing in through the window, on a real central store and a real identity provider."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zxingcpp
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from app.services.sign_in import sessions
from app.services.sync.status import NoSync, SyncState, SyncStatus
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from app.views import tokens
from app.views.context import AppContext
from app.views.first_run_page import ENROL, FirstRunPage
from app.views.kit.text import Link
from app.views.sign_in import page as page_module
from app.views.sign_in.page import SignInPage
from app.views.start import make_application
from app.views.sync_pill import SyncPopover
from app.views.task_runner import TaskRunner
from app.views.theme import apply_theme
from tests.sign_in.conftest import browser, configured, provider  # noqa: F401  (fixtures)
from tests.sign_in.provider import Browser, Provider, later
from tests.views.clipping import assert_nothing_clipped

PASSWORD = "four green lamps glow"
TIMEOUT = 15_000


@pytest.fixture(scope="session")
def qapp() -> Any:
    return make_application()


class Sync(NoSync):
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def sync_now(self) -> None:
        self.asked += 1


def _raise(error: Exception) -> None:
    raise error


@pytest.fixture
def ws(central: Any, enrol_laptop: Callable[..., Any]) -> Workspace:
    return enrol_laptop("dawn").workspace()


@pytest.fixture
def page(qapp: Any, qtbot: QtBot, ws: Workspace) -> Iterator[SignInPage]:
    apply_theme(qapp, tokens.LIGHT)
    page = SignInPage(AppContext(ws, TaskRunner(_raise), Sync()))
    qtbot.addWidget(page)
    page.resize(900, 700)
    page.show()
    yield page
    page.panel.cancel()
    page.context.runner.close()


def test_somebody_signs_in_with_the_browser_and_out_from_the_page(
    configured: Any,  # noqa: F811
    provider: Provider,  # noqa: F811
    browser: Browser,  # noqa: F811
    page: SignInPage,
    ws: Workspace,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[str] = []
    threads: list[Any] = []

    def open_browser(address: str) -> bool:
        opened.append(address)
        threads.append(later(lambda: browser.open(address)))
        return True

    panel = page.panel
    panel._open_browser = open_browser
    page.open()
    qtbot.waitUntil(panel.browser_button.isVisible, timeout=TIMEOUT)
    assert panel.words.text() == (
        "Sign in with Marlshire sign-in. Rollcall opens your browser. Come back here afterwards."
    )
    assert_nothing_clipped(page)
    qtbot.mouseClick(panel.browser_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.leave.isVisible(), timeout=TIMEOUT)
    assert page.who.text() == "Dawn Ellery is signed in with Marlshire sign-in."
    assert "You will be asked again by 17 December 2026" in page.until.text()
    assert not panel.isVisible()
    assert page.context.sync.asked == 1  # type: ignore[attr-defined]  # the stand-in's
    assert_nothing_clipped(page)

    monkeypatch.setattr(page_module, "open_address", lambda address: opened.append(address) or True)
    qtbot.mouseClick(page.leave, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(panel.browser_button.isVisible, timeout=TIMEOUT)
    assert opened[-1].startswith(f"{provider.issuer}/end")
    assert not sessions.state(ws).signed_in
    for thread in threads:
        thread.join(5)


def test_a_browser_that_does_not_open_leaves_an_address_to_copy_and_cancel_ends_the_wait(
    configured: Any,  # noqa: F811
    page: SignInPage,
    qtbot: QtBot,
) -> None:
    panel = page.panel
    panel._open_browser = lambda _address: False
    page.open()
    qtbot.waitUntil(panel.browser_button.isVisible, timeout=TIMEOUT)
    qtbot.mouseClick(panel.browser_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(panel.copy_link.isVisible, timeout=TIMEOUT)
    assert panel.trouble.label.text() == "Your browser did not open. Copy the address and open it yourself."
    assert_nothing_clipped(page)
    panel.copy_link.activated.emit()
    assert "code_challenge_method=S256" in QGuiApplication.clipboard().text()
    panel.cancel()
    qtbot.waitUntil(panel.browser_button.isVisible, timeout=TIMEOUT)
    assert panel.trouble.label.text() == "Signing in was cancelled. Your work is kept."


def test_the_provider_being_away_and_refusals_are_said_and_can_be_tried_again(
    configured: Any,  # noqa: F811
    provider: Provider,  # noqa: F811
    browser: Browser,  # noqa: F811
    page: SignInPage,
    qtbot: QtBot,
) -> None:
    panel = page.panel
    threads: list[Any] = []
    panel._open_browser = lambda address: threads.append(later(lambda: browser.refuse(address))) is None
    provider.away = True
    page.open()
    qtbot.waitUntil(panel.browser_button.isVisible, timeout=TIMEOUT)
    qtbot.mouseClick(panel.browser_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(panel.trouble.isVisible, timeout=TIMEOUT)
    assert "does not answer" in panel.trouble.label.text()
    provider.away = False
    qtbot.mouseClick(panel.browser_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "did not let you in" in panel.trouble.label.text(), timeout=TIMEOUT)
    assert panel.browser_button.isVisible()
    for thread in threads:
        thread.join(5)


def test_somebody_signs_in_with_a_local_account(central: Any, page: SignInPage, ws: Workspace, qtbot: QtBot) -> None:
    central.services.trust.set_password(central.people["dawn"], PASSWORD)
    panel = page.panel
    page.open()
    qtbot.waitUntil(panel.form.isVisible, timeout=TIMEOUT)
    assert_nothing_clipped(page)
    form = panel.form
    qtbot.mouseClick(form.button, Qt.MouseButton.LeftButton)
    assert form.name_field.error() == "Enter your username."
    qtbot.keyClicks(form.name, "dawn")
    qtbot.keyClicks(form.password, "wrong wrong wrong")
    assert form.password.echoMode() is QLineEdit.EchoMode.Password
    qtbot.keyClick(form.password, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(form.password_field.error()), timeout=TIMEOUT)
    assert form.password_field.error() == "Name, password or code not recognised. Check all three and try again."
    assert form.password.text() == ""
    assert_nothing_clipped(page)
    qtbot.keyClicks(form.password, PASSWORD)
    qtbot.keyClick(form.code, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.leave.isVisible(), timeout=TIMEOUT)
    assert page.who.text() == "Dawn Ellery is signed in."
    assert form.password.text() == ""


def test_without_a_network_it_says_so_and_can_be_tried_again(central: Any, page: SignInPage, qtbot: QtBot) -> None:
    central.stop()
    page.open()
    qtbot.waitUntil(page.panel.again_button.isVisible, timeout=TIMEOUT)
    assert "Could not reach the central store" in page.panel.trouble.label.text()
    assert_nothing_clipped(page)


@pytest.mark.parametrize("theme", [tokens.DARK, tokens.CONTRAST])
def test_nothing_is_cut_off_in_other_themes_and_a_narrow_window(
    qapp: Any, central: Any, page: SignInPage, qtbot: QtBot, theme: Any
) -> None:
    apply_theme(qapp, theme)
    page.resize(560, 700)
    page.panel.clock.set_text("The clock of this laptop is 3 hours fast. Set it right, so that your times are right.")
    page.open()
    qtbot.waitUntil(page.panel.form.isVisible, timeout=TIMEOUT)
    page.panel.form.refuse("Name, password or code not recognised. Check all three and try again.", "password")
    assert_nothing_clipped(page)
    apply_theme(qapp, tokens.LIGHT)


def test_the_pill_offers_signing_in_when_it_is_needed(qapp: Any, qtbot: QtBot, page: SignInPage) -> None:
    status = SyncStatus(SyncState.SIGN_IN, 3)
    assert status.sentence() == "Sign in to sync. Your 3 changes are kept until you do."
    popover = SyncPopover(status, page)
    link = popover.findChild(Link, "sign_in")
    assert link is not None
    with qtbot.waitSignal(popover.sign_in_asked):
        link.activated.emit()
    popover.deleteLater()
    assert SyncPopover(SyncStatus(SyncState.WAITING, 3), page).findChild(Link, "sign_in") is None


def test_six_digit_codes_are_set_up_from_the_page(
    central: Any, page: SignInPage, ws: Workspace, qtbot: QtBot, frozen_time: FrozenTime
) -> None:
    central.services.trust.set_password(central.people["dawn"], PASSWORD)
    sessions.sign_in_with_account(ws, "dawn", PASSWORD)
    page.open()
    card = page.codes
    qtbot.waitUntil(card.set_up.isVisible, timeout=TIMEOUT)
    assert_nothing_clipped(page)
    qtbot.mouseClick(card.set_up, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(card.qr.isVisible, timeout=TIMEOUT)
    assert_nothing_clipped(page)
    seen = zxingcpp.read_barcodes(grey(card.qr.grab().toImage()))
    assert [each.text.startswith("otpauth://totp/") for each in seen] == [True]
    totp = TOTP(base64.b32decode(card.secret.text().replace(" ", "")), 6, SHA1(), 30)
    assert f"secret={card.secret.text().replace(' ', '')}" in seen[0].text
    code = totp.generate(int(frozen_time.now().timestamp())).decode()
    qtbot.keyClicks(card.code, "000000" if code != "000000" else "111111")
    qtbot.mouseClick(card.turn_on, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "does not fit" in card.code_field.error(), timeout=TIMEOUT)
    card.code.clear()
    qtbot.keyClicks(card.code, code)
    qtbot.keyClick(card.code, Qt.Key.Key_Return)
    qtbot.waitUntil(card.codes.isVisible, timeout=TIMEOUT)
    assert len(card.codes.text().split()) == 10
    assert not card.qr.isVisible()
    assert_nothing_clipped(page)
    page.open()  # coming back shows none of it again
    qtbot.waitUntil(card.set_up.isVisible, timeout=TIMEOUT)
    assert card.codes.text() == ""


def grey(image: QImage) -> Any:
    from PIL import Image

    plain = image.convertToFormat(QImage.Format.Format_Grayscale8)
    size = (plain.width(), plain.height())
    return Image.frombuffer("L", size, bytes(plain.constBits()), "raw", "L", plain.bytesPerLine(), 1)


def test_a_new_laptop_gets_its_code_by_signing_in(qapp: Any, qtbot: QtBot, central: Any, tmp_path: Any) -> None:
    central.services.trust.set_password(central.people["dawn"], PASSWORD)
    runner = TaskRunner(_raise)
    first = FirstRunPage(runner, tmp_path, "Test laptop", "")
    qtbot.addWidget(first)
    first.resize(900, 820)
    first.show()
    first.show_step(ENROL)
    given: list[tuple[str, str]] = []
    first.code_given.connect(lambda server, code: given.append((server, code)))
    first.instead.link.activated.emit()
    assert first.server_field.error()
    first.server.setText(central.url)
    first.instead.link.activated.emit()
    panel = first.instead.panel
    assert panel is not None
    qtbot.waitUntil(panel.form.isVisible, timeout=TIMEOUT)
    assert not first.code_field.isVisible()
    assert_nothing_clipped(first)
    first.instead.link.activated.emit()
    assert first.code_field.isVisible()
    first.instead.link.activated.emit()
    panel = first.instead.panel
    assert panel is not None
    qtbot.waitUntil(panel.form.isVisible, timeout=TIMEOUT)
    qtbot.keyClicks(panel.form.name, "dawn")
    qtbot.keyClicks(panel.form.password, PASSWORD)
    qtbot.keyClick(panel.form.password, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(given), timeout=TIMEOUT)
    assert given[0][0] == central.url
    assert central.services.trust.check_code(given[0][1]).user_name == "Dawn Ellery"
    assert first.code_field.isVisible()
    runner.close()
