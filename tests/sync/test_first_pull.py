"""A first pull is usable from its first cases on, goes on after any cut, and overwrites nothing done meanwhile."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.models import SYNCED_TABLES, Case, CaseEvent, CaseRow, Child, SearchRow, UnitArriving, UnitHistory, User
from app.models.terms import EventKind
from app.services import case_page, history, projection_rebuild, search
from app.services.sync import enrolment, facts, first_pull
from app.services.sync.client import SyncClient
from app.services.sync.enrolment import open_transport
from app.services.vault import open_vault
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.fixtures_central import PASSPHRASE
from tests.sync.test_proof import prove
from tests.sync.test_scope_laptop import CutError, count, note, notes
from tests.sync.test_scope_laptop import teams as teams
from tests.sync.test_two_laptops import contents, field, set_field

Sync = Callable[[Workspace], Any]
FAMILIES = 12


@pytest.fixture
def ruth(teams: dict[str, str], enrol_laptop: Callable[..., Any]) -> Workspace:
    return enrol_laptop("ruth").workspace()


@pytest.fixture
def cases(ruth: Workspace, teams: dict[str, str], central: Any, sync_once: Sync) -> list[str]:
    """Cases of the team in the central store; the last two are dawn's own."""
    made = []
    with ruth.write("Opened cases") as session:
        for number in range(FAMILIES):
            child = Child(forename="Isla", surname=f"Family{number}", born_on=date(2015, 1, 2))
            session.add(child)
            session.flush()
            case = Case(
                reference=f"CME-2026-{number:05d}",
                child_id=child.id,
                team_id=teams["west"],
                officer_id=central.people["dawn"] if number >= FAMILIES - 2 else None,
                opened_on=date(2026, 11, 2),
            )
            session.add(case)
            session.flush()
            session.add(
                CaseEvent(case_id=case.id, kind=EventKind.NOTE, happened_at=ruth.time.now(), body=f"Note {number}")
            )
            made.append(case.id)
    sync_once(ruth)
    return made


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of a few rows, so that a small first pull has many; each is large enough to fetch the next meanwhile."""
    from app.central import snapshots

    monkeypatch.setattr(snapshots, "SNAPSHOT_ROWS", 5)
    monkeypatch.setattr(first_pull, "CHILDREN_A_STEP", 5)
    monkeypatch.setattr(first_pull, "AHEAD_BYTES", 1)


@pytest.fixture
def empty(teams: dict[str, str], enrol_laptop: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Dawn's laptop, enrolled, with nothing fetched yet."""
    with monkeypatch.context() as patch:
        patch.setattr(enrolment, "first_pull", lambda *_all: None)
        return enrol_laptop("dawn").workspace()


class Watched:
    """A transport that tells before each question."""

    def __init__(self, transport: Any, told: Callable[[str], None]) -> None:
        self._transport, self._told = transport, told

    def call(self, path: str, message: object, kind: Any) -> Any:
        self._told(path)
        return self._transport.call(path, message, kind)


def run(ws: Workspace, told: Callable[[str], None] = lambda _path: None, *, push: bool = True) -> Any:
    """Sync once; ``told`` learns of each question before it is asked."""
    transport = open_transport(ws)
    client = SyncClient(ws, Watched(transport, told))
    if not push:
        client._pusher.push = lambda _report: None  # type: ignore[method-assign]  # nothing can be sent yet
    try:
        return client.run()
    finally:
        transport.close()


def test_own_cases_can_be_opened_before_the_rest_is_fetched(
    cases: list[str], empty: Workspace, small_pages: None, central: Any
) -> None:
    seen: list[tuple[str, int]] = []

    def look(path: str) -> None:
        if path == "/snapshot/rows":
            seen.append((path, count(empty, CaseRow)))
            if count(empty, CaseRow) == 2:
                page = case_page.load_case(empty, cases[-1])
                assert page.identity.name == f"Isla Family{FAMILIES - 1}"
                assert page.identity.officer == "Dawn Ellery"
                assert search.find(empty, f"Family{FAMILIES - 1}")

    run(empty, look)
    assert seen[0] == ("/snapshot/rows", 0)
    assert [listed for _, listed in seen[1:]] == [2] * (len(seen) - 1)
    assert len(seen) > 5
    assert count(empty, CaseRow) == count(empty, SearchRow) == FAMILIES


def test_afterwards_both_laptops_hold_the_same_and_history_reaches_back(
    cases: list[str], ruth: Workspace, empty: Workspace, small_pages: None, sync_once: Sync
) -> None:
    sync_once(empty), sync_once(ruth), sync_once(empty)
    assert contents(empty) == contents(ruth)
    assert lists(empty) == lists(ruth)
    assert history.of_case(empty, cases[0])[-1].reason == "Opened cases"
    assert count(empty, UnitArriving) == count(empty, UnitHistory) == 0
    with empty.read() as session:
        assert facts.get(session, facts.HISTORY_FROM) is None
    assert prove(empty).checked_units == FAMILIES


def lists(ws: Workspace) -> list[Any]:
    with ws.read() as session:
        rows = session.execute(select(CaseRow.__table__).order_by(CaseRow.case_id)).all()
        words = session.connection().exec_driver_sql(
            "SELECT r.subject_id, i.title, i.body FROM search_index AS i JOIN search_row AS r ON r.id = i.rowid"
            " ORDER BY r.subject_id"
        )
        return [*rows, *words.all()]


