"""From a push to another laptop's being told, against the bare round trip of NOTIFY on the same PostgreSQL.

The floor is one connection that notifies and another that listens, nothing else. Beside it: from the start of a push to
the event on another laptop's stream, and to that laptop's window being told that its records changed.
"""

import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from app.central import embedded
from app.services.sync.background import BackgroundSync
from app.services.sync.client import SyncClient
from app.services.sync.enrolment import create_and_enrol, open_transport
from app.services.sync.faults import CentralUnreachable
from app.services.sync.listening import Listening
from app.services.sync.live import LiveFollower
from app.services.vault.keys import KdfParameters
from app.timesource import SystemTime

ROUNDS = {"small": 10, "full": 50}
TARGET_SECONDS = 1.0
PASSPHRASE = "seven blue kettles sing"
QUICK = KdfParameters(memory_kib=1024, passes=1, lanes=1)


def bare_notify(dsn: str, rounds: int) -> list[float]:
    found = []
    with psycopg.connect(dsn, autocommit=True) as listener, psycopg.connect(dsn, autocommit=True) as sender:
        listener.execute("LISTEN bench")
        for _ in range(rounds):
            started = time.perf_counter()
            sender.execute("NOTIFY bench, '1'")
            for _notice in listener.notifies(timeout=5, stop_after=1):
                found.append(time.perf_counter() - started)
    return found


def measured(rounds: int, act: Callable[[], Any], told: threading.Event) -> list[float]:
    found = []
    for _ in range(rounds):
        told.clear()
        started = time.perf_counter()
        act()
        if not told.wait(30):
            raise RuntimeError("nobody was told")
        found.append(time.perf_counter() - started)
        time.sleep(0.2)  # what was told is taken in
    return found


def run(scale: str) -> list[dict[str, Any]]:
    from app.models import Task

    rounds = ROUNDS[scale]
    with tempfile.TemporaryDirectory() as name:
        folder, clock = Path(name), SystemTime()
        with embedded.start(folder / "postgres") as central:
            people = central.services.people
            people.ensure_authority("Bench")
            vaults = []
            for person in ("dawn", "ruth"):
                user = people.add_user(person, person.title(), "supervisor", "West team")
                code = central.services.trust.make_code(user)
                vaults.append(
                    create_and_enrol(folder / person, central.url, code, person, PASSPHRASE, time=clock, kdf=QUICK)
                )
            dawn, ruth = (vault.workspace() for vault in vaults)
            transport = open_transport(dawn)
            client = SyncClient(dawn, transport)
            client.run()

            def change() -> None:
                with dawn.write("Added a task") as session:
                    session.add(Task(text="Ring the school"))
                client.run()

            floor = statistics.median(bare_notify(central.dsn, rounds))
            event = statistics.median(_to_event(ruth, rounds, change))
            window = statistics.median(_to_window(ruth, rounds, change))
            transport.close()
            for vault in vaults:
                vault.close()
    return [
        _line("live: change made to event on another laptop", event, floor),
        _line("live: change made to another laptop's window", window, floor),
    ]


def _to_event(ws: Any, rounds: int, change: Callable[[], None]) -> list[float]:
    transport = open_transport(ws)
    listening, told, ready = Listening(transport, "/live", 60), threading.Event(), threading.Event()

    def listen() -> None:
        with suppress(CentralUnreachable):  # hung up
            for line in listening.lines():
                if line.startswith("data:"):
                    ready.set()
                    told.set()

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    ready.wait(30)
    found = measured(rounds, change, told)
    listening.hang_up()
    thread.join(10)
    transport.close()
    return found


def _to_window(ws: Any, rounds: int, change: Callable[[], None]) -> list[float]:
    told = threading.Event()
    sync = BackgroundSync(ws, every_seconds=lambda: 3600.0)
    forget = ws.on_change(lambda tables: told.set() if "task" in tables else None)
    sync.start()
    sync.follow(LiveFollower(ws, sync.sync_now))
    time.sleep(2)
    found = measured(rounds, change, told)
    sync.stop()
    forget()
    return found


def _line(name: str, seconds: float, floor: float) -> dict[str, Any]:
    return {
        "name": name,
        "value": seconds * 1000,
        "unit": "ms",
        "floor": floor * 1000,
        "ratio": seconds / floor,
        "target": f"<= {TARGET_SECONDS * 1000:.0f} ms",
        "ok": seconds <= TARGET_SECONDS,
    }
