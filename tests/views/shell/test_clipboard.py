"""The clipboard under a real X server, with another program that takes it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.views.shell.test_session_lock import running

ROOT = Path(__file__).resolve().parents[3]

OTHER = """
import sys
from PySide6.QtWidgets import QApplication
application = QApplication(["other"])
application.clipboard().setText("from elsewhere")
print("taken", flush=True)
application.exec()
"""


@pytest.fixture
def display() -> Iterator[dict[str, str]]:
    """An environment with an X server of its own."""
    server = shutil.which("Xvfb")
    if server is None:
        pytest.skip("needs Xvfb")
    read, write = os.pipe()
    command = [server, "-displayfd", str(write), "-screen", "0", "1024x768x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=(write,), stderr=subprocess.DEVNULL) as process:
        os.close(write)
        with os.fdopen(read) as said:
            number = said.readline().strip()
        environment = dict(os.environ, DISPLAY=f":{number}", QT_QPA_PLATFORM="xcb", PYTHONPATH=str(ROOT))
        environment.pop("WAYLAND_DISPLAY", None)
        try:
            yield environment
        finally:
            process.terminate()


def test_what_a_field_copied_is_marked_and_cleared_and_what_is_anothers_stays(display: dict[str, str]) -> None:
    with running(sys.executable, "-m", "tests.views.shell.clipboard_program", environment=display) as ours:
        assert ours.wait_for("owned True marked True Isla Merrow") == []
        assert ours.wait_for("cleared True") == []
        ours.wait_for("copied")
        with running(sys.executable, "-c", OTHER, environment=display) as other:
            other.wait_for("taken")
            ours.tell("go on")
            assert ours.wait_for("owned False from elsewhere") == []
            assert ours.wait_for("left from elsewhere") == []
