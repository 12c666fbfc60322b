"""Both projections made whole from the records, inside the database: what a first pull ends with.

Gives the same rows as :mod:`app.services.projection` (a test compares them); only due dates are computed here, row by
row, because their rules are Python's.
"""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import bindparam

from app.models import CaseRow, Clock, Task
from app.services.clocks import next_due

_CASES = """
INSERT INTO case_row (
    case_id, child_id, reference, child_name, name_folded, born_on, year_group, status, stage, stage_since,
    opened_on, closed_on, officer_id, officer_name, team_id, area, source_name, next_due_on, next_due_what,
    next_due_statutory, last_activity_at, last_activity, last_school, flags,
    restricted)
SELECT c.id, c.child_id, c.reference, trim(k.forename || ' ' || k.surname),
    trim(k.surname_folded || ' ' || k.forename_folded), k.born_on, k.year_group, c.status, c.stage, c.stage_since,
    c.opened_on, c.closed_on, c.officer_id, coalesce(u.name, ''), c.team_id, c.area, c.source_name, NULL, '',
    0, e.happened_at, coalesce(e.title, ''), coalesce(s.school_name, ''), coalesce(f.kinds, ''),
    EXISTS (SELECT 1 FROM "case" AS o WHERE o.child_id = c.child_id AND o.restricted = 1)
FROM "case" AS c
JOIN child AS k ON k.id = c.child_id
LEFT JOIN "user" AS u ON u.id = c.officer_id
LEFT JOIN (SELECT case_id, max(happened_at) AS happened_at, title FROM case_event GROUP BY case_id) AS e
    ON e.case_id = c.id
LEFT JOIN (SELECT child_id, max(coalesce(to_on, from_on, '')), school_name FROM enrolment GROUP BY child_id) AS s
    ON s.child_id = c.child_id
LEFT JOIN (SELECT child_id, group_concat(kind) AS kinds FROM safety_flag WHERE ended_on IS NULL GROUP BY child_id) AS f
    ON f.child_id = c.child_id
"""

_WORDS = """
INSERT INTO search_index (rowid, title, body)
SELECT r.id, k.forename || ' ' || k.middle_names || ' ' || k.surname || ' ' || k.preferred_name,
    k.upn || ' ' || k.former_upn || ' ' || k.forename_folded || ' ' || k.surname_folded
    || coalesce(' ' || n.names, '') || coalesce(' ' || c.refs, '')
FROM search_row AS r
JOIN child AS k ON k.id = r.subject_id
LEFT JOIN (SELECT child_id, group_concat(forename || ' ' || surname, ' ') AS names FROM child_name GROUP BY child_id)
    AS n ON n.child_id = k.id
LEFT JOIN (SELECT child_id, group_concat(reference, ' ') AS refs FROM "case" GROUP BY child_id) AS c
    ON c.child_id = k.id
"""


def rebuild(session: Session) -> None:
    """Drop and rebuild the list of cases and the search index, in the session's transaction."""
    connection = session.connection()
    for statement in (
        "DELETE FROM case_row",
        "DELETE FROM search_row",
        "DELETE FROM search_index",
        _CASES,
        "INSERT INTO search_row (kind, subject_id) SELECT 'child', id FROM child",
        _WORDS,
    ):
        connection.exec_driver_sql(statement)
    _fill_due_dates(session)


def _fill_due_dates(session: Session) -> None:
    waiting = select(Task.case_id).where(Task.done_at.is_(None), Task.due_on.is_not(None), Task.case_id.is_not(None))
    running = select(Clock.case_id).where(Clock.met_on.is_(None), Clock.stopped_on.is_(None))
    case_ids = {*session.scalars(waiting), *session.scalars(running)}
    due = next_due(session, sorted(case_id for case_id in case_ids if case_id))
    values: list[dict[str, Any]] = [
        {"of_case": case_id, "on": first.on, "what": first.what, "statutory": first.statutory}
        for case_id, first in due.items()
    ]
    if values:
        table: Any = CaseRow.__table__
        statement = update(table).where(table.c.case_id == bindparam("of_case"))
        session.connection().execute(
            statement.values(
                next_due_on=bindparam("on"), next_due_what=bindparam("what"), next_due_statutory=bindparam("statutory")
            ),
            values,
        )
