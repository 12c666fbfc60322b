"""The team queue: ages, what is worth knowing, suggestions, workload, and allocations that never overwrite."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.demo.world import World
from app.errors import AccessRefused, UserError
from app.models import Assignment, Case, CaseEvent, ChangeSetRow, Child, Clock, Conflict, Letter, SafetyFlag, User
from app.models.terms import CaseStatus, ConflictState, EventKind, LetterState, Role, SafetyKind
from app.services import allocation, team_queue
from app.services.team_workload import over_limit_words, preview
from app.services.workspace import Actor, Workspace
from app.timesource import FrozenTime
from tests.marlshire import open_copy


@pytest.fixture
def opened(
    tmp_path: Path, frozen_time: FrozenTime, request: pytest.FixtureRequest
) -> Iterator[tuple[Workspace, World]]:
    vault, ws, world = open_copy(tmp_path / "ruth", frozen_time, everyone="whole" in request.fixturenames)
    yield ws, world
    vault.close()


@pytest.fixture
def ws(opened: tuple[Workspace, World]) -> Workspace:
    return opened[0]


@pytest.fixture
def world(opened: tuple[Workspace, World]) -> World:
    return opened[1]


@pytest.fixture
def whole(opened: tuple[Workspace, World]) -> World:
    """With everybody's whole caseload, where the numbers matter."""
    return opened[1]


def _officer(queue: team_queue.TeamQueue, name: str) -> team_queue.Officer:
    return next(officer for officer in queue.officers if officer.name == name)


def test_waiting_cases_are_oldest_first_with_age_and_what_is_worth_knowing(ws: Workspace, world: World) -> None:
    queue = team_queue.read_queue(ws)
    shown = [(row.name, row.age, row.waited_days, row.source, row.area) for row in queue.waiting]
    assert shown == [
        ("Amara Oyelade", "6, Year 2", 3, "Saltenby Primary", "Saltenby"),
        ("Jonah Thistlewood", "13, Year 9", 2, "Parent’s email", "Pennyford"),
        ("Lyra Vance-Holt", "9, Year 5", 1, "Kingsholt Council", "Kingsholt"),
        ("Danil Petrosyuk", "15, Year 11", 0, "Admissions team", "Aldermere"),
        ("Esme Corrigan", "5, Year 1", 0, "School nurse", "Aldermere"),
    ]
    worth = {row.name: [each.text for each in row.worth] for row in queue.waiting}
    assert worth["Amara Oyelade"] == ["Sibling Temi is open", "Temporary housing"]
    assert worth["Jonah Thistlewood"] == ["Left roll 6 November"]
    assert worth["Danil Petrosyuk"] == ["Interpreter: Ukrainian"]
    assert worth["Esme Corrigan"] == []
    lyra = next(row for row in queue.waiting if row.name == "Lyra Vance-Holt")
    assert [(each.text, each.serious) for each in lyra.worth] == [("Child protection plan", True)]


def test_suggestions_say_why_and_pass_over_whoever_is_away(ws: Workspace, whole: World) -> None:
    queue = team_queue.read_queue(ws)
    said = {row.name: (row.suggestion.name, row.suggestion.why) for row in queue.waiting if row.suggestion}
    assert said == {
        "Amara Oyelade": ("Samir Beltrane", "Has the sibling"),
        "Jonah Thistlewood": ("Samir Beltrane", "Room for 12 more"),
        "Lyra Vance-Holt": ("Dawn Ellery", "Covers Kingsholt"),
        "Danil Petrosyuk": ("Tom Hadlow", "Covers Aldermere"),
        "Esme Corrigan": ("Tom Hadlow", "Covers Aldermere"),
    }
    assert _officer(queue, "Yusuf Dane").away


def test_an_officer_at_the_limit_is_suggested_only_with_the_sibling(ws: Workspace, world: World) -> None:
    with ws.write("Limits") as session:
        for key in ("samir", "tom", "dawn"):
            session.get_one(User, world.users[key]).case_limit = 3
    said = {row.name: row.suggestion for row in team_queue.read_queue(ws).waiting}
    assert said["Amara Oyelade"] is not None
    assert said["Amara Oyelade"].name == "Samir Beltrane"
    assert said["Danil Petrosyuk"] is not None
    assert said["Danil Petrosyuk"].name in {"Priya Lindqvist", "Gwen Arkley"}


