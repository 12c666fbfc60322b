"""Three hundred bad days: laptops and central store killed, cut off, overtaken and put back at random; nothing is lost.

``python3 dev.py chaos`` runs more of them, with other seeds. ``ROLLCALL_SCHEDULES`` says how many run here.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.sync.chaos.stage import shared

ROOT = Path(__file__).resolve().parents[2]
SCHEDULES = os.environ.get("ROLLCALL_SCHEDULES", "300")


def test_no_schedule_breaks_a_promise() -> None:
    command = [sys.executable, "-m", "tests.sync.chaos", "--schedules", SCHEDULES, "--seed", "1", "--jobs", "2"]
    command += ["--template", str(shared().place)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONHASHSEED": "0"}
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    assert f"{SCHEDULES} schedules in" in done.stdout
