"""Deciding: the record says what was chosen and the conflicts are settled, in one change set that syncs like any other.

Nothing is decided that looked different on screen: what somebody else settled or changed meanwhile is left and told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from sqlalchemy.orm import Session

from app.errors import UserError
from app.ids import new_id
from app.models import SYNCED_TABLES, Conflict
from app.models.terms import ConflictState
from app.services import allocation
from app.services.access import Permission, require
from app.services.conflicts import values as writable
from app.services.conflicts.permissions import require_decision
from app.services.conflicts.raw import Candidate, Choice, Row, choices_of
from app.services.conflicts.reading import find, names_of
from app.services.conflicts.shown import BOTH, TYPED
from app.services.conflicts.subjects import Placed
from app.services.conflicts.words import title_of_choice
from app.services.drafts import drop
from app.services.restriction import require_case
from app.services.wire import fields_of, row_from_wire, to_wire
from app.services.workspace import Workspace

DECIDED_ALREADY: Final = "was decided by somebody else. What you chose is kept here, and nothing was changed."
CHANGED: Final = "has changed since it was shown. Look again, then choose."


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person chose.

    Attributes:
        key, conflict_ids, shown: of the choice, as it was read.
        pick: a value's key, ``BOTH`` or ``TYPED``.
        typed: for ``TYPED``: field to text, as in ``TypedField``.
    """

    key: str
    conflict_ids: tuple[str, ...]
    shown: str
    pick: str
    typed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """What a decision did to one record, so that it can be taken back.

    Attributes:
        before, after: the columns written; None stands for a record that did not exist.
    """

    table: str
    row_id: str
    before: Row | None
    after: Row | None


@dataclass(frozen=True, slots=True)
class Settled:
    """One choice that was decided."""

    key: str
    title: str
    conflict_ids: tuple[str, ...]
    written: tuple[Written, ...]
    case_id: str | None


@dataclass(frozen=True, slots=True)
class Left:
    """One choice that was left as it is, and why."""

    key: str
    title: str
    words: str


@dataclass(frozen=True, slots=True)
class DecisionResult:
    """What was decided, and what was left."""

    settled: tuple[Settled, ...]
    left: tuple[Left, ...]

    @property
    def words(self) -> str:
        """What was done, for the toast."""
        count = len(self.settled)
        if not count:
            return "Nothing was changed"
        return f"{self.settled[0].title} decided" if count == 1 else f"{count} choices saved"

    @property
    def can_undo(self) -> bool:
        """Whether it can be taken back: an allocation is moved on by the team queue instead."""
        return bool(self.settled) and all(each.written or each.conflict_ids for each in self.settled)


def draft_key(key: str) -> str:
    """Return the name under which choices not yet saved are kept."""
    return f"conflict:{key}"


def decide(ws: Workspace, key: str, decisions: Sequence[Decision], reason: str = "") -> DecisionResult:
    """Settle conflicts of one case, all in one commit.

    Args:
        ws: the workspace.
        key: of the case, as in the list.
        decisions: at most one a choice.
        reason: why, in words, when the person says it; it stands in the history.

    Returns:
        What was decided, and what was left because it is not what was shown any more.

    Raises:
        AccessRefused: the role may not, or the case is closed to the person; nothing was changed.
        UserError: nothing was chosen, or what was typed does not fit; nothing was changed.
    """
    require(ws.actor, Permission.EDIT_CASES)
    if not decisions:
        raise UserError("Choose at least one value. Nothing was changed.")
    settled: list[Settled] = []
    left: list[Left] = []
    with ws.write(_reason(decisions, reason)) as session:
        if ":" not in key:
            require_case(session, ws.actor, key, Permission.EDIT_CASES)
        found = find(session, ws, key)
        choices, _ = choices_of(session, [each.conflict for each in found])
        names = names_of(session, ws, choices)
        by_conflict = {each.id: choice for choice in choices for each in choice.conflicts}
        for decision in decisions:
            choice = next((by_conflict[each] for each in decision.conflict_ids if each in by_conflict), None)
            if choice is None:
                left.append(Left(decision.key, "", f"This {DECIDED_ALREADY}"))
                continue
            title = title_of_choice(choice.together, choice.fields, choice.facts, names)
            if choice.shown != decision.shown:
                left.append(Left(decision.key, title, f"{title} {CHANGED}"))
                continue
            case_id = _case_of(found, choice)
            require_decision(session, ws, choice, case_id)
            written = _carry_out(session, ws, choice, decision, reason.strip())
            ids = tuple(each.id for each in choice.conflicts)
            settled.append(Settled(choice.key, title, ids, written, case_id))
        if not left:
            drop(session, draft_key(key))
    return DecisionResult(tuple(settled), tuple(left))


def _reason(decisions: Sequence[Decision], reason: str) -> str:
    count = len(decisions)
    words = "Chose between two values" if count == 1 else f"Chose between two values, {count} times"
    return f"{words}: {reason.strip()}" if reason.strip() else words