def test_tiles_count_and_say_one_line(ws: Workspace, whole: World) -> None:
    tiles = {tile.key: (tile.count, tile.line) for tile in team_queue.read_queue(ws).tiles}
    assert tiles == {
        "waiting": (5, "Oldest has waited 3 days"),
        "overdue": (8, "Across 4 officers"),
        "approvals": (0, "Nothing waits"),
        "closures": (2, "Evidence attached"),
        "conflicts": (0, "Nothing to decide"),
    }


def test_a_tile_counts_more_than_its_list_holds(ws: Workspace, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(team_queue, "MOST_ROWS", 2)
    queue = team_queue.read_queue(ws)
    assert [row.name for row in queue.waiting] == ["Amara Oyelade", "Jonah Thistlewood"]
    assert queue.tiles[0].count == 5
    assert queue.tiles[1].count > len(queue.overdue) == 2


def test_workload_is_that_of_the_picture(ws: Workspace, whole: World) -> None:
    loads = {o.name: (o.open, o.due, o.over, o.limit, o.note) for o in team_queue.read_queue(ws).officers}
    assert loads == {
        "Dawn Ellery": (31, 6, 1, 34, ""),
        "Gwen Arkley": (16, 2, 0, 20, "3 days a week"),
        "Priya Lindqvist": (35, 6, 3, 34, ""),
        "Samir Beltrane": (22, 2, 1, 34, ""),
        "Tom Hadlow": (29, 5, 3, 34, ""),
        "Yusuf Dane": (19, 1, 0, 34, "Back 23 Nov"),
    }


def test_the_preview_and_the_advice_are_in_words(ws: Workspace, whole: World) -> None:
    queue = team_queue.read_queue(ws)
    assert preview(_officer(queue, "Samir Beltrane"), 2).text == (
        "Samir goes from 22 to 24 open cases. The agreed limit is 34."
    )
    passed = preview(_officer(queue, "Gwen Arkley"), 6)
    assert passed.over_limit
    assert "2 over the agreed limit of 20" in passed.text
    assert "Yusuf is away: back 23 Nov." in preview(_officer(queue, "Yusuf Dane"), 1).text
    advice = over_limit_words(_officer(queue, "Priya Lindqvist"))
    assert advice is not None
    assert advice.heading == "Priya is 1 over the agreed limit"
    assert advice.text.startswith("3 of their cases are overdue. The oldest is")
    assert over_limit_words(_officer(queue, "Dawn Ellery")) is None


def test_overdue_cases_name_the_clock_the_days_and_the_officer(ws: Workspace, whole: World) -> None:
    overdue = team_queue.read_queue(ws).overdue
    isla = next(row for row in overdue if row.name == "Isla Merrow")
    assert (isla.what, isla.days_over, isla.officer) == ("Second home visit", 1, "Dawn Ellery")
    assert [row.days_over for row in overdue] == sorted((row.days_over for row in overdue), reverse=True)


def test_many_cases_are_allocated_in_one_commit_with_assignment_event_and_clock(ws: Workspace, world: World) -> None:
    chosen = [world.cases["amara"], world.cases["jonah"]]
    result = allocation.allocate(ws, chosen, world.users["samir"], expected=dict.fromkeys(chosen, 0))
    assert result.words == "2 cases allocated to Samir Beltrane"
    assert not result.stale
    with ws.read() as session:
        assert session.scalars(select(ChangeSetRow.reason).order_by(ChangeSetRow.sequence.desc())).first() == (
            "Allocated 2 cases"
        )
        case = session.get_one(Case, chosen[0])
        assert (case.officer_id, case.allocation) == (world.users["samir"], 1)
        given = session.scalars(select(Assignment).where(Assignment.case_id == chosen[0])).one()
        assert (given.number, given.by_id) == (1, ws.actor.user_id)
        event = session.scalars(
            select(CaseEvent).where(CaseEvent.case_id == chosen[0], CaseEvent.kind == EventKind.ALLOCATION)
        ).one()
        assert (event.title, event.actor_name) == ("Allocated to Samir Beltrane", "Ruth Okonjo")
        clock = session.scalars(select(Clock).where(Clock.case_id == chosen[0])).one()
        assert (clock.rule, clock.started_on) == ("local_first_contact", ws.time.today())
    queue = team_queue.read_queue(ws)
    assert queue.tiles[0].count == 3
    assert _officer(queue, "Samir Beltrane").open == 7


def test_a_stale_allocation_is_reported_and_the_others_are_allocated(ws: Workspace, world: World) -> None:
    amara, jonah = world.cases["amara"], world.cases["jonah"]
    allocation.allocate(ws, [amara], world.users["tom"], expected={amara: 0})
    result = allocation.allocate(ws, [amara, jonah], world.users["samir"], expected={amara: 0, jonah: 0})
    assert [given.case_id for given in result.done] == [jonah]
    assert [(left.name, left.message) for left in result.stale] == [
        ("Amara Oyelade", "Already allocated by Ruth Okonjo to Tom Hadlow.")
    ]
    with ws.read() as session:
        assert session.get_one(Case, amara).officer_id == world.users["tom"]
        assert len(session.scalars(select(Assignment).where(Assignment.case_id == amara)).all()) == 1


def test_without_a_number_only_a_waiting_case_is_allocated(ws: Workspace, world: World) -> None:
    result = allocation.allocate(ws, [world.cases["isla"]], world.users["samir"])
    assert not result.done
    assert result.stale[0].message == "Already allocated by Ruth Okonjo to Dawn Ellery."
    assert result.words == "Nothing was allocated"


def test_moving_a_case_needs_a_reason(ws: Workspace, world: World) -> None:
    isla = world.cases["isla"]
    with pytest.raises(UserError, match="Say why"):
        allocation.allocate(ws, [isla], world.users["samir"], expected={isla: 1})
    moved = allocation.allocate(ws, [isla], world.users["samir"], "Dawn is on leave", expected={isla: 1})
    assert moved.done[0].number == 2
    assert allocation.undo(ws, moved) == 1
    with ws.read() as session:
        case = session.get_one(Case, isla)
        assert (case.officer_id, case.allocation) == (world.users["dawn"], 3)


def test_undo_sends_the_case_back_to_the_queue_as_a_new_step(ws: Workspace, world: World) -> None:
    amara = world.cases["amara"]
    result = allocation.allocate(ws, [amara], world.users["tom"], expected={amara: 0})
    assert allocation.undo(ws, result) == 1
    with ws.read() as session:
        case = session.get_one(Case, amara)
        assert (case.officer_id, case.allocation) == (None, 2)
        clock = session.scalars(select(Clock).where(Clock.case_id == amara)).one()
        assert (clock.stopped_on, clock.stop_reason) == (ws.time.today(), allocation.UNDONE)
        titles = session.scalars(select(CaseEvent.title).where(CaseEvent.case_id == amara)).all()
    assert "Allocation to Tom Hadlow taken back" in titles
    assert team_queue.read_queue(ws).waiting[0].allocation == 2


def test_undo_leaves_a_case_that_was_allocated_again_since(ws: Workspace, world: World) -> None:
    amara = world.cases["amara"]
    first = allocation.allocate(ws, [amara], world.users["tom"], expected={amara: 0})
    allocation.allocate(ws, [amara], world.users["samir"], "Has the sibling", expected={amara: 1})
    assert allocation.undo(ws, first) == 0
    with ws.read() as session:
        assert session.get_one(Case, amara).officer_id == world.users["samir"]


def test_a_case_closed_meanwhile_is_left_as_it_is(ws: Workspace, world: World) -> None:
    with ws.write("Close") as session:
        session.get_one(Case, world.cases["esme"]).status = CaseStatus.CLOSED
    result = allocation.allocate(ws, [world.cases["esme"]], world.users["tom"], expected={world.cases["esme"]: 0})
    assert result.stale[0].message == "This case was closed. It is left as it is."


@pytest.mark.parametrize("who", ["nobody", "ruth"])
def test_only_somebody_who_works_on_cases_can_be_given_one(ws: Workspace, world: World, who: str) -> None:
    if who == "ruth":
        with ws.write("Role") as session:
            session.get_one(User, world.users["ruth"]).role = Role.AUDITOR
    officer = world.users.get(who, world.cases["amara"])
    with pytest.raises(UserError) as caught:
        allocation.allocate(ws, [world.cases["amara"]], officer)
    assert caught.value.field == "officer"
    with ws.read() as session:
        assert session.get_one(Case, world.cases["amara"]).allocation == 0


def test_a_caseworker_may_not_see_the_queue_nor_allocate(workspace: Workspace) -> None:
    with pytest.raises(AccessRefused):
        team_queue.read_queue(workspace)
    with pytest.raises(AccessRefused):
        allocation.allocate(workspace, ["x"], "y")


def test_choosing_nothing_is_refused_in_words(ws: Workspace, world: World) -> None:
    with pytest.raises(UserError, match="Choose at least one case"):
        allocation.allocate(ws, [], world.users["tom"])


def test_a_stale_allocation_from_another_laptop_shows_as_already_allocated(ws: Workspace, world: World) -> None:
    amara = world.cases["amara"]
    with ws.write("Merged") as session:
        case = session.get_one(Case, amara)
        case.officer_id, case.allocation = world.users["gwen"], 1
        session.add(
            Conflict(
                id="01900000-0000-7000-8000-000000000001",
                table_name="case",
                row_id=amara,
                subject_id=amara,
                field="officer_id",
                before=None,
                kept=world.users["gwen"],
                kept_by=world.users["priya"],
                offered=world.users["tom"],
                offered_by=world.users["ruth"],
                offered_at=ws.time.now() - timedelta(days=2),
                chosen=None,
            )
        )
    queue = team_queue.read_queue(ws)
    row = queue.conflicts[0]
    assert (row.name, row.field, row.already_allocated) == (
        "Amara Oyelade",
        "Officer",
        "Already allocated to Gwen Arkley",
    )
    assert (row.officers, row.age_days) == ("Priya Lindqvist and Ruth Okonjo", 2)
    assert queue.tiles[4].line == "1 already allocated"
    allocation.keep_allocation(ws, row.conflict_id)
    assert not team_queue.read_queue(ws).conflicts
    with ws.read() as session:
        settled = session.get_one(Conflict, row.conflict_id)
        assert (settled.state, settled.decided_by) == (ConflictState.RESOLVED, ws.actor.user_id)
    with pytest.raises(UserError, match="decided already"):
        allocation.keep_allocation(ws, row.conflict_id)


def test_a_conflict_about_a_parents_number_is_shown_on_the_childs_case(ws: Workspace, world: World) -> None:
    person = world.people["noor:Leila Salvani"]
    with ws.write("Merged") as session:
        session.add(
            Conflict(
                table_name="contact_point",
                row_id=person,
                subject_id=person,
                field="value",
                before="1",
                kept="2",
                offered="3",
                offered_at=ws.time.now(),
                chosen=None,
            )
        )
    row = team_queue.read_queue(ws).conflicts[0]
    assert (row.name, row.field, row.officers) == ("Noor Salvani", "Telephone or e-mail", "Not recorded")


def test_letters_that_wait_say_whose_they_are(ws: Workspace, world: World) -> None:
    with ws.write("Asked for approval") as session:
        session.add(
            Letter(
                case_id=world.cases["imogen"],
                number=1,
                reference="CME-2026-00371/L1",
                template="L01",
                template_version="1",
                title="First enquiry to parent",
                state=LetterState.WAITING_APPROVAL,
                values={},
                created_by=world.users["gwen"],
            )
        )
    queue = team_queue.read_queue(ws)
    row = queue.approvals[0]
    assert (row.title, row.name, row.writer, row.own) == (
        "First enquiry to parent",
        "Imogen Rask",
        "Gwen Arkley",
        False,
    )
    assert (queue.tiles[2].count, queue.tiles[2].line) == (1, "Letters from your team")


def test_a_flag_that_ended_is_not_worth_knowing_any_more(ws: Workspace, world: World) -> None:
    with ws.write("Ended") as session:
        flag = session.scalars(select(SafetyFlag).where(SafetyFlag.kind == SafetyKind.TEMPORARY_HOUSING)).one()
        flag.ended_on = ws.time.today()
    amara = team_queue.read_queue(ws).waiting[0]
    assert [each.text for each in amara.worth] == ["Sibling Temi is open"]


def test_another_team_sees_its_own_and_what_belongs_to_nobody(ws: Workspace, world: World) -> None:
    queue = team_queue.read_queue(ws, world.teams["east"])
    assert (queue.team, queue.waiting, queue.officers) == ("East team", (), ())
    with ws.write("No team") as session:
        session.get_one(Case, world.cases["esme"]).team_id = None
    assert [row.name for row in team_queue.read_queue(ws, world.teams["east"]).waiting] == ["Esme Corrigan"]
    assert len(team_queue.read_queue(ws, team_queue.ALL_TEAMS).waiting) == 5
    assert team_queue.waiting_count(ws) == 5


def test_the_age_is_counted_in_london_days(ws: Workspace, world: World) -> None:
    ws.time.move_to(datetime(2026, 11, 17, 23, 59, tzinfo=UTC))  # type: ignore[attr-defined]  # a FrozenTime
    assert team_queue.read_queue(ws).waiting[0].waited_days == 3
    ws.time.move_to(datetime(2026, 11, 18, 0, 1, tzinfo=UTC))  # type: ignore[attr-defined]  # a FrozenTime
    assert team_queue.read_queue(ws).waiting[0].waited_days == 4


def test_an_actor_without_a_team_sees_all(ws: Workspace, world: World) -> None:
    ws.actor = Actor(ws.actor.user_id, ws.actor.name, ws.actor.role, None, ws.actor.device_id)
    assert team_queue.read_queue(ws).team == "All teams"
    assert team_queue.waiting_count(ws) == 5


def test_two_supervisors_allocate_one_case_offline_and_the_second_sees_whose_it_is(
    central: Any, enrol_laptop: Callable[..., Any], sync_once: Callable[[Workspace], Any]
) -> None:
    """Over HTTP and PostgreSQL: nobody's decision is overwritten, and one clock is left running."""
    people = central.services.people
    people.add_user("tom", "Tom Hadlow", "caseworker", "West team")
    officers = {"tom": people.user_id("tom"), "dawn": central.people["dawn"]}
    first, second = enrol_laptop("ruth", "first").workspace(), enrol_laptop("ruth", "second").workspace()
    with first.write("Opened") as session:
        child = Child(id="01900000-0000-7000-8000-0000000000c1", forename="Amara", surname="Oyelade", born_on=None)
        case = Case(reference="CME-2026-00421", child_id=child.id, opened_on=first.time.today())
        session.add_all([child, case])
        session.flush()
        case_id = case.id
    for ws in (first, second):
        sync_once(ws)
    for ws, officer in ((first, "tom"), (second, "dawn")):
        waiting = team_queue.read_queue(ws).waiting[0]
        allocation.allocate(ws, [case_id], officers[officer], expected={case_id: waiting.allocation})
        ws.time.advance(minutes=5)  # type: ignore[attr-defined]  # a FrozenTime
    for ws in (first, second, first):
        sync_once(ws)
    for ws in (first, second):
        queue = team_queue.read_queue(ws)
        assert [row.already_allocated for row in queue.conflicts] == ["Already allocated to Tom Hadlow"]
        assert not queue.waiting
        with ws.read() as session:
            assert session.get_one(Case, case_id).officer_id == officers["tom"]
    allocation.keep_allocation(second, team_queue.read_queue(second).conflicts[0].conflict_id)
    for ws in (second, first):
        sync_once(ws)
    with first.read() as session:
        clocks = session.scalars(select(Clock).where(Clock.case_id == case_id, Clock.stopped_on.is_(None))).all()
        titles = session.scalars(select(CaseEvent.title).where(CaseEvent.case_id == case_id)).all()
    assert [clock.rule for clock in clocks] == ["local_first_contact"]
    assert "Stays with Tom Hadlow" in titles
    assert not team_queue.read_queue(first).conflicts
