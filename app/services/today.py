"""What the Today page shows: clocks, tasks, new correspondence, and the state of this laptop."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.orm import Session

from app.errors import UserError
from app.models import CaseRow, ChangeLine, ChangeSetRow, Clock, Document, Task
from app.models.terms import CaseStatus, ChangeState, DocumentState
from app.services import access, access_alerts, clock_rules, clocks
from app.services.access import Permission
from app.services.ages import school_year
from app.services.rescued import listing as rescued_listing
from app.services.restriction import Sight, sight_of
from app.services.workspace import Workspace

NearCase = Row[str, str, str, date | None, str]
"""Case id, child, reference, date of birth and year group."""
Group = Literal["overdue", "today", "week", "next_week"]
SUNDAY = 6
THURSDAY = 3
MOST_CASES, MOST_DOCUMENTS, MOST_TASKS = 500, 5, 200
# What a change set is called by the table it touched; the first that fits names it.
_CHANGE_WORDS = (
    ("letter", "letter", "letters"),
    ("document", "document", "documents"),
    ("referral", "referral", "referrals"),
    ("case_event", "entry", "entries"),
    ("enquiry", "enquiry", "enquiries"),
    ("task", "task", "tasks"),
    ("assignment", "allocation", "allocations"),
)


@dataclass(frozen=True, slots=True)
class ClockLine:
    """A running clock of one of this person's cases.

    Attributes:
        day, of: which day of the clock today is, in the rule's unit.
        days_over: calendar days past the due date; 0 when it is not overdue.
        explanation: how the date came about.
    """

    case_id: str
    child: str
    detail: str
    what: str
    basis: str
    statutory: bool
    provisional: bool
    due_on: date
    day: int
    of: int
    days_over: int
    group: Group
    explanation: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TaskLine:
    """An open task or visit of this person."""

    task_id: str
    text: str
    case_id: str | None
    child: str
    due_on: date | None
    state: Literal["overdue", "today", "later", "none"]
    kind: str
    at_time: str
    place: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """A document in the tray that nobody has linked yet."""

    document_id: str
    title: str
    detail: str
    pages: int


@dataclass(frozen=True, slots=True)
class TodayView:
    """Everything on the page, read at one moment.

    Attributes:
        cases_due: how many of this person's cases have a clock in the list.
        waiting: what is on this laptop only, in words, e.g. ``4 entries, 1 letter``; empty when nothing is.
    """

    today: date
    clocks: tuple[ClockLine, ...]
    tasks: tuple[TaskLine, ...]
    visits: tuple[TaskLine, ...]
    documents: tuple[DocumentLine, ...]
    documents_count: int
    cases_count: int
    cases_due: int
    waiting: str
    waiting_count: int


def read(ws: Workspace) -> TodayView:
    """Return the page for the signed-in person, as of now.

    Raises:
        AccessRefused: the role may not read cases.
    """
    access.require(ws.actor, Permission.READ_CASES)
    today = ws.time.today()
    with ws.read() as session:
        sight = sight_of(session, ws.actor)
        mine = (
            CaseRow.status == CaseStatus.OPEN.value,
            CaseRow.officer_id == ws.actor.user_id,
            *sight.open_cases(CaseRow.case_id),
        )
        cases_count = session.scalar(select(func.count()).select_from(CaseRow).where(*mine)) or 0
        lines = tuple(sorted(_clock_lines(session, _near_cases(session, mine, today), today), key=_order))
        tasks = _tasks(session, ws.actor.user_id, today, sight)
        files = access.allowed(ws.actor.role, Permission.LINK_DOCUMENTS)
        documents, documents_count = _documents(session) if files else ((), 0)
        waiting, waiting_count = _waiting(session)
    return TodayView(
        today=today,
        clocks=lines,
        tasks=tuple(task for task in tasks if task.kind != "visit"),
        visits=tuple(task for task in tasks if task.kind == "visit" and task.due_on == today),
        documents=documents,
        documents_count=documents_count,
        cases_count=cases_count,
        cases_due=len({line.case_id for line in lines}),
        waiting=waiting,
        waiting_count=waiting_count,
    )


def counts(ws: Workspace) -> dict[str, int]:
    """Return the badges of the rail by route: only new things that need this person."""
    access.require(ws.actor, Permission.USE_LAPTOP)
    found = {}
    with ws.read() as session:
        if access.allowed(ws.actor.role, Permission.LINK_DOCUMENTS):
            found["correspondence"] = _documents(session)[1]
        if access.allowed(ws.actor.role, Permission.ALLOCATE_CASES):
            query = (
                select(func.count())
                .select_from(CaseRow)
                .where(
                    CaseRow.status == CaseStatus.OPEN.value,
                    CaseRow.officer_id.is_(None),
                    *sight_of(session, ws.actor).open_cases(CaseRow.case_id),
                )
            )
            found["team"] = session.scalar(query) or 0
    if access.allowed(ws.actor.role, Permission.REVIEW_ACCESS):
        found["access"] = access_alerts.waiting(ws)
    if access.allowed(ws.actor.role, Permission.TAKE_OVER_WORK):
        found["handed_in"] = rescued_listing.waiting_count(ws)
    return found


def likely_matches(ws: Workspace, document_ids: Iterable[str]) -> dict[str, str]:
    """Return whose each waiting document may be, in words, e.g. ``Likely match: Zofia Halewicz``.

    Args:
        ws: the workspace.
        document_ids: a few documents; each is read for clues.
    """
    from app.services.documents import suggest  # late: its matchers load after the page is on screen

    access.require(ws.actor, Permission.LINK_DOCUMENTS)
    found = {}
    for document_id in document_ids:
        try:
            suggestions = suggest.suggest(ws, document_id)
        except UserError:
            continue  # linked or removed in the meantime
        if suggestions.candidates and suggestions.candidates[0].strength > suggest.Strength.WEAK:
            word = "Likely" if suggestions.chosen is not None else "Possible"
            found[document_id] = f"{word} match: {suggestions.candidates[0].child_name}"
        else:
            found[document_id] = "No match yet"
    return found


def group_of(due: date, today: date) -> Group | None:
    """Return where a due date stands: overdue, today, this week (to Sunday), next week (from Thursday on), or None."""
    if due < today:
        return "overdue"
    if due == today:
        return "today"
    sunday = today + timedelta(days=SUNDAY - today.weekday())
    if due <= sunday:
        return "week"
    near = today.weekday() >= THURSDAY and due <= sunday + timedelta(days=7)
    return "next_week" if near else None


def _order(line: ClockLine) -> tuple[date, bool, str]:
    return (line.due_on, not line.statutory, line.child)


def _near_cases(session: Session, mine: Sequence[ColumnElement[bool]], today: date) -> dict[str, NearCase]:
    """Return this person's cases with something due within two weeks, the soonest first, as many as can be read."""
    last = today + timedelta(days=14)
    rows = session.execute(
        select(CaseRow.case_id, CaseRow.child_name, CaseRow.reference, CaseRow.born_on, CaseRow.year_group)
        .where(*mine, CaseRow.next_due_on <= last)
        .order_by(CaseRow.next_due_on)
        .limit(MOST_CASES)
    )
    return {row.case_id: row for row in rows}


