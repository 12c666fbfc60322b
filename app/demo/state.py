"""Where the demonstration keeps its state between starts, and how it is started, finished and begun again."""

import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from app.central import embedded
from app.central.embedded import RunningCentral
from app.demo import laptops
from app.demo.laptops import Say
from app.errors import EnvironmentFault
from app.services.sync import facts
from app.services.vault import open_vault
from app.timesource import SystemTime

FORMAT = 1
_READY = "ready.json"


@dataclass(slots=True)
class Demonstration:
    """A demonstration that is ready: its central store is running.

    Attributes:
        was_there: it was set up by an earlier start.
    """

    folder: Path
    central: RunningCentral
    built_on: date
    was_there: bool

    @property
    def dawn(self) -> Path:
        """The caseworker's vault."""
        return self.folder / "dawn"

    @property
    def ruth(self) -> Path:
        """The supervisor's vault."""
        return self.folder / "ruth"


def default_folder() -> Path:
    """Return the folder of the state: ``ROLLCALL_DEMO`` when set, else this account's data folder."""
    configured = os.environ.get("ROLLCALL_DEMO")
    if configured:
        return Path(configured)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # PostgreSQL refuses to run as root and works as another user, who must not be let into root's home.
        return Path("/var/lib/rollcall/demonstration")
    import platformdirs

    return Path(platformdirs.user_data_dir("Rollcall", appauthor=False)) / "demonstration"


@contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Hold a demonstration for this process; yield False when another has it."""
    from PySide6.QtCore import QLockFile

    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = QLockFile(str(folder.with_name(f"{folder.name}.lock")))
    lock.setStaleLockTime(0)
    free = lock.tryLock(0)
    try:
        yield free
    finally:
        if free:
            lock.unlock()


def prepare(folder: Path, say: Say, *, fresh: bool = False) -> Demonstration:
    """Return the demonstration in a folder, set up first when it is not there, half there, or to be fresh.

    Raises:
        EnvironmentFault: the disk or the database is in the way, in words.
    """
    ready = None if fresh else _read_ready(folder)
    if ready is None:
        return _build(folder, say)
    say("Starting the central store")
    port = int(ready["port"])
    moved = not _is_free(port)
    central = embedded.start(folder / "central", port=0 if moved else port)
    demonstration = Demonstration(folder, central, date.fromisoformat(ready["built_on"]), was_there=True)
    if moved:
        _tell_laptops(demonstration)
        _write_ready(demonstration)
    return demonstration


def _build(folder: Path, say: Say) -> Demonstration:
    if folder.exists():
        if any(folder.iterdir()) and not _is_ours(folder):
            raise EnvironmentFault(f"{folder} holds something else. Choose an empty folder. Nothing was changed.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, mode=0o700)
    (folder / "demonstration").write_text("Rollcall's demonstration. It may be deleted at any time.\n")
    say("Starting the central store")
    central = embedded.start(folder / "central")
    try:
        laptops.make_both(central, folder, say)
    except BaseException:
        central.stop()
        raise
    demonstration = Demonstration(folder, central, SystemTime().today(), was_there=False)
    _write_ready(demonstration)
    return demonstration


def _is_ours(folder: Path) -> bool:
    return (folder / "demonstration").exists()


def _read_ready(folder: Path) -> dict[str, str] | None:
    """Return what the last whole set-up left, or None when there is none."""
    try:
        ready = json.loads((folder / _READY).read_text(encoding="utf-8"))
        whole = ready["format"] == FORMAT and all((folder / key / "vault.json").exists() for key in laptops.LAPTOPS)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return ready if whole else None


def _write_ready(demonstration: Demonstration) -> None:
    ready = {
        "format": FORMAT,
        "port": demonstration.central.port,
        "built_on": demonstration.built_on.isoformat(),
    }
    scratch = demonstration.folder / f"{_READY}.new"
    scratch.write_text(json.dumps(ready), encoding="utf-8")
    scratch.replace(demonstration.folder / _READY)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _tell_laptops(demonstration: Demonstration) -> None:
    """Tell both laptops the central store's new port: something else holds the old one."""
    for folder in (demonstration.dawn, demonstration.ruth):
        vault = open_vault(folder, laptops.PASSPHRASE, time=SystemTime())
        try:
            with vault.system_workspace().local_session() as session:
                facts.put(session, facts.SERVER, demonstration.central.url)
        finally:
            vault.close()
