"""The Cases table: which cases, how many, in which order. Filtering, sorting and paging stay in SQL.

Everything is read from the ``case_row`` projection, one row a case.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Select, String, and_, case, func, not_, or_, select, type_coerce
from sqlalchemy.orm import Session

from app.models import CaseRow, ChangeLine, ChangeSetRow, Conflict
from app.models.folding import fold
from app.models.terms import STAGE_WORDS, CaseStatus, ChangeState, ConflictState, Stage
from app.services.access import Permission, require
from app.services.ages import age_words
from app.services.batches import batched
from app.services.workspace import Workspace

View = Literal["mine", "all", "due_week", "no_contact"]
VIEWS: Final[dict[str, str]] = {
    "mine": "My open cases",
    "due_week": "Due this week",
    "no_contact": "No contact, 10 days",
    "all": "All open cases",
}
NOT_ALLOCATED: Final = "not_allocated"
QUIET_DAYS: Final = 10
_LEGAL = (Stage.LEGAL_NOTICE.value, Stage.LEGAL_ORDER.value)
STAGE_GROUPS: Final[dict[str, tuple[str, ...]]] = {
    **{stage.value: (stage.value,) for stage in Stage if stage.value not in _LEGAL and stage is not Stage.CLOSED},
    "legal": _LEGAL,
}
STAGE_GROUP_WORDS: Final[dict[str, str]] = {
    **{key: STAGE_WORDS[Stage(key)] for key in STAGE_GROUPS if key != "legal"},
    "legal": "Legal",
}


@dataclass(frozen=True, slots=True)
class CaseQuery:
    """What the Cases table shows.

    Attributes:
        view: which view it started from: due this week and no contact are conditions of their own.
        officers: officer ids, and ``NOT_ALLOCATED``; empty means every officer.
        stages: keys of ``STAGE_GROUPS``; empty means every stage.
        statutory: only cases whose next clock is statutory.
        changed_here: only cases with changes on this laptop that are not yet synced.
        closed: closed cases instead of open ones.
        text: part of a name or reference.
        sort: child, stage, due, activity, school, unsynced, officer, area or waiting.
    """

    view: View = "mine"
    officers: frozenset[str] = frozenset()
    stages: frozenset[str] = frozenset()
    statutory: bool = False
    changed_here: bool = False
    closed: bool = False
    text: str = ""
    sort: str = "due"
    descending: bool = False

    def showing(self, name: str, *, on: bool) -> "CaseQuery":
        """Return the query with one of the switches statutory, changed_here or closed turned on or off."""
        return replace(
            self,
            statutory=on if name == "statutory" else self.statutory,
            changed_here=on if name == "changed_here" else self.changed_here,
            closed=on if name == "closed" else self.closed,
        )


@dataclass(frozen=True, slots=True)
class CaseListRow:
    """One row of the table, in words where words are shown."""

    case_id: str
    child_id: str
    reference: str
    name: str
    age: str
    status: str
    stage: str
    due_on: date | None
    due_what: str
    statutory: bool
    last_activity: str
    last_activity_at: datetime | None
    last_school: str
    unsynced: int
    flags: tuple[str, ...]
    officer: str
    area: str
    opened_on: date
    closed_on: date | None
    conflicts: int


@dataclass(frozen=True, slots=True)
class OfficerCount:
    """How many cases an officer has under the other filters; ``NOT_ALLOCATED`` for none."""

    officer_id: str
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class FilterCounts:
    """Numbers beside views and filters. A filter's own group is left out of its counts."""

    views: dict[str, int]
    officers: tuple[OfficerCount, ...]
    stages: dict[str, int]
    statutory: int
    changed_here: int
    closed: int
    total: int = field(default=0)


def for_view(view: View, ws: Workspace) -> CaseQuery:
    """Return the query a view starts with: the person's own cases, except for the view of all."""
    mine = frozenset({ws.actor.user_id}) if ws.actor.user_id and view != "all" else frozenset()
    return CaseQuery(view=view, officers=mine)


