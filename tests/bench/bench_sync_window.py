"""The real window during a first pull of many records: how long it is ever held up, and how much memory that takes.

The central store runs in this process, the laptop in one of its own: its window stands on the Cases page, its
background sync fetches everything. A Qt timer of 5 ms tells the longest turn of the event loop, the resident memory is
read at each tick and compared with the window's own before the first pull begins.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from app.central import embedded
from tests.bench.sync_scene import enrolled, fresh_central, line, rows, write_in_bulk

RECORDS = {"small": 8_000, "full": 100_000}
LATENCY_MS = 50.0
MEMORY_MB = 150.0

LAPTOP = """
import json, sys, time
from pathlib import Path
import psutil
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from app.views import opening, theme, tokens
application = QApplication(sys.argv[:1])
theme.load_fonts()
theme.apply_theme(application, tokens.LIGHT)
opening.warm()
from app.services.sync import background, enrolment
from app.services.sync.status import SyncState
from app.services.vault import create_vault
from app.services.vault.keys import KdfParameters
from app.timesource import SystemTime
from tests.bench.gui import MeasuredWindow
folder, server, code = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
vault = create_vault(folder, "seven blue kettles sing", time=SystemTime(), label="Bench",
                     kdf=KdfParameters(memory_kib=1024, passes=1, lanes=1))
vault.add_device("Bench")
enrolment._register(vault, server, code, "Bench")
ws = vault.workspace()
sync = background.BackgroundSync(ws, every_seconds=lambda: 3600.0)
window = MeasuredWindow(opening.Opened(vault, ws, sync))
for _ in range(50):
    application.processEvents()
process = psutil.Process()
idle = process.memory_info().rss
peak, gaps, last = idle, [], time.perf_counter()
def tick():
    global peak, last
    now = time.perf_counter()
    gaps.append(now - last)
    peak = max(peak, process.memory_info().rss)
    if sync.status().last_synced_at is not None or sync.status().state in (SyncState.FAILED, SyncState.OFFLINE):
        application.quit()
    last = time.perf_counter()
timer = QTimer()
timer.setInterval(5)
timer.timeout.connect(tick)
timer.start()
started = time.perf_counter()
sync.start()
application.exec()
taken = time.perf_counter() - started
gaps.sort()
print(json.dumps({"longest": gaps[-1], "late": gaps[int(len(gaps) * 0.999)], "memory": peak - idle, "taken": taken,
                  "state": sync.status().state.value}))
sync.stop()
window.end()
"""


def run(scale: str = "full") -> list[dict[str, Any]]:
    """Return the benchmark's lines."""
    count = RECORDS[scale]
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        postgres = embedded.start_postgres(scratch / "postgres")
        central = fresh_central(postgres)
        children, cases = rows(count)
        first = enrolled(central, scratch / "first")
        write_in_bulk(first.workspace(), children, cases)
        from app.services.sync.enrolment import first_pull

        first_pull(first)
        first.close()
        del children, cases
        code = central.services.trust.make_code(central.services.people.user_id("omar"))
        found = _laptop(scratch / "second", central.url, code)
        central.stop()
        postgres.cleanup()
    if found["state"] in ("failed", "offline"):
        raise RuntimeError("the first pull did not end")
    return [
        line(f"first_pull_{count}_window_longest_wait", found["longest"] * 1000, LATENCY_MS, 1.0, unit="ms"),
        line(f"first_pull_{count}_memory_above_idle", found["memory"] / (1 << 20), MEMORY_MB, 1.0, unit="MiB"),
    ]


def _laptop(folder: Path, url: str, code: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", LAPTOP, str(folder), url, code],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_DATA_HOME": str(folder.parent / "data")},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    for each in run("small"):
        print(each)
