"""A laptop's own change sets written again into a database that lost them, or never had them."""

from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import select

from app.models import Case, CaseEvent, CaseRow, ChangeLine, ChangeSetRow, Child, Task
from app.models.terms import ChangeState
from app.services import cases, tasks
from app.services.redo import redo
from app.services.vault import Vault
from app.services.vault.lifeboat_format import CarriedSet
from app.services.vault.lifeboat_reading import read_lifeboat
from app.services.workspace import Workspace
from tests.services.casework import open_isla


def carried(vault: Vault) -> list[CarriedSet]:
    return read_lifeboat(vault.folder / "lifeboat.log", vault.keys.lifeboat).change_sets


@pytest.fixture
def other(make_vault: Callable[..., Vault]) -> Workspace:
    """An empty vault beside the one that did the work."""
    return make_vault("other", person="Ruth Okonjo").workspace()


def test_everything_is_written_again_with_its_history_its_list_row_and_its_signature(
    vault: Vault, workspace: Workspace, other: Workspace
) -> None:
    case_id = open_isla(workspace)
    event_id = cases.add_note(workspace, case_id, text="Rang the mother")
    sets = carried(vault)
    with other.apply_session() as session:
        done = redo(session, reversed(sets))
    assert done.applied == [own.id for own in sets]
    assert done.waiting == []
    with other.read() as session:
        assert session.get(CaseEvent, event_id).title == "Rang the mother"  # type: ignore[union-attr]
        assert session.get(CaseRow, case_id).last_activity == "Rang the mother"  # type: ignore[union-attr]
        stored = session.get(ChangeSetRow, sets[-1].id)
        assert stored is not None
        assert (stored.body, stored.signature) == (sets[-1].body, sets[-1].signature)
        assert (stored.state, stored.actor_name) == (ChangeState.PENDING, "Dawn Ellery")
        lines = session.scalars(select(ChangeLine.subject_id).where(ChangeLine.change_set_id == stored.id)).all()
        assert lines == [case_id]


def test_doing_it_twice_changes_nothing(vault: Vault, workspace: Workspace, other: Workspace) -> None:
    open_isla(workspace)
    sets = carried(vault)
    with other.apply_session() as session:
        redo(session, sets)
    with other.apply_session() as session:
        again = redo(session, sets)
    assert again.applied == []
    assert again.known == [own.id for own in sets]


def test_updates_and_deletions_are_done_in_order(vault: Vault, workspace: Workspace, other: Workspace) -> None:
    case_id = open_isla(workspace)
    task_id = tasks.add_task(workspace, case_id, "Ring the school")
    tasks.set_task_done(workspace, task_id)
    gone = tasks.add_task(workspace, case_id, "A slip of the hand")
    with workspace.write("Removed a task") as session:
        session.delete(session.get(Task, gone))
    with other.apply_session() as session:
        redo(session, carried(vault))
    with other.read() as session:
        assert session.get(Task, task_id).done_at == workspace.time.now()  # type: ignore[union-attr]
        assert session.get(Task, gone) is None


def test_a_change_to_a_row_that_is_not_here_waits_in_the_outbox_for_the_sync_that_brings_it(
    vault: Vault, workspace: Workspace, other: Workspace
) -> None:
    with workspace.write("Added a child") as session:
        child = Child(forename="Isla", surname="Merrow", born_on=date(2017, 3, 14))
        session.add(child)
    with workspace.write("Changed a name") as session:
        session.get(Child, child.id).forename = "Isa"  # type: ignore[union-attr]
    second = carried(vault)[-1]
    with other.apply_session() as session:
        done = redo(session, [second])
    assert (done.applied, done.waiting) == ([], [second.id])
    with other.read() as session:
        assert session.get(Child, child.id) is None
        assert session.get(ChangeSetRow, second.id).state is ChangeState.PENDING  # type: ignore[union-attr]


def test_a_record_that_came_otherwise_is_not_overwritten_by_one_in_its_place(
    vault: Vault, workspace: Workspace, other: Workspace
) -> None:
    case_id = open_isla(workspace)
    with workspace.read() as session:
        reference = session.get(Case, case_id).reference  # type: ignore[union-attr]
    theirs = open_isla(other)  # under the same number: each vault leases from 1
    with other.read() as session:
        assert session.get(Case, theirs).reference == reference  # type: ignore[union-attr]
    with other.apply_session() as session:
        done = redo(session, carried(vault))
    assert len(done.waiting) == 1
    with other.read() as session:
        assert session.get(Case, theirs).reference == reference  # type: ignore[union-attr]
        assert session.get(Case, case_id) is None
        assert session.get(ChangeSetRow, done.waiting[0]) is not None
