"""A backup made while others write is one committed state, whole, whatever the write-ahead log is doing."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.services.backup import make, pin, rotate
from app.services.backup.listing import Backup
from app.services.backup.manifest import Reason
from app.services.vault.database import connect, open_copy, open_engine
from app.services.vault.keys import DataKeys
from app.timesource import FrozenTime

ROUNDS = int(os.environ.get("ROLLCALL_BACKUP_ROUNDS", "60"))
TABLES = (
    "CREATE TABLE step (n INTEGER PRIMARY KEY, pages BLOB); CREATE TABLE total (n INTEGER, bytes INTEGER);"
    "CREATE TABLE sync_state (name TEXT PRIMARY KEY, value TEXT)"
)


class Hammer:
    """Writes to both databases and checkpoints them, as fast as it can, until told to stop."""

    def __init__(self, folder: Path, keys: DataKeys) -> None:
        self.folder, self.keys = folder, keys
        self.stopping = threading.Event()
        self.failures: list[BaseException] = []
        self.committed = {"cases.db": 0, "documents.db": 0}
        self._threads = [
            threading.Thread(target=self._guard, args=(self._write, "cases.db", keys.cases)),
            threading.Thread(target=self._guard, args=(self._write, "documents.db", keys.documents)),
            threading.Thread(target=self._guard, args=(self._checkpoint, "cases.db", keys.cases)),
        ]

    def __enter__(self) -> "Hammer":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self._threads:
            thread.join()
        assert not self.failures, self.failures

    def _guard(self, work: object, name: str, key: bytes) -> None:
        try:
            work(name, key)  # type: ignore[operator]  # one of the two below
        except BaseException as error:  # noqa: BLE001  (shown at the end)
            self.failures.append(error)

    def _write(self, name: str, key: bytes) -> None:
        """Each commit adds a row, changes another and keeps a total, over several pages."""
        with closing(connect(self.folder / name, key)) as connection:
            connection.execute("PRAGMA synchronous = OFF")  # only speed: more commits to a copy
            connection.execute("PRAGMA wal_autocheckpoint = 20")
            for n in itertools.count(1):
                if self.stopping.is_set():
                    return
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("INSERT INTO step VALUES (?, ?)", (n, os.urandom(n % 7 * 1500)))
                connection.execute("UPDATE step SET pages = ? WHERE n = ?", (os.urandom(n % 5 * 2500), n // 2))
                connection.execute("DELETE FROM step WHERE n = ?", (n - 40,))
                connection.execute("DELETE FROM total")
                connection.execute(
                    "INSERT INTO total SELECT ?, (SELECT coalesce(sum(length(pages)), 0) FROM step)", (n,)
                )
                connection.execute("COMMIT")
                self.committed[name] = n
                self.stopping.wait(0.001)  # somebody else may write too

    def _checkpoint(self, name: str, key: bytes) -> None:
        with closing(connect(self.folder / name, key)) as connection:
            connection.execute("PRAGMA busy_timeout = 1")
            for kind in itertools.cycle(("PASSIVE", "TRUNCATE", "RESTART", "FULL")):
                if self.stopping.wait(0.001):
                    return
                connection.execute(f"PRAGMA wal_checkpoint({kind})").fetchone()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "vault"
    (made / "backups").mkdir(parents=True)
    (made / "vault.json").write_text(json.dumps({"header": {"vault": "a-vault"}}))
    return made


@pytest.fixture
def keys() -> DataKeys:
    return DataKeys.fresh()


@pytest.fixture
def engine(folder: Path, keys: DataKeys) -> Iterator[object]:
    for name, key in (("cases.db", keys.cases), ("documents.db", keys.documents)):
        with closing(connect(folder / name, key)) as connection:
            for statement in TABLES.split(";"):
                connection.execute(statement)
    made = open_engine(folder / "cases.db", keys.cases)
    yield made
    made.dispose()


def check(info: Backup, keys: DataKeys) -> dict[str, int]:
    """Open a backup's databases, check every page and the total that each commit kept; return which commit it is."""
    state = {}
    for name, key in (("cases.db", keys.cases), ("documents.db", keys.documents)):
        with closing(open_copy(info.folder / name, key)) as connection:
            assert connection.execute("PRAGMA cipher_integrity_check").fetchall() == []
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            found = connection.execute("SELECT n, bytes FROM total").fetchone() or (0, 0)
            newest, size = connection.execute("SELECT max(n), coalesce(sum(length(pages)), 0) FROM step").fetchone()
            assert found == (newest or 0, size)
            state[name] = found[0]
    return state


