"""Taking a decision back, as a new step in the history: both values wait again."""

from typing import Final

from sqlalchemy.orm import Session

from app.errors import UserError
from app.models import SYNCED_TABLES, Case
from app.models.terms import ConflictState
from app.services.access import Permission, require
from app.services.conflicts.deciding import DecisionResult, Settled, Written, conflict_rows
from app.services.restriction import require_case
from app.services.wire import fields_of, row_from_wire, to_wire
from app.services.workspace import Workspace

MOVED_ON: Final = "What you decided has been changed since, so it was left as it is."


def undo(ws: Workspace, result: DecisionResult) -> int:
    """Take decisions back: the record says what it said before, and the conflicts are open again.

    A record that was changed since, or a conflict that somebody else decided since, is left alone. An allocation is
    not taken back here: the case is moved in the team queue, with a reason.

    Returns:
        How many were taken back.

    Raises:
        AccessRefused: the role may not, or the case is closed to the person by now.
        UserError: nothing could be taken back.
    """
    require(ws.actor, Permission.EDIT_CASES)
    count = 0
    with ws.write("Took a decision back") as session:
        for each in result.settled:
            if each.case_id is not None and session.get(Case, each.case_id) is not None:
                require_case(session, ws.actor, each.case_id, Permission.EDIT_CASES)
            if _is_ours(session, ws, each):
                for written in each.written:
                    _put_back(session, written)
                for conflict in conflict_rows(session, each.conflict_ids):
                    conflict.state, conflict.chosen = ConflictState.OPEN, None
                    conflict.decided_by = conflict.decided_at = None
                count += 1
    if not count:
        raise UserError(MOVED_ON)
    return count


def _is_ours(session: Session, ws: Workspace, settled: Settled) -> bool:
    """Return whether everything is as the decision left it."""
    conflicts = conflict_rows(session, settled.conflict_ids)
    if len(conflicts) < len(settled.conflict_ids) or not conflicts:
        return False
    about = (conflicts[0].table_name, conflicts[0].field)
    decided = all(each.state is ConflictState.RESOLVED and each.decided_by == ws.actor.user_id for each in conflicts)
    return decided and about != ("case", "officer_id") and all(_stands(session, each) for each in settled.written)


def _stands(session: Session, written: Written) -> bool:
    record = session.get(SYNCED_TABLES[written.table], written.row_id)
    if record is None or written.after is None:
        return record is None and written.after is None
    names = fields_of(written.table)
    return all(to_wire(getattr(record, name)) == value for name, value in written.after.items() if name in names)


def _put_back(session: Session, written: Written) -> None:
    model = SYNCED_TABLES[written.table]
    record = session.get(model, written.row_id)
    if written.before is None:
        if record is not None:
            session.delete(record)
        return
    values = row_from_wire(model, written.before)
    if record is None:
        session.add(model(**values))
        return
    for name, value in values.items():
        setattr(record, name, value)
