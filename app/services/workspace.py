"""An opened vault with a signed-in person: what every service is handed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from app.models.terms import Role
from app.services import audit
from app.services.capture import CapturingSession, Unit
from app.services.journal import CARRIED
from app.services.locking import WRITING
from app.services.rows import keep_connection
from app.services.signing import Signer
from app.timesource import TimeSource

if TYPE_CHECKING:
    from app.services.documents.store import DocumentStore
    from app.services.journal import Journal

Listener = Callable[[frozenset[str]], None]


@dataclass(frozen=True, slots=True)
class Actor:
    """The signed-in person, on this laptop."""

    user_id: str | None
    name: str
    role: Role
    team_id: str | None
    device_id: str

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
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._signer = signer
        self._open_documents = open_documents
        self._documents: DocumentStore | None = None
        self._documents_lock = threading.Lock()
        self._listeners: list[Listener] = []
        self.actor = actor
        self.time = time
        self.folder = folder
        # Sessions know the time: whether an emergency still lasts is asked inside them.
        known = {"time": time}
        self._reading = sessionmaker(
            engine, class_=CapturingSession, expire_on_commit=False, autoflush=False, info=known
        )
        self._writing = sessionmaker(
            engine.execution_options(**{WRITING: True}), class_=CapturingSession, expire_on_commit=False, info=known
        )

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
        with self._reading() as session:
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
        action: str,
        subject_table: str = "",
        subject_id: str | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Record in the audit chain something that changed no record: a reading, a print, an export, an unlock."""
        with self._unit("Audit", applying=False) as session:
            audit.append(
                session,
                at=self.time.now(),
                actor_id=self.actor.user_id,
                actor_name=self.actor.name,
                action=action,
                subject_table=subject_table,
                subject_id=subject_id,
                detail=detail,
            )

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

    def tidy(self) -> None:
        """Leave out of the lifeboat what is safe elsewhere: after a sync, after a backup."""
        if self._journal is not None:
            self._journal.tidy()

    def close(self) -> None:
        """Let go of the document store; the engine is closed by the vault."""
        self._listeners.clear()
        with self._documents_lock:
            if self._documents is not None:
                self._documents.close()
                self._documents = None

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
        with self._writing() as session, self._carried(session):
            session.info["unit"] = unit
            with session.begin():
                keep_connection(session)
                yield session
        if unit.tables:
            touched = frozenset(unit.tables)
            for listener in list(self._listeners):
                listener(touched)

    @contextmanager
    def _carried(self, session: Session) -> Iterator[None]:
        """Write what the session commits into the lifeboat too, and return when both are on the disk."""
        if self._journal is None:
            yield
            return
        passage = session.info[CARRIED] = self._journal.passage()
        try:
            yield
        except BaseException:
            passage.turn_back()
            raise
        passage.arrive()
