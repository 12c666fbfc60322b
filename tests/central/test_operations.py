"""The central store as it is run: several processes, figures, probes, logs without personal data, online migrations."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from alembic.script import ScriptDirectory

from app.central import database
from app.central import main as central_main
from app.central.database import _config, _own_scripts, _synced_scripts, bring_up_to_date, open_engine, pending
from app.errors import EnvironmentFault
from app.services.sync import protocol
from app.services.sync.transport import HttpTransport
from tests.central.clusters import free_port
from tests.central.test_store import Laptop, insert, task

SENTINEL = "Quillfeather"


class Served:
    """``rollcall-central serve`` as a process of its own."""

    def __init__(self, dsn: str, folder: Path, *options: str) -> None:
        self.port, self.figures = free_port(), free_port()
        self.log = folder / "served.log"
        arguments = ["serve", "--port", str(self.port), "--metrics-port", str(self.figures), "--workers", "2", *options]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.central.main", *arguments],
                env={**os.environ, "ROLLCALL_CENTRAL_DSN": dsn},
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        self.url = f"http://127.0.0.1:{self.port}"
        deadline = time.monotonic() + 180
        while True:
            try:
                if httpx.get(f"{self.url}/v1/health/ready", trust_env=False, timeout=2).status_code == 200:
                    return
            except httpx.HTTPError:
                assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def metrics(self) -> str:
        return httpx.get(f"http://127.0.0.1:{self.figures}/metrics", trust_env=False).text

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@pytest.fixture
def served(central: Any, postgres_dsn: str, tmp_path: Path) -> Iterator[Served]:
    made = Served(postgres_dsn, tmp_path)
    yield made
    made.stop()


def transport_of(laptop: Laptop, url: str) -> HttpTransport:
    return HttpTransport(url, device_id=laptop.device_id, signer=laptop.signer)


def test_several_processes_serve_count_together_log_nothing_personal_and_stop_in_order(
    served: Served, central: Any
) -> None:
    laptops = [Laptop(central.services, central.people["dawn"]) for _ in range(4)]
    results: list[protocol.PushResult] = []

    def busy(laptop: Laptop) -> None:
        transport = transport_of(laptop, served.url)
        for number in range(6):
            child = insert("child", forename=SENTINEL, surname=f"{SENTINEL}-{number}")
            signed = laptop.signed(laptop.change_set(child, task(f"Ring {SENTINEL}")))
            answer = transport.call("/push", protocol.PushRequest([signed]), protocol.PushAnswer)
            results.extend(answer.results)
            transport.call("/pull", protocol.PullRequest(0), protocol.PullAnswer)
        transport.close()

    threads = [threading.Thread(target=busy, args=[laptop]) for laptop in laptops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == 24
    assert {result.state for result in results} == {protocol.ACCEPTED}
    wrong = {protocol.VERSION_HEADER: "2", "content-type": "application/json", "authorization": f"Bearer {SENTINEL}"}
    httpx.post(f"{served.url}/v1/pull", content=SENTINEL.encode(), headers=wrong, trust_env=False)
    httpx.post(f"{served.url}/v1/{SENTINEL}?name={SENTINEL}", content=b"", headers=wrong, trust_env=False)
    code = {**wrong, "authorization": ""}
    httpx.post(f"{served.url}/v1/enrolment/check", json={"code": SENTINEL}, headers=code, trust_env=False)
    signing_in = json.dumps({"username": SENTINEL, "password": SENTINEL}).encode()
    httpx.post(f"{served.url}/v1/sign-in", content=signing_in, headers=code, trust_env=False)

    said = served.metrics()
    assert figure(said, 'rollcall_change_sets_total{state="accepted"}') == 24
    assert figure(said, 'rollcall_requests_total{route="/v1/push",status="200"}') == 24
    assert figure(said, 'rollcall_requests_total{route="other",status="404"}') == 1
    assert figure(said, 'rollcall_not_let_in_total{reason="sign-in-failed"}') == 1
    assert figure(said, "rollcall_database_up") == 1
    assert figure(said, "rollcall_revision") == central.services.reader.head()
    assert figure(said, "rollcall_live_streams") == 0
    ids = [laptop.device_id for laptop in laptops] + list(central.people.values())
    assert not [word for word in (SENTINEL, "dawn", *ids) if word in said]

    assert served.stop() == 0
    lines = served.log.read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert sum(event.get("page") == "/v1/push" for event in events) == 24
    assert not [line for line in lines if any(word in line for word in (SENTINEL, "dawn", *ids))]


def figure(said: str, name: str) -> float:
    found = [line for line in said.splitlines() if line.startswith(f"{name} ")]
    assert len(found) == 1, (name, said)
    return float(found[0].rpartition(" ")[2])


# -- migrations ------------------------------------------------------------------------------------------------------


@pytest.fixture
def older(postgres: Any) -> Iterator[str]:
    """A database of the version before the newest."""
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE older ENCODING 'UTF8' TEMPLATE template0")
    yield postgres.get_uri(database="older")
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        connection.execute("DROP DATABASE older WITH (FORCE)")


def test_what_a_migration_would_do_is_said_and_nothing_is_done(older: str, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        status = central_main.run([*arguments, "--dsn", older])
        return status, capsys.readouterr().out

    status, said = run("migrate", "--check", "--json")
    assert status == 1
    assert json.loads(said)["pending"][-1] == database.NEWEST
    with psycopg.connect(older) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
    assert run("health", "--ready")[0] == 1
    assert run("migrate")[0] == 0
    assert run("migrate", "--check") == (0, "The schema is up to date.\n")
    assert run("health", "--ready")[0] == 0


def test_two_that_migrate_at_once_do_it_once(older: str) -> None:
    failed: list[BaseException] = []

    def migrate() -> None:
        engine = open_engine(older, pool=1)
        try:
            bring_up_to_date(engine)
            assert pending(engine) == []
        except BaseException as error:  # noqa: BLE001  (told to the test)
            failed.append(error)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=migrate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failed


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Make a migration that the version after this one will bring: its program runs it while this one serves."""
    import shutil

    folder = tmp_path / "migrations"
    shutil.copytree(_own_scripts(), folder)

    def make(body: str) -> None:
        text = f'"""Next."""\nfrom alembic import op\nrevision = "c9999"\ndown_revision = "{database.NEWEST}"\n'
        (folder / "versions" / "c9999_next.py").write_text(f"{text}def upgrade():\n    {body}\n")
        monkeypatch.setattr(database, "_own_scripts", lambda: folder)
        monkeypatch.setattr(database, "NEWEST", "c9999")

    return make


