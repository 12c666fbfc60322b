"""The eight shapes in which sync loses work, each a permanent test, each shown to fail without its protection.

In every comparable product sync is where work is lost, in eight repeatable shapes. Each is told here as a story on real
vaults and a real central store; at the end the promises are asked of the databases (``chaos/invariants.py``).
The second test of each takes the protection out and wants the broken promise told: no test that cannot fail.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from unittest.mock import patch

import pytest
from sqlalchemy import func, select

from app.models import Case, CaseEvent, Document, Task
from app.models.terms import EventKind
from app.services import cases
from app.services.changes import Change, decode
from app.services.sync.protocol import PullAnswer, PushAnswer, PushRequest, PushResult, pack, unpack
from app.services.workspace import Workspace
from tests.sync.chaos import invariants, mutants
from tests.sync.chaos.stage import Story, bench, put, remove
from tests.sync.chaos.worker import Bench

Told = Callable[[Story], list[str]]


@pytest.fixture(scope="module")
def stage() -> Iterator[Bench]:
    with bench() as made:
        yield made


def note(case_id: str, words: str) -> Callable[[Workspace], str]:
    return lambda ws: cases.add_note(ws, case_id, text=words, kind=EventKind.NOTE)


# -- the stories -----------------------------------------------------------------------------------------------------


def two_edits_to_one_field(story: Story) -> list[str]:
    case_id = story.case_of("dawn", "Merrow")
    story.do("dawn", put(Case, case_id, area="Aldermere"))
    story.do("dawn", put(Case, case_id, area="Saltenby"))
    story.do("ruth", put(Case, case_id, area="Thornwick"))
    story.sync("dawn", "ruth")
    return story.end()


def a_whole_record_overwritten(story: Story) -> list[str]:
    case_id = story.case_of("dawn", "Merrow")
    story.do("dawn", put(Case, case_id, reason="Moved house"))
    story.sync("dawn")
    story.do("ruth", put(Case, case_id, source_name="Saltenby Primary"))
    story.do("dawn", put(Case, case_id, area="Saltenby"))
    story.sync("dawn", "ruth")
    broken = story.end()
    with story.laptop("ruth").ws.read() as session:
        case = session.get_one(Case, case_id)
        if (case.reason, case.area, case.source_name) != ("Moved house", "Saltenby", "Saltenby Primary"):
            broken.append("one of three fields that three people wrote is gone")
    return broken


def unsent_work_and_access_lost(story: Story) -> list[str]:
    case_id = story.case_of("dawn", "Merrow")
    story.do("dawn", note(case_id, "Rang the school"))
    story.do("dawn", put(Case, case_id, area="Saltenby"))
    person = story.world.template.people["dawn"]
    change = Change("user", person, "update", {"role": ["caseworker", "administrator"]})
    story.world.central.services.store.record([change], "Moved a person")
    story.sync("dawn")
    broken = story.end()
    if story.laptop("dawn").ask('SELECT 1 FROM "case"'):
        broken.append("a case stayed on the laptop of somebody who reads none")
    return broken


def the_other_side_looks_empty(story: Story) -> list[str]:
    world, case_id = story.world, story.case_of("dawn", "Merrow")

    def many(ws: Workspace) -> None:
        with ws.write("Added a long list") as session:
            session.add_all(Task(case_id=case_id, text=f"Item {number}") for number in range(80))

    story.do("dawn", many)
    story.sync("dawn", "ruth")
    before = len(story.tasks_of("ruth", case_id))
    gone = [
        Change("task", row_id, "delete", {name: [value, None] for name, value in row.items()})
        for (table, row_id), row in invariants.read_store(world).rows.items()
        if table == "task" and row["case_id"] == case_id
    ]
    with patch("app.central.store.too_many_deletions", lambda *_: False):  # a central store that went wrong
        world.central.services.store.record(gone, "Cleared a table")
    words = story.sync("ruth")
    left = len(story.tasks_of("ruth", case_id))
    if left < before:
        story.broken.append(f"{before - left} of {before} records were deleted at one stroke")
    if "Nothing was deleted" not in words:
        story.broken.append("nobody was told")
    return story.broken


def a_laptop_returns_after_long(story: Story) -> list[str]:
    case_id = story.case_of("dawn", "Merrow")
    deleted, edited, _ = story.tasks_of("dawn", case_id)
    story.do("dawn-2", put(Task, deleted, text="Ring the aunt"))
    story.do("dawn-2", remove(Task, edited))
    story.do("ruth", remove(Task, deleted))
    story.do("ruth", put(Task, edited, text="Visit on Friday"))
    story.sync("ruth", "dawn")
    story.world.pass_time(days=20)
    story.sync("dawn-2")
    broken = story.end()
    tasks = story.tasks_of("ruth", case_id)
    if deleted in tasks:
        broken.append("a record that was deleted long ago is back")
    if edited not in tasks:
        broken.append("a record that was worked on is deleted")
    return broken


def the_upload_stops(story: Story) -> list[str]:
    network, case_id = story.world.network, story.case_of("dawn", "Merrow")
    story.do("dawn", note(case_id, "Rang the school"))

    def yes_to_everything(path: str, request: bytes, answer: bytes) -> bytes:
        if path != "/push":
            return answer
        asked = unpack(PushRequest, request)
        sets = [decode(each.body) for each in asked.sets]
        results = [PushResult(each.id, "accepted", 900 + each.sequence, b"\x00" * 64) for each in sets]
        return pack(PushAnswer(results, sets[-1].sequence, asked.store))

    network.planned["/push"] = ["server killed before commit", "request dropped", "answer truncated"]
    story.sync("dawn", "dawn", "dawn")
    story.do("dawn", note(case_id, "Rang the aunt"))
    network.planned["/push"] = ["nobody there"]
    network.forge = yes_to_everything
    story.sync("dawn")
    network.forge = None
    return story.end()


def updates_out_of_order(story: Story) -> list[str]:
    world, case_id = story.world, story.case_of("dawn", "Merrow")
    for area in ("Aldermere", "Saltenby", "Thornwick"):
        story.do("dawn", put(Case, case_id, area=area))
    network = world.network
    network.planned["/push"] = ["last one alone"]
    story.sync("dawn")
    story.sync("dawn")

    def backwards(path: str, _request: bytes, answer: bytes) -> bytes:
        if path != "/pull":
            return answer
        found = unpack(PullAnswer, answer)
        found.entries.reverse()
        return pack(found)

    network.forge = backwards
    story.sync("ruth")
    network.forge = None
    return story.end()


def record_and_bytes_after_a_crash(story: Story) -> list[str]:
    data = b"A letter from the school. " * 30_000

    def add(ws: Workspace) -> None:
        sha256 = ws.documents.put(data, "text/plain")
        with ws.write("Added a document") as session:
            session.add(
                Document(
                    sha256=sha256, size=len(data), media_type="text/plain", page_count=1,
                    arrived_at=ws.time.now(), title="Letter", reading={}, rotation={},
                )
            )  # fmt: skip

    story.do("dawn", add, kill="before commit", after=1)  # the lifeboat may finish it
    story.do("dawn", add)
    story.sync("dawn", kill="call", after=5)
    story.world.network.planned["/documents/put"] = ["answer dropped", "server killed before commit", "request dropped"]
    story.sync("dawn", "ruth", "dawn", "ruth", "dawn")
    broken = story.end()
    with story.laptop("ruth").ws.read() as session:
        if not session.scalar(select(func.count()).select_from(Document)):
            broken.append("the document is not there")
    return broken


# -- the tests -------------------------------------------------------------------------------------------------------


def broken_promises(stage: Bench, told: Told) -> list[str]:
    with stage.world("dawn", "ruth", "dawn-2", "omar") as world:
        return told(Story(world))


def test_1_two_edits_to_one_field_last_write_wins(stage: Bench) -> None:
    assert broken_promises(stage, two_edits_to_one_field) == []


def test_2_a_whole_record_overwritten_with_no_conflict_raised(stage: Bench) -> None:
    assert broken_promises(stage, a_whole_record_overwritten) == []


def test_3_unsynced_work_dropped_because_access_was_lost(stage: Bench) -> None:
    assert broken_promises(stage, unsent_work_and_access_lost) == []


def test_4_the_other_side_looks_empty_for_a_moment_and_everything_is_deleted(stage: Bench) -> None:
    assert broken_promises(stage, the_other_side_looks_empty) == []


def test_5_a_long_absent_laptop_returns_and_deletes_or_resurrects(stage: Bench) -> None:
    assert broken_promises(stage, a_laptop_returns_after_long) == []


def test_6_upload_stops_but_the_screen_says_done(stage: Bench) -> None:
    assert broken_promises(stage, the_upload_stops) == []


def test_7_updates_out_of_order_break_state(stage: Bench) -> None:
    assert broken_promises(stage, updates_out_of_order) == []


def test_8_record_and_bytes_disagree_after_a_crash(stage: Bench) -> None:
    assert broken_promises(stage, record_and_bytes_after_a_crash) == []


@pytest.mark.parametrize(
    ("shape", "told", "mutant"),
    [
        (1, two_edits_to_one_field, mutants.last_write_wins),
        (1, two_edits_to_one_field, mutants.first_write_wins),
        (2, a_whole_record_overwritten, mutants.whole_record),
        (3, unsent_work_and_access_lost, mutants.work_without_access_is_dropped),
        (4, the_other_side_looks_empty, mutants.no_fuse),
        (5, a_laptop_returns_after_long, mutants.delete_beats_edit),
        (5, a_laptop_returns_after_long, mutants.edit_resurrects),
        (6, the_upload_stops, mutants.any_receipt),
        (7, updates_out_of_order, mutants.any_order_in_unproven),
        (7, updates_out_of_order, mutants.any_place_out),
        (8, record_and_bytes_after_a_crash, mutants.bytes_called_sent),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_without_its_protection_the_shape_is_told(
    stage: Bench, shape: int, told: Told, mutant: Callable[[], AbstractContextManager[object]]
) -> None:
    with mutant():
        assert broken_promises(stage, told) != [], f"shape {shape} goes unnoticed"


def test_the_stories_touch_what_they_tell_of(stage: Bench) -> None:
    """A story that changes nothing would keep every promise."""
    with stage.world("dawn", "ruth") as world:
        story = Story(world)
        two_edits_to_one_field(story)
        with story.laptop("ruth").ws.read() as session:
            assert session.scalar(select(func.count()).select_from(CaseEvent)) > 0
        assert story.laptop("dawn").ask("SELECT 1 FROM conflict")
