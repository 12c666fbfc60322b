"""What a sync asks of the log: alone, or in the same round trip as its last change sets.

In an ordinary sync the audit's new entries are countersigned with it, and the hashes of what it touches come back with
the answer, so that nothing of that takes a question of its own. A store of the version before answers the push alone
and tells no hashes; what it leaves out is asked by itself.
"""

from collections.abc import Callable

from sqlalchemy.orm import Session

from app.services.sync import countersigning, facts, first_pull, proving, recovery, restored
from app.services.sync.audit_protocol import AuditAnswer, AuditPush
from app.services.sync.protocol import PullAnswer, PullRequest, PushAnswer, PushRequest
from app.services.sync.telling import Transport
from app.services.workspace import Workspace


class LogQuestion:
    """Asks one sync's pulls.

    Attributes:
        ordinary: this vault has had its first pull and lacks nothing of its own: what goes beside a pull may.
        audit: what was sent of the audit chain beside a pull, and what became of it.
        alone: the audit has to be sent by itself: this sync is no ordinary one, or the store takes it no other way.
        told: what the last answer told of units.
    """

    def __init__(self, ws: Workspace, transport: Transport, life: Callable[[], str]) -> None:
        """Look where this vault stands; nothing is asked yet."""
        self._ws, self._transport, self._life = ws, transport, life
        self._brought: tuple[PullRequest, PullAnswer] | None = None
        self.audit: tuple[AuditPush, AuditAnswer] | None = None
        self.told = proving.Told()
        with ws.read() as session:
            pulled = facts.get(session, facts.FIRST_PULL) == first_pull.DONE
            self.ordinary = pulled and not recovery.is_behind(session)
        self.alone = not self.ordinary

    def beside(self) -> PullRequest | None:
        """Return what is asked beside the last change sets; None where the pull has to wait for something else."""
        if not self.ordinary:
            return None
        with self._ws.read() as session:
            return self._request(session, facts.cursor(session))

    def take(self, request: PushRequest, answer: PushAnswer) -> None:
        """Keep what came beside the answer to a push, until the sync comes to it."""
        if request.then is not None and answer.then is not None:
            self._note(request.then, answer.then)
            self._brought = request.then, answer.then

    def ask(self, cursor: int) -> PullAnswer:
        """Return the log after a revision; what came beside a push is not asked for again.

        Raises:
            CentralUnreachable: it can be tried again.
        """
        brought, self._brought = self._brought, None
        if brought is not None and (brought[0].cursor, brought[0].store) == (cursor, self._life()):
            return brought[1]
        with self._ws.read() as session:
            request = self._request(session, cursor)
        answer = self._transport.call("/pull", request, PullAnswer)
        self._note(request, answer)
        return answer

    def forget(self) -> None:
        """Count what came beside a push as not asked: something was sent after it."""
        self._brought = None

    def _request(self, session: Session, cursor: int) -> PullRequest:
        request = PullRequest(cursor, store=self._life(), known=restored.newest_entry(session))
        if self.ordinary:
            request.audit = countersigning.first_question(session) if self.audit is None and not self.alone else None
            request.prove = proving.next_share(session)
        return request

    def _note(self, request: PullRequest, answer: PullAnswer) -> None:
        if request.audit is not None:
            self.alone = answer.audit is None
            self.audit = None if answer.audit is None else (request.audit, answer.audit)
        self.told = proving.Told(answer.cursor, dict(answer.hashes), request.prove or [])
