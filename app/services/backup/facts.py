"""What a vault remembers of its backups: small named facts in ``sync_state``."""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, insert, select

from app.models import SyncState
from app.services.locking import WRITING

DRILL = "backup:drill"
"""The last drill: JSON of :class:`app.services.backup.drill.DrillReport`."""
PROVEN = "backup:proven"
"""The last drill that found everything in order, the same way."""
SECOND = "backup:second"
"""What became of the last second copy: JSON of name, at, ok and words."""


def get(engine: Engine, name: str) -> dict[str, Any]:
    """Return a fact; an empty one when there is none or it cannot be read."""
    with engine.connect() as connection:
        text = connection.execute(select(SyncState.value).where(SyncState.name == name)).scalar()
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def put(engine: Engine, name: str, value: dict[str, Any]) -> None:
    """Write a fact."""
    put_text(engine, name, json.dumps(value, sort_keys=True))


def put_text(engine: Engine, name: str, text: str) -> None:
    """Write a fact that is one word."""
    with engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
        connection.execute(insert(SyncState).prefix_with("OR REPLACE"), {"name": name, "value": text})


def instant(value: Any) -> datetime | None:
    """Return an ISO text as an instant, or None."""
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (TypeError, ValueError):
        return None


def proven_name(engine: Engine) -> str:
    """Return the name of the newest backup that a drill proved, or an empty text."""
    return str(get(engine, PROVEN).get("name") or "")
