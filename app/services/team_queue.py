"""What a supervisor sees: who waits for an officer, what is overdue, what asks for approval, and who has room.

Suggestions are advice with their reason; a person allocates (:mod:`app.services.allocation`).
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from app.models import CaseRow, Closure, Letter, Team, User
from app.models.terms import CaseStatus, LetterState
from app.services import team_advice
from app.services.access import Permission, require
from app.services.ages import age_words
from app.services.conflicts.fields import choices_in
from app.services.conflicts.subjects import placed
from app.services.restriction import Sight, sight_of
from app.services.team_advice import Suggestion, Worth
from app.services.team_workload import Officer, workload
from app.services.workspace import Workspace
from app.timesource import to_london

ALL_TEAMS: Final = ""
MOST_ROWS: Final = 500
"""A list on this page is worked through, not searched; what is beyond it comes up as the first are done."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A count with one line under it; ``key`` names its list."""

    key: str
    title: str
    count: int
    line: str


@dataclass(frozen=True, slots=True)
class WaitingCase:
    """A case without an officer.

    Attributes:
        waited_days: calendar days since it was opened.
        allocation: the case's count of allocations as shown; handed back when it is allocated.
    """

    case_id: str
    reference: str
    name: str
    age: str
    waited_days: int
    source: str
    area: str
    worth: tuple[Worth, ...]
    suggestion: Suggestion | None
    allocation: int


@dataclass(frozen=True, slots=True)
class OverdueCase:
    """A case whose first due thing has passed."""

    case_id: str
    reference: str
    name: str
    what: str
    statutory: bool
    due_on: date
    days_over: int
    officer_id: str | None
    officer: str
    allocation: int


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """A letter that waits for a supervisor."""

    letter_id: str
    case_id: str
    title: str
    name: str
    writer: str
    asked_at: datetime
    own: bool
    """Written by the person looking, who may not approve it."""


@dataclass(frozen=True, slots=True)
class ClosureRow:
    """A closing that was proposed and not yet approved."""

    closure_id: str
    case_id: str
    reference: str
    name: str
    outcome: str
    evidence: str
    proposed_by: str
    proposed_on: date | None


@dataclass(frozen=True, slots=True)
class ConflictRow:
    """Two values for one field, waiting for a person.

    Attributes:
        field: in words.
        already_allocated: for a stale allocation, "Already allocated to NAME".
    """

    conflict_id: str
    case_id: str | None
    reference: str
    name: str
    field: str
    officers: str
    age_days: int
    already_allocated: str


@dataclass(frozen=True, slots=True)
class TeamQueue:
    """Everything on the page, from one consistent reading.

    Attributes:
        teams: (id, name) to choose from; the first is all of them.
    """

    team_id: str
    team: str
    teams: tuple[tuple[str, str], ...]
    tiles: tuple[Tile, ...]
    waiting: tuple[WaitingCase, ...]
    overdue: tuple[OverdueCase, ...]
    approvals: tuple[ApprovalRow, ...]
    closures: tuple[ClosureRow, ...]
    conflicts: tuple[ConflictRow, ...]
    officers: tuple[Officer, ...]


def read_queue(ws: Workspace, team_id: str | None = None) -> TeamQueue:
    """Return the queue of a team.

    Args:
        ws: a supervisor's workspace.
        team_id: a team, ``ALL_TEAMS``, or None for the supervisor's own.

    Raises:
        AccessRefused: the role may not allocate.
    """
    require(ws.actor, Permission.ALLOCATE_CASES)
    today = ws.time.today()
    with ws.read() as session:
        known = {row.id: row.name for row in session.execute(select(Team.id, Team.name).order_by(Team.name))}
        chosen = (ws.actor.team_id or ALL_TEAMS) if team_id is None else team_id
        chosen = chosen if chosen in known else ALL_TEAMS
        sight = sight_of(session, ws.actor)
        team = and_(_in_team(chosen), *sight.open_cases(CaseRow.case_id))
        officers = workload(session, chosen or None, today)
        waiting = _waiting(session, team, officers, today, sight)
        overdue = _overdue(session, team, today)
        approvals = _approvals(session, ws, team)
        closures = _closures(session, team)
        conflicts = _conflicts(session, ws, team, today)
        counts = _counts(session, team, today)
    return TeamQueue(
        team_id=chosen,
        team=known.get(chosen, "All teams"),
        teams=((ALL_TEAMS, "All teams"), *known.items()),
        tiles=_tiles(waiting, counts, approvals, closures, conflicts),
        waiting=tuple(waiting),
        overdue=tuple(overdue),
        approvals=tuple(approvals),
        closures=tuple(closures),
        conflicts=tuple(conflicts),
        officers=tuple(officers),
    )


