"""Opening a vault whose keys are at hand, against opening its database bare.

Measured: from the keys to a workspace that can be used, documents too: ``Unlocked.open()``, ``Vault.workspace()`` and
its document store. It looks at both databases' first page, the schema's revision, the lifeboat's end, the reserve, this
laptop's key and its person.

Floor: both databases through the driver alone, under the same raw keys and the same pragmas, and one read of each, so
that the schema is read as it is by any first question. Both turns find the files in the system's cache and no journal
beside them. The two take turns, and of each the lower quartile counts: other work on the machine lengthens
what takes longer more often, and is no part of either.
"""

import gc
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import sqlcipher3

from app.services.audit import Action
from app.services.documents.store import DocumentStore
from app.services.vault import unlock
from app.services.vault.database import PRAGMAS, open_engine
from app.services.vault.keys import DataKeys
from tests.bench.data import fill
from tests.bench.vaults import CLOCK, PASSPHRASE, workspace

MIB = 1 << 20
SIZES = {"small": (2_000, 500, 16 * MIB), "full": (100_000, 10_000, 1 << 30)}
"""Children, cases, and the bytes of both databases together."""
ROUNDS = {"small": 60, "full": 100}
TARGET = 1.5
REST_SECONDS = 0.01
"""Before each turn, so that each begins with a fresh share of a busy processor, as it does after a person's typing."""
DOCUMENT_BYTES = 4 * MIB


def run(scale: str = "full") -> list[dict[str, Any]]:
    """Return one line: opening the vault and opening its database bare."""
    children, case_count, size = SIZES[scale]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "vault"
        keys = _make(folder, children, case_count, size)
        unlocked = unlock(folder, PASSPHRASE, time=CLOCK)
        opened, bare = [], []
        gc.disable()  # as the program does: see app/views/collector.py
        for _ in range(ROUNDS[scale] + 3):
            gc.collect()
            time.sleep(REST_SECONDS)
            started = time.perf_counter()
            cases = _open_bare(folder / "cases.db", keys.cases, 'SELECT id, name, role, team_id FROM "user" LIMIT 1')
            documents = _open_bare(folder / "documents.db", keys.documents, "SELECT count(*) FROM content")
            middle = time.perf_counter()
            cases.close()
            documents.close()
            bare.append(middle - started)
            time.sleep(REST_SECONDS)
            started = time.perf_counter()
            vault = unlocked.open()
            _ = vault.workspace().documents
            opened.append(time.perf_counter() - started)
            vault.close()
        gc.enable()
        total = sum(path.stat().st_size for path in folder.glob("*.db"))
    # The first rounds read modules and fill caches that a person's typing hides.
    value, floor = (statistics.quantiles(turns[3:], n=4)[0] * 1000 for turns in (opened, bare))
    ratio = value / floor
    return [
        {
            "name": f"vault: keys to workspace, {total / (1 << 30):.2f} GB",
            "value": value,
            "unit": "ms",
            "floor": floor,
            "ratio": ratio,
            "target": TARGET,
            "ok": ratio <= TARGET,
        }
    ]


def _make(folder: Path, children: int, cases: int, size: int) -> DataKeys:
    """Make a vault of records and, for the rest of the size, documents; return its keys."""
    ws, vault = workspace(folder)
    fill(ws, children, cases)
    ws.audit(Action.UNLOCKED)
    keys = vault.keys
    vault.close()
    store = DocumentStore(open_engine(folder / "documents.db", keys.documents))
    store.create_schema()
    while sum(path.stat().st_size for path in folder.glob("*.db*")) < size:
        store.put(os.urandom(DOCUMENT_BYTES), "application/pdf")
    store.close()
    return keys


def _open_bare(path: Path, key: bytes, question: str) -> Any:
    connection = sqlcipher3.dbapi2.connect(str(path), isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    for pragma in PRAGMAS:
        connection.execute(pragma)
    connection.execute(question).fetchone()
    return connection