def count(ws: Workspace, query: CaseQuery) -> int:
    """Return how many cases a query holds."""
    require(ws.actor, Permission.READ_CASES)
    with ws.read() as session:
        return session.execute(select(func.count()).where(_where(ws, query))).scalar_one()


def ids(ws: Workspace, query: CaseQuery) -> list[str]:
    """Return the ids of every case of a query, in order: about 10 ms for 10,000."""
    require(ws.actor, Permission.READ_CASES)
    with ws.read() as session:
        return _ordered_ids(session, ws, query)


def rows(ws: Workspace, case_ids: Sequence[str]) -> list[CaseListRow]:
    """Return the rows of these cases, in the order asked; cases that are gone are left out."""
    require(ws.actor, Permission.READ_CASES)
    with ws.read() as session:
        found: dict[str, CaseListRow] = {}
        for some in batched(case_ids, 400):
            found |= _read_rows(session, select(CaseRow).where(CaseRow.case_id.in_(some)), ws.time.today())
    return [found[case_id] for case_id in case_ids if case_id in found]


def first_page(ws: Workspace, query: CaseQuery, limit: int = 60) -> tuple[list[str], list[CaseListRow]]:
    """Return every id of a query and the first rows, from one consistent reading: what opens the page."""
    require(ws.actor, Permission.READ_CASES)
    with ws.read() as session:
        order = _ordered_ids(session, ws, query)
        top = order[:limit]
        found = _read_rows(session, select(CaseRow).where(CaseRow.case_id.in_(top)), ws.time.today())
    return order, [found[case_id] for case_id in top]


def filter_counts(ws: Workspace, query: CaseQuery) -> FilterCounts:
    """Return the numbers beside the views and filters of the panel."""
    require(ws.actor, Permission.READ_CASES)
    with ws.read() as session:
        views = _view_counts(session, ws)
        officers = _officer_counts(session, ws, query)
        stages = _stage_counts(session, ws, query)
        plain = replace(query, statutory=False, changed_here=False, closed=False)
        here = _changed_here()
        statutory, changed, total = session.execute(
            select(
                func.coalesce(func.sum(case((CaseRow.next_due_statutory, 1), else_=0)), 0),
                func.coalesce(func.sum(case((here, 1), else_=0)), 0),
                func.count(),
            ).where(_where(ws, plain))
        ).one()
        closed = session.execute(select(func.count()).where(_where(ws, replace(plain, closed=True)))).scalar_one()
    return FilterCounts(views, officers, stages, statutory, changed, closed, total)


def officers(ws: Workspace) -> list[tuple[str, str]]:
    """Return (id, name) of the officers who have cases on this laptop, by name."""
    with ws.read() as session:
        found = session.execute(
            select(CaseRow.officer_id, CaseRow.officer_name)
            .where(CaseRow.officer_id.is_not(None), CaseRow.status == CaseStatus.OPEN.value)
            .distinct()
            .order_by(CaseRow.officer_name)
        )
        return [(officer_id, name) for officer_id, name in found if officer_id]


def unsynced_counts(session: Session, subjects: Iterable[str]) -> dict[str, int]:
    """Return how many change sets of this laptop that touch each subject have no receipt yet."""
    wanted = list(subjects)
    found: dict[str, int] = {}
    for some in batched(wanted, 800):
        query = (
            select(ChangeLine.subject_id, func.count(func.distinct(ChangeLine.change_set_id)))
            .join(ChangeSetRow, ChangeSetRow.id == ChangeLine.change_set_id)
            .where(ChangeLine.subject_id.in_(some), ChangeSetRow.state == ChangeState.PENDING)
            .group_by(ChangeLine.subject_id)
        )
        found |= {subject: number for subject, number in session.execute(query) if subject}
    return found