def waiting_count(ws: Workspace) -> int:
    """Return how many cases wait for an officer in the person's own team: the badge on the rail."""
    require(ws.actor, Permission.ALLOCATE_CASES)
    with ws.read() as session:
        sight = sight_of(session, ws.actor)
        team = and_(_in_team(ws.actor.team_id or ALL_TEAMS), *sight.open_cases(CaseRow.case_id))
        query = select(func.count()).where(team, CaseRow.status == CaseStatus.OPEN.value, CaseRow.officer_id.is_(None))
        return session.execute(query).scalar_one()


def days(count: int) -> str:
    """Return ``1 day`` or ``3 days``."""
    return f"{count} day" if count == 1 else f"{count} days"


def _in_team(team_id: str) -> ColumnElement[bool]:
    # A case that belongs to no team yet is everybody's, so that it can never be overlooked.
    return or_(CaseRow.team_id == team_id, CaseRow.team_id.is_(None)) if team_id else CaseRow.case_id.is_not(None)


def _is_overdue(today: date) -> ColumnElement[bool]:
    return and_(CaseRow.status == CaseStatus.OPEN.value, CaseRow.next_due_on < today, CaseRow.officer_id.is_not(None))


def _waiting(
    session: Session, team: ColumnElement[bool], officers: list[Officer], today: date, sight: Sight
) -> list[WaitingCase]:
    rows = session.scalars(
        select(CaseRow)
        .where(team, CaseRow.status == CaseStatus.OPEN.value, CaseRow.officer_id.is_(None))
        .order_by(CaseRow.opened_on, CaseRow.reference)
        .limit(MOST_ROWS)
    ).all()
    facts = team_advice.facts_about(session, rows, today, sight)
    return [
        WaitingCase(
            case_id=row.case_id,
            reference=row.reference,
            name=row.child_name,
            age=age_words(row.born_on, today, row.year_group),
            waited_days=max(0, (today - row.opened_on).days),
            source=row.source_name or "Not recorded",
            area=row.area,
            worth=facts[row.case_id].worth,
            suggestion=team_advice.suggest(row.area, facts[row.case_id], officers),
            allocation=facts[row.case_id].allocation,
        )
        for row in rows
    ]


def _overdue(session: Session, team: ColumnElement[bool], today: date) -> list[OverdueCase]:
    rows = session.scalars(
        select(CaseRow)
        .where(team, _is_overdue(today))
        .order_by(CaseRow.next_due_on, CaseRow.reference)
        .limit(MOST_ROWS)
    ).all()
    numbers = team_advice.allocations(session, [row.case_id for row in rows])
    return [
        OverdueCase(
            case_id=row.case_id,
            reference=row.reference,
            name=row.child_name,
            what=row.next_due_what,
            statutory=row.next_due_statutory,
            due_on=row.next_due_on,
            days_over=(today - row.next_due_on).days,
            officer_id=row.officer_id,
            officer=row.officer_name,
            allocation=numbers.get(row.case_id, 0),
        )
        for row in rows
        if row.next_due_on is not None
    ]


def _counts(session: Session, team: ColumnElement[bool], today: date) -> tuple[int, int, int]:
    """Return how many cases wait, how many are overdue, and with how many officers; the lists may hold fewer."""
    waits = and_(CaseRow.status == CaseStatus.OPEN.value, CaseRow.officer_id.is_(None))
    waiting = session.execute(select(func.count()).where(team, waits)).scalar_one()
    query = select(func.count(), func.count(func.distinct(CaseRow.officer_id))).where(team, _is_overdue(today))
    cases, officers = session.execute(query).one()
    return waiting, cases, officers


def _approvals(session: Session, ws: Workspace, team: ColumnElement[bool]) -> list[ApprovalRow]:
    found = session.execute(
        select(
            Letter.id, Letter.case_id, Letter.title, Letter.created_at, Letter.created_by, CaseRow.child_name, User.name
        )
        .join(CaseRow, CaseRow.case_id == Letter.case_id)
        .outerjoin(User, User.id == Letter.created_by)
        .where(team, Letter.state == LetterState.WAITING_APPROVAL)
        .order_by(Letter.created_at)
        .limit(MOST_ROWS)
    )
    return [
        ApprovalRow(
            row.id,
            row.case_id,
            row.title,
            row.child_name,
            row.name or "",
            row.created_at,
            own=row.created_by is not None and row.created_by == ws.actor.user_id,
        )
        for row in found
    ]


