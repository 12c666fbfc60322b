"""Lists of letters: drafts, waiting for approval, sent."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from app.models import CaseRow, Letter
from app.models.terms import LetterState
from app.services.access import Permission, require
from app.services.letters.templates import DELIVERY_WORDS
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
    mine: bool


def letters(ws: Workspace, *, case_id: str | None = None, limit: int = 500) -> list[LetterLine]:
    """Return letters, the newest first.

    Args:
        ws: the workspace.
        case_id: of one case only.
        limit: the most that are returned.
    """
    require(ws.actor, Permission.READ_CASES)
    query = (
        select(Letter, CaseRow.reference, CaseRow.child_name)
        .outerjoin(CaseRow, CaseRow.case_id == Letter.case_id)
        .order_by(Letter.created_at.desc())
        .limit(limit)
    )
    if case_id is not None:
        query = query.where(Letter.case_id == case_id)
    with ws.read() as session:
        return [
            LetterLine(
                letter_id=letter.id,
                case_id=letter.case_id,
                case_reference=reference or "",
                child_name=child_name or "",
                reference=letter.reference,
                title=letter.title,
                recipient=letter.recipient_name,
                state=letter.state,
                state_words=STATE_WORDS[letter.state],
                delivery=DELIVERY_WORDS.get(letter.delivery, letter.delivery),
                dated_on=letter.dated_on,
                reply_by=letter.reply_by,
                made_at=letter.created_at,
                issued_at=letter.issued_at,
                document_id=letter.document_id,
                mine=letter.created_by == ws.actor.user_id,
            )
            for letter, reference, child_name in session.execute(query)
        ]
