"""ASGI in front of everything: what is too large, too slow or too much is turned away as early as it can be told."""

import anyio
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.central.addresses import address_of
from app.central.answering import problem, refusal, wants_json
from app.central.limits import KNOCKING_PATHS, PROVING_PATHS, Limits
from app.central.tokens import TrustError
from app.services.sync import protocol

SMALL_BYTES = 64 * 1024
"""The most that a request may measure whose sender nobody knows yet."""
BODY_SECONDS = 120.0
MOST_AT_ONCE = 256
"""Requests that one worker process works on or lets wait; more are asked to come back."""
STREAMS = frozenset({"/v1/live"})


class _BodyError(Exception):
    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(code)
        self.status, self.code, self.words = status, code, words


class Limited:
    """ASGI: turns away what is too large, too slow or too much, as early as it can be told."""

    def __init__(self, app: ASGIApp, *, limits: Limits, most_at_once: int = MOST_AT_ONCE) -> None:
        self._app = app
        self._limits = limits
        self._most = most_at_once
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not scope["path"].startswith("/v1/") or scope["path"] in STREAMS:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if self._under_way >= self._most:
            words = "The central store is busy. Your work is kept."
            answer = problem(503, "busy", words, as_json=wants_json(request))
            await answer(scope, receive, send)
            return
        self._under_way += 1
        try:
            await self._within_limits(request, scope, receive, send)
        finally:
            self._under_way -= 1

    async def _within_limits(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        open_to_all = path in PROVING_PATHS or path in KNOCKING_PATHS
        most = SMALL_BYTES if open_to_all else protocol.MAX_PACKED_BYTES
        if _stated_length(scope) > most:
            await self._turn_away(_too_large(), request, scope, receive, send)
            return
        if open_to_all:
            try:
                await run_in_threadpool(self._limits.count_open, path, address_of(request))
            except (TrustError, SQLAlchemyError) as refused:
                await refusal(request, refused)(scope, receive, send)
                return
        body = _Body(receive, most)
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, body.receive, noting)
        except _BodyError as error:
            if started:
                raise
            await self._turn_away(error, request, scope, receive, send)

    async def _turn_away(self, error: _BodyError, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        answer = problem(error.status, error.code, error.words, as_json=wants_json(request))
        answer.headers["connection"] = "close"  # what is left of the body is not read
        await answer(scope, receive, send)


class _Body:
    """Hands a body on while it stays within its size and time."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._most = receive, most
        self._size = 0
        self._whole = False
        self._ends_at = anyio.current_time() + BODY_SECONDS

    async def receive(self) -> Message:
        """Return the next piece."""
        if self._whole:
            return await self._receive()  # until the sender hangs up
        message: Message | None = None
        with anyio.move_on_after(max(0.0, self._ends_at - anyio.current_time())):
            message = await self._receive()
        if message is None:
            raise _BodyError(408, "too-slow", "The message took too long. Your work is kept.")
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._size > self._most:
                raise _too_large()
        return message


def _too_large() -> _BodyError:
    return _BodyError(413, "too-large", "The message is larger than the central store takes. Your work is kept.")


def _stated_length(scope: Scope) -> int:
    stated = Headers(scope=scope).get("content-length", "0")
    return int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 20 else 0
