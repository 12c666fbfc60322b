"""How a person stood when a change was made: a laptop works offline, and a role may be lost before its work arrives."""

from sqlalchemy import Connection, select

from app.central.tables import change_log, change_touch
from app.models.terms import Role
from app.services.changes import decode

_MOST_CHANGES = 200
"""Of one person's record after a revision; nobody's role changes so often."""


def role_at(connection: Connection, user_id: str, revision: int) -> Role | None:
    """Return the role a person had at a revision, where it has changed since; None where it has not.

    Args:
        connection: in the transaction in which a change is judged.
        user_id: the person.
        revision: the central revision that the laptop had seen.
    """
    role = _before(connection, user_id, revision, "role")
    return Role(role) if role in set(Role) else None


def team_at(connection: Connection, user_id: str, revision: int) -> str | None:
    """Return the team a person was in at a revision, where that has changed since; None where it has not."""
    return _before(connection, user_id, revision, "team_id")


def _before(connection: Connection, user_id: str, revision: int, name: str) -> str | None:
    """Return what a field of a person's record said at a revision, where it was changed after it."""
    bodies = connection.execute(
        select(change_log.c.body)
        .join(change_touch, change_touch.c.revision == change_log.c.revision)
        .where(change_touch.c.row_id == user_id, change_touch.c.revision > revision)
        .order_by(change_touch.c.revision)
        .limit(_MOST_CHANGES)
    ).scalars()
    for body in bodies:
        for change in decode(bytes(body)).changes:
            pair = change.fields.get(name) if (change.table, change.row) == ("user", user_id) else None
            if pair is not None and pair[0] is not None:
                return str(pair[0])
    return None
