"""What is here is proven equal to the central store's, and a damaged, missing or extra row is found and put right."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from app.ids import new_id
from app.models import AuditEntry, Case, CaseEvent, CaseRow, Child, SyncState, Task, UnitTouched
from app.models.terms import EventKind
from app.services.sync import facts, proving
from app.services.sync.client import SyncClient
from app.services.sync.enrolment import open_transport
from app.services.sync.proof import scope_hash, unit_hash
from app.services.sync.unit_rows import wire_rows
from app.services.sync.units import LOOSE
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.sync.test_scope_laptop import count, everything_in, move, note, notes, open_family, unit
from tests.sync.test_scope_laptop import teams as teams
from tests.sync.test_two_laptops import field, set_field

Sync = Callable[[Workspace], Any]


@pytest.fixture
def west(teams: dict[str, str], enrol_laptop: Callable[..., Any]) -> Workspace:
    return enrol_laptop("dawn").workspace()


def prove(ws: Workspace) -> Any:
    transport = open_transport(ws)
    try:
        return SyncClient(ws, transport).prove_all()
    finally:
        transport.close()


def behind_everybodys_back(ws: Workspace, statement: str, *values: Any) -> None:
    """Change a row as no service does: a fault of the disk, of a program, of somebody with a tool."""
    with ws.local_session() as session:
        connection: Connection = session.connection()
        assert connection.exec_driver_sql(statement, values).rowcount == 1


def plain(key: str) -> str:
    return key.replace("-", "")


# -- the hash --------------------------------------------------------------------------------------------------------

values = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8)
rows = st.lists(
    st.fixed_dictionaries({"id": st.uuids().map(str), "a": values, "b": st.dictionaries(st.text(max_size=3), values)}),
    max_size=6,
    unique_by=lambda row: row["id"],
)


@given(st.dictionaries(st.sampled_from(["child", "case", "case_event"]), rows), st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_order_of_tables_rows_and_columns_does_not_matter(unit: dict[str, list[Any]], chance: Any) -> None:
    shuffled = {}
    for table in chance.sample(sorted(unit), len(unit)):
        some = [dict(chance.sample(sorted(row.items()), len(row))) for row in unit[table]]
        chance.shuffle(some)
        shuffled[table] = some
    assert unit_hash(shuffled) == unit_hash(unit)


@given(rows.filter(bool), st.data())
@settings(max_examples=60, deadline=None)
def test_any_row_that_is_missing_too_many_or_different_gives_another_hash(some: list[Any], data: st.DataObject) -> None:
    whole = unit_hash({"case": some})
    place = data.draw(st.integers(0, len(some) - 1))
    other = data.draw(values.filter(lambda value: repr(value) != repr(some[place]["a"])))
    changed = [*some[:place], {**some[place], "a": other}, *some[place + 1 :]]
    assert unit_hash({"case": changed}) != whole
    assert unit_hash({"case": some[:place] + some[place + 1 :]}) != whole
    assert unit_hash({"case": [*some, {**some[place], "id": new_id()}]}) != whole
    assert unit_hash({"enquiry": some}) != whole


def test_a_scopes_hash_is_of_the_set_of_units() -> None:
    one, two = new_id(), new_id()
    assert scope_hash([one, two]) == scope_hash([two, one])
    assert scope_hash([one]) != scope_hash([one, two]) != scope_hash([])


# -- finding and healing ---------------------------------------------------------------------------------------------


def test_everything_is_compared_on_request_and_told(west: Workspace, teams: dict[str, str], sync_once: Sync) -> None:
    for number in range(1, 4):
        open_family(west, teams["west"], number, f"Family{number}")
    sync_once(west)
    report = prove(west)
    assert (report.checked_units, report.healed_units, report.unequal_units) == (3, 0, 0)
    assert report.checked_whole
    with west.read() as session:
        assert proving.last_proof(session) == proving.LastProof(west.time.now(), 3, 0, 0)


DAMAGES: dict[str, Callable[[Workspace, str, str], None]] = {
    "a changed value": lambda ws, _child, case: behind_everybodys_back(
        ws, 'UPDATE "case" SET area = ? WHERE id = ?', "Elsewhere", plain(case)
    ),
    "a value of another kind": lambda ws, child, _case: behind_everybodys_back(
        ws, "UPDATE child SET born_on_known = ? WHERE id = ?", "never", plain(child)
    ),
    "broken JSON": lambda ws, _child, case: behind_everybodys_back(
        ws, "UPDATE document SET reading = ? WHERE case_id = ?", "{", plain(case)
    ),
    "a missing row": lambda ws, _child, case: behind_everybodys_back(
        ws, "DELETE FROM case_event WHERE case_id = ?", plain(case)
    ),
    "a missing case": lambda ws, _child, case: behind_everybodys_back(
        ws, 'DELETE FROM "case" WHERE id = ?', plain(case)
    ),
    "a missing child": lambda ws, child, _case: behind_everybodys_back(
        ws, "DELETE FROM child WHERE id = ?", plain(child)
    ),
    "an extra row": lambda ws, _child, case: behind_everybodys_back(
        ws,
        "INSERT INTO task (id, created_at, case_id, text, kind, at_time, place)"
        " VALUES (?, '2026-11-17 09:00:00.000000', ?, 'Nobody wrote this', 'task', '', '')",
        plain(new_id()),
        plain(case),
    ),
    "a row moved to another child": lambda ws, _child, case: behind_everybodys_back(
        ws, 'UPDATE "case" SET child_id = (SELECT id FROM child WHERE surname = ?) WHERE id = ?', "Other", plain(case)
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_told_and_put_right(
    west: Workspace, teams: dict[str, str], sync_once: Sync, damage: str
) -> None:
    child_id, case_id = open_family(west, teams["west"])
    other, _ = open_family(west, teams["west"], 2, "Other")
    sync_once(west)
    good = unit(west, child_id), unit(west, other), count(west, CaseRow)
    DAMAGES[damage](west, child_id, case_id)
    assert (unit(west, child_id), unit(west, other)) != good[:2]
    report = prove(west)
    # A child's own row is what says that the unit is here: without it the unit is missing and arrives anew.
    assert report.healed_units in (1, 2)
    assert report.unequal_units == 0
    assert (unit(west, child_id), unit(west, other), count(west, CaseRow)) == good
    with west.read() as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.action == "put records right"))
        assert child_id in entry.detail
    again = prove(west)
    assert (again.checked_units, again.healed_units) == (2, 0)


def test_healing_keeps_work_that_is_on_its_way(
    west: Workspace, teams: dict[str, str], sync_once: Sync, central: Any
) -> None:
    child_id, case_id = open_family(west, teams["west"])
    sync_once(west)
    behind_everybodys_back(west, 'UPDATE "case" SET area = ?, reason = ? WHERE id = ?', "X", "Y", plain(case_id))
    transport = open_transport(west)
    client = SyncClient(west, transport)

    class Busy:
        """Somebody saves between the comparing and the fetching."""

        def call(self, path: str, message: object, kind: Any) -> Any:
            answer = transport.call(path, message, kind)
            if path == "/proof" and not notes(west, case_id) & {"Typed meanwhile"}:
                note(west, case_id, "Typed meanwhile")
                set_field(west, Case, case_id, area="Aldermere")
            return answer

    client._transport = Busy()
    report = client.prove_all()
    transport.close()
    assert report.healed_units == 1
    assert field(west, Case, case_id, "area") == "Aldermere"
    assert field(west, Case, case_id, "reason") == ""
    assert "Typed meanwhile" in notes(west, case_id)
    assert sync_once(west).pushed == 2
    assert prove(west).healed_units == 0
    assert child_id


def test_units_with_work_that_waits_are_compared_when_it_has_been_sent(
    west: Workspace, teams: dict[str, str], sync_once: Sync
) -> None:
    _, case_id = open_family(west, teams["west"])
    open_family(west, teams["west"], 2, "Other")
    sync_once(west)
    note(west, case_id, "Not sent yet")
    report = prove(west)
    assert (report.checked_units, report.healed_units) == (1, 0)
    sync_once(west)
    assert prove(west).checked_units == 2


def test_a_unit_that_the_central_store_has_and_this_laptop_lacks_arrives(
    west: Workspace, teams: dict[str, str], sync_once: Sync
) -> None:
    child_id, case_id = open_family(west, teams["west"])
    sync_once(west)
    good = unit(west, child_id)
    with west.local_session() as session:
        connection = session.connection()
        for table in ("document", "case_event", '"case"', "relationship", "person", "child", "case_row"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    report = prove(west)
    assert report.healed_units == 1
    assert unit(west, child_id) == good
    assert notes(west, case_id)
    assert count(west, CaseRow) == 1


def test_a_unit_that_should_not_be_here_goes(
    west: Workspace, teams: dict[str, str], sync_once: Sync, enrol_laptop: Any
) -> None:
    """A laptop that missed being told: the units it holds are compared with those it should hold."""
    east = enrol_laptop("ed").workspace()
    child_id, case_id = open_family(west, teams["west"])
    sync_once(west)
    with west.read() as session:
        held = wire_rows(session.connection(), [child_id])[child_id]
    move(west, case_id, teams["east"])
    sync_once(west), sync_once(east)
    assert count(west, Child) == 0
    from app.services.sync import writing

    with west.apply_session() as session:
        for table, some in held.items():
            writing.insert_wire(session.connection(), table, some)
    assert count(west, Child) == 1
    prove(west)
    assert sync_once(west).left_units == 1
    assert child_id not in "".join(str(row) for row in [count(west, Child)])
    assert "Quixwold" not in everything_in(west)


LOOSE_DAMAGES = {
    "gone": "DELETE FROM task WHERE id = ?",
    "changed": "UPDATE task SET text = 'Something else' WHERE id = ?",
    "linked here only": 'UPDATE task SET case_id = (SELECT id FROM "case") WHERE id = ?',
}


@pytest.mark.parametrize("damage", LOOSE_DAMAGES)
def test_what_belongs_to_no_child_is_compared_and_put_right_as_well(
    west: Workspace, teams: dict[str, str], sync_once: Sync, damage: str
) -> None:
    child_id, _ = open_family(west, teams["west"])
    task_id = new_id()
    with west.write("Added a task") as session:
        session.add(Task(id=task_id, text="Sort the post"))
    sync_once(west)
    with west.read() as session:
        good = wire_rows(session.connection(), [LOOSE])[LOOSE]
    assert [row["id"] for row in good["task"]] == [task_id]
    family = unit(west, child_id)
    behind_everybodys_back(west, LOOSE_DAMAGES[damage], plain(task_id))
    report = prove(west)
    assert (report.checked_units, report.healed_units > 0, report.unequal_units) == (1, True, 0)
    with west.read() as session:
        assert wire_rows(session.connection(), [LOOSE])[LOOSE] == good
    assert unit(west, child_id) == family
    assert prove(west).healed_units == 0


# -- when, and how much ----------------------------------------------------------------------------------------------


class Counting:
    """A transport that notes what was asked."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self.asked: list[str] = []
        self.compared = 0

    def call(self, path: str, message: Any, kind: Any) -> Any:
        self.asked.append(path)
        return self._transport.call(path, message, kind)


