"""Opening what was handed in, on the supervisor's own laptop: only there is it ever in the clear again.

Whoever opens it may see it: a change about a restricted case or a declared interest is shown only to those who may open
that case. Every opening is audited here and written down at the central store.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import AccessRefused, UserError
from app.models import SYNCED_TABLES, Case, CaseRow, Child, HandedIn, User
from app.models.terms import EventKind
from app.services.access import Permission, require
from app.services.audit import Action
from app.services.changes import Change, ChangeSet, decode
from app.services.history import HistoryLine, lines_of
from app.services.restriction import sight_of
from app.services.sync.again import may_make, present_row
from app.services.sync.enrolment import open_transport
from app.services.sync.faults import nonsense
from app.services.sync.merge import merge
from app.services.sync.packages import Package, PackedDocument, UnopenedError, opened
from app.services.sync.rescue_protocol import MOST_PIECES, FetchedPiece, FetchPiece
from app.services.sync.team_keys import private_key
from app.services.sync.telling import Transport
from app.services.wire import insert_fields
from app.services.workspace import Workspace

SPEAKS_FOR_AUTHOR: Final = frozenset({"case_access", "break_glass", "access_request", "interest_declared"})
"""What a person says about themselves or decides about others' access: nobody else makes it in their own name."""
NOT_MADE_AGAIN: Final = frozenset({"conflict", "team_key", "team_key_wrap", "handed_in"})
GOOD, SAME, MOVED_ON, NOT_YOURS = "can be taken over", "already so", "the record has moved on", "cannot be taken over"


@dataclass(frozen=True, slots=True)
class OpenedChange:
    """One change of what was handed in, to look at.

    Attributes:
        place: which one; named when it is taken over.
        case_id, case: which case on this laptop, where it is about one; child's name and reference.
        lines: what it does, field by field.
        outlook: what taking it over would come to, in words.
        can_take_over: whether it can be.
    """

    place: int
    case_id: str | None
    case: str
    lines: tuple[HistoryLine, ...]
    outlook: str
    can_take_over: bool


@dataclass(frozen=True, slots=True)
class OpenedWork:
    """What was handed in, opened.

    Attributes:
        author, made_at, reason: who made it, when and why, as its author signed it.
        changes: to look at, one by one.
        document_count: documents whose bytes came with it.
        made, documents: what is made again when it is taken over; kept in memory only.
    """

    id: str
    author: str
    made_at: datetime
    reason: str
    changes: tuple[OpenedChange, ...]
    document_count: int
    made: tuple[Change, ...] = field(repr=False)
    documents: tuple[PackedDocument, ...] = field(repr=False)


def open_work(ws: Workspace, handed_in_id: str, transport: Transport | None = None) -> OpenedWork:
    """Fetch and unseal one change set that was handed in.

    Args:
        ws: a supervisor's.
        handed_in_id: which.
        transport: to the central store; the vault's own by default.

    Raises:
        UserError: there is no such work here.
        AccessRefused: the role may not, or it is about a case that this person may not open.
        UnopenedError: it does not open with a key of this laptop, or was changed.
        CentralUnreachable, NotLetIn: the central store could not be asked; it can be tried again.
    """
    require(ws.actor, Permission.TAKE_OVER_WORK, handed_in_id)
    with ws.read() as session:
        if session.get(HandedIn, handed_in_id) is None:
            raise UserError("This work is not listed on this laptop. Sync, then open it again.")
    package = _fetched(ws, handed_in_id, transport)
    change_set = decode(package.body)
    if change_set.id != handed_in_id:
        raise nonsense()
    with ws.read() as session:
        _require_sight(session, ws, change_set.changes, handed_in_id)
        work = _described(session, ws, change_set, package)
    ws.audit(Action.OPENED_HANDED_IN, "handed_in", handed_in_id, {"changes": len(change_set.changes)})
    return work


def require_sight(ws: Workspace, work: OpenedWork) -> None:
    """Refuse work about a case that this person may not open (any more).

    Raises:
        AccessRefused: in words.
    """
    require(ws.actor, Permission.TAKE_OVER_WORK, work.id)
    with ws.read() as session:
        _require_sight(session, ws, work.made, work.id)


def _fetched(ws: Workspace, handed_in_id: str, transport: Transport | None) -> Package:
    own = None
    if transport is None:
        transport = own = open_transport(ws)
    try:
        pieces: list[bytes] = []
        first: FetchedPiece | None = None
        while first is None or len(pieces) < first.pieces:
            request = FetchPiece(handed_in_id, len(pieces), ws.actor.user_id or "")
            answer = transport.call("/handed-in", request, FetchedPiece)
            first = first or answer
            if not 0 < answer.pieces <= MOST_PIECES or answer.pieces != first.pieces:
                raise nonsense()
            pieces.append(answer.sealed)
    finally:
        if own is not None:
            own.close()
    with ws.read() as session:
        key = private_key(session, first.sealed_to) if not first.sealed_to.startswith("authority:") else None
    if key is None:
        raise UnopenedError(
            "This laptop does not have the key to this work yet. It is kept. "
            "Sync after another supervisor of the team has synced, then open it again."
        )
    return opened(pieces, handed_in_id, first.digest, key, first.public_key)


