"""Waiting for the browser to come back (RFC 8252, 7.3): one redirect, on this machine's own address, for a short while.

Whatever else knocks is answered with nothing and does not end the wait: a browser opens connections ahead of use, and
other programs on the laptop can reach the port too. Only the redirect with this sign-in's state counts, once.
"""

import hmac
import selectors
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from app.services.sign_in.faults import SignInEnded, SignInFailed

PATH = "/callback"
LARGEST_REQUEST = 16 * 1024
MOST_CONNECTIONS = 32
"""Open at once; the oldest goes when one more comes."""
CONNECTION_SECONDS = 10.0
_TICK_SECONDS = 0.1
_PAGE = (
    "<!doctype html><html lang=en-GB><meta charset=utf-8><title>Rollcall</title>"
    "<body style='font-family:sans-serif;margin:3em'><h1>{title}</h1><p>{words}</p></html>"
)
_HEADERS = (
    "Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\nX-Content-Type-Options: nosniff\r\n"
    "Connection: close\r\n"
)


@dataclass(frozen=True, slots=True)
class Redirect:
    """What the browser brought.

    Attributes:
        code: to be exchanged.
        issuer: who the provider says it is (RFC 9207); None where it does not.
    """

    code: str
    issuer: str | None


@dataclass(slots=True)
class _Visitor:
    connection: socket.socket
    since: float
    read: bytearray = field(default_factory=bytearray)


class Loopback:
    """Listens on 127.0.0.1 for one redirect.

    Attributes:
        address: the redirect address that the provider is told.
    """

    def __init__(self, state: str, *, monotonic: Callable[[], float] | None = None) -> None:
        """Start to listen on a free port.

        Raises:
            SignInFailed: the machine gives no port.
        """
        from time import monotonic as system_monotonic

        self._state = state
        self._monotonic = monotonic or system_monotonic
        self._cancelled = threading.Event()
        self._visitors: list[_Visitor] = []
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._listener.bind(("127.0.0.1", 0))
            self._listener.listen(16)
            self._listener.setblocking(False)
        except OSError as error:
            self._listener.close()
            raise SignInFailed("This laptop has no free port for the browser to come back to. Try again.") from error
        self._port = int(self._listener.getsockname()[1])
        self.address = f"http://127.0.0.1:{self._port}{PATH}"

    def cancel(self) -> None:
        """End the wait; from any thread."""
        self._cancelled.set()

    def close(self) -> None:
        """Stop listening and let everybody go."""
        for visitor in self._visitors:
            visitor.connection.close()
        self._visitors.clear()
        self._listener.close()

    def wait(self, seconds: float) -> Redirect:
        """Return what the browser brought; then nobody listens any more.

        Args:
            seconds: for how long at most.

        Raises:
            SignInEnded: cancelled, out of time, or turned down at the provider.
        """
        ends_at = self._monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ, None)
            try:
                while True:
                    if self._cancelled.is_set():
                        raise SignInEnded("cancelled")
                    if self._monotonic() >= ends_at:
                        raise SignInEnded("time")
                    for key, _events in selector.select(_TICK_SECONDS):
                        if key.data is None:
                            self._welcome(selector)
                        elif (found := self._listen_to(selector, key.data)) is not None:
                            return found
                    self._let_go_of_the_slow(selector)
            finally:
                self.close()

    def _welcome(self, selector: selectors.BaseSelector) -> None:
        try:
            connection, _address = self._listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        if len(self._visitors) >= MOST_CONNECTIONS:
            self._dismiss(selector, self._visitors[0])
        visitor = _Visitor(connection, self._monotonic())
        self._visitors.append(visitor)
        selector.register(connection, selectors.EVENT_READ, visitor)

    def _listen_to(self, selector: selectors.BaseSelector, visitor: _Visitor) -> Redirect | None:
        try:
            piece = visitor.connection.recv(4096)
        except BlockingIOError:
            return None
        except OSError:
            piece = b""
        visitor.read += piece
        if piece and b"\r\n\r\n" not in visitor.read:
            if len(visitor.read) > LARGEST_REQUEST:
                self._answer(visitor, 431, "Too large", "")
                self._dismiss(selector, visitor)
            return None
        try:
            return self._judge(visitor) if piece else None
        finally:
            self._dismiss(selector, visitor)

    def _judge(self, visitor: _Visitor) -> Redirect | None:
        asked = self._query(bytes(visitor.read))
        if asked is None:
            self._answer(visitor, 404, "Not here", "")
            return None
        if not hmac.compare_digest(_one(asked, "state").encode(), self._state.encode()):
            self._answer(visitor, 400, "Not this sign-in", "Go back to Rollcall and sign in from there.")
            return None
        code, refusal = _one(asked, "code"), _one(asked, "error")
        if refusal or not code:
            self._answer(visitor, 200, "Not signed in", "You can close this window and go back to Rollcall.")
            raise SignInEnded("refused")
        self._answer(visitor, 200, "Signed in", "You can close this window and go back to Rollcall.")
        return Redirect(code, _one(asked, "iss") or None)

    def _query(self, request: bytes) -> dict[str, list[str]] | None:
        """Return the query of a GET of the one page that is here, asked of this machine by its own name."""
        try:
            head = request.partition(b"\r\n\r\n")[0].decode("ascii")
            first, *lines = head.split("\r\n")
            method, target, version = first.split(" ")
            parts = urlsplit(target)
            asked = parse_qs(parts.query, keep_blank_values=True, max_num_fields=20)
        except (UnicodeDecodeError, ValueError):
            return None
        hosts = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("host:")]
        # Another name would mean a page elsewhere that had its own name lead to this machine (DNS rebinding).
        here = hosts == [f"127.0.0.1:{self._port}"]
        return asked if method == "GET" and version.startswith("HTTP/1.") and parts.path == PATH and here else None

    def _answer(self, visitor: _Visitor, status: int, title: str, words: str) -> None:
        page = _PAGE.format(title=title, words=words).encode()
        head = f"HTTP/1.1 {status} {title}\r\n{_HEADERS}Content-Length: {len(page)}\r\n\r\n".encode()
        try:
            visitor.connection.settimeout(1.0)
            visitor.connection.sendall(head + page)
            visitor.connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _dismiss(self, selector: selectors.BaseSelector, visitor: _Visitor) -> None:
        selector.unregister(visitor.connection)
        visitor.connection.close()
        self._visitors.remove(visitor)

    def _let_go_of_the_slow(self, selector: selectors.BaseSelector) -> None:
        before = self._monotonic() - CONNECTION_SECONDS
        for visitor in [each for each in self._visitors if each.since < before]:
            self._dismiss(selector, visitor)


def _one(asked: dict[str, Any], name: str) -> str:
    """Return a parameter that stands there once; named twice it counts as absent."""
    values = asked.get(name, [])
    return str(values[0]) if len(values) == 1 else ""
