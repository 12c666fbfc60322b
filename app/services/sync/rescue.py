"""Handing in: work that may no longer be merged goes to the team, sealed, and only a receipt ends its waiting here.

The laptop seals each change set, with the bytes of documents that only it has, to the key of the unit's team. The
central store keeps it without being able to read it. Every step can be cut off and taken up again: what was handed in
already is answered with the same receipt.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session

from app.logs import get_logger
from app.models import Case, ChangeLine, ChangeSetRow, User
from app.models.terms import ChangeState, HandInReason
from app.services.access import Permission, require
from app.services.audit import Action
from app.services.changes import Change, decode
from app.services.documents.store import ContentDamaged, DocumentStore
from app.services.sync import facts, keeping, protocol
from app.services.sync.faults import nonsense
from app.services.sync.packages import Package, PackedDocument, sealed_pieces
from app.services.sync.receipts import ReceiptChecker
from app.services.sync.rescue_protocol import (
    MORE,
    PIECES_A_REQUEST,
    RESCUED,
    HandInAnswer,
    HandInRequest,
    HandInResult,
    SealedPiece,
    digest_of,
    rescue_statement,
)
from app.services.sync.team_keys import Recipient, recipient
from app.services.sync.telling import Transport
from app.services.sync.unit_rows import note_touched, units_touched
from app.services.workspace import Workspace


@dataclass(slots=True)
class HandedInReport:
    """What handing in came to.

    Attributes:
        handed_in: change sets with a receipt of it.
        merged: change sets that turned out to be merged already.
        unsealed: change sets that could be sealed to nobody: neither the team nor the authority has a key yet. They
            stay on the laptop.
        behind: the last of this laptop's order that the central store holds, where it lacks an earlier change set.
    """

    handed_in: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    unsealed: list[str] = field(default_factory=list)
    behind: int | None = None


@dataclass(frozen=True, slots=True)
class _Sealed:
    """One change set on its way."""

    row: Any
    digest: str
    documents: list[str]
    pieces: list[SealedPiece]


def hand_in(
    ws: Workspace,
    transport: Transport,
    change_set_ids: Sequence[str],
    why: HandInReason,
    teams: dict[str, str] | None = None,
) -> HandedInReport:
    """Seal change sets of this laptop and hand them in, in its own order.

    Args:
        ws: the vault.
        transport: to the central store; a rescue-only session is enough.
        change_set_ids: which.
        why: why they are not merged.
        teams: by change set, whose supervisors deal with it, where the central store said so.

    Raises:
        CentralUnreachable: it can be tried again; what has a receipt is done.
    """
    require(ws.actor, Permission.USE_LAPTOP)
    report = HandedInReport()
    with ws.read() as session:
        receipts = ReceiptChecker(facts.get(session, facts.SERVER_KEY) or "")
    for some in _batches(_sealed(ws, change_set_ids, why, teams or {}, report)):
        results, report.behind = _sent(transport, [piece for each in some for piece in each.pieces])
        _note(ws, some, results, receipts, report)
        if report.behind is not None:
            break
    if report.handed_in:
        get_logger().info("handed in", count=len(report.handed_in))
        ws.audit(Action.HANDED_IN, detail={"change_sets": len(report.handed_in), "why": why.value})
    return report


def hand_in_again(transport: Transport, pieces: Sequence[SealedPiece], receipts: ReceiptChecker) -> None:
    """Hand in a change set once more, as it was sealed before: a store that was put back may have forgotten it.

    Args:
        transport: to the central store.
        pieces: all of them.
        receipts: checks what it answers.

    Raises:
        CentralUnreachable: it can be tried again.
    """
    results, _ = _sent(transport, pieces)
    for result in results.values():
        statement = rescue_statement(result.id, pieces[0].digest)
        if result.state == RESCUED and not receipts.fits(statement, result.receipt):
            raise nonsense()


def _sent(transport: Transport, pieces: Sequence[SealedPiece]) -> tuple[dict[str, HandInResult], int | None]:
    """Send pieces; return what became of each change set, and how far the store is where it lacks an earlier one."""
    results: dict[str, HandInResult] = {}
    behind = None
    for start in range(0, len(pieces), PIECES_A_REQUEST):
        for request in _within_size(pieces[start : start + PIECES_A_REQUEST]):
            answer = transport.call("/rescue", HandInRequest(request), HandInAnswer)
            if [result.id for result in answer.results] != [piece.id for piece in request]:
                raise nonsense()
            results |= {result.id: result for result in answer.results}
            if any(result.state == protocol.HELD for result in answer.results):
                behind = answer.last_sequence
    return results, behind


def _sealed(
    ws: Workspace,
    change_set_ids: Sequence[str],
    why: HandInReason,
    teams: dict[str, str],
    report: HandedInReport,
) -> Iterator[_Sealed]:
    with ws.read() as session:
        rows = session.execute(
            select(ChangeSetRow.id, ChangeSetRow.sequence)
            .where(ChangeSetRow.id.in_(list(change_set_ids)), ChangeSetRow.device_id == ws.actor.device_id)
            .order_by(ChangeSetRow.sequence)
        ).all()
    for each in rows:
        with ws.read() as session:
            row = session.get_one(ChangeSetRow, each.id)
            change_set = decode(row.body)
            team = teams.get(row.id) or team_of(session, row.id, change_set.changes, change_set.actor)
            to = recipient(session, team)
            lacking = _unsent_documents(session, change_set.changes)
        if to is None:
            report.unsealed.append(row.id)
            continue
        documents = list(_packed(ws.documents, lacking))
        package = Package(row.body, row.signature, row.actor_name, documents)
        yield _Sealed(
            row,
            digest_of(row.body),
            [document.sha256 for document in documents],
            _pieces(row, change_set, to, why, package),
        )


def _pieces(
    row: ChangeSetRow, change_set: Any, to: Recipient, why: HandInReason, package: Package
) -> list[SealedPiece]:
    sealed = sealed_pieces(package, row.id, to.public_key)
    return [
        SealedPiece(
            id=row.id,
            sequence=row.sequence,
            actor=change_set.actor,
            made_at=change_set.made_at,
            digest=digest_of(row.body),
            team_id=to.team_id,
            sealed_to=to.sealed_to,
            why=why.value,
            changes=len(change_set.changes),
            documents=len(package.documents),
            place=place,
            pieces=len(sealed),
            sealed=each,
        )
        for place, each in enumerate(sealed)
    ]


def team_of(session: Session, change_set_id: str, changes: Sequence[Change], actor_id: str | None) -> str | None:
    """Return whose work a change set is: its case's team, else its author's, else that of this laptop's person."""
    subjects = set(
        session.scalars(
            select(ChangeLine.subject_id).where(
                ChangeLine.change_set_id == change_set_id, ChangeLine.subject_id.is_not(None)
            )
        )
    )
    subjects |= {change.row for change in changes if change.table in ("case", "child")}
    of_case = session.scalars(
        select(Case.team_id)
        .where(or_(Case.id.in_(subjects), Case.child_id.in_(subjects)), Case.team_id.is_not(None))
        .order_by(Case.id.desc())
        .limit(1)
    ).first()
    if of_case is not None:
        return of_case
    from app.services.vault.vault import USER_FACT

    owner = facts.get(session, USER_FACT)
    people = session.execute(select(User.id, User.team_id).where(User.id.in_([actor_id or "", owner or ""])))
    found = {row.id: row.team_id for row in people}
    return found.get(actor_id or "") or found.get(owner or "")


