"""Verifying an audit chain, against hashing the same bytes.

The floor hashes the very bodies one after the other, each with the hash before it, out of a list in memory: what no
verification can do without. Verifying reads and decrypts them from a real vault, compares every stored hash, and holds
the chain against seals, receipts and change sets. Both take turns; the vault is opened anew each time, so that no page
is in its cache.
"""

import hashlib
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.models import Team
from app.services import audit
from app.services.audit.chain import Entry, encode_entry
from app.services.batches import batched
from app.services.rows import connection_of, driver
from app.services.workspace import Workspace
from tests.bench.vaults import reopen, workspace

SIZES = {"small": 100_000, "full": 1_000_000}
ROUNDS = 5
TARGET = 3.0
ACTIONS = (("read", "case"), ("changed", "case"), ("searched", ""), ("changed", "task"), ("read", "document"))


def run(scale: str = "full") -> list[dict[str, Any]]:
    """Return one line: the median verification and the median hashing."""
    count = SIZES[scale]
    with tempfile.TemporaryDirectory() as folder:
        ws, vault = workspace(Path(folder) / "vault")
        bodies = fill(ws, count)
        vault.close()
        hashed, verified = [], []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            head = _hash(bodies)
            hashed.append(time.perf_counter() - started)
            again = reopen(Path(folder) / "vault")
            ws = again.workspace()
            started = time.perf_counter()
            with ws.read() as session:
                result = audit.verify(session)
            verified.append(time.perf_counter() - started)
            again.close()
            if result.finding is not None or result.head != head:
                raise AssertionError("the chain did not verify")
    value, least = statistics.median(verified), statistics.median(hashed)
    return [
        {
            "name": f"audit: {count:,} entries verified",
            "value": value * 1000,
            "unit": "ms",
            "floor": least * 1000,
            "ratio": value / least,
            "target": TARGET,
            "ok": value / least <= TARGET,
        }
    ]


def fill(ws: Workspace, count: int) -> list[bytes]:
    """Write a chain of so many entries as they are in the work, and return the bodies."""
    bodies: list[bytes] = []
    with ws.local_session() as session:
        previous = _existing(session, bodies)
        started = ws.time.now() - timedelta(days=1500)
        for numbers in batched(range(len(bodies) + 1, count - 1), 20_000):
            rows = []
            for number in numbers:
                body = _body(number, started + timedelta(seconds=number * 120), ws)
                previous = audit.entry_hash(previous, body)
                rows.append((number, body, previous))
                bodies.append(body)
            driver(connection_of(session)).executemany("INSERT INTO audit_entry VALUES (?, ?, ?)", rows)
    with ws.write("Added a team") as session:
        session.add(Team(name="East"))
    ws.audit(audit.Action.UNLOCKED)  # the last entry is sealed
    with ws.read() as session:
        newest = "SELECT body FROM audit_entry WHERE sequence > ? ORDER BY sequence"
        bodies += [body for (body,) in driver(connection_of(session)).execute(newest, (len(bodies),))]
    return bodies


def _existing(session: Session, bodies: list[bytes]) -> bytes:
    previous = audit.GENESIS
    for body, hashed in driver(connection_of(session)).execute("SELECT body, hash FROM audit_entry ORDER BY sequence"):
        bodies.append(body)
        previous = hashed
    return previous


def _body(number: int, at: Any, ws: Workspace) -> bytes:
    action, table = ACTIONS[number % len(ACTIONS)]
    detail = ""
    if action == "changed":
        detail = f'{{"change_set":"01a20d63-a07f-76c1-b34c-{number:012x}","rows":{number % 4 + 1}}}'
    elif action == "searched":
        detail = f'{{"digest":"{number:032x}","for":"children","hits":{number % 9}}}'
    subject = f"01a20d63-a076-77f9-80e4-{number % 20_000:012x}" if table else None
    when = at.isoformat(timespec="microseconds")
    return encode_entry(Entry(action, ws.actor.user_id, ws.actor.name, when, detail, number, subject, table))


def _hash(bodies: list[bytes]) -> str:
    sha256, previous = hashlib.sha256, bytes(32)
    for body in bodies:
        previous = sha256(previous + body).digest()
    return previous.hex()