def test_this_version_goes_on_working_while_and_after_the_next_one_migrates(
    central: Any, next_version: Callable[[str], None]
) -> None:
    next_version(
        "op.execute('ALTER TABLE change_log ADD COLUMN next_word text'); "
        'op.execute("ALTER TABLE device_credential ADD COLUMN next_count int NOT NULL DEFAULT 0"); '
        "op.execute('CREATE TABLE next_things (id int)'); op.execute('SELECT pg_sleep(0.4)')"
    )
    laptops = [Laptop(central.services, central.people["dawn"]) for _ in range(3)]
    done, failed = threading.Event(), []
    counts = [0] * len(laptops)

    def busy(place: int) -> None:
        transport = transport_of(laptops[place], central.url)
        try:
            while not done.is_set():
                signed = laptops[place].signed(laptops[place].change_set(task()))
                answer = transport.call("/push", protocol.PushRequest([signed]), protocol.PushAnswer)
                assert answer.results[0].state == protocol.ACCEPTED
                transport.call("/pull", protocol.PullRequest(0, 5), protocol.PullAnswer)
                counts[place] += 1
        except BaseException as error:  # noqa: BLE001  (told to the test)
            failed.append(error)
        finally:
            transport.close()

    threads = [threading.Thread(target=busy, args=[place]) for place in range(len(laptops))]
    for thread in threads:
        thread.start()
    while min(counts) < 2 and not failed:
        time.sleep(0.01)
    bring_up_to_date(central.services.engine)
    reached = [count + 2 for count in counts]
    while any(count < goal for count, goal in zip(counts, reached, strict=True)) and not failed:
        time.sleep(0.01)
    done.set()
    for thread in threads:
        thread.join(30)
    assert not failed
    assert pending(central.services.engine) == []


