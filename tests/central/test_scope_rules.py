"""Scope by example: what arrives, what leaves, what is cut, who may write, and laptops of version 1."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from app.central import checks
from app.central.backfill import note_log
from app.central.holdings import settled
from app.services.changes import decode
from app.services.sync.proof import scope_hash
from app.services.sync.protocol import ACCEPTED, RESCUE
from app.services.sync.scope_protocol import HistoryRequest, ProofRequest
from tests.central.scope_world import Laptop, Mirror, World


@pytest.fixture
def world(central: Any, frozen_time: Any) -> World:
    made = World(central.services, frozen_time)
    made.record(*made.family(made.teams[0]))
    made.record(*made.family(made.teams[1]))
    return made


def at_the_rule(world: World, mirror: Mirror) -> None:
    mirror.pull()
    mirror.check(world.state, world.now())


DAWN, BESS, ED, INA, NORA, GITA, ADA = range(7)


def test_each_laptop_gets_its_teams_units_and_only_reference_where_the_role_sees_no_case(world: World) -> None:
    for mirror in world.mirrors:
        at_the_rule(world, mirror)
    west, east = world.children
    held = [mirror.held & {west, east} for mirror in world.mirrors]
    assert held == [{west}, {west}, {east}, {east}, {west, east}, {west, east}, set()]
    assert {table for table, _ in world.mirrors[ADA].rows} <= {"authority", "team", "user", "device"}


def test_a_case_that_moves_team_leaves_one_laptop_and_arrives_whole_at_the_other(world: World) -> None:
    dawn, ed = world.mirrors[DAWN], world.mirrors[ED]
    at_the_rule(world, dawn)
    at_the_rule(world, ed)
    world.record(world.update("case", world.cases[0], team_id=world.teams[1]))
    answer = world.services.reader.pull(ed.device, ed.cursor, 100)
    assert answer.scope is not None
    assert (answer.scope.arrive, answer.scope.leave) == ([world.children[0]], [])
    # The answer was lost: it is told again.
    again = world.services.reader.pull(ed.device, ed.cursor, 100)
    assert again.scope == answer.scope
    at_the_rule(world, ed)
    at_the_rule(world, dawn)
    assert world.children[0] in ed.held
    assert world.children[0] not in dawn.held


def test_a_change_set_that_is_partly_hidden_travels_cut_and_unsigned(world: World) -> None:
    dawn = world.mirrors[DAWN]
    at_the_rule(world, dawn)
    mine, other = (world.insert("task", case_id=case, text=f"task {case}") for case in world.cases)
    world.record(mine, other)
    (entry,) = world.services.reader.pull(dawn.device, dawn.cursor, 10).entries
    assert entry.signature == b""
    change_set = decode(entry.body)
    assert [change.row for change in change_set.changes] == [mine.row]
    assert change_set.reason == ""
    assert other.row.encode() not in entry.body + entry.effective


def test_an_emergency_that_ends_takes_the_case_away_at_the_next_pull_without_any_change(
    world: World, frozen_time: Any
) -> None:
    bess = world.mirrors[BESS]
    now = world.now()
    values = {"case_id": world.cases[0], "user_id": world.users[BESS], "reason": "x", "from_at": now.isoformat()}
    world.record(world.update("case", world.cases[0], restricted=True))
    world.record(world.insert("break_glass", **values, until_at="2026-11-17T10:00:00+00:00"))
    at_the_rule(world, bess)
    assert world.children[0] in bess.held
    frozen_time.advance(hours=2)
    at_the_rule(world, bess)
    assert world.children[0] not in bess.held


def test_what_was_written_on_a_unit_that_was_held_is_taken_and_what_was_not_is_handed_in(world: World) -> None:
    dawn, ed = world.mirrors[DAWN], world.mirrors[ED]
    at_the_rule(world, dawn)
    at_the_rule(world, ed)
    base = dawn.cursor
    world.record(world.update("case", world.cases[0], team_id=world.teams[1]))
    assert dawn.push(world.insert("task", case_id=world.cases[0], text="offline"), base=base).state == ACCEPTED
    at_the_rule(world, dawn)
    late = world.insert("task", case_id=world.cases[0], text="too late")
    result = dawn.push(late)
    assert (result.state, result.reason, result.team) == (RESCUE, checks.OUT_OF_SCOPE, world.teams[1])
    follows = world.insert("task", case_id=world.cases[0], text="x")
    follows.row, follows.op, follows.fields = late.row, "update", {"text": ["too late", "corrected"]}
    assert dawn.push(follows).state == RESCUE
    assert ("task", late.row) not in world.state


def test_a_parent_in_two_families_arrives_and_goes_with_the_tie(world: World) -> None:
    dawn = world.mirrors[DAWN]
    at_the_rule(world, dawn)
    person = next(row["id"] for row in world.of("person") if ("person", row["id"]) not in dawn.rows)
    tie = world.insert("relationship", child_id=world.children[0], person_id=person, kind="PAM")
    world.record(tie)
    at_the_rule(world, dawn)
    assert ("person", person) in dawn.rows
    world.record(world.delete("relationship", tie.row))
    at_the_rule(world, dawn)
    assert ("person", person) not in dawn.rows


def test_somebody_who_takes_up_casework_gets_what_belongs_to_no_child_and_loses_it_again(world: World) -> None:
    ada = world.mirrors[ADA]
    loose = world.insert("task", text="ring back")
    world.record(loose)
    at_the_rule(world, ada)
    for role in ("caseworker", "administrator"):
        world.record(world.update("user", world.users[ADA], role=role))
        at_the_rule(world, ada)
        assert (("task", loose.row) in ada.rows) is (role == "caseworker")


def test_units_history_and_proof_say_nothing_of_units_that_a_laptop_may_not_hold(world: World) -> None:
    dawn, reader = world.mirrors[DAWN], world.services.reader
    at_the_rule(world, dawn)
    west, east = world.children
    answer = reader.units(dawn.device, [east, west])
    assert (answer.whole, answer.closed) == ([west], [east])
    history = reader.history(dawn.device, HistoryRequest([west, east], 0, dawn.cursor, 100))
    sent = b"".join(entry.body + entry.effective for entry in history.entries)
    assert west.encode() in sent
    assert east.encode() not in sent
    proofs = world.services.proofs
    proof = proofs.compare(dawn.device, ProofRequest(dawn.cursor, [(west, b"x"), (east, b"x")], scope_hash(dawn.held)))
    assert (proof.differ, proof.leave, proof.same_scope) == ([west], [east], True)
    other = proofs.compare(dawn.device, ProofRequest(dawn.cursor, [], scope_hash([east])))
    assert (other.same_scope, set(other.units)) == (False, dawn.held)


def test_history_leaves_out_what_was_of_nobody_and_is_now_of_a_hidden_child(world: World) -> None:
    dawn, reader = world.mirrors[DAWN], world.services.reader
    loose, kept = (world.insert("task", text=world.text("")) for _ in range(2))
    world.record(loose)
    world.record(kept, world.update("user", world.users[DAWN], name="Dawn Ellery"))
    world.record(
        loose_again := world.update("task", loose.row, place="hall"), world.update("task", kept.row, place="x")
    )
    cases = {row["child_id"]: row["id"] for row in world.of("case")}
    west, east = world.children

    def told() -> bytes:
        at_the_rule(world, dawn)
        entries = reader.history(dawn.device, HistoryRequest([], 0, dawn.cursor, 2000)).entries
        return b"".join(entry.body + entry.effective for entry in entries)

    assert loose_again.row.encode() in told()
    world.record(
        world.update("task", loose.row, case_id=cases[east]), world.update("task", kept.row, case_id=cases[west])
    )
    history = told()
    assert loose.row.encode() not in history
    assert kept.row.encode() in history
    assert b'"x"' in history
    fresh = Laptop(world.services, world.users[DAWN])
    first = b"".join(each.body + each.effective for each in reader.pull(fresh.device_id, 0, 2000).entries)
    assert loose.row.encode() not in first
    assert kept.row.encode() in first


def test_a_laptop_of_version_1_sees_every_revision_and_nothing_that_is_hidden(world: World) -> None:
    old = Mirror(world.services, world.mirrors[DAWN].laptop, world.mirrors[DAWN].people, version=1)
    old.pull()
    world.record(world.insert("task", case_id=world.cases[1], text=world.text(world.children[1])))
    world.record(world.insert("task", case_id=world.cases[0], text=world.text(world.children[0])))
    world.record(world.update("case", world.cases[1], team_id=world.teams[0]))
    entries = world.services.reader.pull(old.device, old.cursor, 100, 1).entries
    hidden = decode(entries[0].body)
    assert (hidden.changes, hidden.actor, hidden.reason, entries[0].signature) == ([], None, "", b"")
    old.pull()
    # What entered its scope came whole, as rows that were added.
    assert {("child", child) for child in world.children} <= old.rows.keys()
    assert any(row.get("case_id") == world.cases[1] for (table, _), row in old.rows.items() if table == "task")


def test_a_laptop_from_before_there_was_scope_is_told_what_to_give_up(world: World) -> None:
    dawn = world.mirrors[DAWN]
    at_the_rule(world, dawn)
    with world.services.engine.begin() as connection:
        for table in ("device_holding", "device_scope", "scope_event", "change_unit", "change_part"):
            connection.execute(text(f"DELETE FROM {table}"))
        note_log(connection)
    answer = world.services.reader.pull(dawn.device, dawn.cursor, 100)
    assert answer.scope is not None
    assert answer.scope.leave == [world.children[1]]
    assert answer.scope.arrive == []
    assert world.services.reader.pull(dawn.device, dawn.cursor, 100).scope == answer.scope


def test_the_units_noted_from_a_log_are_those_noted_when_it_was_written(world: World) -> None:
    history = [world.insert("task", case_id=world.cases[0], text="x"), world.insert("document", **_document())]
    world.record(*history)
    world.record(world.update("document", history[1].row, case_id=world.cases[1]))
    world.record(world.delete("task", history[0].row))
    with world.services.engine.begin() as connection:
        noted = {table: connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2")).all() for table in _NOTED}
        for table in _NOTED:
            connection.execute(text(f"DELETE FROM {table}"))
        note_log(connection)
        again = {table: connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2")).all() for table in _NOTED}
    assert again["change_unit"] == noted["change_unit"]
    assert [row.revision for row in again["change_part"]] == [row.revision for row in noted["change_part"]]


_NOTED = ("change_unit", "change_part")


def _document() -> dict[str, Any]:
    words = {"sha256": "0" * 64, "media_type": "x", "arrived_at": "2026-11-17T09:00:00+00:00"}
    return {**words, "size": 1, "page_count": 1, "reading": {}, "rotation": {}}


def test_the_first_units_are_the_persons_own_open_cases_most_urgent_first(world: World) -> None:
    later, sooner = world.family(world.teams[0]), world.family(world.teams[0])
    world.record(*later, *sooner)
    for case, day in zip(world.cases[-2:], ("2026-12-20", "2026-11-20"), strict=True):
        world.record(world.update("case", case, officer_id=world.users[DAWN]))
        world.record(world.insert("task", case_id=case, text="x", due_on=day))
    assert world.services.reader.snapshot_start(world.mirrors[DAWN].device).first_units == [
        world.children[-1],
        world.children[-2],
    ]
    # Without cases of one's own: the newest of those one may see.
    newest = world.services.reader.snapshot_start(world.mirrors[ED].device).first_units
    assert newest
    assert set(newest) <= world.mirrors[ED].visible(world.state, world.now())


def test_intervals_follow_the_cursor_that_a_laptop_names() -> None:
    assert settled([], 3, 7, visible=True) == [(7, None)]
    assert settled([(7, None)], 3, 5, visible=True) == [(5, None)]
    assert settled([(2, None)], 3, 7, visible=False) == [(2, 7)]
    assert settled([(2, 6)], 3, 7, visible=False) == [(2, 6)]
    assert settled([(2, 6)], 3, 7, visible=True) == [(2, None)]
    assert settled([(5, 6), (8, None)], 3, 7, visible=False) == []
    assert settled([(1, 2), (5, None)], 3, 7, visible=True) == [(1, 2), (5, None)]


def test_what_is_sent_of_a_unit_can_be_read_back(world: World) -> None:
    answer = world.services.reader.units(world.mirrors[DAWN].device, [world.children[0]])
    tables = {page.table: msgspec.json.decode(page.rows) for page in answer.pages}
    assert set(tables) == {"child", "case", "person", "relationship", "address"}
    assert all(page.count == len(tables[page.table]) for page in answer.pages)
