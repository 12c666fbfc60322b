"""The ASGI application of the central store."""

import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from app.central.answering import problem, wants_json
from app.central.limited import Limited
from app.central.live import LiveQueue, live_routes
from app.central.metrics import Measured, Metrics
from app.central.probes import probe_routes
from app.central.routes import device_routes, open_routes
from app.central.services import CentralServices
from app.central.sign_in_routes import sign_in_routes
from app.logs import get_logger

_WORDS = {
    404: ("no-such-route", "There is nothing here. Update Rollcall. Your work is kept."),
    405: ("no-such-method", "This is asked in another way. Update Rollcall. Your work is kept."),
}
_SPARE_THREADS = 4
"""Beside those that may hold a connection: packing and unpacking need none."""


def create_app(services: CentralServices, *, threads: int | None = None) -> FastAPI:
    """Return the application on services that are ready; it closes them when it stops.

    Args:
        services: what it works with.
        threads: how many requests may work with the database at once; the framework's own number when left out.
    """
    metrics = Metrics()
    metrics.watch(services.engine)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if threads is not None:
            current_default_thread_limiter().total_tokens = threads + _SPARE_THREADS
        _end_streams_on_signals(services.live)
        yield
        services.close()

    app = FastAPI(
        title="Rollcall central store",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.metrics = metrics
    for router in (
        probe_routes(services.engine),
        open_routes(services),
        sign_in_routes(services),
        device_routes(services),
        live_routes(services.live, services.trust.device_of),
    ):
        app.include_router(router)
    app.add_middleware(Limited, limits=services.trust.limits)
    app.add_middleware(Measured, metrics=metrics)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        # The kind only: texts of drivers quote values.
        get_logger().error("unexpected", page=request.url.path, exc=error)
        words = "The central store met an error of its own. Your work is kept."
        return problem(500, "unexpected", words, as_json=wants_json(request))

    @app.exception_handler(HTTPException)
    async def elsewhere(request: Request, error: HTTPException) -> Response:
        code, words = _WORDS.get(error.status_code, ("not-done", "The central store did not do this."))
        answer = problem(error.status_code, code, words, as_json=wants_json(request))
        answer.headers.update(error.headers or {})
        return answer

    return app


def _end_streams_on_signals(queue: LiveQueue) -> None:
    """End the live streams as soon as the process is told to stop: the server waits for every answer to end."""
    if threading.current_thread() is not threading.main_thread():
        return  # served from a thread: who stops it ends them
    for number in (signal.SIGTERM, signal.SIGINT):
        earlier: Any = signal.getsignal(number)

        def both(given: int, frame: Any, earlier: Any = earlier) -> None:
            queue.stop()
            if callable(earlier):
                earlier(given, frame)

        signal.signal(number, both)
