"""Places in a sender's order that were given twice: a store that was put back gives the next number again.

A change set from elsewhere stands here with its sender's place, which only says what followed what. The one that is in
the store's log has it; an older one that the store gave another place moves below, out of the way.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from app.services.sync import facts


def make_room(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Move other change sets out of the places of some that are about to be kept.

    Args:
        session: in a transaction.
        rows: for ``change_set``, of other laptops or of the central store.
    """
    lives = facts.get(session, facts.STORE)
    if not lives or len(msgspec.json.decode(lives)) < 2:
        return  # the store was never put back
    connection = session.connection()
    places = [(_plain(row["device_id"]), row["sequence"]) for row in rows]
    taken = connection.exec_driver_sql(
        "SELECT c.id, c.device_id FROM json_each(?) AS j JOIN change_set AS c"
        " ON c.device_id = json_extract(j.value, '$[0]') AND c.sequence = json_extract(j.value, '$[1]')",
        (msgspec.json.encode(places).decode(),),
    ).fetchall()
    coming = {_plain(row["id"]) for row in rows}
    for set_id, device_id in taken:
        if set_id not in coming:
            connection.exec_driver_sql(
                "UPDATE change_set SET sequence ="
                " (SELECT min(0, min(sequence)) - 1 FROM change_set WHERE device_id = ?) WHERE id = ?",
                (device_id, set_id),
            )


def _plain(record_id: str) -> str:
    return record_id.replace("-", "")
