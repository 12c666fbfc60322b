"""Two real vaults and a real central store over HTTP on PostgreSQL: they agree, and nothing written is lost."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select, text

from app.models import (
    SYNCED_TABLES,
    Assignment,
    Case,
    CaseEvent,
    CaseRow,
    ChangeLine,
    ChangeSetRow,
    Child,
    Conflict,
    School,
    Task,
    User,
)
from app.models.terms import ChangeState, ConflictState, EventKind
from app.services.sync import facts
from app.services.sync.protocol import receipt_statement
from app.services.sync.receipts import ReceiptChecker
from app.services.sync.stale import stale_allocations
from app.services.workspace import Workspace

Sync = Callable[[Workspace], Any]


@pytest.fixture
def laptops(enrol_laptop: Callable[..., Any]) -> tuple[Workspace, Workspace]:
    return enrol_laptop("dawn").workspace(), enrol_laptop("ruth").workspace()


def open_case(ws: Workspace, reference: str = "CME-2026-00001") -> tuple[str, str]:
    with ws.write("Opened a case") as session:
        child = Child(forename="Isla", surname="Bräton", born_on=date(2015, 1, 2))
        session.add(child)
        session.flush()
        case = Case(reference=reference, child_id=child.id, opened_on=date(2026, 11, 2))
        session.add(case)
        session.flush()
        return child.id, case.id


def set_field(ws: Workspace, model: type, row_id: str, **values: Any) -> None:
    with ws.write("Changed a field") as session:
        row = session.get(model, row_id)
        assert row is not None
        for name, value in values.items():
            setattr(row, name, value)


def field(ws: Workspace, model: type, row_id: str, name: str) -> Any:
    with ws.read() as session:
        return getattr(session.get(model, row_id), name)


def contents(ws: Workspace) -> dict[str, list[Any]]:
    """Every synced row of a vault."""
    with ws.read() as session:
        return {
            name: sorted(
                tuple(str(row[column]) for column in model.__table__.c.keys())  # noqa: SIM118
                for row in session.execute(select(model.__table__)).mappings()
            )
            for name, model in SYNCED_TABLES.items()
        }


def conflicts(ws: Workspace) -> list[Conflict]:
    with ws.read() as session:
        return list(session.scalars(select(Conflict).order_by(Conflict.id)))


def test_a_case_reaches_the_other_laptop_with_its_list_row_and_its_history(
    laptops: tuple[Workspace, Workspace], sync_once: Sync
) -> None:
    dawn, ruth = laptops
    child_id, case_id = open_case(dawn)
    sent = sync_once(dawn)
    received = sync_once(ruth)
    assert (sent.pushed, received.received) == (1, 1)
    with ruth.read() as session:
        row = session.execute(select(CaseRow)).scalar_one()
        assert (row.child_name, row.reference) == ("Isla Bräton", "CME-2026-00001")
        assert session.get(Child, child_id).surname_folded == "braton"
        entry = session.execute(select(ChangeSetRow).where(ChangeSetRow.reason == "Opened a case")).scalar_one()
        assert (entry.actor_name, entry.state) == ("Dawn Ellery", ChangeState.RECEIVED)
        lines = session.scalars(select(ChangeLine.subject_id).where(ChangeLine.change_set_id == entry.id)).all()
        assert set(lines) == {child_id, case_id}
    sync_once(dawn)
    assert contents(dawn) == contents(ruth)


def test_an_accepted_change_set_carries_a_true_receipt(laptops: tuple[Workspace, Workspace], sync_once: Sync) -> None:
    dawn, _ = laptops
    open_case(dawn)
    sync_once(dawn)
    with dawn.read() as session:
        row = session.execute(select(ChangeSetRow).where(ChangeSetRow.state == ChangeState.ACCEPTED)).scalar_one()
        key = facts.get(session, facts.SERVER_KEY)
    checker = ReceiptChecker(key)
    assert checker.fits(receipt_statement(row.body, row.revision, "accepted"), row.receipt)
    assert not checker.fits(receipt_statement(row.body + b" ", row.revision, "accepted"), row.receipt)


def test_different_fields_of_one_record_both_go_in(laptops: tuple[Workspace, Workspace], sync_once: Sync) -> None:
    dawn, ruth = laptops
    _, case_id = open_case(dawn)
    sync_once(dawn), sync_once(ruth)
    set_field(dawn, Case, case_id, area="Aldermere")
    set_field(ruth, Case, case_id, reason="Moved house")
    sync_once(dawn), sync_once(ruth), sync_once(dawn)
    for ws in laptops:
        assert field(ws, Case, case_id, "area") == "Aldermere"
        assert field(ws, Case, case_id, "reason") == "Moved house"
    assert not conflicts(dawn)


@pytest.mark.parametrize("first", [0, 1])
def test_two_edits_of_one_field_keep_both_and_every_laptop_agrees(
    laptops: tuple[Workspace, Workspace], sync_once: Sync, central: Any, first: int
) -> None:
    dawn, ruth = laptops
    _, case_id = open_case(dawn)
    sync_once(dawn), sync_once(ruth)
    set_field(dawn, Case, case_id, area="Aldermere")
    set_field(ruth, Case, case_id, area="Saltenby")
    order = [dawn, ruth] if first == 0 else [ruth, dawn]
    kept, offered = ("Aldermere", "Saltenby") if first == 0 else ("Saltenby", "Aldermere")
    who = ("dawn", "ruth") if first == 0 else ("ruth", "dawn")
    sync_once(order[0])
    second = sync_once(order[1])
    assert second.conflicted == 1
    sync_once(order[0])
    for ws in laptops:
        assert field(ws, Case, case_id, "area") == kept
        (conflict,) = conflicts(ws)
        assert (conflict.before, conflict.kept, conflict.offered) == ("", kept, offered)
        assert (conflict.kept_by, conflict.offered_by) == tuple(central.people[name] for name in who)
        assert (conflict.subject_id, conflict.state) == (case_id, ConflictState.OPEN)
    assert contents(dawn) == contents(ruth)


def test_work_done_while_a_pull_brings_the_same_field_stays_until_it_is_sent(
    laptops: tuple[Workspace, Workspace], sync_once: Sync
) -> None:
    from app.services.sync.client import SyncClient
    from app.services.sync.enrolment import open_transport
    from app.services.sync.telling import SyncReport

    dawn, ruth = laptops
    _, case_id = open_case(dawn)
    sync_once(dawn), sync_once(ruth)
    set_field(ruth, Case, case_id, area="Saltenby")
    sync_once(ruth)
    set_field(dawn, Case, case_id, area="Aldermere")
    transport = open_transport(dawn)
    SyncClient(dawn, transport).pull(SyncReport())
    assert field(dawn, Case, case_id, "area") == "Aldermere"
    SyncClient(dawn, transport).run()
    transport.close()
    sync_once(ruth)
    assert field(dawn, Case, case_id, "area") == "Saltenby"
    assert conflicts(dawn)[0].offered == "Aldermere"
    assert contents(dawn) == contents(ruth)


def test_a_persons_decision_travels_and_settles_the_field(
    laptops: tuple[Workspace, Workspace], sync_once: Sync, central: Any
) -> None:
    dawn, ruth = laptops
    _, case_id = open_case(dawn)
    sync_once(dawn), sync_once(ruth)
    set_field(dawn, Case, case_id, area="Aldermere")
    set_field(ruth, Case, case_id, area="Saltenby")
    sync_once(dawn), sync_once(ruth)
    with ruth.write("Chose between two values") as session:
        conflict = session.scalars(select(Conflict)).one()
        conflict.state, conflict.chosen = ConflictState.RESOLVED, "Saltenby"
        conflict.decided_by = central.people["ruth"]
        session.get(Case, case_id).area = "Saltenby"
    report = sync_once(ruth)
    assert report.conflicted == 0
    sync_once(dawn)
    assert field(dawn, Case, case_id, "area") == "Saltenby"
    assert conflicts(dawn)[0].state is ConflictState.RESOLVED
    assert contents(dawn) == contents(ruth)


def test_notes_of_two_laptops_never_conflict(laptops: tuple[Workspace, Workspace], sync_once: Sync) -> None:
    dawn, ruth = laptops
    _, case_id = open_case(dawn)
    sync_once(dawn), sync_once(ruth)
    for ws, words in ((dawn, "Rang the school"), (ruth, "Rang the aunt")):
        with ws.write("Added a note") as session:
            session.add(CaseEvent(case_id=case_id, kind=EventKind.NOTE, happened_at=ws.time.now(), body=words))
    sync_once(dawn), sync_once(ruth), sync_once(dawn)
    for ws in laptops:
        with ws.read() as session:
            assert set(session.scalars(select(CaseEvent.body))) == {"Rang the school", "Rang the aunt"}
    assert not conflicts(dawn)
    assert contents(dawn) == contents(ruth)


def test_a_delete_never_beats_an_edit(laptops: tuple[Workspace, Workspace], sync_once: Sync) -> None:
    dawn, ruth = laptops
    _, case_id = open_case(dawn)
    with dawn.write("Added a task") as session:
        task = Task(case_id=case_id, text="Ring the school")
        session.add(task)
        session.flush()
        task_id = task.id
    sync_once(dawn), sync_once(ruth)
    with dawn.write("Removed a task") as session:
        session.delete(session.get(Task, task_id))
    set_field(ruth, Task, task_id, text="Ring the school and the aunt")
    sync_once(ruth)
    assert sync_once(dawn).conflicted == 1
    sync_once(ruth)
    for ws in laptops:
        assert field(ws, Task, task_id, "text") == "Ring the school and the aunt"
        (conflict,) = conflicts(ws)
        assert conflict.field == "*"
        assert conflict.kept["text"] == "Ring the school and the aunt"
        assert conflict.subject_id == case_id
    assert contents(dawn) == contents(ruth)


def test_an_edit_of_a_row_deleted_meanwhile_is_kept_whole_in_a_conflict(
    laptops: tuple[Workspace, Workspace], sync_once: Sync
) -> None:
    dawn, ruth = laptops
    _, case_id = open_case(dawn)
    with dawn.write("Added a task") as session:
        task = Task(case_id=case_id, text="Ring the school")
        session.add(task)
        session.flush()
        task_id = task.id
    sync_once(dawn), sync_once(ruth)
    with dawn.write("Removed a task") as session:
        session.delete(session.get(Task, task_id))
    set_field(ruth, Task, task_id, text="Ring the school twice")
    sync_once(dawn)
    assert sync_once(ruth).conflicted == 1
    sync_once(dawn)
    for ws in laptops:
        with ws.read() as session:
            assert session.get(Task, task_id) is None
        (conflict,) = conflicts(ws)
        assert conflict.offered == {"text": "Ring the school twice"}
        assert conflict.before == {"text": "Ring the school"}
    assert contents(dawn) == contents(ruth)


def test_an_undisturbed_delete_reaches_the_other_laptop(laptops: tuple[Workspace, Workspace], sync_once: Sync) -> None:
    dawn, ruth = laptops
    _, case_id = open_case(dawn)
    with dawn.write("Added a task") as session:
        session.add(Task(case_id=case_id, text="Ring the school"))
    sync_once(dawn), sync_once(ruth)
    with dawn.write("Removed a task") as session:
        session.delete(session.scalars(select(Task)).one())
    sync_once(dawn), sync_once(ruth)
    with ruth.read() as session:
        assert session.scalar(select(func.count()).select_from(Task)) == 0
    assert not conflicts(ruth)


def test_a_second_allocation_never_overwrites_the_first(
    laptops: tuple[Workspace, Workspace], enrol_laptop: Callable[..., Any], sync_once: Sync, central: Any
) -> None:
    dawn, ruth = laptops
    other = enrol_laptop("ruth", "second laptop").workspace()
    _, case_id = open_case(dawn)
    for ws in (dawn, ruth, other):
        sync_once(ws)
    for ws, officer in ((ruth, "dawn"), (other, "ruth")):
        with ws.write("Allocated a case") as session:
            case = session.get(Case, case_id)
            case.officer_id, case.allocation = central.people[officer], case.allocation + 1
            session.add(
                Assignment(
                    case_id=case_id,
                    officer_id=central.people[officer],
                    number=case.allocation,
                    assigned_at=ws.time.now(),
                )
            )
    sync_once(ruth)
    assert sync_once(other).conflicted == 1
    for ws in (ruth, dawn, other):
        sync_once(ws)
        assert field(ws, Case, case_id, "officer_id") == central.people["dawn"]
        assert field(ws, Case, case_id, "allocation") == 1
    (stale,) = stale_allocations(other)
    assert (stale.kept_officer, stale.kept_by, stale.offered_officer) == ("Dawn Ellery", "Ruth Okonjo", "Ruth Okonjo")
    assert stale.words.startswith("CME-2026-00001 was already allocated by Ruth Okonjo to Dawn Ellery.")
    assert len(conflicts(other)) == 1


def test_an_allocation_overtaken_twice_is_seen_by_its_count(
    laptops: tuple[Workspace, Workspace], enrol_laptop: Callable[..., Any], sync_once: Sync, central: Any
) -> None:
    """Given and taken back meanwhile: the officer is nobody again, but the count has moved on."""
    dawn, ruth = laptops
    other = enrol_laptop("ruth", "second laptop").workspace()
    _, case_id = open_case(dawn)
    for ws in (dawn, ruth, other):
        sync_once(ws)
    set_field(ruth, Case, case_id, officer_id=central.people["dawn"], allocation=1)
    set_field(ruth, Case, case_id, officer_id=None, allocation=2)
    set_field(other, Case, case_id, officer_id=central.people["ruth"], allocation=1)
    sync_once(ruth)
    assert sync_once(other).conflicted == 1
    assert field(other, Case, case_id, "officer_id") is None
    assert field(other, Case, case_id, "allocation") == 2
    assert conflicts(other)[0].offered == central.people["ruth"]


def test_two_imports_of_one_school_list_are_no_disagreement(
    laptops: tuple[Workspace, Workspace], sync_once: Sync
) -> None:
    dawn, ruth = laptops
    school_id = "0190a0a0-0000-7000-8000-00000000aaaa"
    for ws, town in ((dawn, "Aldermere"), (ruth, "Saltenby")):
        with ws.write("Imported schools") as session:
            session.add(School(id=school_id, urn="900001", la_code="999", name="Saltenby Primary", town=town))
    sync_once(dawn), sync_once(ruth), sync_once(dawn)
    assert not conflicts(dawn)
    assert field(dawn, School, school_id, "town") == "Saltenby"
    assert contents(dawn) == contents(ruth)


def test_a_reference_used_twice_is_refused_kept_and_makes_room(
    laptops: tuple[Workspace, Workspace], sync_once: Sync
) -> None:
    dawn, ruth = laptops
    _, first = open_case(dawn, "CME-2026-00007")
    _, second = open_case(ruth, "CME-2026-00007")
    sync_once(dawn)
    report = sync_once(ruth)
    assert report.refused == 1
    assert "already in the central store" in report.reasons[0]
    assert field(ruth, Case, first, "reference") == "CME-2026-00007"
    assert field(ruth, Case, second, "reference").startswith("CME-2026-00007 (")
    with ruth.read() as session:
        listed = session.scalars(select(CaseRow.reference).where(CaseRow.case_id == second)).one()
        words = (
            session.execute(text("SELECT body FROM search_index WHERE search_index MATCH '\"00007 (\"'"))
            .scalars()
            .all()
        )
        renamed = field(ruth, Case, second, "reference")
        assert listed == renamed
        assert any(renamed in body for body in words)
    with ruth.read() as session:
        refused = session.scalars(select(ChangeSetRow).where(ChangeSetRow.state == ChangeState.REFUSED)).one()
    assert b"CME-2026-00007" in refused.body
    assert sync_once(ruth).refused == 0


def test_a_role_that_may_not_is_refused_by_the_central_store_too(
    laptops: tuple[Workspace, Workspace], sync_once: Sync, central: Any
) -> None:
    dawn, ruth = laptops
    set_field(dawn, User, central.people["dawn"], role="supervisor")
    report = sync_once(dawn)
    assert report.reasons == ["Your role cannot manage people and laptops. Ask a supervisor."]
    sync_once(ruth)
    assert field(ruth, User, central.people["dawn"], "role") == "caseworker"


def test_after_a_refusal_later_changes_still_go_through(
    laptops: tuple[Workspace, Workspace], sync_once: Sync, central: Any
) -> None:
    dawn, ruth = laptops
    set_field(dawn, User, central.people["dawn"], role="supervisor")
    _, case_id = open_case(dawn)
    report = sync_once(dawn)
    assert (report.pushed, report.refused) == (1, 1)
    sync_once(ruth)
    assert field(ruth, Case, case_id, "reference") == "CME-2026-00001"


def test_a_pull_that_would_empty_a_table_stops_and_changes_nothing(
    laptops: tuple[Workspace, Workspace], sync_once: Sync, central: Any
) -> None:
    from app.central import records
    from app.services.changes import Change
    from app.services.sync.faults import TooManyDeletions

    dawn, ruth = laptops
    _, case_id = open_case(dawn)
    with dawn.write("Added tasks") as session:
        session.add_all([Task(case_id=case_id, text=f"Task {number}") for number in range(90)])
    sync_once(dawn), sync_once(ruth)
    with central.services.engine.connect() as connection, dawn.read() as session:
        rows = list(records.load(connection, "task", list(session.scalars(select(Task.id)))).values())
    for some in (rows[:45], rows[45:]):
        gone = [Change("task", row["id"], "delete", {name: [old, None] for name, old in row.items()}) for row in some]
        central.services.store.record(gone, "Emptied")
    with pytest.raises(TooManyDeletions, match="Nothing was deleted"):
        sync_once(ruth)
    with ruth.read() as session:
        assert session.scalar(select(func.count()).select_from(Task)) == 90


def test_a_push_that_would_delete_a_large_share_is_refused(
    laptops: tuple[Workspace, Workspace], sync_once: Sync
) -> None:
    dawn, ruth = laptops
    _, case_id = open_case(dawn)
    with dawn.write("Added tasks") as session:
        session.add_all([Task(case_id=case_id, text=f"Task {number}") for number in range(90)])
    sync_once(dawn)
    with dawn.write("Removed tasks") as session:
        for task in session.scalars(select(Task)):
            session.delete(task)
    report = sync_once(dawn)
    assert "large share" in report.reasons[0]
    sync_once(ruth)
    with ruth.read() as session:
        assert session.scalar(select(func.count()).select_from(Task)) == 90


def test_nothing_to_do_changes_nothing(laptops: tuple[Workspace, Workspace], sync_once: Sync) -> None:
    dawn, _ = laptops
    sync_once(dawn)
    before = contents(dawn)
    report = sync_once(dawn)
    assert (report.pushed, report.received, report.documents_sent) == (0, 0, 0)
    assert contents(dawn) == before


def test_a_page_that_was_applied_already_is_passed_over(laptops: tuple[Workspace, Workspace], sync_once: Sync) -> None:
    """The window and the command line may sync one vault at a time, each with a page in hand."""
    from app.services.sync import protocol
    from app.services.sync.apply import apply_entries
    from app.services.sync.enrolment import open_transport

    dawn, ruth = laptops
    open_case(dawn)
    sync_once(dawn)
    transport = open_transport(ruth)
    with ruth.read() as session:
        cursor = facts.cursor(session)
    page = transport.call("/pull", protocol.PullRequest(cursor), protocol.PullAnswer)
    transport.close()
    sync_once(ruth)
    before = contents(ruth)
    with ruth.apply_session() as session:
        assert apply_entries(session, page.entries, ruth.actor.device_id) == 0
    assert contents(ruth) == before
