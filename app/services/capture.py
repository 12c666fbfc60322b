"""Change capture: every commit of synced records writes its change set, its index and its audit entry with it.

It hangs on one session class, so no service can forget it. Statements that would go round it (bulk DML on a synced
table) are refused unless they come through :mod:`app.services.bulk`.
"""

from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import Table, event, inspect
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction
from sqlalchemy.orm.attributes import QueryableAttribute

from app.errors import BugError
from app.ids import new_id
from app.models import SYNCED_TABLES, ChangeLine, ChangeSetRow, ReferenceLease, Synced
from app.models.terms import ChangeState
from app.services import audit, projection
from app.services.changes import Change, ChangeSet, collapse, encode
from app.services.journal import passage_of
from app.services.rows import connection_of, driver, insert_into, stored_key
from app.services.signing import Signer
from app.services.wire import fields_of, insert_fields, to_wire
from app.timesource import TimeSource

CURSOR = "pull_cursor"
RECORDER = "rollcall_bulk_recorder"
"""Execution option that marks a statement as issued by the bulk recorder or by the applier of pulled changes."""


_CHANGE_SET = cast("Table", ChangeSetRow.__table__)
_CHANGE_LINE = cast("Table", ChangeLine.__table__)
_NEXT = """
SELECT (SELECT coalesce(max(sequence), 0) + 1 FROM change_set WHERE device_id = ?),
       coalesce((SELECT CAST(value AS INTEGER) FROM sync_state WHERE name = ?), 0)
"""


@dataclass(slots=True)
class Unit:
    """One write: who, why, and what has been captured so far.

    Attributes:
        applying: True while changes pulled from the central store are written: nothing is captured, the
            projections are still kept.
    """

    actor_id: str | None
    actor_name: str
    device_id: str
    reason: str
    time: TimeSource
    signer: Signer | None
    applying: bool = False
    changes: list[Change] = field(default_factory=list)
    tables: set[str] = field(default_factory=set)


class CapturingSession(Session):
    """A session whose commits are captured. ``session.info["unit"]`` holds its :class:`Unit`; readers have none."""


def unit_of(session: Session) -> Unit:
    """Return the unit of a writing session.

    Raises:
        BugError: the session was opened for reading.
    """
    unit = session.info.get("unit")
    if unit is None:
        raise BugError("A record was changed in a session opened for reading. Nothing was saved.")
    return unit  # type: ignore[no-any-return]  # Session.info is a plain dict


@event.listens_for(Synced, "attribute_instrument", propagate=True)
def _keep_old_values(_cls: type, _key: str, attribute: QueryableAttribute[Any]) -> None:
    """Load the old value whenever a field is set, so that a change always knows what it replaced."""
    event.listen(attribute, "set", _nothing, active_history=True)


def _nothing(*_args: object) -> None:
    return None


@event.listens_for(CapturingSession, "before_flush")
def _derive(session: Session, _context: UOWTransaction, _instances: object) -> None:
    for record in [*session.new, *session.dirty]:
        if isinstance(record, Synced):
            unit = unit_of(session)
            if record in session.new:
                given = inspect(record).dict
                if given.get("id") is None:
                    record.id = new_id()
                if given.get("created_at") is None:
                    record.created_at = unit.time.now()
                if record.created_by is None:
                    record.created_by = unit.actor_id
            if record.derived_fields:
                for name, value in record.derive(inspect(record).dict).items():
                    if getattr(record, name) != value:
                        setattr(record, name, value)


