"""Which case a document may belong to, and why. Advice only: a person decides, and what was shown is kept.

The QR code of one of our letters is certain. A case reference, a UPN, or a name with its date of birth is strong. A
name alone, or a surname with a postcode, is possible. A name that only sounds alike is weak.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.errors import UserError
from app.models import Address, Case, CaseRow, Child, ChildName, Document, Letter, Relationship
from app.models.folding import fold, sound
from app.models.terms import CaseStatus, DocumentState
from app.services.access import Permission, require
from app.services.ages import age_words
from app.services.batches import batched
from app.services.documents.candidates import STRENGTH_WORDS, Candidate, Mark, Reason, Strength, Suggestions
from app.services.documents.clues import Clues, Span, find_clues
from app.services.documents.listing import require_document
from app.services.letters import code as letter_code
from app.services.restriction import require_case, sight_of
from app.services.workspace import Workspace
from app.timesource import format_date

__all__ = [
    "STRENGTH_WORDS",
    "Candidate",
    "Mark",
    "Reason",
    "Strength",
    "Suggestions",
    "describe_case",
    "suggest",
    "summaries",
]

_MOST_CANDIDATES = 5
_BATCH = 400
_BORN_WITHIN_YEARS = 21
_NEAR = 60
"""Characters between a name and a date of birth that are ringed together."""


@dataclass(slots=True)
class _Found:
    """Reasons by child, and by case where a reason names the case itself."""

    by_child: dict[str, list[Reason]] = field(default_factory=lambda: defaultdict(list))
    by_case: dict[str, list[Reason]] = field(default_factory=lambda: defaultdict(list))
    note: str = ""


def suggest(ws: Workspace, document_id: str) -> Suggestions:
    """Return the cases a document may belong to.

    Raises:
        AccessRefused: the role may not link documents.
        UserError: the document is gone.
    """
    require(ws.actor, Permission.LINK_DOCUMENTS, document_id)
    with ws.read() as session:
        row = session.get(Document, document_id)
        if row is None:
            raise UserError("This document is no longer here. Nothing was changed.")
        require_document(session, ws, row, Permission.LINK_DOCUMENTS)
        return _suggest(ws, session, row.text, row.reading or {})


def summaries(ws: Workspace, document_ids: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return, for each document that waits, the state and words its row in the tray shows."""
    require(ws.actor, Permission.LINK_DOCUMENTS)
    made: dict[str, tuple[str, str]] = {}
    with ws.read() as session:
        for some in batched(document_ids, _BATCH):
            rows = session.execute(
                select(Document.id, Document.text, Document.reading).where(
                    Document.id.in_(some), Document.state.in_((DocumentState.TO_LINK, DocumentState.SET_ASIDE))
                )
            )
            for row in rows.all():
                made[row.id] = _suggest(ws, session, row.text, row.reading or {}).summary
    return made


def describe_case(ws: Workspace, case_id: str) -> Candidate:
    """Return a case the person found by searching, as a candidate without reasons.

    Raises:
        UserError: the case is not on this laptop.
    """
    with ws.read() as session:
        require_case(session, ws.actor, case_id, Permission.LINK_DOCUMENTS)
        row = session.get(CaseRow, case_id)
        if row is None:
            raise UserError("This case is not on this laptop. Sync, then try again.")
        return _candidate(ws, row, [])


def _suggest(ws: Workspace, session: Session, text: str, reading: dict[str, Any]) -> Suggestions:
    clues = find_clues(text)
    found = _Found()
    _by_codes(session, reading, found)
    _by_references(session, clues, found)
    _by_upns(session, clues, found)
    _by_births(session, clues, found, ws.time.today())
    _by_names(session, clues, found)
    _by_postcodes(session, clues, found)
    candidates = _candidates(ws, session, found)
    return Suggestions(tuple(candidates), _choice(candidates), found.note)


def _choice(candidates: list[Candidate]) -> int | None:
    """Return the candidate that stands alone at the top and may be linked."""
    if not candidates or candidates[0].strength < Strength.STRONG or not candidates[0].can_link:
        return None
    if len(candidates) > 1 and candidates[1].strength == candidates[0].strength:
        return None
    return 0


def _by_codes(session: Session, reading: dict[str, Any], found: _Found) -> None:
    for entry in reading.get("codes", ()):
        ours = letter_code.parse(str(entry.get("text", "")))
        if ours is None:
            continue
        letter = session.execute(
            select(Letter.case_id, Letter.reference, Letter.title).where(Letter.id == ours.letter_id)
        ).one_or_none()
        if letter is None:
            found.note = (
                "This page carries the code of a letter that is not on this laptop. Sync, or find the child by name."
            )
            continue
        left, top, right, bottom = (float(side) for side in entry["box"])
        mark = Mark(int(entry["page"]), box=(left, top, right, bottom))
        words = f"Carries the code of our letter {letter.reference}"
        found.by_case[letter.case_id].append(Reason(0, words, Strength.CERTAIN, (mark,)))


