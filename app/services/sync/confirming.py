"""A supervisor's word that many records are to be deleted: which change sets the central store's fuse lets through."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.models import SyncState
from app.services.sync import facts

_PREFIX = "deletions_confirmed:"


def confirm_in(session: Session, change_set_id: str) -> None:
    """Note, with the change set's own transaction, that its deletions were looked at and are meant."""
    facts.put(session, _PREFIX + change_set_id, "1")


def confirmed(session: Session) -> frozenset[str]:
    """Return the change sets whose deletions were confirmed and that are not settled yet."""
    names = session.scalars(select(SyncState.name).where(SyncState.name.startswith(_PREFIX)))
    return frozenset(name.removeprefix(_PREFIX) for name in names)


def settled(session: Session, change_set_ids: list[str]) -> None:
    """Forget confirmations of change sets that the central store has answered."""
    names = [_PREFIX + each for each in change_set_ids]
    session.execute(delete(SyncState).where(SyncState.name.in_(names)))