def _ordered_ids(session: Session, ws: Workspace, query: CaseQuery) -> list[str]:
    # Read as stored and dashed here: making 10,000 UUID objects took longer than finding the rows.
    statement = select(type_coerce(CaseRow.case_id, String)).where(_where(ws, query))
    return [
        f"{key[:8]}-{key[8:12]}-{key[12:16]}-{key[16:20]}-{key[20:]}"
        for key in session.connection().execute(_ordered(statement, query)).scalars()
    ]


def _changed_here() -> ColumnElement[bool]:
    pending = (
        select(ChangeLine.subject_id)
        .join(ChangeSetRow, ChangeSetRow.id == ChangeLine.change_set_id)
        .where(ChangeSetRow.state == ChangeState.PENDING, ChangeLine.subject_id.is_not(None))
    )
    return or_(CaseRow.case_id.in_(pending), CaseRow.child_id.in_(pending))


def _officer_condition(chosen: frozenset[str]) -> ColumnElement[bool]:
    named = [officer for officer in chosen if officer != NOT_ALLOCATED]
    parts: list[ColumnElement[bool]] = []
    if named:
        parts.append(CaseRow.officer_id.in_(named))
    if NOT_ALLOCATED in chosen:
        parts.append(CaseRow.officer_id.is_(None))
    return or_(*parts)


def _view_condition(ws: Workspace, view: str) -> list[ColumnElement[bool]]:
    if view == "due_week":
        today = ws.time.today()
        # Up to and including Sunday, so that what is overdue is never hidden.
        return [CaseRow.next_due_on <= today + timedelta(days=6 - today.weekday())]
    if view == "no_contact":
        limit = ws.time.now() - timedelta(days=QUIET_DAYS)
        return [or_(CaseRow.last_activity_at.is_(None), CaseRow.last_activity_at < limit)]
    return []


def _where(ws: Workspace, query: CaseQuery) -> ColumnElement[bool]:
    wanted = CaseStatus.CLOSED if query.closed else CaseStatus.OPEN
    parts: list[ColumnElement[bool]] = [CaseRow.status == wanted.value, *_view_condition(ws, query.view)]
    if query.officers:
        parts.append(_officer_condition(query.officers))
    if query.stages:
        parts.append(CaseRow.stage.in_([stage for key in query.stages for stage in STAGE_GROUPS.get(key, (key,))]))
    if query.statutory:
        parts.append(CaseRow.next_due_statutory.is_(True))
    if query.changed_here:
        parts.append(_changed_here())
    if query.text.strip():
        parts.append(_text_condition(query.text))
    return and_(*parts)


def _text_condition(text: str) -> ColumnElement[bool]:
    words = [CaseRow.name_folded.contains(word, autoescape=True) for word in fold(text).split()]
    return or_(and_(*words), CaseRow.reference.contains(text.strip().upper(), autoescape=True))


def _ordered(statement: Select[Any], query: CaseQuery) -> Select[Any]:
    order = [_directed(column, descending=query.descending) for column in _sort_columns(query.sort)]
    missing = _without_value(query.sort)
    if missing is not None:
        # What has no value comes last either way.
        order.insert(0, missing)
    return statement.order_by(*order, CaseRow.reference)


def _without_value(sort: str) -> ColumnElement[bool] | None:
    empty: dict[str, ColumnElement[bool]] = {
        "due": CaseRow.next_due_on.is_(None),
        "activity": CaseRow.last_activity_at.is_(None),
        "school": CaseRow.last_school == "",
        "officer": CaseRow.officer_name == "",
        "area": CaseRow.area == "",
    }
    return empty.get(sort)


def _directed(column: ColumnElement[Any], *, descending: bool) -> ColumnElement[Any]:
    return column.desc() if descending else column.asc()


def _sort_columns(sort: str) -> list[ColumnElement[Any]]:
    columns: dict[str, list[Any]] = {
        "child": [CaseRow.name_folded],
        "stage": [case({stage.value: place for place, stage in enumerate(Stage)}, value=CaseRow.stage, else_=99)],
        "due": [CaseRow.next_due_on, not_(CaseRow.next_due_statutory)],
        "activity": [CaseRow.last_activity_at],
        "school": [CaseRow.last_school],
        "officer": [CaseRow.officer_name],
        "area": [CaseRow.area],
        "waiting": [CaseRow.opened_on],
        "unsynced": [case((_changed_here(), 0), else_=1), CaseRow.name_folded],
    }
    return columns.get(sort, columns["due"])


