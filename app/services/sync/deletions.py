"""When the fuse trips on a pull: nothing is deleted until a supervisor has looked and given their word.

The word is kept at the central store for every laptop that is asked to delete the same: what one supervisor has looked
at, up to a revision, need not stop a whole team.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import UserError
from app.models import CaseRow
from app.services import history_words
from app.services.access import Permission, allowed, require
from app.services.audit import Action
from app.services.restriction import sight_of
from app.services.sync import facts, units
from app.services.sync.faults import CentralUnreachable, NotLetIn, TooManyDeletions
from app.services.sync.rescue_protocol import DeletionsQuestion, DeletionsWord
from app.services.sync.telling import Transport
from app.services.workspace import Workspace

_MEANT = "deletions_meant_to"
"""The fact of up to which revision large deletions are meant."""
_TRIPPED = "fuse_tripped"
"""The fact of what the fuse stopped: JSON of :class:`_Kept`."""
_LOOK_AGAIN: Final = "Something else is to be deleted now. Look again before you decide. Nothing was changed."


MOST_CHILDREN: Final = 200
"""So many children are named; of the rest only the number is kept."""
_STEP: Final = 500


class _Kept(msgspec.Struct):
    """What is noted of a page that the fuse stopped.

    Attributes:
        children: by how much would go, most first: the child's id and how many records.
        child_count: how many children it is about.
        declined_by, declined_at: who said that it is not meant, and when (ISO).
    """

    revision: int
    counts: dict[str, int]
    children: list[tuple[str, int]] = msgspec.field(default_factory=list)
    child_count: int = 0
    declined_by: str = ""
    declined_at: str = ""


@dataclass(frozen=True, slots=True)
class TrippedCase:
    """One case of which the fuse stopped deletions.

    Attributes:
        case: child's name and reference.
        record_count: how many records of the child would go.
    """

    case_id: str
    case: str
    record_count: int


@dataclass(frozen=True, slots=True)
class Tripped:
    """What the fuse stopped.

    Attributes:
        revision: up to which the page reached.
        counts: how many records of which kind would go: the kind in words, and the number.
        cases: of which case how many, most first; those that this person may open.
        more_cases: how many others it is about.
        declined_by, declined_at: who said on this laptop that it is not meant, and when (UTC); empty and None where
            nobody did.
    """

    revision: int
    counts: tuple[tuple[str, int], ...]
    cases: tuple[TrippedCase, ...] = ()
    more_cases: int = 0
    declined_by: str = ""
    declined_at: datetime | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """How many records of which kind would go, in words."""
        return tuple(f"{kind}: {count} would be deleted" for kind, count in self.counts)


def are_meant(session: Session, revision: int) -> bool:
    """Return whether a supervisor has looked at large deletions up to a revision and means them."""
    return int(facts.get(session, _MEANT) or 0) >= revision


def applied(ws: Workspace, transport: Transport, revision: int, apply: Callable[[Session], int]) -> int:
    """Apply a page of a pull; where the fuse trips, ask once whether a supervisor has given their word.

    Args:
        ws: the vault.
        transport: to the central store.
        revision: up to which the page reaches.
        apply: does it, in the session's transaction.

    Returns:
        What ``apply`` returns.

    Raises:
        TooManyDeletions: nobody has given their word; nothing was applied, and what would go is noted.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    try:
        with ws.apply_session() as session:
            return apply(session)
    except TooManyDeletions as fault:
        if not _word_given(ws, transport, revision):
            _note(ws, revision, fault.rows)
            raise
    with ws.apply_session() as session:
        done = apply(session)
        facts.forget(session, _TRIPPED)
    return done


def tripped(ws: Workspace) -> Tripped | None:
    """Return what the fuse stopped on this laptop, or None; names only cases that this person may open."""
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        kept = _kept(session)
        if kept is None or facts.cursor(session) >= kept.revision:
            return None
        cases = _cases(session, ws, kept.children) if allowed(ws.actor.role, Permission.READ_CASES) else ()
    return Tripped(
        kept.revision,
        tuple(sorted((history_words.table_words(table), count) for table, count in kept.counts.items())),
        cases,
        max(0, kept.child_count - len(cases)),
        kept.declined_by,
        datetime.fromisoformat(kept.declined_at) if kept.declined_at else None,
    )


