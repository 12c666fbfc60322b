"""Thirty writers are killed; ``python3 dev.py kills --runs 500`` does the same for longer."""

import subprocess
import sys
from pathlib import Path

RUNS = 30


def test_whatever_was_reported_is_there_after_a_kill_and_the_lifeboat_replays_to_the_same_state() -> None:
    command = [sys.executable, "-m", "tests.kills", "--runs", str(RUNS)]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{RUNS} kills" in done.stdout
