"""The projections rebuilt in one go are those that every save keeps."""

from datetime import date
from typing import Any

from sqlalchemy import select, text

from app.demo.people import populate
from app.models import Case, CaseEvent, CaseRow, ChangeLine, Child, Enrolment, Task
from app.models.terms import EventKind
from app.services import projection, projection_rebuild, tasks
from app.services.workspace import Workspace


def _lists(ws: Workspace) -> tuple[list[Any], list[Any]]:
    with ws.read() as session:
        rows = [
            {**row, "flags": sorted(row["flags"].split(","))}
            for row in session.execute(select(CaseRow.__table__).order_by(CaseRow.case_id)).mappings()
        ]
        words = session.execute(
            text("SELECT r.subject_id, i.title, i.body FROM search_index AS i JOIN search_row AS r ON r.id = i.rowid")
        )
        return rows, sorted((row[0], row[1].split(), sorted(row[2].split())) for row in words)


def test_a_rebuild_gives_what_the_saves_gave(supervisor_workspace: Workspace) -> None:
    ws = supervisor_workspace
    populate(ws, everyone=False)
    with ws.local_session() as session:
        projection.rebuild(session, ws.time)
    kept = _lists(ws)
    assert len(kept[0]) > 10
    assert any(row["next_due_on"] for row in kept[0])
    with ws.local_session() as session:
        projection_rebuild.rebuild(session)
    assert _lists(ws) == kept


def _case(ws: Workspace) -> tuple[str, str]:
    with ws.write("Opened a case") as session:
        child = Child(forename="Isla", surname="Merrow")
        session.add(child)
        session.flush()
        case = Case(reference="CME-2026-00001", child_id=child.id, opened_on=date(2026, 11, 2))
        session.add(case)
        session.flush()
        return child.id, case.id


def _row(ws: Workspace) -> CaseRow:
    with ws.read() as session:
        return session.scalars(select(CaseRow)).one()


def _rebuilt(ws: Workspace) -> CaseRow:
    with ws.local_session() as session:
        projection_rebuild.rebuild(session)
    return _row(ws)


def test_a_task_that_is_reworded_or_ticked_changes_its_cases_row_and_history(workspace: Workspace) -> None:
    _, case_id = _case(workspace)
    tasks.add_task(workspace, case_id, "Ring the school", due_on=date(2026, 11, 20))
    with workspace.write("Changed a task") as session:
        task = session.scalars(select(Task)).one()
        task.text = "Ring the nursery"
    assert _row(workspace).next_due_what == "Ring the nursery"
    tasks.set_task_done(workspace, task.id)
    assert (_row(workspace).next_due_on, _row(workspace).next_due_what) == (None, "")
    with workspace.read() as session:
        lines = session.scalars(select(ChangeLine.subject_id).where(ChangeLine.row_id == task.id)).all()
    assert set(lines) == {case_id}


def test_of_two_at_one_instant_a_save_and_a_rebuild_choose_the_same(workspace: Workspace) -> None:
    child_id, case_id = _case(workspace)
    first, later = "01a1ee56-0000-7000-8000-000000000001", "01a1ee56-0000-7000-8000-000000000002"
    for row_id, words in ((later, "Later"), (first, "First")):
        with workspace.write("Added a note") as session:
            event = CaseEvent(id=row_id, case_id=case_id, kind=EventKind.NOTE, title=words)
            event.happened_at = workspace.time.now()
            session.add(event)
            session.add(Enrolment(id=row_id, child_id=child_id, school_name=words, from_on=date(2026, 9, 1)))
    kept = _row(workspace)
    assert (kept.last_activity, kept.last_school) == ("Later", "Later")
    rebuilt = _rebuilt(workspace)
    assert (rebuilt.last_activity, rebuilt.last_school) == ("Later", "Later")


def test_a_note_alone_at_the_instant_of_the_last_one_is_placed_by_its_key(workspace: Workspace) -> None:
    _, case_id = _case(workspace)
    for row_id, words in (
        ("01a1ee56-0000-7000-8000-000000000002", "Later"),
        ("01a1ee56-0000-7000-8000-000000000001", "First"),
    ):
        with workspace.write("Added a note") as session:
            now = workspace.time.now()
            session.add(CaseEvent(id=row_id, case_id=case_id, kind=EventKind.NOTE, title=words, happened_at=now))
    assert _row(workspace).last_activity == "Later"
    assert _rebuilt(workspace).last_activity == "Later"