def decline(ws: Workspace, revision: int) -> None:
    """Say that the deletions up to a revision are not meant: they stay stopped, and everybody here is told who said so.

    Args:
        ws: the supervisor's.
        revision: of what was looked at (:class:`Tripped`).

    Raises:
        UserError: the fuse has stopped something else meanwhile: look again.
        AccessRefused: the role may not.
    """
    require(ws.actor, Permission.TAKE_OVER_WORK)
    with ws.local_session() as session:
        kept = _kept(session)
        if kept is None or kept.revision != revision:
            raise UserError(_LOOK_AGAIN)
        kept.declined_by, kept.declined_at = ws.actor.name, ws.time.now().isoformat()
        facts.put(session, _TRIPPED, msgspec.json.encode(kept).decode())
    ws.audit(Action.DELETIONS_DECLINED, detail={"revision": revision})


def confirm(ws: Workspace, revision: int, transport: Transport | None = None) -> None:
    """Give a supervisor's word that the deletions up to a revision are meant; the next sync applies them.

    Args:
        ws: the supervisor's.
        revision: of what was looked at (:class:`Tripped`).
        transport: to the central store; the vault's own by default.

    Raises:
        UserError: the fuse has stopped something else meanwhile: look again.
        AccessRefused: the role may not.
        CentralUnreachable, NotLetIn: the word could not be given; nothing was changed.
    """
    require(ws.actor, Permission.TAKE_OVER_WORK)
    stopped = tripped(ws)
    if stopped is None or stopped.revision != revision:
        raise UserError(_LOOK_AGAIN)
    word = DeletionsWord(revision, ws.actor.user_id or "")
    if transport is not None:
        transport.call("/deletions/meant", word, DeletionsWord)
    else:
        from app.services.sync.connecting import open_transport

        own = open_transport(ws)
        try:
            own.call("/deletions/meant", word, DeletionsWord)
        finally:
            own.close()
    with ws.local_session() as session:
        facts.put(session, _MEANT, str(revision))
    ws.audit(Action.DELETIONS_CONFIRMED, detail={"revision": revision})


def _word_given(ws: Workspace, transport: Transport, revision: int) -> bool:
    try:
        word = transport.call("/deletions", DeletionsQuestion(revision), DeletionsWord)
    except (CentralUnreachable, NotLetIn):
        return False
    if word.revision < revision:
        return False
    with ws.local_session() as session:
        facts.put(session, _MEANT, str(word.revision))
    return True


def _note(ws: Workspace, revision: int, rows: Mapping[str, Sequence[str]]) -> None:
    """Note what would go, and of whom, while the rows are still here to ask."""
    counts = {table: len(ids) for table, ids in rows.items()}
    with ws.read() as session:
        before = _kept(session)
        if before is not None and (before.revision, before.counts) == (revision, counts):
            return  # the same page again: a word against it stands
        of_child = _by_child(session, rows)
    kept = _Kept(revision, counts, of_child.most_common(MOST_CHILDREN), len(of_child))
    with ws.local_session() as session:
        facts.put(session, _TRIPPED, msgspec.json.encode(kept).decode())


def _by_child(session: Session, rows: Mapping[str, Sequence[str]]) -> "Counter[str]":
    """Return how many of some rows belong to each child; a row of two children counts for both."""
    of_child: Counter[str] = Counter()
    for table, ids in rows.items():
        if units.is_reference(table):
            continue
        for start in range(0, len(ids), _STEP):
            of_child.update(_children_of(session, table, ids[start : start + _STEP]))
    return of_child


def _children_of(session: Session, table: str, ids: Sequence[str]) -> list[str]:
    """Return the children of some rows: each as often as it has rows among them."""
    found = session.execute(units.units_of_rows(table, lambda of: of.c.id.in_(ids)))
    return [unit for _row, unit in {(row.id, row.unit) for row in found}]


def _cases(session: Session, ws: Workspace, children: Sequence[tuple[str, int]]) -> tuple[TrippedCase, ...]:
    """Return the cases of children that this person may open: the newest of each child."""
    count_of = dict(children)
    found = session.execute(
        select(CaseRow.case_id, CaseRow.child_id, CaseRow.child_name, CaseRow.reference)
        .where(CaseRow.child_id.in_(list(count_of)))
        .order_by(CaseRow.case_id)
    ).all()
    sight = sight_of(session, ws.actor)
    newest = {
        row.child_id: TrippedCase(row.case_id, f"{row.child_name}, {row.reference}", count_of[row.child_id])
        for row in found
        if row.case_id not in sight.closed and row.child_id not in sight.closed_children
    }
    return tuple(newest[child] for child in count_of if child in newest)


def _kept(session: Session) -> _Kept | None:
    stored = facts.get(session, _TRIPPED)
    try:
        return msgspec.json.decode(stored, type=_Kept) if stored else None
    except msgspec.MsgspecError:
        return None
