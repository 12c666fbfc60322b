"""A small NetworkManager on a real bus, run as a program: ``State Connectivity Metered`` a line on standard input.

No NetworkManager runs where the tests do, so this stands in for the one service; the bus and its messages are real.
"""

import select
import sys
from contextlib import suppress

from jeepney import DBusAddress, HeaderFields, MessageType, message_bus, new_error, new_method_return, new_signal
from jeepney.io.blocking import DBusConnection, open_dbus_connection

NAMES = ("State", "Connectivity", "Metered")
NAME, PATH = "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager"


def answer_all(bus: DBusConnection, told: list[int]) -> None:
    """Answer every call that came: one read of the socket may hold several, and the rest would wait unseen."""
    with suppress(TimeoutError):
        while True:
            call = bus.receive(timeout=0)
            if call.header.message_type is not MessageType.method_call:
                continue
            if call.header.fields[HeaderFields.member] == "GetAll":
                values = {name: ("u", value) for name, value in zip(NAMES, told, strict=True)}
                bus.send(new_method_return(call, "a{sv}", ({**values, "Version": ("s", "1.44.2")},)))
            else:
                bus.send(new_error(call, "org.freedesktop.DBus.Error.UnknownMethod"))


def main(address: str) -> None:
    bus = open_dbus_connection(bus=address)
    bus.send_and_get_reply(message_bus.RequestName(NAME))
    told = [70, 4, 4]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    lines = open(0, "rb", buffering=0)  # noqa: SIM115  (unbuffered: a second line read ahead would wait unseen)
    while True:
        ready, _, _ = select.select([bus.sock, lines], [], [])
        if lines in ready:
            line = lines.readline()
            if not line.strip():
                return
            told = [int(word) for word in line.split()]
            where = DBusAddress(PATH, interface="org.freedesktop.DBus.Properties")
            changed = {name: ("u", value) for name, value in zip(NAMES, told, strict=True)}
            bus.send(new_signal(where, "PropertiesChanged", "sa{sv}as", (NAME, changed, [])))
        if bus.sock in ready:
            answer_all(bus, told)


if __name__ == "__main__":
    main(sys.argv[1])
