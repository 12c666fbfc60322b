"""Receipts by case: a case is safe in the central store when everything this laptop recorded about it has a receipt."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from app.models import CaseRow, ChangeLine, ChangeSetRow
from app.models.terms import ChangeState
from app.services.access import Permission, allowed, require
from app.services.restriction import sight_of
from app.services.sync import facts
from app.services.workspace import Workspace

MOST_ROWS = 300
SAFE = "Safe in the central store"


@dataclass(frozen=True, slots=True)
class CaseReceipts:
    """One case of which this laptop recorded something.

    Attributes:
        case: child's name and reference.
        with_receipt, waiting, refused: change sets.
        last_at: when the newest of them was made.
        words: for the table.
    """

    id: str
    case_id: str
    case: str
    with_receipt: int
    waiting: int
    refused: int
    last_at: datetime
    words: str

    @property
    def safe(self) -> bool:
        """Whether everything recorded here has a receipt."""
        return not self.waiting and not self.refused


def receipts_by_case(ws: Workspace) -> tuple[CaseReceipts, ...]:
    """Return the cases that this laptop recorded something about: what is not safe first, then the newest."""
    require(ws.actor, Permission.USE_LAPTOP)
    if not allowed(ws.actor.role, Permission.READ_CASES):
        return ()
    with ws.read() as session:
        closed = sight_of(session, ws.actor).closed
        rows = _counted(session, ws.actor.device_id)
    return tuple(row for row in rows if row.case_id not in closed)


def state_of_case(session: Session, subjects: set[str], device_id: str) -> str:
    """Return where a case's changes of this laptop are, in words; empty where there is no central store or no change.

    Args:
        session: of the vault.
        subjects: the case, its child and the people in it.
        device_id: this laptop.
    """
    if not facts.get(session, facts.SERVER):
        return ""
    row = session.execute(
        select(*_sums())
        .select_from(ChangeSetRow)
        .where(
            ChangeSetRow.device_id == device_id,
            ChangeSetRow.id.in_(select(ChangeLine.change_set_id).where(ChangeLine.subject_id.in_(subjects))),
        )
    ).one()
    good, waiting, refused = (int(value or 0) for value in row[:3])
    return _words(waiting, refused) if good or waiting or refused else ""


def _counted(session: Session, device_id: str) -> list[CaseReceipts]:
    touched = (
        select(ChangeLine.change_set_id, CaseRow.case_id)
        .join(CaseRow, (CaseRow.case_id == ChangeLine.subject_id) | (CaseRow.child_id == ChangeLine.subject_id))
        .distinct()
        .subquery()
    )
    good, waiting, refused, last = _sums()
    rows = session.execute(
        select(CaseRow.case_id, CaseRow.child_name, CaseRow.reference, good, waiting, refused, last)
        .select_from(ChangeSetRow)
        .join(touched, touched.c.change_set_id == ChangeSetRow.id)
        .join(CaseRow, CaseRow.case_id == touched.c.case_id)
        .where(ChangeSetRow.device_id == device_id)
        .group_by(CaseRow.case_id)
        .order_by(((waiting + refused) > 0).desc(), last.desc())
        .limit(MOST_ROWS)
    )
    return [
        CaseReceipts(
            id=row.case_id,
            case_id=row.case_id,
            case=f"{row.child_name}, {row.reference}",
            with_receipt=int(row.good),
            waiting=int(row.waiting),
            refused=int(row.refused),
            last_at=row.last_at,
            words=_words(int(row.waiting), int(row.refused)),
        )
        for row in rows
    ]


def _sums() -> tuple[Any, ...]:
    def count(*states: ChangeState) -> Any:
        return func.sum(case((ChangeSetRow.state.in_(states), 1), else_=0))

    return (
        count(ChangeState.ACCEPTED, ChangeState.CONFLICTED, ChangeState.RESCUED).label("good"),
        count(ChangeState.PENDING).label("waiting"),
        count(ChangeState.REFUSED).label("refused"),
        func.max(ChangeSetRow.made_at).label("last_at"),
    )


def _words(waiting: int, refused: int) -> str:
    parts = []
    if waiting:
        parts.append("1 change waits on this laptop" if waiting == 1 else f"{waiting} changes wait on this laptop")
    if refused:
        parts.append("1 change was not taken" if refused == 1 else f"{refused} changes were not taken")
    return ", ".join(parts) or SAFE
