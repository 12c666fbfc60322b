"""Allocations that came second: somebody had already allocated the case, and that stays."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.models import Case, CaseRow, Conflict, User
from app.models.terms import ConflictState
from app.services.access import Permission, require
from app.services.restriction import sight_of
from app.services.workspace import Workspace


@dataclass(frozen=True, slots=True)
class StaleAllocation:
    """One allocation that was overtaken.

    Attributes:
        kept_officer: who has the case.
        kept_by: who allocated it first; empty when it is not known.
        offered_officer: whom the second allocation named.
        offered_by: who made the second allocation.
    """

    conflict_id: str
    case_id: str
    reference: str
    child_name: str
    kept_officer: str
    kept_by: str
    kept_at: datetime | None
    offered_officer: str
    offered_by: str
    offered_at: datetime

    @property
    def words(self) -> str:
        """What happened, for the queue."""
        by = f" by {self.kept_by}" if self.kept_by else ""
        officer = self.kept_officer or "nobody"
        return f"{self.reference} was already allocated{by} to {officer}. It stays there until you move it."


def stale_allocations(ws: Workspace) -> list[StaleAllocation]:
    """Return the allocations that were overtaken and that nobody has settled, newest first."""
    require(ws.actor, Permission.ALLOCATE_CASES)
    with ws.read() as session:
        names = {row.id: row.name for row in session.execute(select(User.id, User.name))}
        rows = session.execute(
            select(Conflict, Case.reference, CaseRow.child_name)
            .join(Case, Case.id == Conflict.row_id)
            .outerjoin(CaseRow, CaseRow.case_id == Case.id)
            .where(
                Conflict.table_name == Case.__tablename__,
                Conflict.field == "officer_id",
                Conflict.state == ConflictState.OPEN,
                *sight_of(session, ws.actor).open_cases(Case.id),
            )
            .order_by(Conflict.offered_at.desc())
        ).all()
    return [
        StaleAllocation(
            conflict_id=row.Conflict.id,
            case_id=row.Conflict.row_id,
            reference=row.reference,
            child_name=row.child_name or "",
            kept_officer=names.get(row.Conflict.kept, ""),
            kept_by=names.get(row.Conflict.kept_by, ""),
            kept_at=row.Conflict.kept_at,
            offered_officer=names.get(row.Conflict.offered, ""),
            offered_by=names.get(row.Conflict.offered_by, ""),
            offered_at=row.Conflict.offered_at,
        )
        for row in rows
    ]
