"""A real Secret Service: GNOME Keyring on a D-Bus session of its own, in a home of its own."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = ("dbus-daemon", "gnome-keyring-daemon")
ROOT = Path(__file__).resolve().parents[2]
WORKER = Path(__file__).with_name("worker.py")
SECRET_SERVICE = "org.freedesktop.secrets"
PROMPTER = "org.gnome.keyring.SystemPrompter"
KEYRING_PASSWORD = "a log-in password"


@dataclass
class Desktop:
    """A person's desktop session, as far as keyrings are concerned.

    Attributes:
        home: the person's home.
        environment: what programs of the session are given.
    """

    home: Path
    environment: dict[str, str]
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _worker: subprocess.Popen[bytes] | None = None

    def start_bus(self) -> None:
        """Start a D-Bus session bus that starts no service by itself."""
        config = self.home / "bus.conf"
        config.write_text(
            '<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"\n'
            ' "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">\n'
            f"<busconfig><type>session</type><listen>unix:dir={self.home}</listen>"
            '<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>'
            '<allow own="*"/></policy></busconfig>\n'
        )
        bus = subprocess.Popen(
            ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self.environment,
        )
        self._running.append(bus)
        assert bus.stdout is not None
        address = bus.stdout.readline().decode().strip()
        bus.stdout.close()
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = address

    def log_in(self, password: str = KEYRING_PASSWORD, *, unlock: bool = True) -> subprocess.Popen[bytes]:
        """Start GNOME Keyring, as logging in does; with a password it unlocks (or makes) the log-in keyring."""
        command = ["gnome-keyring-daemon", "--foreground", "--components=secrets"]
        daemon = subprocess.Popen(
            [*command, "--unlock"] if unlock else command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.environment,
        )
        self._running.append(daemon)
        assert daemon.stdin is not None
        if unlock:
            daemon.stdin.write(password.encode())
        daemon.stdin.close()
        self.run("wait_for", SECRET_SERVICE)
        return daemon

    def log_out(self, daemon: subprocess.Popen[bytes]) -> None:
        """End GNOME Keyring; what is not on the disk is gone."""
        daemon.terminate()
        daemon.wait(timeout=10)

    def start_mute(self, name: str) -> None:
        """Start a service of this name that answers nothing."""
        mute = subprocess.Popen([sys.executable, str(WORKER), "answer_nothing", name], env=self.environment, cwd=ROOT)
        self._running.append(mute)
        self.run("wait_for", name)

    def keyring_file(self, name: str = "login") -> Path:
        """Return where GNOME Keyring keeps a collection."""
        return self.home / ".local" / "share" / "keyrings" / f"{name}.keyring"

    def run(self, scenario: str, *arguments: str) -> dict[str, Any]:
        """Run a scenario of ``worker.py`` in this session and return what it found; one process does them all."""
        if self._worker is None:
            self._worker = subprocess.Popen(
                [sys.executable, str(WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=self.environment,
                cwd=ROOT,
            )
            self._running.append(self._worker)
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        self._worker.stdin.write(json.dumps([scenario, *arguments]).encode() + b"\n")
        self._worker.stdin.flush()
        line = self._worker.stdout.readline()
        assert line, "the worker ended; what it said is on standard error"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def run_alone(self, scenario: str, *arguments: str, **environment: str) -> dict[str, Any]:
        """Run a scenario in a process of its own, with more in its environment."""
        done = subprocess.run(
            [sys.executable, str(WORKER), scenario, *arguments],
            env={**self.environment, **environment},
            cwd=ROOT,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        assert b"Traceback" not in done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def end(self) -> None:
        """End everything that was started here."""
        for each in reversed(self._running):
            if each.poll() is None:
                each.kill()
            each.wait(timeout=10)
            for stream in (each.stdin, each.stdout):
                if stream is not None and not stream.closed:
                    stream.close()


@pytest.fixture
def desktop() -> Iterator[Desktop]:
    """A desktop session with a bus and no keyring yet."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        if Path("/etc/debian_version").exists() and os.geteuid() == 0:
            pytest.fail(f"Not installed: {', '.join(missing)}. dev.py installs them on Debian.")
        pytest.skip(f"not installed: {', '.join(missing)}")
    home = Path(tempfile.mkdtemp(prefix="rollcall-home-"))
    runtime = home / "run"
    runtime.mkdir(mode=0o700)
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "PYTHONPATH")}
    environment = {
        **kept,
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(runtime),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
    }
    session = Desktop(home, environment)
    session.start_bus()
    try:
        yield session
    finally:
        session.end()
        shutil.rmtree(home, ignore_errors=True)
