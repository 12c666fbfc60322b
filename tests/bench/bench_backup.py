"""An online backup of a vault against ``cp`` of its files and their hashes, and how long the window is held up by it.

The floor copies the same files one after the other and hashes the copies, as ``cp`` and ``sha256sum`` would; it does
not sync them to the disk, which a backup does. Both take turns on the same vault; the first round warms the cache.
"""

import hashlib
import os
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.services import cases, safekeeping
from app.services.backup.drill import drill
from app.services.backup.keeper import Arrangements, Keeper
from app.services.backup.listing import list_backups
from app.services.backup.make import back_up
from app.services.backup.manifest import Reason
from app.services.vault import Vault
from app.services.workspace import Workspace
from tests.bench.data import fill
from tests.bench.vaults import CLOCK, workspace

MEGABYTES = {"small": 128, "full": 1024}
RECORDS = {"small": (500, 100), "full": (20_000, 2_000)}
ROUNDS = {"small": 3, "full": 3}
PIECE = 8 * 1024 * 1024
TARGET, LATENCY_MS = 2.0, 50.0
FILES = ("cases.db", "documents.db", "lifeboat.log")
TICK_MS = 5


def run(scale: str = "full") -> list[dict[str, Any]]:
    """Return the backup's time, the window's longest wait and, for information, the drill's time."""
    with tempfile.TemporaryDirectory() as folder:
        ws, vault = workspace(Path(folder) / "vault")
        ids = fill(ws, *RECORDS[scale])
        _fill_documents(ws, MEGABYTES[scale])
        floors, backups = [], []
        for _ in range(ROUNDS[scale] + 1):
            floors.append(_timed(lambda: _copy_and_hash(vault.folder, Path(folder) / "floor")))
            backups.append(_timed(lambda: _back_up(vault)))
            _remove(vault)
        value, floor = statistics.median(backups[1:]), statistics.median(floors[1:])
        again = _again(vault)
        waits = _waits(ws, vault, ids[0])
        _back_up(vault)
        opening = safekeeping.opening_for(lambda: vault.keys)
        tried = _timed(lambda: drill(vault.folder, vault.keys, vault.engine, opening, time=CLOCK))
        vault.close()
    return [
        _line(f"backup: {MEGABYTES[scale]} MB, while in use", value, "s", floor, TARGET),
        _line("backup: again, documents unchanged", again, "s", floor, TARGET),
        _line("backup: the window's longest wait", waits[0], "ms", LATENCY_MS, 1.0),
        _line("backup: a note saved meanwhile, longest", waits[1], "ms", 1000.0, 1.0),
        _line("drill: every byte, page and record", tried, "s", floor, 10.0),
    ]


def _line(name: str, value: float, unit: str, floor: float, target: float) -> dict[str, Any]:
    ratio = value / floor
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "floor": floor,
        "ratio": ratio,
        "target": target,
        "ok": ratio <= target,
    }


def _fill_documents(ws: Workspace, megabytes: int) -> None:
    for _ in range(megabytes * 1024 * 1024 // PIECE):
        ws.documents.put(os.urandom(PIECE), "application/pdf")


def _copy_and_hash(folder: Path, target: Path) -> None:
    target.mkdir()
    for name in FILES:
        shutil.copyfile(folder / name, target / name)
        digest = hashlib.sha256()
        with (target / name).open("rb", buffering=0) as stream:
            while block := stream.read(1024 * 1024):
                digest.update(block)
    shutil.rmtree(target)


def _back_up(vault: Vault) -> None:
    back_up(vault.folder, vault.keys, vault.engine, time=CLOCK, reason=Reason.REQUESTED)


def _again(vault: Vault) -> float:
    _back_up(vault)
    seconds = _timed(lambda: _back_up(vault))
    _remove(vault)
    return seconds


def _remove(vault: Vault) -> None:
    for info in list_backups(vault.folder):
        shutil.rmtree(info.folder)


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _waits(ws: Workspace, vault: Vault, case_id: str) -> tuple[float, float]:
    """Return the longest gap between ticks of a Qt timer, and the longest save of a note, during a backup; in ms."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QCoreApplication, QTimer
    from PySide6.QtWidgets import QApplication

    application = QCoreApplication.instance() or QApplication([])
    keeper = Keeper(
        vault,
        Arrangements(opening=safekeeping.opening_for(lambda: vault.keys)),
        first_seconds=0.0,
        every_seconds=3600.0,
    )
    gaps: list[float] = []
    last = time.perf_counter()
    done, ended = threading.Event(), threading.Event()

    def tick() -> None:
        nonlocal last
        now = time.perf_counter()
        gaps.append(now - last)
        last = now
        if ended.is_set():
            application.quit()

    def save() -> None:
        while not ended.is_set():
            saves.append(_timed(lambda: cases.add_note(ws, case_id, text="Rang, no answer")))
            ended.wait(0.05)

    saves: list[float] = []

    def heard(status: Any) -> None:
        if done.is_set() and status.state.value == "resting":
            ended.set()
        elif status.state.value != "resting":
            done.set()

    timer = QTimer()
    timer.setInterval(TICK_MS)
    timer.timeout.connect(tick)
    timer.start()
    keeper.on_status(heard)
    writer = threading.Thread(target=save)
    writer.start()
    keeper.start()
    last = time.perf_counter()
    application.exec()
    timer.stop()
    writer.join()
    keeper.stop()
    _remove(vault)
    return max(gaps) * 1000, max(saves) * 1000
