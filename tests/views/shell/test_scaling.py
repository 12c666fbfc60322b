"""Nothing is cut off where the operating system scales the screen: each factor in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def cut_off(module: str, factor: str, text_size: int) -> "subprocess.CompletedProcess[str]":
    environment = dict(os.environ, QT_SCALE_FACTOR=factor, QT_QPA_PLATFORM="offscreen")
    environment["QT_SCALE_FACTOR_ROUNDING_POLICY"] = "PassThrough"
    return subprocess.run(
        [sys.executable, "-m", f"tests.views.shell.{module}", str(text_size)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(("factor", "text_size"), [("1", 100), ("1.25", 100), ("2", 100), ("1.25", 130)])
def test_nothing_is_cut_off_before_unlocking(factor: str, text_size: int):
    shown = cut_off("scaled", factor, text_size)
    assert shown.returncode == 0, shown.stdout + shown.stderr[-2000:]


@pytest.mark.parametrize("factor", ["1.25", "2"])  # 1 is tested in this process
def test_nothing_is_cut_off_on_any_page(factor: str):
    shown = cut_off("scaled_window", factor, 100)
    assert shown.returncode == 0, shown.stdout + shown.stderr[-2000:]
