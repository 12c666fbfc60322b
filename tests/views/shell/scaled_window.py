"""Shows every page of the opened window in a process of its own and prints what is cut off (see ``test_scaling``)."""

import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from app.ids import new_id
from app.models import Authority, Team, User
from app.models.terms import Role
from app.services.sync.status import NoSync
from app.services.vault import Vault, create_vault
from app.settings import Settings
from app.timesource import FrozenTime
from app.views.collector import Collector
from app.views.context import AppContext
from app.views.main_window import MainWindow
from app.views.start import make_application
from app.views.task_runner import TaskRunner
from app.views.theme import apply_theme
from app.views.tokens import LIGHT
from tests.conftest import PASSPHRASE, QUICK
from tests.views.clipping import clipped
from tests.views.shell.people import populate

SIZES = ((1440, 869), (911, 512))


def make_vault(folder: Path) -> Vault:
    """Return a supervisor's vault, so that every page may be opened."""
    time = FrozenTime(datetime(2026, 11, 17, 9, 12, tzinfo=UTC))
    vault = create_vault(folder, PASSPHRASE, time=time, label="Test laptop", kdf=QUICK)
    vault.add_device("Test laptop")
    team = Team(id=new_id(), name="West team")
    user = User(id=new_id(), username="ruth", name="Ruth Okonjo", role=Role.SUPERVISOR, team_id=team.id)
    with vault.system_workspace().write("Set up") as session:
        session.add_all([team, user])
        session.add(
            Authority(
                name="Marlshire County Council",
                service_name="Children's Services",
                la_code="999",
                office_address="County Offices\nAldermere\nMH1 1AA",
                phone="01632 960144",
                email="cme@marlshire.example",
            )
        )
        user_id = user.id
    vault.set_user(user_id)
    return vault


def settle(runner: TaskRunner) -> None:
    """Let work finish and layouts follow."""
    for _ in range(40):
        loop = QEventLoop()
        QTimer.singleShot(25, loop.quit)
        loop.exec()
        if not runner.pending_count():
            break
    QApplication.processEvents()


def main() -> int:
    """Open every page at every size; exit 1 with a list when something is cut off."""
    application = make_application()
    Collector(application)  # as the window's own frame does: a worker must never delete what Qt is using
    apply_theme(application, LIGHT, int(sys.argv[1]))
    scratch = Path(tempfile.mkdtemp())
    vault = make_vault(scratch / "vault")
    workspace = vault.workspace()
    cases = populate(workspace)
    found: list[str] = []
    runner = TaskRunner(lambda error: found.append(f"{type(error).__name__}: {error}"))
    context = AppContext(workspace, runner, NoSync(), settings=Settings(scratch / "settings.json"), vault=vault)
    window = MainWindow(context)
    window.resize(*SIZES[0])
    window.show()
    window.start()
    case_id = cases["Merrow"]
    places = [("today", {}), ("cases", {}), ("correspondence", {}), ("letters", {}), ("team", {}), ("sync", {})]
    places += [("case", {"case_id": case_id, "tab": tab}) for tab in ("timeline", "family", "enquiries", "history")]
    places += [("letter", {"case_id": case_id, "template": "L01"}), ("referral", {}), ("import", {}), ("settings", {})]
    places += [("security", {})]
    for width, height in SIZES:
        for route, arguments in places:
            window.navigate(route, **arguments)
            window.resize(width, height)
            settle(runner)
            if (window.width(), window.height()) != (width, height):
                found.append(f"{route} does not fit in {width} x {height}: {window.size().toTuple()}")
            found += [f"{route} {arguments.get('tab', '')} at {width}: {line}" for line in clipped(window)]
    sys.stdout.write("\n".join(found))
    sys.stdout.flush()
    runner.close()
    vault.close()
    os._exit(1 if found else 0)  # the pages' own helpers need no orderly end here


if __name__ == "__main__":
    main()
