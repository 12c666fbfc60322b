"""Conflicts raised and decided by two laptops over the real central store: every decision travels, none is lost."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from app.models import (
    Address,
    Case,
    CaseEvent,
    Child,
    Conflict,
    ContactPoint,
    Enquiry,
    Person,
    Relationship,
    Task,
)
from app.models.terms import ConflictState, EnquiryState, RelationshipKind
from app.services.conflicts import deciding, listing, reading, undoing
from app.services.conflicts.deciding import Decision
from app.services.conflicts.shown import BOTH, TYPED, CaseConflicts, ShownChoice
from app.services.workspace import Workspace
from tests.sync.test_two_laptops import contents, set_field

Sync = Callable[[Workspace], Any]


class Pair:
    """Two laptops of two people with one family, in step, and what they do."""

    def __init__(self, dawn: Workspace, ruth: Workspace, sync: Sync, time: Any) -> None:
        self.dawn, self.ruth, self._sync, self.time = dawn, ruth, sync, time
        with dawn.write("Opened a case") as session:
            child = Child(forename="Caleb", surname="Ostwick", born_on=date(2016, 3, 4))
            mother = Person(forename="Ana", surname="Ostwick")
            session.add_all([child, mother])
            session.flush()
            case = Case(reference="CME-2026-00381", child_id=child.id, opened_on=date(2026, 11, 2), team_id=None)
            session.add(case)
            session.flush()
            records = {
                "home": Address(child_id=child.id, lines="22 Quarry View", town="Saltenby", postcode="MH5 1TT"),
                "phone": ContactPoint(person_id=mother.id, kind="phone", value="07700 900700"),
                "task": Task(case_id=case.id, text="Ring the school"),
                "enquiry": Enquiry(case_id=case.id, kind="school", label="Last school", state=EnquiryState.SENT),
            }
            kin = Relationship(child_id=child.id, person_id=mother.id, kind=RelationshipKind.MOTHER)
            session.add_all([*records.values(), kin])
            session.flush()
            self.ids = {name: record.id for name, record in records.items()}
            self.case_id, self.child_id = case.id, child.id
        self.settle()

    def settle(self, *order: Workspace) -> None:
        """Sync until both have everything."""
        for ws in order or (self.dawn, self.ruth, self.dawn):
            self._sync(ws)

    def sync(self, ws: Workspace) -> Any:
        return self._sync(ws)

    def disagree(self, model: type, name: str, hers: dict[str, Any], theirs: dict[str, Any]) -> None:
        """Dawn's change reaches the central store first, Ruth's second."""
        set_field(self.dawn, model, self.ids[name], **hers)
        self.time.advance(minutes=5)
        set_field(self.ruth, model, self.ids[name], **theirs)
        self.time.advance(minutes=5)
        self.settle()

    def read(self, ws: Workspace) -> CaseConflicts:
        return reading.read_case(ws, self.case_id)

    def choice(self, ws: Workspace) -> ShownChoice:
        (choice,) = self.read(ws).choices
        return choice

    def decide(self, ws: Workspace, pick: str, **typed: str) -> deciding.DecisionResult:
        """Decide the one choice there is: ``left``, ``right``, ``both`` or ``typed``."""
        choice = self.choice(ws)
        key = {"left": choice.left.key, "right": choice.right[0].key}.get(pick, pick)
        decision = Decision(choice.key, choice.conflict_ids, choice.shown, key, typed)
        self.time.advance(minutes=1)
        return deciding.decide(ws, self.case_id, [decision])

    def open_conflicts(self, ws: Workspace) -> list[Conflict]:
        with ws.read() as session:
            return list(session.scalars(select(Conflict).where(Conflict.state == ConflictState.OPEN)))

    def field(self, ws: Workspace, model: type, name: str, field: str) -> Any:
        with ws.read() as session:
            record = session.get(model, self.ids[name])
            return None if record is None else getattr(record, field)


@pytest.fixture
def pair(enrol_laptop: Callable[..., Any], sync_once: Sync, frozen_time: Any) -> Iterator[Pair]:
    dawn, ruth = enrol_laptop("dawn", "Dawn’s laptop").workspace(), enrol_laptop("ruth", "Ruth’s laptop").workspace()
    return Pair(dawn, ruth, sync_once, frozen_time)


def test_both_sides_see_yours_and_theirs_with_author_time_and_laptop(pair: Pair) -> None:
    pair.disagree(Address, "home", {"lines": "3 Orchard Mews", "town": "Pennyford", "postcode": "MH6 8RA"},
                  {"lines": "3a Orchard Mews", "town": "Pennyford", "postcode": "MH6 8RA"})  # fmt: skip
    hers, theirs = pair.read(pair.dawn), pair.read(pair.ruth)
    assert (hers.left.title, hers.right.title) == ("Yours", "Theirs")
    assert hers.left.detail == "Dawn Ellery, Tue 17 Nov 09:00, Dawn’s laptop"
    assert hers.right.detail == "Ruth Okonjo, Tue 17 Nov 09:05, Ruth’s laptop"
    (choice,) = hers.choices
    assert (choice.title, choice.before.words) == ("Home address", "22 Quarry View, Pennyford MH6 8RA")
    assert choice.left.words == "3 Orchard Mews, Pennyford MH6 8RA"
    assert [choice.left.words[a:b] for a, b in choice.left.marks] == ["3"]
    assert [choice.right[0].words[a:b] for a, b in choice.right[0].marks] == ["3a"]
    (other,) = theirs.choices
    assert (other.left.words, other.right[0].words) == (choice.right[0].words, choice.left.words)
    assert hers.intro.startswith("You and Ruth both changed this case")


@pytest.mark.parametrize("pick", ["left", "right"])
def test_a_decision_made_offline_travels_and_leaves_nothing_to_decide(pair: Pair, pick: str) -> None:
    pair.disagree(ContactPoint, "phone", {"value": "07700 900731"}, {"value": "07700 900713"})
    wanted = {"left": "07700 900713", "right": "07700 900731"}[pick]
    result = pair.decide(pair.ruth, pick)
    assert result.words == "Mother’s phone decided"
    pair.settle()
    for ws in (pair.dawn, pair.ruth):
        assert pair.field(ws, ContactPoint, "phone", "value") == wanted
        assert not listing.list_cases(ws).cases
    assert contents(pair.dawn) == contents(pair.ruth)


def test_both_numbers_are_kept_as_two_records(pair: Pair) -> None:
    pair.disagree(ContactPoint, "phone", {"value": "07700 900731"}, {"value": "07700 900713"})
    assert pair.choice(pair.dawn).both is not None
    pair.decide(pair.dawn, BOTH)
    pair.settle()
    with pair.ruth.read() as session:
        assert set(session.scalars(select(ContactPoint.value))) == {"07700 900731", "07700 900713"}
    assert not pair.open_conflicts(pair.ruth)


def test_both_notes_are_kept_by_both_people_on_their_own_laptops_and_they_agree(pair: Pair) -> None:
    pair.disagree(Enquiry, "enquiry", {"outcome": "Left in July"}, {"outcome": "Moved to Pennyford"})
    for ws in (pair.dawn, pair.ruth):
        choice = pair.choice(ws)
        assert choice.both is not None
        assert choice.both.usual
        pair.decide(ws, BOTH)
    pair.settle()
    said = pair.field(pair.ruth, Enquiry, "enquiry", "outcome")
    assert said == (
        "Left in July (Dawn Ellery, 17 November 2026, 09:00)\nMoved to Pennyford (Ruth Okonjo, 17 November 2026, 09:05)"
    )
    assert not pair.open_conflicts(pair.dawn)
    assert contents(pair.dawn) == contents(pair.ruth)


def test_a_typed_value_settles_it_and_the_two_others_stay_in_the_conflict(pair: Pair) -> None:
    pair.disagree(ContactPoint, "phone", {"value": "07700 900731"}, {"value": "07700 900713"})
    pair.decide(pair.dawn, TYPED, value="07700 900777")
    pair.settle()
    assert pair.field(pair.ruth, ContactPoint, "phone", "value") == "07700 900777"
    with pair.ruth.read() as session:
        conflict = session.scalars(select(Conflict)).one()
        assert (conflict.kept, conflict.offered, conflict.chosen) == ("07700 900731", "07700 900713", "07700 900777")


@pytest.mark.parametrize(
    ("first", "second", "reversed_"),
    [("left", "left", False), ("left", "left", True), ("right", "right", True), ("left", "right", False)],
)
def test_two_decisions_about_one_conflict_end_the_same_way_in_any_order(
    pair: Pair, first: str, second: str, reversed_: bool
) -> None:
    """The first to arrive stays; a different second one is asked about again, and nothing loops by itself."""
    pair.disagree(ContactPoint, "phone", {"value": "07700 900731"}, {"value": "07700 900713"})
    values = {("dawn", "left"): "07700 900731", ("dawn", "right"): "07700 900713"}
    values |= {("ruth", "left"): "07700 900713", ("ruth", "right"): "07700 900731"}
    pair.decide(pair.dawn, first)
    pair.decide(pair.ruth, second)
    order = [pair.ruth, pair.dawn] if reversed_ else [pair.dawn, pair.ruth]
    early, late = (("ruth", second), ("dawn", first)) if reversed_ else (("dawn", first), ("ruth", second))
    pair.settle(*order, *order)
    agree = values[early] == values[late]
    for ws in (pair.dawn, pair.ruth):
        assert pair.field(ws, ContactPoint, "phone", "value") == values[early]
        asked = pair.open_conflicts(ws)
        assert [(each.kept, each.offered) for each in asked] == ([] if agree else [(values[early], values[late])])
        with ws.read() as session:
            decided = session.scalars(select(Conflict).where(Conflict.state == ConflictState.RESOLVED)).one()
            assert decided.chosen == values[early]
    assert contents(pair.dawn) == contents(pair.ruth)
    before = contents(pair.dawn)
    pair.settle()
    assert contents(pair.dawn) == before  # nothing is raised by syncing again
    if not agree:
        pair.decide(pair.dawn, "left")
        pair.settle()
        assert not pair.open_conflicts(pair.ruth)


def delete_task(pair: Pair, ws: Workspace) -> None:
    with ws.write("Removed a task") as session:
        session.delete(session.get(Task, pair.ids["task"]))


def test_your_edit_of_a_deleted_record_restores_it_whole(pair: Pair) -> None:
    delete_task(pair, pair.dawn)
    set_field(pair.ruth, Task, pair.ids["task"], place="At home")
    pair.settle()
    choice = pair.choice(pair.ruth)
    assert (choice.left.words, choice.right[0].words) == ("Place: At home", "Deleted")
    pair.decide(pair.ruth, "left")
    pair.settle()
    for ws in (pair.dawn, pair.ruth):
        assert pair.field(ws, Task, "task", "text") == "Ring the school"
        assert pair.field(ws, Task, "task", "place") == "At home"
    assert contents(pair.dawn) == contents(pair.ruth)


def test_a_deleted_record_can_stay_deleted(pair: Pair) -> None:
    delete_task(pair, pair.dawn)
    set_field(pair.ruth, Task, pair.ids["task"], place="At home")
    pair.settle()
    pair.decide(pair.ruth, "right")
    pair.settle()
    assert pair.field(pair.dawn, Task, "task", "text") is None
    assert not pair.open_conflicts(pair.dawn)


@pytest.mark.parametrize("pick", ["left", "right"])
def test_a_delete_of_an_edited_record_is_decided_both_ways(pair: Pair, pick: str) -> None:
    delete_task(pair, pair.dawn)
    set_field(pair.ruth, Task, pair.ids["task"], place="At home")
    pair.settle(pair.ruth, pair.dawn, pair.ruth)
    choice = pair.choice(pair.dawn)
    assert (choice.left.words, choice.right[0].words) == ("Deleted", "Place: At home")
    pair.decide(pair.dawn, pick)
    pair.settle()
    kept = None if pick == "left" else "At home"
    assert pair.field(pair.ruth, Task, "task", "place") == kept
    assert not pair.open_conflicts(pair.ruth)
    assert contents(pair.dawn) == contents(pair.ruth)


@pytest.mark.parametrize("reversed_", [False, True])
def test_keeping_and_deleting_one_record_decided_at_once_keeps_it_within_reach(pair: Pair, reversed_: bool) -> None:
    delete_task(pair, pair.dawn)
    set_field(pair.ruth, Task, pair.ids["task"], place="At home")
    pair.settle(pair.ruth, pair.dawn, pair.ruth)
    pair.decide(pair.dawn, "left")  # deleted
    pair.decide(pair.ruth, "left")  # kept
    order = [pair.ruth, pair.dawn] if reversed_ else [pair.dawn, pair.ruth]
    pair.settle(*order, *order)
    assert contents(pair.dawn) == contents(pair.ruth)
    (asked,) = pair.open_conflicts(pair.dawn)
    whole = asked.kept if reversed_ else asked.offered
    assert whole["place"] == "At home"
    pair.decide(pair.ruth, "left")
    pair.settle()
    assert pair.field(pair.dawn, Task, "task", "place") in ("At home", None)
    assert not pair.open_conflicts(pair.dawn)


def test_an_undone_decision_travels_as_a_new_step(pair: Pair) -> None:
    pair.disagree(ContactPoint, "phone", {"value": "07700 900731"}, {"value": "07700 900713"})
    result = pair.decide(pair.ruth, "left")
    pair.settle()
    assert undoing.undo(pair.ruth, result) == 1
    pair.settle()
    for ws in (pair.dawn, pair.ruth):
        assert pair.field(ws, ContactPoint, "phone", "value") == "07700 900731"
        assert len(pair.open_conflicts(ws)) == 1
    assert contents(pair.dawn) == contents(pair.ruth)


def test_what_somebody_else_decided_is_left_and_told(pair: Pair) -> None:
    pair.disagree(ContactPoint, "phone", {"value": "07700 900731"}, {"value": "07700 900713"})
    choice = pair.choice(pair.ruth)
    pair.decide(pair.dawn, "left")
    pair.settle()
    decision = Decision(choice.key, choice.conflict_ids, choice.shown, choice.left.key)
    result = deciding.decide(pair.ruth, pair.case_id, [decision])
    assert not result.settled
    assert "decided by somebody else" in result.left[0].words
    assert pair.field(pair.ruth, ContactPoint, "phone", "value") == "07700 900731"


def test_three_values_of_one_field_are_one_choice(pair: Pair, enrol_laptop: Callable[..., Any]) -> None:
    third = enrol_laptop("ruth", "Ruth’s other laptop").workspace()
    pair.sync(third)
    set_field(third, ContactPoint, pair.ids["phone"], value="07700 900799")
    pair.disagree(ContactPoint, "phone", {"value": "07700 900731"}, {"value": "07700 900713"})
    pair.sync(third)
    pair.settle()
    choice = pair.choice(pair.dawn)
    assert choice.left.words == "07700 900731"
    assert {each.words for each in choice.right} == {"07700 900713", "07700 900799"}
    pair.decide(pair.dawn, choice.right[1].key)
    pair.settle()
    assert not pair.open_conflicts(pair.ruth)
    assert pair.field(pair.ruth, ContactPoint, "phone", "value") == choice.right[1].words


def test_the_history_says_what_was_decided(pair: Pair) -> None:
    from app.services import history

    pair.disagree(Address, "home", {"lines": "3 Orchard Mews"}, {"lines": "3a Orchard Mews"})
    pair.decide(pair.dawn, "right")
    pair.settle()
    entry = history.of_case(pair.ruth, pair.case_id)[0]
    assert entry.reason == "Chose between two values"
    assert any(line.after == "3a Orchard Mews" for line in entry.lines)
    with pair.ruth.read() as session:
        assert not session.scalars(select(CaseEvent)).all()
