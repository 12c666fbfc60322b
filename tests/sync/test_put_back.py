"""A laptop whose vault was put back, or lost its newest part: nothing is lost and nothing is sent twice."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from app.models import Case, CaseEvent, ChangeLine, ChangeSetRow, Child, Task, User
from app.models.terms import ChangeState, EventKind
from app.services.cases import take_reference
from app.services.sync import recovery
from app.services.vault import Vault, open_vault
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.conftest import PASSPHRASE
from tests.sync.test_two_laptops import conflicts, contents, field, open_case, set_field

Sync = Callable[[Workspace], Any]


class Laptop:
    """One enrolled vault that can be put back to an earlier state of its files."""

    def __init__(self, vault: Vault, time: FrozenTime) -> None:
        self.vault, self.time = vault, time
        self.ws = vault.workspace()

    def keep(self, where: Path) -> None:
        with self.vault.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copytree(self.vault.folder, where)

    def put_back(self, where: Path) -> None:
        folder = self.vault.folder
        self.close()
        for name in ("cases.db", "documents.db"):
            for end in ("", "-wal", "-shm"):
                (folder / f"{name}{end}").unlink(missing_ok=True)
            shutil.copy(where / name, folder / name)
        (folder / "lifeboat.log").unlink(missing_ok=True)
        self.vault = open_vault(folder, PASSPHRASE, time=self.time)
        self.ws = self.vault.workspace()

    def close(self) -> None:
        self.vault.close()


@pytest.fixture
def dawn(enrol_laptop: Callable[..., Any], frozen_time: FrozenTime) -> Any:
    laptop = Laptop(enrol_laptop("dawn"), frozen_time)
    yield laptop
    laptop.close()


@pytest.fixture
def ruth(enrol_laptop: Callable[..., Any]) -> Workspace:
    vault: Vault = enrol_laptop("ruth")
    return vault.workspace()


def note(ws: Workspace, case_id: str, words: str) -> None:
    with ws.write("Added a note") as session:
        session.add(CaseEvent(case_id=case_id, kind=EventKind.NOTE, happened_at=ws.time.now(), body=words))


def own_sets(ws: Workspace) -> list[tuple[int, str, ChangeState, bool]]:
    with ws.read() as session:
        rows = session.execute(
            select(ChangeSetRow.sequence, ChangeSetRow.id, ChangeSetRow.state, ChangeSetRow.receipt)
            .where(ChangeSetRow.device_id == ws.actor.device_id)
            .order_by(ChangeSetRow.sequence)
        ).all()
    return [(row.sequence, row.id, row.state, row.receipt is not None) for row in rows]


def lists(ws: Workspace) -> list[Any]:
    with ws.read() as session:
        found = []
        for query in ("SELECT * FROM case_row ORDER BY case_id", "SELECT subject_id FROM search_row ORDER BY 1"):
            found += [tuple(row) for row in session.connection().exec_driver_sql(query)]
        return found


def test_what_was_sent_before_the_vault_was_put_back_comes_back_with_its_receipts(
    dawn: Laptop, ruth: Workspace, sync_once: Sync, tmp_path: Path
) -> None:
    dawn.keep(tmp_path / "kept")
    _, case_id = open_case(dawn.ws)
    note(dawn.ws, case_id, "Rang the school")
    set_field(dawn.ws, Case, case_id, area="Aldermere")
    sync_once(dawn.ws)
    sync_once(ruth)
    set_field(ruth, Case, case_id, area="Saltenby")
    sync_once(ruth)
    sync_once(dawn.ws)
    before, sets, rows = contents(dawn.ws), own_sets(dawn.ws), lists(dawn.ws)

    dawn.put_back(tmp_path / "kept")
    report = sync_once(dawn.ws)

    assert report.own == len(sets)
    assert contents(dawn.ws) == before == contents(ruth)
    assert own_sets(dawn.ws) == sets
    assert lists(dawn.ws) == rows
    with dawn.ws.read() as session:
        assert not recovery.is_behind(session)
    again = sync_once(dawn.ws)
    assert (again.pushed, again.received, again.own, again.refused) == (0, 0, 0, 0)


def test_work_done_after_the_vault_was_put_back_takes_a_place_of_its_own(
    dawn: Laptop, ruth: Workspace, sync_once: Sync, tmp_path: Path
) -> None:
    _, case_id = open_case(dawn.ws)
    sync_once(dawn.ws)
    dawn.keep(tmp_path / "kept")
    note(dawn.ws, case_id, "Rang the school")
    set_field(dawn.ws, Case, case_id, area="Aldermere")
    sync_once(dawn.ws)
    sync_once(ruth)

    dawn.put_back(tmp_path / "kept")
    note(dawn.ws, case_id, "Rang the aunt")  # offline: under a number that was used before
    report = sync_once(dawn.ws)

    assert report.refused == 0
    assert report.own == 2
    sync_once(ruth)
    assert contents(dawn.ws) == contents(ruth)
    with ruth.read() as session:
        assert set(session.scalars(select(CaseEvent.body))) >= {"Rang the school", "Rang the aunt"}
    numbers = [each[0] for each in own_sets(dawn.ws)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert {each[2] for each in own_sets(dawn.ws)} == {ChangeState.ACCEPTED}
    assert field(dawn.ws, Case, case_id, "area") == "Aldermere"


def test_unsent_work_on_rows_that_are_not_here_yet_is_put_on_top_of_them(
    dawn: Laptop, ruth: Workspace, sync_once: Sync, tmp_path: Path
) -> None:
    """The lifeboat has the unsent edit of a case whose opening only the central store has."""
    dawn.keep(tmp_path / "kept")
    _, case_id = open_case(dawn.ws)
    sync_once(dawn.ws)
    set_field(dawn.ws, Case, case_id, area="Aldermere")
    with dawn.ws.read() as session:
        row = (
            session.execute(select(ChangeSetRow.__table__).where(ChangeSetRow.state == ChangeState.PENDING))
            .mappings()
            .one()
        )
        unsent = dict(row)

    dawn.put_back(tmp_path / "kept")
    with dawn.ws.local_session() as session:
        session.add(ChangeSetRow(**unsent))
        recovery.mark_behind(session)
    sync_once(dawn.ws)

    assert field(dawn.ws, Case, case_id, "area") == "Aldermere"
    sync_once(ruth)
    assert field(ruth, Case, case_id, "area") == "Aldermere"
    sync_once(dawn.ws), sync_once(ruth)  # the team's key was made in between
    assert contents(dawn.ws) == contents(ruth)
    assert not conflicts(ruth)


def test_no_case_number_is_given_twice_after_the_vault_was_put_back(
    dawn: Laptop, sync_once: Sync, tmp_path: Path
) -> None:
    dawn.keep(tmp_path / "kept")
    with dawn.ws.write("Opened a case") as session:
        child = Child(forename="Isla", surname="Merrow", born_on=date(2015, 1, 2))
        session.add(child)
        session.flush()
        used = take_reference(session, 2026)
        session.add(Case(reference=used, child_id=child.id, opened_on=date(2026, 11, 2)))
    sync_once(dawn.ws)

    dawn.put_back(tmp_path / "kept")
    sync_once(dawn.ws)
    with dawn.ws.local_session() as session:
        assert take_reference(session, 2026) > used


def test_a_refused_change_set_that_was_lost_is_in_the_tray_again(
    dawn: Laptop, sync_once: Sync, central: Any, tmp_path: Path
) -> None:
    dawn.keep(tmp_path / "kept")
    set_field(dawn.ws, User, central.people["dawn"], role="supervisor")
    open_case(dawn.ws)
    assert sync_once(dawn.ws).refused == 1
    sets = own_sets(dawn.ws)
    dawn.put_back(tmp_path / "kept")
    sync_once(dawn.ws)
    assert own_sets(dawn.ws) == sets


def test_new_work_never_takes_the_place_of_a_refused_one_that_was_lost(
    dawn: Laptop, ruth: Workspace, sync_once: Sync, central: Any, tmp_path: Path
) -> None:
    """A refused change set has no revision, so no pull tells that it is missing."""
    _, case_id = open_case(dawn.ws)
    sync_once(dawn.ws)
    dawn.keep(tmp_path / "kept")
    set_field(dawn.ws, User, central.people["dawn"], role="supervisor")
    sync_once(dawn.ws)
    dawn.put_back(tmp_path / "kept")
    note(dawn.ws, case_id, "Rang the aunt")
    note(dawn.ws, case_id, "Rang the school")
    sync_once(dawn.ws)
    sync_once(ruth)
    with ruth.read() as session:
        assert {"Rang the aunt", "Rang the school"} <= set(session.scalars(select(CaseEvent.body)))
    states = [each[2] for each in own_sets(dawn.ws)]
    assert states.count(ChangeState.REFUSED) == 1
    assert ChangeState.PENDING not in states


def test_a_lost_place_in_the_order_holds_nothing_back(dawn: Laptop, ruth: Workspace, sync_once: Sync) -> None:
    """A change set that no source has any more: what came after it moves up, instead of waiting for ever."""
    _, case_id = open_case(dawn.ws)
    sync_once(dawn.ws)
    with dawn.ws.write("Added a task") as session:
        session.add(Task(case_id=case_id, text="Ring the school"))
    note(dawn.ws, case_id, "Rang the aunt")
    with dawn.ws.local_session() as session:
        lost = session.scalars(select(ChangeSetRow).where(ChangeSetRow.reason == "Added a task")).one()
        session.connection().execute(delete(ChangeLine).where(ChangeLine.change_set_id == lost.id))
        session.connection().execute(delete(ChangeSetRow).where(ChangeSetRow.id == lost.id))
        recovery.mark_behind(session)
    report = sync_once(dawn.ws)
    assert (report.pushed, report.refused) == (1, 0)
    sync_once(ruth)
    with ruth.read() as session:
        assert "Rang the aunt" in set(session.scalars(select(CaseEvent.body)))


def test_an_empty_vault_with_the_laptops_own_identity_gets_everything_back(
    dawn: Laptop, ruth: Workspace, sync_once: Sync
) -> None:
    """What is left when there is neither a backup nor any unsent work: the identity, from the lifeboat."""
    from app.services.sync import facts

    _, case_id = open_case(dawn.ws)
    note(dawn.ws, case_id, "Rang the school")
    sync_once(dawn.ws)
    note(ruth, case_id, "Rang the aunt")
    sync_once(ruth)
    sync_once(dawn.ws)
    before, sets, rows = contents(dawn.ws), own_sets(dawn.ws), lists(dawn.ws)
    with dawn.ws.local_session() as session:
        connection = session.connection()
        for table in ("change_line", "change_set", "reference_lease", *dict.fromkeys(before)):
            connection.exec_driver_sql(f'DELETE FROM "{table}"')
        for name in (facts.CURSOR, facts.FIRST_PULL, facts.HISTORY_FROM):
            facts.forget(session, name)
        recovery.mark_behind(session)
    sync_once(dawn.ws)
    assert contents(dawn.ws) == before
    assert own_sets(dawn.ws) == sets
    assert lists(dawn.ws) == rows
    with dawn.ws.read() as session:
        lines = session.execute(select(ChangeLine.subject_id).where(ChangeLine.subject_id.is_(None))).all()
        assert not lines


def test_many_rows_deleted_here_and_not_sent_stay_deleted(dawn: Laptop, sync_once: Sync, tmp_path: Path) -> None:
    """The fuse is for what arrives, not for what a person here did."""
    dawn.keep(tmp_path / "kept")
    _, case_id = open_case(dawn.ws)
    with dawn.ws.write("Added tasks") as session:
        session.add_all([Task(case_id=case_id, text=f"Task {number}") for number in range(60)])
    sync_once(dawn.ws)
    with dawn.ws.write("Removed tasks") as session:
        for task in session.scalars(select(Task)):
            session.delete(task)
    with dawn.ws.read() as session:
        found = session.execute(select(ChangeSetRow.__table__).where(ChangeSetRow.state == ChangeState.PENDING))
        unsent = [dict(row) for row in found.mappings()]
    dawn.put_back(tmp_path / "kept")
    with dawn.ws.local_session() as session:
        session.add_all([ChangeSetRow(**row) for row in unsent])
        recovery.mark_behind(session)
    sync_once(dawn.ws)
    with dawn.ws.read() as session:
        assert not session.scalars(select(Task)).all()
