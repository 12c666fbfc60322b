"""The back-off: over restarts, clock changes, damaged files and disks that take no writes."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.errors import UserError
from app.services.vault import attempts as module
from app.services.vault.attempts import TRIES, Attempts, wait_after
from app.timesource import FrozenTime, SystemTime

NINE = datetime(2026, 11, 17, 9, 0, tzinfo=UTC)


@pytest.fixture
def mirror_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "config"
    monkeypatch.setenv("ROLLCALL_SETTINGS", str(folder / "settings.json"))
    return folder


@pytest.fixture
def attempts(tmp_path: Path, mirror_folder: Path, frozen_time: FrozenTime) -> Attempts:
    (tmp_path / "vault").mkdir()
    return Attempts(tmp_path / "vault" / "attempts.json", frozen_time)


def forget_process() -> None:
    """Do what ending Rollcall and starting it again does to what it remembers."""
    module._seen.clear()


def fail(attempts: Attempts, times: int) -> str:
    said = ""
    for _ in range(times):
        said = attempts.failed()
    return said


def is_waiting(attempts: Attempts) -> bool:
    try:
        attempts.check()
    except UserError:
        return True
    return False


def test_five_tries_then_waits_that_grow(attempts: Attempts, frozen_time: FrozenTime) -> None:
    for left in ("4 tries", "3 tries", "2 tries", "1 try"):
        assert f"{left} left before a 15 minute wait" in attempts.failed()
        assert not is_waiting(attempts)
    for wait in (15, 30, 60, 120, 240, 240, 240):
        assert "Try again after" in attempts.failed()
        frozen_time.advance(minutes=wait, seconds=-1)
        assert is_waiting(attempts)
        frozen_time.advance(seconds=1)
        assert not is_waiting(attempts)


def test_what_is_said_is_never_earlier_than_what_is_kept_to(attempts: Attempts, frozen_time: FrozenTime) -> None:
    frozen_time.advance(seconds=30)
    assert fail(attempts, 5).endswith("Try again after 09:16. Your records are kept.")
    with pytest.raises(UserError, match=r"There were 5 wrong passphrases\. Try again after 09:16\.") as caught:
        attempts.check()
    assert caught.value.field == "passphrase"
    frozen_time.move_to(datetime(2026, 11, 17, 23, 50, tzinfo=UTC))
    with pytest.raises(UserError, match="after 00:05 on 18 November 2026"):
        attempts.check()


def test_the_right_passphrase_ends_the_count(attempts: Attempts, tmp_path: Path, mirror_folder: Path) -> None:
    fail(attempts, 4)
    attempts.succeeded()
    assert not attempts.path.exists()
    assert not list(mirror_folder.glob("attempts-*"))
    assert "4 tries left" in attempts.failed()


CLOCKS: list[tuple[str, Callable[[FrozenTime], object], bool]] = [
    ("nothing happens", lambda _t: None, True),
    ("14 minutes pass", lambda t: t.advance(minutes=14), True),
    ("15 minutes pass", lambda t: t.advance(minutes=15), False),
    ("clock set forward an hour", lambda t: t.move_to(NINE + timedelta(hours=1)), True),
    ("clock set forward a year", lambda t: t.move_to(NINE + timedelta(days=365)), True),
    ("clock set back a year", lambda t: t.move_to(NINE - timedelta(days=365)), True),
    (
        "clock set back a year, 15 minutes pass",
        lambda t: (t.move_to(NINE - timedelta(days=365)), t.advance(minutes=15)),
        False,
    ),
    ("restart", lambda t: t.restart("second", 20), True),
    ("restart, clock forward", lambda t: (t.restart("second", 20), t.move_to(NINE + timedelta(days=1))), True),
    (
        "restart, clock forward, a minute",
        lambda t: (t.restart("second", 60), t.move_to(NINE + timedelta(days=1))),
        False,
    ),
    ("off over night", lambda t: (t.advance(hours=10), t.restart("second", 61)), False),
    (
        "restart, clock back a year, 14 minutes",
        lambda t: (t.move_to(NINE - timedelta(days=365)), t.restart("second", 14 * 60)),
        True,
    ),
    (
        "restart, clock back a year, 15 minutes",
        lambda t: (t.move_to(NINE - timedelta(days=365)), t.restart("second", 15 * 60)),
        False,
    ),
    ("a restart without a name, running 20 s", lambda t: t.restart("", 20), True),
]


@pytest.mark.parametrize(("change", "waits"), [row[1:] for row in CLOCKS], ids=[row[0] for row in CLOCKS])
def test_the_wait_over_clock_changes_and_restarts(
    attempts: Attempts, frozen_time: FrozenTime, change: Callable[[FrozenTime], object], waits: bool
) -> None:
    fail(attempts, TRIES)
    change(frozen_time)
    forget_process()
    assert is_waiting(attempts) is waits


@pytest.mark.parametrize(("running", "waits"), [(10, True), (3600 + 899, True), (3600 + 901, False)])
def test_where_starts_have_no_names_the_wait_never_ends_early(
    tmp_path: Path, mirror_folder: Path, running: float, waits: bool
) -> None:
    time = FrozenTime(NINE)
    time.restart("", 3600)
    attempts = Attempts(tmp_path / "attempts.json", time)
    fail(attempts, TRIES)
    time.restart("", running)
    assert is_waiting(attempts) is waits


@pytest.mark.parametrize("removed", ["file", "copy", "neither"])
def test_the_count_outlives_a_restart_and_the_loss_of_one_file(
    attempts: Attempts, mirror_folder: Path, removed: str
) -> None:
    fail(attempts, TRIES)
    forget_process()
    if removed == "file":
        attempts.path.unlink()
    elif removed == "copy":
        next(mirror_folder.glob("attempts-*")).unlink()
    assert is_waiting(attempts)


@pytest.mark.parametrize(
    "damage",
    ["", "{", "[]", "{}x", "null", '{"passphrase": 3}', '{"passphrase": {"wrong": -1}}', "x" * 100_000, "[" * 4000,
     '{"passphrase": {"wrong": 1e999, "at": "2026-11-17T09:00:00+00:00", "boot": "", "seconds": 1}}',
     '{"passphrase": {"wrong": 1, "at": "2026-11-17T09:00:00", "boot": "", "seconds": 1}}'],
)  # fmt: skip
def test_a_damaged_file_leaves_one_try_and_then_the_wait(attempts: Attempts, damage: str) -> None:
    attempts.path.write_text(damage)
    assert not is_waiting(attempts)
    assert "Try again after" in attempts.failed()
    assert is_waiting(attempts)
    assert json.loads(attempts.path.read_text())["passphrase"]["wrong"] == TRIES


def test_a_disk_that_takes_no_writes_gives_no_more_tries_and_shuts_nobody_out(
    attempts: Attempts, monkeypatch: pytest.MonkeyPatch, frozen_time: FrozenTime
) -> None:
    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_write", full)
    fail(attempts, TRIES)
    assert not attempts.path.exists()
    assert is_waiting(attempts)
    frozen_time.advance(minutes=15)
    assert not is_waiting(attempts)
    attempts.succeeded()
    assert "4 tries left" in attempts.failed()


def test_a_count_that_cannot_be_removed_is_forgiven_all_the_same(
    attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(attempts, 4)

    def read_only(*_given: object, **_named: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", read_only)
    attempts.succeeded()
    assert attempts.path.exists()
    assert "4 tries left" in attempts.failed()


def test_a_wait_for_one_secret_leaves_the_other_way_in_open(attempts: Attempts, frozen_time: FrozenTime) -> None:
    recovery = Attempts(attempts.path, frozen_time, "recovery")
    fail(attempts, TRIES)
    assert not is_waiting(recovery)
    assert recovery.failed().startswith("Recovery key not recognised. 4 tries left")
    fail(recovery, 4)
    forget_process()
    with pytest.raises(UserError, match="5 wrong recovery keys") as caught:
        recovery.check()
    assert caught.value.field == "recovery"
    assert is_waiting(attempts)
    recovery.succeeded()
    assert not is_waiting(attempts)


def test_the_file_holds_no_secret_and_only_this_account_reads_it(attempts: Attempts) -> None:
    fail(attempts, 2)
    kept = json.loads(attempts.path.read_text())
    assert set(kept) == {"passphrase"}
    assert set(kept["passphrase"]) == {"wrong", "at", "boot", "seconds"}
    if os.name == "posix":
        assert attempts.path.stat().st_mode & 0o077 == 0


def test_a_wait_is_never_longer_than_four_hours() -> None:
    assert [wait_after(wrong) for wrong in (0, 4)] == [timedelta(0)] * 2
    assert wait_after(1_000_000) == timedelta(hours=4)


def test_the_machines_own_clock_since_boot_runs_and_has_a_name_on_linux() -> None:
    first, second = SystemTime().since_boot(), SystemTime().since_boot()
    assert first.boot == second.boot
    assert 0 < first.seconds <= second.seconds
    if Path("/proc/sys/kernel/random/boot_id").exists():
        assert len(first.boot) == 36
