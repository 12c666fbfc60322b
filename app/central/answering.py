"""How the central store answers over HTTP: who asks is known first, bodies are bounded, faults become words.

Messages travel as MessagePack in zstandard. The same messages as JSON are understood and answered when the content
type says so, with the same checks and the same bounds, so that ordinary tools can speak to every route.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from sqlalchemy.exc import DataError, SQLAlchemyError

from app.central.database import is_away
from app.central.metrics import Metrics
from app.central.tokens import TrustError
from app.logs import get_logger
from app.services.sync import protocol
from app.services.sync.belonging import mark
from app.services.sync.protocol import MEDIA_TYPE, Problem, ProtocolError, pack, unpack

JSON = "application/json"
Message = TypeVar("Message")
Who = TypeVar("Who")
STATUS = {
    "token-stale": 401,
    "sign-in-failed": 401,
    "bad-signature": 401,
    "device-unknown": 403,
    "device-revoked": 403,
    "too-many": 429,
}
"""Which HTTP status a code of :class:`TrustError` has; 403 where it is not listed."""
AGAIN_SECONDS = 5
"""After how long a laptop may ask again where the database was away."""


def problem(status: int, code: str, message: str, *, as_json: bool = False) -> Response:
    """Return why a request was not done."""
    body = Problem(code, message)
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    if status == 503:
        headers["retry-after"] = str(AGAIN_SECONDS)
    if as_json:
        return Response(msgspec.json.encode(body), status, headers, media_type=JSON)
    return Response(pack(body), status, headers, media_type=MEDIA_TYPE)


def wants_json(request: Request) -> bool:
    """Return whether the answer should be JSON: it is asked for by name, or the request was JSON."""
    accepted = request.headers.get("accept", "")
    if MEDIA_TYPE in accepted:
        return False
    return JSON in accepted or _content_type(request) == JSON


def bearer(request: Request) -> str:
    """Return the token a request carries, or nothing."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


async def body_of(request: Request) -> bytes:
    """Return a request's body; stops reading beyond what a message may measure.

    Raises:
        ProtocolError: too large.
    """
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > protocol.MAX_PACKED_BYTES:
            raise ProtocolError("too large")
        pieces.append(piece)
    return b"".join(pieces)


def version_of(request: Request) -> int:
    """Return the version of the protocol that a request is in; 0 where it does not say."""
    try:
        return int(request.headers.get(protocol.VERSION_HEADER, "0"))
    except ValueError:
        return 0


def unfit(request: Request) -> Response | None:
    """Return the answer for a request of another version or form, or None."""
    as_json = wants_json(request)
    version = version_of(request)
    if not protocol.OLDEST_UNDERSTOOD <= version <= protocol.VERSION + 1:
        words = "This laptop and the central store are too many versions apart. Update Rollcall. Your work is kept."
        return problem(426, "version", words, as_json=as_json)
    if _content_type(request) not in (MEDIA_TYPE, JSON, ""):
        words = f"The central store reads {MEDIA_TYPE} and {JSON}. Your work is kept."
        return problem(415, "media-type", words, as_json=as_json)
    return None


async def answered(request: Request, kind: type[Message], work: Callable[[Message], object]) -> Response:
    """Read a message that anybody may send, do the work on a thread of its own and return the answer."""
    return await answered_to(request, kind, lambda _token: None, lambda _nobody, message: work(message))


async def answered_to(
    request: Request, kind: type[Message], known: Callable[[str], Who], work: Callable[[Who, Message], object]
) -> Response:
    """Do what :func:`answered` does for those a token lets in.

    Args:
        request: its body is not read before it is known who asks.
        kind: what the body must be.
        known: returns who a token is for, or raises ``TrustError``.
        work: done for them on a thread of its own; returns the message to answer with.
    """
    if (unlike := unfit(request)) is not None:
        return unlike
    as_json = wants_json(request)
    try:
        token = bearer(request)
        who = await run_in_threadpool(known, token)
        body = await body_of(request)
        sent_as_json = _content_type(request) == JSON
        ending = None if as_json else mark(token, body)
        return await run_in_threadpool(
            lambda: _done(_metrics(request), work(who, _read(kind, body, as_json=sent_as_json)), ending)
        )
    except (ProtocolError, TrustError, SQLAlchemyError) as error:
        return refusal(request, error)


def refusal(request: Request, error: Exception) -> Response:
    """Return the answer for what went wrong.

    Raises:
        Exception: the error itself, where nobody outside can have caused it.
    """
    as_json = wants_json(request)
    if isinstance(error, TrustError):
        get_logger().warning("not let in", page=request.url.path, kind=error.code)
        if (metrics := _metrics(request)) is not None:
            metrics.note_refused(error.code)
        answer = problem(STATUS.get(error.code, 403), error.code, error.message, as_json=as_json)
        if error.retry_after is not None:
            answer.headers["retry-after"] = str(error.retry_after)
        return answer
    if isinstance(error, ProtocolError | DataError):
        # Among the latter: a hidden character in a text, a number that no column holds.
        get_logger().warning("not understood", page=request.url.path)
        words = "The central store could not read the message. Your work is kept."
        return problem(400, "not-understood", words, as_json=as_json)
    if is_away(error):
        get_logger().error("database away", page=request.url.path, error=type(error).__name__)
        words = "The central store is busy or its database is away. Your work is kept."
        return problem(503, "database", words, as_json=as_json)
    raise error


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _read(kind: type[Message], body: bytes, *, as_json: bool) -> Message:
    if not as_json:
        return unpack(kind, body)
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ProtocolError("not a message") from error


def _done(metrics: Metrics | None, answer: object, ending: bytes | None) -> Response:
    """Return an answer, packed with the mark it ends with, or as JSON where there is none."""
    if metrics is not None:
        metrics.note_answer(answer)
    if ending is None:
        return Response(msgspec.json.encode(answer), media_type=JSON)
    return Response(pack(answer) + ending, media_type=MEDIA_TYPE)


def _metrics(request: Request) -> Metrics | None:
    return getattr(request.app.state, "metrics", None)