def _by_references(session: Session, clues: Clues, found: _Found) -> None:
    # References are written with different numbers of digits, so each is asked for in every usual form.
    forms = {
        f"CME-{year}-{number:0{digits}d}": span
        for (year, number), span in clues.references.items()
        for digits in (1, 3, 4, 5, 6)
    }
    for some in batched(forms, _BATCH):
        for case_id, reference in session.execute(select(Case.id, Case.reference).where(Case.reference.in_(some))):
            mark = Mark(forms[reference].page, forms[reference])
            found.by_case[case_id].append(Reason(0, "Quotes this case reference", Strength.STRONG, (mark,)))


def _by_upns(session: Session, clues: Clues, found: _Found) -> None:
    for some in batched(clues.upns, _BATCH):
        rows = session.execute(
            select(Child.id, Child.upn, Child.former_upn).where(or_(Child.upn.in_(some), Child.former_upn.in_(some)))
        )
        for child_id, upn, former in rows:
            current = upn in clues.upns
            span = clues.upns[upn if current else former]
            words = "UPN is the same" if current else "Former UPN is the same"
            found.by_child[child_id].append(Reason(0, words, Strength.STRONG, (Mark(span.page, span),)))


def _by_births(session: Session, clues: Clues, found: _Found, today: date) -> None:
    earliest = date(today.year - _BORN_WITHIN_YEARS, 1, 1)
    births = [day for day in clues.dates if earliest <= day <= today]
    for some in batched(births, _BATCH):
        children = session.execute(
            select(Child.id, Child.forename_folded, Child.surname_folded, Child.preferred_name, Child.born_on).where(
                Child.born_on.in_(some)
            )
        ).all()
        others = _other_names(session, [child.id for child in children])
        for child in children:
            names = [(child.forename_folded, child.surname_folded), *others.get(child.id, ())]
            if child.preferred_name:
                names.append((fold(child.preferred_name), child.surname_folded))
            span = next((found_at for first, last in names if (found_at := clues.name(first, last))), None)
            if span is not None:
                marks = _together(span, clues.dates[child.born_on])
                words = "Name and date of birth are the same"
                found.by_child[child.id].append(Reason(0, words, Strength.STRONG, marks))


def _other_names(session: Session, child_ids: list[str]) -> dict[str, list[tuple[str, str]]]:
    names: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for some in batched(child_ids, _BATCH):
        rows = session.execute(
            select(ChildName.child_id, ChildName.forename_folded, ChildName.surname_folded).where(
                ChildName.child_id.in_(some)
            )
        )
        for child_id, forename, surname in rows:
            names[child_id].append((forename, surname))
    return names


def _together(name: Span, born: Span) -> tuple[Mark, ...]:
    """Ring a name and a date of birth as one when they stand close together."""
    first, second = sorted((name, born), key=lambda span: (span.page, span.start))
    if first.page == second.page and second.start - first.end <= _NEAR:
        return (Mark(first.page, Span(first.page, first.start, max(first.end, second.end))),)
    return (Mark(name.page, name), Mark(born.page, born))


def _by_names(session: Session, clues: Clues, found: _Found) -> None:
    """Find names without a date of birth: the same is possible, one that sounds alike is weak."""
    words = list(dict.fromkeys(token.folded for token in clues.tokens if token.capital and len(token.folded) > 1))
    pairs = [
        f"{one.folded} {two.folded}"
        for one, two in zip(clues.tokens, clues.tokens[1:], strict=False)
        if one.capital and two.capital
    ]
    possible = list(dict.fromkeys([*words, *pairs]))[: 4 * _BATCH]
    sounds = {sound(word) for word in possible if not word.isdigit()}
    by_sound: dict[str, list[str]] = defaultdict(list)
    for word in possible:
        by_sound[sound(word)].append(word)
    forenames = set(possible)
    for some in batched(sorted(sounds), _BATCH):
        rows = session.execute(
            select(Child.id, Child.forename_folded, Child.surname_folded, Child.name_sound)
            .where(Child.name_sound.in_(some), Child.forename_folded.in_(forenames))
            .limit(2 * _BATCH)
        )
        for child_id, forename, surname, heard in rows:
            if child_id in found.by_child and found.by_child[child_id]:
                continue
            same = clues.name(forename, surname)
            if same is not None:
                reason = Reason(0, "Name is the same", Strength.POSSIBLE, (Mark(same.page, same),))
                found.by_child[child_id].append(reason)
                continue
            alike = next((at for word in by_sound[heard] if (at := clues.name(forename, word))), None)
            if alike is not None:
                reason = Reason(0, "Name sounds alike", Strength.WEAK, (Mark(alike.page, alike),))
                found.by_child[child_id].append(reason)


