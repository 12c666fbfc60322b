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
from app.services import cases, drafts
from app.services.bulk import BulkRecorder
from app.services.vault import lifeboat as file
from app.services.vault import lifeboat_keeping as keeping
from app.services.vault.lifeboat import Flush, Lifeboat
from app.services.workspace import Workspace
from tests.kills.vaults import clock, opened


def die(*_: object) -> Any:
    """End this process as a power cut or a crash would."""
    os.kill(os.getpid(), signal.SIGKILL)


def _ends_in(owner: Any, name: str) -> None:
    setattr(owner, name, die)


def before_the_commit(_ws: Workspace) -> None:
    """The record is written; the database has not committed."""
    _ends_in(Lifeboat, "flush")


def after_the_commit(_ws: Workspace) -> None:
    """The database has committed; nobody has waited for the lifeboat."""
    _ends_in(Flush, "wait")


def half_a_record(_ws: Workspace) -> None:
    """Half of the record is written."""
    real = file._write

    def half(fd: int, data: bytes) -> int:
        real(fd, data[: len(data) // 2])
        return int(die())

    setattr(file, "_write", half)  # noqa: B010  (a private name of another module)


def in_a_large_import(ws: Workspace) -> None:
    """Some of the pieces of one commit are written."""
    keeping.PART_BYTES = 5_000
    _ends_in(keeping.Carrying, "seal")
    with ws.write("Imported teams") as session:
        BulkRecorder(session).insert(Team, ({"name": f"Team {number}"} for number in range(3_000)))


def while_taking_back(ws: Workspace) -> None:
    """The commit failed, and its record has not been cut off yet."""
    _ends_in(Lifeboat, "cut")
    with ws.write("Fails") as session:
        drafts.drop(session, "nothing")
        session.info["rollcall_lifeboat"].identity_changed()
        session.info["rollcall_lifeboat"].seal(session)
        raise RuntimeError("the commit fails")


def making_it_anew(ws: Workspace) -> None:
    """The new file is written and has not taken the old one's place."""
    _ends_in(Path, "replace")
    _tidy(ws)


def having_made_it_anew(ws: Workspace) -> None:
    """The new file has taken the old one's place, and the folder is not synced."""
    _ends_in(file, "sync_folder")
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
