"""From unlocking to a usable Cases page, and scrolling it, with 100,000 children and 10,000 cases.

Each opening is a process of its own that has imported what the product imports while the passphrase is typed. The clock
starts when the passphrase is given and stops when the first rows are painted; deriving the key is taken off. The floor
opens the same database with the bare driver and reads the same first rows in the same order, in a process of its own.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.data import fill
from tests.bench.vaults import workspace

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"small": (5_000, 1_000), "full": (100_000, 10_000)}
ROUNDS = {"small": 3, "full": 9}
OPEN_MS, BLOCK_MS = 300.0, 50.0

OPENING = """
import json, sys, time
from pathlib import Path
from PySide6.QtWidgets import QApplication
from app.views import opening, theme, tokens
application = QApplication(sys.argv[:1])
theme.load_fonts()
theme.apply_theme(application, tokens.LIGHT)
opening.warm()
from app.services.vault.keys import KdfParameters
from tests.bench.gui import MeasuredWindow
derive, spent = KdfParameters.derive, []
def derived(self, *arguments):
    started = time.perf_counter()
    try:
        return derive(self, *arguments)
    finally:
        spent.append(time.perf_counter() - started)
KdfParameters.derive = derived
started = time.perf_counter()
opened = opening.unlock(Path(sys.argv[1]), sys.argv[2], lambda words: None)
window = MeasuredWindow(opened)
usable = window.until_rows_are_painted() - started - sum(spent)
print(json.dumps({"usable": usable, **window.scroll()}))
window.end()
"""

BARE = """
import json, sys, time
import sqlcipher3
from app.services.vault.database import PRAGMAS
started = time.perf_counter()
connection = sqlcipher3.dbapi2.connect(sys.argv[1], isolation_level=None)
connection.execute(f"PRAGMA key = \\"x'{sys.argv[2]}'\\"")
for pragma in PRAGMAS:
    connection.execute(pragma)
rows = connection.execute(
    "SELECT * FROM case_row WHERE status = 'open' ORDER BY next_due_on IS NULL, next_due_on, name_folded LIMIT 64"
).fetchall()
print(json.dumps({"usable": time.perf_counter() - started}))
"""

# A table of strings in memory behind a bare QTableView with as many rows and columns, scrolled the same way.
BARE_TABLE = """
import json, sys
from PySide6.QtCore import QAbstractTableModel, Qt
from PySide6.QtWidgets import QApplication, QTableView
from tests.bench.gui import longest_block
class Model(QAbstractTableModel):
    def rowCount(self, parent=None):
        return int(sys.argv[1])
    def columnCount(self, parent=None):
        return 7
    def data(self, index, role=Qt.ItemDataRole.DisplayRole):
        return f"{index.row()} {index.column()}" if role == Qt.ItemDataRole.DisplayRole else None
application = QApplication(sys.argv[:1])
view = QTableView()
view.setModel(Model())
view.verticalHeader().setDefaultSectionSize(54)
view.resize(1200, 800)
view.show()
print(json.dumps({"block": longest_block(view)}))
"""


def run(scale: str = "full") -> list[dict[str, Any]]:
    """Return one line for opening and one for scrolling; openings and floors take turns."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "vault"
        ws, vault = workspace(folder)
        key = vault.keys  # the floor opens the same file
        fill(ws, *SIZES[scale])
        raw = key.cases.hex() if key else ""
        vault.close()
        ours, bare, tables = [], [], []
        for _ in range(ROUNDS[scale]):
            from tests.bench.vaults import PASSPHRASE

            ours.append(_run(OPENING, str(folder), PASSPHRASE))
            bare.append(_run(BARE, str(folder / "cases.db"), raw)["usable"])
            tables.append(_run(BARE_TABLE, str(SIZES[scale][1]))["block"])
    usable = statistics.median(each["usable"] for each in ours) * 1000
    block = statistics.median(each["block"] for each in ours) * 1000
    filled = statistics.median(each["filled"] for each in ours) * 1000
    least, plain = statistics.median(bare) * 1000, statistics.median(tables) * 1000
    return [
        _line("cases: unlock to usable, after key derivation", usable, least, OPEN_MS),
        _line("cases: longest block while scrolling", block, plain, BLOCK_MS),
        _line("cases: rows there after a jump to the end", filled, least, 2 * BLOCK_MS),
    ]


def _line(name: str, value: float, floor: float, target: float) -> dict[str, Any]:
    return {
        "name": name,
        "value": value,
        "unit": "ms",
        "floor": floor,
        "ratio": value / floor,
        "target": f"{target:g} ms",
        "ok": value <= target,
    }


def _run(code: str, *arguments: str) -> dict[str, float]:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