def _by_postcodes(session: Session, clues: Clues, found: _Found) -> None:
    """Find a surname with a postcode; a protected address is never a reason, because reasons are shown."""
    for some in batched(clues.postcodes, _BATCH):
        rows = session.execute(
            select(Address.child_id, Relationship.child_id, Address.postcode_folded)
            .outerjoin(Relationship, Relationship.person_id == Address.person_id)
            .where(Address.postcode_folded.in_(some), Address.protected.is_(False))
            .limit(_BATCH)
        ).all()
        at = {own or related: postcode for own, related, postcode in rows if own or related}
        children = session.execute(select(Child.id, Child.surname_folded).where(Child.id.in_(list(at))))
        for child_id, surname in children:
            place = clues.places.get(surname.split()[0], []) if surname else []
            if place:
                span = clues.postcodes[at[child_id]]
                named = clues.tokens[place[0]].span
                marks = (Mark(span.page, span), Mark(named.page, named))
                words = "Surname and postcode are the same"
                found.by_child[child_id].append(Reason(0, words, Strength.POSSIBLE, marks))


def _candidates(ws: Workspace, session: Session, found: _Found) -> list[Candidate]:
    reasons: dict[str, list[Reason]] = {case_id: list(some) for case_id, some in found.by_case.items()}
    rows: dict[str, CaseRow] = {}
    for some in batched(found.by_case, _BATCH):
        rows.update({row.case_id: row for row in session.scalars(select(CaseRow).where(CaseRow.case_id.in_(some)))})
    for some in batched(found.by_child, _BATCH):
        by_child: dict[str, list[CaseRow]] = defaultdict(list)
        for row in session.scalars(select(CaseRow).where(CaseRow.child_id.in_(some))):
            by_child[row.child_id].append(row)
        for child_id, theirs in by_child.items():
            row = next((row for row in theirs if row.case_id in reasons), None) or max(theirs, key=_newest)
            rows[row.case_id] = row
            reasons[row.case_id] = [*found.by_child[child_id], *reasons.get(row.case_id, ())]
    sight = sight_of(session, ws.actor)
    made = [
        _restricted(rows[case_id], some) if case_id in sight.masked else _candidate(ws, rows[case_id], some)
        for case_id, some in reasons.items()
        if case_id in rows and case_id not in sight.hidden
    ]
    mine = ws.actor.user_id
    made.sort(key=lambda c: (-c.strength, -len(c.reasons), rows[c.case_id].officer_id != mine, c.reference))
    return made[:_MOST_CANDIDATES]


def _newest(row: CaseRow) -> tuple[bool, date]:
    return row.status == CaseStatus.OPEN, row.opened_on


def _restricted(row: CaseRow, reasons: list[Reason]) -> Candidate:
    """Return a case that this person may not open: whom to hand the page to, and not why it fits."""
    whom = f"{row.officer_name} or a supervisor" if row.officer_name else "a supervisor"
    return Candidate(
        case_id=row.case_id,
        child_id=row.child_id,
        reference=row.reference,
        child_name=row.child_name,
        about=f"{row.reference} · Restricted",
        note=f"This case is restricted. Ask {whom} to link this page.",
        strength=max(reason.strength for reason in reasons),
        reasons=(),
        can_link=False,
    )


def _candidate(ws: Workspace, row: CaseRow, reasons: list[Reason]) -> Candidate:
    today = ws.time.today()
    ordered = sorted(reasons, key=lambda reason: -reason.strength)
    whose = "yours" if row.officer_id == ws.actor.user_id else row.officer_name or "not allocated"
    closed = row.status != CaseStatus.OPEN
    note = ""
    if closed:
        note = f"Closed on {format_date(row.closed_on)}" if row.closed_on else "Closed"
    elif row.next_due_on is not None and row.next_due_what:
        late = row.next_due_on < today
        when = "today" if row.next_due_on == today else format_date(row.next_due_on)
        note = f"{row.next_due_what} {'was due' if late else 'due'} {when}"
    return Candidate(
        case_id=row.case_id,
        child_id=row.child_id,
        reference=row.reference,
        child_name=row.child_name,
        about=" · ".join((age_words(row.born_on, today, row.year_group), row.reference, whose)),
        note=note,
        strength=max((reason.strength for reason in ordered), default=Strength.WEAK),
        reasons=tuple(replace(reason, number=number) for number, reason in enumerate(ordered, start=1)),
        can_link=not closed,
    )
