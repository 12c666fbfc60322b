"""How syncs went: alike ones together, bounded, nothing personal; what may be let go and what may not."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.errors import UserError
from app.models import ChangeSetRow, Document, SyncRun
from app.models.terms import ChangeState
from app.services.sync import run_history, storage
from app.services.sync.case_receipts import receipts_by_case, state_of_case
from app.services.sync.run_history import last_runs, note_run
from app.services.sync.telling import SyncReport
from app.services.workspace import Workspace
from tests.sync.test_documents_moving import add_case, add_document


def newest_own(session: Session, ws: Workspace) -> ChangeSetRow:
    own = select(ChangeSetRow).where(ChangeSetRow.device_id == ws.actor.device_id)
    return session.scalars(own.order_by(ChangeSetRow.sequence.desc()).limit(1)).one()


def test_alike_runs_are_one_row_and_the_oldest_go(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_history, "MOST_KEPT", 20)
    now = workspace.time.now()
    for _ in range(3):
        note_run(workspace, now, "done", SyncReport())
    assert [(run.times, run.did_nothing) for run in last_runs(workspace)] == [(3, True)]
    note_run(workspace, now, "offline", None, "no-answer")
    note_run(workspace, now, "offline", None, "network-sign-in")
    assert [run.trouble for run in last_runs(workspace)] == ["network-sign-in", "no-answer", ""]
    for number in range(1, 61):
        note_run(workspace, now, "done", SyncReport(pushed=number))
    runs = last_runs(workspace)
    assert (len(runs), runs[0].sent, runs[-1].sent) == (20, 60, 41)
    with workspace.read() as session:
        assert session.scalar(select(func.count()).select_from(SyncRun)) == 20


def test_nothing_is_let_go_that_waits_was_refused_or_that_the_central_store_has_lost(
    enrol_laptop: Callable[..., Any], sync_once: Callable[[Workspace], Any], central: Any
) -> None:
    from sqlalchemy import delete

    from app.central.tables import document_chunk

    dawn = enrol_laptop("dawn").workspace()
    old = dawn.time.now() - timedelta(days=120)
    made = {name: add_document(dawn, name.encode(), arrived_at=old) for name in ("safe", "lost", "refused", "changed")}
    sync_once(dawn)
    with dawn.write("Named it") as session:
        document = session.scalars(select(Document).where(Document.sha256 == made["changed"])).one()
        document.title = "Named"
    with dawn.write("Named it") as session:
        session.scalars(select(Document).where(Document.sha256 == made["refused"])).one().title = "Named"
    with dawn.local_session() as session:
        newest_own(session, dawn).state = ChangeState.REFUSED
    with central.services.engine.begin() as connection:
        connection.execute(delete(document_chunk).where(document_chunk.c.hash == made["lost"]))
    count, size = next((count, size) for days, count, size in storage.storage_view(dawn).can_go if days == 90)
    assert (count, size) == (2, len("safe") + len("lost"))
    assert storage.let_documents_go(dawn, 90) == len("safe")
    here = {name for name, sha256 in made.items() if dawn.documents.complete(sha256)}
    assert here == {"lost", "refused", "changed"}
    assert storage.let_documents_go(dawn, 90) == 0
    sync_once(dawn)  # what the central store has lost goes up again
    assert central.services.bytes.manifests([made["lost"]])


def test_a_laptop_without_a_central_store_lets_nothing_go(workspace: Workspace) -> None:
    add_document(workspace, b"only here", arrived_at=workspace.time.now() - timedelta(days=400))
    assert all(count == 0 for _days, count, _size in storage.storage_view(workspace).can_go)
    with pytest.raises(UserError, match="no central store"):
        storage.let_documents_go(workspace, 30)


def test_a_case_is_safe_only_when_everything_recorded_here_has_a_receipt(
    enrol_laptop: Callable[..., Any], sync_once: Callable[[Workspace], Any], workspace: Workspace
) -> None:
    dawn = enrol_laptop("dawn").workspace()
    case_id = add_case(dawn, "CME-2026-00001")

    def words() -> str:
        with dawn.read() as session:
            return state_of_case(session, {case_id}, dawn.actor.device_id)

    assert words() == "1 change waits on this laptop"
    sync_once(dawn)
    assert words() == "Safe in the central store"
    assert [(row.safe, row.with_receipt) for row in receipts_by_case(dawn)] == [(True, 1)]
    with dawn.local_session() as session:
        newest_own(session, dawn).state = ChangeState.REFUSED
    assert words() == "1 change was not taken"
    assert [row.safe for row in receipts_by_case(dawn)] == [False]
    other = add_case(workspace, "CME-2026-00002")
    with workspace.read() as session:
        assert state_of_case(session, {other}, workspace.actor.device_id) == ""
