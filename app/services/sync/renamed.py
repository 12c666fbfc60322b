"""The lists of rows that were renamed to make room for others: no change names them, so nothing else refreshes them."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Case
from app.services import projection
from app.services.batches import batched
from app.services.capture import unit_of


def refresh_renamed(session: Session, renamed: Iterable[tuple[str, str]]) -> None:
    """Bring the list of cases and the search up to date with renamed rows, given by table and id."""
    unit = unit_of(session)
    for some in batched([row_id for table, row_id in renamed if table == "case"], 400):
        unit.tables.add("case")
        projection.refresh_cases(session, some, unit.time)
        projection.index_children(session, list(session.scalars(select(Case.child_id).where(Case.id.in_(some)))))
