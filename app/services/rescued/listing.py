"""What was handed in for a supervisor's team: who made it, when, on which laptop, what became of it. Works offline."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import Device, HandedIn, Team, User
from app.models.terms import HandedInState, HandInReason
from app.services.access import Permission, require
from app.services.workspace import Workspace

MOST_SHOWN: Final = 1000
WHY_WORDS: Final = {
    HandInReason.NO_ACCESS: "May no longer change these records",
    HandInReason.REVOKED: "The laptop may no longer sync",
    HandInReason.REFUSED: "Was refused, and a supervisor was asked",
}
STATE_WORDS: Final = {
    HandedInState.WAITING: "Waiting",
    HandedInState.TAKEN_OVER: "Taken over",
    HandedInState.SET_ASIDE: "Set aside",
}


@dataclass(frozen=True, slots=True)
class HandedInRow:
    """One change set that was handed in; what it says is only known once it is opened.

    Attributes:
        author, laptop, team: by name; empty where the name is not known here.
        made_at, handed_in_at: UTC.
        why: why it was not merged, in words.
        change_count, document_count: how many.
        is_waiting: nobody has settled it.
        state_words, settled_by, settled_at, settled_reason: what became of it.
        can_open: whether it is sealed to a team's key; otherwise only IT can, with the authority's key.
    """

    id: str
    author: str
    laptop: str
    team: str
    made_at: datetime
    handed_in_at: datetime
    why: str
    change_count: int
    document_count: int
    is_waiting: bool
    state_words: str
    settled_by: str
    settled_at: datetime | None
    settled_reason: str
    can_open: bool


def handed_in(ws: Workspace, *, waiting_only: bool = False) -> list[HandedInRow]:
    """Return what was handed in for this supervisor's team: what waits first, then newest first."""
    require(ws.actor, Permission.TAKE_OVER_WORK)
    with ws.read() as session:
        condition = [HandedIn.state == HandedInState.WAITING] if waiting_only else []
        rows = session.scalars(
            select(HandedIn)
            .where(*_own_team(ws), *condition)
            .order_by(HandedIn.state != HandedInState.WAITING, HandedIn.handed_in_at.desc(), HandedIn.id.desc())
            .limit(MOST_SHOWN)
        ).all()
        names = _names(session, rows)
    return [_row(row, names) for row in rows]


def waiting_count(ws: Workspace) -> int:
    """Return how much waits for this supervisor's team."""
    require(ws.actor, Permission.TAKE_OVER_WORK)
    with ws.read() as session:
        query = (
            select(func.count()).select_from(HandedIn).where(HandedIn.state == HandedInState.WAITING, *_own_team(ws))
        )
        return int(session.execute(query).scalar_one())


def _own_team(ws: Workspace) -> list[Any]:
    if ws.actor.team_id is None:
        return []
    return [(HandedIn.team_id == ws.actor.team_id) | HandedIn.team_id.is_(None)]


def _names(session: Session, rows: Any) -> dict[str, str]:
    wanted = {each for row in rows for each in (row.author_id, row.device_id, row.team_id, row.settled_by) if each}
    names: dict[str, str] = {}
    for model in (User, Device, Team):
        names |= {row.id: row.name for row in session.execute(select(model.id, model.name).where(model.id.in_(wanted)))}
    return names


def _row(row: HandedIn, names: dict[str, str]) -> HandedInRow:
    return HandedInRow(
        id=row.id,
        author=names.get(row.author_id or "", ""),
        laptop=names.get(row.device_id, ""),
        team=names.get(row.team_id or "", ""),
        made_at=row.made_at,
        handed_in_at=row.handed_in_at,
        why=WHY_WORDS[row.why],
        change_count=row.changes,
        document_count=row.documents,
        is_waiting=row.state is HandedInState.WAITING,
        state_words=STATE_WORDS[row.state],
        settled_by=names.get(row.settled_by or "", ""),
        settled_at=row.settled_at,
        settled_reason=row.settled_reason,
        can_open=row.team_id is not None,
    )
