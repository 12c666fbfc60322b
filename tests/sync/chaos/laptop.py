"""A laptop: a real vault on the disk, its person, and its sync that can be overtaken or killed at any step."""

import random
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.models import DeviceKey
from app.services.signing import Signer
from app.services.sync.client import SyncClient
from app.services.vault import Vault, open_vault
from app.services.workspace import Workspace
from app.timesource import FrozenTime
from tests.sync.chaos.baton import LaptopKilled, Task, current
from tests.sync.chaos.network import ChaosTransport
from tests.sync.chaos.template import PASSPHRASE, STARTS_AT

if TYPE_CHECKING:
    from tests.sync.chaos.world import World

_OWN = "SELECT id, CAST(body AS BLOB), state FROM change_set WHERE device_id = ? AND sequence > ? ORDER BY sequence"
_FILES = ("cases.db", "cases.db-wal", "documents.db", "documents.db-wal", "lifeboat.log")


@dataclass
class Kill:
    """Where the laptop's process will end: at the n-th commit of its vault (before or after it), or call."""

    at: str
    left: int


class Laptop:
    """One laptop of a schedule.

    Attributes:
        committed: change sets that were committed here, by id: their body as it was then.
        pauses: how many places the running sync may still pass before it is overtaken; None for no limit.
    """

    def __init__(self, world: "World", name: str, skew: timedelta) -> None:
        self.world, self.name = world, name
        self.username = name.partition("-")[0]
        self.folder = world.folder / name
        self.time = FrozenTime(STARTS_AT + skew)
        self.skew_ms = int(skew.total_seconds() * 1000)
        self.chance = random.Random(0)
        self.kill: Kill | None = None
        self.image: Path | None = None
        self.kept: tuple[Path, set[str]] | None = None
        self.task: Task | None = None
        self.pauses: int | None = None
        self.depth = 0
        self.committed: dict[str, bytes] = {}
        self.lost: set[str] = set()
        self.revoked = False
        self.cursor = 0
        self.safe: set[str] = set()
        self.token: str | None = None
        self.syncs = 0
        self.reports: list[Any] = []
        shutil.copytree(world.template.vault(name), self.folder)
        self.open()
        self.last_seen = self._last_sequence()

    # -- opening and ending --------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open the vault from the disk."""
        self.vault: Vault = open_vault(self.folder, PASSPHRASE, time=self.time)
        self.ws: Workspace = self.vault.workspace()
        with self.ws.read() as session:
            key = session.execute(select(DeviceKey.device_id, DeviceKey.private_key)).one()
        self.device_id: str = key.device_id
        self.signer = Signer(key.private_key)

    def close(self) -> None:
        """End the process in order."""
        if self.task is not None:
            self.task.stop()
            self.task = None
        self.vault.close()

    def take_image(self) -> None:
        """Keep what is on the disk at this moment: all that a killed process leaves."""
        self.image = self.world.folder / f"{self.name}-image"
        shutil.rmtree(self.image, ignore_errors=True)
        self.image.mkdir()
        for file in _FILES:
            with suppress(FileNotFoundError):
                shutil.copyfile(self.folder / file, self.image / file)

    def die(self) -> None:
        """Go on from what a killed process left on the disk."""
        if self.image is None:
            self.take_image()
        if self.task is not None:
            self.task.stop()
        self.task = None
        self.vault.close()
        assert self.image is not None
        self.back_to(self.image)
        self.image, self.kill = None, None
        self.world.counts["laptop killed"] += 1

    def back_to(self, image: Path) -> None:
        """Replace the vault's files by others and open it."""
        self.safe.clear()
        for file in _FILES:
            (self.folder / file).unlink(missing_ok=True)
            (self.folder / f"{file}-shm").unlink(missing_ok=True)
            if (image / file).exists():
                shutil.copyfile(image / file, self.folder / file)
        for name in ("cases.db-shm", "documents.db-shm"):
            (self.folder / name).unlink(missing_ok=True)
        self.open()

    def keep(self) -> None:
        """Keep a copy of the vault's disk, as a backup or an image of the machine does."""
        self.note_commits()
        where = self.world.folder / f"{self.name}-kept"
        shutil.rmtree(where, ignore_errors=True)
        where.mkdir()
        for file in _FILES:
            with suppress(FileNotFoundError):
                shutil.copyfile(self.folder / file, where / file)
        self.kept = where, set(self.committed)

    def put_back(self) -> None:
        """Put the copy back: what was neither in it nor ever sent is gone, as with any stolen laptop."""
        assert self.kept is not None
        where, known = self.kept
        self.note_commits()
        if self.task is not None:
            self.task.stop()
            self.task = None
        self.vault.close()
        self.back_to(where)
        arrived = self.world.logged()
        self.lost |= {set_id for set_id in self.committed if set_id not in known and set_id not in arrived}
        for set_id in self.lost:
            self.committed.pop(set_id, None)
        self.last_seen, self.cursor = self._last_sequence(), 0
        self.safe.clear()

    # -- pieces --------------------------------------------------------------------------------------------------

    def pause(self, where: str) -> None:
        """Let others overtake the sync here, or let the laptop be killed; nothing for what a person does."""
        task = current()
        if task is None or task is not self.task:
            return
        if self.kill is not None and self.kill.at == "call":
            self.kill.left -= 1
            if self.kill.left < 0:
                self.end_here()
        if self.pauses is None:
            return
        self.pauses -= 1
        if self.pauses < 0:
            task.pause(where)

    def end_here(self) -> None:
        """End the process at this instruction.

        Raises:
            LaptopKilled: always.
        """
        self.kill = None
        self.take_image()
        raise LaptopKilled

    def start_sync(self, chance: random.Random, pauses: int | None, kill: Kill | None) -> None:
        """Begin a sync; it runs when it is given the baton."""
        self.chance, self.pauses, self.kill = chance, pauses, kill
        self.syncs += 1
        self.task = Task(self._sync, f"sync of {self.name}")

    def _sync(self, _task: Task) -> object:
        transport = ChaosTransport(
            self,
            self.world.network,
            device_id=self.device_id,
            signer=self.signer,
            token=self.token,
            vault_id=self.vault.vault_id,
        )
        try:
            return self.world.sync(self.ws, transport)
        finally:
            if self.world.healing:
                self.token = transport._token
            transport.close()

    # -- looking -------------------------------------------------------------------------------------------------

    def ask(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return what a query finds in the vault, through the driver."""
        pooled = self.vault.engine.raw_connection()
        try:
            bare: Any = pooled.dbapi_connection
            return list(bare.execute(query, parameters))
        finally:
            pooled.close()

    def note_commits(self) -> int:
        """Take note of what was committed since the last time; returns how many change sets."""
        rows = self.ask(_OWN, self.device_id.replace("-", ""), self.last_seen)
        for set_id, body, _state in rows:
            self.committed[_dashed(set_id)] = bytes(body)
        self.last_seen = self._last_sequence()
        return len(rows)

    def _last_sequence(self) -> int:
        query = "SELECT coalesce(max(sequence), 0) FROM change_set WHERE device_id = ?"
        return int(self.ask(query, self.device_id.replace("-", ""))[0][0])


def plain_sync(ws: Workspace, transport: Any) -> object:
    """Sync once, as the product does."""
    return SyncClient(ws, transport).run()


def _dashed(plain: str) -> str:
    return f"{plain[:8]}-{plain[8:12]}-{plain[12:16]}-{plain[16:20]}-{plain[20:]}"
