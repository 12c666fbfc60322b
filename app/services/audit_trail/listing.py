"""Entries of the audit by filters, newest first: their numbers at once, the entries themselves by the page."""

import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from app.errors import UserError
from app.models import AuditLine, Case, CaseRow, Document, Letter, User
from app.services.access import Permission, require
from app.services.audit import Action, ActionKind
from app.services.audit.actions import action_of, values_of
from app.services.audit.chain import Entry
from app.services.audit.reading import read_entry
from app.services.audit_trail.words import about_words, detail_words
from app.services.rows import connection_of, driver
from app.services.workspace import Workspace
from app.timesource import london

_LAST = "SELECT coalesce(max(sequence), 0) FROM audit_entry"
_BODIES = "SELECT sequence, CAST(body AS BLOB) FROM audit_entry WHERE sequence IN ({})"


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """What the audit page shows.

    Attributes:
        person: a user's id, or None for everybody.
        kind: a group of actions, or None for all.
        since, until: days in London, both inclusive.
        case_id: only what concerns this case: the case, its child, its letters and documents.
        refusals: only what was refused.
    """

    person: str | None = None
    kind: ActionKind | None = None
    since: date | None = None
    until: date | None = None
    case_id: str | None = None
    refusals: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether everything is shown."""
        return self == AuditQuery()


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry, in words.

    Attributes:
        at: None when the entry cannot be read.
        about: the record it concerns; references only, no names.
        detail: counts and the like.
        case_id: the case it concerns, when that is on this laptop.
    """

    sequence: int
    at: datetime | None
    who: str
    action: str
    about: str
    detail: str
    case_id: str | None
    refusal: bool


def sequences(ws: Workspace, query: AuditQuery) -> Sequence[int]:
    """Return the numbers of the entries of a query, newest first; the index must be fresh for any but a plain query.

    Raises:
        AccessRefused: the role may not read the audit.
    """
    require(ws.actor, Permission.READ_AUDIT)
    with ws.read() as session:
        connection = driver(connection_of(session))
        if query.is_plain:
            return range(connection.execute(_LAST).fetchone()[0], 0, -1)
        statement = select(AuditLine.sequence).where(*_conditions(session, query))
        found = session.connection().execute(statement.order_by(AuditLine.sequence.desc())).scalars()
        return array("q", found)


def rows(ws: Workspace, numbers: Sequence[int]) -> list[AuditRow]:
    """Return entries in the order asked; those that are gone are left out.

    Raises:
        AccessRefused: the role may not read the audit.
    """
    require(ws.actor, Permission.READ_AUDIT)
    with ws.read() as session:
        sql = _BODIES.format(", ".join("?" * len(numbers)))
        found = {
            sequence: read_entry(body) for sequence, body in driver(connection_of(session)).execute(sql, tuple(numbers))
        }
        references = _references(session, [entry for entry in found.values() if entry is not None])
    return [_row(number, found[number], references) for number in numbers if number in found]


def people(ws: Workspace) -> list[tuple[str, str]]:
    """Return (id, name) of everybody who is in the audit of this laptop, by name.

    Raises:
        AccessRefused: the role may not read the audit.
    """
    require(ws.actor, Permission.READ_AUDIT)
    with ws.read() as session:
        ids = session.scalars(select(AuditLine.actor_id).where(AuditLine.actor_id.is_not(None)).distinct()).all()
        named = session.execute(select(User.id, User.name).where(User.id.in_(ids)).order_by(User.name))
        return [(user_id, name) for user_id, name in named]


def searches_for(ws: Workspace, words: str) -> list[int]:
    """Return the numbers of the searches for exactly these words on this laptop, newest first.

    The words are not kept, only a digest under a key of this laptop; so this can be asked, and not read back.

    Raises:
        AccessRefused: the role may not read the audit.
    """
    require(ws.actor, Permission.READ_AUDIT)
    sql = "SELECT sequence FROM audit_entry WHERE instr(CAST(body AS TEXT), ?) > 0 ORDER BY sequence DESC"
    with ws.read() as session:
        found = driver(connection_of(session)).execute(sql, (ws.search_digest(words),))
        return [sequence for (sequence,) in found]