def _case_of(found: Sequence[Placed], choice: Choice) -> str | None:
    placed = next(each for each in found if each.conflict.id == choice.conflicts[0].id)
    return placed.case.case_id if placed.case is not None else None


def _carry_out(session: Session, ws: Workspace, choice: Choice, decision: Decision, reason: str) -> tuple[Written, ...]:
    """Write what was chosen and settle the choice's conflicts."""
    if choice.table == "case" and "officer_id" in choice.fields:
        return _allocate(session, ws, choice, decision, reason)
    if decision.pick == TYPED:
        news = writable.typed_values(choice, decision.typed)
        written = _update(session, choice, news)
    elif decision.pick == BOTH:
        news, written = _keep_both(session, ws, choice)
    else:
        value = choice.candidate(decision.pick)
        if value is None:
            raise UserError("Choose one of the values shown. Nothing was changed.", choice.key)
        news = value.values or {}
        written = _whole(session, choice, value) if choice.whole else _update(session, choice, {**news, **value.along})
        if choice.whole:
            _settle(ws, choice, None if value.values is None else dict(news), {})
            return written
    _settle(ws, choice, None, {**(choice.row or {}), **news})
    return written


def _settle(ws: Workspace, choice: Choice, whole: Any, row: Mapping[str, Any]) -> None:
    for each in choice.conflicts:
        each.state = ConflictState.RESOLVED
        each.chosen = plain(whole if choice.whole else row.get(each.field))
        each.decided_by, each.decided_at = ws.actor.user_id, ws.time.now()


def plain(value: Any) -> Any:
    """Return a wire value as it comes back from the central store: a form's answers in the order of their names."""
    return msgspec.json.decode(msgspec.json.encode(value, order="deterministic"))


def _update(session: Session, choice: Choice, news: Row) -> tuple[Written, ...]:
    model = SYNCED_TABLES[choice.table]
    record = session.get_one(model, choice.row_id)
    row = choice.row or {}
    changed = {name: value for name, value in news.items() if row.get(name) != value}
    for name, value in row_from_wire(model, changed).items():
        setattr(record, name, value)
    if not changed:
        return ()
    return (Written(choice.table, choice.row_id, {name: row.get(name) for name in changed}, changed),)


def _keep_both(session: Session, ws: Workspace, choice: Choice) -> tuple[Row, tuple[Written, ...]]:
    if not writable.can_keep_both(choice):
        raise UserError("Both cannot be kept here. Choose one of the values. Nothing was changed.", choice.key)
    if choice.together.both != "row":
        news = {choice.fields[0]: writable.joined(choice, names_of(session, ws, [choice]))}
        return news, _update(session, choice, news)
    return {}, tuple(
        _beside(session, choice, each) for each in choice.candidates if each.key != "now" and each.values is not None
    )


def _beside(session: Session, choice: Choice, value: Candidate) -> Written:
    """Add a second record that says what the first does not: a second number, another name."""
    model = SYNCED_TABLES[choice.table]
    row = {**(choice.row or {}), **(value.values or {}), **value.along, "id": new_id()}
    for stamp in ("created_at", "created_by"):
        row.pop(stamp, None)
    session.add(model(**row_from_wire(model, row)))
    return Written(choice.table, str(row["id"]), None, row)


def _whole(session: Session, choice: Choice, value: Candidate) -> tuple[Written, ...]:
    """Leave, restore or delete a record."""
    model = SYNCED_TABLES[choice.table]
    if choice.row is not None:
        record = session.get_one(model, choice.row_id)
        if value.values is None:
            session.delete(record)
            return (Written(choice.table, choice.row_id, choice.row, None),)
        return _update(session, choice, value.values)
    if value.values is None:
        return ()
    why = writable.why_not_restored(choice, value)
    if why:
        raise UserError(f"{why} Nothing was changed.", choice.key)
    row = writable.restored(choice, value)
    session.add(model(**row_from_wire(model, row)))
    session.flush()
    record = session.get_one(model, choice.row_id)
    whole = {name: to_wire(getattr(record, name)) for name in fields_of(choice.table)}
    return (Written(choice.table, choice.row_id, None, whole),)


def _allocate(session: Session, ws: Workspace, choice: Choice, decision: Decision, reason: str) -> tuple[Written, ...]:
    """Leave a case with its officer, or give it to the one who was named second: an allocation like any other."""
    value = choice.candidate(decision.pick)
    if value is None or value.values is None:
        raise UserError("Choose one of the officers shown. Nothing was changed.", choice.key)
    officer = value.values.get("officer_id")
    allocation.settle(session, ws, choice.row_id, list(choice.conflicts), officer, reason)
    return ()


def conflict_rows(session: Session, ids: Sequence[str]) -> list[Conflict]:
    """Return conflicts by id, those that are on this laptop."""
    return [found for each in ids if (found := session.get(Conflict, each)) is not None]
