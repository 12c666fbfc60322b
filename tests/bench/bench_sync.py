"""Pushing and first-pulling 10,000 case-sized records over loopback, each against its floor in the same run.

Push is measured against the same records as JSON through the same ASGI stack in plain batches with a bulk upsert into
PostgreSQL (no signatures, merge, log or receipts). Records saved one by one are 10,000 signed change sets; their
floor adds the bare checking of 10,000 signatures, which no server can leave out. A first pull is measured against a
plain ``executemany`` of every row that it leaves in the vault (records, lists, search with its full-text triggers,
audit) into the same indexed tables, without network, checks or reading anything. Medians of interleaved rounds.
"""

import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import create_engine, func, select

from app.central import embedded
from app.models import Case, CaseRow, Child
from app.models.base import Base
from app.services.capture import unit_of
from app.services.changes import Change
from app.services.sync.client import SyncClient
from app.services.sync.enrolment import open_transport
from app.services.sync.telling import SyncReport
from app.services.vault import Vault, create_vault
from app.services.wire import complete, insert_fields
from app.services.workspace import Workspace
from app.timesource import SystemTime
from tests.bench.sync_scene import (
    BATCH,
    FILLER,
    PASSPHRASE,
    QUICK,
    as_json,
    enrolled,
    fresh_central,
    line,
    plain_server,
    rows,
    write_in_bulk,
)

RECORDS = {"small": 2_000, "full": 10_000}
ROUNDS = {"small": 1, "full": 3}
PUSH_TARGET = 2.5
PULL_TARGET = 1.5


def floor_push(url: str, batches: list[tuple[str, bytes]]) -> float:
    """Send prepared JSON."""
    with httpx.Client(trust_env=False, timeout=60) as client:
        started = time.perf_counter()
        for table, body in batches:
            client.post(f"{url}/rows/{table}", content=body).raise_for_status()
        return time.perf_counter() - started


def floor_signatures(count: int) -> float:
    """Check as many Ed25519 signatures on one-kilobyte messages."""
    key = Ed25519PrivateKey.generate()
    public, message = key.public_key(), FILLER.encode() * 5
    signature = key.sign(message)
    started = time.perf_counter()
    for _ in range(count):
        public.verify(signature, message)
    return time.perf_counter() - started


def floor_pull(folder: Path, pulled: Vault) -> float:
    """Insert every row of a pulled vault into a new one with the driver's own executemany, in one transaction."""
    vault = create_vault(folder, PASSPHRASE, time=SystemTime(), kdf=QUICK)
    vault.add_device("Bench")
    prepared = []
    with pulled.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            held = [row[1] for row in connection.exec_driver_sql(f'PRAGMA table_info("{table.name}")')]
            quoted = ", ".join(f'"{name}"' for name in held)
            values = [tuple(row) for row in connection.exec_driver_sql(f'SELECT {quoted} FROM "{table.name}"')]
            marks = ", ".join("?" * len(held))
            if values:
                prepared.append((f'INSERT OR IGNORE INTO "{table.name}" ({quoted}) VALUES ({marks})', values))
        words = [tuple(row) for row in connection.exec_driver_sql("SELECT rowid, title, body FROM search_index")]
        prepared.append(("INSERT INTO search_index (rowid, title, body) VALUES (?, ?, ?)", words))
    with vault.system_workspace().local_session() as session:
        raw: Any = session.connection().connection.dbapi_connection
        started = time.perf_counter()
        for statement, values in prepared:
            raw.executemany(statement, values)
        session.commit()
        taken = time.perf_counter() - started
    vault.close()
    return taken


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


def measure_pull(central: embedded.RunningCentral, folder: Path, count: int) -> tuple[Vault, float, float]:
    """Time the first pull of a new laptop to the moment it is fully usable: rows, indexes, list and search.

    History is fetched after that, a little with each sync, and is not part of it.

    Returns:
        The vault, the whole time, and the time until the first cases could be opened.
    """
    taken: list[float] = []
    usable: list[float] = []
    real = SyncClient.pull

    def timed(client: SyncClient, report: SyncReport) -> None:
        started = time.perf_counter()

        def look(_tables: frozenset[str]) -> None:
            if not usable:
                with client._ws.read() as session:
                    if session.scalar(select(CaseRow.case_id).limit(1)):
                        usable.append(time.perf_counter() - started)

        stop = client._ws.on_change(look)
        real(client, report)
        stop()
        taken.append(time.perf_counter() - started)

    with patch.object(SyncClient, "pull", timed):
        vault = enrolled(central, folder)
    with vault.workspace().read() as session:
        assert session.scalar(select(func.count()).select_from(CaseRow)) == count // 2
    return vault, taken[0], usable[0] if usable else taken[0]


def run(scale: str = "full") -> list[dict[str, Any]]:
    """Return the benchmark's lines."""
    count = RECORDS[scale]
    taken: dict[str, list[float]] = {
        name: [] for name in ("wire", "signed", "bulk", "single", "shaped", "pull", "usable")
    }
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        postgres = embedded.start_postgres(scratch / "postgres")
        for number in range(ROUNDS[scale]):
            children, cases = rows(count)
            central = fresh_central(postgres)
            engine = create_engine(central.services.engine.url)
            with plain_server(engine) as url:
                batches = [
                    (model.__tablename__, as_json(model, some[start : start + BATCH]))
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
            vault, whole, first = measure_pull(central, scratch / f"pull{number}", count)
            taken["pull"].append(whole)
            taken["usable"].append(first)
            taken["shaped"].append(floor_pull(scratch / f"floor{number}", vault))
            vault.close()
            central.stop()
        postgres.cleanup()
    median = {name: statistics.median(values) for name, values in taken.items()}
    return [
        line(f"push_{count}_records_imported", median["bulk"], median["wire"], PUSH_TARGET),
        line(f"push_{count}_records_one_save_each", median["single"], median["signed"], PUSH_TARGET),
        line(f"first_pull_{count}_records", median["pull"], median["shaped"], PULL_TARGET),
        line(f"first_pull_{count}_first_cases_open", median["usable"], 1.0, 1.0),
    ]


if __name__ == "__main__":
    for each in run("small"):
        print(each)
