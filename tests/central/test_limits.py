"""How much anybody may ask of the central store: sizes, rates that workers share, requests at once, and waits."""

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text, update

from app.central import limited
from app.central.addresses import trusted_proxies
from app.central.embedded import serve_in_thread
from app.central.limits import Limits, Rate
from app.central.sign_in_tables import rate_bucket
from app.central.tokens import TrustError
from app.errors import UserError
from app.ids import new_id
from app.services.sync import protocol, trust_protocol
from app.services.sync.enrolment import open_transport
from app.services.sync.faults import CentralUnreachable, Trouble
from app.services.sync.protocol import MEDIA_TYPE, Problem, pack, unpack
from app.timesource import FrozenTime

HEADERS = {protocol.VERSION_HEADER: str(protocol.VERSION), "content-type": MEDIA_TYPE}
SLOW = Rate("test", 5, 0.01)


@pytest.fixture
def post(central: Any) -> Iterator[Callable[..., httpx.Response]]:
    with httpx.Client(base_url=central.url, trust_env=False, timeout=10) as client:

        def send(path: str, content: Any, **headers: str) -> httpx.Response:
            return client.post(f"/v1{path}", content=content, headers={**HEADERS, **headers})

        yield send


def code_of(response: httpx.Response) -> str:
    return unpack(Problem, response.content).code


def test_several_workers_count_together_and_time_gives_back(central: Any) -> None:
    """Two processes' worth of counters on one database let no more through than one would."""
    engine = central.services.engine
    one, two = Limits(engine), Limits(engine)
    passed, refusals = 0, []
    for number in range(20):
        try:
            (one, two)[number % 2].count(SLOW, "10.0.0.1")
            passed += 1
        except TrustError as refused:
            refusals.append((refused.code, refused.retry_after or 0))
    assert all(code == "too-many" and 1 <= wait <= 102 for code, wait in refusals)
    assert passed == 5
    one.count(SLOW, "10.0.0.2")  # another address is counted for itself
    with engine.begin() as connection:
        connection.execute(update(rate_bucket).values(at=text("clock_timestamp() - interval '250 seconds'")))
    for limits in (one, two):
        limits.count(SLOW, "10.0.0.1")
    with pytest.raises(TrustError):
        one.count(SLOW, "10.0.0.1")


