"""The pages where a vault stays shut: away from its central store for too long, or ended for good."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from pytestqt.qtbot import QtBot

from app.services.sync import facts
from app.services.vault import ending, open_vault
from app.timesource import FrozenTime
from app.views.away_page import CONNECT, AwayPage
from app.views.ended_page import EndedPage
from app.views.first_run_page import FirstRunPage
from app.views.frame import Frame
from app.views.unlock_page import UnlockPage
from tests.conftest import PASSPHRASE as OPENS
from tests.views.clipping import assert_nothing_clipped
from tests.views.shell.test_frame import words_on_screen

MakeFrame = Callable[[Path], Frame]


def be_away(folder: Path, time: FrozenTime, days: int) -> None:
    """Have a vault's last sync be some days ago, with a central store that does not answer."""
    vault = open_vault(folder, OPENS, time=time)
    with vault.workspace().local_session() as session:
        facts.put(session, facts.SERVER, "http://127.0.0.1:9")
        facts.put(session, facts.LAST_SYNCED, (time.now() - timedelta(days=days)).isoformat())
    vault.close()


def test_a_laptop_that_was_away_too_long_asks_to_connect_and_shows_nothing_of_its_cases(
    qtbot: QtBot, make_frame: MakeFrame, locked_vault: Path, frozen_time: FrozenTime
) -> None:
    be_away(locked_vault, frozen_time, 47)
    frame = make_frame(locked_vault)
    page = frame.centralWidget()
    assert isinstance(page, UnlockPage)
    page.passphrase.setText(OPENS)
    page.button.click()
    qtbot.waitUntil(lambda: isinstance(frame.centralWidget(), AwayPage), timeout=10_000)
    away = frame.centralWidget()
    assert isinstance(away, AwayPage)
    shown = words_on_screen(frame)
    assert "47 days ago. Your organisation allows 30." in shown
    assert "are kept" in shown
    assert "Merrow" not in shown
    for size in ((1366, 768), (640, 360)):
        frame.resize(*size)
        qtbot.wait(1)
        assert_nothing_clipped(away)
    away.go_on()
    qtbot.waitUntil(lambda: "stays shut until this laptop has a connection" in words_on_screen(frame), timeout=20_000)
    assert away.step() == CONNECT, "it can be tried again"
    assert_nothing_clipped(away)
    away.go_back()
    qtbot.waitUntil(lambda: isinstance(frame.centralWidget(), UnlockPage), timeout=10_000)


def test_an_ended_laptop_says_so_and_can_be_set_up_anew(
    qtbot: QtBot, make_frame: MakeFrame, tmp_path: Path, frozen_time: FrozenTime
) -> None:
    folder = tmp_path / "ended"
    folder.mkdir()
    ending.begin(folder, "a-vault", "Laptop 12", at=frozen_time.now(), handed_in=3)
    frame = make_frame(folder)
    page = frame.centralWidget()
    assert isinstance(page, EndedPage)
    assert "3 changes that had not been sent are with your team." in words_on_screen(frame)
    for size in ((1366, 768), (640, 360)):
        frame.resize(*size)
        qtbot.wait(1)
        assert_nothing_clipped(page)
    page.go_on()
    assert isinstance(frame.centralWidget(), FirstRunPage)
    assert ending.ended(folder) is None
