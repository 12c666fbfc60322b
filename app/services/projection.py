"""The lists that pages read: one row a case, and the full-text index of children.

Both follow from the records. They are refreshed for what a commit touched, in that commit, and can be rebuilt whole.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Row, String, Table, delete, func, insert, inspect, select, text, type_coerce, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session, aliased

from app.models import (
    SYNCED_TABLES,
    Case,
    CaseEvent,
    CaseRow,
    Child,
    ChildName,
    Enrolment,
    SafetyFlag,
    SearchRow,
    User,
)
from app.models.folding import fold
from app.services.batches import batched
from app.services.changes import Change
from app.services.rows import connection_of, converter_of, driver, stored_key
from app.services.wire import from_wire
from app.timesource import TimeSource

BATCH = 400
_MOVE_ACTIVITY = """
UPDATE case_row SET last_activity_at = ?, last_activity = ?
WHERE case_id = ? AND (last_activity_at IS NULL OR last_activity_at < ?)
"""
_SAME_INSTANT = "SELECT 1 FROM case_row WHERE case_id = ? AND last_activity_at = ?"
_STORED_INSTANT = converter_of(cast("Table", CaseRow.__table__), "last_activity_at")
_OTHER = aliased(Case)
_CASE_TABLES = {"task", "clock", "case_event"}
_CHILD_TABLES = {"child", "child_name", "enrolment", "safety_flag"}


def refresh(session: Session, changes: Sequence[Change], time: TimeSource) -> list[str | None]:
    """Bring the projections up to date with captured changes.

    Args:
        session: a writing session in which the changes are flushed.
        changes: what was changed.
        time: the clock.

    Returns:
        For each change, the id of the case, child or record whose history it belongs to.
    """
    subjects = [_subject(session, change) for change in changes]
    cases, children, events = _touched(session, changes, subjects)
    for change in changes:
        if change.table == "user":
            _rename_officer(session, change)
    for change in events:
        _note_activity(session, change, cases)
    for some in batched(children, BATCH):
        cases.update(session.scalars(select(Case.id).where(Case.child_id.in_(some))))
    if cases:
        refresh_cases(session, cases, time)
    if children:
        index_children(session, children)
    return subjects


def _touched(
    session: Session, changes: Sequence[Change], subjects: Sequence[str | None]
) -> tuple[set[str], set[str], list[Change]]:
    """Return the cases and children to refresh, and the new events that only move a case's last activity."""
    cases: set[str] = set()
    children: set[str] = set()
    restricted: set[str] = set()
    events: list[Change] = []
    for change, subject in zip(changes, subjects, strict=True):
        if change.table == "case":
            cases.add(change.row)
            child = change.fields.get("child_id")
            if child and child[1]:
                children.add(child[1])
            elif "restricted" in change.fields:
                restricted.add(change.row)
        elif change.table == "case_event" and change.op == "insert":
            events.append(change)
        elif change.table in _CASE_TABLES and subject:
            cases.add(subject)
        elif change.table in _CHILD_TABLES and subject:
            children.add(subject)
    # A restriction covers the child, so the rows of the child's other cases carry it too.
    for some in batched(restricted, BATCH):
        cases.update(
            session.scalars(select(_OTHER.id).join(Case, Case.child_id == _OTHER.child_id).where(Case.id.in_(some)))
        )
    return cases, children, events


def rebuild(session: Session, time: TimeSource) -> None:
    """Rebuild both projections from the records."""
    session.execute(delete(CaseRow))
    session.execute(delete(SearchRow))
    session.execute(text("DELETE FROM search_index"))
    refresh_cases(session, list(session.scalars(select(Case.id))), time)
    index_children(session, list(session.scalars(select(Child.id))))


def refresh_cases(session: Session, case_ids: Iterable[str], time: TimeSource) -> None:
    """Write the projection rows of these cases anew."""
    for some in batched(case_ids, BATCH):
        rows = _case_rows(session, some, time)
        gone = set(some) - {row["case_id"] for row in rows}
        if gone:
            session.execute(delete(CaseRow).where(CaseRow.case_id.in_(gone)))
        if rows:
            connection_of(session).execute(sqlite_insert(CaseRow).prefix_with("OR REPLACE"), rows)