def test_a_migration_that_does_not_get_its_lock_gives_way_and_changes_nothing(
    central: Any, next_version: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.05)
    monkeypatch.setattr(database, "TRIES", 2)
    next_version("op.execute('CREATE TABLE next_things (id int)'); op.execute('LOCK TABLE change_log')")
    with psycopg.connect(central.dsn) as reader:
        reader.execute("SELECT count(*) FROM change_log")  # a long report holds the weakest lock there is
        with pytest.raises(EnvironmentFault, match="Nothing was changed"):
            bring_up_to_date(central.services.engine)
        laptop = Laptop(central.services, central.people["dawn"])
        assert laptop.push(laptop.change_set(task()))[0].state == protocol.ACCEPTED
    with psycopg.connect(central.dsn) as connection:
        assert connection.execute("SELECT to_regclass('next_things')").fetchone() == (None,)
    bring_up_to_date(central.services.engine)
    assert pending(central.services.engine) == []


_CONTRACTS = re.compile(
    r"drop_(column|table|constraint|index)|rename_table|new_column_name|DROP (TABLE|COLUMN|CONSTRAINT)|\bRENAME\b"
    r"|type_=|SET NOT NULL|nullable=False.*add_column",
    re.IGNORECASE,
)


_BEFORE_THE_RULES = frozenset({"0003"})
"""It renames a table that only vaults have, and came before any version was in use."""


@pytest.mark.parametrize("folder", [_own_scripts(), _synced_scripts()], ids=["own", "synced"])
def test_no_migration_takes_away_what_the_version_before_uses(folder: Path) -> None:
    scripts = list(ScriptDirectory.from_config(_config(folder)).walk_revisions())
    assert len(scripts) >= 5
    for script in scripts:
        text = Path(script.path).read_text()
        upgrade = text.partition("def upgrade")[2].partition("def downgrade")[0]
        taken = None if script.revision in _BEFORE_THE_RULES else _CONTRACTS.search(upgrade)
        assert taken is None or getattr(script.module, "contracts", None), (script.revision, taken)


# -- probes ----------------------------------------------------------------------------------------------------------


def test_a_schema_that_is_too_old_is_not_ready_and_a_newer_one_is(
    central: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ready() -> tuple[int, str]:
        answer = httpx.get(f"{central.url}/v1/health/ready", trust_env=False)
        return answer.status_code, answer.json()["status"]

    assert ready() == (200, "ok")
    monkeypatch.setattr(database, "NEWEST", "c9999")
    assert ready() == (503, "schema too old")
    monkeypatch.setattr(database, "NEWEST", "c0001")
    assert ready() == (200, "ok")


def test_every_laptop_is_in_one_bucket_of_contact(central: Any) -> None:
    from prometheus_client import CollectorRegistry, generate_latest

    from app.central.metrics import StoreFigures

    Laptop(central.services, central.people["dawn"])
    laptop = Laptop(central.services, central.people["ruth"])
    laptop.push(laptop.change_set(task()))
    registry = CollectorRegistry()
    registry.register(StoreFigures(central.services.engine, central.services.time))
    central.services.time.advance(days=3)
    said = generate_latest(registry).decode()
    assert figure(said, 'rollcall_laptops{last_contact="week"}') == 1
    assert figure(said, 'rollcall_laptops{last_contact="never"}') == 1
    assert figure(said, "rollcall_oldest_contact_days") == 3
