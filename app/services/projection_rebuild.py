"""Both projections made from the records, inside the database, whole or some children at a time: how a first pull ends.

Gives the same rows as :mod:`app.services.projection` (a test compares them); only due dates are computed here, row by
row, because their rules are Python's.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import bindparam

from app.models import CaseRow
from app.services.clocks import next_due

_SOME = "{child} > :after AND {child} <= :upto"
_CASES = f"""
INSERT OR REPLACE INTO case_row (
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
LEFT JOIN (
    SELECT v.case_id, v.happened_at, v.title, max(v.happened_at || v.id) FROM "case" AS x
    JOIN case_event AS v ON v.case_id = x.id WHERE {_SOME.format(child="x.child_id")} GROUP BY v.case_id
) AS e ON e.case_id = c.id
LEFT JOIN (
    SELECT child_id, school_name, max(coalesce(to_on, from_on, '') || id) FROM enrolment
    WHERE {_SOME.format(child="child_id")} GROUP BY child_id
) AS s ON s.child_id = c.child_id
LEFT JOIN (
    SELECT child_id, group_concat(kind) AS kinds FROM safety_flag
    WHERE ended_on IS NULL AND {_SOME.format(child="child_id")} GROUP BY child_id
) AS f ON f.child_id = c.child_id
WHERE {_SOME.format(child="c.child_id")}
"""
_FORGET_WORDS = f"""
DELETE FROM search_index WHERE rowid IN (SELECT id FROM search_row WHERE {_SOME.format(child="subject_id")})
"""
_SEARCH_ROWS = f"""
INSERT OR IGNORE INTO search_row (kind, subject_id) SELECT 'child', id FROM child WHERE {_SOME.format(child="id")}
"""
_WORDS = f"""
INSERT INTO search_index (rowid, title, body)
SELECT r.id, k.forename || ' ' || k.middle_names || ' ' || k.surname || ' ' || k.preferred_name,
    k.upn || ' ' || k.former_upn || ' ' || k.forename_folded || ' ' || k.surname_folded
    || coalesce(' ' || n.names, '') || coalesce(' ' || c.refs, '')
FROM search_row AS r
JOIN child AS k ON k.id = r.subject_id
LEFT JOIN (
    SELECT child_id, group_concat(forename || ' ' || surname, ' ') AS names FROM child_name
    WHERE {_SOME.format(child="child_id")} GROUP BY child_id
) AS n ON n.child_id = k.id
LEFT JOIN (
    SELECT child_id, group_concat(reference, ' ') AS refs FROM "case"
    WHERE {_SOME.format(child="child_id")} GROUP BY child_id
) AS c ON c.child_id = k.id
WHERE {_SOME.format(child="r.subject_id")}
"""
_WITH_DEADLINES = f"""
SELECT c.id FROM "case" AS c WHERE {_SOME.format(child="c.child_id")} AND (
    EXISTS (SELECT 1 FROM task AS t WHERE t.case_id = c.id AND t.done_at IS NULL AND t.due_on IS NOT NULL)
    OR EXISTS (SELECT 1 FROM clock AS k WHERE k.case_id = c.id AND k.met_on IS NULL AND k.stopped_on IS NULL))
"""
_LAST_OF_SOME = "SELECT max(id) FROM (SELECT id FROM child WHERE id > :after ORDER BY id LIMIT :most)"
_WHOLE = {"after": "", "upto": "~"}
"""Keys are hexadecimal digits: before the first, after the last."""


def rebuild(session: Session) -> None:
    """Drop and rebuild the list of cases and the search index, in the session's transaction."""
    connection = session.connection()
    for statement in ("DELETE FROM case_row", "DELETE FROM search_row", "DELETE FROM search_index"):
        connection.exec_driver_sql(statement)
    for statement in (_CASES, _SEARCH_ROWS, _WORDS):
        connection.exec_driver_sql(statement, _WHOLE)
    _fill_due_dates(session)


def fill(session: Session, after: str, most: int) -> str | None:
    """Make the lists of some children anew, in key order, in the session's transaction.

    Args:
        session: a writing session.
        after: the key, as the vault stores it, after which to go on; empty to begin.
        most: how many children.

    Returns:
        The key of the last child, or None when there were no more.
    """
    connection = session.connection()
    last = connection.exec_driver_sql(_LAST_OF_SOME, {"after": after, "most": most}).scalar()
    if last is None:
        return None
    some = {"after": after, "upto": last}
    for statement in (_CASES, _FORGET_WORDS, _SEARCH_ROWS, _WORDS):
        connection.exec_driver_sql(statement, some)
    _fill_due_dates(session, some)
    return str(last)


def drop_stale(session: Session) -> None:
    """Take out of the lists what they say of records that are not here."""
    connection = session.connection()
    for statement in (
        'DELETE FROM case_row WHERE case_id NOT IN (SELECT id FROM "case")',
        "DELETE FROM search_index WHERE rowid IN"
        " (SELECT id FROM search_row WHERE subject_id NOT IN (SELECT id FROM child))",
        "DELETE FROM search_row WHERE subject_id NOT IN (SELECT id FROM child)",
    ):
        connection.exec_driver_sql(statement)


def _fill_due_dates(session: Session, some: Mapping[str, str] = _WHOLE) -> None:
    case_ids = session.connection().exec_driver_sql(_WITH_DEADLINES, some).scalars()
    due = next_due(session, sorted(map(_dashed, case_ids)))
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


def _dashed(plain: str) -> str:
    return f"{plain[:8]}-{plain[8:12]}-{plain[12:16]}-{plain[16:20]}-{plain[20:]}"