def find_case(ws: Workspace, reference: str) -> str:
    """Return the id of a case by its reference. Its content is not shown, so auditors may ask too.

    Raises:
        AccessRefused: the role may not read the audit.
        UserError: no such case on this laptop (field ``case``).
    """
    require(ws.actor, Permission.READ_AUDIT)
    wanted = reference.strip().upper()[:40]
    with ws.read() as session:
        found = session.execute(select(Case.id).where(Case.reference == wanted)).scalar()
    if found is None:
        raise UserError("There is no case with this reference on this laptop. Check it, or sync.", "case")
    return found


def reference_of(ws: Workspace, case_id: str) -> str:
    """Return a case's reference, or an empty text.

    Raises:
        AccessRefused: the role may not read the audit.
    """
    require(ws.actor, Permission.READ_AUDIT)
    with ws.read() as session:
        return session.execute(select(Case.reference).where(Case.id == case_id)).scalar() or ""


def note_reading(ws: Workspace) -> None:
    """Record that the signed-in person reads the audit.

    Raises:
        AccessRefused: the role may not read the audit.
    """
    require(ws.actor, Permission.READ_AUDIT)
    ws.audit(Action.READ_AUDIT)


def _conditions(session: Session, query: AuditQuery) -> list[ColumnElement[bool]]:
    parts: list[ColumnElement[bool]] = []
    if query.person is not None:
        parts.append(AuditLine.actor_id == query.person)
    if query.kind is not None:
        parts.append(AuditLine.action.in_(values_of(query.kind)))
    if query.refusals:
        parts.append(AuditLine.action.in_(values_of(ActionKind.REFUSAL)))
    if query.since is not None:
        parts.append(AuditLine.at >= _start_of(query.since))
    if query.until is not None:
        parts.append(AuditLine.at < _start_of(query.until + timedelta(days=1)))
    if query.case_id is not None:
        parts.append(AuditLine.subject_id.in_(_subjects(session, query.case_id)))
    return parts


def _subjects(session: Session, case_id: str) -> set[str]:
    child = session.execute(select(Case.child_id).where(Case.id == case_id)).scalar()
    letters = session.scalars(select(Letter.id).where(Letter.case_id == case_id))
    documents = session.scalars(select(Document.id).where(Document.case_id == case_id))
    return {case_id, *letters, *documents, *((child,) if child else ())}


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), london()).astimezone(UTC)


def _references(session: Session, entries: Sequence[Entry]) -> dict[str, tuple[str, str]]:
    """Return (case id, reference) of the case that each subject belongs to."""
    subjects = {entry.subject_id for entry in entries if entry.subject_id}
    found: dict[str, tuple[str, str]] = {}
    query = select(CaseRow.case_id, CaseRow.child_id, CaseRow.reference)
    for case_id, child_id, reference in session.execute(
        query.where(or_(CaseRow.case_id.in_(subjects), CaseRow.child_id.in_(subjects)))
    ):
        found[child_id] = found[case_id] = (case_id, reference)
    for model in (Letter, Document):
        of_case: Any = (
            select(model.id, CaseRow.case_id, CaseRow.reference)
            .join(CaseRow, CaseRow.case_id == model.case_id)
            .where(model.id.in_(subjects))
        )
        for subject, case_id, reference in session.execute(of_case):
            found[subject] = (case_id, reference)
    return found


def _row(sequence: int, entry: Entry | None, references: dict[str, tuple[str, str]]) -> AuditRow:
    if entry is None:
        return AuditRow(sequence, None, "", "This entry cannot be read", "", "Verify the audit", None, refusal=False)
    action = action_of(entry.action)
    case_id, reference = references.get(entry.subject_id or "", (None, ""))
    try:
        at, said = datetime.fromisoformat(entry.at), json.loads(entry.detail) if entry.detail else {}
    except ValueError:
        at, said = None, {}
    return AuditRow(
        sequence=sequence,
        at=at,
        who=entry.actor_name,
        action=action.words if action else entry.action.capitalize(),
        about=about_words(entry.subject_table, reference),
        detail=detail_words(action, said if isinstance(said, dict) else {}),
        case_id=case_id,
        refusal=action is Action.REFUSED,
    )