def test_what_an_officer_does_during_a_first_pull_is_sent_and_never_overwritten(
    cases: list[str], ruth: Workspace, empty: Workspace, small_pages: None, sync_once: Sync, central: Any
) -> None:
    asked: list[str] = []

    def work(path: str) -> None:
        asked.append(path)
        if path == "/snapshot/rows" and asked.count(path) == 2:
            note(empty, cases[-1], "Rang during the first pull")
            set_field(empty, Case, cases[-1], area="Aldermere")
            with empty.write("Removed a note") as session:
                session.delete(session.scalars(select(CaseEvent).where(CaseEvent.body == f"Note {FAMILIES - 2}")).one())

    report = run(empty, work)
    assert report.pushed == 3
    assert asked.index("/push") < len(asked) - 1 - asked[::-1].index("/snapshot/rows")
    assert notes(empty, cases[-1]) == {f"Note {FAMILIES - 1}", "Rang during the first pull"}
    assert notes(empty, cases[-2]) == set()
    assert field(empty, Case, cases[-1], "area") == "Aldermere"
    sync_once(ruth), sync_once(empty)
    assert contents(empty) == contents(ruth)
    assert lists(empty) == lists(ruth)


def test_work_that_could_not_be_sent_during_a_first_pull_stays_until_it_is(
    cases: list[str], ruth: Workspace, empty: Workspace, small_pages: None, sync_once: Sync
) -> None:
    """The line is cut just after the person has saved; pages with the same rows come later."""
    asked: list[str] = []

    def work(path: str) -> None:
        asked.append(path)
        if path == "/snapshot/rows" and asked.count(path) == 2:
            set_field(empty, Case, cases[-1], area="Aldermere")
            raise CutError

    with suppress(CutError):
        run(empty, work)
    run(empty, asked.append, push=False)
    assert field(empty, Case, cases[-1], "area") == "Aldermere"
    assert sync_once(empty).pushed == 1
    sync_once(ruth)
    assert field(ruth, Case, cases[-1], "area") == "Aldermere"
    assert asked.count("/snapshot/start") == 1


STEPS = (
    (first_pull, "_begin"),
    (first_pull, "_ask"),
    (first_pull, "_keep"),
    (first_pull, "_put"),
    (first_pull, "_list_some"),
    (first_pull, "_finish"),
    (first_pull, "apply_snapshot_page"),
    (first_pull.arrivals, "take"),
    (projection_rebuild, "fill"),
    (projection_rebuild, "drop_stale"),
)


def test_a_first_pull_that_stops_at_any_step_any_time_goes_on_to_the_same_end(
    cases: list[str],
    ruth: Workspace,
    empty: Workspace,
    small_pages: None,
    sync_once: Sync,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module, name in STEPS:
        for times in (1, 2, 5):
            calls = 0
            real = getattr(module, name)

            def stop(*given: Any, times: int = times, real: Any = real, **more: Any) -> Any:
                nonlocal calls
                calls += 1
                if calls == times:
                    raise CutError
                return real(*given, **more)

            with monkeypatch.context() as patch:
                patch.setattr(module, name, stop)
                with suppress(CutError):
                    run(empty)
    sync_once(empty), sync_once(ruth), sync_once(empty)
    assert contents(empty) == contents(ruth)
    assert lists(empty) == lists(ruth)
    report = prove(empty)
    assert (report.checked_units, report.healed_units) == (FAMILIES, 0)


def _pull_and_die(folder: Path, pages: int) -> None:
    """In a process of its own: kill it hard in the middle of a first pull."""
    vault = open_vault(folder, PASSPHRASE, time=FrozenTime(datetime(2026, 11, 17, 9, tzinfo=UTC)))
    ws = vault.workspace()
    asked = 0

    def die(path: str) -> None:
        nonlocal asked
        asked += path in ("/snapshot/rows", "/units/rows")
        if asked > pages:
            os.kill(os.getpid(), signal.SIGKILL)

    run(ws, die)


def test_a_laptop_that_is_killed_in_a_first_pull_goes_on_where_it_was(
    cases: list[str],
    ruth: Workspace,
    teams: dict[str, str],
    enrol_laptop: Callable[..., Any],
    small_pages: None,
    sync_once: Sync,
    monkeypatch: pytest.MonkeyPatch,
    frozen_time: FrozenTime,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(enrolment, "first_pull", lambda *_all: None)
        vault = enrol_laptop("dawn")
    folder = vault.folder
    vault.close()
    for pages in (2, 3):
        process = multiprocessing.get_context("spawn").Process(target=_pull_and_die, args=(folder, pages))
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
    again = open_vault(folder, PASSPHRASE, time=frozen_time)
    try:
        ws = again.workspace()
        with ws.read() as session:
            assert facts.get(session, facts.FIRST_PULL) != first_pull.DONE
        assert count(ws, CaseRow) == 2
        sync_once(ws), sync_once(ruth), sync_once(ws)
        assert contents(ws) == contents(ruth)
        assert lists(ws) == lists(ruth)
    finally:
        again.close()


def test_a_laptop_without_cases_of_its_own_and_an_empty_store_come_to_an_end(ruth: Workspace, sync_once: Sync) -> None:
    sync_once(ruth)
    assert count(ruth, User) == 6
    assert count(ruth, Child) == 0
    assert set(contents(ruth)) == set(SYNCED_TABLES)
