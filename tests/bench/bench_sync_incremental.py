"""Ten changed of ten thousand, nothing changed, and the same at a hundred thousand.

Floor of the ten: the same rows as JSON through the same ASGI stack (one upsert into PostgreSQL, one list back, in a
database of its own with as many rows) and a bare insert of them into SQLCipher, each committed. Floor of an idle sync:
one request to the same stack that does nothing. Two laptops keep their connections, as running programs do; medians of
many turns.
"""

import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import sqlcipher3
from sqlalchemy import select

from app.central import embedded, records
from app.central.services import CentralServices, build_services
from app.models import Case, Child
from app.services.sync.shapes import columns_of
from app.services.vault.database import PRAGMAS
from tests.bench.sync_scene import (
    Laptop,
    as_json,
    enrolled,
    fresh_central,
    line,
    plain_server,
    rows,
    wire_rows,
    write_in_bulk,
)

SIZES = {"small": (2_000, 8_000), "full": (10_000, 100_000)}
TURNS = {"small": 10, "full": 30}
CHANGED = 10
TARGET = 3.0
GROWTH = 1.2
IDLE_MS = 5.0


def run(scale: str = "full") -> list[dict[str, Any]]:
    """Return the benchmark's lines."""
    small, large = SIZES[scale]
    with tempfile.TemporaryDirectory() as folder:
        postgres = embedded.start_postgres(Path(folder) / "postgres")
        few = _measure(postgres, Path(folder) / "few", small, TURNS[scale])
        many = _measure(postgres, Path(folder) / "many", large, TURNS[scale])
        postgres.cleanup()
    changed, idle = few["sync"] * 1000, few["idle"] * 1000
    beyond = idle - few["nothing"] * 1000
    return [
        line(f"sync_{CHANGED}_changed_of_{small}", changed, few["floor"] * 1000, TARGET, unit="ms"),
        line("sync_round_trips_each_way", few["calls"], 1.0, 1.0, unit="calls"),
        line("sync_nothing_beyond_one_request", beyond, IDLE_MS, 1.0, unit="ms"),
        line("sync_nothing_round_trips", few["idle_calls"], 1.0, 1.0, unit="calls"),
        line(f"sync_{CHANGED}_changed_of_{large}", many["sync"] * 1000, few["sync"] * 1000, GROWTH, unit="ms"),
    ]


def _measure(postgres: Any, scratch: Path, count: int, turns: int) -> dict[str, float]:
    central = fresh_central(postgres)
    children, cases = rows(count)
    first = enrolled(central, scratch / "first")
    write_in_bulk(first.workspace(), children, cases)
    here = Laptop(first)
    here.sync()
    there = Laptop(enrolled(central, scratch / "second", "omar"))
    for _ in range(4):  # what a first sync still has to settle: history, audit
        here.sync()
        there.sync()
    found: dict[str, list[float]] = {name: [] for name in ("sync", "floor", "idle", "nothing", "calls", "idle_calls")}
    plain = _plain_store(postgres, children, cases)
    engine = plain.engine
    bare = _bare(scratch / "bare.db")
    with plain_server(engine) as url, httpx.Client(trust_env=False) as client:
        for turn in range(turns):
            some = cases[(turn * CHANGED) % len(cases) :][:CHANGED]
            with here.ws.write("Changed") as session:
                for case in session.scalars(select(Case).where(Case.id.in_([row["id"] for row in some]))):
                    case.area = f"Area {turn}"
            sent, report = here.sync()
            calls = len(here.transport.calls)
            received, told = there.sync()
            assert (report.pushed, told.received) == (1, 1)
            found["sync"].append(sent + received)
            found["calls"].append(max(calls, len(there.transport.calls)))
            found["floor"].append(_floor(client, url, bare, some))
            there.sync()  # its audit is countersigned: from here on there is nothing to do
            idle, _ = there.sync()
            found["idle"].append(idle)
            found["idle_calls"].append(len(there.transport.calls))
            started = time.perf_counter()
            client.get(f"{url}/nothing").raise_for_status()
            found["nothing"].append(time.perf_counter() - started)
    plain.close()
    here.close()
    there.close()
    central.stop()
    return {name: statistics.median(values) for name, values in found.items()}


def _plain_store(postgres: Any, children: list[dict[str, Any]], cases: list[dict[str, Any]]) -> CentralServices:
    """Return a store of its own for the plain server, with the same rows: what it writes must not differ from ours."""
    plain = build_services(embedded.database_dsn(postgres, f"p{uuid.uuid4().hex[:10]}"))
    with plain.engine.begin() as connection:
        for model, some in ((Child, children), (Case, cases)):
            records.insert(connection, model.__tablename__, wire_rows(model, some))
    return plain


def _bare(path: Path) -> Any:
    connection = sqlcipher3.dbapi2.connect(str(path), isolation_level=None)
    connection.execute(f"PRAGMA key = \"x'{bytes(32).hex()}'\"")
    for pragma in PRAGMAS:
        connection.execute(pragma)
    columns = ", ".join(f'"{name}"' for name in columns_of("case"))
    connection.execute(f"CREATE TABLE plain ({columns})")
    return connection


def _floor(client: httpx.Client, url: str, bare: Any, some: list[dict[str, Any]]) -> float:
    """Send ten rows plainly, fetch them plainly and insert them plainly."""
    body = as_json(Case, some)
    ids = httpx.Response(200, json=[row["id"] for row in some]).content
    marks = ", ".join("?" * len(columns_of("case")))
    values = [tuple(str(value) for value in row.values()) for row in wire_rows(Case, some)]
    started = time.perf_counter()
    client.post(f"{url}/rows/case", content=body).raise_for_status()
    client.post(f"{url}/list/case", content=ids).raise_for_status()
    bare.execute("BEGIN IMMEDIATE")
    bare.executemany(f"INSERT INTO plain VALUES ({marks})", values)
    bare.execute("COMMIT")
    return time.perf_counter() - started


if __name__ == "__main__":
    for each in run("small"):
        print(each)
