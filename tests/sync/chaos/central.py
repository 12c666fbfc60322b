"""The central store of a worker: a real PostgreSQL, the real routes, called without a network between."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import psycopg

from app.central.app import create_app
from app.central.services import CentralServices, build_services
from app.services.sync import protocol
from app.timesource import FrozenTime

MOST_MIGRATIONS = 1400
"""A dropped column leaves its number used, and a table has 1,600 of them."""


class ServerKilled(BaseException):
    """The server's process ends here: nobody gets an answer, open transactions are rolled back by PostgreSQL."""


async def _inline(work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    return work(*arguments, **named)


def run_inline() -> None:
    """Let the routes do their work on the calling thread: one thing at a time is what makes a seed replay."""
    for name, module in list(sys.modules.items()):
        if name.startswith("app.central") and hasattr(module, "run_in_threadpool"):
            module.run_in_threadpool = _inline  # type: ignore[attr-defined]


class Central:
    """A database, and two server processes' worth of services on it: requests go to either, as behind a balancer."""

    def __init__(self, dsn: str, time: FrozenTime) -> None:
        self.dsn, self.time = dsn, time
        self.kill: tuple[int, str] | None = None
        self.killed = False
        self.migrations = 0
        self._migrated: set[str] = set()
        self._loop = asyncio.new_event_loop()
        self.replicas: list[CentralServices] = [build_services(dsn, time=time, migrate=False) for _ in range(2)]
        self._apps = [create_app(services) for services in self.replicas]
        for services in self.replicas:
            self._hook(services)
        run_inline()
        self.admin = psycopg.connect(dsn, autocommit=True)
        self.admin.execute("SET session_replication_role = replica")
        self._tables = [
            row[0]
            for row in self.admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
            if not row[0].startswith("alembic")
        ]
        self._make_room("seed")
        self._make_room("kept")

    @property
    def services(self) -> CentralServices:
        """One of the two."""
        return self.replicas[0]

    def close(self) -> None:
        """Let go of the database."""
        for services in self.replicas:
            services.close()
        self.admin.close()
        self._loop.close()

    # -- requests ------------------------------------------------------------------------------------------------

    def answer(self, path: str, body: bytes, token: str | None, *, replica: int = 0) -> tuple[int, bytes]:
        """Return status and body of a request, through the whole application.

        Raises:
            ServerKilled: the server was killed before it answered.
        """
        headers = [
            (b"content-type", protocol.MEDIA_TYPE.encode()),
            (protocol.VERSION_HEADER.encode(), str(protocol.VERSION).encode()),
        ]
        if token:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": f"/v1{path}",
            "raw_path": f"/v1{path}".encode(),
            "root_path": "",
            "query_string": b"",
            "headers": headers,
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 80),
        }
        given = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return given.pop() if given else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        try:
            self._loop.run_until_complete(self._apps[replica](scope, receive, send))  # type: ignore[arg-type]
        except ServerKilled:
            self.killed = True
            raise
        finally:
            self.kill = None
        status = next((message["status"] for message in sent if message["type"] == "http.response.start"), 500)
        return status, b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")

    def _hook(self, services: CentralServices) -> None:
        """Let a planned kill happen right before or right after a commit of this replica."""
        dialect = services.engine.dialect
        plain = dialect.do_commit

        def do_commit(connection: Any) -> None:
            if self.kill is None:
                plain(connection)
                return
            left, side = self.kill
            if left > 0:
                self.kill = (left - 1, side)
                plain(connection)
                return
            self.kill = None
            if side == "after":
                plain(connection)
            raise ServerKilled

        dialect.do_commit = do_commit  # type: ignore[method-assign]

    # -- states of the database ----------------------------------------------------------------------------------

    def reset(self) -> None:
        """Bring every table back to the state of the template."""
        self._take_back_migrations()
        self._copy("seed", "public")

    def keep(self) -> None:
        """Take a backup."""
        self._copy("public", "kept")

    def put_back(self) -> None:
        """Put the backup back, as an administrator does after a disaster."""
        self._copy("kept", "public")

    def migrate(self, which: int) -> bool:
        """Do what an online migration does: add a column or an index, while others read and write."""
        if self.migrations >= MOST_MIGRATIONS:
            return False
        self.migrations += 1
        table = ("case", "task", "change_log", "user")[which]
        self.admin.execute(f'ALTER TABLE "{table}" ADD COLUMN IF NOT EXISTS chaos_extra integer')
        self._migrated.add(table)
        return True

    def _take_back_migrations(self) -> None:
        for table in sorted(self._migrated):
            self.admin.execute(f'ALTER TABLE "{table}" DROP COLUMN chaos_extra')
        self._migrated.clear()

    def vacuum(self) -> None:
        """Clear away what a hundred schedules deleted."""
        self.admin.execute("VACUUM")

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return what a query finds, for the invariants."""
        return list(self.admin.execute(query, parameters or None))  # type: ignore[arg-type]

    def _make_room(self, schema: str) -> None:
        statements = [f"DROP SCHEMA IF EXISTS {schema} CASCADE", f"CREATE SCHEMA {schema}"]
        statements += [f'CREATE UNLOGGED TABLE {schema}."{name}" AS TABLE public."{name}"' for name in self._tables]
        self.admin.execute(";".join(["BEGIN", *statements, "COMMIT"]))

    def _copy(self, source: str, target: str) -> None:
        statements = []
        for name in self._tables:
            statements.append(f'DELETE FROM {target}."{name}"')
            statements.append(f'INSERT INTO {target}."{name}" OVERRIDING SYSTEM VALUE TABLE {source}."{name}"')
        self.admin.execute(";".join(["BEGIN", *statements, "COMMIT"]))
