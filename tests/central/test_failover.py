"""The primary is killed under load and the synchronous standby promoted: nothing that was acknowledged is lost."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from app.central.database import database_url, is_away, open_engine
from app.central.embedded import serve_in_thread
from app.errors import UserError
from app.services.sync import protocol
from app.services.sync.background import BackgroundSync
from app.services.sync.enrolment import create_and_enrol
from app.services.sync.faults import CentralUnreachable
from app.services.sync.protocol import receipt_statement
from app.services.sync.receipts import ReceiptChecker
from app.services.sync.transport import HttpTransport
from tests.central import clusters
from tests.central.clusters import Cluster
from tests.central.test_store import Laptop, task
from tests.conftest import PASSPHRASE, QUICK
from tests.sync.test_two_laptops import open_case

LAPTOPS = 4
BEFORE, AFTER = 15, 10
"""Acknowledged pushes of each laptop before the primary is killed, and after it at least."""


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Cluster, Cluster]]:
    """A primary and a synchronous standby of it."""
    folder = clusters.place()
    primary = Cluster.new(folder, "primary")
    standby = None
    try:
        primary.start()
        primary.sql("CREATE DATABASE rollcall ENCODING 'UTF8' TEMPLATE template0")
        standby = primary.copy(folder, "standby", "-R", "-X", "stream")
        standby.start()
        primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.sql("SELECT pg_reload_conf()")
        deadline = time.monotonic() + 30
        while primary.sql("SELECT sync_state FROM pg_stat_replication") != [("sync",)]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield primary, standby
    finally:
        primary.stop()
        if standby is not None:
            standby.stop()
        clusters.clear(folder)


class Pusher(threading.Thread):
    """A laptop that pushes one change set after another and tries each again until it is acknowledged."""

    def __init__(self, laptop: Laptop, url: str) -> None:
        super().__init__(daemon=True)
        self.laptop, self.url = laptop, url
        self.receipts: dict[str, tuple[bytes, protocol.PushResult]] = {}
        self.refused_words: set[str] = set()
        self.enough = threading.Event()
        self.failed: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.enough.is_set():
                self._push(self.laptop.signed(self.laptop.change_set(task(f"Task {len(self.receipts)}"))))
        except BaseException as error:  # noqa: BLE001  (told to the test)
            self.failed = error

    def _push(self, signed: protocol.SignedSet) -> None:
        for _ in range(400):
            transport = HttpTransport(self.url, device_id=self.laptop.device_id, signer=self.laptop.signer)
            try:
                answer = transport.call("/push", protocol.PushRequest([signed]), protocol.PushAnswer)
            except CentralUnreachable as fault:
                self.refused_words.add(fault.message)
                time.sleep(0.1)
                continue
            finally:
                transport.close()
            (result,) = answer.results
            assert result.state == protocol.ACCEPTED, result
            self.receipts[result.id] = (signed.body, result)
            return
        raise AssertionError("never acknowledged")


def reaches(pushers: list[Pusher], counts: list[int]) -> None:
    deadline = time.monotonic() + 90
    while any(len(pusher.receipts) < count for pusher, count in zip(pushers, counts, strict=True)):
        assert not [pusher.failed for pusher in pushers if pusher.failed]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_no_acknowledged_change_set_is_lost_when_the_primary_is_killed(
    pair: tuple[Cluster, Cluster], tmp_path: Path, frozen_time: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.services.sync.background.FIRST_WAIT_SECONDS", 0.2)
    primary, standby = pair
    dsn = (
        f"postgresql://postgres@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/rollcall"
        "?target_session_attrs=read-write"
    )
    with serve_in_thread(dsn, time=frozen_time) as central:
        people = central.services.people
        people.ensure_authority("Marlshire County Council")
        dawn = people.add_user("dawn", "Dawn Ellery", "caseworker", "West team")
        code = central.services.trust.make_code(dawn)
        vault = create_and_enrol(tmp_path / "v", central.url, code, "Test", PASSPHRASE, time=frozen_time, kdf=QUICK)
        ws = vault.workspace()
        sync = BackgroundSync(ws, every_seconds=lambda: 0.3, soon_seconds=0.05)
        sync.start()
        pushers = [Pusher(Laptop(central.services, dawn), central.url) for _ in range(LAPTOPS)]
        for pusher in pushers:
            pusher.start()
        reaches(pushers, [BEFORE] * LAPTOPS)

        primary.kill()
        open_case(ws)  # the person goes on working meanwhile
        health = httpx.get(f"{central.url}/v1/health/ready", trust_env=False, timeout=60)
        assert (health.status_code, health.json()["status"]) == (503, "database away")
        assert httpx.get(f"{central.url}/v1/health/live", trust_env=False).status_code == 200
        acknowledged = {set_id for pusher in pushers for set_id in list(pusher.receipts)}
        standby.promote()
        with psycopg.connect(standby.dsn()) as connection:
            promoted = {row[0] for row in connection.execute("SELECT change_set_id::text FROM change_log")}
        assert acknowledged <= promoted

        reaches(pushers, [len(pusher.receipts) + AFTER for pusher in pushers])
        for pusher in pushers:
            pusher.enough.set()
            pusher.join(60)
            assert pusher.failed is None
        deadline = time.monotonic() + 60
        while sync.status().pending_count or sync.status().message:
            assert time.monotonic() < deadline, sync.status()
            time.sleep(0.05)
        sync.stop()
        vault.close()

        assert any("Your work is kept" in words for pusher in pushers for words in pusher.refused_words)
        _all_receipts_hold(standby, pushers, central.services.identity.signer.public_key)
        # Another timeline is another life of the store; after a clean failover nobody has anything to hand back.
        lives = central.services.epochs.answer().epochs
        assert len(lives) == 2


def _all_receipts_hold(store: Cluster, pushers: list[Pusher], key: str) -> None:
    with psycopg.connect(store.dsn()) as connection:
        rows = connection.execute(
            "SELECT change_set_id::text, revision FROM change_log WHERE revision IS NOT NULL ORDER BY revision"
        ).fetchall()
        tasks = connection.execute("SELECT count(*) FROM task").fetchone()
    assert [revision for _, revision in rows] == list(range(1, len(rows) + 1))
    log, checker = dict(rows), ReceiptChecker(key)
    for pusher in pushers:
        for set_id, (body, result) in pusher.receipts.items():
            assert log[set_id] == result.revision
            assert checker.fits(receipt_statement(body, result.revision or 0, result.state), result.receipt)
    assert tasks == (sum(len(pusher.receipts) for pusher in pushers),)


def test_a_commit_is_never_acknowledged_early_even_where_the_server_would(postgres_dsn: str) -> None:
    """The tests' own server has synchronous_commit off, as a careless one may have."""
    engine = open_engine(postgres_dsn)
    try:
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
        with psycopg.connect(postgres_dsn) as plain:
            assert plain.execute("SHOW synchronous_commit").fetchone() == ("off",)
            plain.execute(f"ALTER DATABASE {plain.info.dbname} SET synchronous_commit = remote_apply")
        engine.dispose()
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "remote_apply"
    finally:
        engine.dispose()


