"""Writing this laptop's own change sets again, from their signed bodies: into a database that lost them.

Used where the lifeboat is ahead of the database and where a database is rebuilt. A set that is already there changes
nothing, so doing it twice is harmless.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, cast

from sqlalchemy import Connection, Table
from sqlalchemy.orm import Session

from app.models import SYNCED_TABLES, ChangeLine, ChangeSetRow
from app.models.terms import ChangeState
from app.services import projection
from app.services.capture import line_rows, unit_of
from app.services.changes import Change, ChangeSet, decode
from app.services.rows import converter_of, driver, insert_into, stored_key
from app.services.wire import complete, row_from_wire

_CHANGE_SET = cast("Table", ChangeSetRow.__table__)
_CHANGE_LINE = cast("Table", ChangeLine.__table__)
_KNOWN = "SELECT 1 FROM change_set WHERE id = ? UNION ALL SELECT 1 FROM change_set WHERE device_id = ? AND sequence = ?"


class OwnSet(Protocol):
    """A change set of this laptop, as the lifeboat keeps it."""

    id: str
    body: bytes
    signature: bytes
    actor_name: str


@dataclass(slots=True)
class Redone:
    """What became of the sets.

    Attributes:
        applied: ids written now, with their records.
        known: ids that were there already.
        waiting: ids that are in the outbox again but touch a row that is not here yet: it comes with the next sync.
    """

    applied: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)


def redo(session: Session, sets: Iterable[OwnSet]) -> Redone:
    """Write change sets and what they did, in their own order, as waiting to be sent.

    Args:
        session: a writing session that captures nothing (``Workspace.apply_session``).
        sets: in any order.

    Returns:
        What became of each.
    """
    unit, done = unit_of(session), Redone()
    connection = session.connection()
    read = sorted(((decode(own.body), own) for own in sets), key=lambda pair: (pair[0].device, pair[0].sequence))
    for change_set, own in read:
        if _is_known(connection, change_set):
            done.known.append(own.id)
            continue
        whole = _apply(connection, change_set.changes)
        subjects = projection.refresh(session, change_set.changes, unit.time)
        unit.tables |= {change.table for change in change_set.changes}
        _record(connection, change_set, own, subjects)
        (done.applied if whole else done.waiting).append(own.id)
    return done


def _is_known(connection: Connection, change_set: ChangeSet) -> bool:
    # The device's own number too: a set under another id in its place would mean two histories.
    place = (stored_key(change_set.id), stored_key(change_set.device), change_set.sequence)
    return driver(connection).execute(_KNOWN, place).fetchone() is not None


def _apply(connection: Connection, changes: Sequence[Change]) -> bool:
    """Write what a set did and return whether every row it touches is here."""
    raw, whole = driver(connection), True
    clash = connection.dialect.loaded_dbapi.IntegrityError
    for change in changes:
        model = SYNCED_TABLES[change.table]
        key = stored_key(change.row)
        if change.op == "delete":
            raw.execute(f'DELETE FROM "{change.table}" WHERE id = ?', (key,))
            continue
        news = row_from_wire(model, {name: pair[1] for name, pair in change.fields.items()})
        try:
            if raw.execute(f'SELECT 1 FROM "{change.table}" WHERE id = ?', (key,)).fetchone():
                _update(raw, cast("Table", model.__table__), key, news)
            elif change.op == "insert":
                row = complete(model, {**news, "id": change.row})
                insert_into(cast("Table", model.__table__))(connection, [row])
            else:
                whole = False
        except clash:
            # Something that came otherwise stands in its place; the central store tells what becomes of both.
            whole = False
    return whole


def _update(raw: Any, table: Table, key: str, news: Mapping[str, Any]) -> None:
    names = [name for name in sorted(news) if name != "id"]
    if names:
        assignments = ", ".join(f'"{name}" = ?' for name in names)
        values = [None if news[name] is None else converter_of(table, name)(news[name]) for name in names]
        raw.execute(f'UPDATE "{table.name}" SET {assignments} WHERE id = ?', (*values, key))


def _record(connection: Connection, change_set: ChangeSet, own: OwnSet, subjects: list[str | None]) -> None:
    row = {
        "id": change_set.id,
        "device_id": change_set.device,
        "sequence": change_set.sequence,
        "actor_id": change_set.actor,
        "actor_name": own.actor_name,
        "made_at": datetime.fromisoformat(change_set.made_at),
        "reason": change_set.reason,
        "base_revision": change_set.base,
        "body": own.body,
        "signature": own.signature,
        "state": ChangeState.PENDING,
        "revision": None,
        "receipt": None,
        "refusal": "",
    }
    insert_into(_CHANGE_SET)(connection, [row])
    insert_into(_CHANGE_LINE)(connection, line_rows(change_set.id, change_set.changes, subjects))
