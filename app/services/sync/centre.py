"""What the Sync centre shows: what waits on this laptop and why, what was refused, and what arrived last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import CaseRow, ChangeLine, ChangeSetRow
from app.models.terms import ChangeState
from app.services.access import Permission, allowed, require
from app.services.conflicts import listing
from app.services.restriction import sight_of
from app.services.sync import document_wishes, facts, proving
from app.services.sync.client import pending_count
from app.services.workspace import Workspace

MOST_ROWS = 500
RECENT_ROWS = 50


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """One change set that waits or was refused, or that has been settled lately.

    Attributes:
        what: why it was made, such as "Added a note".
        case_id, case: which case, where it is one; ``case`` is reference and child's name.
        size: bytes.
        since: when it was made.
        state: waiting, refused, sent or received.
        state_words: for the table.
        by: who made it.
    """

    id: str
    what: str
    case_id: str | None
    case: str
    size: int
    since: datetime
    state: str
    state_words: str
    by: str


@dataclass(frozen=True, slots=True)
class SyncView:
    """The Sync centre.

    Attributes:
        headline: one sentence.
        enrolled: whether there is a central store to sync with.
        conflict_count: changes for a person to choose between.
        refused_count: change sets the central store did not take.
        document_count, document_bytes: documents whose bytes have still to go up or come down.
        waiting: refused first, then oldest first.
        recent: settled lately, newest first.
        proven_at, proven_count, proven_healed, proven_unequal: when everything here was last compared with the central
            store, how many children that were, how many were put right, and how many still differ.
        receipts: change sets of this laptop with a signed receipt.
    """

    headline: str
    enrolled: bool
    pending_count: int
    conflict_count: int
    refused_count: int
    document_count: int
    receipts: int
    revision: int
    last_synced_at: datetime | None
    waiting: tuple[WaitingRow, ...]
    recent: tuple[WaitingRow, ...]
    document_bytes: int = 0
    proven_at: datetime | None = None
    proven_count: int = 0
    proven_healed: int = 0
    proven_unequal: int = 0

    @property
    def refused(self) -> tuple[WaitingRow, ...]:
        """What was not taken."""
        return tuple(row for row in self.waiting if row.state == "refused")

    @property
    def pending(self) -> tuple[WaitingRow, ...]:
        """What waits to be sent."""
        return tuple(row for row in self.waiting if row.state != "refused")


_WORDS = {
    ChangeState.PENDING: ("waiting", "Waiting"),
    ChangeState.REFUSED: ("refused", "Not taken"),
    ChangeState.ACCEPTED: ("sent", "In the central store"),
    ChangeState.CONFLICTED: ("sent", "In the central store, with a change to review"),
    ChangeState.CLEARED: ("cleared", "Not taken, and dealt with"),
    ChangeState.RESCUED: ("sent", "Handed in to the team"),
    ChangeState.RECEIVED: ("received", "From the central store"),
}


def sync_view(ws: Workspace) -> SyncView:
    """Return what the Sync centre shows. Reads only this laptop; names only cases that this person may open."""
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        closed = None if not allowed(ws.actor.role, Permission.READ_CASES) else sight_of(session, ws.actor).closed
        pending = pending_count(session)
        refused = _count(session, ChangeSetRow, ChangeSetRow.state == ChangeState.REFUSED)
        conflicts = listing.review_count(session, ws.actor)
        stored = facts.get(session, facts.LAST_SYNCED)
        documents, size = document_wishes.unsettled_count(session, ws.time, document_wishes.Wishes())
        proof = proving.last_proof(session)
        waiting = [
            *_rows(session, ChangeSetRow.state == ChangeState.REFUSED, ChangeSetRow.sequence, MOST_ROWS, closed),
            *_rows(session, ChangeSetRow.state == ChangeState.PENDING, ChangeSetRow.sequence, MOST_ROWS, closed),
        ]
        # Keys are in the order of making, so the newest are found without reading the rest.
        recent = _rows(
            session,
            ChangeSetRow.state.not_in((ChangeState.PENDING, ChangeState.REFUSED)),
            ChangeSetRow.id.desc(),
            RECENT_ROWS,
            closed,
        )
        made = session.execute(
            select(func.max(ChangeSetRow.sequence)).where(ChangeSetRow.device_id == ws.actor.device_id)
        ).scalar()
        cleared = _count(session, ChangeSetRow, ChangeSetRow.state == ChangeState.CLEARED)
        receipts = max(0, (made or 0) - pending - refused - cleared)
        enrolled = facts.get(session, facts.SERVER) is not None
        revision = facts.cursor(session)
    return SyncView(
        headline=_headline(pending, conflicts + refused, enrolled=enrolled),
        enrolled=enrolled,
        pending_count=pending,
        conflict_count=conflicts,
        refused_count=refused,
        document_count=documents if enrolled else 0,
        document_bytes=size if enrolled else 0,
        proven_at=proof.at if proof else None,
        proven_count=proof.units if proof else 0,
        proven_healed=proof.healed if proof else 0,
        proven_unequal=proof.unequal if proof else 0,
        receipts=receipts,
        revision=revision,
        last_synced_at=datetime.fromisoformat(stored) if stored else None,
        waiting=tuple(waiting),
        recent=tuple(recent),
    )


def _headline(pending: int, review: int, *, enrolled: bool) -> str:
    if not enrolled:
        return "This laptop is not enrolled with a central store. Everything is kept on it."
    parts = []
    if pending:
        parts.append("1 change waits on this laptop." if pending == 1 else f"{pending} changes wait on this laptop.")
    if review:
        parts.append("1 change needs your review." if review == 1 else f"{review} changes need your review.")
    return " ".join(parts) or "Everything you have recorded is in the central store."


def _count(session: Session, model: Any, condition: Any) -> int:
    return int(session.execute(select(func.count()).select_from(model).where(condition)).scalar_one())


def _rows(session: Session, condition: Any, order: Any, limit: int, closed: frozenset[str] | None) -> list[WaitingRow]:
    """Return change sets as rows.

    Args:
        closed: cases that are not named; None names none at all.
    """
    found = session.execute(
        select(
            ChangeSetRow.id,
            ChangeSetRow.reason,
            ChangeSetRow.made_at,
            ChangeSetRow.state,
            ChangeSetRow.refusal,
            ChangeSetRow.actor_name,
            func.length(ChangeSetRow.body).label("size"),
        )
        .where(condition)
        .order_by(order)
        .limit(limit)
    ).all()
    cases = _cases(session, [row.id for row in found])
    rows = []
    for row in found:
        state, words = _WORDS[row.state]
        case_id, case = cases.get(row.id, (None, ""))
        if closed is None or case_id in closed:
            case_id, case = None, "A case you may not open" if case else ""
        rows.append(
            WaitingRow(
                id=row.id,
                what=row.reason or "Changed a record",
                case_id=case_id,
                case=case,
                size=row.size,
                since=row.made_at,
                state=state,
                state_words=f"{words}: {row.refusal}" if row.refusal else words,
                by=row.actor_name,
            )
        )
    return rows


def _cases(session: Session, set_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return, for each change set that touched a case or its child, that case's id and words."""
    found: dict[str, tuple[str, str]] = {}
    for start in range(0, len(set_ids), 400):
        some = set_ids[start : start + 400]
        for by in (CaseRow.case_id, CaseRow.child_id):
            rows = session.execute(
                select(ChangeLine.change_set_id, CaseRow.case_id, CaseRow.reference, CaseRow.child_name)
                .join(CaseRow, by == ChangeLine.subject_id)
                .where(ChangeLine.change_set_id.in_(some))
                .order_by(ChangeLine.position)
            )
            for row in rows:
                found.setdefault(row.change_set_id, (row.case_id, f"{row.child_name}, {row.reference}"))
    return found
