"""Writing this laptop's own change sets again, from their signed bodies: into a database that lost them.

Used where the lifeboat is ahead of the database and where a database is rebuilt. A set that is already there changes
nothing, so doing it twice is harmless.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, cast

from sqlalchemy import Connection, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.models import SYNCED_TABLES, ChangeLine, ChangeSetRow
from app.models.synced import Synced
from app.models.terms import ChangeState
from app.services import projection
from app.services.capture import line_rows, unit_of
from app.services.changes import Change, ChangeSet, decode
from app.services.rows import insert_into
from app.services.wire import complete, row_from_wire

_CHANGE_SET = cast("Table", ChangeSetRow.__table__)
_CHANGE_LINE = cast("Table", ChangeLine.__table__)


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
    table = _CHANGE_SET.c
    # The device's own number too: a set under another id in its place would mean two histories.
    same_place = (table.device_id == change_set.device) & (table.sequence == change_set.sequence)
    found = connection.execute(select(table.id).where((table.id == change_set.id) | same_place).limit(1))
    return found.first() is not None


def _apply(connection: Connection, changes: Sequence[Change]) -> bool:
    """Write what a set did and return whether every row it touches is here."""
    whole = True
    for change in changes:
        model = SYNCED_TABLES[change.table]
        table = cast("Table", model.__table__)
        if change.op == "delete":
            connection.execute(delete(table).where(table.c.id == change.row))
            continue
        news = row_from_wire(model, {name: pair[1] for name, pair in change.fields.items()})
        news["id"] = change.row
        if _update(connection, table, news):
            continue
        if change.op == "insert":
            whole &= _insert(connection, model, table, news)
        else:
            whole = False
    return whole


def _update(connection: Connection, table: Table, news: dict[str, Any]) -> bool:
    values = {name: value for name, value in news.items() if name != "id"}
    there = connection.execute(select(table.c.id).where(table.c.id == news["id"])).first() is not None
    if there and values:
        try:
            with connection.begin_nested():
                connection.execute(update(table).where(table.c.id == news["id"]), values)
        except IntegrityError:
            return False
    return there


def _insert(connection: Connection, model: type[Synced], table: Table, news: dict[str, Any]) -> bool:
    try:
        with connection.begin_nested():
            connection.execute(insert(table), complete(model, news))
    except IntegrityError:
        return False  # something that came otherwise stands in its place; its own entry at the central store tells
    return True


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
