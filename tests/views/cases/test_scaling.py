"""Nothing is cut off where the operating system scales the screen: each factor in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("factor", "text_size", "theme"), [("1", 100, "light"), ("1.25", 100, "dark"), ("2", 100, "light")]
)
def test_nothing_is_cut_off_at_a_scale_factor(factor, text_size, theme):
    environment = dict(os.environ, QT_SCALE_FACTOR=factor, QT_QPA_PLATFORM="offscreen")
    environment["QT_SCALE_FACTOR_ROUNDING_POLICY"] = "PassThrough"
    shown = subprocess.run(
        [sys.executable, "-m", "tests.views.cases.scaled", str(text_size), theme],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert shown.returncode == 0, shown.stdout + shown.stderr[-2000:]
