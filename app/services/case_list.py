"""The Cases table: which cases, how many, in which order. Filtering, sorting and paging stay in SQL.

Everything is read from the ``case_row`` projection, one row a case. Of a restricted case whose list the person is not
on there is the child's name, the reference and the officer; no filter or order that looks at anything else finds it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, case, func, select, type_coerce
from sqlalchemy.orm import Session

from app.models import CaseRow, ChangeLine, ChangeSetRow, Conflict
from app.models.terms import STAGE_WORDS, CaseStatus, ChangeState, ConflictState
from app.services.access import Permission, require
from app.services.ages import age_words
from app.services.batches import batched
from app.services.case_query import (
    NOT_ALLOCATED,
    QUIET_DAYS,
    SHOWN_SORTS,
    STAGE_GROUP_WORDS,
    STAGE_GROUPS,
    VIEWS,
    CaseQuery,
    View,
    changed_here,
    for_view,
    ordered,
    unmasked,
    where,
)
from app.services.restriction import Sight, sight_of
from app.services.workspace import Workspace

__all__ = [
    "NOT_ALLOCATED",
    "QUIET_DAYS",
    "STAGE_GROUPS",
    "STAGE_GROUP_WORDS",
    "VIEWS",
    "CaseListRow",
    "CaseQuery",
    "FilterCounts",
    "OfficerCount",
    "View",
    "count",
    "filter_counts",
    "first_page",
    "for_view",
    "ids",
    "officers",
    "rows",
    "unsynced_counts",
]


@dataclass(frozen=True, slots=True)
class CaseListRow:
    """One row of the table, in words where words are shown.

    Attributes:
        restricted: only people on a list may open it.
        masked: this person may not: there is only the name, the reference and the officer.
    """

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
    opened_on: date | None
    closed_on: date | None
    conflicts: int
    restricted: bool = False
    masked: bool = False


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


def count(ws: Workspace, query: CaseQuery) -> int:
    """Return how many cases a query holds."""
    require(ws.actor, Permission.READ_CASES)
    with ws.read() as session:
        wanted = where(query, sight_of(session, ws.actor), ws)
        return session.execute(select(func.count()).where(wanted)).scalar_one()


def ids(ws: Workspace, query: CaseQuery) -> list[str]:
    """Return the ids of every case of a query, in order: about 10 ms for 10,000."""
    require(ws.actor, Permission.READ_CASES)
    with ws.read() as session:
        return _ordered_ids(session, ws, query, sight_of(session, ws.actor))


def rows(ws: Workspace, case_ids: Sequence[str]) -> list[CaseListRow]:
    """Return the rows of these cases, in the order asked; cases that are gone are left out."""
    require(ws.actor, Permission.READ_CASES)
    with ws.read() as session:
        sight = sight_of(session, ws.actor)
        found: dict[str, CaseListRow] = {}
        for some in batched([case_id for case_id in case_ids if case_id not in sight.hidden], 400):
            found |= _read_rows(session, select(CaseRow).where(CaseRow.case_id.in_(some)), ws.time.today(), sight)
    return [found[case_id] for case_id in case_ids if case_id in found]


def first_page(ws: Workspace, query: CaseQuery, limit: int = 60) -> tuple[list[str], list[CaseListRow]]:
    """Return every id of a query and the first rows, from one consistent reading: what opens the page."""
    require(ws.actor, Permission.READ_CASES)
    with ws.read() as session:
        sight = sight_of(session, ws.actor)
        order = _ordered_ids(session, ws, query, sight)
        top = order[:limit]
        found = _read_rows(session, select(CaseRow).where(CaseRow.case_id.in_(top)), ws.time.today(), sight)
    if query.text.strip():
        ws.searched("cases", query.text, len(order))
    return order, [found[case_id] for case_id in top]


def filter_counts(ws: Workspace, query: CaseQuery) -> FilterCounts:
    """Return the numbers beside the views and filters of the panel."""
    require(ws.actor, Permission.READ_CASES)
    with ws.read() as session:
        sight = sight_of(session, ws.actor)
        views = _view_counts(session, ws, sight)
        officers = _officer_counts(session, ws, query, sight)
        stages = _stage_counts(session, ws, query, sight)
        plain = replace(query, statutory=False, changed_here=False, closed=False)
        here = changed_here()
        statutory, changed, total = session.execute(
            select(
                func.coalesce(func.sum(case((and_(CaseRow.next_due_statutory, *unmasked(sight)), 1), else_=0)), 0),
                func.coalesce(func.sum(case((and_(here, *unmasked(sight)), 1), else_=0)), 0),
                func.count(),
            ).where(where(plain, sight, ws))
        ).one()
        shut = where(replace(plain, closed=True), sight, ws)
        closed = session.execute(select(func.count()).where(shut)).scalar_one()
    return FilterCounts(views, officers, stages, statutory, changed, closed, total)


def officers(ws: Workspace) -> list[tuple[str, str]]:
    """Return (id, name) of the officers who have cases on this laptop, by name."""
    require(ws.actor, Permission.READ_CASES)
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


def _ordered_ids(session: Session, ws: Workspace, query: CaseQuery, sight: Sight) -> list[str]:
    wanted = where(query, sight, ws)
    if not sight.masked or query.sort in SHOWN_SORTS:
        return _ids(session, wanted, query)
    # Their place among the others would tell when something is due or how long they wait, so they come last, by name.
    masked = and_(wanted, CaseRow.case_id.in_(sight.masked))
    by_name = replace(query, sort="child", descending=False)
    return _ids(session, and_(wanted, *unmasked(sight)), query) + _ids(session, masked, by_name)


def _ids(session: Session, wanted: ColumnElement[bool], query: CaseQuery) -> list[str]:
    # Read as stored and dashed here: making 10,000 UUID objects took longer than finding the rows.
    statement = select(type_coerce(CaseRow.case_id, String)).where(wanted)
    return [
        f"{key[:8]}-{key[8:12]}-{key[12:16]}-{key[16:20]}-{key[20:]}"
        for key in session.connection().execute(ordered(statement, query)).scalars()
    ]


def _read_rows(session: Session, statement: Select[CaseRow], today: date, sight: Sight) -> dict[str, CaseListRow]:
    found = session.execute(statement.with_only_columns(*CaseRow.__table__.columns)).mappings().all()
    subjects = {row["case_id"] for row in found} | {row["child_id"] for row in found}
    pending = unsynced_counts(session, subjects)
    conflicts = _open_conflicts(session, subjects)
    return {
        row["case_id"]: _as_masked_row(row)
        if row["case_id"] in sight.masked
        else _as_list_row(
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
        restricted=row["restricted"],
    )


def _as_masked_row(row: Any) -> CaseListRow:
    return CaseListRow(
        case_id=row["case_id"],
        child_id=row["child_id"],
        reference=row["reference"],
        name=row["child_name"],
        age="",
        status=row["status"],
        stage="",
        due_on=None,
        due_what="",
        statutory=False,
        last_activity="",
        last_activity_at=None,
        last_school="",
        unsynced=0,
        flags=(),
        officer=row["officer_name"],
        area="",
        opened_on=None,
        closed_on=None,
        conflicts=0,
        restricted=True,
        masked=True,
    )


def _open_conflicts(session: Session, subjects: Iterable[str]) -> dict[str, int]:
    query = (
        select(Conflict.subject_id, func.count())
        .where(Conflict.state == ConflictState.OPEN, Conflict.subject_id.in_(list(subjects)))
        .group_by(Conflict.subject_id)
    )
    return {subject: number for subject, number in session.execute(query) if subject}


def _view_counts(session: Session, ws: Workspace, sight: Sight) -> dict[str, int]:
    columns = []
    for view in VIEWS:
        query = for_view(view, ws)  # type: ignore[arg-type]  # the keys of VIEWS are the views
        columns.append(func.coalesce(func.sum(case((where(query, sight, ws), 1), else_=0)), 0))
    counted = session.execute(select(*columns).where(CaseRow.status == CaseStatus.OPEN.value)).one()
    return dict(zip(VIEWS, counted, strict=True))


def _officer_counts(session: Session, ws: Workspace, query: CaseQuery, sight: Sight) -> tuple[OfficerCount, ...]:
    others = replace(query, officers=frozenset())
    found = session.execute(
        select(CaseRow.officer_id, func.max(CaseRow.officer_name), func.count())
        .where(where(others, sight, ws))
        .group_by(CaseRow.officer_id)
    ).all()
    named = [OfficerCount(officer, name, number) for officer, name, number in found if officer]
    me = ws.actor.user_id
    if me and all(each.officer_id != me for each in named):
        named.append(OfficerCount(me, ws.actor.name, 0))
    named.sort(key=lambda each: (each.officer_id != me, each.name))
    waiting = next((number for officer, _name, number in found if officer is None), 0)
    return (*named, OfficerCount(NOT_ALLOCATED, "Not allocated", waiting))


def _stage_counts(session: Session, ws: Workspace, query: CaseQuery, sight: Sight) -> dict[str, int]:
    found = dict(
        session.execute(
            select(CaseRow.stage, func.count())
            .where(where(replace(query, stages=frozenset()), sight, ws), *unmasked(sight))
            .group_by(CaseRow.stage)
        ).all()
    )
    return {key: sum(found.get(stage, 0) for stage in stages) for key, stages in STAGE_GROUPS.items()}
