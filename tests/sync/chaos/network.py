"""The wire between a laptop and the central store, and what goes wrong on it, drawn from the schedule's seed."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.services.sync.faults import nonsense, too_slow, unreachable
from app.services.sync.protocol import PushRequest, pack, unpack
from app.services.sync.transport import HttpTransport
from tests.sync.chaos.central import Central, ServerKilled

if TYPE_CHECKING:
    from tests.sync.chaos.laptop import Laptop

FAULTS = (
    "request dropped",
    "answer dropped",
    "answer dropped",
    "slow",
    "request duplicated",
    "request late",
    "request truncated",
    "request corrupted",
    "answer truncated",
    "answer corrupted",
    "answer of another request",
    "portal page",
    "server killed before commit",
    "server killed after commit",
    "token expired",
)
ADDRESS = "http://127.0.0.1:9"


@dataclass
class Late:
    """A request that the network kept and may still deliver, once or again."""

    laptop: str
    path: str
    body: bytes
    token: str | None


@dataclass
class Network:
    """Carries messages; ``rate`` says how often something goes wrong, ``counts`` what did."""

    central: Central
    say: Any
    rate: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    late: list[Late] = field(default_factory=list)
    planned: dict[str, list[str]] = field(default_factory=dict)
    """Faults of the next requests to a path, for stories."""
    forge: Callable[[str, bytes, bytes], bytes] | None = None
    """Makes another answer of a path, a request and its answer, for stories."""
    calls: int = 0
    _answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def carry(self, laptop: "Laptop", path: str, body: bytes, token: str | None) -> tuple[int, bytes]:
        """Return what the laptop gets for a request.

        Raises:
            CentralUnreachable: nothing that it could use.
        """
        laptop.pause(f"before {path}")
        self.calls += 1
        chance = laptop.chance
        fault = chance.choice(FAULTS) if chance.random() < self.rate else ""
        if self.planned.get(path):
            fault = self.planned[path].pop(0)
        if fault:
            self.counts[fault] += 1
            self.say(f"    {laptop.name} {path}: {fault}")
        answer = self._with(fault, laptop.name, path, body, token, chance)
        laptop.pause(f"after {path}")
        return (answer[0], self.forge(path, body, answer[1])) if self.forge is not None else answer

    def deliver_late(self, chance: random.Random) -> str:
        """Let something arrive that was sent long ago; nobody waits for the answer any more."""
        if not self.late:
            return ""
        sent = chance.choice(self.late)
        self.counts["late request delivered"] += 1
        status, _ = self._answer(sent.path, sent.body, sent.token, chance)
        return f"{sent.path} of {sent.laptop} arrives late: {status}"

    def _with(
        self, fault: str, name: str, path: str, body: bytes, token: str | None, chance: random.Random
    ) -> tuple[int, bytes]:
        if fault == "request dropped":
            raise unreachable()
        if fault == "request late":
            self.late.append(Late(name, path, body, token))
            raise unreachable()
        if fault == "portal page":
            raise nonsense()
        if fault == "last one alone":
            found = unpack(PushRequest, body)
            body = pack(PushRequest(found.sets[-1:], found.store))
        if fault == "nobody there":
            return 200, b""
        if fault == "token expired":
            token = "expired" if token else token
        if fault == "request duplicated":
            self.late.append(Late(name, path, body, token))
            self._answer(path, body, token, chance)
        if fault.startswith("server killed"):
            self.central.kill = (chance.randrange(3), fault.rsplit(" ", 2)[1])
        status, answer = self._answer(path, _damaged(body, fault, "request", chance), token, chance)
        if fault == "answer dropped":
            raise unreachable()
        if fault == "slow":
            raise too_slow()
        if fault == "answer of another request":
            status, answer = self._answers.get(path, (status, answer))
        self._answers[path] = (status, answer)
        return status, _damaged(answer, fault, "answer", chance)

    def _answer(self, path: str, body: bytes, token: str | None, chance: random.Random) -> tuple[int, bytes]:
        try:
            return self.central.answer(path, body, token, replica=chance.randrange(len(self.central.replicas)))
        except ServerKilled:
            raise unreachable() from None


def _damaged(data: bytes, fault: str, side: str, chance: random.Random) -> bytes:
    if fault == f"{side} truncated":
        return data[: int(len(data) * chance.random())]
    if fault == f"{side} corrupted" and data:
        place = int(len(data) * chance.random())
        return data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :]
    return data


class ChaosTransport(HttpTransport):
    """The laptop's own transport, with the schedule's network in the place of sockets."""

    def __init__(self, laptop: "Laptop", network: Network, **identity: Any) -> None:
        super().__init__(ADDRESS, **identity)
        self._laptop, self._network = laptop, network

    def _send(self, path: str, body: bytes, token: str | None) -> tuple[int, bytes]:
        return self._network.carry(self._laptop, path, body, token)
