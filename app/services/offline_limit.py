"""How long a laptop may be away from its central store: said well ahead, and again when the time is over.

IT's policy sets the days (``offline_days``, 30 unless it says otherwise). What is on the laptop stays open to its
officer: being shut out of a case on a doorstep would do more harm than the wait for a signal.
"""

from datetime import datetime, timedelta

from app.policy import policy
from app.services.sync import facts
from app.services.workspace import Workspace
from app.timesource import format_date, to_london

AHEAD = timedelta(days=7)
"""How long before the end it is said; at most half of a short limit."""


def notices(ws: Workspace) -> tuple[tuple[str, str], ...]:
    """Return what is to be said about the time away, as a name of the matter and words; nothing when all is well."""
    with ws.read() as session:
        stored = facts.get(session, facts.LAST_SYNCED)
    if not stored:
        return ()
    limit = timedelta(days=policy().offline_days)
    last = datetime.fromisoformat(stored)
    away, ends = ws.time.now() - last, last + limit
    if away < limit - min(AHEAD, limit / 2):
        return ()
    if away < limit:
        by = format_date(to_london(ends).date())
        return (("offline", f"Connect this laptop to the network by {by} so that it syncs. Your work is kept."),)
    words = (
        f"This laptop last synced {away.days} days ago, and your organisation allows {limit.days}. "
        "Connect to the network and sync now. Your work is kept."
    )
    return (("offline", words),)
