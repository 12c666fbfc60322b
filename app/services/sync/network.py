"""What network this laptop is on: whether there is one, whether it costs by the byte, whether it wants a sign-in.

On Linux NetworkManager is asked over D-Bus and says so when something changes; where there is none, the kernel's own
messages (netlink) tell that something did. Elsewhere the addresses of this machine are looked at every few seconds.
What is known is a hint: whether the central store can be reached, only reaching for it tells.
"""

import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil  # type: ignore[import-untyped]  # it ships no types

from app.logs import get_logger

LOOK_SECONDS = 5.0
_STEP_SECONDS = 0.5
_SETTLE_SECONDS = 0.5
_ANSWER_SECONDS = 2.0
_ASK_TIMES = 5
"""A laptop that is waking up answers late; one question without an answer does not mean that there is no manager."""
STOP_SECONDS = 2.0
_MANAGER, _PATH = "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_CONNECTED_FROM = 60
"""NMState: 60 connected to a site, 70 to everything; 50 only to this machine's surroundings."""
_PORTAL = 2
"""NMConnectivityState: behind a portal."""
_METERED = frozenset({1, 3})
"""NMMetered: yes, and a guess that it is."""
_GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
"""rtnetlink: links, addresses and routes of both families."""


@dataclass(frozen=True, slots=True)
class NetworkState:
    """What is known of the network.

    Attributes:
        connected: False only where it is known that there is none.
        metered: it costs by the byte, or is a telephone's.
        portal: it wants somebody to sign in on its own page.
    """

    connected: bool = True
    metered: bool = False
    portal: bool = False


UNKNOWN = NetworkState()
Heard = Callable[[NetworkState], object]


class NetworkWatch:
    """Watches the network from a thread of its own."""

    def __init__(self, heard: Heard, *, bus: str = "SYSTEM") -> None:
        """Prepare; nothing is asked yet.

        Args:
            heard: called from the thread with every new state, and with the same one when something changed that may
                matter all the same (another network, a new route).
            bus: where NetworkManager is asked for.
        """
        self._heard, self._bus = heard, bus
        self._state = UNKNOWN
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="network", daemon=True)

    def state(self) -> NetworkState:
        """Return what is known now."""
        return self._state

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop; nothing is said afterwards."""
        self._stopping.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        for way in (self._by_manager, self._by_netlink, self._by_looking):
            if self._stopping.is_set():
                return
            try:
                way()
            except Exception as error:  # noqa: BLE001  (a hint is missing then; the sync goes on by the clock)
                get_logger().warning("network not watched", kind=type(error).__name__)

    def _say(self, state: NetworkState, *, always: bool = True) -> None:
        if self._stopping.is_set() or (state == self._state and not always):
            return
        self._state = state
        self._heard(state)

    # -- NetworkManager --------------------------------------------------------------------------------------------

    def _by_manager(self) -> None:
        """Follow NetworkManager until it goes away; return at once where there is none."""
        if sys.platform != "linux":
            return
        from jeepney import DBusAddress, MatchRule, Properties, message_bus
        from jeepney.io.blocking import open_dbus_connection

        try:
            connection = open_dbus_connection(bus=self._bus)
        except (OSError, KeyError, ValueError):
            return
        manager = Properties(DBusAddress(_PATH, bus_name=_MANAGER, interface=_MANAGER))
        rule = MatchRule(type="signal", interface=_PROPERTIES, member="PropertiesChanged", path=_PATH)
        with connection, connection.filter(rule, bufsize=64) as signals:
            connection.send_and_get_reply(message_bus.AddMatch(rule), timeout=_ANSWER_SECONDS)
            while not self._stopping.is_set():
                state = _asked(connection, manager, self._stopping)
                if state is None:
                    return
                self._say(state, always=False)
                while not self._stopping.is_set() and not _signalled(connection, signals):
                    continue

    # -- netlink ---------------------------------------------------------------------------------------------------

    def _by_netlink(self) -> None:
        if sys.platform != "linux":
            return
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as messages:
            messages.bind((0, _GROUPS))
            self._say(NetworkState(connected=_has_address()), always=False)
            while not self._stopping.is_set():
                messages.settimeout(_STEP_SECONDS)
                with suppress(TimeoutError):
                    messages.recv(65536)
                    self._let_settle(messages)
                    self._say(NetworkState(connected=_has_address()))

    def _let_settle(self, messages: socket.socket) -> None:
        """Read on until nothing more comes: one change of network is many messages."""
        messages.settimeout(_SETTLE_SECONDS)
        for _ in range(100):
            try:
                messages.recv(65536)
            except (TimeoutError, OSError):
                return
            if self._stopping.is_set():
                return

    # -- looking ---------------------------------------------------------------------------------------------------

    def _by_looking(self) -> None:
        seen = _addresses()
        self._say(NetworkState(bool(seen), _costs()), always=False)
        while not self._stopping.wait(LOOK_SECONDS):
            now = _addresses()
            if now != seen:
                seen = now
                self._say(NetworkState(bool(now), _costs()))


def _asked(connection: Any, manager: Any, stopping: threading.Event) -> NetworkState | None:
    """Ask NetworkManager; None when there is none, or it does not answer."""
    for _ in range(_ASK_TIMES):
        if stopping.is_set():
            return None
        with suppress(TimeoutError):
            return _answered(connection, manager)
    return None


def _answered(connection: Any, manager: Any) -> NetworkState | None:
    answer = connection.send_and_get_reply(manager.get_all(), timeout=_ANSWER_SECONDS)
    try:
        told = {name: value for name, (_kind, value) in answer.body[0].items()}
        state, reach, metered = int(told["State"]), int(told["Connectivity"]), int(told["Metered"])
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return None
    # 0 says that it does not know.
    return NetworkState(state == 0 or state >= _CONNECTED_FROM, metered in _METERED, reach == _PORTAL)


def _signalled(connection: Any, signals: Any) -> bool:
    """Wait a little for a signal; one that came while something was asked counts too."""
    try:
        connection.recv_until_filtered(signals, timeout=_STEP_SECONDS)
    except TimeoutError:
        return False
    return True


def _addresses() -> frozenset[tuple[str, str]]:
    """Return the addresses of this machine that lead anywhere, with the name of what they are on."""
    up = {name for name, told in psutil.net_if_stats().items() if told.isup}
    found = set()
    for name, addresses in psutil.net_if_addrs().items():
        for each in addresses:
            leads = each.family in (socket.AF_INET, socket.AF_INET6) and not each.address.startswith(
                ("127.", "::1", "fe80:", "169.254.")
            )
            if leads and name in up:
                found.add((name, each.address))
    return frozenset(found)


def _has_address() -> bool:
    return bool(_addresses())


def _costs() -> bool:
    if sys.platform == "win32":
        from app.services.sync.network_windows import costs_by_the_byte

        return costs_by_the_byte()
    return False
