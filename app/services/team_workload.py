"""How much each officer carries: open cases, what falls due this week, what is over, and the agreed limit."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from app.models import CaseRow, User
from app.models.terms import CaseStatus, Role
from app.services.access import Permission, allowed


@dataclass(frozen=True, slots=True)
class Officer:
    """One officer's workload.

    Attributes:
        note: beside the name, such as "3 days a week" or "Back 23 Nov".
        open: open cases; ``due`` and ``over`` are among them.
        due: cases with something due from today to Sunday.
        over: cases with something overdue.
        oldest_over: days the oldest of these is over.
        limit: agreed number of open cases, or None.
        areas: towns covered.
    """

    user_id: str
    name: str
    initials: str
    note: str
    open: int
    due: int
    over: int
    oldest_over: int
    limit: int | None
    areas: tuple[str, ...]
    away: bool

    @property
    def first_name(self) -> str:
        """The name in sentences about them."""
        return self.name.split()[0] if self.name else ""

    @property
    def room(self) -> int | None:
        """How many more cases fit under the limit (negative when it is passed), or None without one."""
        return None if self.limit is None else self.limit - self.open


def initials_of(name: str) -> str:
    """Return the first letters of the first and last name."""
    words = name.split()
    return (words[0][:1] + (words[-1][:1] if len(words) > 1 else "")).upper() if words else "?"


def workload(session: Session, team_id: str | None, today: date) -> list[Officer]:
    """Return who can be given cases, by name: the order is no ranking.

    Args:
        session: reading.
        team_id: whose officers; None for every team's.
        today: local date.
    """
    counts = _counts(session, today)
    query = select(User).where(User.active.is_(True)).order_by(User.name)
    if team_id:
        query = query.where(User.team_id == team_id)
    return [
        _officer(user, counts.get(user.id, (0, 0, 0, 0)), today)
        for user in session.scalars(query)
        if _takes_cases(user.role) or counts.get(user.id, (0, 0, 0, 0))[0]
    ]


def _takes_cases(role: Role) -> bool:
    return allowed(role, Permission.EDIT_CASES) and not allowed(role, Permission.ALLOCATE_CASES)


def _counts(session: Session, today: date) -> dict[str, tuple[int, int, int, int]]:
    sunday = today + timedelta(days=6 - today.weekday())
    due = (CaseRow.next_due_on >= today) & (CaseRow.next_due_on <= sunday)
    over = CaseRow.next_due_on < today
    rows = session.execute(
        select(
            CaseRow.officer_id,
            func.count(),
            func.coalesce(func.sum(case((due, 1), else_=0)), 0),
            func.coalesce(func.sum(case((over, 1), else_=0)), 0),
            func.min(case((over, CaseRow.next_due_on), else_=None)),
        )
        .where(CaseRow.status == CaseStatus.OPEN.value, CaseRow.officer_id.is_not(None))
        .group_by(CaseRow.officer_id)
    )
    return {
        officer: (total, soon, late, (today - oldest).days if oldest else 0)
        for officer, total, soon, late, oldest in rows
        if officer
    }


def _officer(user: User, counts: tuple[int, int, int, int], today: date) -> Officer:
    return Officer(
        user_id=user.id,
        name=user.name,
        initials=initials_of(user.name),
        note=user.working_pattern,
        open=counts[0],
        due=counts[1],
        over=counts[2],
        oldest_over=counts[3],
        limit=user.case_limit,
        areas=tuple(area.strip() for area in user.areas.split(",") if area.strip()),
        away=user.away_until is not None and user.away_until > today,
    )


@dataclass(frozen=True, slots=True)
class Preview:
    """What an allocation would do, in words: a heading, a sentence, and whether it passes the agreed limit."""

    heading: str
    text: str
    over_limit: bool


def preview(officer: Officer, count: int) -> Preview:
    """Return what giving an officer so many more cases means."""
    heading = "If you allocate this case" if count == 1 else f"If you allocate these {count} cases"
    after = officer.open + count
    text = f"{officer.first_name} goes from {officer.open} to {after} open cases."
    if officer.limit is None:
        text += " No limit is agreed."
    elif after > officer.limit:
        text += f" That is {after - officer.limit} over the agreed limit of {officer.limit}."
    else:
        text += f" The agreed limit is {officer.limit}."
    if officer.away and officer.note:
        text += f" {officer.first_name} is away: {officer.note[0].lower()}{officer.note[1:]}."
    return Preview(heading, text, officer.limit is not None and after > officer.limit)


def over_limit_words(officer: Officer) -> Preview | None:
    """Return advice about an officer who is over the agreed limit, or None."""
    room = officer.room
    if room is None or room >= 0:
        return None
    text = "None of their cases is overdue."
    if officer.over:
        cases = "1 of their cases is overdue." if officer.over == 1 else f"{officer.over} of their cases are overdue."
        oldest = "1 day" if officer.oldest_over == 1 else f"{officer.oldest_over} days"
        text = f"{cases} The oldest is {oldest} over."
    return Preview(f"{officer.first_name} is {-room} over the agreed limit", text, over_limit=True)
