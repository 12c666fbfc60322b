"""Serving with several processes: started, watched and stopped together; what they count is added up in one place.

All state is in PostgreSQL, so processes share nothing but the address they listen on. Each has a pool of connections of
its own; together they stay under :attr:`Plan.connections`. Told to stop (SIGTERM), they take no new connection, finish
what is under way, at most :attr:`Plan.drain_seconds`, and go. SIGHUP replaces them one by one.
"""

import logging
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from app.errors import EnvironmentFault
from app.logs import get_logger

if TYPE_CHECKING:
    from fastapi import FastAPI

WORKERS: Final = 2
CONNECTIONS: Final = 40
"""Of all processes together. PostgreSQL's own limit is 100, and each of them costs it some megabytes."""
LEAST_POOL: Final = 4
DRAIN_SECONDS: Final = 30
_HANGS_SECONDS: Final = 60
"""A process that does not answer its parent for so long is replaced; it may be busy, so this is not short."""
_FIGURES: Final = "PROMETHEUS_MULTIPROC_DIR"


@dataclass(frozen=True, slots=True)
class Plan:
    """How to serve.

    Attributes:
        dsn: of the database.
        metrics_port: where the figures are read, on ``metrics_host``; None serves none.
        proxies: addresses and networks whose ``X-Forwarded-For`` is believed; of nobody's where there are none.
        drain_seconds: how long what is under way may take after SIGTERM.
    """

    dsn: str
    host: str = "127.0.0.1"
    port: int = 8470
    workers: int = WORKERS
    connections: int = CONNECTIONS
    certificate: Path | None = None
    key: Path | None = None
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    proxies: tuple[str, ...] = ()
    drain_seconds: int = DRAIN_SECONDS

    @property
    def pool(self) -> int:
        """Connections each process keeps; one more listens for the live queue."""
        return max(LEAST_POOL, self.connections // self.workers - 1)


@dataclass(frozen=True, slots=True)
class WorkerApp:
    """Makes a worker's application inside the worker: handed over by value, since a process shares no memory."""

    dsn: str
    pool: int
    parent: int

    def __call__(self) -> "FastAPI":
        """Return the application, on services of its own."""
        from app import logs
        from app.central.app import create_app
        from app.central.services import build_services

        logs.set_up_stream()
        take_over_library_logs()
        threading.Thread(target=self._stop_without_parent, name="parent", daemon=True).start()
        # The parent has migrated; the overflow is for the moment, so that threads and connections fit.
        services = build_services(self.dsn, migrate=False, pool=self.pool)
        return create_app(services, threads=self.pool)

    def _stop_without_parent(self) -> None:
        while os.getppid() == self.parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)


def serve(plan: Plan, ready: Callable[[], None] = lambda: None) -> int:
    """Serve until told to stop.

    Args:
        plan: how.
        ready: called once the address is taken and before the processes start.

    Returns:
        0 stopped in order, 1 a process could not start.

    Raises:
        EnvironmentFault: the address or the figures' address is taken, or the database is away.
    """
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    take_over_library_logs()
    folder = Path(tempfile.mkdtemp(prefix="rollcall-figures-"))
    os.environ[_FIGURES] = str(folder)
    config = uvicorn.Config(
        WorkerApp(plan.dsn, plan.pool, os.getpid()),
        factory=True,
        host=plan.host,
        port=plan.port,
        workers=plan.workers,
        access_log=False,  # an address says who asked when; the log has its own lines
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=plan.drain_seconds,
        timeout_worker_healthcheck=_HANGS_SECONDS,
        backlog=2048,
        ssl_certfile=str(plan.certificate) if plan.certificate else None,
        ssl_keyfile=str(plan.key) if plan.key else None,
        ws="none",
        proxy_headers=bool(plan.proxies),  # said outright: left out, it would believe whatever runs on this machine
        forwarded_allow_ips=list(plan.proxies),
    )
    close_figures: Callable[[], None] | None = None
    try:
        listener = _bound(config)
        if plan.metrics_port is not None:
            close_figures = _serve_figures(plan, folder)
        ready()
        supervisor = Multiprocess(config, [listener])
        supervisor.run()
        listener.close()
        failed = any((process.exitcode or 0) > 0 for process in supervisor.processes)
        return 1 if failed else 0
    finally:
        if close_figures is not None:
            close_figures()
        del os.environ[_FIGURES]
        shutil.rmtree(folder, ignore_errors=True)


def _bound(config: Any) -> Any:
    """Return the socket; asyncio sends small answers at once only on one with its protocol named."""
    import socket

    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
    except OSError as error:
        listener.close()
        raise EnvironmentFault(f"Port {config.port} is in use. Choose another, or stop what uses it.") from error
    listener.set_inheritable(True)
    return listener


def _serve_figures(plan: Plan, folder: Path) -> Callable[[], None]:
    from prometheus_client import CollectorRegistry, start_http_server

    from app.central.database import open_engine
    from app.central.metrics import StoreFigures
    from app.timesource import SystemTime

    engine = open_engine(plan.dsn, pool=1)
    registry = CollectorRegistry()
    registry.register(_AddedUp(folder))
    registry.register(StoreFigures(engine, SystemTime()))
    try:
        server, _thread = start_http_server(plan.metrics_port or 0, plan.metrics_host, registry)
    except OSError as error:
        engine.dispose()
        raise EnvironmentFault(f"Port {plan.metrics_port} is in use. Choose another for the figures.") from error

    def close() -> None:
        server.shutdown()
        server.server_close()
        engine.dispose()

    return close


class _AddedUp:
    """The figures of all processes, those included that have ended; states of ended ones count no more."""

    def __init__(self, folder: Path) -> None:
        from prometheus_client.multiprocess import MultiProcessCollector

        self._folder = folder
        self._collector = MultiProcessCollector(None, path=str(folder))  # type: ignore[no-untyped-call]  # it ships half its types

    def describe(self) -> list[Any]:
        """Return nothing: what there is is known only by collecting."""
        return []

    def collect(self) -> Any:
        """Return the figures."""
        for file in self._folder.glob("gauge_live*_*.db"):
            if not _lives(int(file.stem.rpartition("_")[2])):
                file.unlink(missing_ok=True)
        return self._collector.collect()  # type: ignore[no-untyped-call]  # as above


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class _Library(logging.Handler):
    """Passes on what libraries log as who and what kind: their texts quote requests and rows."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        error = record.exc_info[1] if record.exc_info else None
        get_logger().warning("library", kind=record.name, exc=error, level=record.levelname.lower())


def take_over_library_logs() -> None:
    """Let no library write to standard error in its own words."""
    handler = _Library(logging.WARNING)
    logging.getLogger().handlers = [handler]
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "asyncio"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