def test_a_server_that_became_read_only_is_left_by_every_connection(postgres_dsn: str) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    engine = open_engine(postgres_dsn)
    try:
        with engine.connect() as other, engine.connect() as connection:
            before = {each.exec_driver_sql("SELECT pg_backend_pid()").scalar() for each in (other, connection)}
            other.close()
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            with pytest.raises(DBAPIError) as refused:
                connection.execute(text("UPDATE revision_counter SET value = value"))
            assert is_away(refused.value)
        time.sleep(0.01)
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT pg_backend_pid()").scalar() not in before
    finally:
        engine.dispose()


@pytest.mark.parametrize(
    ("dsn", "hosts"),
    [
        ("postgresql://u:p@a:1,b:2/rollcall?target_session_attrs=read-write", ("a:1", "b:2")),
        ("postgresql://u@a,b/rollcall", ("a:5432", "b:5432")),
        ("postgres://u@a:6000,b:6000/rollcall?sslmode=verify-full", ("a:6000", "b:6000")),
    ],
)
def test_a_dsn_may_name_several_hosts(dsn: str, hosts: tuple[str, ...]) -> None:
    url = database_url(dsn)
    assert url.query["host"] == hosts
    assert (url.username, url.database) == ("u", "rollcall")
    extra = {name: value for name, value in url.query.items() if name != "host"}
    assert extra in ({}, {"target_session_attrs": "read-write"}, {"sslmode": "verify-full"})


@pytest.mark.parametrize("dsn", ["mysql://x/y", "postgresql://", "postgresql://a,b:nonsense/x?odd=1"])
def test_what_is_no_dsn_is_refused_in_words(dsn: str) -> None:
    with pytest.raises(UserError, match="Nothing was changed"):
        database_url(dsn)
