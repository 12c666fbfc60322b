"""The live queue: told of each revision within a moment, never of what is in it, and only those who may listen."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest

from app.central import live
from app.central.live import LiveQueue
from app.services.sync import protocol
from app.services.sync.background import BackgroundSync
from app.services.sync.enrolment import open_transport
from app.services.sync.faults import CentralUnreachable, NotLetIn
from app.services.sync.listening import Listening
from app.services.sync.live import LiveFollower
from app.services.workspace import Workspace
from tests.central.test_store import Laptop, task
from tests.sync.test_two_laptops import contents, open_case

PATIENCE = 20.0
"""Seconds that nothing here takes; a test that waits for so long has failed."""


def until(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


class Ear:
    """Listens on a thread of its own and keeps what it hears."""

    def __init__(self, ws: Workspace) -> None:
        self.lines: list[str] = []
        self.ended_by: BaseException | None = None
        self.ended = threading.Event()
        self._transport = open_transport(ws)
        self._listening = Listening(self._transport, "/live", PATIENCE)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        try:
            for line in self._listening.lines():
                self.lines.append(line)
        except (CentralUnreachable, NotLetIn) as fault:
            self.ended_by = fault
        finally:
            self._transport.close()
            self.ended.set()

    def revisions(self) -> list[int]:
        return [json.loads(line[5:])["revision"] for line in self.lines if line.startswith("data:")]

    def close(self) -> None:
        self._listening.hang_up()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


@pytest.fixture
def ear() -> Iterator[Callable[[Workspace], Ear]]:
    made: list[Ear] = []

    def listen(ws: Workspace) -> Ear:
        made.append(Ear(ws))
        return made[-1]

    yield listen
    for each in made:
        each.close()


@pytest.fixture
def sender(central: Any) -> Laptop:
    return Laptop(central.services, central.people["ruth"])


def test_a_listener_is_told_the_number_of_each_new_revision_and_nothing_else(
    central: Any, enrol_laptop: Callable[..., Any], ear: Callable[[Workspace], Ear], sender: Laptop
) -> None:
    heard = ear(enrol_laptop("dawn").workspace())
    until(lambda: heard.revisions() == [central.services.reader.head()])
    sender.push(sender.change_set(task("Ring Carla Merrow")))
    until(lambda: heard.revisions()[-1] == central.services.reader.head())
    said = "\n".join(heard.lines)
    assert "Merrow" not in said
    assert {line.partition(":")[0] for line in heard.lines} <= {"event", "data", ""}
    assert all(set(json.loads(line[5:])) == {"revision", "changes"} for line in heard.lines if line.startswith("data"))


def test_what_is_refused_or_rolled_back_is_told_to_nobody(
    central: Any, enrol_laptop: Callable[..., Any], ear: Callable[[Workspace], Ear], sender: Laptop
) -> None:
    heard = ear(enrol_laptop("dawn").workspace())
    until(heard.revisions)
    head = central.services.reader.head()
    forged = sender.change_set(task())
    central.services.store.push(sender.identity, [protocol.SignedSet(sender.signed(forged).body, b"x" * 64)])
    assert central.services.reader.head() == head
    with pytest.raises(RuntimeError), central.services.engine.begin() as connection:
        central.services.store.record_in(connection, [task()], "Test")
        raise RuntimeError
    sender.push(sender.change_set(task()))
    until(lambda: heard.revisions()[-1] > head)
    assert heard.revisions() == [head, head + 1]


def test_a_revoked_laptop_is_told_nothing_more(
    central: Any,
    enrol_laptop: Callable[..., Any],
    ear: Callable[[Workspace], Ear],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.05)
    ws = enrol_laptop("dawn").workspace()
    heard = ear(ws)
    until(lambda: ": still here" in heard.lines)
    central.services.trust.revoke(ws.actor.device_id)
    assert heard.ended.wait(PATIENCE)
    again = ear(ws)
    assert again.ended.wait(PATIENCE)
    assert isinstance(again.ended_by, NotLetIn)
    assert again.ended_by.code == "device-revoked"
    assert not again.lines


def test_a_laptop_has_one_stream_and_a_newer_one_ends_the_older(
    enrol_laptop: Callable[..., Any], ear: Callable[[Workspace], Ear]
) -> None:
    ws = enrol_laptop("dawn").workspace()
    older = ear(ws)
    until(older.revisions)
    newer = ear(ws)
    assert older.ended.wait(PATIENCE)
    until(newer.revisions)


def test_there_is_a_limit_to_listeners_and_it_is_said(
    enrol_laptop: Callable[..., Any], ear: Callable[[Workspace], Ear], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_LISTENERS", 1)
    until(ear(enrol_laptop("dawn").workspace()).revisions)
    second = ear(enrol_laptop("ruth").workspace())
    assert second.ended.wait(PATIENCE)
    assert isinstance(second.ended_by, CentralUnreachable)


def test_a_listening_connection_that_is_lost_is_made_again_and_nothing_is_missed(
    central: Any, enrol_laptop: Callable[..., Any], ear: Callable[[Workspace], Ear], sender: Laptop
) -> None:
    heard = ear(enrol_laptop("dawn").workspace())
    until(heard.revisions)
    with psycopg.connect(central.dsn, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND query LIKE 'SELECT value FROM revision_counter%' "
            "AND pid <> pg_backend_pid() AND state = 'idle'"
        )
    sender.push(sender.change_set(task()))
    until(lambda: heard.revisions()[-1] == central.services.reader.head())


def test_a_listener_that_takes_nothing_in_is_let_go(central: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SLOW_SECONDS", 0.05)
    queue: LiveQueue = central.services.live
    stream = live._Stream(queue, "slow", lambda: None, None)

    async def run() -> None:
        async def receive() -> dict[str, Any]:
            await asyncio.sleep(PATIENCE)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                await asyncio.sleep(PATIENCE)

        await asyncio.wait_for(stream({}, receive, send), PATIENCE / 2)

    asyncio.run(run())
    assert not queue._listeners


@pytest.mark.parametrize("token", ["Basic eDp5", "Bearer nonsense", "nonsense"])
def test_nobody_listens_without_a_laptops_token(central: Any, token: str) -> None:
    headers = {"rollcall-protocol": "2", "authorization": token}
    answer = httpx.get(f"{central.url}/v1/live", headers=headers, trust_env=False)
    assert answer.status_code == 401


def test_stopping_the_store_ends_the_streams_at_once(
    central: Any, enrol_laptop: Callable[..., Any], ear: Callable[[Workspace], Ear]
) -> None:
    heard = ear(enrol_laptop("dawn").workspace())
    until(heard.revisions)
    central.stop()
    assert heard.ended.wait(PATIENCE)
    assert not central._thread.is_alive()


def test_a_colleagues_change_is_on_a_connected_laptop_without_anybody_asking(
    enrol_laptop: Callable[..., Any], sync_once: Callable[[Any], Any]
) -> None:
    dawn, ruth = enrol_laptop("dawn").workspace(), enrol_laptop("ruth").workspace()
    sync = BackgroundSync(ruth, every_seconds=lambda: 3600.0)
    seen: list[frozenset[str]] = []
    forget = ruth.on_change(seen.append)
    sync.start()
    sync.follow(LiveFollower(ruth, sync.sync_now))
    try:
        until(lambda: sync.status().last_synced_at)
        seen.clear()
        open_case(dawn)
        sync_once(dawn)
        until(lambda: any("case" in tables for tables in seen))
        until(lambda: contents(ruth)["case"] == contents(dawn)["case"])
    finally:
        sync.stop()
        forget()


def test_a_follower_comes_back_by_itself_and_stops_when_told(
    central: Any, enrol_laptop: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, sender: Laptop
) -> None:
    monkeypatch.setattr("app.services.sync.live.FIRST_WAIT_SECONDS", 0.01)
    ws = enrol_laptop("dawn").workspace()
    hurried = threading.Event()
    opened: list[Any] = []

    def open_(workspace: Workspace) -> Any:
        opened.append(None)
        if len(opened) == 1:
            raise CentralUnreachable("Test")
        return open_transport(workspace)

    follower = LiveFollower(ws, hurried.set, open_=open_)
    follower.start()
    until(lambda: central.services.live._listeners)
    sender.push(sender.change_set(task()))
    assert hurried.wait(PATIENCE)
    follower.stop()
    assert not follower._thread.is_alive()
    until(lambda: not central.services.live._listeners)
