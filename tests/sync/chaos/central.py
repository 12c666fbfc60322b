"""The central store of a worker: a real PostgreSQL, the real routes, called without a network between."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import get_ident
from typing import Any
from unittest.mock import patch

import psycopg

from app.central import epochs
from app.central.app import create_app
from app.central.services import CentralServices, build_services
from app.services.sync import protocol
from app.timesource import FrozenTime

MOST_MIGRATIONS = 1400
"""A dropped column leaves its number used, and a table has 1,600 of them."""


_TOUCHED = """
CREATE UNLOGGED TABLE seed.touched (name text);
CREATE FUNCTION seed.touch() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN INSERT INTO seed.touched VALUES (TG_TABLE_NAME); RETURN NULL; END $$
"""
_TOUCH = """
CREATE TRIGGER chaos_touch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON public."{name}"
    FOR EACH STATEMENT EXECUTE FUNCTION seed.touch()
"""


class ServerKilled(BaseException):
    """The server's process ends here: nobody gets an answer, open transactions are rolled back by PostgreSQL."""


async def _inline(work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    return work(*arguments, **named)


@contextmanager
def inline_routes() -> Iterator[None]:
    """Let the routes do their work on the calling thread: one thing at a time is what makes a seed replay."""
    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name.startswith("app.central") and hasattr(module, "run_in_threadpool"):
                stack.enter_context(patch.object(module, "run_in_threadpool", _inline))
        yield


class Central:
    """A database, and two server processes' worth of services on it: requests go to either, as behind a balancer."""

    def __init__(self, dsn: str, time: FrozenTime) -> None:
        self.dsn, self.time = dsn, time
        self._kills: dict[int, tuple[int, str]] = {}
        self.migrations, self._stale = 0, False
        self._migrated: set[str] = set()
        self._loop = asyncio.new_event_loop()
        self._loops: dict[int, asyncio.AbstractEventLoop] = {}
        self.admin = psycopg.connect(dsn, autocommit=True)
        self.admin.execute("SET session_replication_role = replica")
        self._is_the_template()
        self.replicas: list[CentralServices] = [build_services(dsn, time=time, migrate=False) for _ in range(2)]
        self._apps = [create_app(services) for services in self.replicas]
        for services in self.replicas:
            self._hook(services)
            # Nothing ends these connections but this harness, which drops them: they need not be asked each time.
            services.engine.pool._pre_ping = False
        self._columns: dict[str, str] = dict(
            self.admin.execute(
                "SELECT table_name, string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position)"
                " FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)"
                " WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name NOT LIKE 'alembic%'"
                " AND is_generated = 'NEVER' GROUP BY table_name ORDER BY table_name"
            ).fetchall()
        )
        self._make_room("seed")
        self._make_room("kept")
        self._altered: dict[str, set[str]] = {"public": set(), "kept": set()}
        self._watch()

    def _is_the_template(self) -> None:
        """Let this copy pass for the database that the vaults of the template know: nothing was restored yet."""
        place = self.admin.execute(epochs._WHERE).fetchone()
        self.admin.execute("UPDATE central_fact SET value = %s WHERE name = %s", (place and place[0], epochs._PLACE))

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

    @property
    def kill(self) -> tuple[int, str] | None:
        """Where the process ends that answers this thread: after how many commits, and on which side of one."""
        return self._kills.get(get_ident())

    @kill.setter
    def kill(self, at: tuple[int, str] | None) -> None:
        if at is None:
            self._kills.pop(get_ident(), None)
        else:
            self._kills[get_ident()] = at

    @contextmanager
    def own_loop(self) -> Iterator[None]:
        """Let requests of this thread be answered at the same time as those of others."""
        loop = self._loops[get_ident()] = asyncio.new_event_loop()
        try:
            yield
        finally:
            del self._loops[get_ident()]
            loop.close()

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
            loop = self._loops.get(get_ident(), self._loop)
            loop.run_until_complete(self._apps[replica](scope, receive, send))  # type: ignore[arg-type]
        finally:
            self.kill = None
        status = next((message["status"] for message in sent if message["type"] == "http.response.start"), 500)
        return status, b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")

    def _hook(self, services: CentralServices) -> None:
        """Let a planned kill happen right before or right after a commit of this replica."""
        dialect: Any = services.engine.dialect
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

        dialect.do_commit = do_commit

    # -- states of the database ----------------------------------------------------------------------------------

    def reset(self) -> None:
        """Bring every table back to the state of the template."""
        self._take_back_migrations()
        if self._stale:
            # A replica remembers the life of the store that the last schedule ended in.
            for services in self.replicas:
                services.engine.dispose()
        self._stale = False
        self._copy("seed", "public")

    def keep(self) -> None:
        """Take a backup."""
        self._copy("public", "kept")

    def put_back(self) -> None:
        """Put the backup back, as an administrator does after a disaster, and say so."""
        self._stale = True
        self._copy("kept", "public")
        for services in self.replicas:
            services.engine.dispose()
        self.services.epochs.begin()

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
        admin: Any = self.admin  # the driver's types want every query written out
        return list(admin.execute(query, parameters or None))

    def _make_room(self, schema: str) -> None:
        statements = [f"DROP SCHEMA IF EXISTS {schema} CASCADE", f"CREATE SCHEMA {schema}"]
        statements += [f'CREATE UNLOGGED TABLE {schema}."{name}" AS TABLE public."{name}"' for name in self._columns]
        with self.admin.transaction():
            self.admin.execute(";".join(statements))

    def _watch(self) -> None:
        """Let the database note into which tables anybody but this harness writes: only those are copied back."""
        statements = [_TOUCHED] + [_TOUCH.format(name=name) for name in self._columns]
        with self.admin.transaction():
            self.admin.execute(";".join(statements))

    def _copy(self, source: str, target: str) -> None:
        """Make a state of the database equal to another: the tables in which either differs from the template."""
        with self.admin.transaction():
            touched = self.admin.execute("DELETE FROM seed.touched RETURNING name").fetchall()
            self._altered["public"].update(row[0] for row in touched)
            names = (
                self._altered["public"] | self._altered["kept"] if "kept" in (source, target) else self._altered[target]
            )
            statements = []
            for name in sorted(names):
                columns = self._columns[name]
                statements.append(f'DELETE FROM {target}."{name}"')
                statements.append(
                    f'INSERT INTO {target}."{name}" ({columns}) OVERRIDING SYSTEM VALUE'
                    f' SELECT {columns} FROM {source}."{name}"'
                )
            if statements:
                self.admin.execute(";".join(statements))
        self._altered[target] = set(self._altered.get(source, ()))