def _closures(session: Session, team: ColumnElement[bool]) -> list[ClosureRow]:
    from app.services.cases import OUTCOMES  # late: cases brings in enquiries and drafts, which this page does without

    found = session.execute(
        select(Closure, CaseRow.reference, CaseRow.child_name, User.name)
        .join(CaseRow, CaseRow.case_id == Closure.case_id)
        .outerjoin(User, User.id == Closure.proposed_by)
        .where(team, CaseRow.status == CaseStatus.OPEN.value, Closure.approved_on.is_(None))
        .order_by(Closure.proposed_on)
        .limit(MOST_ROWS)
    )
    return [
        ClosureRow(
            closure_id=closure.id,
            case_id=closure.case_id,
            reference=reference,
            name=child,
            outcome=OUTCOMES.get(closure.outcome, closure.outcome),
            evidence=closure.evidence,
            proposed_by=person or "",
            proposed_on=closure.proposed_on,
        )
        for closure, reference, child, person in found
    ]


def _conflicts(session: Session, ws: Workspace, team: ColumnElement[bool], today: date) -> list[ConflictRow]:
    names = {row.id: row.name for row in session.execute(select(User.id, User.name))}
    found: dict[tuple[str, str, str], ConflictRow] = {}
    open_ones = placed(session, ws.actor, within=team)
    columns = [(each.conflict.table_name, each.conflict.row_id, each.conflict.field) for each in open_ones]
    places = choices_in(columns)
    for each, about in zip(open_ones, columns, strict=True):
        conflict, case = each.conflict, each.case
        # Columns that are one thing to a person (an address) are one line.
        choice = (*about[:2], places[about][2].fields[0])
        if case is None or choice in found or len(found) == MOST_ROWS:
            continue
        people = [names[user] for user in (conflict.kept_by, conflict.offered_by) if user in names]
        stale = conflict.table_name == "case" and conflict.field == "officer_id"
        found[choice] = ConflictRow(
            conflict_id=conflict.id,
            case_id=case.case_id,
            reference=case.reference,
            name=case.child_name,
            field=team_advice.field_words(conflict.table_name, conflict.field),
            officers=" and ".join(dict.fromkeys(people)) or "Not recorded",
            age_days=max(0, (today - to_london(conflict.offered_at).date()).days),
            already_allocated=_already(names.get(str(conflict.kept), "")) if stale else "",
        )
    return list(found.values())


def _already(name: str) -> str:
    return f"Already allocated to {name}" if name else "Taken back to the queue"


def _tiles(
    waiting: list[WaitingCase],
    counts: tuple[int, int, int],
    approvals: list[ApprovalRow],
    closures: list[ClosureRow],
    conflicts: list[ConflictRow],
) -> tuple[Tile, ...]:
    waits, cases, officers = counts
    oldest = f"Oldest has waited {days(waiting[0].waited_days)}" if waiting else "Nobody is waiting"
    if waiting and waiting[0].waited_days == 0:
        oldest = "All came today"
    across = "1 officer" if officers == 1 else f"{officers} officers"
    bare = sum(1 for closure in closures if not closure.evidence)
    evidence = (f"{bare} without evidence" if bare else "Evidence attached") if closures else "Nothing proposed"
    stale = sum(1 for conflict in conflicts if conflict.already_allocated)
    conflict_line = f"{stale} already allocated" if stale else "Waiting on officers"
    return (
        Tile("waiting", "Unallocated", waits, oldest),
        Tile("overdue", "Overdue", cases, f"Across {across}" if cases else "Nothing is overdue"),
        Tile("approvals", "To approve", len(approvals), _kinds(approvals)),
        Tile("closures", "To close", len(closures), evidence),
        Tile("conflicts", "Conflicts", len(conflicts), conflict_line if conflicts else "Nothing to decide"),
    )


def _kinds(approvals: list[ApprovalRow]) -> str:
    if not approvals:
        return "Nothing waits"
    own = sum(1 for row in approvals if row.own)
    return f"{own} your own" if own else "Letters from your team"
