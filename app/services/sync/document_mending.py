"""Records and bytes that disagree after a crash are found and mended, once an hour, a share at a time.

* Bytes were on both sides and are not whole here: they are fetched again.
* Bytes were on both sides and the central store has lost some: they are sent again.
* Bytes are here and no record names them: known to the central store, they go; known to nobody else, they come into
  the tray as a document, so that a person decides.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import EnvironmentFault, UserError
from app.logs import get_logger
from app.models import BytesLeaving, Document, Letter, SyncState
from app.services.access import Permission, allowed, require
from app.services.sync import document_wishes as wishes_of
from app.services.sync import facts, protocol
from app.services.sync.document_wishes import BOTH
from app.services.sync.faults import nonsense
from app.services.sync.telling import Transport
from app.services.workspace import Workspace

EVERY = timedelta(hours=1)
GRACE = timedelta(hours=1)
"""Bytes come before their record: for so long, bytes without one are nothing odd."""
ASKED_A_TIME = 500
FOUND = "Found on this laptop without a record"
_NOT_A_PAGE = "not a page"
CHECKED = "documents_checked_at"
"""The fact of when records and bytes were last compared."""
_PROVEN_TO = "documents_proven_to"
_ALONE_PREFIX = "bytes_alone:"


def mend(ws: Workspace, transport: Transport) -> None:
    """Compare records, bytes and what the central store holds, if the last time was an hour ago."""
    require(ws.actor, Permission.USE_LAPTOP)
    now = ws.time.now()
    with ws.read() as session:
        last, after = facts.get(session, CHECKED), facts.get(session, _PROVEN_TO) or ""
    if last and now - datetime.fromisoformat(last) < EVERY:
        return
    _mend_here(ws)
    after = _mend_there(ws, transport, after)
    _mend_alone(ws, now)
    with ws.local_session() as session:
        facts.put(session, CHECKED, now.isoformat())
        facts.put(session, _PROVEN_TO, after)


def _mend_here(ws: Workspace) -> None:
    after, lost = "", 0
    while True:
        with ws.read() as session:
            some = wishes_of.in_state(session, BOTH, after=after)
        if not some:
            break
        after = some[-1]
        here = ws.documents.complete_among(some)
        gone = [sha256 for sha256 in some if sha256 not in here]
        if gone:
            lost += len(gone)
            with ws.local_session() as session:
                wishes_of.forget(session, gone)
    if lost:
        get_logger().warning("bytes missing here", count=lost)


def _mend_there(ws: Workspace, transport: Transport, after: str) -> str:
    """Ask about the next share of contents; return where to go on the next time."""
    with ws.read() as session:
        some = wishes_of.in_state(session, BOTH, after=after, limit=ASKED_A_TIME)
    if not some:
        return ""
    answer = transport.call("/documents/find", protocol.FindManifests(some), protocol.Manifests)
    held = {manifest.sha256 for manifest in answer.manifests}
    if not held.issubset(some):
        raise nonsense()
    lost = [sha256 for sha256 in some if sha256 not in held]
    if lost:
        get_logger().warning("bytes missing in the central store", count=len(lost))
        with ws.local_session() as session:
            wishes_of.forget(session, lost)
    return some[-1] if len(some) == ASKED_A_TIME else ""


def _mend_alone(ws: Workspace, now: datetime) -> None:
    contents = ws.documents.contents()
    with ws.read() as session:
        alone = contents - _named(session)
        seen = _seen_alone(session)
        safe = {sha256 for sha256 in alone if facts.get(session, facts.DOCUMENT_PREFIX + sha256) == BOTH}
    ws.documents.remove(sorted(safe))
    ripe = [
        sha256
        for sha256 in sorted(alone - safe)
        if sha256 in seen and seen[sha256] != _NOT_A_PAGE and now - datetime.fromisoformat(seen[sha256]) >= GRACE
    ]
    odd = [sha256 for sha256 in ripe if not _take_in(ws, sha256)]
    with ws.local_session() as session:
        wishes_of.forget(session, sorted(safe))
        facts.forget_many(session, [_ALONE_PREFIX + sha256 for sha256 in seen if sha256 not in alone])
        facts.put_many(session, [_ALONE_PREFIX + sha256 for sha256 in alone - safe - set(seen)], now.isoformat())
        facts.put_many(session, [_ALONE_PREFIX + sha256 for sha256 in odd], _NOT_A_PAGE)


def _take_in(ws: Workspace, sha256: str) -> bool:
    """Make a document of bytes that no record names; return False when they are no page and cannot become one."""
    from app.services.documents import intake

    if not allowed(ws.actor.role, Permission.LINK_DOCUMENTS):
        return True  # somebody else on this laptop may
    try:
        intake.add_bytes(ws, FOUND, ws.documents.get(sha256))
    except UserError:
        return False
    except EnvironmentFault:
        return True  # no room, or not whole: looked at again in an hour
    get_logger().warning("document made of bytes without a record")
    return True


def _named(session: Session) -> set[str]:
    named: set[str] = set()
    queries: Iterable[object] = (Document.sha256, Letter.sha256, BytesLeaving.sha256)
    for column in queries:
        named.update(session.scalars(select(column)))  # type: ignore[call-overload]  # columns of three tables
    return named


def _seen_alone(session: Session) -> dict[str, str]:
    rows = session.execute(
        select(SyncState.name, SyncState.value).where(SyncState.name > _ALONE_PREFIX, SyncState.name < "bytes_alone;")
    )
    return {row.name.removeprefix(_ALONE_PREFIX): row.value for row in rows}