def counted(ws: Workspace) -> Counting:
    transport = open_transport(ws)
    counting = Counting(transport)
    counting.compared = SyncClient(ws, counting).run().checked_units
    transport.close()
    return counting


def test_nothing_to_do_is_one_question(west: Workspace, teams: dict[str, str], sync_once: Sync) -> None:
    open_family(west, teams["west"])
    for _ in range(3):
        sync_once(west)
    assert counted(west).asked == ["/pull"]


def test_a_sync_compares_what_it_touched_and_a_share_of_the_rest_whatever_is_here(
    west: Workspace, teams: dict[str, str], sync_once: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "SHARE_UNITS", 2)
    families = [open_family(west, teams["west"], number, f"Family{number}") for number in range(1, 8)]
    sync_once(west)
    seen: set[str] = set()
    for round_ in range(4):
        note(west, families[0][1], f"Note {round_}")
        asked = counted(west)
        assert asked.compared in (2, 3)
        assert asked.asked == ["/push"]
        with west.read() as session:
            seen.add(facts.get(session, facts.PROOF_PLACE) or "")
    assert len(seen) == 4
    assert count(west, UnitTouched) == 0


def test_everything_is_compared_when_an_hour_has_gone_by(
    west: Workspace, teams: dict[str, str], sync_once: Sync, frozen_time: FrozenTime
) -> None:
    _, case_id = open_family(west, teams["west"])
    sync_once(west)
    behind_everybodys_back(west, 'UPDATE "case" SET area = ? WHERE id = ?', "Elsewhere", plain(case_id))
    assert not sync_once(west).checked_whole
    frozen_time.advance(minutes=61)
    report = sync_once(west)
    assert report.checked_whole
    assert (report.checked_units, report.healed_units) == (1, 1)
    assert field(west, Case, case_id, "area") == ""
    assert not sync_once(west).checked_whole


