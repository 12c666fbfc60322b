"""``rollcall-central serve`` killed in the middle of a push, before its commit and after it, and stopped in order.

``ROLLCALL_KILLS`` says how often for each; a process that takes the place of a killed one needs a second or two.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, LiteralString

import httpx
import psutil  # type: ignore[import-untyped]  # it ships no types
import psycopg
import pytest
from sqlalchemy import func, select

from app.models import ChangeSetRow, Task
from app.models.terms import ChangeState
from app.services.sync import facts, protocol
from app.services.sync.client import SyncClient
from app.services.sync.connecting import open_transport
from app.services.sync.faults import CentralUnreachable
from app.services.sync.protocol import receipt_statement
from app.services.sync.receipts import ReceiptChecker
from app.services.sync.telling import SyncReport
from app.services.workspace import Workspace
from tests.central.test_operations import Served
from tests.sync.test_two_laptops import open_case

KILLS = int(os.environ.get("ROLLCALL_KILLS", "1"))
BEFORE, AFTER = "SELECT value FROM revision_counter FOR UPDATE", "SELECT pg_advisory_lock(4711)"
"""What somebody else holds while a push has to wait: before it writes, or in the middle of its commit."""
_WAITS_IN_COMMIT = """
CREATE FUNCTION wait_a_moment() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER wait_a_moment AFTER INSERT ON change_log DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait_a_moment();
"""
_WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    " AND application_name = 'rollcall'"
)


@pytest.fixture
def served(central: Any, postgres_dsn: str, tmp_path: Path) -> Iterator[Served]:
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(_WAITS_IN_COMMIT)
    made = Served(postgres_dsn, tmp_path, "--workers", "1")
    yield made
    made.stop()


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@contextmanager
def held(dsn: str, lock: LiteralString) -> Iterator[psycopg.Connection]:
    """Hold what a push needs, and yield another connection to look with."""
    with psycopg.connect(dsn) as holder, psycopg.connect(dsn, autocommit=True) as looking:
        holder.execute(lock)
        yield looking
        holder.rollback()


def kill_worker(served: Served) -> None:
    (worker,) = (
        each for each in psutil.Process(served.process.pid).children() if "spawn_main" in " ".join(each.cmdline())
    )
    worker.kill()


def sync(ws: Workspace) -> None:
    transport = open_transport(ws)
    try:
        SyncClient(ws, transport).run()
    finally:
        transport.close()


def _finds(looking: psycopg.Connection, query: LiteralString) -> bool:
    return looking.execute(query).fetchone() == (1,)


def _is_logged(dsn: str, set_id: str) -> bool:
    with psycopg.connect(dsn) as connection:
        found = connection.execute("SELECT count(*) FROM change_log WHERE change_set_id = %s", (set_id,))
        return found.fetchone() == (1,)


def test_killed_before_or_after_its_commit_it_loses_nothing_takes_nothing_twice_and_stopped_it_finishes(
    served: Served, central: Any, postgres_dsn: str, enrol_laptop: Callable[..., Any]
) -> None:
    ws: Workspace = enrol_laptop("dawn").workspace()
    with ws.local_session() as session:
        facts.put(session, facts.SERVER, served.url)
    _, case_id = open_case(ws)
    sync(ws)
    for number in range(KILLS):
        for lock in (BEFORE, AFTER):
            with ws.write("Added a task") as session:
                session.add(Task(case_id=case_id, text=f"Task {number} {lock}"))
            with ws.read() as session:
                waiting = select(ChangeSetRow.id).where(ChangeSetRow.state == ChangeState.PENDING)
                (set_id,) = session.scalars(waiting).all()
            cut_off: list[bool] = []

            def push(cut_off: list[bool] = cut_off) -> None:
                try:
                    sync(ws)
                except CentralUnreachable:
                    cut_off.append(True)

            pushing = threading.Thread(target=push)
            with held(postgres_dsn, lock) as looking:
                pushing.start()
                until(partial(_finds, looking, _WAITING))
                kill_worker(served)
                pushing.join(60)
                assert cut_off, "nobody answered"
            if lock == AFTER:  # PostgreSQL was told to commit, and does
                until(partial(_is_logged, postgres_dsn, set_id))
            assert (_is_logged(postgres_dsn, set_id)) == (lock == AFTER)
            with ws.read() as session:
                assert session.get_one(ChangeSetRow, set_id).state is ChangeState.PENDING
            until(lambda: _synced(ws))
            assert _is_logged(postgres_dsn, set_id)
    _stopped_it_finishes_what_is_under_way(served, ws, case_id, postgres_dsn)
    _all_is_there_once(ws, postgres_dsn)


def _stopped_it_finishes_what_is_under_way(served: Served, ws: Workspace, case_id: str, dsn: str) -> None:
    with ws.write("Added a task") as session:
        session.add(Task(case_id=case_id, text="The last one"))
    transport = open_transport(ws)
    transport.call("/pull", protocol.PullRequest(0), protocol.PullAnswer)
    report = SyncReport()
    pushing = threading.Thread(target=lambda: SyncClient(ws, transport).push(report))
    with held(dsn, BEFORE) as looking:
        pushing.start()
        until(partial(_finds, looking, _WAITING))
        served.process.send_signal(signal.SIGTERM)
        until(partial(_takes_no_more, served))
    pushing.join(30)
    transport.close()
    assert report.pushed == 1
    assert served.stop() == 0


def _takes_no_more(served: Served) -> bool:
    try:
        httpx.get(f"{served.url}/v1/health/live", trust_env=False, timeout=1)
    except httpx.HTTPError:
        return True
    return False


def _synced(ws: Workspace) -> bool:
    try:
        sync(ws)
    except CentralUnreachable:
        return False
    return True


def _all_is_there_once(ws: Workspace, dsn: str) -> None:
    with ws.read() as session:
        own = session.scalars(
            select(ChangeSetRow).where(ChangeSetRow.device_id == ws.actor.device_id).order_by(ChangeSetRow.sequence)
        ).all()
        tasks = session.scalar(select(func.count()).select_from(Task))
        checker = ReceiptChecker(facts.get(session, facts.SERVER_KEY) or "")
    with psycopg.connect(dsn) as connection:
        log = connection.execute(
            "SELECT change_set_id::text, sequence, revision FROM change_log WHERE device_id = %s ORDER BY sequence",
            (ws.actor.device_id,),
        ).fetchall()
        assert connection.execute("SELECT count(*) FROM task").fetchone() == (tasks,) == (2 * KILLS + 1,)
    assert [(row.id, row.sequence, row.revision) for row in own] == log
    assert [row.sequence for row in own] == list(range(1, len(own) + 1))
    for row in own:
        assert checker.fits(receipt_statement(row.body, row.revision or 0, row.state), row.receipt or b"")
