"""Who may look after a team's key: its own supervisors, and those of the whole authority. A key is never changed.

What is handed in is sealed to the newest key of its team. Somebody else's key in that place would be the end of the
work that is sealed to it, for nobody of the team could open it.
"""

from typing import Final

from sqlalchemy import Connection, select

from app.central.earlier import team_at
from app.models import TeamKey, TeamKeyWrap, User
from app.services.changes import Change, ChangeSet
from app.services.vault.authority_wrap import is_public_key

NOT_YOURS: Final = "This key belongs to another team. Only its own supervisors look after it."
KEPT: Final = "A team's key is kept as it was made. A new one takes its place."
NO_KEY: Final = "This is not a key that work could be sealed to."
_TABLES: Final = frozenset({"team_key", "team_key_wrap"})
_FILLED_IN: Final = frozenset({"sealed"})


def team_key_refusal(connection: Connection, change_set: ChangeSet, actor_id: str) -> str | None:
    """Return why one of the changes to teams' keys is refused, or None.

    Args:
        connection: in the transaction in which is merged.
        change_set: its values fit their tables.
        actor_id: in whose name it was made.
    """
    changes = [change for change in change_set.changes if change.table in _TABLES]
    if not changes:
        return None
    teams = {
        connection.execute(select(User.team_id).where(User.id == actor_id)).scalar(),
        team_at(connection, actor_id, change_set.base) or "",
    }
    made = {change.row: str(_new(change, "team_id")) for change in changes if change.table == "team_key"}
    for change in changes:
        if why := _shape(change):
            return why
        team = made.get(change.row) if change.table == "team_key" else _team_of_wrap(connection, change, made)
        if team is not None and None not in teams and team not in teams:
            return NOT_YOURS
    return None


def _shape(change: Change) -> str | None:
    if change.table == "team_key":
        if change.op != "insert":
            return KEPT
        return None if is_public_key(_raw(str(_new(change, "public_key")))) else NO_KEY
    filled_in = change.op == "update" and change.fields.keys() <= _FILLED_IN
    return None if change.op == "insert" or filled_in else KEPT


def _team_of_wrap(connection: Connection, change: Change, made: dict[str, str]) -> str | None:
    key_id = _new(change, "team_key_id")
    if key_id is None:
        key_id = connection.execute(select(TeamKeyWrap.team_key_id).where(TeamKeyWrap.id == change.row)).scalar()
    if key_id in made:
        return made[str(key_id)]
    return connection.execute(select(TeamKey.team_id).where(TeamKey.id == key_id)).scalar()


def _new(change: Change, name: str) -> object:
    return change.fields.get(name, (None, None))[1]


def _raw(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
