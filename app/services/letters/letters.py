"""Writing a letter: start, keep, save, issue, open again, correct.

Issuing stores the bytes first, by their hash, and then records everything that follows in one transaction: the frozen
letter, its document, the line on the timeline and the reply clock. If anything fails, what is left is the draft.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.errors import BugError, UserError
from app.ids import new_id
from app.models import Case, CaseEvent, Clock, Document, Letter, Task
from app.models.terms import DocumentState, EventKind, LetterState
from app.services import drafts
from app.services.access import Permission, require
from app.services.audit import Action
from app.services.letters import facts as letter_facts
from app.services.letters.code import LETTER_SENT
from app.services.letters.compose import Composed, compose
from app.services.letters.draft import LetterDraft, Level
from app.services.letters.facts import Facts
from app.services.letters.inspection import usual_reply
from app.services.letters.templates import DELIVERY_WORDS, template
from app.services.letters.typeset import Typeset, typeset
from app.services.open_case import require_open
from app.services.restriction import require_case
from app.services.workspace import Workspace
from app.timesource import format_weekday

MEDIA_TYPE = "application/pdf"


@dataclass(frozen=True, slots=True)
class Issued:
    """A letter that has gone out.

    Attributes:
        sha256: of the PDF as it was sent.
    """

    letter_id: str
    document_id: str
    reference: str
    title: str
    recipient: str
    sha256: str
    page_count: int


def new(facts: Facts, template_id: str, recipient_key: str = "") -> LetterDraft:
    """Return a new letter; nothing is recorded until something in it is kept.

    Args:
        facts: of the case.
        template_id: such as L01.
        recipient_key: who it goes to; left out, the first who may be written to.
    """
    chosen = template(template_id)
    people = facts.recipients(chosen.front.audience)
    reader = next((r for r in people if r.key == recipient_key), None) or next(
        (r for r in people if not r.stop and r.address), next((r for r in people if not r.stop), None)
    )
    return LetterDraft(
        letter_id=new_id(),
        case_id=facts.case_id,
        template_id=chosen.id,
        template_version=chosen.front.version,
        number=facts.next_number,
        reference=f"{facts.case_reference}/L{facts.next_number}",
        recipient_key=reader.key if reader else "",
        delivery=chosen.front.delivery[0],
        points=reader.points if reader else 12,
    )


def load(ws: Workspace, letter_id: str) -> LetterDraft:
    """Return a draft as it was last kept on this laptop, else as it was saved.

    Raises:
        UserError: there is no such letter, or it has gone out.
    """
    require(ws.actor, Permission.WRITE_LETTERS)
    with ws.read() as session:
        row = _draft_row(session, ws, letter_id)
        kept = drafts.load_draft(ws, _key(letter_id))
        stored = _from_row(row)
    return _overlaid(stored, kept)


def keep(ws: Workspace, draft: LetterDraft) -> LetterDraft:
    """Keep what is typed on this laptop; the first time, the letter becomes a draft of its case.

    Returns:
        The draft with the number it really has.
    """
    require(ws.actor, Permission.WRITE_LETTERS)
    if not draft.stored:
        draft = _insert(ws, draft)
    with ws.read() as session:
        require_case(session, ws.actor, draft.case_id, Permission.WRITE_LETTERS)
    drafts.save_draft(ws, _key(draft.letter_id), json.dumps(_changeable(draft)))
    return draft


def save(ws: Workspace, draft: LetterDraft) -> LetterDraft:
    """Save a draft to the record, so that it reaches colleagues.

    Raises:
        UserError: it has gone out meanwhile.
    """
    require(ws.actor, Permission.WRITE_LETTERS)
    if not draft.stored:
        return _insert(ws, draft)
    composed = compose(letter_facts.read(ws, draft.case_id), draft)
    with ws.write("Saved a letter") as session:
        _write(_draft_row(session, ws, draft.letter_id), composed)
        drafts.drop(session, _key(draft.letter_id))
    return draft


def discard(ws: Workspace, letter_id: str) -> None:
    """Delete a draft. A letter that has gone out is never deleted.

    Raises:
        UserError: there is no such draft.
    """
    require(ws.actor, Permission.WRITE_LETTERS)
    with ws.write("Discarded a draft letter") as session:
        session.delete(_draft_row(session, ws, letter_id))
        drafts.drop(session, _key(letter_id))


def preview(composed: Composed) -> Typeset:
    """Return a letter as it stands, marked as a draft."""
    return typeset(composed.content)


def issue(ws: Workspace, draft: LetterDraft) -> Issued:
    """Send a letter: freeze it, file it on the case, start its reply clock.

    Returns:
        What went out.

    Raises:
        UserError: something must be put right first; its field is named. The draft is kept.
        AccessRefused: this role may not send it.
    """
    require(ws.actor, Permission.WRITE_LETTERS)
    if template(draft.template_id).needs_approval:
        require(ws.actor, Permission.APPROVE_LETTERS)
    if not draft.stored:
        draft = _insert(ws, draft)
    composed = compose(letter_facts.read(ws, draft.case_id), draft)
    _refuse_unfinished(composed)
    sent = typeset(replace(composed.content, draft=False))
    if sent.missing or sent.unprintable:
        raise BugError("A letter with something missing nearly went out. The draft is kept.")
    sha256 = ws.documents.put(sent.pdf, MEDIA_TYPE)
    return _record(ws, composed, sent, sha256)


def correct(ws: Workspace, letter_id: str) -> LetterDraft:
    """Return a new draft with the values of a letter that has gone out; sending it replaces that one.

    Raises:
        UserError: the letter has not gone out.
    """
    require(ws.actor, Permission.WRITE_LETTERS)
    with ws.read() as session:
        row = session.get(Letter, letter_id)
        if row is not None:
            require_case(session, ws.actor, row.case_id, Permission.WRITE_LETTERS)
        if row is None or row.state is not LetterState.ISSUED:
            raise UserError("Only a letter that was sent can be corrected. Nothing was changed.")
        sent = _from_row(row)
    facts = letter_facts.read(ws, sent.case_id)
    fresh = new(facts, sent.template_id, sent.recipient_key)
    typed = {name: text for name, text in sent.typed.items() if name != "date_of_letter"}
    return replace(fresh, typed=typed, delivery=sent.delivery, points=sent.points, supersedes_id=letter_id)


def issued_bytes(ws: Workspace, letter_id: str) -> bytes:
    """Return a letter exactly as it was sent; the reading is audited.

    Raises:
        UserError: it has not gone out, or its bytes are not on this laptop yet.
    """
    require(ws.actor, Permission.READ_CASES, letter_id)
    with ws.read() as session:
        found = session.execute(select(Letter.case_id, Letter.sha256).where(Letter.id == letter_id)).first()
        if found is not None:
            require_case(session, ws.actor, found.case_id, Permission.READ_CASES)
    if found is None or not found.sha256:
        raise UserError("This letter has not been sent yet.")
    data = ws.documents.get(found.sha256)
    ws.audit(Action.READ_LETTER, "letter", letter_id)
    return data


def _key(letter_id: str) -> str:
    return f"letter:{letter_id}"


def _draft_row(session: Session, ws: Workspace, letter_id: str) -> Letter:
    row = session.get(Letter, letter_id)
    if row is None:
        raise UserError("This draft is no longer here. Nothing was changed.")
    require_case(session, ws.actor, row.case_id, Permission.WRITE_LETTERS)
    if row.state is not LetterState.DRAFT:
        raise UserError(f"{row.reference} has already been sent. To change it, write a correction.")
    return row


def _insert(ws: Workspace, draft: LetterDraft) -> LetterDraft:
    """Make the letter a record; its number is given here, inside the transaction.

    A letter that became one a moment ago, while somebody pressed Ctrl+Enter, is taken as it is.
    """
    with ws.read() as session:
        known = session.get(Letter, draft.letter_id)
        if known is not None:
            row = _draft_row(session, ws, draft.letter_id)
            return replace(draft, number=row.number, reference=row.reference, stored=True)
    facts = letter_facts.read(ws, draft.case_id)
    with ws.write("Started a letter") as session:
        require_open(session, ws.actor, draft.case_id, Permission.WRITE_LETTERS)
        taken = session.scalar(select(func.max(Letter.number)).where(Letter.case_id == draft.case_id)) or 0
        numbered = replace(draft, number=taken + 1, reference=f"{facts.case_reference}/L{taken + 1}", stored=True)
        row = Letter(id=draft.letter_id, case_id=draft.case_id, number=numbered.number, values={})
        _write(row, compose(facts, numbered))
        session.add(row)
    return numbered


def _write(row: Letter, composed: Composed) -> None:
    draft = composed.draft
    reader = composed.recipient
    row.reference = draft.reference
    row.template = draft.template_id
    row.template_version = composed.template.front.version
    row.title = composed.template.front.title
    row.recipient_kind = reader.kind if reader else _kind(draft)
    row.recipient_id = reader.id if reader else None
    row.recipient_name = reader.name if reader else ""
    row.values = {
        "recipient": draft.recipient_key,
        "fields": {name: [value.text, value.source] for name, value in composed.resolved.items()},
        "typed": dict(draft.typed),
    }
    row.format_points = draft.points
    row.delivery = draft.delivery
    row.dated_on = composed.dated_on
    row.reply_by = composed.reply_by
    row.supersedes_id = draft.supersedes_id


def _kind(draft: LetterDraft) -> str:
    return "person" if template(draft.template_id).front.audience == "parent" else "school"


def _from_row(row: Letter) -> LetterDraft:
    typed = row.values.get("typed", {})
    return LetterDraft(
        letter_id=row.id,
        case_id=row.case_id,
        template_id=row.template,
        template_version=row.template_version,
        number=row.number,
        reference=row.reference,
        recipient_key=str(row.values.get("recipient", "")),
        delivery=row.delivery,
        points=row.format_points,
        typed={str(name): str(text) for name, text in typed.items()},
        stored=True,
        supersedes_id=row.supersedes_id,
    )


def _changeable(draft: LetterDraft) -> dict[str, Any]:
    return {
        "recipient": draft.recipient_key,
        "delivery": draft.delivery,
        "points": draft.points,
        "typed": draft.typed,
    }


def _overlaid(stored: LetterDraft, kept: str) -> LetterDraft:
    if not kept:
        return stored
    found = json.loads(kept)
    return replace(
        stored,
        recipient_key=found["recipient"],
        delivery=found["delivery"],
        points=found["points"],
        typed=found["typed"],
    )


def _refuse_unfinished(composed: Composed) -> None:
    for found in composed.issues:
        if found.level is not Level.CHECK:
            raise UserError(f"{found.text} The letter is not sent, and the draft is kept.", found.field)


def _record(ws: Workspace, composed: Composed, sent: Typeset, sha256: str) -> Issued:
    """Record in one transaction that the letter went out."""
    now = ws.time.now()
    document_id = new_id()
    with ws.write("Sent a letter") as session:
        row = _draft_row(session, ws, composed.draft.letter_id)
        require_open(session, ws.actor, row.case_id, Permission.WRITE_LETTERS)
        _write(row, composed)
        row.state = LetterState.ISSUED
        row.issued_at, row.issued_by = now, ws.actor.user_id
        row.document_id, row.sha256 = document_id, sha256
        session.add(_document(session, composed, sent, sha256, document_id, now))
        session.add(_event(ws, composed, document_id, now))
        _start_waiting(session, composed)
        if row.supersedes_id:
            earlier = session.get(Letter, row.supersedes_id)
            if earlier is not None and earlier.state is LetterState.ISSUED:
                earlier.state = LetterState.SUPERSEDED
        drafts.drop(session, _key(row.id))
    return Issued(
        letter_id=composed.draft.letter_id,
        document_id=document_id,
        reference=composed.draft.reference,
        title=composed.template.front.title,
        recipient=composed.recipient.name if composed.recipient else "",
        sha256=sha256,
        page_count=sent.page_count,
    )


def _document(
    session: Session, composed: Composed, sent: Typeset, sha256: str, document_id: str, now: datetime
) -> Document:
    case = session.get_one(Case, composed.draft.case_id)
    return Document(
        id=document_id,
        sha256=sha256,
        size=len(sent.pdf),
        media_type=MEDIA_TYPE,
        page_count=sent.page_count,
        state=DocumentState.ISSUED,
        case_id=case.id,
        child_id=case.child_id,
        letter_id=composed.draft.letter_id,
        title=f"{composed.template.front.title}, {composed.draft.reference}",
        kind=LETTER_SENT,
        sender=composed.values.get("council_name", ""),
        received_on=composed.dated_on,
        arrived_at=now,
        source="letter",
        text=sent.text,
        reading={},
        rotation={},
    )


def _event(ws: Workspace, composed: Composed, document_id: str, now: datetime) -> CaseEvent:
    reader = composed.recipient
    lines = [f"To {reader.label}" if reader else "", DELIVERY_WORDS[composed.draft.delivery]]
    if composed.reply_by is not None:
        lines.append(f"Reply by {format_weekday(composed.reply_by)}")
    return CaseEvent(
        case_id=composed.draft.case_id,
        kind=EventKind.LETTER,
        happened_at=now,
        title=f"{composed.template.front.title} sent, {composed.draft.reference}",
        body=". ".join(line for line in lines if line) + ".",
        actor_name=ws.actor.name,
        document_id=document_id,
        letter_id=composed.draft.letter_id,
    )


def _start_waiting(session: Session, composed: Composed) -> None:
    """Start the reply clock; a date that is not the rule's own becomes a task, for a clock is only ever computed."""
    reply_by, dated_on, rule = composed.reply_by, composed.dated_on, composed.template.front.clock
    if reply_by is None or dated_on is None:
        return
    if rule and usual_reply(composed.template, dated_on) == reply_by.isoformat():
        label = f"Reply to {composed.draft.reference}"
        session.add(Clock(case_id=composed.draft.case_id, rule=rule, label=label, started_on=dated_on))
    else:
        words = f"Check for a reply to {composed.draft.reference}"
        session.add(Task(case_id=composed.draft.case_id, text=words, due_on=reply_by))
