"""The index that the audit is filtered by: a projection of the chain, brought up to date when somebody reads it.

A save never writes it: an index that is read a few times a year must not cost every note a page of disk.
"""

from collections.abc import Callable

from app.services.rows import connection_of, driver
from app.services.workspace import Workspace

PART = 5_000
"""Entries in one transaction, so that nobody who saves waits for long."""
Progress = Callable[[int, int], object]
_MISSING = """
SELECT coalesce((SELECT max(sequence) FROM audit_line), 0), coalesce((SELECT max(sequence) FROM audit_entry), 0)
"""
_INDEX = """
INSERT OR REPLACE INTO audit_line (sequence, at, actor_id, action, subject_id)
SELECT sequence,
       replace(substr(coalesce(json_extract(said, '$.at'), '1970-01-01 00:00:00.000000'), 1, 26), 'T', ' '),
       replace(json_extract(said, '$.actor_id'), '-', ''),
       coalesce(json_extract(said, '$.action'), ''),
       replace(json_extract(said, '$.subject_id'), '-', '')
FROM (SELECT sequence,
             CASE WHEN json_valid(CAST(body AS TEXT)) THEN CAST(body AS TEXT) ELSE '{}' END AS said
      FROM audit_entry WHERE sequence > ? AND sequence <= ?)
"""


def refresh(ws: Workspace, progress: Progress | None = None) -> None:
    """Index the entries that came since the last time.

    Args:
        ws: the workspace.
        progress: told how many entries of how many are indexed.
    """
    with ws.read() as session:
        done, last = driver(connection_of(session)).execute(_MISSING).fetchone()
    first = done
    while done < last:
        with ws.local_session() as session:
            driver(connection_of(session)).execute(_INDEX, (done, done + PART))
        done += PART
        if progress is not None:
            progress(min(done, last) - first, last - first)


def rebuild(ws: Workspace) -> None:
    """Forget the index; it is made anew when the audit is next read."""
    with ws.local_session() as session:
        driver(connection_of(session)).execute("DELETE FROM audit_line")
