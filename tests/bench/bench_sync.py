"""Pushing and first-pulling 10,000 case-sized records over loopback, each against its floor in the same run.

Push is measured against the same records as JSON through the same ASGI stack in plain batches with a bulk upsert into
PostgreSQL (no signatures, merge, log or receipts). Records saved one by one are 10,000 signed change sets; their
floor adds the bare checking of 10,000 signatures, which no server can leave out. A first pull is measured against a
plain ``executemany`` of the same rows into the same indexed SQLCipher tables (no network, no checks, no list or search
index). Medians of interleaved rounds.
"""

import socket
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import msgspec
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from sqlalchemy import Engine, create_engine, func, select

from app.central import embedded, records
from app.ids import new_id
from app.models import Case, CaseRow, Child
from app.services.bulk import BulkRecorder
from app.services.capture import unit_of
from app.services.changes import Change
from app.services.sync.client import SyncClient
from app.services.sync.enrolment import create_and_enrol, open_transport
from app.services.sync.shapes import columns_of, convert_rows, stored_columns, stored_rows
from app.services.sync.telling import SyncReport
from app.services.vault import Vault, create_vault
from app.services.vault.keys import KdfParameters
from app.services.wire import complete, insert_fields, to_wire
from app.services.workspace import Workspace
from app.timesource import SystemTime

RECORDS = {"small": 2_000, "full": 10_000}
ROUNDS = {"small": 1, "full": 3}
TARGET = 4.0
BATCH = 1000
PASSPHRASE = "seven blue kettles sing"
QUICK = KdfParameters(memory_kib=1024, passes=1, lanes=1)
_FILLER = (
    "The school removed the name after twenty days of absence. Neighbours believe the family moved in the summer; "
    "the landlord has no new address. The aunt was rung twice and will ring back. "
)


def rows(count: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return half children, half cases, each about one kilobyte as JSON."""
    children, cases = [], []
    for number in range(count // 2):
        child_id = new_id()
        children.append(
            {
                "id": child_id,
                "created_at": datetime(2026, 11, 17, 9, tzinfo=UTC),
                "forename": f"Forename{number % 700}",
                "surname": f"Surname{number}",
                "born_on": date(2010 + number % 10, 1 + number % 12, 1 + number % 28),
                "upn": f"A{number:012d}",
                "last_seen_where": _FILLER * 2,
            }
        )
        cases.append(
            {
                "id": new_id(),
                "created_at": datetime(2026, 11, 17, 9, tzinfo=UTC),
                "reference": f"CME-2026-{number:05d}",
                "child_id": child_id,
                "opened_on": date(2026, 11, 2),
                "area": "Aldermere",
                "reason": _FILLER * 3,
            }
        )
    return children, cases


def wire_rows(model: Any, some: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return whole rows in wire form."""
    columns = columns_of(model.__tablename__)
    return [{name: to_wire(value) for name, value in complete(model, row).items() if name in columns} for row in some]


# -- floors ------------------------------------------------------------------------------------------------------


@contextmanager
def plain_server(engine: Engine) -> Iterator[str]:
    """Serve a plain bulk upsert on the same stack as the central store."""
    app = FastAPI()

    def upsert(table: str, body: bytes) -> None:
        columns = stored_columns(table, columns_of(table))
        names = ", ".join(f'"{name}"' for name in columns)
        sets = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name != "id")
        with engine.begin() as connection:
            connection.exec_driver_sql(
                f'INSERT INTO "{table}" ({names}) SELECT {names} FROM '
                f'json_populate_recordset(NULL::"{table}", %s::json) ON CONFLICT (id) DO UPDATE SET {sets}',
                (body.decode(),),
            )

    @app.post("/{table}")
    async def put(table: str, request: Request) -> Response:
        await run_in_threadpool(upsert, table, await request.body())
        return Response(b"ok")

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_config=None))
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def floor_push(url: str, batches: list[tuple[str, bytes]]) -> float:
    """Send prepared JSON."""
    with httpx.Client(trust_env=False, timeout=60) as client:
        started = time.perf_counter()
        for table, body in batches:
            client.post(f"{url}/{table}", content=body).raise_for_status()
        return time.perf_counter() - started


def floor_signatures(count: int) -> float:
    """Check as many Ed25519 signatures on one-kilobyte messages."""
    key = Ed25519PrivateKey.generate()
    public, message = key.public_key(), _FILLER.encode() * 5
    signature = key.sign(message)
    started = time.perf_counter()
    for _ in range(count):
        public.verify(signature, message)
    return time.perf_counter() - started


def floor_pull(folder: Path, children: list[dict[str, Any]], cases: list[dict[str, Any]]) -> float:
    """Insert prepared tuples with the driver's own executemany, in one transaction."""
    vault = create_vault(folder, PASSPHRASE, time=SystemTime(), kdf=QUICK)
    vault.add_device("Bench")
    prepared = []
    for model, some in ((Child, children), (Case, cases)):
        table, columns = model.__tablename__, columns_of(model.__tablename__)
        checked = convert_rows(table, columns, ([row[name] for name in columns] for row in wire_rows(model, some)))
        names = stored_columns(table, columns)
        quoted = ", ".join(f'"{name}"' for name in names)
        statement = f'INSERT INTO "{table}" ({quoted}) VALUES ({", ".join("?" * len(names))})'
        prepared.append((statement, list(stored_rows(table, columns, checked))))
    with vault.system_workspace().local_session() as session:
        raw: Any = session.connection().connection.dbapi_connection
        started = time.perf_counter()
        for statement, values in prepared:
            raw.executemany(statement, values)
        session.commit()
        taken = time.perf_counter() - started
    vault.close()
    return taken


