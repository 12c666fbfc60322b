"""The projections rebuilt in one go are those that every save keeps."""

from typing import Any

from sqlalchemy import select, text

from app.demo.people import populate
from app.models import CaseRow
from app.services import projection, projection_rebuild
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
