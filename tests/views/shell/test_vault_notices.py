"""Little room on the disk and a lagging second copy are said wherever the person is."""

from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QApplication

from app.services.vault import Vault, reserve
from app.views.kit.feedback import Banner
from app.views.main_window import MainWindow
from app.views.theme import apply_theme
from app.views.tokens import CONTRAST, DARK, LIGHT, Tokens
from tests.views.clipping import assert_nothing_clipped


def said(window: MainWindow) -> list[str]:
    return [banner.label.text() for banner in window.notices.findChildren(Banner) if banner.isVisible()]


@pytest.fixture
def look(window: MainWindow, settled: Callable[[], None]) -> Callable[[], None]:
    def ask() -> None:
        window.notices.look()
        settled()

    return ask


def test_with_room_and_a_lifeboat_nothing_is_said(window: MainWindow, look: Callable[[], None]) -> None:
    look()
    assert said(window) == []
    assert not window.notices.isVisible()


def test_a_disk_with_little_room_is_said_and_taken_back_when_there_is_room(
    window: MainWindow, vault: Vault, look: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reserve, "TELL_BELOW", 1 << 62)
    monkeypatch.setattr(vault.reserve, "_free", lambda: 200_000_000)
    look()
    assert said(window) == ["This laptop has 200 MB left. Sync, then remove old visit packs. Nothing has been deleted."]
    monkeypatch.setattr(vault.reserve, "_free", lambda: 190_000_000)
    look()
    assert [words[:25] for words in said(window)] == ["This laptop has 190 MB le"]
    banner = window.notices.findChild(Banner)
    assert banner is not None
    assert banner.accessibleName().startswith("This laptop has 190 MB left")
    monkeypatch.undo()
    look()
    assert said(window) == []


def test_one_that_was_closed_stays_closed_until_its_matter_changes(
    window: MainWindow, vault: Vault, look: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault.reserve, "_free", lambda: 200_000_000)
    look()
    banner = window.notices.findChild(Banner)
    assert banner is not None
    banner._close()
    look()
    assert said(window) == []
    monkeypatch.setattr(vault.reserve, "_free", lambda: 1_000_000)
    vault.reserve.before_write()
    look()
    assert [words[:23] for words in said(window)] == ["This laptop has 1 MB le"]


def test_a_second_copy_that_lags_is_said(window: MainWindow, vault: Vault, look: Callable[[], None]) -> None:
    vault.lifeboat.fell_behind()
    look()
    assert [words[:52] for words in said(window)] == ["The second copy of unsynced work could not be written"[:52]]


@pytest.mark.parametrize("theme", [LIGHT, DARK, CONTRAST], ids=["light", "dark", "contrast"])
@pytest.mark.parametrize("width", [760, 1440])
def test_no_word_of_it_is_cut_off(
    window: MainWindow, vault: Vault, look: Callable[[], None], qapp: QApplication, theme: Tokens, width: int
) -> None:
    apply_theme(qapp, theme)
    window.resize(width, 800)
    vault.reserve._held = False
    vault.reserve._size = 1 << 62
    vault.lifeboat.fell_behind()
    look()
    assert len(said(window)) == 2
    assert_nothing_clipped(window)
