"""What the outbox machine runs on: a store and two vaults to copy, and a wire that fails on order."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import select

from app.central import epochs
from app.central.embedded import RunningCentral, serve_in_thread
from app.models import Case, ChangeSetRow, Child, DeviceKey, Task
from app.services.signing import Signer
from app.services.sync import facts
from app.services.sync.faults import unreachable
from app.services.sync.receipts import ReceiptChecker
from app.services.sync.transport import HttpTransport
from app.services.vault import Vault, open_vault
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.conftest import PASSPHRASE

STARTS_AT = datetime(2026, 11, 17, 9, tzinfo=UTC)
PEOPLE = {"dawn": ("Dawn Ellery", "caseworker"), "ruth": ("Ruth Okonjo", "supervisor")}
FILES = ("cases.db", "cases.db-wal", "documents.db", "documents.db-wal", "lifeboat.log")
LOST_REQUEST, LOST_ANSWER, TWICE = "request lost", "answer lost", "sent twice"
KILLED_BEFORE, KILLED_AFTER = "killed before the note", "killed after the note"
FAULTS = (LOST_REQUEST, LOST_ANSWER, TWICE, KILLED_BEFORE, KILLED_AFTER)


class KilledError(BaseException):
    """The laptop's process ends here."""


@dataclass(frozen=True)
class Beginning:
    """What every run starts from: a database and two enrolled vaults that agree, with a case and its tasks."""

    server: Any
    database: str
    folder: Path
    tasks: tuple[str, ...]

    @contextmanager
    def central(self, time: FrozenTime) -> Iterator[RunningCentral]:
        """Serve a copy of the database that passes for the one the vaults know: nothing was restored."""
        name = f"o{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {self.database}")
        dsn = self.server.get_uri(database=name)
        with psycopg.connect(dsn, autocommit=True) as connection:
            (place, *_) = connection.execute(epochs._WHERE).fetchone() or ("",)
            connection.execute("UPDATE central_fact SET value = %s WHERE name = %s", (place, epochs._PLACE))
        try:
            with serve_in_thread(dsn, time=time) as running:
                yield running
        finally:
            with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@dataclass
class Wire:
    """The transport of one laptop; what goes wrong happens to the next message that carries change sets."""

    inner: HttpTransport
    die: Callable[[], None]
    fault: str = ""
    sent: bool = False

    def call(self, path: str, message: Any, kind: Any) -> Any:
        if self.sent and self.fault == KILLED_AFTER:
            self.die()
        pushed = getattr(message, "sets", None) or getattr(getattr(message, "push", None), "sets", None)
        if self.sent or not pushed:
            return self.inner.call(path, message, kind)
        self.sent = True
        if self.fault == LOST_REQUEST:
            raise unreachable()
        answer = self.inner.call(path, message, kind)
        if self.fault == LOST_ANSWER:
            raise unreachable()
        if self.fault == KILLED_BEFORE:
            self.die()
        return self.inner.call(path, message, kind) if self.fault == TWICE else answer


@dataclass
class Laptop:
    """A vault on the disk, and what its person knows to have saved.

    Attributes:
        saved: the words of every change set that was committed here and not lost with a vault put back, by id.
        here: those of them that the vault must hold: all, but for a while after it was put back.
        noted: how the store answered, by id; an answer never changes.
        kept: a copy of the vault's disk, and what was saved when it was made.
    """

    folder: Path
    time: FrozenTime
    url: str
    saved: dict[str, str] = field(default_factory=dict)
    here: set[str] = field(default_factory=set)
    noted: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    kept: tuple[Path, dict[str, str]] | None = None
    last: tuple[str, str, str] | None = None

    def open(self) -> None:
        self.vault: Vault = open_vault(self.folder, PASSPHRASE, time=self.time)
        self.ws: Workspace = self.vault.workspace()
        with self.ws.read() as session:
            key = session.execute(select(DeviceKey.device_id, DeviceKey.private_key)).one()
            self.checker = ReceiptChecker(facts.get(session, facts.SERVER_KEY) or "")
        self.device_id: str = key.device_id
        self.wire = HttpTransport(
            self.url, device_id=key.device_id, signer=Signer(key.private_key), vault_id=self.vault.vault_id
        )

    def close(self) -> None:
        self.wire.close()
        self.vault.close()

    def copy_to(self, where: Path) -> Path:
        """Copy what is on the disk at this moment: all that a killed process leaves."""
        shutil.rmtree(where, ignore_errors=True)
        where.mkdir()
        for name in FILES:
            with suppress(FileNotFoundError):
                shutil.copyfile(self.folder / name, where / name)
        return where

    def back_to(self, image: Path) -> None:
        self.close()
        for name in (*FILES, "cases.db-shm", "documents.db-shm"):
            (self.folder / name).unlink(missing_ok=True)
        for found in image.iterdir():
            shutil.copyfile(found, self.folder / found.name)
        self.open()

    def rows(self) -> list[Any]:
        """Return this laptop's own change sets in its order."""
        with self.ws.read() as session:
            return list(
                session.execute(
                    select(ChangeSetRow.id, ChangeSetRow.sequence, ChangeSetRow.state, ChangeSetRow.revision,
                           ChangeSetRow.receipt, ChangeSetRow.body)
                    .where(ChangeSetRow.device_id == self.device_id)
                    .order_by(ChangeSetRow.sequence)
                )
            )  # fmt: skip

    def write(self, words: str, work: Callable[[Any], None]) -> None:
        """Save something, and know of it."""
        before = {row.id for row in self.rows()}
        with self.ws.write("Changed a record") as session:
            work(session)
        for row in self.rows():
            if row.id not in before:
                self.saved[row.id] = words
                self.here.add(row.id)


def open_case(ws: Workspace) -> tuple[str, ...]:
    with ws.write("Opened a case") as session:
        child = Child(forename="Isla", surname="Merrow", born_on=date(2015, 1, 2))
        session.add(child)
        session.flush()
        case = Case(
            reference="CME-2026-00901", child_id=child.id, opened_on=date(2026, 11, 2), team_id=ws.actor.team_id
        )
        session.add(case)
        session.flush()
        tasks = [Task(case_id=case.id, text=f"Task {number}") for number in range(3)]
        session.add_all(tasks)
        session.flush()
        return tuple(task.id for task in tasks)
