from dataclasses import replace
from datetime import date

import pytest

from app.ids import new_id
from app.models import Conflict, Task, User
from app.models.terms import Role, Stage
from app.services import cases, tasks
from app.services.case_list import NOT_ALLOCATED, CaseQuery, for_view
from tests.services.casework import add_child


@pytest.fixture
def team(workspace):
    """Four cases: two of Dawn's, one of Samir's, one that waits."""
    samir = new_id()
    with workspace.write("Colleague") as session:
        session.add(User(id=samir, username="samir", name="Samir Beltrane", role=Role.CASEWORKER))
    made = {}
    for name, officer, received in (
        ("Isla", workspace.actor.user_id, date(2026, 11, 2)),
        ("Zofia", workspace.actor.user_id, date(2026, 11, 9)),
        ("Noor", samir, date(2026, 11, 4)),
        ("Caleb", None, date(2026, 11, 16)),
    ):
        child = add_child(workspace, name, f"O'{name}-Ášt")
        made[name] = cases.open_case(workspace, child, officer_id=officer, received_on=received, area="Saltenby")
    cases.change_stage(workspace, made["Zofia"], Stage.LEGAL_NOTICE, reason="Notice served")
    tasks.add_clock(workspace, made["Zofia"], "s437_notice", date(2026, 11, 3))
    made["samir"] = samir
    return made


def names(ws, query):
    return [row.name.split()[0] for row in cases.rows(ws, cases.ids(ws, query))]


def test_my_open_cases_are_mine_and_the_soonest_comes_first(workspace, team):
    query = for_view("mine", workspace)
    assert names(workspace, query) == ["Isla", "Zofia"]
    assert cases.count(workspace, query) == 2
    assert names(workspace, for_view("all", workspace)) == ["Isla", "Zofia", "Noor", "Caleb"]


def test_due_this_week_holds_what_is_overdue_and_nothing_later(workspace, team):
    everyone = replace(for_view("due_week", workspace), officers=frozenset())
    assert names(workspace, everyone) == ["Isla", "Zofia", "Noor"]


def test_no_contact_for_ten_days_follows_the_last_activity(workspace, team, frozen_time):
    query = replace(for_view("no_contact", workspace), officers=frozenset())
    assert cases.count(workspace, query) == 0
    frozen_time.advance(days=11)
    cases.add_note(workspace, team["Isla"], text="Rang")
    assert names(workspace, query) == ["Zofia", "Noor", "Caleb"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"officers": frozenset({NOT_ALLOCATED})}, {"Caleb"}),
        ({"stages": frozenset({"legal"})}, {"Zofia"}),
        ({"stages": frozenset({"legal", "initial_checks"})}, {"Isla", "Zofia", "Noor", "Caleb"}),
        ({"statutory": True}, {"Zofia"}),
        ({"changed_here": True}, {"Isla", "Zofia", "Noor", "Caleb"}),
        ({"closed": True}, set()),
        ({"text": "oisla ast"}, {"Isla"}),
        ({"text": "cme-2026-00003"}, {"Noor"}),
        ({"text": "100%"}, set()),
    ],
)
def test_each_filter_keeps_what_it_names(workspace, team, changes, expected):
    assert set(names(workspace, CaseQuery(view="all", **changes))) == expected


@pytest.mark.parametrize(
    "sort", ["child", "stage", "due", "activity", "school", "unsynced", "area", "officer", "waiting"]
)
def test_every_sort_keeps_every_case_and_turns_round(workspace, team, sort):
    query = CaseQuery(view="all", sort=sort)
    forward = cases.ids(workspace, query)
    back = cases.ids(workspace, replace(query, descending=True))
    assert sorted(forward) == sorted(back)
    assert len(set(forward)) == 4


def test_sorting_by_name_folds_case_and_accents(workspace, team):
    assert names(workspace, CaseQuery(view="all", sort="child")) == ["Caleb", "Isla", "Noor", "Zofia"]
    assert names(workspace, CaseQuery(view="all", sort="child", descending=True)) == ["Zofia", "Noor", "Isla", "Caleb"]


def test_cases_with_nothing_due_come_last_either_way(workspace, team):
    with workspace.read() as session:
        from app.models import Clock

        clocks = [clock.id for clock in session.query(Clock).filter(Clock.case_id == team["Isla"])]
    for clock in clocks:
        tasks.stop_clock(workspace, clock, reason="Located")
    for descending in (False, True):
        found = names(workspace, CaseQuery(view="all", sort="due", descending=descending))
        assert found[-1] == "Isla"


def test_counts_leave_their_own_group_out(workspace, team):
    counts = cases.filter_counts(workspace, for_view("mine", workspace))
    assert counts.views == {"mine": 2, "due_week": 2, "no_contact": 0, "all": 4}
    assert [(each.name, each.count) for each in counts.officers] == [
        ("Dawn Ellery", 2),
        ("Samir Beltrane", 1),
        ("Not allocated", 1),
    ]
    assert counts.stages["legal"] == 1
    assert counts.stages["initial_checks"] == 1
    assert (counts.statutory, counts.changed_here, counts.closed, counts.total) == (1, 2, 0, 2)


def test_a_row_counts_what_waits_to_sync_and_names_conflicts(workspace, team):
    with workspace.read() as session:
        from app.models import Case

        child_id = session.get_one(Case, team["Isla"]).child_id
    with workspace.write("Conflict") as session:
        session.add(
            Conflict(
                table_name="child",
                row_id=child_id,
                subject_id=child_id,
                field="last_seen_on",
                before=None,
                chosen=None,
                kept="2026-10-16",
                offered="2026-11-01",
                offered_at=workspace.time.now(),
            )
        )
    row = cases.rows(workspace, [team["Isla"]])[0]
    assert row.conflicts == 1
    assert row.unsynced >= 2


def test_rows_keep_the_order_asked_and_leave_out_what_is_gone(workspace, team):
    asked = [team["Noor"], new_id(), team["Isla"]]
    assert [row.case_id for row in cases.rows(workspace, asked)] == [team["Noor"], team["Isla"]]


def test_a_task_due_before_the_clock_is_what_comes_next(workspace, team):
    with workspace.write("Task") as session:
        session.add(Task(case_id=team["Caleb"], text="Ring the surgery", due_on=date(2026, 11, 18)))
    row = cases.rows(workspace, [team["Caleb"]])[0]
    assert (row.due_what, row.due_on) == ("Ring the surgery", date(2026, 11, 18))
