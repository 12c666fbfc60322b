"""The live queue: laptops that listen are told, within a moment, that there is a new revision; never what is in it.

PostgreSQL's NOTIFY is part of the transaction that makes a revision, so nobody is told of one that was rolled back, and
every process hears of what another took. Each process keeps one LISTEN connection, opened with its first listener, and
hands what it hears to its listeners. A listener has room for one number: what it was not told yet is in the next.

Who may listen is asked when the stream opens and at each heartbeat: a laptop that is revoked is told nothing more.
A stream ends with its token, and the laptop opens another.
"""

import asyncio
import threading
import time
from collections.abc import Callable, MutableMapping
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Receive, Scope, Send

from app.central.answering import bearer, problem, refusal, unfit
from app.central.checks import DeviceIdentity
from app.central.metrics import Metrics
from app.central.store import CHANNEL
from app.central.tokens import TrustError
from app.logs import get_logger

HEARTBEAT_SECONDS = 15.0
SLOW_SECONDS = 20.0
"""A listener that has not taken in one small event by then is let go; it comes back when it can."""
LIFE_SECONDS = 15 * 60.0
MOST_LISTENERS = 1000
"""In one process. A laptop beyond them is told to come later; meanwhile it syncs now and then, as without a stream."""
_LOOK_SECONDS: Final = 1.0
_AGAIN_SECONDS: Final = 1.0


class LiveEvent(msgspec.Struct):
    """There is a new revision.

    Attributes:
        revision: the newest one.
        changes: how many there are since the laptop was last told.
    """

    revision: int
    changes: int


