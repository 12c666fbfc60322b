"""Making changes again: refused work on the records as they are now, and work that a supervisor takes over.

What is made again is a change set like any other: signed in the name of whoever makes it, merged per field, with a
conflict where the record has moved on meanwhile.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import SYNCED_TABLES, Case
from app.services import projection
from app.services.access import allowed, needed_permissions
from app.services.capture import record_change_set, unit_of
from app.services.cases import take_reference
from app.services.changes import Change
from app.services.sync.apply import put_on_top
from app.services.sync.shapes import columns_of
from app.services.wire import insert_fields, to_wire
from app.services.workspace import Actor


def make_again(session: Session, changes: Sequence[Change], beside: Sequence[Change] = ()) -> str:
    """Write changes into the records and record them as one change set of the person who writes.

    Args:
        session: from ``Workspace.write``.
        changes: at most one a row; what each replaces is what merging will compare with.
        beside: changes that go in the same change set, such as that the work was taken over.

    Returns:
        The new change set's id.
    """
    whole = [*changes, *beside]
    unit = unit_of(session)
    put_on_top(session, whole)
    unit.tables |= {change.table for change in whole}
    subjects = projection.refresh(session, whole, unit.time)
    return record_change_set(session, unit, whole, subjects)


def on_present(session: Session, changes: Sequence[Change]) -> list[Change]:
    """Return changes as they would be made on the records as they are here now.

    A field that has its new value already (this laptop never took a refused change back) keeps what it replaced then.
    """
    made = []
    for change in changes:
        now = present_row(session, change)
        if now is None:
            made.append(change)
        elif change.op == "insert":
            made.append(msgspec.structs.replace(change, fields=insert_fields(change.table, now)))
        elif change.op == "delete":
            made.append(msgspec.structs.replace(change, fields={name: [value, None] for name, value in now.items()}))
        else:
            fields = {name: [_replaced(pair, now.get(name)), pair[1]] for name, pair in change.fields.items()}
            made.append(msgspec.structs.replace(change, fields=fields))
    return made


def present_row(session: Session, change: Change) -> dict[str, Any] | None:
    """Return the row a change is about as it is here now, in wire form, or None."""
    model = SYNCED_TABLES.get(change.table)
    if model is None:
        return None
    names = columns_of(change.table)
    columns = [getattr(model, name) for name in names]
    found = session.execute(select(*columns).where(model.id == change.row)).first()
    if found is None:
        return None
    return {name: to_wire(value) for name, value in zip(names, found, strict=True)}


def renumbered(session: Session, change: Change, year: int) -> Change:
    """Return a change with a case number of this laptop's, where it opens a case."""
    if change.table != "case" or change.op != "insert":
        return change
    return msgspec.structs.replace(change, fields={**change.fields, "reference": [None, take_reference(session, year)]})


def number_is_taken(session: Session, change: Change) -> bool:
    """Return whether a change opens a case under a number that another case here has."""
    if change.table != "case" or change.op != "insert":
        return False
    reference = change.fields.get("reference", (None, None))[1]
    other = select(Case.id).where(Case.reference == reference, Case.id != change.row).limit(1)
    return session.execute(other).first() is not None


def may_make(actor: Actor, changes: Sequence[Change]) -> bool:
    """Return whether a person's role may make all of these changes."""
    return all(any(allowed(actor.role, each) for each in any_of) for any_of in needed_permissions(changes))


def _replaced(pair: Sequence[Any], now: Any) -> Any:
    return pair[0] if now == pair[1] else now
