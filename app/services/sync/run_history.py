"""How the last syncs went: when, how much, how they ended. A bounded table, and nothing personal in it."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import delete, select

from app.models import SyncRun
from app.services.access import Permission, require
from app.services.sync.telling import SyncReport
from app.services.workspace import Workspace

MOST_KEPT = 200
DONE, OFFLINE, SIGN_IN, FAILED = "done", "offline", "sign_in", "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """One sync, or several in a row that went alike.

    Attributes:
        ended_at: of the last of them.
        times: how many.
        outcome: done, offline, sign_in or failed.
        trouble: a code for IT; empty where it went through.
        sent, received, refused: change sets.
        documents: whose bytes moved.
        bytes_sent, bytes_fetched: of documents.
    """

    id: int
    started_at: datetime
    ended_at: datetime
    times: int
    outcome: str
    trouble: str
    sent: int
    received: int
    refused: int
    documents: int
    bytes_sent: int
    bytes_fetched: int

    @property
    def did_nothing(self) -> bool:
        """Whether nothing moved either way."""
        return not (self.sent or self.received or self.refused or self.documents)


def note_run(ws: Workspace, started_at: datetime, outcome: str, report: SyncReport | None, trouble: str = "") -> None:
    """Note how a sync went.

    Args:
        ws: the vault.
        started_at: when it began.
        outcome: done, offline, sign_in or failed.
        report: what it did; None when it did not go through.
        trouble: a code for IT.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    told = report or SyncReport()
    made = Run(
        id=0,
        started_at=started_at,
        ended_at=ws.time.now(),
        times=1,
        outcome=outcome,
        trouble=trouble[:50],
        sent=told.pushed,
        received=told.received + told.rows,
        refused=told.refused,
        documents=told.documents_sent + told.documents_fetched,
        bytes_sent=told.bytes_sent,
        bytes_fetched=told.bytes_fetched,
    )
    with ws.local_session() as session:
        last = session.scalars(select(SyncRun).order_by(SyncRun.id.desc()).limit(1)).first()
        if last is not None and made.did_nothing and _alike(_run(last), made):
            last.ended_at, last.times = made.ended_at, last.times + 1
            return
        values = {name: getattr(made, name) for name in Run.__slots__ if name != "id"}
        session.add(SyncRun(**values))
        session.flush()
        newest = session.scalar(select(SyncRun.id).order_by(SyncRun.id.desc()).limit(1)) or 0
        session.execute(delete(SyncRun).where(SyncRun.id <= newest - MOST_KEPT))


def last_runs(ws: Workspace, limit: int = MOST_KEPT) -> tuple[Run, ...]:
    """Return the last syncs of this laptop, newest first."""
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        return tuple(_run(row) for row in session.scalars(select(SyncRun).order_by(SyncRun.id.desc()).limit(limit)))


def _run(row: SyncRun) -> Run:
    return Run(**{name: getattr(row, name) for name in Run.__slots__})


def _alike(one: Run, other: Run) -> bool:
    return (
        one.did_nothing and replace(one, id=0, started_at=other.started_at, ended_at=other.ended_at, times=1) == other
    )
