"""A real central store over HTTP on a real PostgreSQL, and laptops enrolled with it.

A plugin: ``pytest_plugins = ["tests.fixtures_central"]`` in the root conftest.
"""

import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from app.timesource import FrozenTime

PASSPHRASE = "seven blue kettles sing"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """An embedded PostgreSQL for the whole run."""
    import psycopg

    from app.central.embedded import start_postgres

    folder = Path(tempfile.mkdtemp(prefix="rollcall-pg-"))
    server = start_postgres(folder / "data")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # No test pulls the plug on this machine; what is tested does not wait for the disk.
        for name in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
            connection.execute(f"ALTER SYSTEM SET {name} = off")
        connection.execute("SELECT pg_reload_conf()")
    try:
        yield server
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _template(postgres: Any) -> str:
    """Return the name of a database with the whole schema, to copy: migrating anew for every test is slow."""
    from app.central.database import bring_up_to_date, open_engine
    from app.central.embedded import database_dsn

    engine = open_engine(database_dsn(postgres, "template_rollcall"))
    bring_up_to_date(engine)
    engine.dispose()
    return "template_rollcall"


class Databases:
    """Copies of the template, made and dropped beside the tests: both take PostgreSQL a good while."""

    def __init__(self, server: Any, template: str) -> None:
        self._server, self._template = server, template
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="databases")
        self._next = self._beside.submit(self._make)

    def take(self) -> str:
        """Return the name of a fresh database, and have the next one made."""
        name, self._next = self._next.result(), self._beside.submit(self._make)
        return name

    def give_back(self, name: str) -> None:
        """Have a database dropped."""
        self._beside.submit(self._say, f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        """Wait for what is under way."""
        self._beside.shutdown()

    def _make(self) -> str:
        name = f"t{uuid.uuid4().hex[:12]}"
        self._say(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        return name

    def _say(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture(scope="session")
def _databases(postgres: Any, _template: str) -> Iterator[Databases]:
    databases = Databases(postgres, _template)
    yield databases
    databases.close()


@pytest.fixture
def postgres_dsn(postgres: Any, _databases: Databases) -> Iterator[str]:
    """The DSN of a fresh database with the schema; dropped afterwards."""
    name = _databases.take()
    yield postgres.get_uri(database=name)
    _databases.give_back(name)


@pytest.fixture
def central(postgres_dsn: str, frozen_time: FrozenTime) -> Iterator[Any]:
    """A served central store with a council, a team, and three people.

    ``central.url`` is where it is; ``central.services`` are its parts; ``central.people`` are user ids by username:
    ``dawn`` (caseworker), ``ruth`` (supervisor) and ``ada`` (administrator).
    """
    from app.central.embedded import serve_in_thread

    running = serve_in_thread(postgres_dsn, time=frozen_time)
    people = running.services.people
    people.ensure_authority("Marlshire County Council", la_code="999")
    running.people = {  # type: ignore[attr-defined]
        "dawn": people.add_user("dawn", "Dawn Ellery", "caseworker", "West team"),
        "ruth": people.add_user("ruth", "Ruth Okonjo", "supervisor", "West team"),
        "ada": people.add_user("ada", "Ada Fenwick", "administrator"),
    }
    yield running
    running.stop()


@pytest.fixture
def enrol_laptop(central: Any, tmp_path: Path, frozen_time: FrozenTime) -> Iterator[Callable[..., Any]]:
    """Enrol laptops over HTTP: ``enrol_laptop("dawn")`` returns an open vault; ``url=`` goes another way."""
    from app.services.sync.enrolment import create_and_enrol
    from app.services.vault.keys import KdfParameters

    made: list[Any] = []

    def enrol(username: str, name: str = "", *, url: str = "") -> Any:
        vault = create_and_enrol(
            tmp_path / f"laptop-{len(made)}-{name or username}",
            url or central.url,
            central.services.trust.make_code(central.people[username]),
            name or f"Laptop of {username}",
            PASSPHRASE,
            time=frozen_time,
            kdf=KdfParameters(memory_kib=1024, passes=1, lanes=1),
        )
        made.append(vault)
        return vault

    yield enrol
    for vault in made:
        vault.close()


@pytest.fixture
def sync_once() -> Callable[[Any], Any]:
    """Sync a workspace once, over HTTP, and return the report."""
    from app.services.sync.client import SyncClient
    from app.services.sync.enrolment import open_transport

    def sync(ws: Any) -> Any:
        transport = open_transport(ws)
        try:
            return SyncClient(ws, transport).run()
        finally:
            transport.close()

    return sync
