"""What network there is: NetworkManager on a real bus, the kernel's messages, and what background sync does then."""

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.services.sync import facts, network
from app.services.sync.background import BackgroundSync
from app.services.sync.document_wishes import Wishes
from app.services.sync.faults import Trouble
from app.services.sync.network import UNKNOWN, NetworkState, NetworkWatch
from app.services.sync.run_history import last_runs
from app.services.sync.status import SyncState, SyncStatus
from app.services.workspace import Workspace
from tests.sync.local_network import saying
from tests.sync.test_documents_moving import add_document, whole_in_central
from tests.sync.test_network_trouble import PAGE, raw

ROOT = Path(__file__).parents[2]
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:dir={folder}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy></busconfig>"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


def until(holds: Callable[[], bool], seconds: float = 15) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[str]:
    if shutil.which("dbus-daemon") is None:
        pytest.skip("needs dbus-daemon")
    configuration = tmp_path / "bus.conf"
    configuration.write_text(BUS.format(folder=tmp_path))
    daemon = subprocess.Popen(
        ["dbus-daemon", f"--config-file={configuration}", "--nofork", "--print-address=1"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield daemon.stdout.readline().strip()
    finally:
        daemon.terminate()
        daemon.wait(5)
        daemon.stdout.close()


@pytest.fixture
def manager(bus: str) -> Iterator[Callable[[str], None]]:
    """Say what NetworkManager says: ``tell("70 4 1")`` for state, connectivity and metered."""
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.sync.fake_network_manager", bus],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert program.stdout.readline() == "ready\n"

    def tell(words: str) -> None:
        program.stdin.write(f"{words}\n")
        program.stdin.flush()

    try:
        yield tell
    finally:
        program.stdin.close()
        program.wait(5)
        program.stdout.close()


@linux
def test_what_networkmanager_says_is_heard_as_it_happens(bus: str, manager: Callable[[str], None]) -> None:
    heard: list[NetworkState] = []
    watch = NetworkWatch(heard.append, bus=bus)
    watch.start()
    for words, expected in (
        ("20 1 0", NetworkState(connected=False)),
        ("70 2 2", NetworkState(portal=True)),
        ("70 4 1", NetworkState(metered=True)),
        ("60 3 3", NetworkState(metered=True)),
        ("0 0 0", UNKNOWN),
        ("50 3 4", NetworkState(connected=False)),
        ("70 4 4", UNKNOWN),
    ):
        manager(words)
        until(lambda expected=expected: watch.state() == expected)
    watch.stop()
    assert not watch._thread.is_alive()
    count = len(heard)
    manager("20 1 0")
    time.sleep(0.2)
    assert len(heard) == count


NETLINK = """
import fcntl, socket, struct, sys, time
from app.services.sync.network import NetworkWatch
heard = []
watch = NetworkWatch(heard.append, bus="unix:path=/nowhere")
watch.start()
time.sleep(0.5)
with socket.socket() as plain:
    name = b"lo".ljust(16, b"\\0")
    flags, = struct.unpack_from("H", fcntl.ioctl(plain, 0x8913, name + bytes(24)), 16)
    fcntl.ioctl(plain, 0x8914, name + struct.pack("H", flags | 1) + bytes(22))
ends = time.monotonic() + 10
while len(heard) < 2 and time.monotonic() < ends:
    time.sleep(0.02)
watch.stop()
print(len(heard), heard[-1].connected)
"""


@linux
def test_without_networkmanager_the_kernel_tells_that_something_changed() -> None:
    """In a network of its own, where nothing else changes, an interface comes up."""
    unshare = shutil.which("unshare")
    alone = [unshare or "unshare", "--user", "--map-root-user", "--net"]
    if unshare is None or subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs a network of its own")
    done = subprocess.run(
        [*alone, sys.executable, "-c", NETLINK],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.split() == ["2", "False"], done.stderr


def test_elsewhere_another_address_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = frozenset({("eth0", "10.0.0.4")})
    monkeypatch.setattr(network, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(network, "_addresses", lambda: addresses)
    heard: list[NetworkState] = []
    watch = NetworkWatch(heard.append)
    monkeypatch.setattr(watch, "_by_manager", lambda: None)
    monkeypatch.setattr(watch, "_by_netlink", lambda: None)
    watch.start()
    addresses = frozenset()
    until(lambda: watch.state() == NetworkState(connected=False))
    addresses = frozenset({("wlan0", "192.168.1.9")})
    until(lambda: watch.state().connected)
    watch.stop()


# -- what background sync does about it ------------------------------------------------------------------------------


class Watched:
    def __init__(self, ws: Workspace) -> None:
        self.sync = BackgroundSync(
            ws,
            every_seconds=lambda: 600.0,
            soon_seconds=0.05,
            chance=random.Random(1),
            return_seconds=(0.0, 0.05),
        )
        self.said: list[SyncStatus] = []
        self.sync.on_status(self.said.append)
        self.sync.start()

    def wait_for(self, state: SyncState, *, after: int = 0) -> SyncStatus:
        until(lambda: any(status.state is state for status in self.said[after:]))
        return next(status for status in self.said[after:] if status.state is state)


@pytest.fixture
def watch(enrol_laptop: Callable[..., Any]) -> Iterator[Callable[..., Watched]]:
    made: list[Watched] = []

    def make(ws: Workspace) -> Watched:
        made.append(Watched(ws))
        return made[-1]

    yield make
    for each in made:
        each.sync.stop()


def lead_to(ws: Workspace, server: str) -> None:
    with ws.local_session() as session:
        facts.put(session, facts.SERVER, server)


def test_the_network_coming_back_wakes_the_sync_that_waits(
    enrol_laptop: Callable[..., Any], central: Any, watch: Callable[..., Watched]
) -> None:
    dawn = enrol_laptop("dawn").workspace()
    lead_to(dawn, "http://127.0.0.1:9")
    watched = watch(dawn)
    assert watched.wait_for(SyncState.OFFLINE).trouble == Trouble.NO_ANSWER
    watched.sync.heed(NetworkState(connected=False))
    lead_to(dawn, central.url)
    before = len(watched.said)
    watched.sync.heed(NetworkState())
    watched.wait_for(SyncState.UP_TO_DATE, after=before)
    (done, failed) = last_runs(dawn)
    assert (done.outcome, failed.outcome, failed.trouble) == ("done", "offline", "no-answer")


def test_a_network_that_went_is_said_at_once_but_not_where_the_store_is_on_this_machine(
    enrol_laptop: Callable[..., Any], watch: Callable[..., Watched]
) -> None:
    dawn = enrol_laptop("dawn").workspace()
    watched = watch(dawn)
    watched.wait_for(SyncState.UP_TO_DATE)
    watched.sync.heed(NetworkState(connected=False))
    assert watched.sync.status().state is SyncState.UP_TO_DATE
    watched.sync.heed(NetworkState())
    lead_to(dawn, "https://central.marlshire.example")
    watched.sync.heed(NetworkState(connected=False))
    assert watched.sync.status().state is SyncState.OFFLINE
    assert watched.sync.status().sentence() == "You are offline. Everything you have recorded is in the central store."


def test_a_sign_in_page_shows_as_offline_with_what_to_do(
    enrol_laptop: Callable[..., Any], watch: Callable[..., Watched]
) -> None:
    dawn = enrol_laptop("dawn").workspace()
    with saying(raw("200 OK", "text/html", PAGE)) as port:
        lead_to(dawn, f"http://127.0.0.1:{port}")
        status = watch(dawn).wait_for(SyncState.OFFLINE)
    assert status.trouble == Trouble.PORTAL
    assert status.message.startswith("This network asks you to sign in on its own page first.")


def test_on_a_metered_network_documents_wait_and_that_is_said_until_another_network(
    enrol_laptop: Callable[..., Any], central: Any, watch: Callable[..., Watched]
) -> None:
    dawn = enrol_laptop("dawn").workspace()
    watched = watch(dawn)
    watched.wait_for(SyncState.UP_TO_DATE)
    watched.sync.heed(NetworkState(metered=True))
    before = len(watched.said)
    sha256 = add_document(dawn, b"%PDF a letter")
    status = watched.wait_for(SyncState.UP_TO_DATE, after=before)
    assert status.metered
    assert status.note == "This network is metered. Records sync, and 1 document waits for another network."
    assert not whole_in_central(central, sha256)
    before = len(watched.said)
    watched.sync.heed(NetworkState())
    assert watched.wait_for(SyncState.UP_TO_DATE, after=before).note == ""
    assert whole_in_central(central, sha256)


def test_which_documents_may_move_is_what_the_person_chose(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from app import settings
    from app.services.sync import background

    monkeypatch.setattr(settings, "settings_file", lambda: tmp_path / "settings.json")
    assert background._chosen_wishes(True) == Wishes(90, wait=True)
    assert background._chosen_wishes(False) == Wishes(90)
    chosen = settings.Settings()
    chosen.set("documents_metered", True)
    chosen.set("documents_days", 365)
    assert background._chosen_wishes(True) == Wishes(365)


def test_somebody_whose_role_only_reads_sees_that(central: Any, enrol_laptop: Callable[..., Any]) -> None:
    from app.models.terms import Role
    from app.services.sync.background import may_change

    assert may_change(Role.CASEWORKER)
    assert not may_change(Role.AUDITOR)