def _unsent_documents(session: Session, changes: Sequence[Change]) -> list[str]:
    """Return the hashes of documents in a change set whose bytes are not known to be in the central store."""
    hashes = [
        pair[1]
        for change in changes
        if change.table == "document"
        for pair in [change.fields.get("sha256", (None, None))]
        if pair[1]
    ]
    return [each for each in dict.fromkeys(hashes) if facts.get(session, facts.DOCUMENT_PREFIX + each) is None]


def _packed(store: DocumentStore, hashes: Sequence[str]) -> Iterator[PackedDocument]:
    for sha256 in hashes:
        content = store.describe(sha256)
        if content is None or not store.complete(sha256):
            continue
        try:
            yield PackedDocument(sha256, content.media_type, store.get(sha256))
        except ContentDamaged:
            get_logger().warning("a damaged document was not handed in")


def _batches(sealed: Iterator[_Sealed]) -> Iterator[list[_Sealed]]:
    """Yield change sets together as long as they fit one message."""
    some: list[_Sealed] = []
    size = 0
    for each in sealed:
        here = sum(len(piece.sealed) for piece in each.pieces)
        if some and (size + here > protocol.PAGE_BYTES or len(some) >= PIECES_A_REQUEST):
            yield some
            some, size = [], 0
        some.append(each)
        size += here
    if some:
        yield some


def _within_size(pieces: Sequence[SealedPiece]) -> Iterator[list[SealedPiece]]:
    rest = list(pieces)
    while rest:
        count = protocol.page(rest, [len(piece.sealed) + 400 for piece in rest])
        yield rest[:count]
        rest = rest[count:]


def _note(
    ws: Workspace,
    some: Sequence[_Sealed],
    results: dict[str, HandInResult],
    receipts: ReceiptChecker,
    report: HandedInReport,
) -> None:
    """Write down what has a true receipt; anything else stays as it is."""
    values: list[dict[str, Any]] = []
    handed_in: list[_Sealed] = []
    for each in some:
        result = results.get(each.row.id)
        if result is None or result.state in (MORE, protocol.HELD):
            continue
        if result.state == RESCUED:
            statement = rescue_statement(each.row.id, each.digest)
            state, revision = ChangeState.RESCUED, None
        elif result.state in (protocol.ACCEPTED, protocol.CONFLICTED):
            statement = protocol.receipt_statement(each.row.body, result.revision or 0, result.state)
            state, revision = ChangeState(result.state), result.revision
        else:
            raise nonsense()
        if not receipts.fits(statement, result.receipt):
            raise nonsense()
        values.append(_values(each.row.id, state, revision, result.receipt))
        (report.handed_in if state is ChangeState.RESCUED else report.merged).append(each.row.id)
        if state is ChangeState.RESCUED:
            handed_in.append(each)
    _write(ws, values, handed_in)


def _values(change_set_id: str, state: ChangeState, revision: int | None, receipt: bytes) -> dict[str, Any]:
    return {"set_id": change_set_id, "state": state, "revision": revision, "receipt": receipt, "refusal": ""}


def _write(ws: Workspace, values: Sequence[dict[str, Any]], handed_in: Sequence[_Sealed]) -> None:
    if not values:
        return
    table: Any = ChangeSetRow.__table__
    statement = (
        update(table)
        .where(table.c.id == bindparam("set_id"))
        .values({name: bindparam(name) for name in ("state", "revision", "receipt", "refusal")})
    )
    documents = [sha256 for each in handed_in for sha256 in each.documents]
    with ws.local_session() as session:
        connection = session.connection()
        connection.execute(statement, list(values))
        # Their bytes are with the team now, sealed; they are not sent in the open as well.
        facts.put_many(session, [facts.DOCUMENT_PREFIX + sha256 for sha256 in documents], facts.HANDED_IN)
        for each in handed_in:
            keeping.keep_handed_in(session, each.pieces)
            # What they changed here is not what the central store has: it is compared, and put right.
            note_touched(connection, units_touched(connection, decode(each.row.body).changes))
