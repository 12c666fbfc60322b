"""Words typed and not yet part of a record: kept on this laptop through locks and crashes, never synced."""

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from app.models import Draft
from app.services.access import Permission, require
from app.services.capture import unit_of
from app.services.journal import passage_of
from app.services.rows import connection_of, driver
from app.services.workspace import Workspace

LONGEST = 100_000
"""Characters; what is beyond is not a note."""


def note_key(case_id: str) -> str:
    """Return the key of the note being written on a case."""
    return f"note:{case_id}"


def save_draft(ws: Workspace, key: str, text: str) -> None:
    """Keep what is typed so far; empty text drops the draft. Only whoever typed it can read it again."""
    require(ws.actor, Permission.USE_LAPTOP)
    if ws.actor.user_id is None:
        return
    with ws.local_session() as session:
        if not text.strip():
            drop(session, key)
            return
        values = {"text": text[:LONGEST], "saved_at": ws.time.now(), "user_id": ws.actor.user_id}
        session.connection().execute(
            insert(Draft).values(key=key, **values).on_conflict_do_update(index_elements=["key"], set_=values)
        )
        if (passage := passage_of(session)) is not None:
            passage.add_draft(key, ws.actor.user_id, text[:LONGEST], ws.time.now().isoformat())


def load_draft(ws: Workspace, key: str) -> str:
    """Return what this person was writing, or an empty string."""
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        found = session.execute(select(Draft.text).where(Draft.key == key, Draft.user_id == ws.actor.user_id)).scalar()
    return found or ""


def kept_keys(ws: Workspace, beginning: str) -> list[str]:
    """Return the keys of this person's drafts that begin with some words, the oldest first."""
    with ws.read() as session:
        query = select(Draft.key).where(
            Draft.key.startswith(beginning, autoescape=True), Draft.user_id == ws.actor.user_id
        )
        return list(session.execute(query.order_by(Draft.saved_at)).scalars())


def drop(session: Session, key: str) -> None:
    """Delete a draft in the session's transaction: its words have become a record."""
    dropped = driver(connection_of(session)).execute("DELETE FROM draft WHERE key = ?", (key,)).rowcount
    if dropped and (passage := passage_of(session)) is not None:
        passage.add_draft(key, None, "", unit_of(session).time.now().isoformat())