class Listener:
    """One laptop that listens."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.news = asyncio.Event()
        self.revision = 0
        self.told = 0
        self.ended = False

    def tell(self, revision: int) -> None:
        """Tell of a revision, from any thread."""
        self._loop.call_soon_threadsafe(self._take, revision)

    def end(self) -> None:
        """End the stream, from any thread."""
        self._loop.call_soon_threadsafe(self._end)

    def event(self) -> LiveEvent | None:
        """Return what the laptop was not told yet, or None."""
        self.news.clear()
        if self.revision <= self.told:
            return None
        event = LiveEvent(self.revision, self.revision - self.told if self.told else 0)
        self.told = self.revision
        return event

    def _take(self, revision: int) -> None:
        self.revision = max(self.revision, revision)
        self.news.set()

    def _end(self) -> None:
        self.ended = True
        self.news.set()


class LiveQueue:
    """The listeners of one process, by laptop, and the thread that hears from PostgreSQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._listeners: dict[str, Listener] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def join(self, device_id: str, listener: Listener) -> bool:
        """Let a laptop listen; an earlier stream of the same laptop ends. False when there are too many."""
        with self._lock:
            if self._stopping.is_set() or (len(self._listeners) >= MOST_LISTENERS and device_id not in self._listeners):
                return False
            earlier = self._listeners.get(device_id)
            self._listeners[device_id] = listener
            if self._thread is None:
                self._thread = threading.Thread(target=self._hear, name="live", daemon=True)
                self._thread.start()
        if earlier is not None:
            earlier.end()
        return True

    def leave(self, device_id: str, listener: Listener) -> None:
        """Forget a listener."""
        with self._lock:
            if self._listeners.get(device_id) is listener:
                del self._listeners[device_id]

    def head(self) -> int:
        """Return the newest revision."""
        with self._engine.connect() as connection:
            return int(connection.execute(text("SELECT value FROM revision_counter")).scalar_one())

    def stop(self) -> None:
        """End every stream; nobody may listen any more. Safe from a signal's handler; stopping twice is harmless."""
        self._stopping.set()
        for listener in list(self._listeners.values()):
            listener.end()

    def close(self) -> None:
        """Stop, and wait for the thread."""
        self.stop()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5 * _LOOK_SECONDS)

    def _hear(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except SQLAlchemyError as error:
                get_logger().warning("live queue away", error=type(error).__name__)
            except Exception as error:  # noqa: BLE001  (the driver's own errors; the thread must live)
                get_logger().warning("live queue away", error=type(error).__name__)
            self._stopping.wait(_AGAIN_SECONDS)

    def _listen(self) -> None:
        pooled = self._engine.raw_connection()
        driver: Any = pooled.driver_connection
        pooled.detach()  # it is kept for long: the pool counts it no more
        try:
            driver.rollback()
            driver.autocommit = True
            driver.execute(f"LISTEN {CHANNEL}")
            # Whatever came while nobody listened.
            self._tell(int(driver.execute("SELECT value FROM revision_counter").fetchone()[0]))
            while not self._stopping.is_set():
                for notice in driver.notifies(timeout=_LOOK_SECONDS, stop_after=1):
                    if notice.payload.isdigit():
                        self._tell(int(notice.payload))
        finally:
            driver.close()

    def _tell(self, revision: int) -> None:
        with self._lock:
            listeners = list(self._listeners.values())
        for listener in listeners:
            try:
                listener.tell(revision)
            except RuntimeError:
                continue  # its event loop has ended with its server


class _Stream(Response):
    """Server-sent events to one laptop until it goes, is too slow, may listen no more, or the token's life is over."""

    def __init__(self, queue: LiveQueue, device_id: str, still: Callable[[], object], metrics: Metrics | None) -> None:
        super().__init__(media_type="text/event-stream", headers={"cache-control": "no-store"})
        del self.headers["content-length"]
        self._queue, self._device_id, self._still, self._metrics = queue, device_id, still, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        listener = Listener(asyncio.get_running_loop())
        if not self._queue.join(self._device_id, listener):
            words = "The central store has enough listeners. Your work is kept."
            await problem(503, "busy", words)(scope, receive, send)
            return
        if self._metrics is not None:
            self._metrics.streams.inc()
        gone = asyncio.ensure_future(_gone(receive))
        try:
            async with asyncio.timeout(SLOW_SECONDS):
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            listener.tell(await run_in_threadpool(self._queue.head))
            await self._tell(listener, gone, send)
        except (TimeoutError, OSError, SQLAlchemyError):
            get_logger().info("listener let go")
        finally:
            gone.cancel()
            self._queue.leave(self._device_id, listener)
            if self._metrics is not None:
                self._metrics.streams.dec()

    async def _tell(self, listener: Listener, gone: "asyncio.Future[None]", send: Send) -> None:
        ends_at = time.monotonic() + LIFE_SECONDS
        while not gone.done() and not listener.ended and time.monotonic() < ends_at:
            woken = asyncio.ensure_future(listener.news.wait())
            either: set[asyncio.Future[Any]] = {woken, gone}
            done, _ = await asyncio.wait(either, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            woken.cancel()
            if not done:
                try:
                    await run_in_threadpool(self._still)
                except TrustError:
                    break
                piece = b": still here\n\n"
            elif (event := listener.event()) is not None:
                piece = b"event: revision\ndata: %s\n\n" % msgspec.json.encode(event)
            else:
                continue
            async with asyncio.timeout(SLOW_SECONDS):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        async with asyncio.timeout(SLOW_SECONDS):
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while True:
        message: MutableMapping[str, Any] = await receive()
        if message["type"] == "http.disconnect":
            return


def live_routes(queue: LiveQueue, device_of: Callable[[str], DeviceIdentity]) -> APIRouter:
    """Return the route on which laptops listen."""
    router = APIRouter(prefix="/v1")

    @router.get("/live", response_class=Response)
    async def live(request: Request) -> Response:
        if (unlike := unfit(request)) is not None:
            return unlike
        token = bearer(request)
        try:
            device = await run_in_threadpool(device_of, token)
        except (TrustError, SQLAlchemyError) as error:
            return refusal(request, error)
        return _Stream(queue, device.device_id, lambda: device_of(token), getattr(request.app.state, "metrics", None))

    return router
