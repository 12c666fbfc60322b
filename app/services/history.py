"""Who changed what, when, from what to what: read from the change sets themselves.

The history of a case is every change set that touched the case, its child, or a person in the child's family.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import UserError
from app.models import Case, ChangeLine, ChangeSetRow, Conflict, Device, Relationship
from app.models.terms import ChangeState, ConflictState
from app.services import history_words
from app.services.access import Permission
from app.services.audit import Action
from app.services.changes import Change, decode
from app.services.restriction import require_case
from app.services.workspace import Workspace

PAGE: Final = 100
STATE_WORDS: Final = {
    ChangeState.PENDING: "On this laptop, waiting to sync",
    ChangeState.ACCEPTED: "Safe in the central store",
    ChangeState.CONFLICTED: "In the central store, with a conflict",
    ChangeState.REFUSED: "Refused by the central store, kept here",
    ChangeState.CLEARED: "Refused by the central store, and dealt with by a person",
    ChangeState.RESCUED: "Handed in to the team, safe in the central store",
    ChangeState.RECEIVED: "From the central store",
}


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One field of one record, before and after."""

    record: str
    op: str
    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change set, as far as it concerns the case.

    Attributes:
        sequence: the device's own number of the change set.
        state: where it is, in words.
        revision: the central store's number, when it has one.
    """

    id: str
    at: datetime
    who: str
    device: str
    reason: str
    sequence: int
    state: str
    revision: int | None
    lines: tuple[HistoryLine, ...]


def of_case(ws: Workspace, case_id: str, *, offset: int = 0, limit: int = PAGE) -> list[HistoryEntry]:
    """Return a page of a case's history, newest first. Reading it is audited.

    Args:
        ws: the workspace.
        case_id: the case.
        offset: how many change sets to pass over.
        limit: the most change sets returned.

    Raises:
        UserError: the case is not on this laptop.
    """
    with ws.read() as session:
        require_case(session, ws.actor, case_id, Permission.READ_CASES)
        subjects = _subjects(session, case_id)
        touched = select(ChangeLine.change_set_id).where(ChangeLine.subject_id.in_(subjects))
        sets = list(
            session.scalars(
                select(ChangeSetRow)
                .where(ChangeSetRow.id.in_(touched))
                .order_by(ChangeSetRow.made_at.desc(), ChangeSetRow.sequence.desc())
                .offset(offset)
                .limit(limit)
            )
        )
        rows = _rows_of(session, [each.id for each in sets], subjects)
        devices = _device_names(session, {each.device_id for each in sets})
        decoded = [(each, [c for c in decode(each.body).changes if (each.id, c.row) in rows]) for each in sets]
        names = history_words.names_of(session, _ids_in(decoded))
        asked = _asked_about(session, [change for _row, changes in decoded for change in changes])
        entries = [_entry(each, changes, devices, names, asked) for each, changes in decoded]
    ws.audit(Action.READ_HISTORY, "case", case_id)
    return entries


def lines_of(session: Session, changes: Sequence[Change]) -> tuple[HistoryLine, ...]:
    """Return what changes do, field by field, in words; names are those of people, teams and schools here."""
    names = history_words.names_of(session, _names_in(changes))
    asked = _asked_about(session, changes)
    return tuple(line for change in changes for line in _lines(change, names, asked))


def _subjects(session: Session, case_id: str) -> list[str]:
    child_id = session.execute(select(Case.child_id).where(Case.id == case_id)).scalar()
    if child_id is None:
        raise UserError("This case is not on this laptop. Sync, then open it again.")
    people = session.scalars(
        select(Relationship.person_id).where(Relationship.child_id == child_id, Relationship.person_id.is_not(None))
    )
    return [case_id, child_id, *(person for person in people if person)]


def _rows_of(session: Session, set_ids: Sequence[str], subjects: Sequence[str]) -> set[tuple[str, str]]:
    query = select(ChangeLine.change_set_id, ChangeLine.row_id).where(
        ChangeLine.change_set_id.in_(set_ids), ChangeLine.subject_id.in_(subjects)
    )
    return {(set_id, row_id) for set_id, row_id in session.execute(query)}


def _device_names(session: Session, ids: set[str]) -> dict[str, str]:
    query = select(Device.id, Device.name).where(Device.id.in_(ids))
    return {device_id: name for device_id, name in session.execute(query)}


def _ids_in(decoded: Sequence[tuple[ChangeSetRow, Sequence[Change]]]) -> set[str | None]:
    """Return every value that may be the id of a person or team."""
    return {value for _row, changes in decoded for value in _names_in(changes)}


def _names_in(changes: Iterable[Change]) -> set[str | None]:
    found: set[str | None] = set()
    for change in changes:
        for field, pair in change.fields.items():
            if field.endswith(("_id", "_by")) or (change.table, field) == ("conflict", "chosen"):
                found.update(value for value in pair if isinstance(value, str))
    return found


def _asked_about(session: Session, changes: Iterable[Change]) -> dict[str, tuple[str, str]]:
    """Return, for each conflict that was decided or opened again, the table and column it is about."""
    ids = {change.row for change in changes if change.table == Conflict.__tablename__}
    query = select(Conflict.id, Conflict.table_name, Conflict.field).where(Conflict.id.in_(ids))
    return {row.id: (row.table_name, row.field) for row in session.execute(query)} if ids else {}


def _entry(
    row: ChangeSetRow,
    changes: Sequence[Change],
    devices: dict[str, str],
    names: dict[str, str],
    asked: dict[str, tuple[str, str]],
) -> HistoryEntry:
    lines = [line for change in changes for line in _lines(change, names, asked)]
    return HistoryEntry(
        id=row.id,
        at=row.made_at,
        who=row.actor_name or "Rollcall",
        device=devices.get(row.device_id, ""),
        reason=row.reason,
        sequence=row.sequence,
        state=STATE_WORDS[row.state],
        revision=row.revision,
        lines=tuple(lines),
    )


def _decided(change: Change, about: tuple[str, str], names: dict[str, str]) -> HistoryLine:
    """Return a decision between two values, or its taking back, as a line about the field that it decided."""
    table, field = about
    opened = change.fields.get("state", (None, None))[1] == ConflictState.OPEN
    value = change.fields.get("chosen", (None, None))[0 if opened else 1]
    record = history_words.table_words(table)
    words = record if isinstance(value, dict) else history_words.value_words(table, field, value, names)
    before, after = (words, "Two values") if opened else ("Two values", words)
    name = history_words.field_words(field)
    return HistoryLine(record, "update", name if opened else f"{name}, decided", before, after)


def _lines(change: Change, names: dict[str, str], asked: dict[str, tuple[str, str]]) -> list[HistoryLine]:
    if change.row in asked and change.op == "update":
        return [_decided(change, asked[change.row], names)]
    record = history_words.table_words(change.table)
    lines = [
        HistoryLine(
            record=record,
            op=change.op,
            field=history_words.field_words(field),
            before="" if change.op == "insert" else history_words.value_words(change.table, field, pair[0], names),
            after="" if change.op == "delete" else history_words.value_words(change.table, field, pair[1], names),
        )
        for field, pair in sorted(change.fields.items(), key=lambda item: history_words.place(change.table, item[0]))
        if history_words.shown(change.table, field)
    ]
    return lines or [HistoryLine(record, change.op, "", "", "")]
