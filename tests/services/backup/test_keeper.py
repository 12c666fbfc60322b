"""Daily, weekly and on request, without anybody waiting; and what is said when it could not be done."""

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import EnvironmentFault
from app.models import AuditEntry
from app.services import audit, safekeeping
from app.services.backup import keeper as keepers
from app.services.backup import make, second
from app.services.backup.drill import Opening
from app.services.backup.keeper import Arrangements, BackupState, BackupStatus, Keeper
from app.services.backup.listing import list_backups
from app.services.backup.manifest import Reason
from app.services.backup.overview import overview
from app.services.backup.words import NoRoom
from app.services.vault import Vault
from app.services.workspace import Workspace
from app.settings import Settings
from app.timesource import FrozenTime
from tests.conftest import PASSPHRASE, QUICK
from tests.services.casework import add_child

Told = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def share(tmp_path: Path) -> Path:
    return tmp_path / "share"


@pytest.fixture
def keeper(kept: Vault, opening: Opening, told: Told) -> Keeper:
    return Keeper(kept, Arrangements(opening, audit=lambda what, detail: told.append((what, detail))))


def test_one_a_day_and_a_drill_a_week(keeper: Keeper, kept: Vault, frozen_time: FrozenTime, told: Told) -> None:
    for _hour in range(24 * 15):
        keeper.tend()
        frozen_time.advance(hours=1)
    made = [detail["backup"] for what, detail in told if what == "backed up"]
    assert made == [f"2026-11-{day}T00-00-00Z" if day > 17 else "2026-11-17T09-00-00Z" for day in range(17, 31)] + [
        "2026-12-01T00-00-00Z",
        "2026-12-02T00-00-00Z",
    ]
    drilled = [detail["backup"] for what, detail in told if what == "proved a backup"]
    assert drilled == ["2026-11-17T09-00-00Z", "2026-11-24T00-00-00Z", "2026-12-01T00-00-00Z"]
    assert keeper.status().problem == keeper.status().alarm == ""
    assert {info.manifest.reason for info in keeper.status().backups} == {Reason.DAILY}


def test_one_made_on_request_counts_for_the_day(keeper: Keeper, kept: Vault, told: Told) -> None:
    keeper.tend({"backup"})
    keeper.tend()
    assert [info.reason for info in list_backups(kept.folder, kept.keys)] == [Reason.REQUESTED]


def test_a_clock_set_back_makes_one_due(keeper: Keeper, kept: Vault, frozen_time: FrozenTime) -> None:
    keeper.tend()
    frozen_time.advance(days=-3)
    keeper.tend()
    assert len(list_backups(kept.folder, kept.keys)) == 2
    assert keepers.drill_due(keeper.status().last_drill, frozen_time.now() - timedelta(days=400))


def test_a_disk_that_is_nearly_full_is_said_and_tried_again(
    keeper: Keeper, kept: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_args: object) -> int:
        raise NoRoom("A backup needs 2 GB and backups has 1 GB left, so none was made.")

    with monkeypatch.context() as full:
        full.setattr(make, "_check_room", none)
        keeper.tend()
    assert "needs 2 GB" in keeper.status().problem
    assert list_backups(kept.folder, kept.keys) == []
    keeper.tend()
    assert keeper.status().problem == ""
    assert len(keeper.status().backups) == 1


def test_a_damaged_backup_is_followed_by_another_at_once_and_is_said(
    keeper: Keeper, kept: Vault, frozen_time: FrozenTime, told: Told
) -> None:
    keeper.tend()
    (info,) = list_backups(kept.folder, kept.keys)
    path = info.folder / "documents.db"
    path.write_bytes(path.read_bytes()[:-4096])
    frozen_time.advance(minutes=5)
    keeper.tend({"drill"})
    status = keeper.status()
    assert status.alarm == (
        "The backup of 17 November 2026, 09:00 is damaged. Another was made at once and is in order. "
        "Your records are kept."
    )
    assert [each.reason for each in status.backups][0] == Reason.DRILL
    assert status.proven is not None
    assert status.proven.name == status.backups[0].name
    assert [detail["in_order"] for what, detail in told if what == "proved a backup"] == [True, False, True]


