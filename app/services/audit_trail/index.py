"""The index that the audit is filtered by: a projection of the chain, brought up to date when somebody reads it.

A save never writes it: an index that is read a few times a year must not cost every note a page of disk.
"""

from collections.abc import Callable

from app.services.audit.reading import read_entry
from app.services.rows import connection_of, driver, stored_key
from app.services.workspace import Workspace

PART = 5_000
"""Entries in one transaction, so that nobody who saves waits for long."""
Progress = Callable[[int, int], object]
_MISSING = """
SELECT coalesce((SELECT max(sequence) FROM audit_line), 0), coalesce((SELECT max(sequence) FROM audit_entry), 0)
"""
_BODIES = "SELECT sequence, CAST(body AS BLOB) FROM audit_entry WHERE sequence > ? AND sequence <= ?"
_INDEX = "INSERT OR REPLACE INTO audit_line (sequence, at, actor_id, action, subject_id) VALUES (?, ?, ?, ?, ?)"
_UNREADABLE = ("1970-01-01 00:00:00.000000", None, "", None)


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
            connection = driver(connection_of(session))
            found = connection.execute(_BODIES, (done, done + PART)).fetchall()
            connection.executemany(_INDEX, [(sequence, *_line(body)) for sequence, body in found])
        done += PART
        if progress is not None:
            progress(min(done, last) - first, last - first)


def _line(body: bytes) -> tuple[str, str | None, str, str | None]:
    """Return an entry's columns as a vault stores them."""
    entry = read_entry(body)
    if entry is None:
        return _UNREADABLE
    actor = entry.actor_id and stored_key(entry.actor_id)
    subject = entry.subject_id and stored_key(entry.subject_id)
    return f"{entry.at[:10]} {entry.at[11:26]}", actor, entry.action, subject


def rebuild(ws: Workspace) -> None:
    """Forget the index; it is made anew when the audit is next read."""
    with ws.local_session() as session:
        driver(connection_of(session)).execute("DELETE FROM audit_line")
