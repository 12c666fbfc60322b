"""Stopping what is under way: a transport that carries nothing more once it is told to stop."""

from collections.abc import Callable

from app.errors import RollcallError
from app.services.sync.telling import Answer, Transport


class StoppedError(RollcallError):
    """The window was locked or closed, or the person does not wait any longer; whatever was done is kept."""

    def __init__(self) -> None:
        super().__init__("Stopped.")


class Stoppable:
    """A transport that carries nothing more once it is to stop."""

    def __init__(self, transport: Transport, stop: Callable[[], bool]) -> None:
        self._transport, self._stop = transport, stop

    def call(self, path: str, message: object, kind: type[Answer]) -> Answer:
        """Send a message unless it is to stop; an answer that comes too late is not acted on.

        Raises:
            StoppedError: it is to stop.
        """
        if self._stop():
            raise StoppedError
        answer = self._transport.call(path, message, kind)
        if self._stop():
            raise StoppedError
        return answer
