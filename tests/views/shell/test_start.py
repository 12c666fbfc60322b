"""From process start: what is loaded before the first paint, and a second start."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HEAVY = (
    "sqlalchemy", "reportlab", "cryptography", "pypdfium2", "httpx", "lxml", "openpyxl", "PIL", "pikepdf", "zxingcpp",
    "rapidfuzz", "structlog", "sqlcipher3", "zoneinfo", "PySide6.QtNetwork",
)  # fmt: skip


BEFORE_PAINT = f"""
import os, sys, types
rest = types.ModuleType("app.views.opening")
def warm():
    print(" ".join(name for name in {HEAVY!r} if name in sys.modules) or "none", flush=True)
    os._exit(0)
rest.warm = warm
sys.modules["app.views.opening"] = rest
from app.main import main
main(["window", "--vault", sys.argv[1]])
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return dict(
        os.environ,
        QT_QPA_PLATFORM="offscreen",
        ROLLCALL_SETTINGS=str(tmp_path / "settings.json"),
        ROLLCALL_LOGS=str(tmp_path / "logs"),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    vault = tmp_path / "vault"
    vault.mkdir()
    (vault / "vault.json").write_text('{"header": {"label": "Test laptop"}, "wraps": []}', encoding="utf-8")
    return vault


def test_nothing_heavy_is_loaded_before_the_unlock_window_is_painted(environment, folder):
    started = subprocess.run(
        [sys.executable, "-c", BEFORE_PAINT, str(folder)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert started.stdout.strip() == "none", started.stdout + started.stderr


@pytest.fixture
def running(environment: dict[str, str], folder: Path) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-m", "app.main", "window", "--vault", str(folder)],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        lock = folder.parent / f".{folder.name}.lock"
        deadline = time.monotonic() + 30
        while not lock.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert lock.exists()
        yield process
        process.terminate()


def test_a_second_start_ends_at_once_and_leaves_the_first_running(running, environment, folder):
    second = None
    for _attempt in range(10):  # the first opens its socket a moment after it has the lock
        second = subprocess.run(
            [sys.executable, "-m", "app.main", "window", "--vault", str(folder)],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if second.returncode == 0:
            break
        time.sleep(0.2)
    assert second is not None
    assert second.returncode == 0, second.stderr
    assert running.poll() is None
