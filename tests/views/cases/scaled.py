"""Shows the Cases and case pages in a process of its own and prints what is cut off (see ``test_scaling``)."""

import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtWidgets import QApplication

from app.services.sync.status import NoSync
from app.timesource import FrozenTime
from app.views.context import AppContext
from app.views.main_window import MainWindow
from app.views.start import make_application
from app.views.task_runner import TaskRunner
from app.views.theme import apply_theme
from app.views.tokens import THEMES
from tests.bench import vaults
from tests.views.cases.scene import make_scene
from tests.views.clipping import clipped

TABS = ("timeline", "family", "enquiries", "documents", "letters", "history")
SIZES = ((1440, 869), (1100, 700), (911, 512))


def main() -> int:
    """Show each page at each size; return 1 and print a list when something is cut off."""
    vaults.CLOCK = FrozenTime(datetime(2026, 11, 17, 9, 0, tzinfo=UTC))
    application = make_application()
    apply_theme(application, THEMES[sys.argv[2]], int(sys.argv[1]))
    with tempfile.TemporaryDirectory() as folder:
        ws, vault = vaults.workspace(Path(folder) / "vault")
        scene = make_scene(ws)
        runner = TaskRunner(_raise)
        window = MainWindow(AppContext(ws, runner, NoSync()))
        found = []
        for width, height in SIZES:
            window.resize(width, height)
            window.show()
            window.navigate("cases")
            _settle(runner)
            found += [f"cases at {width}: {line}" for line in clipped(window)]
            for tab in TABS:
                window.navigate("case", case_id=scene.case_id, tab=tab)
                _settle(runner)
                found += [f"{tab} at {width}: {line}" for line in clipped(window)]
            page = window.stack.currentWidget()
            page.add_note()
            _settle(runner)
            found += [f"composer at {width}: {line}" for line in clipped(window)]
            page.close_panel()
            if window.width() != width or window.height() != height:
                found.append(f"the window could not be made {width} by {height}: {window.size().toTuple()}")
        runner.close()
        vault.close()
    sys.stdout.write("\n".join(found))
    sys.stdout.flush()
    return 1 if found else 0


def _settle(runner: TaskRunner) -> None:
    for _ in range(3):
        until = time.perf_counter() + 10
        while runner.pending_count() and time.perf_counter() < until:
            QApplication.processEvents()
        pause = time.perf_counter() + 0.06
        while time.perf_counter() < pause:
            QApplication.processEvents()


def _raise(error: Exception) -> None:
    raise error


if __name__ == "__main__":
    code = main()
    os._exit(code)
