"""Saving one note, with its outbox entry, history index, audit link and case row, against a bare commit.

The floor commits the same bytes (every column of every row that the note writes) to one plain table in a SQLCipher
database of its own, with the vault's pragmas: ``synchronous=FULL``, WAL. A note is reported only when it is on the disk
in the lifeboat too, so the floor also writes as many bytes as a note's record there into a second file, over zeros
written ahead, and syncs them on a thread while SQLite commits: the least that does the same. Notes and floor commits
take turns.
"""

import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import sqlcipher3
from sqlalchemy import select

from app.models import AuditEntry, CaseEvent, ChangeLine, ChangeSetRow
from app.services import cases
from app.services.vault.database import PRAGMAS
from app.services.workspace import Workspace
from tests.bench.data import fill
from tests.bench.vaults import workspace

SIZES = {"small": (2_000, 500), "full": (100_000, 10_000)}
ROUNDS = {"small": 60, "full": 200}
TARGET = 4.0
NOTE = "Call to the mother, no answer\nRang twice. Voicemail full. Will try again after the visit."


def run(scale: str = "full") -> list[dict[str, Any]]:
    """Return one line: the median of a saved note and of the bare commit."""
    with tempfile.TemporaryDirectory() as folder:
        ws, vault = workspace(Path(folder) / "vault")
        ids = fill(ws, *SIZES[scale])
        case_ids = [case_id for number, case_id in enumerate(ids) if number % 10 != 9]
        floor = _Floor(Path(folder) / "floor.db")
        for case_id in case_ids[:5]:
            cases.add_note(ws, case_id, text=NOTE)
        content = _bytes_written(ws)
        before = vault.lifeboat.boat.place.end
        cases.add_note(ws, case_ids[0], text=NOTE)
        floor.second_copy = bytes(vault.lifeboat.boat.place.end - before)
        notes, bare = [], []
        for number in range(ROUNDS[scale]):
            case_id = case_ids[(number * 37) % len(case_ids)]
            started = time.perf_counter()
            cases.add_note(ws, case_id, text=NOTE)
            middle = time.perf_counter()
            floor.commit(content)
            notes.append(middle - started)
            bare.append(time.perf_counter() - middle)
        floor.close()
        vault.close()
    value, least = statistics.median(notes) * 1000, statistics.median(bare) * 1000
    return [
        {
            "name": "note: saved, with outbox, history and audit",
            "value": value,
            "unit": "ms",
            "floor": least,
            "ratio": value / least,
            "target": TARGET,
            "ok": value / least <= TARGET,
        }
    ]


class _Floor:
    """One table in a database with the vault's pragmas, written by the driver alone, and a plain second file."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlcipher3.dbapi2.connect(str(path), isolation_level=None)
        self._connection.execute(f"PRAGMA key = \"x'{bytes(32).hex()}'\"")
        for pragma in PRAGMAS:
            self._connection.execute(pragma)
        self._connection.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, content BLOB NOT NULL)")
        self.second_copy = b""
        self._second = path.with_suffix(".log").open("w+b", buffering=0)
        self._second.write(bytes(4 << 20))
        self._second.seek(0)
        self._thread = ThreadPoolExecutor(1)

    def commit(self, content: bytes) -> None:
        """Write the bytes in one transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("INSERT INTO bare (content) VALUES (?)", (content,))
        self._second.write(self.second_copy)
        synced = self._thread.submit(getattr(os, "fdatasync", os.fsync), self._second.fileno())
        self._connection.execute("COMMIT")
        synced.result()

    def close(self) -> None:
        """Close the database and the second file."""
        self._connection.close()
        self._thread.shutdown()
        self._second.close()


def _bytes_written(ws: Workspace) -> bytes:
    """Return as many bytes as the newest note's rows hold: event, change set with its lines, audit entry."""
    with ws.read() as session:
        newest = session.execute(select(ChangeSetRow.__table__).order_by(ChangeSetRow.sequence.desc()).limit(1)).one()
        rows = [
            newest,
            *session.execute(select(ChangeLine.__table__).where(ChangeLine.change_set_id == newest.id)),
            session.execute(select(CaseEvent.__table__).order_by(CaseEvent.id.desc()).limit(1)).one(),
            session.execute(select(AuditEntry.__table__).order_by(AuditEntry.sequence.desc()).limit(1)).one(),
        ]
    return b"".join(_as_bytes(value) for row in rows for value in row)


def _as_bytes(value: Any) -> bytes:
    if value is None:
        return b""
    return value if isinstance(value, bytes) else str(value).encode()
