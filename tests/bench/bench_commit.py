"""Saving one note with the lifeboat and the audit, against the same save without either.

Both go through ``cases.add_note`` on the same vault and take turns; the rival's workspace has no lifeboat, and the
audit entry of its change is left out. ``synchronous=FULL`` for both.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

from app.services import audit, cases
from app.services.signing import Signer
from app.services.vault import Vault
from app.services.workspace import Workspace
from tests.bench.data import fill
from tests.bench.vaults import workspace

SIZES = {"small": (2_000, 500), "full": (100_000, 10_000)}
ROUNDS = {"small": 100, "full": 300}
TARGET = 1.5
NOTE = "Call to the mother, no answer\nRang twice. Voicemail full. Will try again after the visit."


def run(scale: str = "full") -> list[dict[str, Any]]:
    """Return one line: the median of a save with both and of one with neither."""
    with tempfile.TemporaryDirectory() as folder:
        ws, vault = workspace(Path(folder) / "vault")
        bare = _without_lifeboat(vault, ws)
        case_ids = [case_id for number, case_id in enumerate(fill(ws, *SIZES[scale])) if number % 10 != 9]
        for case_id in case_ids[:5]:
            cases.add_note(ws, case_id, text=NOTE)
        both, neither = [], []
        for number in range(ROUNDS[scale]):
            case_id = case_ids[(number * 37) % len(case_ids)]
            for turn in (number % 2, 1 - number % 2):  # who goes first changes each time
                if turn:
                    both.append(_timed(ws, case_id))
                else:
                    with mock.patch.object(audit, "append"):
                        neither.append(_timed(bare, case_id))
        vault.close()
    value, least = statistics.median(both) * 1000, statistics.median(neither) * 1000
    return [
        {
            "name": "commit: a note with lifeboat and audit, against neither",
            "value": value,
            "unit": "ms",
            "floor": least,
            "ratio": value / least,
            "target": TARGET,
            "ok": value / least <= TARGET,
        }
    ]


def _timed(ws: Workspace, case_id: str) -> float:
    started = time.perf_counter()
    cases.add_note(ws, case_id, text=NOTE)
    return time.perf_counter() - started


def _without_lifeboat(vault: Vault, ws: Workspace) -> Workspace:
    from sqlalchemy import select

    from app.models import DeviceKey

    def no_documents() -> Any:
        raise AssertionError("a note has none")

    with vault.engine.connect() as connection:
        seed = connection.execute(select(DeviceKey.private_key)).scalar_one()
    return Workspace(
        vault.engine,
        actor=ws.actor,
        signer=Signer(seed),
        time=ws.time,
        folder=vault.folder,
        open_documents=no_documents,
    )
