"""Listening to a stream of events of the central store: lines of bounded length, until it ends or one hangs up."""

import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final

from app.services.sync.faults import CentralUnreachable, NotLetIn, Trouble, nonsense, troubled
from app.services.sync.protocol import MEDIA_TYPE, Problem, ProtocolError, unpack
from app.services.sync.transport import NETWORK_ERRORS, HttpTransport, fault_of, not_ours, open_client

EVENTS: Final = "text/event-stream"
MAX_LINE_BYTES: Final = 4096


class Listening:
    """One stream; made anew for each attempt."""

    def __init__(self, transport: HttpTransport, path: str, quiet_seconds: float) -> None:
        """Prepare; nothing is sent yet.

        Args:
            transport: starts the session; it is not used by the stream itself.
            path: after ``/v1``.
            quiet_seconds: for how long the stream may be silent.
        """
        self._transport, self._path, self._quiet = transport, path, quiet_seconds
        self._stream: Any = None

    def lines(self) -> Iterator[str]:
        """Yield the lines of the stream.

        Raises:
            CentralUnreachable: no answer, silence, or something else answered.
            NotLetIn: refused.
        """
        token = self._transport.new_token()
        headers = {"authorization": f"Bearer {token}", "accept": f"{EVENTS}, {MEDIA_TYPE}"}
        client = open_client(self._transport.server, self._quiet)
        try:
            with client.stream("GET", f"/v1{self._path}", headers=headers) as response:
                kind = response.headers.get("content-type", "").partition(";")[0]
                if kind != EVENTS:
                    raise _refused(response, kind)
                self._stream = response.extensions.get("network_stream")
                yield from _lines(response.iter_raw())
        except NETWORK_ERRORS as error:
            raise fault_of(error) from error
        finally:
            self._stream = None
            client.close()

    def hang_up(self) -> None:
        """End the stream, from another thread."""
        stream = self._stream
        if stream is not None and (connection := stream.get_extra_info("socket")) is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _lines(pieces: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise nonsense()
        for line in whole:
            yield line.rstrip(b"\r").decode("utf-8", "replace")


def _refused(response: Any, kind: str) -> CentralUnreachable | NotLetIn:
    """Return why there is no stream; an answer of another kind is not read."""
    if kind != MEDIA_TYPE:
        return not_ours(response)
    body = b""
    for piece in response.iter_raw():
        body += piece
        if len(body) > MAX_LINE_BYTES:
            return nonsense()
    try:
        problem = unpack(Problem, body)
    except ProtocolError:
        return nonsense()
    if response.status_code in (401, 403, 426):
        return NotLetIn(problem.message[:300], problem.code[:50])
    return troubled(Trouble.BUSY)
