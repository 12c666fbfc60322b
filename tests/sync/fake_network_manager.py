"""A small NetworkManager on a real bus, run as a program: ``State Connectivity Metered`` a line on standard input.

No NetworkManager runs where the tests do, so this stands in for the one service; the bus and its messages are real.
"""

import select
import sys

from jeepney import DBusAddress, HeaderFields, MessageType, message_bus, new_error, new_method_return, new_signal
from jeepney.io.blocking import open_dbus_connection

NAMES = ("State", "Connectivity", "Metered")
NAME, PATH = "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager"


def main(address: str) -> None:
    bus = open_dbus_connection(bus=address)
    bus.send_and_get_reply(message_bus.RequestName(NAME))
    told = [70, 4, 4]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        ready, _, _ = select.select([bus.sock, sys.stdin], [], [])
        if sys.stdin in ready:
            line = sys.stdin.readline()
            if not line.strip():
                return
            told = [int(word) for word in line.split()]
            where = DBusAddress(PATH, interface="org.freedesktop.DBus.Properties")
            changed = {
                name: ("u", value) for name, value in zip(("State", "Connectivity", "Metered"), told, strict=True)
            }
            bus.send(new_signal(where, "PropertiesChanged", "sa{sv}as", (NAME, changed, [])))
        if bus.sock in ready:
            call = bus.receive(timeout=1)
            if call.header.message_type is not MessageType.method_call:
                continue
            if call.header.fields[HeaderFields.member] == "GetAll":
                values = {
                    "State": ("u", told[0]),
                    "Connectivity": ("u", told[1]),
                    "Metered": ("u", told[2]),
                    "Version": ("s", "1.44.2"),
                }
                bus.send(new_method_return(call, "a{sv}", (values,)))
            else:
                bus.send(new_error(call, "org.freedesktop.DBus.Error.UnknownMethod"))


if __name__ == "__main__":
    main(sys.argv[1])
