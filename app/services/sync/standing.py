"""What a sync has to do beyond asking, looked up at once: most syncs find nothing, and looking cost more than asking.

Each answer may say yes where a step then finds nothing, never no where it would find something: the steps look again
by themselves, with all their rules.
"""

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy.orm import Session

from app.models.terms import ChangeState
from app.services.rows import connection_of, driver, stored_key
from app.services.sync import document_mending, facts
from app.services.sync.document_wishes import LATER, LET_GO

_PENDING: Final = f"SELECT count(*), min(sequence) FROM change_set WHERE state = '{ChangeState.PENDING}'"
_MERGED: Final = (
    "SELECT revision FROM change_set WHERE device_id = ? AND revision IS NOT NULL ORDER BY sequence DESC LIMIT 1"
)
_DUE: Final = f"""
SELECT EXISTS (SELECT 1 FROM unit_arriving),
  (SELECT coalesce(sum(max(0, last - next + 1)), 0) FROM reference_lease WHERE year = ?),
  (SELECT value FROM sync_state WHERE name = '{document_mending.CHECKED}'),
  EXISTS (SELECT 1 FROM document AS d WHERE d.sha256 != ''
          AND NOT EXISTS (SELECT 1 FROM sync_state AS s WHERE s.name = '{facts.DOCUMENT_PREFIX}' || d.sha256))
    OR EXISTS (SELECT 1 FROM sync_state WHERE name > '{facts.DOCUMENT_PREFIX}' AND name < '{facts.DOCUMENT_PREFIX}g'
               AND value IN ('{LATER}', '{LET_GO}')),
  EXISTS (SELECT 1 FROM unit_leaving) OR EXISTS (SELECT 1 FROM row_leaving) OR EXISTS (SELECT 1 FROM bytes_leaving),
  EXISTS (SELECT 1 FROM unit_history)
    OR EXISTS (SELECT 1 FROM sync_state WHERE name = '{facts.HISTORY_FROM}'),
  EXISTS (SELECT 1 FROM unit_touched),
  (SELECT value FROM sync_state WHERE name = '{facts.PROOF_DUE}')
"""


class Due(NamedTuple):
    """What the steps of a sync after the pull would find.

    Attributes:
        arrivals: units to fetch.
        numbers: how many case numbers of this year are left.
        documents: bytes may have to move, or to be compared.
        leaving: something may have to go.
        history: older entries of the log are still to be fetched.
        proof: something was touched, or the hour is over.
    """

    arrivals: bool
    numbers: int
    documents: bool
    leaving: bool
    history: bool
    proof: bool


def due(session: Session, now: datetime, year: int, whole_every: timedelta) -> Due:
    """Return what there is to do."""
    found: Any = driver(connection_of(session)).execute(_DUE, (year,)).fetchone()
    arrivals, numbers, checked, unsettled, leaving, history, touched, proven = found
    documents = bool(unsettled) or _is_over(checked, now - document_mending.EVERY)
    return Due(
        bool(arrivals),
        int(numbers),
        documents,
        bool(leaving),
        bool(history),
        bool(touched) or _is_over(proven, now - whole_every),
    )


def waiting(session: Session) -> tuple[int, int]:
    """Return how many change sets wait for a receipt, and the place of the first in the laptop's order."""
    count, first = driver(connection_of(session)).execute(_PENDING).fetchone()
    return int(count), int(first or 0)


def merged_after(session: Session, device_id: str, revision: int) -> bool:
    """Return whether work of this laptop was merged after a revision: its units are further here than there."""
    row = driver(connection_of(session)).execute(_MERGED, (stored_key(device_id),)).fetchone()
    return row is not None and int(row[0]) > revision


def _is_over(stored: str | None, limit: datetime) -> bool:
    return stored is None or datetime.fromisoformat(stored) <= limit
