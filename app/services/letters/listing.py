"""Lists of letters: drafts, waiting for approval, sent."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Row, Select, func, select

from app.errors import UserError
from app.models import CaseRow, Letter, User
from app.models.terms import LetterState
from app.services.access import Permission, require
from app.services.letters.templates import DELIVERY_WORDS
from app.services.restriction import require_case, sight_of
from app.services.workspace import Workspace

STATE_WORDS = {
    LetterState.DRAFT: "Draft",
    LetterState.WAITING_APPROVAL: "Waiting for approval",
    LetterState.APPROVED: "To print",
    LetterState.ISSUED: "Sent",
    LetterState.RETURNED: "Returned",
    LetterState.SUPERSEDED: "Replaced",
}


@dataclass(frozen=True, slots=True)
class LetterLine:
    """A letter in a list.

    Attributes:
        made_at: when it was started; issued_at: when it went out.
        document_id: of the bytes as sent.
        by: who sent it, or started the draft.
    """

    letter_id: str
    case_id: str
    case_reference: str
    child_name: str
    reference: str
    title: str
    recipient: str
    state: LetterState
    state_words: str
    delivery: str
    dated_on: date | None
    reply_by: date | None
    made_at: datetime
    issued_at: datetime | None
    document_id: str | None
    by: str
    mine: bool


def letters(ws: Workspace, *, case_id: str | None = None, limit: int = 500) -> list[LetterLine]:
    """Return letters, the newest first.

    Args:
        ws: the workspace.
        case_id: of one case only.
        limit: the most that are returned.
    """
    require(ws.actor, Permission.READ_CASES, case_id)
    query = _query().order_by(Letter.created_at.desc()).limit(limit)
    if case_id is not None:
        query = query.where(Letter.case_id == case_id)
    with ws.read() as session:
        if case_id is not None:
            require_case(session, ws.actor, case_id, Permission.READ_CASES)
        query = query.where(*sight_of(session, ws.actor).open_cases(Letter.case_id))
        return [_line(ws, row) for row in session.execute(query)]


def letter(ws: Workspace, letter_id: str) -> LetterLine:
    """Return one letter's line.

    Raises:
        UserError: it is not on this laptop.
    """
    require(ws.actor, Permission.READ_CASES)
    with ws.read() as session:
        row = session.execute(_query().where(Letter.id == letter_id)).first()
        if row is not None:
            require_case(session, ws.actor, row[0].case_id, Permission.READ_CASES)
    if row is None:
        raise UserError("This letter is not on this laptop. Sync, then open it again. Nothing was changed.")
    return _line(ws, row)


def _query() -> Select[Letter, str, str, str]:
    return (
        select(Letter, CaseRow.reference, CaseRow.child_name, User.name)
        .outerjoin(CaseRow, CaseRow.case_id == Letter.case_id)
        .outerjoin(User, User.id == func.coalesce(Letter.issued_by, Letter.created_by))
    )


def _line(ws: Workspace, found: Row[Letter, str, str, str]) -> LetterLine:
    row, reference, child_name, by = found
    return LetterLine(
        letter_id=row.id,
        case_id=row.case_id,
        case_reference=reference or "",
        child_name=child_name or "",
        reference=row.reference,
        title=row.title,
        recipient=row.recipient_name,
        state=row.state,
        state_words=STATE_WORDS[row.state],
        delivery=DELIVERY_WORDS.get(row.delivery, row.delivery),
        dated_on=row.dated_on,
        reply_by=row.reply_by,
        made_at=row.created_at,
        issued_at=row.issued_at,
        document_id=row.document_id,
        by=by or "",
        mine=row.created_by == ws.actor.user_id,
    )


def find_case(ws: Workspace, reference: str) -> str:
    """Return the id of a case by its reference.

    Raises:
        UserError: it is not on this laptop.
    """
    require(ws.actor, Permission.READ_CASES)
    with ws.read() as session:
        shown = sight_of(session, ws.actor).shown_cases(CaseRow.case_id)
        found = session.scalar(select(CaseRow.case_id).where(CaseRow.reference == reference.strip().upper(), *shown))
    if found is None:
        raise UserError(f"{reference} is not on this laptop. Nothing was changed.")
    return found


def find_letter(ws: Workspace, words: str) -> str:
    """Return the id of a letter by its id or its reference, such as ``CME-2026-00377/L4``.

    Raises:
        UserError: none, or more than one, has it.
    """
    require(ws.actor, Permission.READ_CASES)
    wanted = words.strip()
    with ws.read() as session:
        open_to = sight_of(session, ws.actor).open_cases(Letter.case_id)
        found = set(session.scalars(select(Letter.id).where(Letter.reference == wanted.upper(), *open_to)))
        if not found and _is_id(wanted):
            found = set(session.scalars(select(Letter.id).where(Letter.id == wanted, *open_to)))
    if not found:
        raise UserError(f"There is no letter {words} on this laptop. Nothing was changed.")
    if len(found) > 1:
        raise UserError(
            f"Two letters have the reference {words}. Give the id that the list shows. Nothing was changed."
        )
    return found.pop()


def _is_id(words: str) -> bool:
    try:
        uuid.UUID(words)
    except ValueError:
        return False
    return True
