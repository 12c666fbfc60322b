"""Nothing empties a vault or the central store at one stroke; where it is meant, a supervisor looks and says so."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from app.errors import AccessRefused, UserError
from app.models import AuditEntry, Task
from app.services.changes import Change
from app.services.sync import deletions, refused
from app.services.sync.faults import NotLetIn, TooManyDeletions
from app.services.sync.fuse import FUSE_ROWS
from app.services.workspace import Workspace
from tests.sync.test_rescue import dawn, open_case, ruth  # noqa: F401  (fixtures)

Sync = Callable[[Workspace], Any]
COUNT = FUSE_ROWS + 10


def add_tasks(ws: Workspace, case_id: str, count: int = COUNT) -> list[str]:
    with ws.write("Added tasks") as session:
        tasks = [Task(case_id=case_id, text=f"Task {number}") for number in range(count)]
        session.add_all(tasks)
        session.flush()
        return [task.id for task in tasks]


def delete_tasks(ws: Workspace, ids: list[str]) -> None:
    with ws.write("Removed tasks") as session:
        for task_id in ids:
            session.delete(session.get_one(Task, task_id))


def count(ws: Workspace) -> int:
    with ws.read() as session:
        return session.execute(select(func.count()).select_from(Task)).scalar_one()


def test_a_push_that_deletes_much_is_refused_until_a_supervisor_confirms_it(
    ruth: Workspace,  # noqa: F811
    dawn: Workspace,  # noqa: F811
    sync_once: Sync,
) -> None:
    _, case_id = open_case(ruth)
    ids = add_tasks(ruth, case_id)
    sync_once(ruth), sync_once(dawn)
    delete_tasks(ruth, ids)
    assert sync_once(ruth).refused == 1
    (shown,) = refused.refused_sets(ruth)
    assert shown.needs_confirming
    assert count(dawn) == COUNT
    refused.send_again(ruth, shown.id)
    assert sync_once(ruth).refused == 1, "without the word it is refused again"
    (shown,) = refused.refused_sets(ruth)
    refused.send_again(ruth, shown.id, confirmed=True)
    assert sync_once(ruth).refused == 0


def test_a_caseworkers_word_on_deletions_does_not_count(
    ruth: Workspace,  # noqa: F811
    dawn: Workspace,  # noqa: F811
    sync_once: Sync,
) -> None:
    from app.services.sync.confirming import confirm_in

    _, case_id = open_case(dawn)
    ids = add_tasks(dawn, case_id)
    sync_once(dawn)
    delete_tasks(dawn, ids)
    assert sync_once(dawn).refused == 1
    (shown,) = refused.refused_sets(dawn)
    with pytest.raises(AccessRefused):
        refused.send_again(dawn, shown.id, confirmed=True)
    again = refused.send_again(dawn, shown.id)
    with dawn.local_session() as session:
        confirm_in(session, again)
    assert sync_once(dawn).refused == 1, "the central store asks who says so"


def test_a_pull_that_deletes_much_waits_for_a_supervisors_word_which_frees_every_laptop(
    ruth: Workspace,  # noqa: F811
    dawn: Workspace,  # noqa: F811
    central: Any,
    sync_once: Sync,
) -> None:
    _, case_id = open_case(dawn)
    ids = add_tasks(dawn, case_id)
    sync_once(dawn), sync_once(ruth)
    for start in range(0, COUNT, 20):  # each by itself is under the central store's own fuse
        gone = [Change("task", each, "delete", _olds(ruth, each)) for each in ids[start : start + 20]]
        central.services.store.record(gone, "Removed tasks")
    for ws in (ruth, dawn):
        with pytest.raises(TooManyDeletions):
            sync_once(ws)
        assert count(ws) == COUNT, "nothing of it was applied"
    stopped = deletions.tripped(ruth)
    assert stopped is not None
    assert stopped.lines == (f"Task: {COUNT} would be deleted",)
    assert [(each.case_id, each.record_count) for each in stopped.cases] == [(case_id, COUNT)]
    assert stopped.cases[0].case.startswith("Isla Bräton, ")
    with pytest.raises(AccessRefused):
        deletions.decline(dawn, stopped.revision)
    deletions.decline(ruth, stopped.revision)
    with pytest.raises(TooManyDeletions):
        sync_once(ruth)
    declined = deletions.tripped(ruth)
    assert declined is not None
    assert (declined.declined_by, declined.cases) == ("Ruth Okonjo", stopped.cases), "a word against it stands"
    with pytest.raises(AccessRefused):
        deletions.confirm(dawn, stopped.revision)
    with pytest.raises(UserError):
        deletions.confirm(ruth, stopped.revision + 1)
    deletions.confirm(ruth, stopped.revision)
    sync_once(ruth), sync_once(dawn)
    assert (count(ruth), count(dawn)) == (0, 0)
    assert deletions.tripped(ruth) is None
    with ruth.read() as session:
        assert "confirmed deletions" in session.scalars(select(AuditEntry.action)).all()


def test_only_a_supervisor_is_heard_at_the_central_store(dawn: Workspace, central: Any) -> None:  # noqa: F811
    from app.services.sync.enrolment import open_transport
    from app.services.sync.rescue_protocol import DeletionsWord

    transport = open_transport(dawn)
    for user in (central.people["dawn"], central.people["ruth"], "", "x"):
        with pytest.raises(NotLetIn):
            transport.call("/deletions/meant", DeletionsWord(1, user), DeletionsWord)
    transport.close()


def _olds(ws: Workspace, task_id: str) -> dict[str, list[Any]]:
    from app.services.sync.again import present_row

    with ws.read() as session:
        row = present_row(session, Change("task", task_id, "delete", {})) or {}
    return {name: [value, None] for name, value in row.items()}