# -- ours --------------------------------------------------------------------------------------------------------


def write_in_bulk(ws: Workspace, children: list[dict[str, Any]], cases: list[dict[str, Any]]) -> None:
    """Write the records as an import does: change sets of a thousand rows."""
    with ws.write("Imported") as session:
        recorder = BulkRecorder(session)
        recorder.insert(Child, children)
        recorder.insert(Case, cases)


def write_one_by_one(ws: Workspace, children: list[dict[str, Any]], cases: list[dict[str, Any]]) -> None:
    """Leave one change set a record in the outbox, as so many saves would; committed together, as this is not timed."""
    from app.services.capture import record_change_set

    with ws.write("Saved") as session:
        unit = unit_of(session)
        for model, some in ((Child, children), (Case, cases)):
            for row in some:
                fields = insert_fields(model.__tablename__, complete(model, row))
                change = Change(model.__tablename__, row["id"], "insert", fields)
                record_change_set(session, unit, [change], [row["id"]])


def timed_sync(ws: Workspace) -> tuple[float, SyncReport]:
    transport = open_transport(ws)
    client, report = SyncClient(ws, transport), SyncReport()
    started = time.perf_counter()
    client.push(report)
    taken = time.perf_counter() - started
    transport.close()
    return taken, report


def fresh_central(postgres: Any) -> embedded.RunningCentral:
    running = embedded.serve_in_thread(embedded.database_dsn(postgres, f"b{uuid.uuid4().hex[:10]}"))
    running.services.people.ensure_authority("Marlshire")
    running.services.people.add_user("dawn", "Dawn Ellery", "caseworker")
    return running


def enrolled(central: embedded.RunningCentral, folder: Path) -> Vault:
    code = central.services.trust.make_code(central.services.people.user_id("dawn"))
    return create_and_enrol(folder, central.url, code, "Bench", PASSPHRASE, time=SystemTime(), kdf=QUICK)


def measure_push(
    postgres: Any, scratch: Path, children: Any, cases: Any, write: Callable[[Workspace, Any, Any], None]
) -> tuple[float, embedded.RunningCentral]:
    central = fresh_central(postgres)
    vault = enrolled(central, scratch / f"push-{uuid.uuid4().hex[:6]}")
    ws = vault.workspace()
    write(ws, children, cases)
    taken, report = timed_sync(ws)
    assert report.refused == 0
    assert report.pushed > 0
    vault.close()
    return taken, central


def measure_pull(central: embedded.RunningCentral, folder: Path, count: int) -> float:
    """Time the first pull of a new laptop to the moment it is fully usable: rows, indexes, list and search.

    History is fetched after that, a little with each sync, and is not part of it.
    """
    taken: list[float] = []
    real = SyncClient.pull

    def timed(client: SyncClient, report: SyncReport) -> None:
        started = time.perf_counter()
        real(client, report)
        taken.append(time.perf_counter() - started)

    with patch.object(SyncClient, "pull", timed):
        vault = enrolled(central, folder)
    with vault.workspace().read() as session:
        assert session.scalar(select(func.count()).select_from(CaseRow)) == count // 2
    vault.close()
    return taken[0]


def run(scale: str = "full") -> list[dict[str, Any]]:
    """Return the benchmark's lines."""
    count = RECORDS[scale]
    taken: dict[str, list[float]] = {name: [] for name in ("wire", "signed", "bulk", "single", "shaped", "pull")}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        postgres = embedded.start_postgres(scratch / "postgres")
        for number in range(ROUNDS[scale]):
            children, cases = rows(count)
            central = fresh_central(postgres)
            engine = create_engine(central.services.engine.url)
            with plain_server(engine) as url:
                batches = [
                    (model.__tablename__, _json(model, some[start : start + BATCH]))
                    for model, some in ((Child, children), (Case, cases))
                    for start in range(0, len(some), BATCH)
                ]
                taken["wire"].append(floor_push(url, batches))
            taken["signed"].append(taken["wire"][-1] + floor_signatures(count))
            engine.dispose()
            central.stop()
            single, central = measure_push(postgres, scratch, children, cases, write_one_by_one)
            taken["single"].append(single)
            central.stop()
            bulk, central = measure_push(postgres, scratch, children, cases, write_in_bulk)
            taken["bulk"].append(bulk)
            taken["shaped"].append(floor_pull(scratch / f"floor{number}", children, cases))
            taken["pull"].append(measure_pull(central, scratch / f"pull{number}", count))
            central.stop()
        postgres.cleanup()
    median = {name: statistics.median(values) for name, values in taken.items()}
    return [
        _line(f"push_{count}_records_imported", median["bulk"], median["wire"]),
        _line(f"push_{count}_records_one_save_each", median["single"], median["signed"]),
        _line(f"first_pull_{count}_records", median["pull"], median["shaped"]),
    ]


def _json(model: Any, some: list[dict[str, Any]]) -> bytes:
    table = model.__tablename__
    return msgspec.json.encode([records.with_derived(table, row) for row in wire_rows(model, some)])


def _line(name: str, value: float, floor: float) -> dict[str, Any]:
    ratio = value / floor
    return {
        "name": name,
        "value": round(value, 3),
        "unit": "s",
        "floor": round(floor, 3),
        "ratio": round(ratio, 2),
        "target": TARGET,
        "ok": ratio <= TARGET,
    }


if __name__ == "__main__":
    for line in run("small"):
        print(line)
