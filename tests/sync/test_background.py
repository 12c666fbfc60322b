"""Background sync: soon after a change, on order, waiting longer after failures, and never in the window's way."""

import random
import time
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select

from app.models import Case, Child
from app.services.sync import facts
from app.services.sync.background import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, BackgroundSync, start, wait_after
from app.services.sync.status import SyncState, SyncStatus
from app.services.workspace import Workspace


class Watched:
    """A running background sync and everything it said."""

    def __init__(self, ws: Workspace) -> None:
        self.sync = BackgroundSync(ws, every_seconds=lambda: 600.0, soon_seconds=0.05, chance=random.Random(1))
        self.said: list[SyncStatus] = []
        self.sync.on_status(self.said.append)

    def wait_for(self, state: SyncState, *, after: int = 0, seconds: float = 15) -> SyncStatus:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            for status in self.said[after:]:
                if status.state is state:
                    return status
            time.sleep(0.01)
        raise AssertionError([status.state.value for status in self.said])


@pytest.fixture
def watch() -> Iterator[Callable[[Workspace], Watched]]:
    made: list[Watched] = []

    def make(ws: Workspace) -> Watched:
        made.append(Watched(ws))
        made[-1].sync.start()
        return made[-1]

    yield make
    for each in made:
        each.sync.stop()
        each.sync._thread.join(10)


def open_case(ws: Workspace, reference: str = "CME-2026-00001") -> str:
    with ws.write("Opened a case") as session:
        child = Child(forename="Isla", surname="Merrow")
        session.add(child)
        session.flush()
        case = Case(reference=reference, child_id=child.id, opened_on=date(2026, 11, 2))
        session.add(case)
        session.flush()
        return case.id


def case_count(ws: Workspace) -> int:
    with ws.read() as session:
        return int(session.scalar(select(func.count()).select_from(Case)) or 0)


def test_a_change_is_sent_by_itself_and_a_pulled_one_does_not_start_another_sync(
    enrol_laptop: Callable[..., Any], sync_once: Callable[[Workspace], Any], watch: Callable[[Workspace], Watched]
) -> None:
    dawn, ruth = enrol_laptop("dawn").workspace(), enrol_laptop("ruth").workspace()
    watched = watch(dawn)
    watched.wait_for(SyncState.UP_TO_DATE)
    before = len(watched.said)
    open_case(dawn)
    watched.wait_for(SyncState.UP_TO_DATE, after=before)
    assert SyncState.WAITING in {status.state for status in watched.said[before:]}
    sync_once(ruth)
    assert case_count(ruth) == 1
    open_case(ruth, "CME-2026-00060")
    sync_once(ruth)
    before = len(watched.said)
    watched.sync.sync_now()
    watched.wait_for(SyncState.UP_TO_DATE, after=before)
    assert case_count(dawn) == 2
    count = len(watched.said)
    time.sleep(0.4)
    assert len(watched.said) == count


def test_offline_says_when_it_tries_again_counts_what_is_kept_and_recovers_on_order(
    enrol_laptop: Callable[..., Any], central: Any, watch: Callable[[Workspace], Watched]
) -> None:
    dawn = enrol_laptop("dawn").workspace()
    with dawn.local_session() as session:
        facts.put(session, facts.SERVER, "http://127.0.0.1:9")
    watched = watch(dawn)
    status = watched.wait_for(SyncState.OFFLINE)
    assert status.message == ("Could not reach the central store. Your work is kept. Rollcall will try again at 09:00.")
    open_case(dawn)
    watched.wait_for(SyncState.OFFLINE, after=watched.said.index(status) + 1)
    assert watched.sync.status().words() == "Offline · 1 change kept"
    with dawn.local_session() as session:
        facts.put(session, facts.SERVER, central.url)
    watched.sync.sync_now()
    status = watched.wait_for(SyncState.UP_TO_DATE)
    assert (status.pending_count, status.last_synced_at) == (0, dawn.time.now())


def test_a_conflict_is_shown_as_something_to_review(
    enrol_laptop: Callable[..., Any], sync_once: Callable[[Workspace], Any], watch: Callable[[Workspace], Watched]
) -> None:
    dawn, ruth = enrol_laptop("dawn").workspace(), enrol_laptop("ruth").workspace()
    case_id = open_case(dawn)
    sync_once(dawn), sync_once(ruth)
    for ws, area in ((ruth, "Saltenby"), (dawn, "Aldermere")):
        with ws.write("Changed the area") as session:
            session.get(Case, case_id).area = area
    sync_once(ruth)
    status = watch(dawn).wait_for(SyncState.REVIEW)
    assert status.review_count == 1
    assert status.words() == "1 change to review"


def test_a_revoked_laptop_says_so(
    enrol_laptop: Callable[..., Any], central: Any, watch: Callable[[Workspace], Watched]
) -> None:
    dawn = enrol_laptop("dawn").workspace()
    central.services.trust.revoke(dawn.actor.device_id)
    status = watch(dawn).wait_for(SyncState.ENDED)
    assert status.message.startswith("This laptop may no longer be used for Rollcall. Everything you had recorded")


def test_progress_is_counted(enrol_laptop: Callable[..., Any], watch: Callable[[Workspace], Watched]) -> None:
    dawn = enrol_laptop("dawn").workspace()
    open_case(dawn)
    watched = watch(dawn)
    watched.wait_for(SyncState.UP_TO_DATE)
    steps = [status for status in watched.said if status.state is SyncState.SYNCING and status.total_count]
    assert (steps[0].message, steps[0].total_count) == ("Sending your changes", 1)


def test_stopping_is_quick_and_nothing_is_said_afterwards(
    enrol_laptop: Callable[..., Any], watch: Callable[[Workspace], Watched]
) -> None:
    dawn = enrol_laptop("dawn").workspace()
    watched = watch(dawn)
    watched.wait_for(SyncState.UP_TO_DATE)
    started = time.monotonic()
    watched.sync.stop()
    assert time.monotonic() - started < 2
    assert not watched.sync._thread.is_alive()
    count = len(watched.said)
    open_case(dawn)
    assert len(watched.said) == count


def test_an_error_of_ours_does_not_end_the_thread(
    enrol_laptop: Callable[..., Any], watch: Callable[[Workspace], Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.services.sync import background

    dawn = enrol_laptop("dawn").workspace()

    def broken(_ws: Workspace) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(background, "open_transport", broken)
    watched = watch(dawn)
    assert watched.wait_for(SyncState.FAILED).message.startswith("Sync met an error. Your work is kept.")
    monkeypatch.undo()
    watched.sync.sync_now()
    watched.wait_for(SyncState.UP_TO_DATE)


def test_a_vault_without_a_central_store_is_left_alone(vault: Any) -> None:
    assert start(vault, vault.workspace()) is None


def test_waits_grow_to_ten_minutes_and_are_never_the_same_for_all() -> None:
    chance = random.Random(7)
    waits = [wait_after(failures, chance) for failures in range(1, 30)]
    assert FIRST_WAIT_SECONDS * 0.75 <= waits[0] <= FIRST_WAIT_SECONDS * 1.25
    assert waits[3] > waits[0]
    assert max(waits) <= LONGEST_WAIT_SECONDS * 1.25
    assert len(set(waits)) == len(waits)


def test_how_often_is_what_the_person_chose(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    from app import settings
    from app.services.sync import background

    monkeypatch.setattr(settings, "settings_file", lambda: tmp_path / "settings.json")
    assert background._chosen_seconds() == 300
    chosen = settings.Settings()
    chosen.set("sync_minutes", 15)
    assert background._chosen_seconds() == 900
