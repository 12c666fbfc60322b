"""A small logind and screen saver on a real bus: run as a program, told what to do by lines on standard input.

No systemd runs where the tests do, so this stands in for the one service; the bus, the messages and the descriptors
that cross it are real. Words: ``lock``, ``lock-other``, ``hint``, ``sleep``, ``wake``, ``saver``, ``stop``. It says
``inhibited WHAT``, ``let go`` and ``sent WORD``.
"""

import os
import select
import sys

from jeepney import DBusAddress, HeaderFields, MessageType, message_bus, new_error, new_method_return, new_signal
from jeepney.io.blocking import DBusConnection, open_dbus_connection

LOGIND = "org.freedesktop.login1"
OURS, OTHERS = "/org/freedesktop/login1/session/_32", "/org/freedesktop/login1/session/_37"


def address(path: str, interface: str) -> DBusAddress:
    return DBusAddress(path, interface=interface)


class Logind:
    """Answers calls and sends signals.

    Attributes:
        held: reading ends of the pipes whose other ends keep the machine awake.
    """

    def __init__(self, bus: DBusConnection, session: DBusConnection, person: str) -> None:
        self.bus, self.session, self.person = bus, session, person
        self.held: list[int] = []
        self.locked = False

    def say(self, words: str) -> None:
        sys.stdout.write(f"{words}\n")
        sys.stdout.flush()

    def answer(self) -> None:
        call = self.bus.receive(timeout=0)
        if call.header.message_type != MessageType.method_call:
            return
        member = call.header.fields[HeaderFields.member]
        path = call.header.fields[HeaderFields.path]
        if member == "Inhibit":
            reading, writing = os.pipe()
            self.bus.send(new_method_return(call, "h", (writing,)))
            os.close(writing)
            self.held.append(reading)
            self.say(f"inhibited {call.body[0]} {call.body[3]}")
        elif member == "Get" and call.body[1] == "Name":
            name = self.person if path == OURS else "somebody-else"
            self.bus.send(new_method_return(call, "v", (("s", name),)))
        elif member == "Get" and call.body[1] == "LockedHint":
            self.bus.send(new_method_return(call, "v", (("b", self.locked),)))
        else:
            self.bus.send(new_error(call, "org.freedesktop.DBus.Error.UnknownMethod"))

    def told(self, word: str) -> None:
        signals = {
            "lock": (OURS, f"{LOGIND}.Session", "Lock", None, ()),
            "lock-other": (OTHERS, f"{LOGIND}.Session", "Lock", None, ()),
            "sleep": ("/org/freedesktop/login1", f"{LOGIND}.Manager", "PrepareForSleep", "b", (True,)),
            "wake": ("/org/freedesktop/login1", f"{LOGIND}.Manager", "PrepareForSleep", "b", (False,)),
        }
        if word == "hint":
            self.locked = True
            properties = address(OURS, "org.freedesktop.DBus.Properties")
            changed = (f"{LOGIND}.Session", {"LockedHint": ("b", True)}, [])
            self.bus.send(new_signal(properties, "PropertiesChanged", "sa{sv}as", changed))
        elif word == "saver":
            saver = address("/org/gnome/ScreenSaver", "org.gnome.ScreenSaver")
            self.session.send(new_signal(saver, "ActiveChanged", "b", (True,)))
        else:
            path, interface, member, signature, body = signals[word]
            self.bus.send(new_signal(address(path, interface), member, signature, body))
        self.say(f"sent {word}")

    def serve(self) -> None:
        self.say("ready")
        while True:
            ready, _, _ = select.select([self.bus.sock, sys.stdin, *self.held], [], [])
            if self.bus.sock in ready:
                self.answer()
            for pipe in [each for each in self.held if each in ready]:
                self.held.remove(pipe)
                os.close(pipe)
                self.say("let go")
            if sys.stdin in ready:
                word = sys.stdin.readline().strip()
                if word in ("", "stop"):
                    return
                self.told(word)


if __name__ == "__main__":
    system = open_dbus_connection(os.environ["DBUS_SYSTEM_BUS_ADDRESS"], enable_fds=True)
    session = open_dbus_connection(os.environ["DBUS_SESSION_BUS_ADDRESS"])
    system.send_and_get_reply(message_bus.RequestName(LOGIND))
    Logind(system, session, sys.argv[1]).serve()