def test_a_store_that_moved_on_meanwhile_is_asked_again_by_the_next_sync(
    west: Workspace, teams: dict[str, str], sync_once: Sync, enrol_laptop: Any
) -> None:
    ruth = enrol_laptop("ruth").workspace()
    _, case_id = open_family(west, teams["west"])
    sync_once(west), sync_once(ruth)
    note(west, case_id, "One")
    transport = open_transport(west)

    class Overtaken:
        def call(self, path: str, message: object, kind: Any) -> Any:
            if path == "/proof":
                note(ruth, case_id, "Two")
                sync_once(ruth)
            answer = transport.call(path, message, kind)
            if path == "/push":
                answer.then.hashes = []  # else there was nothing to ask
            return answer

    report = SyncClient(west, Overtaken()).run()
    transport.close()
    assert report.checked_units == 0
    assert count(west, UnitTouched) == 1
    report = sync_once(west)
    assert report.checked_units == 1
    assert count(west, UnitTouched) == 0
    with west.read() as session:
        assert set(session.scalars(select(CaseEvent.body).where(CaseEvent.kind == EventKind.NOTE))) >= {"One", "Two"}


def test_a_store_of_the_version_before_is_never_asked_for_proof(
    west: Workspace, teams: dict[str, str], sync_once: Sync
) -> None:
    with west.local_session() as session:
        facts.forget(session, facts.SCOPED)
    open_family(west, teams["west"])
    transport = open_transport(west)

    class Earlier(Counting):
        def call(self, path: str, message: Any, kind: Any) -> Any:
            answer = super().call(path, message, kind)
            if path == "/push":
                answer.then = None
            if path == "/pull":
                answer.scope = None
                answer.cursor = answer.entries[-1].revision if answer.entries else message.cursor
            return answer

    earlier = Earlier(transport)
    SyncClient(west, earlier).run()
    transport.close()
    assert "/proof" not in earlier.asked
    assert count(west, SyncState, SyncState.name == facts.SCOPED) == 0