def index_children(session: Session, child_ids: Iterable[str]) -> None:
    """Write the full-text rows of these children anew; of one that is not here nothing is left."""
    connection = connection_of(session)
    for some in batched(child_ids, BATCH):
        known = {
            row.subject_id: row.id
            for row in session.execute(select(SearchRow.subject_id, SearchRow.id).where(SearchRow.subject_id.in_(some)))
        }
        words = _words(session, some)
        if known:
            stale = [{"id": rowid} for rowid in known.values()]
            connection.execute(text("DELETE FROM search_index WHERE rowid = :id"), stale)
            if gone := known.keys() - words.keys():
                connection.execute(delete(SearchRow).where(SearchRow.subject_id.in_(gone)))
        fresh = [child for child in words if child not in known]
        if fresh:
            connection.execute(insert(SearchRow), [{"kind": "child", "subject_id": child} for child in fresh])
            known |= {
                row.subject_id: row.id
                for row in session.execute(
                    select(SearchRow.subject_id, SearchRow.id).where(SearchRow.subject_id.in_(fresh))
                )
            }
        if words:
            connection.execute(
                text("INSERT INTO search_index (rowid, title, body) VALUES (:id, :title, :body)"),
                [{"id": known[child], "title": title, "body": body} for child, (title, body) in words.items()],
            )


