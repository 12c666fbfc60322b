"""Which bytes of documents come to this laptop by themselves, and which only when somebody opens the document.

For each content one fact is kept in ``sync_state``: ``both`` (the bytes are known to be on both sides), ``later`` (they
stay in the central store until they are wanted) or ``let-go`` (a person made room; they come back when the document is
opened). Without a fact a content is unsettled: its bytes have to go up, or come down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from app.models import Case, Document, SyncState
from app.models.terms import CaseStatus
from app.services.sync import facts
from app.timesource import TimeSource

BOTH = "both"
LATER = "later"
LET_GO = "let-go"
ASKED_PREFIX = "wanted:"
"""Followed by a hash: somebody opened the document and waits for its bytes."""
DAYS = 90
MOST_A_SYNC = 2000
_MOST_LOOKED_AT = 20_000


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a sync may move.

    Attributes:
        days: bytes that arrived so lately come by themselves; those of open cases and of the tray always do.
        wait: nothing moves but what somebody asked for: the network costs money by the byte.
    """

    days: int = DAYS
    wait: bool = False


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A content whose bytes are not known to be on both sides.

    Attributes:
        wanted: whether they come by themselves, or were asked for.
        asked: whether somebody waits for them.
    """

    sha256: str
    size: int
    wanted: bool
    asked: bool


def unsettled(session: Session, time: TimeSource, wishes: Wishes) -> list[Unsettled]:
    """Return what has to move or to be noted as later: asked for first, then wanted, then the newest."""
    known = aliased(SyncState)
    asked = select(SyncState.name).where(SyncState.name == ASKED_PREFIX + Document.sha256).exists()
    wanted = or_(asked, comes_by_itself(time, wishes))
    found = session.execute(
        select(
            Document.sha256,
            func.max(Document.size).label("size"),
            func.max(case((wanted, 1), else_=0)).label("wanted"),
            func.max(case((asked, 1), else_=0)).label("asked"),
        )
        .outerjoin(known, known.name == literal(facts.DOCUMENT_PREFIX) + Document.sha256)
        .where(
            Document.sha256 != "",
            or_(
                known.value.is_(None),
                and_(known.value == LATER, wanted),
                and_(known.value == LET_GO, asked),
            ),
        )
        .group_by(Document.sha256)
        .order_by(
            func.max(case((asked, 1), else_=0)).desc(),
            func.max(case((wanted, 1), else_=0)).desc(),
            func.max(Document.arrived_at).desc(),
        )
        .limit(_MOST_LOOKED_AT)
    )
    return [Unsettled(row.sha256, row.size, bool(row.wanted), bool(row.asked)) for row in found]


def comes_by_itself(time: TimeSource, wishes: Wishes) -> ColumnElement[bool]:
    """Return the condition under which a document's bytes come without being asked for."""
    since = time.now() - timedelta(days=wishes.days)
    is_open = select(Case.id).where(Case.id == Document.case_id, Case.status == CaseStatus.OPEN).exists()
    return or_(Document.case_id.is_(None), is_open, Document.arrived_at >= since)


def unsettled_count(session: Session, time: TimeSource, wishes: Wishes) -> tuple[int, int]:
    """Return how many contents have to move, and how many bytes they measure."""
    rows = [row for row in unsettled(session, time, wishes) if row.wanted]
    return len(rows), sum(row.size for row in rows)


def note(session: Session, sha256s: Sequence[str], state: str) -> None:
    """Note what is known of contents."""
    facts.put_many(session, [facts.DOCUMENT_PREFIX + sha256 for sha256 in sha256s], state)


def forget(session: Session, sha256s: Sequence[str]) -> None:
    """Count contents as unsettled: the next sync looks at them again."""
    facts.forget_many(session, [facts.DOCUMENT_PREFIX + sha256 for sha256 in sha256s])


def ask(session: Session, sha256: str, at: str) -> None:
    """Note that somebody waits for a content."""
    facts.put(session, ASKED_PREFIX + sha256, at)


def answered(session: Session, sha256s: Sequence[str]) -> None:
    """Note that nobody waits for contents any more."""
    facts.forget_many(session, [ASKED_PREFIX + sha256 for sha256 in sha256s])


def in_state(session: Session, state: str, *, after: str = "", limit: int = MOST_A_SYNC) -> list[str]:
    """Return contents in a state, in the order of their hashes, after one of them."""
    start = facts.DOCUMENT_PREFIX + after
    query: Any = (
        select(SyncState.name)
        .where(SyncState.name > start, SyncState.name < facts.DOCUMENT_PREFIX + "g", SyncState.value == state)
        .order_by(SyncState.name)
        .limit(limit)
    )
    return [name.removeprefix(facts.DOCUMENT_PREFIX) for name in session.scalars(query)]
