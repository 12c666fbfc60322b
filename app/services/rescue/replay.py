"""Writing what a lifeboat holds into a database that lacks it: an empty one, or a restored backup."""

from sqlalchemy.orm import Session

from app.services.redo import Redone, redo
from app.services.vault.lifeboat_meeting import (
    put_back_drafts,
    put_back_entries,
    put_back_identity,
    put_back_leases,
)
from app.services.vault.lifeboat_reading import LifeboatContents


def replay(session: Session, contents: LifeboatContents) -> Redone:
    """Write identity, unanswered change sets with their records, audit entries, case numbers and drafts.

    What is there already stays, so replaying twice changes nothing more.

    Args:
        session: a writing session that captures nothing (``Workspace.apply_session``).
        contents: from :func:`app.services.vault.lifeboat_reading.read_lifeboat`.

    Returns:
        What became of each change set.
    """
    connection = session.connection()
    if contents.identity is not None:
        put_back_identity(connection, contents.identity)
    done = redo(session, contents.change_sets)
    put_back_entries(session, contents)
    put_back_leases(connection, contents)
    put_back_drafts(connection, contents)
    return done
