"""Conflicts on a real vault: what is shown, who may decide, what a decision writes, and what stays within reach."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import AccessRefused, UserError
from app.models import (
    Address,
    Assignment,
    Case,
    CaseEvent,
    ChangeSetRow,
    Child,
    Conflict,
    ContactPoint,
    Enquiry,
    InterestDeclared,
    User,
)
from app.models.terms import ConflictState, EnquiryState, Role, Stage
from app.services import history
from app.services.conflicts import deciding, listing, reading, undoing
from app.services.conflicts.deciding import Decision, DecisionResult
from app.services.conflicts.shown import BOTH, TYPED, CaseConflicts, ShownChoice
from app.services.vault import Vault
from app.services.workspace import Actor, Workspace
from tests.services.conflict_scene import NOTES, SECOND, Scene, add_conflict, make_scene


@pytest.fixture
def scene(workspace: Workspace) -> Scene:
    return make_scene(workspace)


def caleb(scene: Scene, ws: Workspace | None = None) -> CaseConflicts:
    return reading.read_case(ws or scene.ws, scene.ids["caleb:case"])


def choice(scene: Scene, title: str, ws: Workspace | None = None) -> ShownChoice:
    return next(each for each in caleb(scene, ws).choices if each.title == title)


def picked(shown: ShownChoice, pick: str, **typed: str) -> Decision:
    key = {"yours": shown.left.key, "theirs": shown.right[0].key}.get(pick, pick)
    return Decision(shown.key, shown.conflict_ids, shown.shown, key, typed)


def decide(scene: Scene, title: str, pick: str, ws: Workspace | None = None, **typed: str) -> DecisionResult:
    shown = choice(scene, title, ws)
    return deciding.decide(ws or scene.ws, scene.ids["caleb:case"], [picked(shown, pick, **typed)])


def person(vault: Vault, role: Role, name: str) -> Workspace:
    """A person of another role on the same laptop."""
    with vault.system_workspace().write("Hired") as session:
        user = User(username=name.split()[0].lower(), name=name, role=role, team_id=None)
        session.add(user)
        session.flush()
        user_id = user.id
    return vault.workspace(user_id)


# What is shown


def test_the_list_says_how_much_since_when_and_with_whom(scene: Scene) -> None:
    found = listing.list_cases(scene.ws)
    assert [each.name for each in found.cases] == ["Caleb Ostwick", "Noor Salvani"]
    first = found.cases[0]
    assert first.detail == "4 fields, also changed by Samir Beltrane"
    assert (first.choices, first.mine, first.age_days, first.reference) == (4, 4, 1, "CME-2026-0381")
    assert found.choices == 5
    assert listing.count(scene.ws) == 5


def test_a_case_is_shown_in_words_with_what_changed_marked(scene: Scene) -> None:
    view = caleb(scene)
    assert (view.name, view.line) == ("Caleb Ostwick", "10, Year 6 · CME-2026-0381")
    assert view.intro == (
        "You and Samir both changed this case while Samir was offline. "
        "Nothing has been lost. Choose what the case should say."
    )
    assert (view.left.title, view.left.detail) == ("Yours", "Dawn Ellery, Mon 16 Nov 14:20, Test laptop")
    assert (view.right.title, view.right.detail) == ("Theirs", "Samir Beltrane, Mon 16 Nov 16:05")
    assert view.before.detail == "Mon 16 Nov 08:10"
    assert [each.title for each in view.choices] == ["Home address", "Mother’s phone", "Stage", "Outcome"]
    stage = choice(scene, "Stage")
    assert (stage.before.words, stage.left.words, stage.right[0].words) == ("Enquiries", "Place offered", "Located")
    phone = choice(scene, "Mother’s phone")
    assert phone.about == "Ana Ostwick"
    assert phone.left.words[slice(*phone.left.marks[0])] == "31"


def test_ids_and_codes_are_never_shown(scene: Scene) -> None:
    ids = scene.ids
    add_conflict(scene, "team", "case", "caleb:case", "team_id", None, scene.ws.actor.team_id, None, ids["samir"])
    add_conflict(scene, "safe", "contact_point", "caleb:phone", "safe_to_leave_message", "not_asked", "known",
                 "withheld", ids["samir"], subject="caleb:mother")  # fmt: skip
    add_conflict(scene, "born", "child", "caleb:child", "born_on", None, "2016-03-04", "2016-04-03", ids["samir"])
    shown = "\n".join(value.words for each in caleb(scene).choices for value in each.values)
    assert "West team" in shown
    assert "4 March 2016" in shown
    assert not any(key in shown for key in ids.values())
    assert "not_asked" not in shown


def test_when_neither_side_is_yours_the_columns_have_the_peoples_names(vault: Vault, scene: Scene) -> None:
    ruth = person(vault, Role.SUPERVISOR, "Ruth Okonjo")
    view = caleb(scene, ruth)
    assert (view.left.title, view.right.title) == ("Dawn", "Samir")
    assert view.intro.startswith("Dawn and Samir both changed this case while Samir was offline.")


def test_two_laptops_of_one_person_are_told_apart(scene: Scene) -> None:
    with scene.ws.write("Merged") as session:
        for conflict in session.scalars(select(Conflict)):
            conflict.offered_by = conflict.kept_by
    view = caleb(scene)
    assert view.intro.startswith("You changed the same thing on two laptops.")
    assert view.left.title == "On Test laptop"
    assert view.right.title == "Came second"


def test_a_right_to_left_or_very_long_value_is_shown_whole(scene: Scene) -> None:
    long = "א" * 3000
    scene.ids["x"] = add_conflict(scene, "area", "case", "caleb:case", "area", "", "Saltenby", long, None)
    assert choice(scene, "Area").right[0].words == long


# Who sees and who decides


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMINISTRATOR])
def test_who_reads_no_cases_sees_no_conflicts(vault: Vault, scene: Scene, role: Role) -> None:
    ws = person(vault, role, "Ada Fenwick")
    assert listing.count(ws) == 0
    for call in (lambda: listing.list_cases(ws), lambda: caleb(scene, ws)):
        with pytest.raises(AccessRefused):
            call()


@pytest.mark.parametrize("role", [Role.INCLUSION, Role.BUSINESS_SUPPORT, Role.INFORMATION_GOVERNANCE])
def test_who_may_not_change_cases_sees_but_does_not_decide(vault: Vault, scene: Scene, role: Role) -> None:
    ws = person(vault, role, "Ivo Reader")
    shown = choice(scene, "Stage", ws)
    assert not shown.may_decide
    assert "Both are kept" in shown.why_not
    assert listing.list_cases(ws).cases[0].mine == 0
    with pytest.raises(AccessRefused):
        deciding.decide(ws, scene.ids["caleb:case"], [picked(shown, "theirs")])


def test_a_restricted_case_and_a_declared_interest_hide_their_conflicts(scene: Scene) -> None:
    with scene.ws.write("Restricted") as session:
        session.get_one(Case, scene.ids["caleb:case"]).restricted = True
        session.add(
            InterestDeclared(
                user_id=scene.ws.actor.user_id,
                child_id=scene.ids["noor:child"],
                case_id=None,
                declared_at=scene.ws.time.now(),
            )
        )
    assert not listing.list_cases(scene.ws).cases
    assert listing.count(scene.ws) == 0
    with pytest.raises(AccessRefused):
        caleb(scene)
    with pytest.raises(AccessRefused):
        deciding.decide(scene.ws, scene.ids["caleb:case"], [Decision("x", ("x",), "x", "now")])


def allocate_twice(scene: Scene) -> None:
    ids = scene.ids
    with scene.ws.write("Merged") as session:
        case = session.get_one(Case, ids["caleb:case"])
        case.officer_id, case.allocation = ids["tom"], 1
    add_conflict(scene, "officer", "case", "caleb:case", "officer_id", None, ids["tom"], ids["samir"], ids["samir"])


def test_only_who_allocates_decides_between_two_allocations(vault: Vault, scene: Scene) -> None:
    allocate_twice(scene)
    shown = choice(scene, "Officer")
    assert not shown.may_decide
    assert shown.why_not == "A supervisor decides who has the case. Both are kept until then."
    with pytest.raises(AccessRefused):
        decide(scene, "Officer", "theirs")
    ruth = person(vault, Role.SUPERVISOR, "Ruth Okonjo")
    assert {each.words for each in choice(scene, "Officer", ruth).values} == {"Tom Hadlow", "Samir Beltrane"}
    decide(scene, "Officer", "theirs", ruth)
    with scene.ws.read() as session:
        case = session.get_one(Case, scene.ids["caleb:case"])
        assert (case.officer_id, case.allocation) == (scene.ids["samir"], 2)
        assert session.scalars(select(Assignment.officer_id)).all() == [scene.ids["samir"]]
        assert "Allocated to Samir Beltrane" in session.scalars(select(CaseEvent.title)).all()


def test_leaving_the_first_allocation_says_so_on_the_timeline(vault: Vault, scene: Scene) -> None:
    allocate_twice(scene)
    decide(scene, "Officer", "yours", person(vault, Role.SUPERVISOR, "Ruth Okonjo"))
    with scene.ws.read() as session:
        assert session.scalars(select(CaseEvent.title)).all() == ["Stays with Tom Hadlow"]
    assert scene.conflict("officer").state is ConflictState.RESOLVED


# Deciding


def test_several_choices_of_a_case_are_one_change_set_with_its_reason(scene: Scene) -> None:
    view = caleb(scene)
    by_title = {each.title: each for each in view.choices}
    decisions = [
        picked(by_title["Home address"], "theirs"),
        picked(by_title["Mother’s phone"], "yours"),
        picked(by_title["Stage"], "theirs"),
        picked(by_title["Outcome"], BOTH),
    ]
    result = deciding.decide(scene.ws, scene.ids["caleb:case"], decisions, "Rang the family")
    assert result.words == "4 choices saved"
    assert scene.value(Address, "caleb:home", "lines") == "3a Orchard Mews"
    assert scene.value(ContactPoint, "caleb:phone", "value") == "07700 900731"
    assert scene.value(Case, "caleb:case", "stage") is Stage.LOCATED
    said = scene.value(Enquiry, "caleb:enquiry", "outcome")
    assert said.index(NOTES[0]) < said.index("Dawn Ellery") < said.index(NOTES[1]) < said.index("Samir Beltrane")
    with scene.ws.read() as session:
        newest = session.scalars(select(ChangeSetRow).order_by(ChangeSetRow.sequence.desc()).limit(1)).one()
    assert newest.reason == "Chose between two values, 4 times: Rang the family"
    for name in ("address", "phone", "stage", "note"):
        settled = scene.conflict(name)
        assert (settled.state, settled.decided_by) == (ConflictState.RESOLVED, scene.ws.actor.user_id)
        assert settled.decided_at == scene.ws.time.now()
    assert [each.name for each in listing.list_cases(scene.ws).cases] == ["Noor Salvani"]
    told = history.of_case(scene.ws, scene.ids["caleb:case"])[0].lines
    assert ("Stage, decided", "Two values", "Located") in [(line.field, line.before, line.after) for line in told]
    assert history.of_case(scene.ws, scene.ids["caleb:case"])[0].reason == newest.reason


def test_an_address_is_decided_whole_with_where_it_came_from(scene: Scene) -> None:
    samir = scene.ids["samir"]
    for name, before, kept, offered in (
        ("town", "Saltenby", "Pennyford", "Kingsholt"),
        ("source", "", "Told to me by grandmother on visit", "From school’s admission form"),
    ):
        add_conflict(scene, name, "address", "caleb:home", name, before, kept, offered, samir, subject="caleb:child")
    with scene.ws.write("Merged") as session:
        for name in ("address", "town", "source"):
            session.get_one(Conflict, scene.ids[name]).change_set_id = scene.ids["caleb:case"]
    shown = choice(scene, "Home address")
    assert len(shown.conflict_ids) == 3
    assert listing.list_cases(scene.ws).cases[0].choices == 4
    assert listing.count(scene.ws) == 5
    assert (shown.right[0].words, shown.right[0].note) == (
        "3a Orchard Mews, Kingsholt MH6 8RA",
        "From school’s admission form",
    )
    decide(scene, "Home address", "theirs")
    assert scene.value(Address, "caleb:home", "town") == "Kingsholt"
    assert scene.value(Address, "caleb:home", "source") == "From school’s admission form"


def test_another_value_can_be_typed_and_is_checked(scene: Scene) -> None:
    shown = choice(scene, "Home address")
    assert shown.typed_words == "Neither is right, type another address"
    assert [field.name for field in shown.typed] == ["lines", "town", "postcode"]
    decide(scene, "Home address", TYPED, lines="5 Orchard Mews", town="Pennyford", postcode="MH6 8RB")
    assert scene.value(Address, "caleb:home", "postcode") == "MH6 8RB"
    assert scene.conflict("address").chosen == "5 Orchard Mews"
    samir = scene.ids["samir"]
    add_conflict(scene, "born", "child", "caleb:child", "born_on", None, "2016-03-04", "2016-04-03", samir)
    with pytest.raises(UserError, match="must be a date"):
        decide(scene, "Date of birth", TYPED, born_on="tomorrow")
    with pytest.raises(UserError, match="Type a value"):
        decide(scene, "Mother’s phone", TYPED, value="  ")
    with pytest.raises(UserError, match="Choose one"):
        decide(scene, "Stage", TYPED, status="closed")
    assert scene.conflict("born").state is ConflictState.OPEN


def test_what_changed_while_it_was_open_is_left_and_told(scene: Scene) -> None:
    shown = choice(scene, "Stage")
    with scene.ws.write("Changed the stage") as session:
        session.get_one(Case, scene.ids["caleb:case"]).stage = Stage.JOINT_ENQUIRIES
    result = deciding.decide(scene.ws, scene.ids["caleb:case"], [picked(shown, "theirs")])
    assert not result.settled
    assert result.left[0].words == "Stage has changed since it was shown. Look again, then choose."
    assert scene.value(Case, "caleb:case", "stage") is Stage.JOINT_ENQUIRIES
    assert {each.words for each in choice(scene, "Stage").values} == {"Joint enquiries", "Place offered", "Located"}


def test_a_record_deleted_since_is_decided_as_a_whole(scene: Scene) -> None:
    with scene.ws.write("Removed") as session:
        session.delete(session.get_one(Enquiry, scene.ids["caleb:enquiry"]))
    shown = choice(scene, "Enquiry")
    assert "Deleted" in {each.words for each in shown.values}
    offered = next(each for each in shown.values if NOTES[1] in each.words)
    decide(scene, "Enquiry", offered.key)
    with scene.ws.read() as session:
        back = session.get_one(Enquiry, scene.ids["caleb:enquiry"])
        assert (back.outcome, back.label, back.state) == (NOTES[1], "Visit to the family", EnquiryState.SENT)


def test_a_record_whose_history_is_not_here_is_not_half_restored(scene: Scene) -> None:
    gone = "01900000-0000-7000-8000-00000000dead"
    add_conflict(scene, "task", "task", gone, "*", {"place": ""}, None, {"place": "At home"}, None,
                 subject="caleb:case")  # fmt: skip
    shown = choice(scene, "Task")
    offered = next(each for each in shown.values if each.words != "Deleted")
    assert offered.why_not.startswith("The whole record is not on this laptop.")
    with pytest.raises(UserError, match="Nothing was changed"):
        decide(scene, "Task", offered.key)
    decide(scene, "Task", "now")
    assert scene.conflict("task").state is ConflictState.RESOLVED


def test_what_belongs_to_no_case_is_listed_and_decided_by_itself(scene: Scene) -> None:
    from app.models import Task

    with scene.ws.write("Added a task") as session:
        task = Task(text="Order stamps", user_id=scene.ws.actor.user_id)
        session.add(task)
        session.flush()
        scene.ids["loose"] = task.id
    add_conflict(scene, "stamps", "task", "loose", "text", "Order stamps", "Order stamps", "Order paper", None)
    row = next(each for each in listing.list_cases(scene.ws).cases if each.case_id is None)
    assert row.name == "Task"
    (shown,) = reading.read_case(scene.ws, row.key).choices
    deciding.decide(scene.ws, row.key, [picked(shown, "theirs")])
    assert scene.value(Task, "loose", "text") == "Order paper"


# Taking it back


@pytest.mark.parametrize(
    ("title", "pick"),
    [("Home address", "theirs"), ("Mother’s phone", BOTH), ("Outcome", BOTH), ("Stage", "yours")],
)
def test_a_decision_is_taken_back_as_a_new_step(scene: Scene, title: str, pick: str) -> None:
    before = [(each.title, each.left.words, each.right[0].words) for each in caleb(scene).choices]
    result = decide(scene, title, pick)
    assert undoing.undo(scene.ws, result) == 1
    assert [(each.title, each.left.words, each.right[0].words) for each in caleb(scene).choices] == before
    assert history.of_case(scene.ws, scene.ids["caleb:case"])[0].reason == "Took a decision back"
    with scene.ws.read() as session:
        assert len(session.scalars(select(ContactPoint.id)).all()) == 2


def test_what_was_changed_since_is_not_taken_back(scene: Scene) -> None:
    result = decide(scene, "Stage", "theirs")
    with scene.ws.write("Moved on") as session:
        session.get_one(Case, scene.ids["caleb:case"]).stage = Stage.PLACE_OFFERED
    with pytest.raises(UserError, match="left as it is"):
        undoing.undo(scene.ws, result)
    assert scene.value(Case, "caleb:case", "stage") is Stage.PLACE_OFFERED


# Supervisors, many, audit


def test_the_team_queue_names_each_case_field_and_age(vault: Vault, scene: Scene) -> None:
    from app.services import team_queue

    ruth = person(vault, Role.SUPERVISOR, "Ruth Okonjo")
    rows = team_queue.read_queue(ruth, team_queue.ALL_TEAMS).conflicts
    assert [(row.name, row.officers, row.age_days) for row in rows][:1] == [
        ("Caleb Ostwick", "Dawn Ellery and Samir Beltrane", 1)
    ]
    assert len(rows) == 5


def test_five_hundred_cases_are_listed_from_a_few_queries(make_vault: Callable[..., Vault], frozen_time: Any) -> None:
    from sqlalchemy import event

    ws = make_vault("many").workspace()
    make_scene(ws, cases=40)
    counted: list[str] = []
    event.listen(ws._engine, "before_cursor_execute", lambda *args: counted.append(args[2]))
    assert len(listing.list_cases(ws).cases) == 40
    assert len(counted) < 15


def test_reading_and_deciding_are_audited(scene: Scene) -> None:
    from app.models import AuditEntry

    decide(scene, "Stage", "theirs")
    with scene.ws.read() as session:
        entries = session.execute(select(AuditEntry.action, AuditEntry.subject_id)).all()
    assert ("read", scene.ids["caleb:case"]) in [tuple(each) for each in entries]
    assert entries[-1].action == "changed"


def test_the_oldest_waits_first(scene: Scene) -> None:
    add_conflict(scene, "older", "case", "noor:case", "area", "", "Saltenby", "Aldermere", None,
                 at=SECOND - timedelta(days=3))  # fmt: skip
    assert [each.name for each in listing.list_cases(scene.ws).cases] == ["Noor Salvani", "Caleb Ostwick"]
    assert listing.list_cases(scene.ws).cases[0].age_days == 4


def test_a_child_without_a_case_is_still_found(scene: Scene) -> None:
    with scene.ws.write("Added a child") as session:
        child = Child(forename="Mia", surname="Ash", born_on=None)
        session.add(child)
        session.flush()
        scene.ids["mia"] = child.id
    add_conflict(scene, "mia-upn", "child", "mia", "upn", "", "A1", "B2", None)
    assert any(each.case_id is None for each in listing.list_cases(scene.ws).cases)


def test_an_actor_without_a_person_reads_nothing_it_may_not(scene: Scene) -> None:
    actor = Actor(None, "Nobody", Role.CASEWORKER, None, scene.ws.actor.device_id)
    with scene.ws.read() as session:
        assert listing.review_count(session, actor) == 5
