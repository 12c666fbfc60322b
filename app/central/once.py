"""What works once: challenges and ID tokens that were answered, remembered by all worker processes together."""

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import Connection, delete
from sqlalchemy.dialects.postgresql import insert

from app.central.sign_in_tables import used_once

_CLEARED_ONE_IN = 64


def spend(connection: Connection, kind: str, what: str, until: datetime, now: datetime) -> bool:
    """Return whether something is used for the first time; from now on it is not.

    Two workers at once: the second waits for the first one's transaction, and then is told no.

    Args:
        connection: in a transaction; a rollback gives it back.
        kind: what sort of thing.
        what: the thing itself; only its hash is kept.
        until: until then it is remembered.
        now: the time.
    """
    if secrets.randbelow(_CLEARED_ONE_IN) == 0:
        connection.execute(delete(used_once).where(used_once.c.until < now))
    digest = hashlib.sha256(f"{kind}\n{what}".encode()).digest()
    mark = insert(used_once).values(what=digest, until=until).on_conflict_do_nothing().returning(used_once.c.what)
    return connection.execute(mark).first() is not None