def _clock_lines(session: Session, cases: dict[str, NearCase], today: date) -> Iterable[ClockLine]:
    near = list(cases)
    rules = clock_rules.load_rules()
    for start in range(0, len(near), 500):
        running = select(Clock.case_id, Clock.rule, Clock.started_on, Clock.label).where(
            Clock.case_id.in_(near[start : start + 500]), Clock.met_on.is_(None), Clock.stopped_on.is_(None)
        )
        for clock in session.execute(running):
            if clock.rule not in rules:
                continue
            due = clocks.due_on(clock.rule, clock.started_on, today, label=clock.label)
            group = group_of(due.due_on, today) if due.due_on else None
            if due.due_on is None or group is None:
                continue
            row = cases[clock.case_id]
            yield ClockLine(
                case_id=clock.case_id,
                child=row.child_name,
                detail=_detail(row, today),
                what=clocks.label_of(clock.rule, clock.label),
                basis=due.basis,
                statutory=due.statutory,
                provisional=due.provisional,
                due_on=due.due_on,
                day=due.day,
                of=due.of,
                days_over=max(0, (today - due.due_on).days),
                group=group,
                explanation=due.explanation,
            )


def _detail(row: NearCase, today: date) -> str:
    year = school_year(row.born_on, today) or (f"Year {row.year_group}" if row.year_group.isdigit() else "")
    return " · ".join(part for part in (year, row.reference) if part)


def _tasks(session: Session, user_id: str | None, today: date, sight: Sight) -> list[TaskLine]:
    query = (
        select(Task, CaseRow.child_name, CaseRow.flags)
        .outerjoin(CaseRow, CaseRow.case_id == Task.case_id)
        .where(Task.user_id == user_id, Task.done_at.is_(None), *sight.open_cases(Task.case_id))
        .order_by(Task.due_on.is_(None), Task.due_on, Task.at_time, Task.id)
        .limit(MOST_TASKS)
    )
    return [
        TaskLine(
            task_id=row.Task.id,
            text=row.Task.text,
            case_id=row.Task.case_id,
            child=row.child_name or "",
            due_on=row.Task.due_on,
            state=_state(row.Task.due_on, today),
            kind=row.Task.kind,
            at_time=row.Task.at_time,
            place=row.Task.place,
            flags=tuple(flag for flag in (row.flags or "").split(",") if flag),
        )
        for row in session.execute(query)
    ]


def _state(due: date | None, today: date) -> Literal["overdue", "today", "later", "none"]:
    if due is None:
        return "none"
    return "overdue" if due < today else "today" if due == today else "later"


def _documents(session: Session) -> tuple[tuple[DocumentLine, ...], int]:
    to_link = Document.state == DocumentState.TO_LINK
    count = session.scalar(select(func.count()).select_from(Document).where(to_link)) or 0
    query = (
        select(Document.id, Document.title, Document.sender, Document.page_count)
        .where(to_link)
        .order_by(Document.arrived_at.desc())
        .limit(MOST_DOCUMENTS)
    )
    lines = tuple(
        DocumentLine(row.id, row.title or "Scanned document", row.sender or "Not linked yet", row.page_count)
        for row in session.execute(query)
    )
    return lines, count


def _waiting(session: Session) -> tuple[str, int]:
    """Return what is on this laptop only, in words, and how many change sets that is."""
    query = (
        select(ChangeSetRow.id, func.group_concat(ChangeLine.table_name.distinct()).label("tables"))
        .outerjoin(ChangeLine, ChangeLine.change_set_id == ChangeSetRow.id)
        .where(ChangeSetRow.state == ChangeState.PENDING)
        .group_by(ChangeSetRow.id)
    )
    tally: dict[tuple[str, str], int] = {}
    total = 0
    for row in session.execute(query):
        total += 1
        tables = set((row.tables or "").split(","))
        words = next(
            ((one, many) for table, one, many in _CHANGE_WORDS if table in tables), ("other change", "other changes")
        )
        tally[words] = tally.get(words, 0) + 1
    parts = [f"{count} {one if count == 1 else many}" for (one, many), count in tally.items()]
    return ", ".join(parts), total