@event.listens_for(CapturingSession, "after_flush")
def _capture(session: Session, _context: UOWTransaction) -> None:
    changed = []
    for record in (*session.new, *session.dirty, *session.deleted):
        if isinstance(record, Synced):
            changed.append(record)
        elif isinstance(record, ReferenceLease) and (passage := passage_of(session)) is not None:
            passage.add_lease(record.year, record.first, record.last, record.next)
    if not changed:
        return
    unit = unit_of(session)
    for record in changed:
        table = record.__tablename__
        names = fields_of(table)
        state = inspect(record)
        if record in session.new:
            fields = insert_fields(table, state.dict)
            unit.changes.append(Change(table, record.id, "insert", fields))
        elif record in session.deleted:
            fields = {name: [to_wire(value), None] for name in names if (value := state.dict.get(name)) is not None}
            unit.changes.append(Change(table, record.id, "delete", fields))
        else:
            fields = {}
            for name in names:
                history = state.attrs[name].history
                if history.has_changes():
                    old = to_wire(history.deleted[0]) if history.deleted else None
                    new = to_wire(history.added[0]) if history.added else None
                    if old != new:
                        fields[name] = [old, new]
            if fields:
                unit.changes.append(Change(table, record.id, "update", fields))


@event.listens_for(CapturingSession, "do_orm_execute")
def _refuse_bypass(state: ORMExecuteState) -> None:
    if not (state.is_insert or state.is_update or state.is_delete):
        return
    table = getattr(getattr(state.statement, "table", None), "name", None)
    if table in SYNCED_TABLES and not state.execution_options.get(RECORDER):
        raise BugError("Rows of a synced table were written around change capture. Nothing was saved.")


@event.listens_for(CapturingSession, "before_commit")
def _write_change_set(session: Session) -> None:
    unit: Unit | None = session.info.get("unit")
    if unit is None:
        return
    session.flush()
    changes = collapse(unit.changes)
    unit.changes = []
    if changes:
        unit.tables |= {change.table for change in changes}
        subjects = projection.refresh(session, changes, unit.time)
        if not unit.applying:
            record_change_set(session, unit, changes, subjects)
    passage = passage_of(session)
    if passage is not None and not session.in_nested_transaction():
        passage.seal(session)


def record_change_set(session: Session, unit: Unit, changes: list[Change], subjects: list[str | None]) -> str:
    """Write one change set with its index and audit entry, in the session's transaction.

    Args:
        session: a writing session.
        unit: who and why.
        changes: collapsed; at most one a row.
        subjects: for each change, whose history it belongs to.

    Returns:
        The change set's id.
    """
    if unit.signer is None:
        raise BugError("This vault has no device key. Nothing was saved.")
    connection = connection_of(session)
    made_at = unit.time.now()
    sequence, base = driver(connection).execute(_NEXT, (stored_key(unit.device_id), CURSOR)).fetchone()
    change_set = ChangeSet(
        id=new_id(),
        device=unit.device_id,
        sequence=sequence,
        actor=unit.actor_id,
        made_at=made_at.isoformat(),
        reason=unit.reason,
        base=base,
        changes=changes,
    )
    body = encode(change_set)
    row = {
        "id": change_set.id,
        "device_id": unit.device_id,
        "sequence": sequence,
        "actor_id": unit.actor_id,
        "actor_name": unit.actor_name,
        "made_at": made_at,
        "reason": unit.reason,
        "base_revision": base,
        "body": body,
        "signature": unit.signer.sign(body),
        "state": ChangeState.PENDING,
        "revision": None,
        "receipt": None,
        "refusal": "",
    }
    insert_into(_CHANGE_SET)(connection, [row])
    passage = passage_of(session)
    if passage is not None:
        passage.add_change_set(row)
    insert_into(_CHANGE_LINE)(connection, line_rows(change_set.id, changes, subjects))
    first = changes[0]
    audit.append(
        session,
        at=made_at,
        actor_id=unit.actor_id,
        actor_name=unit.actor_name,
        action="changed",
        subject_table=first.table,
        subject_id=subjects[0] or first.row,
        detail={"change_set": change_set.id, "rows": len(changes)},
    )
    return change_set.id


def line_rows(change_set_id: str, changes: list[Change], subjects: list[str | None]) -> list[dict[str, Any]]:
    """Return the index rows of a change set."""
    return [
        {
            "change_set_id": change_set_id,
            "position": position,
            "table_name": change.table,
            "row_id": change.row,
            "subject_id": subject,
            "op": change.op,
        }
        for position, (change, subject) in enumerate(zip(changes, subjects, strict=True))
    ]
