"""A central store, laptops and records for the benchmarks of sync, and a plain server on the same stack as a floor."""

import hashlib
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from sqlalchemy import Engine

from app.central import embedded, records
from app.ids import new_id
from app.models import Case, Child
from app.services.bulk import BulkRecorder
from app.services.sync.client import SyncClient
from app.services.sync.enrolment import create_and_enrol, open_transport
from app.services.sync.shapes import columns_of, stored_columns
from app.services.sync.telling import Answer, SyncReport
from app.services.sync.transport import HttpTransport
from app.services.vault import Vault
from app.services.vault.keys import KdfParameters
from app.services.wire import complete, to_wire
from app.services.workspace import Workspace
from app.timesource import SystemTime

PASSPHRASE = "seven blue kettles sing"
QUICK = KdfParameters(memory_kib=1024, passes=1, lanes=1)
BATCH = 1000
FILLER = (
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
                "last_seen_where": FILLER * 2,
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
                "reason": FILLER * 3,
            }
        )
    return children, cases


def wire_rows(model: Any, some: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return whole rows in wire form."""
    columns = columns_of(model.__tablename__)
    return [{name: to_wire(value) for name, value in complete(model, row).items() if name in columns} for row in some]


def as_json(model: Any, some: list[dict[str, Any]]) -> bytes:
    """Return rows as a plain server takes them."""
    table = model.__tablename__
    return msgspec.json.encode([records.with_derived(table, row) for row in wire_rows(model, some)])


# -- floors ------------------------------------------------------------------------------------------------------


@contextmanager
def plain_server(engine: Engine) -> Iterator[str]:
    """Serve plain bulk upserts, plain lists by id and plain chunks on the same stack as the central store."""
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

    def listed(table: str, body: bytes) -> bytes:
        columns = ", ".join(f'"{name}"' for name in stored_columns(table, columns_of(table)))
        with engine.connect() as connection:
            found = connection.exec_driver_sql(
                f'SELECT json_agg(r)::text FROM (SELECT {columns} FROM "{table}" WHERE id = ANY(%s::uuid[])) AS r',
                (msgspec.json.decode(body),),
            ).scalar()
        return (found or "[]").encode()

    def keep(body: bytes) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO plain_chunk VALUES (%s, %s) ON CONFLICT DO NOTHING",
                (hashlib.sha256(body).hexdigest(), body),
            )

    def kept(name: str) -> bytes:
        with engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT data FROM plain_chunk WHERE hash = %s", (name,)).scalar_one()
        return bytes(found)

    @app.post("/rows/{table}")
    async def put(table: str, request: Request) -> Response:
        await run_in_threadpool(upsert, table, await request.body())
        return Response(b"ok")

    @app.post("/list/{table}")
    async def get(table: str, request: Request) -> Response:
        return Response(await run_in_threadpool(listed, table, await request.body()))

    @app.post("/chunk")
    async def put_chunk(request: Request) -> Response:
        await run_in_threadpool(keep, await request.body())
        return Response(b"ok")

    @app.get("/chunk/{name}")
    async def get_chunk(name: str) -> Response:
        return Response(await run_in_threadpool(kept, name))

    @app.get("/nothing")
    async def nothing() -> Response:
        return Response(b"ok")

    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE IF NOT EXISTS plain_chunk (hash text PRIMARY KEY, data bytea NOT NULL)"
        )
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


# -- ours --------------------------------------------------------------------------------------------------------


def write_in_bulk(ws: Workspace, children: list[dict[str, Any]], cases: list[dict[str, Any]]) -> None:
    """Write the records as an import does: change sets of a thousand rows."""
    with ws.write("Imported") as session:
        recorder = BulkRecorder(session)
        recorder.insert(Child, children)
        recorder.insert(Case, cases)


def fresh_central(postgres: Any) -> embedded.RunningCentral:
    """Serve a central store with two caseworkers of one team on a new database."""
    running = embedded.serve_in_thread(embedded.database_dsn(postgres, f"b{uuid.uuid4().hex[:10]}"))
    running.services.people.ensure_authority("Marlshire")
    running.services.people.add_user("dawn", "Dawn Ellery", "caseworker", "West team")
    running.services.people.add_user("omar", "Omar Quist", "caseworker", "West team")
    return running


def enrolled(central: embedded.RunningCentral, folder: Path, username: str = "dawn") -> Vault:
    """Enrol a laptop and pull everything."""
    code = central.services.trust.make_code(central.services.people.user_id(username))
    return create_and_enrol(folder, central.url, code, "Bench", PASSPHRASE, time=SystemTime(), kdf=QUICK)


class CountingTransport:
    """A transport that notes what is called."""

    def __init__(self, transport: HttpTransport) -> None:
        self.transport = transport
        self.calls: list[str] = []

    def call(self, path: str, message: object, kind: type[Answer]) -> Answer:
        """Send a message and return the answer."""
        self.calls.append(path)
        return self.transport.call(path, message, kind)


class Laptop:
    """An enrolled laptop that keeps its connection, as a running program does."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        self.ws = vault.workspace()
        self.transport = CountingTransport(open_transport(self.ws))

    def sync(self) -> tuple[float, SyncReport]:
        """Sync once; return how long it took, in seconds."""
        self.transport.calls.clear()
        started = time.perf_counter()
        report = SyncClient(self.ws, self.transport).run()
        return time.perf_counter() - started, report

    def close(self) -> None:
        """Close the connection and the vault."""
        self.transport.transport.close()
        self.vault.close()


def line(
    name: str, value: float, floor: float, target: float, *, unit: str = "s", ok: bool | None = None
) -> dict[str, Any]:
    """Return a line of a benchmark."""
    ratio = value / floor
    return {
        "name": name,
        "value": round(value, 4),
        "unit": unit,
        "floor": round(floor, 4),
        "ratio": round(ratio, 2),
        "target": target,
        "ok": ratio <= target if ok is None else ok,
    }