def _read_rows(session: Session, statement: Select[CaseRow], today: date) -> dict[str, CaseListRow]:
    found = session.execute(statement.with_only_columns(*CaseRow.__table__.columns)).mappings().all()
    subjects = {row["case_id"] for row in found} | {row["child_id"] for row in found}
    pending = unsynced_counts(session, subjects)
    conflicts = _open_conflicts(session, subjects)
    return {
        row["case_id"]: _as_list_row(
            row,
            today,
            pending.get(row["case_id"], 0) + pending.get(row["child_id"], 0),
            conflicts.get(row["case_id"], 0) + conflicts.get(row["child_id"], 0),
        )
        for row in found
    }


def _as_list_row(row: Any, today: date, unsynced: int, conflicts: int) -> CaseListRow:
    return CaseListRow(
        case_id=row["case_id"],
        child_id=row["child_id"],
        reference=row["reference"],
        name=row["child_name"],
        age=age_words(row["born_on"], today, row["year_group"]),
        status=row["status"],
        stage=STAGE_WORDS.get(row["stage"], row["stage"]),
        due_on=row["next_due_on"],
        due_what=row["next_due_what"],
        statutory=row["next_due_statutory"],
        last_activity=row["last_activity"],
        last_activity_at=row["last_activity_at"],
        last_school=row["last_school"],
        unsynced=unsynced,
        flags=tuple(flag for flag in row["flags"].split(",") if flag),
        officer=row["officer_name"],
        area=row["area"],
        opened_on=row["opened_on"],
        closed_on=row["closed_on"],
        conflicts=conflicts,
    )


def _open_conflicts(session: Session, subjects: Iterable[str]) -> dict[str, int]:
    query = (
        select(Conflict.subject_id, func.count())
        .where(Conflict.state == ConflictState.OPEN, Conflict.subject_id.in_(list(subjects)))
        .group_by(Conflict.subject_id)
    )
    return {subject: number for subject, number in session.execute(query) if subject}


def _view_counts(session: Session, ws: Workspace) -> dict[str, int]:
    columns = []
    for view in VIEWS:
        query = for_view(view, ws)  # type: ignore[arg-type]  # the keys of VIEWS are the views
        columns.append(func.coalesce(func.sum(case((_where(ws, query), 1), else_=0)), 0))
    counted = session.execute(select(*columns).where(CaseRow.status == CaseStatus.OPEN.value)).one()
    return dict(zip(VIEWS, counted, strict=True))


def _officer_counts(session: Session, ws: Workspace, query: CaseQuery) -> tuple[OfficerCount, ...]:
    others = replace(query, officers=frozenset())
    found = session.execute(
        select(CaseRow.officer_id, func.max(CaseRow.officer_name), func.count())
        .where(_where(ws, others))
        .group_by(CaseRow.officer_id)
    ).all()
    named = [OfficerCount(officer, name, number) for officer, name, number in found if officer]
    me = ws.actor.user_id
    if me and all(each.officer_id != me for each in named):
        named.append(OfficerCount(me, ws.actor.name, 0))
    named.sort(key=lambda each: (each.officer_id != me, each.name))
    waiting = next((number for officer, _name, number in found if officer is None), 0)
    return (*named, OfficerCount(NOT_ALLOCATED, "Not allocated", waiting))


def _stage_counts(session: Session, ws: Workspace, query: CaseQuery) -> dict[str, int]:
    found = dict(
        session.execute(
            select(CaseRow.stage, func.count())
            .where(_where(ws, replace(query, stages=frozenset())))
            .group_by(CaseRow.stage)
        ).all()
    )
    return {key: sum(found.get(stage, 0) for stage in stages) for key, stages in STAGE_GROUPS.items()}
