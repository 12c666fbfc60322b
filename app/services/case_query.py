"""Which cases a table of cases shows and in which order, as conditions on the ``case_row`` projection."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Select, and_, case, not_, or_, select

from app.models import CaseRow, ChangeLine, ChangeSetRow
from app.models.folding import fold
from app.models.terms import STAGE_WORDS, CaseStatus, ChangeState, Stage
from app.services.restriction import Sight
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


def for_view(view: View, ws: Workspace) -> CaseQuery:
    """Return the query a view starts with: the person's own cases, except for the view of all."""
    mine = frozenset({ws.actor.user_id}) if ws.actor.user_id and view != "all" else frozenset()
    return CaseQuery(view=view, officers=mine)


SHOWN_SORTS: Final = frozenset({"child", "officer"})


def unmasked(sight: Sight) -> list[ColumnElement[bool]]:
    """Return the condition that leaves out cases of which only the name is shown; none when there are none."""
    # The mark is looked at first: it spares nearly every row a search through the set.
    return [or_(CaseRow.restricted.is_(False), CaseRow.case_id.not_in(sight.masked))] if sight.masked else []


def changed_here() -> ColumnElement[bool]:
    """Return the condition for cases with changes on this laptop that are not synced yet."""
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


def where(query: CaseQuery, sight: Sight, ws: Workspace) -> ColumnElement[bool]:
    """Return which cases a query holds for a person who may not see all of them."""
    wanted = CaseStatus.CLOSED if query.closed else CaseStatus.OPEN
    inside = _view_condition(ws, query.view)
    parts: list[ColumnElement[bool]] = [CaseRow.status == wanted.value, *inside]
    parts += sight.shown_cases(CaseRow.case_id)
    if inside or query.stages or query.statutory or query.changed_here:
        parts += unmasked(sight)
    if query.officers:
        parts.append(_officer_condition(query.officers))
    if query.stages:
        parts.append(CaseRow.stage.in_([stage for key in query.stages for stage in STAGE_GROUPS.get(key, (key,))]))
    if query.statutory:
        parts.append(CaseRow.next_due_statutory.is_(True))
    if query.changed_here:
        parts.append(changed_here())
    if query.text.strip():
        parts.append(_text_condition(query.text))
    return and_(*parts)


def _text_condition(text: str) -> ColumnElement[bool]:
    words = [CaseRow.name_folded.contains(word, autoescape=True) for word in fold(text).split()]
    return or_(and_(*words), CaseRow.reference.contains(text.strip().upper(), autoescape=True))


def ordered(statement: Select[Any], query: CaseQuery) -> Select[Any]:
    """Return a statement in the order of a query."""
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
        "unsynced": [case((changed_here(), 0), else_=1), CaseRow.name_folded],
    }
    return columns.get(sort, columns["due"])
