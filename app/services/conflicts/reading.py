"""The conflicts of one case as the page shows them: before, yours and theirs, in words, with what differs marked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from app.errors import UserError
from app.services.access import Permission, require
from app.services.ages import age_words
from app.services.audit import Action
from app.services.conflicts import values as writable
from app.services.conflicts import words
from app.services.conflicts.fields import NOTES
from app.services.conflicts.marking import marks_of
from app.services.conflicts.origins import Origins
from app.services.conflicts.permissions import why_not
from app.services.conflicts.raw import Candidate, Choice, choices_of
from app.services.conflicts.shown import (
    CaseConflicts,
    ShownBefore,
    ShownBoth,
    ShownChoice,
    ShownValue,
    Side,
    day_and_time,
    who_and_when,
)
from app.services.conflicts.subjects import Placed, about_case, by_key, placed
from app.services.conflicts.words import Names
from app.services.history_words import table_words
from app.services.restriction import require_case, sight_of
from app.services.workspace import Workspace

DELETED: Final = "Deleted"
GONE: Final = "Nothing is left to decide here. Somebody else has decided it."
_BOTH_WORDS: Final = {
    "join": ("Keep both", "In the order they were written, each with its author and time"),
    "items": ("Keep both lists", "Everything that is in either"),
    "row": ("Keep both", "The other is added beside it"),
    "keys": ("Keep both", "Each answer that only one of you changed"),
}


def read_case(ws: Workspace, key: str, *, audited: bool = True) -> CaseConflicts:
    """Return everything there is to decide on a case.

    Args:
        ws: the workspace.
        key: a case's id, or the key of a record that belongs to no case.
        audited: record the reading; False when a page that is already open reads again after a change.

    Raises:
        AccessRefused: the role may not read cases, or this one is closed to the person.
        UserError: nothing is open there.
    """
    require(ws.actor, Permission.READ_CASES)
    with ws.read() as session:
        if ":" not in key:
            require_case(session, ws.actor, key, Permission.READ_CASES)
        found = find(session, ws, key)
        if not found:
            raise UserError(GONE)
        view = _shown(session, ws, key, found)
    if audited:
        ws.audit(Action.READ, "case" if view.case_id else found[0].conflict.table_name, view.case_id)
    return view


def find(session: Session, ws: Workspace, key: str) -> list[Placed]:
    """Return the open conflicts of a case, or of a record that belongs to none."""
    conditions = [] if ":" in key else [about_case(session, key)]
    return by_key(placed(session, ws.actor, *conditions)).get(key, [])


def _shown(session: Session, ws: Workspace, key: str, found: Sequence[Placed]) -> CaseConflicts:
    choices, origins = choices_of(session, [each.conflict for each in found])
    names = names_of(session, ws, choices)
    for each in origins.writes.values():
        names.by_id.update({write.by_id: write.by for write in each if write.by_id and write.by})
    case = found[0].case
    shown = tuple(_choice(ws, each, origins, names) for each in choices)
    day = ws.time.today()
    age = age_words(case.born_on, day, case.year_group) if case else ""
    return CaseConflicts(
        key=key,
        case_id=case.case_id if case else None,
        name=case.child_name if case else shown[0].about or table_words(choices[0].table),
        line=f"{age} · {case.reference}" if case else "Not linked to a case",
        reference=case.reference if case else "",
        intro=_intro(ws, shown),
        before=Side("Before", _same([day_and_time(each.before.at) for each in shown if each.before.at])),
        left=_side(ws, [each.left for each in shown], shown, left=True),
        right=_side(ws, [value for each in shown for value in each.right], shown, left=False),
        choices=shown,
    )


def names_of(session: Session, ws: Workspace, choices: Sequence[Choice]) -> Names:
    """Return the names that choices need."""
    rows: list[tuple[str, Mapping[str, Any]]] = []
    people: dict[str, Any] = {}
    for each in choices:
        rows += [(each.table, each.facts), (each.table, each.before or {})]
        for value in each.candidates:
            rows.append((each.table, value.values or {}))
            people[f"{each.key}:{value.key}"] = value.by_id
    rows += [("conflict", {"decided_by": person}) for person in people.values() if person]
    return words.names_for(session, rows, sight_of(session, ws.actor))


def _choice(ws: Workspace, choice: Choice, origins: Origins, names: Names) -> ShownChoice:
    values = [_value(ws, choice, each, names) for each in choice.candidates]
    mine = next((place for place, each in enumerate(values) if each.mine), 0)
    left = values.pop(mine)
    right = values or [replace(left, key="", words="The same", marks=(), by="", at=None, laptop="", note="")]
    left_marks = marks_of(left.words, right[0].words)[0] if values else ()
    right = [replace(each, marks=marks_of(left.words, each.words)[1] if values else ()) for each in right]
    why = why_not(ws.actor, choice)
    fields = writable.fields_for(choice, names)
    return ShownChoice(
        key=choice.key,
        conflict_ids=tuple(each.id for each in choice.conflicts),
        shown=choice.shown,
        title=words.title_of_choice(choice.together, choice.fields, choice.facts, names),
        about=words.about_of(choice.table, choice.facts, choice.fields, names),
        note="Notes are never overwritten" if (choice.table, choice.fields[0]) in NOTES else "",
        before=_before(choice, origins, names),
        left=replace(left, marks=left_marks),
        right=tuple(right),
        both=_both(choice),
        typed=fields,
        typed_words=f"Neither is right, type another {choice.together.other}" if fields else "",
        may_decide=not why,
        why_not=why,
        offered_at=min(each.offered_at for each in choice.conflicts),
    )


def _value(ws: Workspace, choice: Choice, value: Candidate, names: Names) -> ShownValue:
    laptop = value.laptop
    return ShownValue(
        key=value.key,
        words=candidate_words(choice, value, names),
        marks=(),
        note=words.note_of(choice.together, _told(value)),
        by=names.get(value.by_id),
        at=value.at,
        laptop=laptop,
        mine=value.by_id is not None and value.by_id == ws.actor.user_id,
        now=value.key == "now",
        why_not=writable.why_not_restored(choice, value),
    )


def _told(value: Candidate) -> Mapping[str, Any]:
    """Return what was written with a value; what the record said before may belong to another."""
    return {**(value.values or {}), **value.along}


def candidate_words(choice: Choice, value: Candidate, names: Names) -> str:
    """Return a value of a choice in words."""
    if value.values is None:
        return DELETED
    if not choice.whole:
        return words.words_of(choice.together, choice.fields, {**choice.facts, **value.values}, names)
    if choice.row is not None and value.key == "now":
        changed = {name: new for name, new in choice.row.items() if (choice.before or {}).get(name) != new}
        return words.row_words(choice.table, changed or choice.row, names)
    return words.row_words(choice.table, value.values, names)


def _before(choice: Choice, origins: Origins, names: Names) -> ShownBefore:
    before = choice.before
    if before is None:
        return ShownBefore(words.NOTHING, "", "", None)
    if choice.whole:
        shown = before
        if choice.row is not None:
            shown = {name: old for name, old in before.items() if choice.row.get(name) != old}
        return ShownBefore(words.row_words(choice.table, shown or before, names), "", "", None)
    first = choice.conflicts[0]
    until = min((each.at for each in choice.candidates if each.at), default=first.offered_at)
    write = origins.who_wrote(choice.row_id, first.field, first.before, until)
    text = words.words_of(choice.together, choice.fields, {**choice.facts, **before}, names)
    along = {name: pair[1] for name, pair in write.change.fields.items()} if write else {}
    empty = all(value in (None, "") for value in before.values())
    note = words.note_of(choice.together, {name: along.get(name) for name in choice.together.along})
    return ShownBefore(
        words.NOTHING if empty else text,
        "" if empty else note,
        write.by if write else "",
        write.at if write else None,
    )


def _both(choice: Choice) -> ShownBoth | None:
    if not writable.can_keep_both(choice):
        return None
    title, detail = _BOTH_WORDS[choice.together.both]
    noted = (choice.table, choice.fields[0]) in NOTES
    if choice.table == "contact_point":
        title = "Keep both e-mail addresses" if choice.facts.get("kind") == "email" else "Keep both numbers"
    elif choice.table == "child_name":
        title = "Keep both names"
    elif noted:
        title = "Keep both notes"
    return ShownBoth(title, detail, usual=choice.together.both in ("join", "items"))


def _intro(ws: Workspace, shown: Sequence[ShownChoice]) -> str:
    """Return what happened: ``You and Samir both changed this case while you were offline.``"""
    values = [value for each in shown for value in each.values]
    others = [first_name(value.by) for value in values if value.by and not value.mine]
    people = list(dict.fromkeys(others))
    me = any(value.mine for value in values)
    late = [value for value in values if not value.now and value.key]
    absent = "you were" if any(value.mine for value in late) else f"{first_name(late[0].by)} was" if late else ""
    absent = absent if absent.strip() not in ("", "was") else "one of them was"
    lost = "Nothing has been lost. Choose what the case should say."
    if me and not people:
        return f"You changed the same thing on two laptops. {lost}"
    if not people:
        return f"The same thing was changed twice. {lost}"
    everybody = (["You"] if me else []) + people[:3]
    if len(everybody) == 1:
        return f"{everybody[0]} changed the same thing on two laptops. {lost}"
    return f"{', '.join(everybody[:-1])} and {everybody[-1]} both changed this case while {absent} offline. {lost}"


def first_name(name: str) -> str:
    """Return how colleagues call each other."""
    return name.split()[0] if name.split() else name


def _side(ws: Workspace, values: Sequence[ShownValue], shown: Sequence[ShownChoice], *, left: bool) -> Side:
    """Return a column's head: yours and theirs, or else people, or laptops, or which came first."""
    detail = _same([who_and_when(each) for each in values if each.key])
    if any(each.left.mine for each in shown) and not any(value.mine for each in shown for value in each.right):
        return Side("Yours" if left else "Theirs", detail)
    person = _same([each.by for each in values if each.key])
    other = _same([each.by for one in shown for each in ((*one.right,) if left else (one.left,)) if each.key])
    if person and person != other:
        return Side(first_name(person), detail)
    laptop = _same([each.laptop for each in values if each.key])
    return Side(f"On {laptop}" if laptop else "Came first" if left else "Came second", detail)


def _same(texts: Sequence[str]) -> str:
    return texts[0] if texts and all(text == texts[0] for text in texts) else ""


def oldest(shown: Sequence[ShownChoice]) -> datetime:
    """Return when the oldest second value was written."""
    return min(each.offered_at for each in shown)
