"""A process that ends itself by SIGKILL at an exact point of a commit: ``python -m tests.kills.points FOLDER POINT``.

It saves one note, which it reports, and then another in which it dies.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.models import Case, Team
from app.services import cases
from app.services.bulk import BulkRecorder
from app.services.vault import lifeboat as file
from app.services.vault import lifeboat_keeping as keeping
from app.services.vault.lifeboat import Flush, Lifeboat
from app.services.workspace import Workspace
from tests.kills.vaults import clock, opened


def die(*_: object) -> Any:
    """End this process as a power cut or a crash would."""
    os.kill(os.getpid(), signal.SIGKILL)


def before_the_commit(_ws: Workspace) -> None:
    """The record is written; the database has not committed."""
    Lifeboat.flush = die  # type: ignore[method-assign]


def after_the_commit(_ws: Workspace) -> None:
    """The database has committed; nobody has waited for the lifeboat."""
    Flush.wait = die  # type: ignore[method-assign]


def half_a_record(_ws: Workspace) -> None:
    """Half of the record is written."""
    real = file._write

    def half(fd: int, data: bytes) -> int:
        real(fd, data[: len(data) // 2])
        return int(die())

    file._write = half


def in_a_large_import(ws: Workspace) -> None:
    """Some of the pieces of one commit are written."""
    keeping.PART_BYTES = 5_000
    keeping.Carrying.seal = die  # type: ignore[method-assign]
    with ws.write("Imported teams") as session:
        BulkRecorder(session).insert(Team, ({"name": f"Team {number}"} for number in range(3_000)))


def while_taking_back(ws: Workspace) -> None:
    """The commit failed, and its record has not been cut off yet."""
    Lifeboat.cut = die  # type: ignore[method-assign]
    with ws.write("Fails") as session:
        cases.drafts.drop(session, "nothing")
        session.info["rollcall_lifeboat"].identity_changed()
        session.info["rollcall_lifeboat"].seal(session)
        raise RuntimeError("the commit fails")


def making_it_anew(ws: Workspace) -> None:
    """The new file is written and has not taken the old one's place."""
    Path.replace = die  # type: ignore[method-assign]
    _tidy(ws)


def having_made_it_anew(ws: Workspace) -> None:
    """The new file has taken the old one's place, and the folder is not synced."""
    file.sync_folder = die
    _tidy(ws)


def _tidy(ws: Workspace) -> None:
    keeping.TIDY_OVER = 0
    ws.tidy()


POINTS: dict[str, Callable[[Workspace], None]] = {
    work.__name__: work
    for work in (
        before_the_commit,
        after_the_commit,
        half_a_record,
        in_a_large_import,
        while_taking_back,
        making_it_anew,
        having_made_it_anew,
    )
}


def main(folder: Path, point: str) -> None:
    """Save a note, report it, and die in what comes next."""
    vault = opened(folder, clock(1))
    ws = vault.workspace()
    with ws.read() as session:
        case_id = session.scalars(select(Case.id)).first()
    assert case_id is not None
    sys.stdout.write(cases.add_note(ws, case_id, text="Reported") + "\n")
    sys.stdout.flush()
    POINTS[point](ws)
    cases.add_note(ws, case_id, text="Never reported")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
