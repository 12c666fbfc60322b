"""A proxy that gives one laptop another's answer: it is dropped, and asked for again."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.services.sync import belonging, protocol
from app.services.sync.faults import CentralUnreachable
from app.services.workspace import Workspace
from tests.sync.bad_network import Network, network
from tests.sync.test_two_laptops import contents, open_case

Sync = Callable[[Workspace], Any]
Answer = tuple[int, str, bytes]


@pytest.fixture
def net(central: Any) -> Iterator[Network]:
    with network(central.url) as made:
        yield made


@pytest.fixture
def laptops(enrol_laptop: Callable[..., Any], net: Network) -> tuple[Workspace, Workspace]:
    return enrol_laptop("dawn", url=net.url).workspace(), enrol_laptop("ruth", url=net.url).workspace()


def mix_up(net: Network, monkeypatch: pytest.MonkeyPatch, *, times: int) -> dict[str, int]:
    """Let the first questions of a kind be answered with what was answered to the last one of that kind before."""
    last: dict[str, Answer] = {}
    mixed: dict[str, int] = {}
    real = net.forward

    def forward(path: str, body: bytes, headers: dict[str, str]) -> Answer:
        answer = real(path, body, headers)
        if path in last and mixed.get(path, 0) < times and last[path][0] == answer[0] == 200:
            mixed[path] = mixed.get(path, 0) + 1
            return last[path]
        last[path] = answer
        return answer

    monkeypatch.setattr(net, "forward", forward)
    return mixed


def test_an_answer_to_another_laptop_is_dropped_and_asked_for_again(
    laptops: tuple[Workspace, Workspace], net: Network, sync_once: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    dawn, ruth = laptops
    sync_once(ruth)
    open_case(dawn)
    mixed = mix_up(net, monkeypatch, times=1)
    sync_once(ruth)
    sync_once(dawn)
    sync_once(ruth)
    assert mixed["/v1/challenge"] == mixed["/v1/session"] == 1
    sync_once(dawn), sync_once(ruth)  # the team's key was made in between
    assert contents(dawn) == contents(ruth)


def test_a_network_that_mixes_up_every_answer_is_not_believed(
    laptops: tuple[Workspace, Workspace], net: Network, sync_once: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    dawn, ruth = laptops
    mix_up(net, monkeypatch, times=100)
    sync_once(ruth)
    with pytest.raises(CentralUnreachable, match="Something other"):
        sync_once(dawn)


def test_an_answer_of_the_version_before_says_nothing_and_is_taken() -> None:
    question = protocol.pack(protocol.PullRequest(3))
    plain = protocol.pack(protocol.PullAnswer([], 3, 3))
    assert belonging.belongs(plain, "a session", question)
    marked = plain + belonging.mark("a session", question)
    assert belonging.belongs(marked, "a session", question)
    assert not belonging.belongs(marked, "another session", question)
    assert not belonging.belongs(marked, "a session", question + b" ")
    assert protocol.unpack(protocol.PullAnswer, marked) == protocol.PullAnswer([], 3, 3)
