"""Having this laptop's audit chain countersigned: new entries go to the central store, its receipt comes back.

When nothing is new, nothing is sent. A head that the central store refuses stops nothing else: the refusal is kept with
the proof that came with it, so that verifying says what is wrong, and is audited. Where the central store knows entries
that this laptop lacks (a vault that was put back, or one that was tampered with), they are fetched again, and what this
laptop wrote meanwhile follows after them: nothing is lost on either side, and that it happened stands in both.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.logs import get_logger
from app.services import audit
from app.services.audit import Action, Link
from app.services.audit.anchors import CENTRAL, Anchor, anchors, receipt_statement
from app.services.audit.chain import GENESIS, entry_hash
from app.services.audit.reading import read_entry
from app.services.rows import connection_of, driver
from app.services.signing import verified
from app.services.sync import facts, protocol
from app.services.sync.faults import nonsense
from app.services.sync.protocol import AuditAnswer, AuditEntries, AuditPush, AuditRequest
from app.services.sync.telling import SyncReport, Transport
from app.services.workspace import Workspace

_ROWS = """
SELECT sequence, CAST(body AS BLOB), CAST(hash AS BLOB) FROM audit_entry WHERE sequence > ? ORDER BY sequence LIMIT ?
"""
_NEWEST = "SELECT sequence, CAST(hash AS BLOB) FROM audit_entry ORDER BY sequence DESC LIMIT 1"
_HASH = "SELECT CAST(hash AS BLOB) FROM audit_entry WHERE sequence = ?"
_MOST_ROUNDS = 50
"""Requests in one sync; a longer chain goes on with the next."""


@dataclass(frozen=True, slots=True)
class _Place:
    """An entry by number and hash."""

    sequence: int
    hash: bytes


def first_question(session: Session) -> AuditPush | None:
    """Return what :func:`countersign` sends first, or None when nothing is new."""
    return _next(session, _countersigned(session))


def kept_beside(session: Session, device_id: str, push: AuditPush, answer: AuditAnswer) -> bool:
    """Keep the receipt for everything that was new, sent beside a pull, in the session's transaction.

    Returns:
        False where there is more to it: :func:`countersign` goes on from there.

    Raises:
        CentralUnreachable: the receipt is not the central store's.
    """
    if answer.state != protocol.COUNTERSIGNED or answer.sequence < push.head:
        return False
    statement = receipt_statement(device_id, answer.sequence, answer.hash, answer.at)
    if not verified(facts.get(session, facts.SERVER_KEY) or "", statement, answer.receipt):
        raise nonsense()
    audit.keep_receipt(session, Anchor(CENTRAL, answer.sequence, answer.hash, answer.at, answer.receipt))
    if facts.get(session, facts.AUDIT_REFUSED):
        facts.forget(session, facts.AUDIT_REFUSED)
    return True


def countersign(
    ws: Workspace, transport: Transport, report: SyncReport, beside: tuple[AuditPush, AuditAnswer] | None = None
) -> None:
    """Send what is new of the audit chain and keep the receipt.

    Args:
        ws: whose chain.
        transport: to the central store.
        report: told when the central store refuses, in words.
        beside: what was sent already, with the answer; then what is written meanwhile waits for the next sync.

    Raises:
        CentralUnreachable: it can be tried again; what was countersigned stays so.
    """
    rejoined = False
    with ws.read() as session:
        place = _countersigned(session)
    for _ in range(_MOST_ROUNDS):
        asked = beside or _asked(ws, transport, place)
        if asked is None:
            return
        push, answer = asked
        _check(ws, answer)
        if answer.state == protocol.COUNTERSIGNED:
            place = _keep(ws, answer)
            if beside is not None and answer.sequence >= push.head:
                return
            beside = None
            continue
        beside = None
        if answer.state == protocol.HELD and answer.sequence < place.sequence:
            place = _Place(answer.sequence, answer.hash if answer.sequence else GENESIS)
            continue
        if answer.state != protocol.REFUSED or rejoined:
            raise nonsense()
        report.reasons.append(answer.reason)
        rejoined = _refused(ws, transport, answer)
        if not rejoined:
            return
        place = _Place(answer.sequence, answer.hash)


def _refused(ws: Workspace, transport: Transport, answer: AuditAnswer) -> bool:
    """Keep a refusal with its proof, audit it, and join the chains where both hold; return whether they are one."""
    get_logger().error("audit not countersigned", count=answer.sequence)
    with ws.local_session() as session:
        start = _last_common(session, answer.sequence)
        new = facts.get(session, facts.AUDIT_REFUSED) != answer.reason
        facts.put(session, facts.AUDIT_REFUSED, answer.reason)
    _keep_receipt(ws, answer)
    if new:
        ws.audit(Action.NOT_COUNTERSIGNED, detail={"countersigned": answer.sequence, "reason": answer.reason})
    # Entries that do not follow from one another were tampered with here: joining them would cover it up.
    return answer.reason != protocol.UNLINKED and rejoin(ws, transport, answer, start)


def rejoin(ws: Workspace, transport: Transport, known: AuditAnswer, start: "_Place") -> bool:
    """Take over the chain as the central store knows it, and let follow what this laptop wrote that it does not know.

    Args:
        ws: whose chain.
        transport: to the central store.
        known: how far its chain reaches, with its receipt.
        start: an entry that both sides know to be the same.

    Returns:
        Whether the chains are one again.
    """
    links = _fetch(transport, start, known)
    if links is None:
        return False
    with ws.local_session() as session:
        connection = driver(connection_of(session))
        here = [Link(*row) for row in connection.execute(_ROWS, (start.sequence, -1))]
        same = 0
        while same < min(len(here), len(links)) and here[same].hash == links[same].hash:
            same += 1
        tail = here[same:]
        connection.execute("DELETE FROM audit_entry WHERE sequence > ?", (start.sequence + same,))
        rows = [(link.sequence, link.body, link.hash) for link in links[same:]]
        connection.executemany("INSERT INTO audit_entry (sequence, body, hash) VALUES (?, ?, ?)", rows)
        connection.execute("DELETE FROM audit_line WHERE sequence > ?", (start.sequence + same,))
        moved = sum(_write_again(session, link) for link in tail)
        ws.audit(
            Action.REJOINED,
            detail={"from": start.sequence + same + 1, "to": known.sequence, "moved": moved, "lost": len(tail) - moved},
        )
    return True


def _write_again(session: Session, link: Link) -> bool:
    """Write an entry again at the end of the chain; False when what it said cannot be read."""
    entry = read_entry(link.body)
    if entry is None:
        return False
    audit.append(
        session,
        at=datetime.fromisoformat(entry.at),
        actor_id=entry.actor_id,
        actor_name=entry.actor_name,
        action=entry.action,
        subject_table=entry.subject_table,
        subject_id=entry.subject_id,
        detail=entry.detail,
    )
    return True


def _fetch(transport: Transport, start: _Place, known: AuditAnswer) -> list[Link] | None:
    """Return the central store's entries from a place to its newest, or None when they do not follow from it."""
    links: list[Link] = []
    previous = start
    while previous.sequence < known.sequence:
        answer = transport.call("/audit/entries", AuditRequest(previous.sequence), AuditEntries)
        if not answer.bodies:
            return None
        for body in answer.bodies[: known.sequence - previous.sequence]:
            link = Link(previous.sequence + 1, body, entry_hash(previous.hash, body))
            links.append(link)
            previous = _Place(link.sequence, link.hash)
    return links if previous.hash == known.hash else None


