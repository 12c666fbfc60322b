"""From process start to a painted unlock window, against a bare PySide6 window in the same run.

Real processes, started in turn; the time runs until the process says that its first paint is on screen.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = 1.4
ROUNDS = {"small": 9, "full": 25}

BARE = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QLabel, QMainWindow
class Window(QMainWindow):
    said = False
    def paintEvent(self, event):
        super().paintEvent(event)
        if not Window.said:
            Window.said = True
            QTimer.singleShot(0, lambda: (print("painted", flush=True), QApplication.quit()))
application = QApplication(sys.argv[:1])
window = Window()
window.setCentralWidget(QLabel("Rollcall"))
window.resize(1440, 900)
window.show()
application.exec()
"""

# What the window starts once its first paint is on screen (the imports of the rest) is replaced by a word and the end;
# everything before that is the product's own way, from its entry point on.
OURS = """
import os, sys, types
rest = types.ModuleType("app.views.opening")
def warm():
    print("painted", flush=True)
    os._exit(0)
rest.warm = warm
sys.modules["app.views.opening"] = rest
from app.main import main
sys.exit(main(["window", "--vault", sys.argv[1]]))
"""


def _seconds(code: str, *arguments: str, environment: dict[str, str]) -> float:
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline().strip()
        taken = time.perf_counter() - started
        process.wait(30)
    if said != "painted":
        raise RuntimeError("the window did not paint")
    return taken


@contextmanager
def _display(environment: dict[str, str]) -> Iterator[None]:
    """Give both sides a window system: the one there is, else a virtual X server, else Qt's offscreen platform."""
    server = shutil.which("Xvfb")
    if environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"):
        environment.pop("QT_QPA_PLATFORM", None)
        yield
        return
    if server is None:
        environment["QT_QPA_PLATFORM"] = "offscreen"
        yield
        return
    read, write = os.pipe()
    command = [server, "-displayfd", str(write), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=(write,), stderr=subprocess.DEVNULL) as display:
        os.close(write)
        with os.fdopen(read) as said:
            environment["DISPLAY"] = f":{said.readline().strip()}"
        environment.pop("QT_QPA_PLATFORM", None)
        try:
            yield
        finally:
            display.terminate()


def run(scale: str) -> list[dict[str, object]]:
    """Return one line: our median, the bare window's, and the ratio."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        vault = folder / "vault"
        vault.mkdir()
        (vault / "vault.json").write_text(json.dumps({"header": {"label": "Test laptop"}, "wraps": []}))
        environment = dict(os.environ, ROLLCALL_SETTINGS=str(folder / "settings.json"), ROLLCALL_LOGS=str(folder))
        # An installed copy has its compiled modules; both sides compile theirs in the rounds that are not counted.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
        with _display(environment):
            for _warm in range(2):
                _seconds(BARE, environment=environment)
                _seconds(OURS, str(vault), environment=environment)
            bare, ours = [], []
            for _round in range(ROUNDS.get(scale, ROUNDS["small"])):
                bare.append(_seconds(BARE, environment=environment))
                ours.append(_seconds(OURS, str(vault), environment=environment))
    value, floor = statistics.median(ours), statistics.median(bare)
    # Of each pair, started one after the other: what else the machine does weighs on both.
    ratio = statistics.median(mine / rival for mine, rival in zip(ours, bare, strict=True))
    return [
        {
            "name": "start.unlock_window",
            "value": round(value * 1000, 1),
            "unit": "ms",
            "floor": round(floor * 1000, 1),
            "ratio": round(ratio, 2),
            "target": TARGET,
            "ok": ratio <= TARGET,
        }
    ]


if __name__ == "__main__":
    for line in run(sys.argv[1] if len(sys.argv) > 1 else "small"):
        sys.stdout.write(json.dumps(line) + "\n")