@pytest.mark.parametrize("old_reader", [False, True], ids=["nobody reads long", "somebody reads an old state"])
def test_every_backup_made_while_others_write_is_a_committed_state(
    old_reader: bool, folder: Path, keys: DataKeys, engine: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = FrozenTime(datetime(2026, 11, 24, 8, 0, tzinfo=UTC))
    used: set[bool] = set()
    kept_frames = pin._begin_reading

    def note(*connections: object) -> object:
        frames = kept_frames(*connections)
        used.add(any((frames or {}).values()))
        return frames

    monkeypatch.setattr(pin, "_begin_reading", note)
    if old_reader:
        monkeypatch.setattr(pin, "_PAUSE_S", 0.0)
    with Hammer(folder, keys) as hammer, closing(connect(folder / "cases.db", keys.cases)) as reader:
        before = {"cases.db": 0, "documents.db": 0}
        # With an old reader each backup first asks a second long for a better moment.
        for number in range(ROUNDS // 4 if old_reader else ROUNDS):
            if old_reader:
                if number % 3 == 0:
                    reader.execute("ROLLBACK") if reader.in_transaction else None
                    reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM step").fetchone()
            done = dict(hammer.committed)
            time.advance(seconds=1)
            info = make.back_up(
                folder,
                keys,
                engine,
                time=time,
                reason=Reason.DAILY,
                kept=rotate.Kept(1, 0),  # type: ignore[arg-type]  # an engine
            )
            state = check(info, keys)
            for name, commit in state.items():
                # Nothing that was committed before the backup began is missing, and time does not run back.
                assert commit >= max(done[name], before[name])
            before = state
            assert {path.name for path in info.folder.iterdir()} == {
                "cases.db", "documents.db", "manifest.json", "vault.json",
            }  # fmt: skip
    assert hammer.committed["cases.db"] > ROUNDS // 4  # somebody really wrote
    assert (True in used) if old_reader else (False in used)


def test_copying_a_database_keeps_the_locks_of_this_process(folder: Path, keys: DataKeys, engine: object) -> None:
    """Closing a descriptor would drop them, and another Rollcall would take the vault for one that nobody has open."""
    time = FrozenTime(datetime(2026, 11, 24, 8, 0, tzinfo=UTC))
    with closing(connect(folder / "cases.db", keys.cases)) as connection:
        connection.execute("INSERT INTO step VALUES (1, x'00')")
        make.back_up(folder, keys, engine, time=time, reason=Reason.DAILY)  # type: ignore[arg-type]  # an engine
        another = (
            "import sys, pathlib; from app.errors import EnvironmentFault\n"
            "from app.services.backup.restore import refuse_if_open\n"
            "try: refuse_if_open(pathlib.Path(sys.argv[1]))\n"
            "except EnvironmentFault: print('open')"
        )
        command = [sys.executable, "-c", another, str(folder)]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "open\n"
    engine.dispose()  # type: ignore[attr-defined]  # an engine
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""


def test_the_manifest_says_what_the_copy_holds_not_what_came_after(
    folder: Path, keys: DataKeys, engine: object
) -> None:
    with closing(connect(folder / "cases.db", keys.cases)) as connection:
        connection.execute("CREATE TABLE child (id)")
        connection.execute("INSERT INTO child VALUES (1)")
        with pin.pinned(engine, folder, keys) as state:  # type: ignore[arg-type]  # an engine
            connection.execute("INSERT INTO child VALUES (2)")
            assert state.facts().counts["children"] == 1
            assert not any(state.frames.values())
            shutil.copy(folder / "cases.db", folder / "copy.db")  # nobody else uses this vault
    with closing(open_copy(folder / "copy.db", keys.cases)) as copy:
        assert copy.execute("SELECT count(*) FROM child").fetchone() == (1,)