def _last_common(session: Session, most: int) -> _Place:
    """Return the newest receipt that this laptop's chain fits: what both sides know to be the same."""
    connection = driver(connection_of(session))
    for anchor in reversed(anchors(session)):
        if anchor.kind == CENTRAL and anchor.sequence < most:
            found = connection.execute(_HASH, (anchor.sequence,)).fetchone()
            if found is not None and bytes(found[0]) == anchor.hash:
                return _Place(anchor.sequence, anchor.hash)
    return _Place(0, GENESIS)


def _countersigned(session: Session) -> _Place:
    """Return the entry after which is sent: the newest that is countersigned, or the end of a shorter chain."""
    connection = driver(connection_of(session))
    newest = connection.execute(_NEWEST).fetchone() or (0, GENESIS)
    central = [anchor for anchor in anchors(session) if anchor.kind == CENTRAL]
    if not central:
        return _Place(0, GENESIS)
    last = central[-1]
    if last.sequence > newest[0]:
        return _Place(newest[0], bytes(newest[1]))
    # What stands there now, not what was signed: a difference is for the central store to see.
    return _Place(last.sequence, bytes(connection.execute(_HASH, (last.sequence,)).fetchone()[0]))


def _asked(ws: Workspace, transport: Transport, place: _Place) -> tuple[AuditPush, AuditAnswer] | None:
    """Send the next entries and return them with the answer; None when nothing is new."""
    with ws.read() as session:
        push = _next(session, place)
    return None if push is None else (push, transport.call("/audit", push, AuditAnswer))


def _next(session: Session, place: _Place) -> AuditPush | None:
    """Return the next entries to send, or None when nothing is new."""
    connection = driver(connection_of(session))
    head = connection.execute(_NEWEST).fetchone()
    rows: list[Any] = connection.execute(_ROWS, (place.sequence, protocol.AUDIT_ENTRIES)).fetchall()
    central = [anchor for anchor in anchors(session) if anchor.kind == CENTRAL]
    rows = rows[: protocol.page(rows, [len(row[1]) + 20 for row in rows])]
    fits = central and (central[-1].sequence, central[-1].hash) == (place.sequence, place.hash)
    if not rows and (head is None or fits):
        return None
    bodies = [bytes(row[1]) for row in rows]
    return AuditPush(place.sequence, place.hash, bodies, bytes(rows[-1][2]) if rows else place.hash, head[0])


def _check(ws: Workspace, answer: AuditAnswer) -> None:
    """Refuse an answer whose receipt is not the central store's own."""
    if not answer.sequence:
        return
    with ws.read() as session:
        key = facts.get(session, facts.SERVER_KEY) or ""
    statement = receipt_statement(ws.actor.device_id, answer.sequence, answer.hash, answer.at)
    if not verified(key, statement, answer.receipt):
        raise nonsense()


def _keep(ws: Workspace, answer: AuditAnswer) -> _Place:
    _keep_receipt(ws, answer)
    with ws.read() as session:
        refused = facts.get(session, facts.AUDIT_REFUSED)
    if refused:
        with ws.local_session() as session:
            facts.forget(session, facts.AUDIT_REFUSED)
    return _Place(answer.sequence, answer.hash)


def _keep_receipt(ws: Workspace, answer: AuditAnswer) -> None:
    if answer.sequence:
        with ws.local_session() as session:
            audit.keep_receipt(session, Anchor(CENTRAL, answer.sequence, answer.hash, answer.at, answer.receipt))
