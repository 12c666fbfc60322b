"""The bytes of one document, fetched because somebody opened it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from app.errors import UserError
from app.models import Document
from app.services.access import Permission, require
from app.services.documents.listing import GONE, require_document
from app.services.sync import document_wishes as wishes_of
from app.services.sync.document_wishes import BOTH
from app.services.sync.documents import fetch
from app.services.sync.enrolment import enrolled, open_transport
from app.services.sync.faults import CentralUnreachable
from app.services.sync.stopping import Stoppable, StoppedError
from app.services.sync.telling import SyncReport
from app.services.workspace import Workspace

Moved = Callable[[int, int], object]
"""Told how many bytes of how many are here."""


class Fetched(StrEnum):
    """What became of fetching."""

    HERE = "here"
    NOT_THERE = "not there"
    """The central store does not have the bytes yet: the laptop that added the document has still to send them."""
    OFFLINE = "offline"
    STOPPED = "stopped"
    NOWHERE = "nowhere"
    """This laptop has no central store."""


WORDS = {
    Fetched.NOT_THERE: (
        "The pages of this document are not in the central store yet. They come when the laptop that added them syncs."
    ),
    Fetched.OFFLINE: "You are offline. The pages of this document will be fetched when you connect.",
    Fetched.STOPPED: "The pages of this document are not on this laptop. What has arrived is kept.",
    Fetched.NOWHERE: "The pages of this document are not on this laptop. It has no central store to fetch them from.",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A document whose bytes are to be fetched.

    Attributes:
        size: bytes in all.
    """

    sha256: str
    size: int


def fetch_document(
    ws: Workspace, document_id: str, moved: Moved = lambda _here, _total: None, stop: Callable[[], bool] = lambda: False
) -> Fetched:
    """Fetch what is missing of one document's bytes, now; where there is no way to, note that they are wanted.

    Damaged pages on this laptop are dropped first, so that they come again.

    Args:
        ws: the workspace.
        document_id: somebody has opened it.
        moved: told how far it is.
        stop: asked before each piece; what has arrived is kept.

    Raises:
        UserError: the document is not on this laptop.
        AccessRefused: the person may not open it.
    """
    wanted = _wanted(ws, document_id)
    store = ws.documents
    if store.complete(wanted.sha256):
        if store.fits(wanted.sha256):
            return Fetched.HERE
        store.forget_damaged(wanted.sha256)
    if not enrolled(ws):
        return Fetched.NOWHERE
    with ws.local_session() as session:
        wishes_of.ask(session, wanted.sha256, ws.time.now().isoformat())
    here = 0

    def arrived(size: int) -> None:
        nonlocal here
        here += size
        moved(min(here, wanted.size), wanted.size)

    try:
        transport = open_transport(ws)
    except CentralUnreachable:
        return Fetched.OFFLINE
    try:
        got = fetch(store, Stoppable(transport, stop), [wanted.sha256], SyncReport(), arrived)
    except CentralUnreachable as fault:
        if fault.offline:
            return Fetched.OFFLINE
        raise
    except StoppedError:
        _no_longer(ws, wanted.sha256)
        return Fetched.STOPPED
    finally:
        transport.close()
    if not got:
        return Fetched.NOT_THERE
    with ws.local_session() as session:
        wishes_of.note(session, got, BOTH)
        wishes_of.answered(session, got)
    return Fetched.HERE


def _wanted(ws: Workspace, document_id: str) -> Wanted:
    require(ws.actor, Permission.READ_CASES, document_id)
    with ws.read() as session:
        found = session.get(Document, document_id)
        if found is None:
            raise UserError(GONE)
        require_document(session, ws, found, Permission.READ_CASES)
        return Wanted(found.sha256, found.size)


def _no_longer(ws: Workspace, sha256: str) -> None:
    with ws.local_session() as session:
        wishes_of.answered(session, [sha256])