def _described(session: Session, ws: Workspace, change_set: ChangeSet, package: Package) -> OpenedWork:
    made, shown = [], []
    cases = _Cases(session, change_set.changes)
    for place, change in enumerate(change_set.changes):
        remade = _note_from_draft(session, change, change_set, package.author) if change.table == "draft" else change
        made.append(remade or change)
        outlook = _outlook(session, ws, remade)
        case_id, case = cases.of(remade or change)
        shown.append(
            OpenedChange(place, case_id, case, _lines(session, change), outlook, outlook not in (NOT_YOURS, SAME))
        )
    known = session.get(User, change_set.actor) if change_set.actor else None
    return OpenedWork(
        id=change_set.id,
        author=known.name if known is not None else package.author,
        made_at=datetime.fromisoformat(change_set.made_at),
        reason=change_set.reason,
        changes=tuple(shown),
        document_count=len(package.documents),
        made=tuple(made),
        documents=tuple(package.documents),
    )


def _outlook(session: Session, ws: Workspace, change: Change | None) -> str:
    if change is None or change.table in SPEAKS_FOR_AUTHOR | NOT_MADE_AGAIN or change.table not in SYNCED_TABLES:
        return NOT_YOURS
    if not may_make(ws.actor, [change]):
        return NOT_YOURS
    now = present_row(session, change)
    merged = merge(change, now)
    if merged.conflicts:
        return MOVED_ON
    return SAME if change.op == "update" and not merged.written else GOOD


def _note_from_draft(session: Session, change: Change, change_set: ChangeSet, author: str) -> Change | None:
    """Return the note that words which were typed and not saved were to become; None for words of another kind."""
    kind, _, case_id = str(change.fields["key"][1]).partition(":")
    if kind != "note" or session.get(Case, case_id) is None:
        return None
    made_at = datetime.fromisoformat(str(change.fields["saved_at"][1]))
    values = {
        "id": change.row,
        "created_at": made_at,
        "created_by": change_set.actor,
        "case_id": case_id,
        "kind": EventKind.NOTE,
        "happened_at": made_at,
        "body": str(change.fields["text"][1]),
        "actor_name": author,
    }
    return Change("case_event", change.row, "insert", insert_fields("case_event", values))


def _lines(session: Session, change: Change) -> tuple[HistoryLine, ...]:
    if change.table == "draft":
        return (HistoryLine("Typed and not saved", "insert", "", "", str(change.fields["text"][1])),)
    return lines_of(session, [change])


def _require_sight(session: Session, ws: Workspace, changes: Sequence[Change], subject: str) -> None:
    sight = sight_of(session, ws.actor)
    if not sight.closed and not sight.closed_children:
        return
    touched = _touched(session, changes)
    if touched & (sight.closed | sight.closed_children):
        error = AccessRefused(
            "This work is about a case that you may not open. It is kept. Ask somebody on the case's list.",
            permission=Permission.TAKE_OVER_WORK.name,
            subject=subject,
        )
        if ws.actor.on_refusal is not None:
            ws.actor.on_refusal(error)
        raise error


def _touched(session: Session, changes: Sequence[Change]) -> set[str]:
    """Return every case and child that changes are about, by the changes themselves and the rows they touch."""
    found: set[str] = set()
    for change in changes:
        found.add(change.row)
        now = present_row(session, change) or {}
        for name in ("case_id", "child_id", "sibling_id", "subject_id"):
            values = [*change.fields.get(name, ()), now.get(name)]
            found |= {str(value) for value in values if value}
        if change.table == "draft":
            found.add(str(change.fields["key"][1]).partition(":")[2])
    children = session.scalars(select(Case.child_id).where(Case.id.in_(found)))
    return found | set(children)


class _Cases:
    """The cases that changes are about, by name."""

    def __init__(self, session: Session, changes: Sequence[Change]) -> None:
        self._session = session
        self._opened = {
            change.row: str(change.fields.get("reference", ("", ""))[-1])
            for change in changes
            if change.table == "case"
        }
        self._children = {
            change.row: " ".join(str(change.fields.get(name, ("", ""))[-1] or "") for name in ("forename", "surname"))
            for change in changes
            if change.table == "child" and change.op == "insert"
        }

    def of(self, change: Change) -> tuple[str | None, str]:
        """Return the id and words of the case a change is about."""
        touched = _touched(self._session, [change])
        row = self._session.execute(
            select(CaseRow.case_id, CaseRow.child_name, CaseRow.reference)
            .where(CaseRow.case_id.in_(touched) | CaseRow.child_id.in_(touched))
            .limit(1)
        ).first()
        if row is not None:
            return row.case_id, f"{row.child_name}, {row.reference}"
        names = [self._children[each] for each in touched if each in self._children]
        names += [self._opened[each] for each in touched if each in self._opened]
        child = self._session.scalars(select(Child).where(Child.id.in_(touched)).limit(1)).first()
        if not names and child is not None:
            names = [f"{child.forename} {child.surname}"]
        return None, ", ".join(name for name in names if name)


def chosen(work: OpenedWork, places: Collection[int] | None) -> list[Change]:
    """Return the changes to make again: those named that can be taken over, in their own order."""
    return [
        work.made[each.place]
        for each in work.changes
        if each.can_take_over and (places is None or each.place in places)
    ]
