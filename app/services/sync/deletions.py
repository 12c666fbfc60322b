"""When the fuse trips on a pull: nothing is deleted until a supervisor has looked and given their word.

The word is kept at the central store for every laptop that is asked to delete the same: what one supervisor has looked
at, up to a revision, need not stop a whole team.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from sqlalchemy.orm import Session

from app.errors import UserError
from app.services import history_words
from app.services.access import Permission, require
from app.services.audit import Action
from app.services.sync import facts
from app.services.sync.faults import CentralUnreachable, NotLetIn, TooManyDeletions
from app.services.sync.rescue_protocol import DeletionsQuestion, DeletionsWord
from app.services.sync.telling import Transport
from app.services.workspace import Workspace

_MEANT = "deletions_meant_to"
"""The fact of up to which revision large deletions are meant."""
_TRIPPED = "fuse_tripped"
"""The fact of what the fuse stopped: JSON of :class:`_Kept`."""


class _Kept(msgspec.Struct):
    revision: int
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Tripped:
    """What the fuse stopped.

    Attributes:
        revision: up to which the page reached.
        lines: how many records of which kind would go, in words.
    """

    revision: int
    lines: tuple[str, ...]


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
            _note(ws, _Kept(revision, fault.counts))
            raise
    with ws.apply_session() as session:
        done = apply(session)
        facts.forget(session, _TRIPPED)
    return done


def tripped(ws: Workspace) -> Tripped | None:
    """Return what the fuse stopped on this laptop, or None; no names, only how many of which kind."""
    require(ws.actor, Permission.USE_LAPTOP)
    with ws.read() as session:
        kept = _kept(session)
        is_past = kept is not None and facts.cursor(session) >= kept.revision
    if kept is None or is_past:
        return None
    lines = tuple(
        f"{history_words.table_words(table)}: {count} would be deleted" for table, count in sorted(kept.counts.items())
    )
    return Tripped(kept.revision, lines)


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
        raise UserError("Something else is to be deleted now. Look again before you confirm. Nothing was changed.")
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


def _note(ws: Workspace, kept: _Kept) -> None:
    with ws.local_session() as session:
        facts.put(session, _TRIPPED, msgspec.json.encode(kept).decode())


def _kept(session: Session) -> _Kept | None:
    stored = facts.get(session, _TRIPPED)
    try:
        return msgspec.json.decode(stored, type=_Kept) if stored else None
    except msgspec.MsgspecError:
        return None
