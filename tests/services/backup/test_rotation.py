"""Seven daily, four weekly, and whatever may not go."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import EnvironmentFault
from app.services.backup import drill, facts
from app.services.backup.drill import DrillReport
from app.services.backup.listing import Backup, info_of, list_backups
from app.services.backup.manifest import FORMAT, Manifest, Reason, read_manifest
from app.services.backup.rotate import Kept, to_remove
from app.services.vault import Vault
from app.services.vault.keys import DataKeys
from app.timesource import FrozenTime
from tests.services.backup.conftest import BackUp

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def made(at: datetime, reason: Reason = Reason.DAILY) -> Backup:
    manifest = Manifest(FORMAT, "v", at.isoformat(), reason, "1", [], "0001", 1, 1, "", {})
    return info_of(Path(f"{at:%Y-%m-%dT%H-%M-%SZ}"), manifest, authentic=True)


def kept_of(backups: list[Backup], **options: object) -> list[str]:
    gone = {info.name for info in to_remove(backups, now=NOON, **options)}  # type: ignore[arg-type]  # passed on
    return sorted(info.name[:10] for info in backups if info.name not in gone)


def test_a_daily_backup_for_a_year_leaves_seven_days_and_four_weeks() -> None:
    backups = [made(NOON - timedelta(days=age)) for age in range(365)]
    assert kept_of(backups) == [
        "2026-11-08",  # Sundays: the newest of each week
        "2026-11-15",
        "2026-11-18",
        "2026-11-19",
        "2026-11-20",
        "2026-11-21",
        "2026-11-22",
        "2026-11-23",
        "2026-11-24",
    ]


def test_rotating_each_day_leaves_the_same_as_rotating_once() -> None:
    there: list[Backup] = []
    for age in reversed(range(120)):
        now = NOON - timedelta(days=age)
        there.append(made(now))
        gone = to_remove(there, now=now)
        there = [info for info in there if info not in gone]
    every = [made(NOON - timedelta(days=age)) for age in range(120)]
    assert sorted(info.name[:10] for info in there) == kept_of(every)


def test_many_on_one_day_leave_the_newest_of_that_day() -> None:
    backups = [made(NOON - timedelta(minutes=number)) for number in range(50)]
    assert [info.name for info in backups if info not in to_remove(backups, now=NOON)] == [backups[0].name]


def test_those_before_a_migration_stay_a_week() -> None:
    young = made(NOON - timedelta(days=6, hours=20), Reason.MIGRATION)
    old = made(NOON - timedelta(days=8, hours=-1), Reason.MIGRATION)
    after = [made(NOON - timedelta(days=age, hours=-2)) for age in range(1, 9)]
    gone = to_remove([young, old, *after], now=NOON, kept=Kept(2, 0))
    assert young not in gone
    assert old in gone


def test_the_one_just_made_stays_although_the_clock_was_set_back() -> None:
    future = [made(NOON + timedelta(days=age)) for age in range(1, 40)]
    now = made(NOON)
    assert now not in to_remove([*future, now], now=NOON, made=now.name)
    assert now in to_remove([*future, now], now=NOON)


@given(
    ages=st.lists(st.integers(0, 60 * 24 * 90), min_size=1, max_size=40, unique=True),
    daily=st.integers(1, 9),
    weekly=st.integers(0, 6),
    proven=st.integers(0, 39),
)
def test_the_newest_and_the_proven_never_go(ages: list[int], daily: int, weekly: int, proven: int) -> None:
    backups = [made(NOON - timedelta(minutes=age)) for age in ages]
    name = backups[proven % len(backups)].name
    gone = {info.name for info in to_remove(backups, now=NOON, kept=Kept(daily, weekly), proven=name)}
    assert name not in gone
    assert max(backups, key=lambda info: info.made_at).name not in gone
    assert len(backups) - len(gone) <= daily + weekly + 2


def test_a_backup_proven_long_ago_outlives_all_that_came_after_it(
    kept: Vault, back_up_now: BackUp, frozen_time: FrozenTime
) -> None:
    proven = back_up_now()
    drill.remember(kept.engine, DrillReport(proven.name, proven.made_at, frozen_time.now(), 1.0, True, "In order."), 1)
    for _ in range(6):
        frozen_time.advance(days=30)
        back_up_now(kept=Kept(2, 1))
    names = [info.name for info in list_backups(kept.folder, kept.keys)]
    assert len(names) == 3
    assert proven.name in names
    assert facts.proven_name(kept.engine) == proven.name


def test_backups_under_earlier_keys_go_after_five_weeks(
    kept: Vault, back_up_now: BackUp, frozen_time: FrozenTime
) -> None:
    old = back_up_now()
    manifest = read_manifest(old.folder)
    (old.folder / "manifest.json").write_bytes(manifest.authenticated(DataKeys.fresh()).encoded())
    stranger = kept.folder / "backups" / "of another vault"
    stranger.mkdir()
    other = msgspec.structs.replace(manifest, vault="another")
    (stranger / "manifest.json").write_bytes(
        other.authenticated(kept.keys).encoded().replace(b'"mac": "', b'"mac": "0')
    )
    frozen_time.advance(days=34)
    back_up_now()
    assert old.folder.exists()
    frozen_time.advance(days=2)
    back_up_now()
    assert not old.folder.exists()
    assert stranger.exists()


def test_a_backup_that_fails_removes_none(kept: Vault, back_up_now: BackUp, frozen_time: FrozenTime) -> None:
    for _ in range(3):
        back_up_now()
        frozen_time.advance(days=1)
    frozen_time.advance(days=300)
    before = list_backups(kept.folder, kept.keys)
    (kept.folder / "documents.db").rename(kept.folder / "away.db")
    with pytest.raises(EnvironmentFault, match=r"documents\.db is missing"):
        back_up_now(kept=Kept(1, 0))
    assert not (kept.folder / "documents.db").exists()
    assert list_backups(kept.folder, kept.keys) == before
    (kept.folder / "away.db").rename(kept.folder / "documents.db")
