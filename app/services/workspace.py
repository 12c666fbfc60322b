"""An opened vault with a signed-in person: what every service is handed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.errors import AccessRefused
from app.models.terms import Role
from app.services.audit import Action, Link
from app.services.audit.recorder import Recorder
from app.services.capture import CapturingSession, Unit
from app.services.damage import WORDS, marked_damage
from app.services.journal import CARRIED
from app.services.locking import WRITING
from app.services.room import DiskFull, RoomState, full_fault, is_full
from app.services.rows import keep_connection
from app.services.signing import Signer
from app.timesource import TimeSource

if TYPE_CHECKING:
    from app.services.documents.store import DocumentStore
    from app.services.journal import Journal
    from app.services.room import Room

Listener = Callable[[frozenset[str]], None]


@dataclass(frozen=True, slots=True)
class Actor:
    """The signed-in person, on this laptop.

    Attributes:
        on_refusal: told of each refusal, so that it reaches the audit.
    """

    user_id: str | None
    name: str
    role: Role
    team_id: str | None
    device_id: str
    on_refusal: Callable[[AccessRefused], object] | None = field(default=None, compare=False, repr=False)

    @property
    def initials(self) -> str:
        """The first letters of the first and last name."""
        words = self.name.split()
        return (words[0][:1] + (words[-1][:1] if len(words) > 1 else "")).upper() if words else "?"


class Workspace:
    """Sessions on the vault, in the name of one person.

    Attributes:
        actor: who is signed in.
        time: the clock.
        folder: the vault's folder.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        actor: Actor,
        signer: Signer | None,
        time: TimeSource,
        folder: Path,
        open_documents: Callable[[], "DocumentStore"],
        journal: "Journal | None" = None,
        room: "Room | None" = None,
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._room = room
        self._signer = signer
        self._open_documents = open_documents
        self._documents: DocumentStore | None = None
        self._documents_lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._recorder = Recorder(self._audit_unit, actor=actor, time=time, signer=signer)
        self.actor = replace(actor, on_refusal=self._recorder.refused)
        self.time = time
        self.folder = folder
        # Sessions know the time: whether an emergency still lasts is asked inside them.
        known = {"time": time}
        self._session = partial(CapturingSession, expire_on_commit=False, info=known)

    @cached_property
    def _writer(self) -> Engine:
        return self._engine.execution_options(**{WRITING: True})

    @property
    def documents(self) -> "DocumentStore":
        """The store of document bytes, opened on first use."""
        with self._documents_lock:
            if self._documents is None:
                self._documents = self._open_documents()
            return self._documents

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Yield a session that sees one consistent state and changes nothing."""
        with self._recorder.watching(), self._session(self._engine, autoflush=False) as session:
            yield session

    @contextmanager
    def write(self, reason: str) -> Iterator[Session]:
        """Yield a session whose changes are committed together, with their change set, on leaving the block.

        Args:
            reason: why, in words for history, such as "Added a note".
        """
        with self._unit(reason, applying=False) as session:
            yield session

    @contextmanager
    def apply_session(self) -> Iterator[Session]:
        """Yield a writing session for changes pulled from the central store: not captured, projections kept."""
        with self._unit("Received", applying=True) as session:
            yield session

    @contextmanager
    def local_session(self) -> Iterator[Session]:
        """Yield a writing session for this vault's own tables (drafts, cursors, leases)."""
        with self._unit("Local", applying=False) as session:
            yield session

    def audit(
        self,
        action: Action,
        subject_table: str = "",
        subject_id: str | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Record in the audit chain something that changed no record: a reading, a print, an export, an unlock.

        Inside a block of :meth:`write` on the same thread it becomes part of that transaction.

        Args:
            action: what was done.
            subject_table, subject_id: the record it is about.
            detail: counts, ids and keyed digests; no free text about a child.
        """
        self._recorder.record(action, subject_table, subject_id, detail)

    def searched(self, where: str, words: str, hits: int) -> None:
        """Record a search once no more is typed, without its words (see :mod:`app.services.audit.recorder`)."""
        self._recorder.searched(where, words, hits)

    def search_digest(self, words: str) -> str:
        """Return what stands in this laptop's audit for a search for these words."""
        return self._recorder.digest(words)

    def on_change(self, listener: Listener) -> Callable[[], None]:
        """Call a listener after each commit with the synced tables it touched, on the writing thread.

        Returns:
            A function that stops the calls.
        """
        self._listeners.append(listener)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    def room(self) -> RoomState:
        """Return how much room the disk has left."""
        return self._room.state() if self._room is not None else RoomState(1 << 62)

    def require_room(self) -> None:
        """Refuse something large (an import, documents) while the disk is nearly full.

        Raises:
            DiskFull: says what to do; nothing was changed.
        """
        room = self.room()
        if room.in_use:
            raise DiskFull(f"{room.words} Imports and documents wait until there is room. Notes are still saved.")

    def notices(self) -> tuple[tuple[str, str], ...]:
        """Return what people must be told about this vault, as a name of the matter and words for it."""
        room = self.room()
        matter = "full" if room.in_use else "short"
        found = [(matter, room.words)] if room.words else []
        if self._journal is not None and self._journal.behind:
            found.append(("lifeboat", self._journal.behind))
        damaged = marked_damage(self.folder)
        if damaged:
            found.append(("damage", WORDS.format(name=damaged)))
        return tuple(found)

    def lifeboat_links(self) -> list[Link]:
        """Return the entries of the audit chain that the lifeboat holds outside the database."""
        return self._journal.audit_links() if self._journal is not None else []

    def tidy(self) -> None:
        """Leave out of the lifeboat what is safe elsewhere: after a sync, after a backup."""
        if self._journal is not None:
            self._journal.tidy()

    def close(self) -> None:
        """Let go of the document store; the engine is closed by the vault."""
        self._recorder.close()
        self._listeners.clear()
        with self._documents_lock:
            if self._documents is not None:
                self._documents.close()
                self._documents = None

    def _audit_unit(self) -> AbstractContextManager[Session]:
        return self._unit("Audit", applying=False)

    @contextmanager
    def _unit(self, reason: str, *, applying: bool) -> Iterator[Session]:
        unit = Unit(
            actor_id=self.actor.user_id,
            actor_name=self.actor.name,
            device_id=self.actor.device_id,
            reason=reason,
            time=self.time,
            signer=self._signer,
            applying=applying,
        )
        with self._recorder.watching(), self._session(self._writer) as session, self._carried(session):
            session.info["unit"] = unit
            with session.begin(), self._recorder.within(session):
                keep_connection(session)
                yield session
        if unit.tables:
            touched = frozenset(unit.tables)
            for listener in list(self._listeners):
                listener(touched)

    @contextmanager
    def _carried(self, session: Session) -> Iterator[None]:
        """Write what the session commits into the lifeboat too, and return when both are on the disk."""
        if self._room is not None:
            self._room.before_write()
        passage = self._journal.passage() if self._journal is not None else None
        if passage is not None:
            session.info[CARRIED] = passage
        try:
            yield
        except BaseException as error:
            if passage is not None:
                passage.turn_back()
            if is_full(error):
                raise self._make_room() from error
            raise
        if passage is not None:
            passage.arrive()

    def _make_room(self) -> DiskFull:
        if self._room is not None:
            self._room.let_go()
        return full_fault(self.room().free)
