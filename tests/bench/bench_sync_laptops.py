"""Two hundred laptops that sync against one central store at once: change sets a second, and how long each sync takes.

Each laptop is one that works: it sends a saved note every time and asks for what is new, with a session of its own,
signed. They speak from a few processes' worth of threads on the same machine as the store and its PostgreSQL, so the
figures are of two cores shared by all. Floor: as many plain upserts of the same bytes through the same stack.
"""

import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import create_engine

from app.central import embedded
from app.ids import new_id
from app.models import Case
from app.services.changes import Change, ChangeSet, encode
from app.services.signing import Signer, new_seed
from app.services.sync import protocol, trust_protocol
from app.services.sync.transport import HttpTransport
from app.timesource import SystemTime
from tests.bench.sync_scene import as_json, fresh_central, line, plain_server, rows

LAPTOPS = {"small": 20, "full": 200}
SYNCS = {"small": 3, "full": 5}
AT_ONCE = 32
TARGET = 10.0


class _Laptop:
    """A laptop without a vault: its key, its place in its order, and where it stands in the log."""

    def __init__(self, central: embedded.RunningCentral, user_id: str) -> None:
        self.signer = Signer(new_seed())
        self.device_id, self.user_id = new_id(), user_id
        self.sequence = self.cursor = 0
        code = central.services.trust.make_code(user_id)
        request = trust_protocol.EnrolRequest(
            code=code,
            device_id=self.device_id,
            device_name="Bench",
            public_key=self.signer.public_key,
            proof=self.signer.sign(trust_protocol.enrolment_statement(code, self.device_id, self.signer.public_key)),
            year=SystemTime().today().year,
        )
        central.services.trust.enrol(request)
        self.cursor = central.services.reader.head()
        self.transport = HttpTransport(central.url, device_id=self.device_id, signer=self.signer)

    def sync(self, child_id: str, case_id: str) -> float:
        """Send one saved note and fetch what is new; return how long it took, in seconds."""
        self.sequence += 1
        now = SystemTime().now().isoformat()
        event = {"id": new_id(), "created_at": now, "created_by": self.user_id, "case_id": case_id, "kind": "note"}
        event |= {"happened_at": now, "body": "Called the aunt. She will ring back on Thursday."}
        change = Change("case_event", event["id"], "insert", {name: [None, value] for name, value in event.items()})
        change_set = ChangeSet(
            new_id(), self.device_id, self.sequence, self.user_id, now, "Added a note", self.cursor, [change]
        )
        body = encode(change_set)
        request = protocol.PushRequest([protocol.SignedSet(body, self.signer.sign(body))])
        started = time.perf_counter()
        answer = self.transport.call("/push", request, protocol.PushAnswer)
        self.cursor = self.transport.call("/pull", protocol.PullRequest(self.cursor), protocol.PullAnswer).cursor
        taken = time.perf_counter() - started
        assert answer.results[0].state == protocol.ACCEPTED, answer.results[0].reason
        return taken


def run(scale: str = "full") -> list[dict[str, Any]]:
    """Return the benchmark's lines."""
    count, syncs = LAPTOPS[scale], SYNCS[scale]
    with tempfile.TemporaryDirectory() as folder:
        postgres = embedded.start_postgres(Path(folder) / "postgres")
        central = fresh_central(postgres)
        user_id = central.services.people.user_id("dawn")
        laptops = [_Laptop(central, user_id) for _ in range(count)]
        case = _a_case(central, laptops[0])
        taken, seconds = _all_at_once(laptops, syncs, lambda laptop: laptop.sync(*case))
        engine = create_engine(central.services.engine.url)
        with plain_server(engine) as url:
            plain_case = rows(2)[1][0]
            bodies = [
                as_json(Case, [{**plain_case, "id": new_id(), "reference": f"CME-2026-9{number:04d}"}])
                for number in range(count)
            ]
            _, plain = _all_at_once(bodies, syncs, lambda body: _plain(url, body))
        engine.dispose()
        central.stop()
        postgres.cleanup()
    total = count * syncs
    cuts = statistics.quantiles(taken, n=100)
    rate, floor = total / seconds, total / plain
    sustained = line(f"{count}_laptops_change_sets_a_second", rate, floor, 1 / TARGET, unit="sets/s")
    sustained["ok"] = rate * TARGET >= floor
    return [
        sustained,
        *(line(f"{count}_laptops_sync_p{place}", cuts[place - 1], 1.0, TARGET) for place in (50, 95, 99)),
    ]


def _a_case(central: embedded.RunningCentral, laptop: _Laptop) -> tuple[str, str]:
    """Give the store a child with a case."""
    (child,), (case,) = rows(2)
    changes = []
    for table, row in (("child", child), ("case", case)):
        plain = {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}
        changes.append(Change(table, plain["id"], "insert", {name: [None, value] for name, value in plain.items()}))
    central.services.store.record(changes, "Set up")
    laptop.cursor = central.services.reader.head()
    return child["id"], case["id"]


def _all_at_once(each: list[Any], rounds: int, work: Callable[[Any], float]) -> tuple[list[float], float]:
    """Do the work for each, many at a time, round by round; return how long each took and all together, in seconds."""
    taken: list[float] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        started = time.perf_counter()
        for _ in range(rounds):
            taken.extend(pool.map(work, each))
        return taken, time.perf_counter() - started


def _plain(url: str, body: bytes) -> float:
    started = time.perf_counter()
    _client().post(f"{url}/rows/case", content=body).raise_for_status()
    return time.perf_counter() - started


_local = threading.local()


def _client() -> httpx.Client:
    if not hasattr(_local, "client"):
        _local.client = httpx.Client(trust_env=False, timeout=60)
    client: httpx.Client = _local.client
    return client


if __name__ == "__main__":
    for each in run("small"):
        print(each)