def _words(session: Session, child_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    words = {
        row.id: (
            f"{row.forename} {row.middle_names} {row.surname} {row.preferred_name}",
            [row.upn, row.former_upn, fold(f"{row.forename} {row.surname}")],
        )
        for row in session.execute(
            select(
                Child.id,
                Child.forename,
                Child.middle_names,
                Child.surname,
                Child.preferred_name,
                Child.upn,
                Child.former_upn,
            ).where(Child.id.in_(child_ids))
        )
    }
    for name in session.execute(
        select(ChildName.child_id, ChildName.forename, ChildName.surname).where(ChildName.child_id.in_(child_ids))
    ):
        if name.child_id in words:
            words[name.child_id][1].append(f"{name.forename} {name.surname}")
    for case in session.execute(select(Case.child_id, Case.reference).where(Case.child_id.in_(child_ids))):
        if case.child_id in words:
            words[case.child_id][1].append(case.reference)
    return {child: (title, " ".join(body)) for child, (title, body) in words.items()}


def _case_rows(session: Session, case_ids: Sequence[str], time: TimeSource) -> list[dict[str, Any]]:
    from app.services.clocks import next_due

    cases = session.execute(
        select(
            Case,
            Child.forename,
            Child.surname,
            Child.born_on,
            Child.year_group,
            User.name.label("officer_name"),
        )
        .join(Child, Child.id == Case.child_id)
        .outerjoin(User, User.id == Case.officer_id)
        .where(Case.id.in_(case_ids))
        .execution_options(populate_existing=False)
    ).all()
    events = _last_events(session, case_ids)
    children = [row.Case.child_id for row in cases]
    schools = _last_schools(session, children)
    flags = _flags(session, children)
    restricted = set(session.scalars(select(Case.child_id).where(Case.child_id.in_(children), Case.restricted)))
    due = next_due(session, case_ids)
    rows = []
    for row in cases:
        case: Case = row.Case
        event, soonest = events.get(case.id), due.get(case.id)
        rows.append(
            {
                "case_id": case.id,
                "child_id": case.child_id,
                "reference": case.reference,
                "child_name": f"{row.forename} {row.surname}".strip(),
                "name_folded": fold(f"{row.surname} {row.forename}"),
                "born_on": row.born_on,
                "year_group": row.year_group,
                "status": case.status.value,
                "stage": case.stage.value,
                "stage_since": case.stage_since,
                "opened_on": case.opened_on,
                "closed_on": case.closed_on,
                "officer_id": case.officer_id,
                "officer_name": row.officer_name or "",
                "team_id": case.team_id,
                "area": case.area,
                "source_name": case.source_name,
                "next_due_on": soonest.on if soonest else None,
                "next_due_what": soonest.what if soonest else "",
                "next_due_statutory": soonest.statutory if soonest else False,
                "last_activity_at": event.happened_at if event else None,
                "last_activity": event.title if event else "",
                "last_school": schools.get(case.child_id, ""),
                "flags": flags.get(case.child_id, ""),
                "restricted": case.child_id in restricted,
            }
        )
    return rows


def _last_events(session: Session, case_ids: Sequence[str]) -> dict[str, Row[str, datetime, str, str]]:
    # SQLite gives the other columns of the row that holds the maximum. Of two at one instant the later key counts.
    last = func.max(type_coerce(CaseEvent.happened_at, String).concat(type_coerce(CaseEvent.id, String)))
    query = (
        select(CaseEvent.case_id, CaseEvent.happened_at, CaseEvent.title, last)
        .where(CaseEvent.case_id.in_(case_ids))
        .group_by(CaseEvent.case_id)
    )
    return {row.case_id: row for row in session.execute(query).all()}


def _last_schools(session: Session, child_ids: Sequence[str]) -> dict[str, str]:
    until = func.coalesce(type_coerce(Enrolment.to_on, String), type_coerce(Enrolment.from_on, String), "")
    query = (
        select(Enrolment.child_id, Enrolment.school_name, func.max(until.concat(type_coerce(Enrolment.id, String))))
        .where(Enrolment.child_id.in_(child_ids))
        .group_by(Enrolment.child_id)
    )
    return {row.child_id: row.school_name for row in session.execute(query)}


def _flags(session: Session, child_ids: Sequence[str]) -> dict[str, str]:
    query = (
        select(SafetyFlag.child_id, func.group_concat(SafetyFlag.kind).label("kinds"))
        .where(SafetyFlag.child_id.in_(child_ids), SafetyFlag.ended_on.is_(None))
        .group_by(SafetyFlag.child_id)
    )
    return {row.child_id: row.kinds for row in session.execute(query)}


def _note_activity(session: Session, change: Change, refreshed: set[str]) -> None:
    """Move a case's last activity forward for a new event: the one thing a saved note changes.

    Of two at one instant the records decide, so the case is added to those that are written anew.
    """
    case_id = change.fields["case_id"][1]
    if case_id in refreshed:
        return
    happened_at = _STORED_INSTANT(from_wire(CaseEvent, "happened_at", change.fields["happened_at"][1]))
    title = change.fields.get("title", [None, ""])[1] or ""
    key, connection = stored_key(case_id), driver(connection_of(session))
    moved = connection.execute(_MOVE_ACTIVITY, (happened_at, title, key, happened_at))
    if not moved.rowcount and connection.execute(_SAME_INSTANT, (key, happened_at)).fetchone() is not None:
        refreshed.add(case_id)


def _rename_officer(session: Session, change: Change) -> None:
    name = change.fields.get("name")
    if name:
        session.execute(update(CaseRow).where(CaseRow.officer_id == change.row).values(officer_name=name[1] or ""))


def _subject(session: Session, change: Change) -> str | None:
    model = SYNCED_TABLES[change.table]
    missing = []
    for field in model.subject_fields:
        if field == "id":
            continue
        pair = change.fields.get(field)
        if pair is not None and (pair[1] or pair[0]):
            return str(pair[1] or pair[0])
        if pair is None:
            missing.append(field)
    own = change.row if "id" in model.subject_fields else None
    if change.op == "insert" or not missing:
        return own
    known = session.identity_map.get(inspect(model).identity_key_from_primary_key((change.row,)))
    for field in missing:
        if known is not None:
            value = inspect(known).dict.get(field)
        else:
            value = connection_of(session).execute(select(getattr(model, field)).where(model.id == change.row)).scalar()
        if value:
            return str(value)
    return own
