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
    bodies = connection.execute(
        select(change_log.c.body)
        .join(change_touch, change_touch.c.revision == change_log.c.revision)
        .where(change_touch.c.row_id == user_id, change_touch.c.revision > revision)
        .order_by(change_touch.c.revision)
        .limit(_MOST_CHANGES)
    ).scalars()
    for body in bodies:
        for change in decode(bytes(body)).changes:
            pair = change.fields.get("role") if (change.table, change.row) == ("user", user_id) else None
            if pair is not None and pair[0] in set(Role):
                return Role(pair[0])
    return None
