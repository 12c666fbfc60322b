"""Shows what there is about access in a process of its own and prints what is cut off (see ``test_access_pages``).

With a folder as the third argument it keeps a picture of each.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtWidgets import QApplication

from app.services import break_glass, named_list
from app.services.sync.status import NoSync
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from app.views.context import AppContext
from app.views.main_window import MainWindow
from app.views.start import make_application
from app.views.task_runner import TaskRunner
from app.views.theme import apply_theme
from app.views.tokens import THEMES
from tests.bench import vaults
from tests.views.access.people import People, declare, make_people
from tests.views.clipping import clipped

SIZES = ((1440, 869), (1100, 700), (911, 512))


def main() -> int:
    """Show each page at each size; return 1 and print a list when something is cut off."""
    vaults.CLOCK = FrozenTime(datetime(2026, 11, 17, 9, 0, tzinfo=UTC))
    application = make_application()
    apply_theme(application, THEMES[sys.argv[2]], int(sys.argv[1]))
    pictures = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    with tempfile.TemporaryDirectory() as folder:
        ws, vault = vaults.workspace(Path(folder) / "vault")
        found = []
        for name, window in _shown(make_people(ws, vault)):
            for size in SIZES:
                window.resize(*size)
                _settle(window.context.runner)
                found += [f"{name} at {size[0]}: {line}" for line in clipped(window)]
                if pictures is not None:
                    window.grab().save(str(pictures / f"{name}-{size[0]}.png"))
        vault.close()
    sys.stdout.write("\n".join(found))
    sys.stdout.flush()
    return 1 if found else 0


def _shown(people: People) -> Iterator[tuple[str, MainWindow]]:
    """Yield a window for each thing to look at."""
    duty = _window(people.dot)
    duty.navigate("cases", view="all")
    yield "cases", duty
    duty.navigate("case", case_id=people.case_id)
    yield "closed", duty
    duty.page().closed.ask()
    yield "asking", duty
    duty.page().closed.open_in_emergency()
    yield "emergency-form", duty
    named_list.ask_for_access(people.dot, people.case_id, reason="Covering for Dawn this week while she is on leave")
    break_glass.open_in_emergency(people.dot, people.case_id, reason="The police ask about her tonight")
    duty.page().read_again()
    yield "emergency", duty
    duty.close()
    declare(people)
    head = _window(people.ruth)
    head.navigate("case", case_id=people.case_id)
    _settle(head.context.runner)
    yield "restricted", head
    head.page().actions_of.restrict()
    yield "list", head
    head.page().actions_of.declare_interest()
    yield "interest", head
    head.navigate("team")
    yield "team", head
    head.navigate("access")
    yield "access", head
    _settle(head.context.runner)
    head.page().decide(next(each for each in head.page().alerts if each.kind == "emergency"), "review")
    yield "review", head
    head.close()
    roles = _window(people.ada)
    roles.start()
    yield "roles", roles


def _window(ws: Workspace) -> MainWindow:
    window = MainWindow(AppContext(ws, TaskRunner(_raise), NoSync()))
    window.resize(*SIZES[0])
    window.show()
    return window


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
    os._exit(main())
