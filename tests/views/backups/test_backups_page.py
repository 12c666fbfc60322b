"""The page about backups on a real vault with its real keeper, and the banner over every page."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app import policy as policies
from app.services import safekeeping
from app.services.backup.keeper import Keeper
from app.services.backup.listing import list_backups
from app.services.sync.status import NoSync
from app.services.vault import Vault
from app.services.workspace import Workspace
from app.settings import Settings
from app.timesource import FrozenTime
from app.views import tokens
from app.views.backups import second_card
from app.views.backups.backups_page import BackupsPage
from app.views.backups.relay import BackupNotice
from app.views.context import AppContext
from app.views.kit.feedback import Banner
from app.views.start import make_application
from app.views.task_runner import TaskRunner
from app.views.theme import apply_theme
from tests.services.casework import open_isla
from tests.views.clipping import assert_nothing_clipped


@pytest.fixture(scope="session")
def qapp() -> Any:
    return make_application()


class Chooser:
    """Chooses a folder at once, as the person would in the dialog."""

    folder = Path()

    def choose_folder(self, _owner: QWidget, _title: str, then: Callable[[Path], object]) -> None:
        then(self.folder)


@pytest.fixture
def chooser() -> Chooser:
    return Chooser()


@pytest.fixture
def context(qapp: Any, vault: Vault, workspace: Workspace, tmp_path: Path, chooser: Chooser) -> Iterator[AppContext]:
    apply_theme(qapp, tokens.LIGHT)
    open_isla(workspace)
    settings = Settings(tmp_path / "settings.json")
    keeper = safekeeping.keeper(vault, workspace, settings)
    keeper._first = 3600.0  # only what the test asks for
    runner = TaskRunner(_raise)
    made = AppContext(
        workspace,
        runner,
        NoSync(),
        chooser,
        settings=settings,
        vault=vault,
        backups=keeper,  # type: ignore[arg-type]  # a stand-in
    )
    keeper.start()
    yield made
    keeper.stop()
    runner.close()


def _raise(error: Exception) -> None:
    raise error


@pytest.fixture
def page(context: AppContext, qtbot: QtBot) -> BackupsPage:
    made = BackupsPage(context)
    qtbot.addWidget(made)
    made.resize(1180, 760)
    made.show()
    made.open()
    return made


def keeper_of(context: AppContext) -> Keeper:
    assert context.backups is not None
    return context.backups


def rests(page: BackupsPage, qtbot: QtBot, backups: int) -> None:
    """Wait until the keeper rests with so many backups on the page."""
    qtbot.waitUntil(
        lambda: page.model.rowCount() == backups and not page.progress.isVisible() and page.back_up.isEnabled(),
        timeout=20_000,
    )


def test_opening_the_page_on_a_new_day_makes_the_days_backup_and_proves_it(page: BackupsPage, qtbot: QtBot) -> None:
    rests(page, qtbot, 1)
    assert page.facts["Newest backup"].text().startswith("Today, 09:00 · ")
    qtbot.waitUntil(lambda: page.facts["Last proven restore"].text() == "Today, 09:00", timeout=20_000)
    assert [row.proven for row in page.model.rows()] == [True]
    assert page.tag.accessibleName() == "In order"
    assert not page.alarm.isVisible()


def test_back_up_now_and_try_a_restore_now(
    page: BackupsPage, context: AppContext, qtbot: QtBot, frozen_time: FrozenTime
) -> None:
    rests(page, qtbot, 1)
    frozen_time.advance(hours=2)
    qtbot.mouseClick(page.back_up, Qt.MouseButton.LeftButton)
    assert not page.back_up.isEnabled()
    assert not page.drill.isEnabled()
    qtbot.waitUntil(lambda: page.facts["Newest backup"].text().startswith("Today, 11:00"), timeout=20_000)
    rests(page, qtbot, 2)  # the newest of the day stays, and the one that is proven
    rows = page.model.rows()
    assert rows[0].why == "Asked for"
    frozen_time.advance(hours=1)
    qtbot.mouseClick(page.drill, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.facts["Last proven restore"].text() == "Today, 12:00", timeout=20_000)
    assert page.model.rows()[0].proven


def test_a_damaged_backup_is_said_on_the_page_and_over_every_page(
    page: BackupsPage, context: AppContext, vault: Vault, qtbot: QtBot, frozen_time: FrozenTime
) -> None:
    notice = BackupNotice(context)
    qtbot.addWidget(notice)
    went: list[str] = []
    context.navigation_asked.connect(lambda route, _arguments: went.append(route))
    rests(page, qtbot, 1)
    qtbot.waitUntil(lambda: page.facts["Last proven restore"].text() != "Not yet", timeout=20_000)
    assert not notice.isVisibleTo(None)
    path = list_backups(vault.folder)[0].folder / "cases.db"
    path.write_bytes(path.read_bytes()[:-1])
    frozen_time.advance(hours=1)
    qtbot.mouseClick(page.drill, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "is damaged" in page.alarm.label.text() and page.alarm.isVisible(), timeout=20_000)
    assert "Another was made at once and is in order." in page.alarm.label.text()
    qtbot.waitUntil(lambda: bool(notice.findChildren(Banner)), timeout=20_000)
    (banner,) = [each for each in notice.findChildren(Banner) if not each.isHidden()]
    assert banner.label.text() == page.alarm.label.text()
    notice._open()
    assert went == ["backups"]
    assert notice.isHidden()


def test_cancelling_leaves_no_half_backup(
    page: BackupsPage, context: AppContext, vault: Vault, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests(page, qtbot, 1)
    from app.services.backup import make

    monkeypatch.setattr(make.files, "BLOCK", 64)
    qtbot.mouseClick(page.back_up, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.progress.isVisible() and page.progress.bar.maximum() == 100, timeout=20_000)
    assert page.progress.label.text() == "Backing up. You can go on working."
    page.progress.cancelled.emit()
    qtbot.waitUntil(lambda: page.alarm.isVisible(), timeout=20_000)
    assert page.alarm.label.text().startswith("Stopped.")
    assert len(list_backups(vault.folder)) == 1
    assert not [path for path in (vault.folder / "backups").iterdir() if path.name.endswith(".partial")]


def test_a_second_folder_is_chosen_used_and_left(
    page: BackupsPage, context: AppContext, vault: Vault, qtbot: QtBot, tmp_path: Path, chooser: Chooser
) -> None:
    rests(page, qtbot, 1)
    card = page.second
    assert card.where.text() == second_card.NONE
    chooser.folder = vault.folder / "backups"
    qtbot.mouseClick(card.choose, Qt.MouseButton.LeftButton)
    assert "inside the vault's own" in card.refused.label.text()
    assert context.settings.get("backup_folder") == ""
    chooser.folder = tmp_path / "share"
    chooser.folder.mkdir()
    qtbot.mouseClick(card.choose, Qt.MouseButton.LeftButton)
    assert not card.refused.isVisible()
    qtbot.waitUntil(lambda: card.words.text() == "Copied to the second folder.", timeout=20_000)
    assert card.where.text() == str(chooser.folder)
    assert card.tag.accessibleName() == "Copied"
    assert list((chooser.folder / f"rollcall-{vault.vault_id}").glob("2026*"))
    qtbot.mouseClick(card.forget, Qt.MouseButton.LeftButton)
    assert context.settings.get("backup_folder") == ""
    assert card.where.text() == second_card.NONE


def test_a_second_folder_that_it_has_set_cannot_be_changed_here(
    context: AppContext, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = policies.policy()._replace(backup_folder=str(tmp_path / "share of IT"))
    monkeypatch.setattr(second_card, "policy", lambda: held)
    card = second_card.SecondCard(context)
    qtbot.addWidget(card)
    card.show()
    assert card.where.text() == str(tmp_path / "share of IT")
    assert card.words.text() == "Set by your organisation."
    assert not card.choose.isVisible()
    assert not card.forget.isVisible()


@pytest.mark.parametrize(
    ("size", "text"), [((1440, 900), 100), ((911, 512), 150), ((640, 360), 100), ((640, 500), 130)]
)
def test_nothing_is_cut_off(page: BackupsPage, qapp: Any, qtbot: QtBot, size: tuple[int, int], text: int) -> None:
    rests(page, qtbot, 1)
    apply_theme(qapp, tokens.DARK, text)
    page.resize(QSize(*size))
    page.alarm.set_text("A backup needs 2 GB and backups has 1 GB left, so none was made. Make room and try again.")
    page.alarm.show()
    qtbot.wait(50)
    assert_nothing_clipped(page)
    apply_theme(qapp, tokens.LIGHT)


def test_the_relay_survives_a_page_that_goes_while_the_keeper_works(context: AppContext, qtbot: QtBot) -> None:
    made = BackupsPage(context)
    made.open()
    keeper_of(context).back_up_now()
    made.deleteLater()
    qtbot.waitUntil(lambda: keeper_of(context).status().proven is not None, timeout=20_000)
    assert len(keeper_of(context)._listeners) == 0
