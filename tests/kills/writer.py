"""The process that is killed: it works on a vault through the real services and reports each call that returned.

A report is one line of JSON, written after the call: from then on what it names has to be there for good.
"""

import hashlib
import json
import os
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from app.models import AuditEntry, ChangeSetRow
from app.models.terms import DocumentState
from app.services import cases, drafts, tasks
from app.services.audit import Action
from app.services.backup.make import back_up
from app.services.backup.manifest import Reason
from app.services.exchange.gias import import_schools
from app.services.vault import Vault, lifeboat_keeping
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.bench.bench_gias import extract
from tests.kills.vaults import clock, opened

ROWS = 300
lifeboat_keeping.TIDY_OVER = 32 * 1024


class Writer:
    """One run's work."""

    def __init__(self, folder: Path, case_ids: list[str], seed: int, report: int) -> None:
        self._folder = folder
        self._cases = case_ids
        self._choose = random.Random(seed)
        self._report = report
        self._time: FrozenTime = clock()
        self._count = 0
        self._open()

    def work(self, *, once: bool = False) -> None:
        """Go on for ever: somebody will end it. Or do everything once and close the vault."""
        self._tell("started")
        for what in _WORK if once else ():
            self._count += 1
            _WORK[what][1](self)
        while not once:
            self._time.advance(seconds=1)
            self._count += 1
            what = self._choose.choices(list(_WORK), weights=[share for share, _ in _WORK.values()])[0]
            _WORK[what][1](self)
        self._vault.close()

    def note(self) -> None:
        """Save a note; half of them were drafts before."""
        case_id = self._choose.choice(self._cases)
        text = f"Note {self._count}\n" + "Rang twice. Voicemail full. " * self._choose.randrange(1, 200)
        event_id = cases.add_note(self._ws, case_id, text=text)
        self._tell("note", id=event_id, case=case_id)

    def draft(self) -> None:
        """Keep what is typed so far."""
        case_id = self._choose.choice(self._cases)
        text = f"Half a sentence {self._count} " + "and so on " * self._choose.randrange(200)
        drafts.save_draft(self._ws, drafts.note_key(case_id), text)
        self._tell("draft", case=case_id, text=text)

    def task(self) -> None:
        """Add a task."""
        self._tell("task", id=tasks.add_task(self._ws, self._choose.choice(self._cases), f"Task {self._count}"))

    def case(self) -> None:
        """Open a case under the next leased number."""
        from tests.services.casework import open_isla

        self._tell("case", id=open_isla(self._ws))

    def read(self) -> None:
        """Read a case: only the audit is written."""
        self._ws.audit(Action.READ, "case", self._choose.choice(self._cases), {"count": self._count})
        self._tell("read")

    def schools(self) -> None:
        """Import a few hundred schools; the second time a few are changed."""
        content = extract(ROWS + self._count)
        import_schools(self._vault.system_workspace(), content, file_name="schools.csv")
        self._tell("schools", rows=ROWS + self._count)

    def document(self) -> None:
        """Keep bytes, then their record."""
        from app.models import Document

        content = self._choose.randbytes(self._choose.randrange(1000, 700_000))
        sha256 = self._ws.documents.put(content, "application/pdf")
        assert sha256 == hashlib.sha256(content).hexdigest()
        with self._ws.write("Added a document") as session:
            session.add(
                Document(
                    sha256=sha256,
                    size=len(content),
                    media_type="application/pdf",
                    page_count=1,
                    arrived_at=self._time.now(),
                    state=DocumentState.TO_LINK,
                    reading={},
                    rotation={},
                )
            )
        self._tell("document", sha256=sha256)

    def lock(self) -> None:
        """Lock: keys and connections are dropped, and the vault is opened again."""
        self._vault.close()
        self._open()
        self._tell("lock")

    def tidy(self) -> None:
        """Write the lifeboat anew."""
        self._vault.lifeboat.tidy()
        self._tell("tidy")

    def backup(self) -> None:
        """Make a backup."""
        made = back_up(self._folder, self._vault.keys, self._vault.engine, time=self._time, reason=Reason.DAILY)
        self._tell("backup", name=made.name)

    def _open(self) -> None:
        self._vault: Vault = opened(self._folder, self._time)
        self._ws: Workspace = self._vault.workspace()

    def _tell(self, what: str, **facts: Any) -> None:
        with self._vault.engine.connect() as connection:
            change_set, entry = connection.execute(
                select(
                    select(func.max(ChangeSetRow.sequence)).scalar_subquery(),
                    select(func.max(AuditEntry.sequence)).scalar_subquery(),
                )
            ).one()
        place = self._vault.lifeboat.boat.place
        facts.update(
            what=what,
            seconds=self._count,
            change_set=change_set,
            entry=entry,
            lifeboat=[place.end, place.number, self._vault.lifeboat.boat.path.stat().st_ino],
            journal=journal_end(self._folder / "cases.db"),
        )
        os.write(self._report, json.dumps(facts).encode() + b"\n")


def journal_end(database: Path) -> list[Any]:
    """Return how many frames of the write-ahead log are committed, and its salt, from the index that SQLite shares."""
    try:
        with database.with_name(database.name + "-shm").open("rb") as stream:
            head = stream.read(48)
        return [struct.unpack_from("=I", head, 16)[0], head[32:40].hex()]
    except (OSError, struct.error):
        return [0, ""]


_WORK: dict[str, tuple[int, Callable[[Writer], None]]] = {
    "note": (40, Writer.note),
    "draft": (15, Writer.draft),
    "task": (12, Writer.task),
    "case": (6, Writer.case),
    "read": (10, Writer.read),
    "document": (6, Writer.document),
    "schools": (3, Writer.schools),
    "lock": (4, Writer.lock),
    "tidy": (6, Writer.tidy),
    "backup": (3, Writer.backup),
}