def test_where_the_second_one_is_damaged_too_people_are_told_to_tell_it(
    keeper: Keeper, kept: Vault, frozen_time: FrozenTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper.tend()
    real = make.files.copy

    def rot(descriptor: int, target: Path, **options: Any) -> Any:
        copied = real(descriptor, target, **options)
        if target.name == "cases.db":
            content = bytearray(target.read_bytes())
            content[5000] ^= 1
            target.write_bytes(content)
        return copied

    monkeypatch.setattr(make.files, "copy", rot)
    frozen_time.advance(days=8)
    keeper.tend()
    assert "not in order either. Tell your administrator." in keeper.status().alarm
    proven = keeper.status().proven
    assert proven is not None
    assert (kept.folder / "backups" / proven.name).is_dir()
    tries = sum(1 for _ in range(23) if (frozen_time.advance(hours=1), keeper.tend()) and keeper.status().alarm)
    assert tries == 23
    assert len(list_backups(kept.folder, kept.keys)) <= 4  # it does not fill the disk by trying every hour


def test_an_error_nobody_foresaw_ends_neither_thread_nor_backups(
    keeper: Keeper, kept: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise RuntimeError("unforeseen")

    with monkeypatch.context() as broken:
        broken.setattr(keepers, "back_up", fail)
        keeper.tend()
    assert "met an error" in keeper.status().problem
    keeper.tend()
    assert len(keeper.status().backups) == 1


def test_the_thread_backs_up_by_itself_and_on_request_and_stops_at_once(kept: Vault, opening: Opening) -> None:
    states: list[BackupState] = []
    rested, drilled = threading.Event(), threading.Event()

    def heard(status: BackupStatus) -> None:
        states.append(status.state)
        if status.state is BackupState.RESTING and status.backups and status.proven:
            (drilled if rested.is_set() and len(status.backups) > 0 and "again" in asked else rested).set()

    asked: set[str] = set()
    running = Keeper(kept, Arrangements(opening), first_seconds=0.05, every_seconds=3600)
    running.on_status(heard)
    running.start()
    assert rested.wait(20)
    asked.add("again")
    running.back_up_now()
    assert drilled.wait(20)
    running.stop()
    assert states[0] is BackupState.RESTING
    assert {BackupState.BACKING_UP, BackupState.DRILLING} <= set(states)
    running.stop()


def test_locking_in_the_middle_ends_it_and_leaves_nothing(
    kept: Vault, opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make.files, "BLOCK", 512)
    begun = threading.Event()
    running = Keeper(kept, Arrangements(opening), first_seconds=0.0)

    def heard(status: BackupStatus) -> None:
        if status.done_bytes:
            begun.set()
            threading.Event().wait(0.2)  # somebody locks just now

    running.on_status(heard)
    running.start()
    assert begun.wait(20)
    running.stop()
    assert [path.name for path in (kept.folder / "backups").iterdir()] == [".turn"]
    kept.close()


def test_the_second_folder_is_caught_up_when_it_comes_back(
    kept: Vault, opening: Opening, share: Path, frozen_time: FrozenTime
) -> None:
    made = Keeper(kept, Arrangements(opening, lambda: share))
    made.tend()
    assert made.status().second.startswith("Not copied to the second folder yet.")
    assert not made.status().second_ok
    share.mkdir()
    made.tend()
    assert made.status().second == "Copied to the second folder."
    assert second.is_there(made.status().backups[0], share)


def test_a_passphrase_changed_while_the_second_folder_was_away_reaches_it(
    kept: Vault, opening: Opening, share: Path, frozen_time: FrozenTime
) -> None:
    share.mkdir()
    made = Keeper(kept, Arrangements(opening, lambda: share))
    made.tend()
    (there,) = second.second_place(share, kept.vault_id).glob("2026*")
    share.rename(share.with_name("away"))
    kept.change_passphrase(PASSPHRASE, "nine green lamps hum", kdf=QUICK)
    made.tend()
    share.with_name("away").rename(share)
    made.tend()
    assert (there / "vault.json").read_bytes() == (kept.folder / "vault.json").read_bytes()
    assert made.status().problem == ""


def test_backups_and_drills_are_in_the_audit_chain(kept: Vault, workspace: Workspace, tmp_path: Path) -> None:
    arranged = safekeeping.keeper(kept, workspace, Settings(tmp_path / "settings.json"))
    arranged.tend()
    with workspace.read() as session:
        assert audit.verify(session).finding is None
        said = [audit_entry.action for audit_entry in session.scalars(select(AuditEntry))]
    assert audit.Action.BACKED_UP in said
    assert audit.Action.DRILLED in said


def test_the_page_in_words(keeper: Keeper, kept: Vault, workspace: Workspace, frozen_time: FrozenTime) -> None:
    empty = overview(keeper.status(), frozen_time.now())
    assert (empty.newest, empty.proven, empty.rows) == ("None yet", "Not yet", ())
    keeper.tend()
    add_child(workspace, "Tobias")
    frozen_time.advance(days=1)
    keeper.tend()
    shown = overview(keeper.status(), frozen_time.now())
    assert shown.newest.startswith("Today, 09:00 · ")
    assert shown.proven == "17 November 2026, 09:00"
    assert [(row.when, row.why, row.proven) for row in shown.rows] == [
        ("Today, 09:00", "Daily", False),
        ("17 November 2026, 09:00", "Daily", True),
    ]
    assert shown.rows[0].holds == "1 case, 0 documents"


def test_a_vault_that_is_closed_meanwhile_is_no_crash(keeper: Keeper, kept: Vault) -> None:
    kept.close()
    keeper.tend()
    with pytest.raises(EnvironmentFault):
        _ = kept.keys