def test_workers_that_take_a_handful_still_keep_to_the_common_count(central: Any) -> None:
    engine = central.services.engine
    rate = Rate("test", 50, 0.001, 8)
    workers = [Limits(engine) for _ in range(3)]
    passed = 0
    lock = threading.Lock()

    def ask(limits: Limits) -> None:
        nonlocal passed
        for _ in range(40):
            try:
                limits.count(rate, "laptop")
            except TrustError:
                continue
            with lock:
                passed += 1

    threads = [threading.Thread(target=ask, args=(limits,)) for limits in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert passed == 50


def test_who_knocks_too_often_is_told_when_to_come_back(
    central: Any, post: Callable[..., httpx.Response], frozen_time: FrozenTime
) -> None:
    central.services.trust.limits.knocking = Rate("knocking", 3, 0.01)
    body = pack(trust_protocol.CodeRequest("AAAA-BBBB-CCCC"))
    answers = [post("/enrolment/check", body) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [403, 403, 403, 429, 429]
    assert code_of(answers[-1]) == "too-many"
    assert int(answers[-1].headers["retry-after"]) > 50
    # Laptops that prove their keys from the same address are not held up by that.
    assert post("/challenge", pack(trust_protocol.ChallengeRequest(new_id()))).status_code == 200


def test_behind_a_named_proxy_everybody_is_counted_for_themselves_and_nobody_believes_a_stranger(
    central: Any, post: Callable[..., httpx.Response]
) -> None:
    body, slow = pack(trust_protocol.CodeRequest("AAAA-BBBB-CCCC")), Rate("knocking", 2, 0.01)
    central.services.trust.limits.knocking = slow

    def statuses(send: Callable[..., httpx.Response], said: list[str]) -> list[int]:
        return [send("/enrolment/check", body, **{"x-forwarded-for": each}).status_code for each in said]

    forged = [f"203.0.113.{number}" for number in range(4)]
    assert statuses(post, forged) == [403, 403, 429, 429]  # this machine is nobody's proxy unless it is named
    with serve_in_thread(central.dsn, time=central.services.time, proxies=("127.0.0.1", "10.0.3.0/28")) as behind:
        behind.services.trust.limits.knocking = slow
        with httpx.Client(base_url=behind.url, trust_env=False, timeout=10) as client:

            def send(path: str, content: bytes, **headers: str) -> httpx.Response:
                return client.post(f"/v1{path}", content=content, headers={**HEADERS, **headers})

            # What stands to the left of the address that the proxy added is what the caller made up.
            assert statuses(send, [f"{each}, 198.51.100.1, 10.0.3.2" for each in forged]) == [403, 403, 429, 429]
            assert statuses(send, ["198.51.100.2:4711", "198.51.100.2:4712", "198.51.100.2"]) == [403, 403, 429]
            # One IPv6 connection has a great many addresses, and counts as one.
            assert statuses(send, [f"2001:db8:7:1::{number}" for number in range(1, 4)]) == [403, 403, 429]
            assert statuses(send, ["2001:db8:7:2::1"]) == [403]


@pytest.mark.parametrize("named", ["*", "proxy.marlshire.example", "10.0.3.7/28", "0.0.0.0/0", "::/0"])
def test_a_proxy_is_named_by_an_address_or_a_network_that_is_not_everybody(named: str) -> None:
    with pytest.raises(UserError, match="Nothing was started"):
        trusted_proxies([named])
    assert trusted_proxies(["10.0.3.7", " 10.0.3.0/28", ""]) == ("10.0.3.7", "10.0.3.0/28")


def test_a_laptop_that_asks_too_much_is_asked_to_wait_and_waits(central: Any, enrol_laptop: Callable[..., Any]) -> None:
    ws = enrol_laptop("dawn").workspace()
    transport = open_transport(ws)
    transport.call("/pull", protocol.PullRequest(0), protocol.PullAnswer)
    central.services.trust.limits.laptop = Rate("laptop-slow", 1, 0.02)
    transport.call("/pull", protocol.PullRequest(0), protocol.PullAnswer)
    with pytest.raises(CentralUnreachable, match="Your work is kept") as refused:
        transport.call("/pull", protocol.PullRequest(0), protocol.PullAnswer)
    transport.close()
    assert refused.value.trouble is Trouble.BUSY
    assert refused.value.wait_seconds is not None
    assert 40 <= refused.value.wait_seconds <= 60
    from app.services.sync.background import BackgroundSync

    sync = BackgroundSync(ws, every_seconds=lambda: 600.0)
    assert sync._sync_once() >= 40
    sync.stop()


def test_a_message_of_somebody_unknown_is_small_or_not_read(central: Any, post: Callable[..., httpx.Response]) -> None:
    large = b"x" * (limited.SMALL_BYTES + 1)
    for path in ("/challenge", "/sign-in", "/sign-in/provider", "/enrolment"):
        answer = post(path, large)
        assert answer.status_code == 413
        assert code_of(answer) == "too-large"

    def pieces() -> Iterator[bytes]:
        for _ in range(80):
            yield b"x" * 1024

    assert post("/challenge", pieces()).status_code == 413


def test_a_body_is_not_waited_for_before_it_is_known_to_be_too_large(central: Any) -> None:
    """The answer comes from the stated length alone: not one byte of the body was sent."""
    with socket.create_connection(("127.0.0.1", central.port), timeout=10) as connection:
        head = (
            "POST /v1/push HTTP/1.1\r\nHost: x\r\n"
            f"{protocol.VERSION_HEADER}: 2\r\nContent-Length: {protocol.MAX_PACKED_BYTES + 1}\r\n\r\n"
        )
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_drips_is_given_up(central: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited, "BODY_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", central.port), timeout=10) as connection:
        head = f"POST /v1/challenge HTTP/1.1\r\nHost: x\r\n{protocol.VERSION_HEADER}: 2\r\nContent-Length: 100\r\n\r\nx"
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")


def test_more_requests_at_once_than_a_worker_takes_are_asked_to_come_back(central: Any) -> None:
    import asyncio

    from fastapi import FastAPI

    app = FastAPI()
    app.add_middleware(limited.Limited, limits=central.services.trust.limits, most_at_once=0)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://store") as client:
            return await client.post("/v1/challenge", content=b"")

    answer = asyncio.run(ask())
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
