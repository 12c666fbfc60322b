"""The window with a real Secret Service: a keyring that lost its half is named, and the way back is walked."""

import json
import subprocess
import sys

from tests.keyring.conftest import ROOT, Desktop


def test_a_lost_keyring_is_named_in_the_window_and_the_recovery_key_leads_back(desktop: Desktop) -> None:
    desktop.log_in()
    walked = subprocess.run(
        [sys.executable, "-m", "tests.keyring.window", str(desktop.home / "vault")],
        cwd=ROOT,
        env={**desktop.environment, "QT_QPA_PLATFORM": "offscreen", "ROLLCALL_LOGS": str(desktop.home / "logs")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert walked.returncode == 0, walked.stdout[-2000:] + walked.stderr[-2000:]
    seen = json.loads(walked.stdout.strip().splitlines()[-1])
    assert "keyring has lost its half of the key" in seen["said"]
    assert "2. Use the recovery key" in seen["said"]
    assert seen["opened_with_keyring"]
    assert seen["uses_keyring_again"]
    assert seen["secrets"]
    assert seen["opened_again"]
