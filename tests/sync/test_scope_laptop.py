"""What a laptop holds follows its team: cases arrive whole and leave without a trace, and nothing done is lost."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select

from app.errors import RollcallError
from app.models import (
    SYNCED_TABLES,
    AuditEntry,
    Case,
    CaseEvent,
    CaseRow,
    ChangeLine,
    ChangeSetRow,
    Child,
    Document,
    InterestDeclared,
    Person,
    Relationship,
    SearchRow,
    SyncState,
    Team,
    UnitArriving,
    UnitHistory,
    UnitLeaving,
    User,
)
from app.models.terms import ChangeState, EventKind, RelationshipKind
from app.services import case_page, case_timeline, cases, drafts, history, named_list, search, today
from app.services.sync import facts, scope
from app.services.sync.proof import unit_hash
from app.services.sync.unit_rows import wire_rows
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.sync.test_two_laptops import field, set_field

Sync = Callable[[Workspace], Any]
SECRET = "Quixwold"
"""A surname that must not be found where its child is not held."""


@pytest.fixture
def teams(central: Any) -> dict[str, str]:
    """The ids of two teams, with people in each: dawn and ruth in West, ed and sue in East."""
    people = central.services.people
    central.people |= {
        "ed": people.add_user("ed", "Ed Marsh", "caseworker", "East team"),
        "sue": people.add_user("sue", "Sue Pell", "supervisor", "East team"),
        "ivy": people.add_user("ivy", "Ivy Lund", "inclusion", "West team"),
    }
    with central.services.engine.connect() as connection:
        return {name.split()[0].lower(): key for key, name in connection.execute(select(Team.id, Team.name))}


@pytest.fixture
def west(teams: dict[str, str], enrol_laptop: Callable[..., Any]) -> Workspace:
    return enrol_laptop("dawn").workspace()


@pytest.fixture
def east(teams: dict[str, str], enrol_laptop: Callable[..., Any]) -> Workspace:
    return enrol_laptop("ed").workspace()


def open_family(ws: Workspace, team_id: str | None, number: int = 1, surname: str = SECRET) -> tuple[str, str]:
    """Record a child with a case, a mother, a note and a document; return the child's id and the case's."""
    sha256 = ws.documents.put(f"A letter about {surname} {number}".encode(), "text/plain")
    with ws.write("Opened a case") as session:
        child = Child(forename="Isla", surname=surname, born_on=date(2015, 1, 2))
        mother = Person(forename="Mona", surname=surname)
        session.add_all([child, mother])
        session.flush()
        case = Case(reference=f"CME-2026-{number:05d}", child_id=child.id, team_id=team_id, opened_on=date(2026, 11, 2))
        session.add(case)
        session.add(Relationship(child_id=child.id, person_id=mother.id, kind=RelationshipKind.MOTHER))
        session.flush()
        session.add(
            CaseEvent(case_id=case.id, kind=EventKind.NOTE, happened_at=ws.time.now(), body=f"Rang Ms {surname}")
        )
        session.add(
            Document(
                sha256=sha256,
                size=30,
                media_type="text/plain",
                page_count=1,
                case_id=case.id,
                child_id=child.id,
                title=f"Letter of {surname}",
                arrived_at=ws.time.now(),
                reading={},
                rotation={},
            )
        )
        return child.id, case.id


def note(ws: Workspace, case_id: str, words: str) -> None:
    with ws.write("Added a note") as session:
        session.add(CaseEvent(case_id=case_id, kind=EventKind.NOTE, happened_at=ws.time.now(), body=words))


def move(ws: Workspace, case_id: str, team_id: str | None) -> None:
    set_field(ws, Case, case_id, team_id=team_id)


def notes(ws: Workspace, case_id: str) -> set[str]:
    with ws.read() as session:
        return set(session.scalars(select(CaseEvent.body).where(CaseEvent.case_id == case_id)))


def count(ws: Workspace, model: Any, *conditions: Any) -> int:
    with ws.read() as session:
        return int(session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0)


def unit(ws: Workspace, child_id: str) -> bytes:
    with ws.read() as session:
        return unit_hash(wire_rows(session.connection(), [child_id])[child_id])


def everything_in(ws: Workspace) -> str:
    """Every value of every table of a vault, but the audit: what a search for a name would find."""
    with ws.read() as session:
        connection = session.connection()
        tables = connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            " AND name NOT LIKE 'search_index_%' AND name <> 'audit_entry'"
        ).scalars()
        return "".join(repr(connection.exec_driver_sql(f'SELECT * FROM "{name}"').all()) for name in list(tables))


def central_notes(central: Any, case_id: str) -> set[str]:
    with central.services.engine.connect() as connection:
        return set(connection.execute(select(CaseEvent.body).where(CaseEvent.case_id == case_id)).scalars())


# -- arriving and leaving --------------------------------------------------------------------------------------------


def test_a_case_that_moves_team_arrives_whole_there_and_leaves_here_without_a_trace(
    west: Workspace, east: Workspace, teams: dict[str, str], sync_once: Sync
) -> None:
    child_id, case_id = open_family(west, teams["west"])
    other_child, other_case = open_family(west, teams["west"], 2, "Staying")
    sync_once(west), sync_once(east)
    sha256 = field_of_document(west, case_id)
    assert count(east, Child) == 0
    before = unit(west, child_id)

    move(west, case_id, teams["east"])
    told: list[frozenset[str]] = []
    west.on_change(told.append)
    report = sync_once(west)

    assert (report.left_units, report.waiting_units, report.held_back_units) == (1, 0, 0)
    assert SECRET not in everything_in(west)
    assert not west.documents.has(sha256)
    assert {"case", "child", "case_event", "document"} <= frozenset().union(*told)
    assert count(west, CaseRow) == count(west, SearchRow) == 1
    assert notes(west, other_case) == {"Rang Ms Staying"}
    assert unit(west, other_child) != before

    arrived = sync_once(east)
    assert arrived.arrived_units == 1
    assert notes(east, case_id) == {f"Rang Ms {SECRET}"}
    assert east.documents.get(sha256).startswith(b"A letter about")
    with east.read() as session:
        row = session.execute(select(CaseRow)).scalar_one()
        assert row.child_name == f"Isla {SECRET}"
    assert [hit.title for hit in search.find(east, SECRET)] == [f"Isla {SECRET}"]
    assert history.of_case(east, case_id)[-1].reason == "Opened a case"
    assert count(east, UnitArriving) == count(east, UnitHistory) == count(west, UnitLeaving) == 0


def field_of_document(ws: Workspace, case_id: str) -> str:
    with ws.read() as session:
        return str(session.execute(select(Document.sha256).where(Document.case_id == case_id)).scalar_one())


def test_a_case_that_comes_back_is_whole_again_with_its_history(
    west: Workspace, east: Workspace, teams: dict[str, str], sync_once: Sync
) -> None:
    child_id, case_id = open_family(west, teams["west"])
    sync_once(west)
    before = unit(west, child_id)
    move(west, case_id, teams["east"])
    sync_once(west), sync_once(east)
    note(east, case_id, "Rang from the east")
    move(east, case_id, teams["west"])
    sync_once(east)
    assert count(east, Child) == 0
    sync_once(west)
    assert unit(west, child_id) != before
    assert notes(west, case_id) == {f"Rang Ms {SECRET}", "Rang from the east"}
    reasons = [entry.reason for entry in history.of_case(west, case_id)]
    assert "Added a note" in reasons
    assert "Opened a case" in reasons
    assert sync_once(west).healed_units == 0


def test_a_persons_records_shared_with_a_child_who_stays_stay(
    west: Workspace, east: Workspace, teams: dict[str, str], sync_once: Sync
) -> None:
    child_id, case_id = open_family(west, teams["west"])
    with west.write("Added a sister") as session:
        sister = Child(forename="Una", surname="Staying", born_on=date(2017, 1, 2))
        session.add(sister)
        session.flush()
        session.add(
            Case(reference="CME-2026-00002", child_id=sister.id, team_id=teams["west"], opened_on=date(2026, 11, 2))
        )
        mother = session.scalars(select(Person)).one()
        session.add(Relationship(child_id=sister.id, person_id=mother.id, kind=RelationshipKind.MOTHER))
    sync_once(west)
    move(west, case_id, teams["east"])
    sync_once(west)
    assert count(west, Child) == count(west, Person) == count(west, Relationship) == 1
    report = sync_once(west)
    assert (report.unequal_units, report.healed_units) == (0, 0)
    assert child_id not in everything_in(west)


def test_work_waiting_on_a_case_that_left_meanwhile_reaches_the_central_store_and_then_the_case_goes(
    west: Workspace, east: Workspace, teams: dict[str, str], sync_once: Sync, central: Any, enrol_laptop: Any
) -> None:
    _, case_id = open_family(west, teams["west"])
    ruth = enrol_laptop("ruth").workspace()
    sync_once(west), sync_once(ruth)
    note(west, case_id, "Seen on the doorstep")
    set_field(west, Case, case_id, area="Aldermere")
    move(ruth, case_id, teams["east"])
    sync_once(ruth)

    report = sync_once(west)

    assert (report.pushed, report.refused, report.left_units) == (2, 0, 1)
    assert central_notes(central, case_id) == {f"Rang Ms {SECRET}", "Seen on the doorstep"}
    assert SECRET not in everything_in(west)
    sync_once(east)
    assert "Seen on the doorstep" in notes(east, case_id)
    assert field(east, Case, case_id, "area") == "Aldermere"


def test_a_case_does_not_leave_while_anything_of_it_waits(
    west: Workspace, teams: dict[str, str], sync_once: Sync, enrol_laptop: Any
) -> None:
    """The work comes between the push and the leaving: it stays with its case until the next sync has sent it."""
    from app.services.sync.client import SyncClient
    from app.services.sync.enrolment import open_transport
    from app.services.sync.telling import SyncReport

    _, case_id = open_family(west, teams["west"])
    ruth = enrol_laptop("ruth").workspace()
    sync_once(west), sync_once(ruth)
    move(ruth, case_id, teams["east"])
    sync_once(ruth)
    transport, report = open_transport(west), SyncReport()
    client = SyncClient(west, transport)
    client.push(report)
    client.pull(report)
    note(west, case_id, "Typed just now")
    scope.let_go_what_may_go(west, transport, report)
    transport.close()
    assert (report.left_units, report.waiting_units) == (0, 1)
    assert "Typed just now" in notes(west, case_id)
    assert sync_once(west).left_units == 1


def test_bytes_that_are_only_here_keep_their_case_here(
    west: Workspace, teams: dict[str, str], sync_once: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.services.sync import client

    _, case_id = open_family(west, teams["west"])
    with monkeypatch.context() as patch:
        patch.setattr(client, "move_documents", lambda *_all: None)
        sync_once(west)
        move(west, case_id, teams["east"])
        assert sync_once(west).waiting_units == 1
    assert count(west, Case) == 1
    report = sync_once(west)
    assert (report.documents_sent, report.left_units) == (1, 1)


def test_words_being_typed_keep_a_case_for_a_day_and_then_go_with_it(
    west: Workspace, teams: dict[str, str], sync_once: Sync, frozen_time: FrozenTime
) -> None:
    _, case_id = open_family(west, teams["west"])
    sync_once(west)
    drafts.save_draft(west, drafts.note_key(case_id), f"{SECRET} has")
    move(west, case_id, teams["east"])
    assert sync_once(west).waiting_units == 1
    frozen_time.advance(hours=25)
    assert sync_once(west).left_units == 1
    assert SECRET not in everything_in(west)


def test_refused_work_on_a_case_that_left_stays_readable_in_the_tray(
    teams: dict[str, str], west: Workspace, sync_once: Sync, enrol_laptop: Any
) -> None:
    from app.services.sync.refused import refused_sets

    _, case_id = open_family(west, teams["west"])
    sync_once(west)
    with west.write("Changed somebody's role") as session:
        session.scalars(select(User).where(User.username == "ruth")).one().job_title = "Duchess"
        session.add(CaseEvent(case_id=case_id, kind=EventKind.NOTE, happened_at=west.time.now(), body="Kept words"))
    assert sync_once(west).refused == 1
    ruth = enrol_laptop("ruth").workspace()
    move(ruth, case_id, teams["east"])
    sync_once(ruth)
    assert sync_once(west).left_units == 1
    assert count(west, Case) == 0
    with west.read() as session:
        kept = session.scalars(select(ChangeSetRow).where(ChangeSetRow.state == ChangeState.REFUSED)).one()
    assert b"Kept words" in kept.body
    assert kept.signature
    (shown,) = refused_sets(west)
    assert shown.id == kept.id


def test_open_windows_meet_a_case_that_left_with_words_and_nothing_crashes(
    west: Workspace, teams: dict[str, str], sync_once: Sync
) -> None:
    child_id, case_id = open_family(west, teams["west"])
    sync_once(west)
    seen: list[object] = []

    def look(_tables: frozenset[str]) -> None:
        for read in (
            lambda: case_page.load_case(west, case_id),
            lambda: case_timeline.timeline(west, case_id),
            lambda: history.of_case(west, case_id),
            lambda: cases.add_note(west, case_id, text="Too late"),
            lambda: today.read(west),
            lambda: search.find(west, SECRET),
        ):
            try:
                seen.append(read())
            except RollcallError as error:
                seen.append(error.message)

    move(west, case_id, teams["east"])
    west.on_change(look)
    sync_once(west)
    look(frozenset())
    assert any("not on this laptop" in str(each) for each in seen)
    assert child_id


# -- who may hold what -----------------------------------------------------------------------------------------------


def test_a_restricted_case_leaves_a_laptop_whose_person_may_not_open_it_and_returns_with_the_name_on_the_list(
    west: Workspace, teams: dict[str, str], sync_once: Sync, enrol_laptop: Any, central: Any
) -> None:
    _, case_id = open_family(west, teams["west"])
    ivy, ruth = enrol_laptop("ivy").workspace(), enrol_laptop("ruth").workspace()
    sync_once(west), sync_once(ivy), sync_once(ruth)
    assert count(ivy, Case) == 1
    named_list.restrict(ruth, case_id, reason="A colleague's family")
    sync_once(ruth)
    assert sync_once(ivy).left_units == 1
    assert SECRET not in everything_in(ivy)
    named_list.add_person(ruth, case_id, central.people["ivy"], reason="Advises")
    sync_once(ruth)
    assert sync_once(ivy).arrived_units == 1
    assert count(ivy, Case) == 1
    # A caseworker may have to open it in an emergency on a doorstep: it stays there, closed.
    sync_once(west)
    assert count(west, Case) == 1


def test_a_declared_interest_takes_the_case_from_that_persons_laptop_only(
    west: Workspace, teams: dict[str, str], sync_once: Sync, enrol_laptop: Any, central: Any
) -> None:
    _, case_id = open_family(west, teams["west"])
    ruth = enrol_laptop("ruth").workspace()
    sync_once(west), sync_once(ruth)
    with west.write("Declared an interest") as session:
        session.add(
            InterestDeclared(case_id=case_id, user_id=central.people["dawn"], declared_at=west.time.now(), reason="Kin")
        )
    assert sync_once(west).left_units == 1
    assert SECRET not in everything_in(west)
    sync_once(ruth)
    assert count(ruth, Case) == 1


def test_a_person_who_moves_team_changes_their_cases_for_the_other_teams(
    west: Workspace, east: Workspace, teams: dict[str, str], sync_once: Sync, central: Any
) -> None:
    _, west_case = open_family(west, teams["west"])
    _, east_case = open_family(east, teams["east"], 2, "Easterly")
    sync_once(east), sync_once(west)
    move_person(central, "dawn", teams["west"], teams["east"])
    report = sync_once(west)
    assert (report.arrived_units, report.left_units) == (1, 1)
    with west.read() as session:
        assert list(session.scalars(select(Case.id))) == [east_case]
    assert SECRET not in everything_in(west)
    assert west_case


def move_person(central: Any, username: str, old: str, new: str) -> None:
    from app.services.changes import Change

    change = Change("user", central.people[username], "update", {"team_id": [old, new]})
    central.services.store.record([change], "Moved to another team")


def test_a_store_that_looks_empty_for_a_moment_wipes_no_laptop(
    west: Workspace,
    teams: dict[str, str],
    sync_once: Sync,
    central: Any,
    frozen_time: FrozenTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scope, "FUSE_UNITS", 2)
    for number in range(1, 5):
        open_family(west, teams["west"], number, f"Family{number}")
    sync_once(west)
    move_person(central, "dawn", teams["west"], teams["east"])
    report = sync_once(west)
    assert (report.left_units, report.held_back_units) == (0, 4)
    assert sync_once(west).held_back_units == 4
    move_person(central, "dawn", teams["east"], teams["west"])
    frozen_time.advance(seconds=scope.CONFIRM_AFTER.total_seconds())
    report = sync_once(west)
    assert (report.left_units, report.held_back_units, report.unequal_units) == (0, 0, 0)
    assert count(west, Case) == 4

    move_person(central, "dawn", teams["west"], teams["east"])
    assert sync_once(west).held_back_units == 4
    frozen_time.advance(seconds=scope.CONFIRM_AFTER.total_seconds())
    assert sync_once(west).left_units == 4
    assert count(west, Case) == count(west, Document) == 0


def test_letting_go_makes_no_change_set_and_is_in_the_audit(
    west: Workspace, teams: dict[str, str], sync_once: Sync, central: Any
) -> None:
    child_id, case_id = open_family(west, teams["west"])
    sync_once(west)
    move(west, case_id, teams["east"])
    sync_once(west)
    sync_once(west)
    own = count(west, ChangeSetRow, ChangeSetRow.device_id == west.actor.device_id)
    assert own == 2
    with west.read() as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.action == "let records go"))
        assert child_id in entry.detail
        assert not session.scalars(select(ChangeLine).where(ChangeLine.subject_id.in_([child_id, case_id]))).all()
    with central.services.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(Child)).scalar_one() == 1


def test_a_laptop_of_a_role_without_cases_holds_reference_rows_only(
    west: Workspace, teams: dict[str, str], sync_once: Sync, enrol_laptop: Any
) -> None:
    open_family(west, teams["west"])
    sync_once(west)
    ada = enrol_laptop("ada").workspace()
    sync_once(ada)
    assert count(ada, User) == 6
    assert count(ada, Child) == count(ada, CaseEvent) == count(ada, Document) == 0


# -- cut off at any step ---------------------------------------------------------------------------------------------


class CutError(Exception):
    """The laptop stops here."""


STEPS = (
    ("app.services.sync.scope", "note"),
    ("app.services.sync.arrivals", "take"),
    ("app.services.sync.unit_history", "note"),
    ("app.services.sync.unit_history", "strip"),
    ("app.services.sync.letting_go", "let_go"),
    ("app.services.sync.letting_go", "drop_bytes"),
    ("app.services.sync.letting_go", "_forget_unnamed"),
    ("app.services.sync.scope", "_forget"),
    ("app.services.sync.unit_history", "keep"),
)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_laptop_that_stops_at_any_step_of_arriving_and_leaving_ends_as_if_it_had_not(
    west: Workspace,
    east: Workspace,
    teams: dict[str, str],
    sync_once: Sync,
    monkeypatch: pytest.MonkeyPatch,
    *,
    after: bool,
) -> None:
    child_id, case_id = open_family(west, teams["west"])
    sync_once(west), sync_once(east)
    places = [("west", "east"), ("east", "west")] * len(STEPS)
    for (module, name), (_, there) in zip(STEPS, places, strict=False):
        holder, other = (west, east) if there == "east" else (east, west)
        note(holder, case_id, f"Before {module} {name}")
        move(holder, case_id, teams[there])
        for ws in (holder, other):
            cut_off(monkeypatch, sync_once, ws, module, name, after=after)
            sync_once(ws)
        assert SECRET not in everything_in(holder), (module, name)
        assert f"Before {module} {name}" in notes(other, case_id), (module, name)
        sha256 = field_of_document(other, case_id)
        assert not holder.documents.has(sha256)
        assert other.documents.complete(sha256)
        assert other.documents.get(sha256)
        report = sync_once(other)
        assert (report.unequal_units, report.healed_units) == (0, 0), (module, name)
    assert len(notes(west if there == "west" else east, case_id)) == len(STEPS) + 1
    assert child_id


def cut_off(patch: pytest.MonkeyPatch, sync_once: Sync, ws: Workspace, module: str, name: str, *, after: bool) -> None:
    """Sync a laptop that stops the first time it comes to a step."""
    import importlib

    found = importlib.import_module(module)
    real = getattr(found, name)

    def stop(*given: Any, **more: Any) -> Any:
        if after:
            real(*given, **more)
        raise CutError

    with patch.context() as only_here:
        only_here.setattr(found, name, stop)
        with suppress(CutError):
            sync_once(ws)


def test_every_synced_row_of_a_unit_is_compared(west: Workspace, teams: dict[str, str], sync_once: Sync) -> None:
    open_family(west, teams["west"])
    sync_once(west)
    with west.read() as session:
        assert facts.get(session, facts.SCOPED)
        rows = wire_rows(session.connection(), list(session.scalars(select(Child.id))))
    (of_child,) = rows.values()
    assert set(of_child) == {"child", "person", "relationship", "case", "case_event", "document"}
    assert set(of_child) <= set(SYNCED_TABLES)
    assert count(west, SyncState, SyncState.name == facts.HISTORY_FROM) == 0
