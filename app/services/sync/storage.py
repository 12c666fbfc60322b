"""What the vault takes up on this laptop, and making room: bytes that are safe in the central store can be let go."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.errors import UserError
from app.logs import get_logger
from app.models import ChangeLine, ChangeSetRow, Document, Letter
from app.models.terms import ChangeState
from app.services.access import Permission, require
from app.services.sync import document_wishes as wishes_of
from app.services.sync import facts
from app.services.sync.document_wishes import BOTH, LET_GO
from app.services.sync.documents import held_by_central
from app.services.sync.enrolment import enrolled, open_transport
from app.services.sync.telling import Transport
from app.services.workspace import Workspace

CHOICES = (30, 90, 180, 365)
"""Days: bytes of documents that arrived longer ago can be let go."""
_A_STEP = 100
NOT_ENROLLED = "This laptop has no central store, so nothing can be let go. Nothing was changed."


@dataclass(frozen=True, slots=True)
class StorageView:
    """What is on this laptop.

    Attributes:
        records_bytes, documents_bytes: what the two databases take up on the disk.
        here, elsewhere: documents whose bytes are on this laptop, and whose are not.
        free_bytes: room left on the disk.
        short: whether there is little room.
        can_go: for each choice of days, how many documents could be let go and how many bytes they measure.
    """

    records_bytes: int
    documents_bytes: int
    here: int
    elsewhere: int
    free_bytes: int
    short: bool
    can_go: tuple[tuple[int, int, int], ...]


def storage_view(ws: Workspace) -> StorageView:
    """Return what is on this laptop. Nothing of a case is shown."""
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        named = set(session.scalars(select(Document.sha256).where(Document.sha256 != "")))
        can_go = []
        for days in CHOICES:
            rows = _candidates(session, ws, days) if facts.get(session, facts.SERVER) else []
            can_go.append((days, len(rows), sum(size for _, size in rows)))
    here = ws.documents.complete_among(named)
    room = ws.room()
    return StorageView(
        records_bytes=_on_disk(ws.folder, "cases.db"),
        documents_bytes=_on_disk(ws.folder, "documents.db"),
        here=len(here),
        elsewhere=len(named) - len(here),
        free_bytes=room.free,
        short=room.short or room.in_use,
        can_go=tuple(can_go),
    )


def let_documents_go(
    ws: Workspace, days: int, progress: Callable[[int, int], object] = lambda _done, _total: None
) -> int:
    """Let the bytes of documents go that arrived so many days ago and that the central store says it holds whole.

    The records stay; the bytes come back when somebody opens the document. What waits unsent or was refused stays.

    Args:
        ws: the workspace.
        days: one of ``CHOICES``, or more.
        progress: told (done, of how many).

    Returns:
        How many bytes went.

    Raises:
        UserError: there is no central store.
        CentralUnreachable: it could not be asked; nothing more was let go.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    if not enrolled(ws):
        raise UserError(NOT_ENROLLED)
    with ws.read() as session:
        candidates = [sha256 for sha256, _size in _candidates(session, ws, days)]
    freed = 0
    transport = open_transport(ws)
    try:
        for start in range(0, len(candidates), _A_STEP):
            some = candidates[start : start + _A_STEP]
            freed += _let_go(ws, transport, some)
            progress(start + len(some), len(candidates))
    finally:
        transport.close()
    get_logger().info("documents let go", count=len(candidates))
    return freed


def _let_go(ws: Workspace, transport: Transport, some: Sequence[str]) -> int:
    # Asked at this moment: what was safe an hour ago may have been lost with a disk of the central store.
    held = list(held_by_central(transport, some))
    with ws.local_session() as session:
        # First the note, then the bytes: after a crash between the two the bytes are here, which harms nobody.
        wishes_of.note(session, held, LET_GO)
        wishes_of.answered(session, held)
    lost = [sha256 for sha256 in some if sha256 not in set(held)]
    if lost:
        with ws.local_session() as session:
            wishes_of.forget(session, lost)
    return ws.documents.remove(held)


def _candidates(session: Session, ws: Workspace, days: int) -> list[tuple[str, int]]:
    """Return contents that are on both sides, old enough, and named by nothing that waits or was refused."""
    since = ws.time.now() - timedelta(days=days)
    unsafe = (
        select(ChangeLine.row_id)
        .join(ChangeSetRow, ChangeSetRow.id == ChangeLine.change_set_id)
        .where(
            ChangeSetRow.state.in_((ChangeState.PENDING, ChangeState.REFUSED)),
            ChangeLine.table_name.in_((Document.__tablename__, Letter.__tablename__)),
        )
    )
    kept = set(session.scalars(select(Document.sha256).where(Document.id.in_(unsafe))))
    kept.update(session.scalars(select(Letter.sha256).where(Letter.id.in_(unsafe))))
    both = set(wishes_of.in_state(session, BOTH, limit=1_000_000))
    rows = session.execute(
        select(Document.sha256, func.max(Document.size).label("size"))
        .where(Document.sha256 != "")
        .group_by(Document.sha256)
        .having(func.max(Document.arrived_at) < since)
    )
    return [(row.sha256, row.size) for row in rows if row.sha256 in both and row.sha256 not in kept]


def _on_disk(folder: Path, name: str) -> int:
    total = 0
    for ending in ("", "-wal"):
        path = folder / f"{name}{ending}"
        total += path.stat().st_size if path.exists() else 0
    return total
