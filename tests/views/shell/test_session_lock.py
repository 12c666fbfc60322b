"""Rollcall locks with the session and before sleep: a real program, a private real bus, and a stand-in for logind."""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.services.vault import Vault
from app.views import session_lock
from app.views.session_lock import SessionWatch
from tests.conftest import PASSPHRASE
from tests.views.shell.people import populate

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("dbus-daemon") is None, reason="needs Linux and dbus-daemon"
)

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>{kind}</type>
  <listen>unix:dir={folder}</listen>
  <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
</busconfig>
"""


class Program:
    """A program that speaks in lines."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.heard: list[str] = []

    def wait_for(self, words: str) -> list[str]:
        """Return what was said before the words, which must come."""
        before: list[str] = []
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            said = line.strip()
            if said == words:
                return before
            before.append(said)
        raise AssertionError(f"ended before “{words}”, after {before}")

    def tell(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()


@contextmanager
def running(*command: str, environment: dict[str, str]) -> Iterator[Program]:
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Program(process)
        finally:
            process.kill()


@contextmanager
def bus(folder: Path, kind: str) -> Iterator[str]:
    configuration = folder / f"{kind}.conf"
    configuration.write_text(BUS.format(kind=kind, folder=folder))
    command = ["dbus-daemon", f"--config-file={configuration}", "--nofork", "--print-address=1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as daemon:
        assert daemon.stdout is not None
        try:
            yield daemon.stdout.readline().strip()
        finally:
            daemon.terminate()


@pytest.fixture
def buses(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment with a system bus and a session bus of its own."""
    with bus(tmp_path, "system") as system, bus(tmp_path, "session") as session:
        yield dict(
            os.environ,
            DBUS_SYSTEM_BUS_ADDRESS=system,
            DBUS_SESSION_BUS_ADDRESS=session,
            QT_QPA_PLATFORM="offscreen",
            PYTHONPATH=str(ROOT),
            ROLLCALL_LOGS=str(tmp_path / "logs"),
            ROLLCALL_SETTINGS=str(tmp_path / "settings.json"),
        )


def test_the_window_locks_with_the_session_and_before_sleep(vault: Vault, buses: dict[str, str]) -> None:
    populate(vault.workspace())
    vault.close()
    person = pwd.getpwuid(os.getuid()).pw_name
    fake, ours = "tests.views.shell.fake_logind", "tests.views.shell.locked_by_machine"
    with (
        running(sys.executable, "-m", fake, person, environment=buses) as logind,
        running(sys.executable, "-m", ours, str(vault.folder), PASSPHRASE, environment=buses) as rollcall,
    ):
        logind.wait_for("ready")
        rollcall.wait_for("unlocked")
        logind.wait_for("inhibited sleep:shutdown delay")
        for count, word in enumerate(("lock", "hint", "saver"), 1):
            logind.tell(word)
            assert logind.wait_for(f"sent {word}") == []  # the delay is kept: only sleep lets go
            assert rollcall.wait_for(f"locked {count}") == []
            assert rollcall.wait_for("unlocked") == ["dropped"]
        # Another person's session on the same laptop is not ours to lock with: the fourth lock is that of the sleep.
        logind.tell("lock-other")
        logind.wait_for("sent lock-other")
        logind.tell("sleep")
        logind.wait_for("sent sleep")
        assert rollcall.wait_for("dropped") == ["locked 4"]
        logind.wait_for("let go")  # only now would the machine sleep
        assert rollcall.wait_for("unlocked") == []
        logind.tell("wake")
        assert logind.wait_for("inhibited sleep:shutdown delay") == ["sent wake"]


def test_a_machine_without_buses_is_done_without(qapp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(session_lock, "has_system_bus", lambda: False)
    watch = SessionWatch()
    watch.start()
    assert watch.sources() == []
    watch.locked()
    watch.stop()
    (tmp_path / "bus").touch()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert session_lock.has_session_bus()
