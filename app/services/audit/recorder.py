"""What a workspace records beside its changes: readings, searches, refusals and all else that changes no record.

- **Readings** of the same record by the same person within five minutes are one entry: the first. A page that is left
  and come back to, or read again after a change, would otherwise bury what matters. So do syncs that moved something.
- **Searches** are recorded once the typing has stopped: what was searched in, how many hits, and a keyed digest of the
  words. The words themselves, mostly a child's name, are not kept. The key comes from this laptop's signing key, so
  on this laptop it can be asked whether somebody searched for a given name, and nobody can read the name back.
- **Refusals** are recorded wherever a service raises :class:`AccessRefused`, after the transaction it ended.
"""

import hashlib
import hmac
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from app.errors import AccessRefused
from app.logs import get_logger
from app.models.folding import fold
from app.services.audit.actions import Action
from app.services.audit.anchors import seal
from app.services.audit.chain import append

if TYPE_CHECKING:
    from app.services.signing import Signer
    from app.services.workspace import Actor
    from app.timesource import TimeSource

SAME_READING = timedelta(minutes=5)
SETTLED_SECONDS = 2.0
"""After this long without another letter a search is recorded."""
_ONCE = frozenset({Action.READ, Action.READ_LETTER, Action.READ_HISTORY, Action.READ_AUDIT, Action.SYNCED})
_DIGEST_KEY = b"rollcall audit search digest 1"
_MOST_REMEMBERED = 5_000
Unit = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True, slots=True)
class _Search:
    where: str
    words: str
    hits: int


class Recorder:
    """Records in the name of one person; every thread of a workspace may use it."""

    def __init__(self, unit: Unit, *, actor: "Actor", time: "TimeSource", signer: "Signer | None") -> None:
        """Prepare.

        Args:
            unit: opens a writing session of its own.
            actor: who is signed in.
            time: the clock.
            signer: the device's key; without one nothing is sealed.
        """
        self._unit, self._actor, self._time, self._signer = unit, actor, time, signer
        self._here = threading.local()
        self._lock = threading.Lock()
        self._recent: dict[tuple[str, str, str | None], datetime] = {}
        self._refusals: deque[AccessRefused] = deque()
        self._search: _Search | None = None
        self._timer: threading.Timer | None = None
        self._digest_key: bytes | None = None

    def record(
        self, action: str, subject_table: str = "", subject_id: str | None = None, detail: dict[str, Any] | None = None
    ) -> None:
        """Add an entry, in the thread's open writing session when it has one, else in a transaction of its own."""
        self.settle_search()
        if action in _ONCE and self._is_same_reading(action, subject_table, subject_id):
            return
        self._write(action, subject_table, subject_id, detail)

    # -- searches ------------------------------------------------------------------------------------------------

    def searched(self, where: str, words: str, hits: int) -> None:
        """Note a search; it is recorded once no more is typed.

        Args:
            where: what was searched in, such as ``children``.
            words: what was typed; not kept.
            hits: how many were found.
        """
        folded = fold(words).strip()
        if not folded:
            return
        search = _Search(where, folded, hits)
        with self._lock:
            before, self._search = self._search, search
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(SETTLED_SECONDS, self.settle_search, kwargs={"only": search})
            self._timer.daemon = True
            self._timer.start()
        if before is not None and not _grew(before, search):
            self._write_search(before)

    def settle_search(self, only: _Search | None = None) -> None:
        """Record the search that was noted last, at once."""
        with self._lock:
            search = self._search
            if search is None or (only is not None and search is not only):
                return
            self._search = None
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        self._write_search(search)

    def digest(self, words: str) -> str:
        """Return the keyed digest under which a search for these words stands in this laptop's chain."""
        if self._digest_key is None:
            secret = self._signer.sign(_DIGEST_KEY) if self._signer else b""
            self._digest_key = hashlib.sha256(secret).digest()
        return hmac.new(self._digest_key, fold(words).strip().encode(), hashlib.sha256).hexdigest()[:32]

    def _write_search(self, search: _Search) -> None:
        detail = {"for": search.where, "hits": search.hits, "digest": self.digest(search.words)}
        self._write_quietly(Action.SEARCHED, "", None, detail)

    # -- refusals ------------------------------------------------------------------------------------------------

    def refused(self, error: AccessRefused) -> None:
        """Note a refusal once; it is recorded when the thread has no session open."""
        if error.noted:
            return
        error.noted = True
        self._refusals.append(error)
        if not self._depth:
            self._write_refusals()

    def _write_refusals(self) -> None:
        while self._refusals:
            try:
                error = self._refusals.popleft()
            except IndexError:  # another thread was quicker
                return
            detail = {"permission": error.permission} if error.permission else None
            self._write_quietly(Action.REFUSED, "", error.subject, detail)

    # -- sessions ------------------------------------------------------------------------------------------------

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note a refusal that leaves the block, and record it once the thread's outermost block is left."""
        self._here.depth = self._depth + 1
        try:
            yield
        except AccessRefused as error:
            self.refused(error)
            raise
        finally:
            self._here.depth -= 1
            if not self._here.depth and self._refusals:
                self._write_refusals()

    @contextmanager
    def within(self, session: Session) -> Iterator[None]:
        """Let what is recorded on this thread go into a writing session that is open on it."""
        before = getattr(self._here, "session", None)
        self._here.session = session
        try:
            yield
        finally:
            self._here.session = before

    @property
    def _depth(self) -> int:
        return getattr(self._here, "depth", 0)

    def close(self) -> None:
        """Record what is still waiting, and remember nothing."""
        self.settle_search()
        self._write_refusals()
        self._recent.clear()

    # -- writing -------------------------------------------------------------------------------------------------

    def _is_same_reading(self, action: str, table: str, subject: str | None) -> bool:
        now, key = self._time.now(), (str(action), table, subject)
        with self._lock:
            last = self._recent.get(key)
            if last is not None and last <= now < last + SAME_READING:
                return True
            if len(self._recent) >= _MOST_REMEMBERED:
                self._recent.clear()
            self._recent[key] = now
        return False

    def _write_quietly(self, action: str, table: str, subject: str | None, detail: dict[str, Any] | None) -> None:
        """Add an entry that belongs to something already decided: that it cannot be written must not change that."""
        try:
            self._write(action, table, subject, detail)
        except Exception as error:  # noqa: BLE001  (logged; the search or the refusal stands)
            get_logger().error("not audited", exc=error)

    def _write(self, action: str, table: str, subject: str | None, detail: dict[str, Any] | None) -> None:
        session: Session | None = getattr(self._here, "session", None)
        if session is not None:
            self._append(session, action, table, subject, detail)
            return
        with self._unit() as session:
            self._append(session, action, table, subject, detail)

    def _append(
        self, session: Session, action: str, table: str, subject: str | None, detail: dict[str, Any] | None
    ) -> None:
        now = self._time.now()
        link = append(
            session,
            at=now,
            actor_id=self._actor.user_id,
            actor_name=self._actor.name,
            action=action,
            subject_table=table,
            subject_id=subject,
            detail=detail,
        )
        if self._signer is not None:
            seal(session, link, device_id=self._actor.device_id, signer=self._signer, at=now)


def _grew(before: _Search, now: _Search) -> bool:
    """Return whether one search is another being typed."""
    same = now.words.startswith(before.words) or before.words.startswith(now.words)
    return before.where == now.where and same
